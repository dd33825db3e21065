module PyGridJLPajaritoExt

using JuMP: JuMP, MOI
using Pajarito: Pajarito
using PrecompileTools: @compile_workload
using PyGridJL: PyGridJL

PyGridJL.optimizer(::Val{:pajarito}) = JuMP.optimizer_with_attributes(
    Pajarito.Optimizer,
    MOI.Silent() => true,
    "oa_solver" => PyGridJL.highs("mip_rel_gap" => 1e-7),
    "conic_solver" => PyGridJL.clarabel(),
    "tol_rel_gap" => 1e-6,
)

@compile_workload begin
    PyGridJL.run_radial_sample("pajarito")
    PyGridJL.run_radial_sample("pajarito"; reactive = false)
end

end
