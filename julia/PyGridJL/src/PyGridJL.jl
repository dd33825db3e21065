"""
    PyGridJL

Power-grid problems on JuMP, PowerModels and PowerModelsDistribution, with arrays in and named
tuples of arrays out. `pygridjl` drives it from Python; it works as well from plain Julia.

Every solve returns a `status` among `"optimal"`, `"feasible"`, `"time_limit"`, `"infeasible"` and
`"not_found"`. Only `"optimal"` and `"infeasible"` are proofs; a `bound` is `NaN` unless the solver
proves one. Nothing is printed.
"""
module PyGridJL

using Clarabel: Clarabel
using HiGHS: HiGHS
using InfrastructureModels: InfrastructureModels
using Ipopt: Ipopt
using JuMP: JuMP, MOI
using LinearAlgebra: Diagonal, I, dot, norm
using Logging: Logging
using PowerModels: PowerModels
using PowerModelsDistribution: PowerModelsDistribution as PMD
using PrecompileTools: @compile_workload
using SparseArrays: SparseMatrixCSC, sparse

include("conversion.jl")
include("solvers.jl")
include("status.jl")
include("quadratic.jl")
include("second_stage.jl")
include("radial.jl")
include("reconfigure.jl")
include("outer_approximation.jl")
include("network_opf.jl")
include("feeder_data.jl")
include("feeder_opf.jl")
include("dss.jl")
include("feeder_reconfigure.jl")

function __init__()
    # What PowerModels would remark about the data has been checked before they come here.
    PowerModels.logger_config!("error")
    InfrastructureModels.logger_config!("error")
    return nothing
end

"""
    load_package(name)

Load a package of the active project that PyGridJL takes up by an extension (a solver).
"""
function load_package(name::AbstractString)
    id = Base.identify_package(String(name))
    id === nothing && throw(ArgumentError("package $name is not in the active project"))
    Base.require(id)
    return nothing
end

include("precompile.jl")

end
