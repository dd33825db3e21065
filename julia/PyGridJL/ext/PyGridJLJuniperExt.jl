module PyGridJLJuniperExt

using JuMP: JuMP, MOI
using Juniper: Juniper
using PrecompileTools: @compile_workload
using PyGridJL: PyGridJL

# With Ipopt's own tolerances a relaxation may stop short of its optimum, and branch and bound then
# discards the best answer.
PyGridJL.optimizer(::Val{:juniper}) =
    juniper(PyGridJL.ipopt("tol" => 1e-9, "acceptable_iter" => 0))
PyGridJL.optimizer(::Val{Symbol("juniper-plain")}) = juniper(PyGridJL.ipopt())

juniper(nl_solver) = JuMP.optimizer_with_attributes(
    Juniper.Optimizer,
    MOI.Silent() => true,
    "nl_solver" => nl_solver,
    "mip_solver" => PyGridJL.highs(),
    "log_levels" => [],
)

@compile_workload
using PyGridJL: PyGridJL

"""
    PyGridJL.optimizer(Val(:juniper); tight=true)

Juniper with Ipopt and HiGHS. With Ipopt's own tolerances (`tight=false`) a relaxation may stop
short of its optimum, and branch and bound then discards the best answer.
"""
function PyGridJL.optimizer(::Val{:juniper}; tight::Bool = true)
    nl_solver = tight ? PyGridJL.ipopt("tol" => 1e-9, "acceptable_iter" => 0) : PyGridJL.ipopt()
    return JuMP.optimizer_with_attributes(
        Juniper.Optimizer,
        MOI.Silent() => true,
        "nl_solver" => nl_solver,
        "mip_solver" => PyGridJL.highs(),
        "log_levels" => [],
    )
end

@compile_workload begin
    PyGridJL.run_radial_sample("juniper")
    PyGridJL.run_radial_sample("juniper"; reactive = false)
end

end
