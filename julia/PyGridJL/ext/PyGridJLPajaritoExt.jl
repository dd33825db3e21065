module PyGridJLPajaritoExt

using Logging: Logging
using Pajarito: Pajarito
using PrecompileTools: @compile_workload
using PyGridJL: PyGridJL, Solver

PyGridJL.preferred_form(::Val{:Pajarito}) = :cone

PyGridJL.settings(::Val{:Pajarito}, ::Float64, plain::Bool) = Pair{String,Any}[
    "oa_solver"=>PyGridJL.optimizer(
        Solver("HiGHS"; options = plain ? [] : ["mip_rel_gap" => 1e-7]),
    ),
    "conic_solver"=>PyGridJL.optimizer(Solver("Clarabel")),
    (plain ? [] : ["tol_rel_gap" => 1e-6])...,
]

# Pajarito prints even when it is told to be silent.
PyGridJL.quietly(f, ::Val{:Pajarito}) =
    Logging.with_logger(() -> redirect_stdout(f, devnull), Logging.NullLogger())

PyGridJL.workload_enabled() && @compile_workload begin
    PyGridJL.run_radial_sample("Pajarito")
    PyGridJL.run_radial_sample("Pajarito"; reactive = false)
    PyGridJL.run_feeder_sample("Pajarito", "soc")
end

end
