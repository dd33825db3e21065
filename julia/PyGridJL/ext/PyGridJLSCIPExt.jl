module PyGridJLSCIPExt

using JuMP: JuMP, MOI
using PyGridJL: PyGridJL
using SCIP: SCIP

PyGridJL.optimizer(::Val{:scip}) =
    JuMP.optimizer_with_attributes(SCIP.Optimizer, MOI.Silent() => true)

end
