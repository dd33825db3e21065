module PyGridJLSCIPExt

using JuMP: JuMP, MOI
using PrecompileTools: @compile_workload
using PyGridJL: PyGridJL
using SCIP: SCIP

PyGridJL.optimizer(::Val{:scip}) =
    JuMP.optimizer_with_attributes(SCIP.Optimizer, MOI.Silent() => true)

@compile_workload begin
    PyGridJL.run_radial_sample("scip")
    PyGridJL.run_radial_sample("scip"; reactive = false)
end

end
