# Solvers by the name of their package: any package of the active project that has an `Optimizer`.

"""
    Solver(package; options=[], plain=false, verbose=false)

The `Optimizer` of a package, with its options. PyGridJL sets a few options of the packages that
need care ([`settings`](@ref)); `options` come after them, `plain` leaves them out, and `verbose`
lets the solver print its log. An option whose name ends in `_solver` names a package too.
"""
struct Solver
    package::String
    options::Vector{Pair{String,Any}}
    plain::Bool
    verbose::Bool
end

Solver(
    package::AbstractString;
    options = Pair{String,Any}[],
    plain::Bool = false,
    verbose::Bool = false,
) = Solver(String(package), Pair{String,Any}[String(k) => v for (k, v) in options], plain, verbose)

"""
    named_solver(package, plain, verbose) -> Solver
    set_option!(solver, name, value) -> Solver

[`Solver`](@ref) step by step, for callers from other languages.
"""
named_solver(package::AbstractString, plain::Bool, verbose::Bool) =
    Solver(package; plain, verbose)

function set_option!(solver::Solver, name::AbstractString, value)
    push!(solver.options, String(name) => value)
    return solver
end

kind(solver::Solver) = Val(Symbol(solver.package))

"""
    settings(::Val{package}, limit, plain) -> Vector{Pair}

Options that PyGridJL gives a package: `limit` is the time limit in seconds or `Inf`; with `plain`
only those without which it does not run.
"""
settings(::Val, limit::Float64, plain::Bool) = Pair{String,Any}[]

# On one thread the same input gives the same answer.
settings(::Val{:HiGHS}, ::Float64, plain::Bool) =
    plain ? Pair{String,Any}[] : Pair{String,Any}["threads"=>1]

# Its banner comes whatever its print level.
settings(::Val{:Ipopt}, ::Float64, ::Bool) = Pair{String,Any}["sb"=>"yes"]

"""
    proves(solver) -> Bool

Whether the solver's `OPTIMAL` is a proof. Solvers that work locally prove nothing, whatever they
claim.
"""
proves(solver::Solver) = proves(kind(solver))
proves(::Val) = true
proves(
    ::Union{
        Val{:Ipopt},
        Val{:Juniper},
        Val{:KNITRO},
        Val{:MadNLP},
        Val{:NLopt},
        Val{:AmplNLWriter},
        Val{:Percival},
        Val{:Uno},
    },
) = false

"""
    quietly(f, ::Val{package})

Run `f` with the log discarded; for packages that print although they are silent, the standard
output too.
"""
quietly(f, ::Val) = quietly(f)
quietly(f) = Logging.with_logger(f, Logging.NullLogger())

const OWN = Dict{String,Any}(
    "HiGHS" => HiGHS.Optimizer,
    "Ipopt" => Ipopt.Optimizer,
    "Clarabel" => Clarabel.Optimizer,
)

"""
    has_package(name) -> Bool
    load_package(name)

Whether a package can be loaded, and load it: the solvers of PyGridJL, or a package of the active
project.
"""
has_package(name::AbstractString) =
    haskey(OWN, name) || Base.identify_package(String(name)) !== nothing

function load_package(name::AbstractString)
    haskey(OWN, name) && return nothing
    id = Base.identify_package(String(name))
    id === nothing && refuse("package $name is not in the active project")
    Base.require(id)
    return nothing
end

"""
    package_version(name) -> String

The version of a loaded package, or `""`.
"""
function package_version(name::AbstractString)
    id = Base.identify_package(String(name))
    id === nothing && (id = Base.identify_package(PyGridJL, String(name)))
    found = id === nothing ? nothing : get(Base.loaded_modules, id, nothing)
    version = found === nothing ? nothing : pkgversion(found)
    return version === nothing ? "" : string(version)
end

function constructor(name::String)
    haskey(OWN, name) && return OWN[name]
    id = Base.identify_package(name)
    id === nothing && refuse("solver: package $name is not in the active project")
    found = get(Base.loaded_modules, id, nothing)
    found === nothing && refuse("solver: package $name is not loaded; `using $name` loads it")
    isdefined(found, :Optimizer) || refuse("solver: package $name has no Optimizer")
    return getproperty(found, :Optimizer)
end

"""
    optimizer(solver, limit=Inf) -> OptimizerWithAttributes

What JuMP takes.
"""
function optimizer(solver::Solver, limit::Real = Inf)
    chosen = Pair[settings(kind(solver), Float64(limit), solver.plain)...]
    for (name, value) in solver.options
        named = endswith(name, "_solver") && value isa AbstractString
        push!(chosen, name => named ? optimizer(Solver(value)) : value)
    end
    return JuMP.optimizer_with_attributes(
        constructor(solver.package),
        MOI.Silent() => !solver.verbose,
        chosen...,
    )
end

"""
    attach!(model, solver, limit=Inf)

Give a model its solver and time limit.
"""
function attach!(model::JuMP.AbstractModel, solver::Solver, limit::Real = Inf)
    made = optimizer(solver, limit)
    try
        JuMP.set_optimizer(model, made)
    catch error
        # Options are the caller's: what the package says about them is about an argument.
        isempty(solver.options) && rethrow()
        reason = first(eachline(IOBuffer(sprint(showerror, error))))
        refuse("solver_options: $(solver.package) does not take them: $reason")
    end
    limit_time!(model, limit)
    return model
end

run_solver!(model::JuMP.AbstractModel, solver::Solver) =
    solver.verbose ? JuMP.optimize!(model) : quietly(() -> JuMP.optimize!(model), kind(solver))

"""
    square_form(solver) -> Symbol

How a solver takes convex quadratic losses with binary states: `:cone` (rotated second-order
cones), `:quadratic` (constraints), `:objective` (only there), or `:tangents`, where the loss is
approximated from outside by linear programs.
"""
function square_form(solver::Solver)
    form = preferred_form(kind(solver))
    form === nothing || return form
    inner = MOI.instantiate(optimizer(solver))
    takes(F, S) = MOI.supports_constraint(inner, F, S)
    takes(MOI.VariableIndex, MOI.ZeroOne) ||
        takes(MOI.VariableIndex, MOI.Integer) ||
        refuse("solver: $(solver.package) has no integer variables")
    for F in (MOI.VectorOfVariables, MOI.VectorAffineFunction{Float64}),
        S in (MOI.RotatedSecondOrderCone, MOI.SecondOrderCone)

        takes(F, S) && return :cone
    end
    quadratic = MOI.ScalarQuadraticFunction{Float64}
    takes(quadratic, MOI.LessThan{Float64}) && return :quadratic
    MOI.supports(inner, MOI.ObjectiveFunction{quadratic}()) && return :objective
    return :tangents
end

preferred_form(::Val) = nothing
# It has quadratic objectives and integers, but not both at once.
preferred_form(::Val{:HiGHS}) = :tangents

"""
    default_solver(problem, formulation) -> String

The package that solves a problem unless another is asked for.
"""
function default_solver(problem::AbstractString, formulation::AbstractString)
    problem == "network_opf" && return NETWORK_FORMULATIONS[formulation][2]
    problem in ("feeder_opf", "dss_opf") && return FEEDER_FORMULATIONS[formulation][2]
    problem == "radial_reconfigure" && return "HiGHS"
    return SWITCHING_FORMULATIONS[formulation][3]
end

"""
    save_model(model, path)

Write a model in the format of the file's name (`.mof.json`, `.lp`, `.mps` or `.nl`).
"""
function save_model(model::JuMP.AbstractModel, path::AbstractString)
    any(ending -> endswith(path, ending), (".mof.json", ".lp", ".mps", ".nl")) ||
        refuse("write_model: $path ends in none of .mof.json, .lp, .mps, .nl")
    try
        JuMP.write_to_file(model, String(path))
    catch error
        error isa Union{SystemError,Base.IOError} || rm(path; force = true)
        reason = first(eachline(IOBuffer(sprint(showerror, error))))
        refuse("write_model: $(basename(path)) cannot hold this model: $reason")
    end
    return nothing
end
