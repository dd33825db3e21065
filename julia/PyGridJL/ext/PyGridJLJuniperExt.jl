module PyGridJLJuniperExt

using JuMP: JuMP, MOI
using Juniper: Juniper
using PrecompileTools: @compile_workload
using PyGridJL: PyGridJL

# With Ipopt's own tolerances a relaxation may stop short of its optimum, and branch and bound then
# discards the best answer. A first answer from the feasibility pump (HiGHS) hides that.
PyGridJL.optimizer(::Val{:juniper}) =
    juniper(PyGridJL.ipopt("tol" => 1e-9, "acceptable_iter" => 0), "mip_solver" => PyGridJL.highs())
PyGridJL.optimizer(::Val{Symbol("juniper-plain")}) = juniper(PyGridJL.ipopt())

juniper(nl_solver, settings...) = JuMP.optimizer_with_attributes(
    Juniper.Optimizer,
    MOI.Silent() => true,
    "nl_solver" => nl_solver,
    "log_levels" => [],
    settings...,
)

@compile_workload begin
    PyGridJL.run_radial_sample("juniper")
    PyGridJL.run_radial_sample("juniper"; reactive = false)
end

end
