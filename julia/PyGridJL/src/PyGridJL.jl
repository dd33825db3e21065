"""
    PyGridJL

Power-grid problems on JuMP, PowerModels and PowerModelsDistribution, with arrays in and named
tuples of arrays out. `pygridjl` drives it from Python; it works as well from plain Julia.

Every solve returns a `status` among `"optimal"`, `"feasible"`, `"time_limit"`, `"infeasible"` and
`"not_found"`. Only `"optimal"` and `"infeasible"` are proofs; a `bound` is `NaN` unless the solver
proves one. Nothing is printed.

Any package of the active project that has an `Optimizer` can solve: `Solver("Gurobi")` after
`using Gurobi`. What cannot be used is refused by an [`InvalidArgument`](@ref).

```julia
using PyGridJL
ring = RadialProblem(3, 1, [1, 2, 3], [2, 3, 1], [1.0, 2.0, 1.0], [2.0, -1.0, -1.0], zeros(3),
                     fill(false, 3))
reconfigure(ring, Solver("HiGHS")).closed
```
"""
module PyGridJL

using Clarabel: Clarabel
using HiGHS: HiGHS
using InfrastructureModels: InfrastructureModels
using Ipopt: Ipopt
using JuMP: JuMP, MOI
using LinearAlgebra: Diagonal, I, Symmetric, dot, eigen, eigvals, norm, opnorm
using Logging: Logging
using PowerModels: PowerModels
using PowerModelsDistribution: PowerModelsDistribution as PMD
using PrecompileTools: PrecompileTools, @compile_workload
using SparseArrays: SparseMatrixCSC, sparse

export InvalidArgument, RadialProblem, Solver
export conic_solve, dss_opf, feeder_opf, feeder_reconfigure, network_opf, reconfigure
export second_stage, solve_scenarios!

include("arguments.jl")
include("conversion.jl")
include("solvers.jl")
include("status.jl")
include("quadratic.jl")
include("conic.jl")
include("second_stage.jl")
include("radial.jl")
include("outer_approximation.jl")
include("reconfigure.jl")
include("network_opf.jl")
include("feeder_data.jl")
include("feeder_opf.jl")
include("dss.jl")
include("feeder_switching.jl")
include("feeder_charging.jl")
include("feeder_reconfigure.jl")
include("feeder_losses.jl")

function __init__()
    # What PowerModels would remark about the data has been checked before they come here.
    PowerModels.logger_config!("error")
    InfrastructureModels.logger_config!("error")
    return nothing
end

include("precompile.jl")

end
