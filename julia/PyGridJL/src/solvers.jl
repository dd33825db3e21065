# The solvers that come with the package, silent and set up the same way everywhere.

# HiGHS, silent and on one thread, so that the same input gives the same answer.
highs(options::Pair...) = JuMP.optimizer_with_attributes(
    HiGHS.Optimizer,
    MOI.Silent() => true,
    "threads" => 1,
    options...,
)

ipopt(options::Pair...) = JuMP.optimizer_with_attributes(
    Ipopt.Optimizer,
    MOI.Silent() => true,
    "sb" => "yes",
    options...,
)

clarabel(options::Pair...) =
    JuMP.optimizer_with_attributes(Clarabel.Optimizer, MOI.Silent() => true, options...)

function solver_named(name::AbstractString)
    name == "HiGHS" && return highs()
    name == "Ipopt" && return ipopt()
    name == "Clarabel" && return clarabel()
    throw(ArgumentError("solver: $name is none of HiGHS, Ipopt, Clarabel"))
end

"""
    quietly(f)

Run `f` with its log and standard output discarded: Pajarito prints even when told to be silent.
"""
quietly(f) = Logging.with_logger(() -> redirect_stdout(f, devnull), Logging.NullLogger())
