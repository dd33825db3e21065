using JuMP: JuMP, MOI
using PyGridJL
using Test

# A missing solver is reported by the test that needs it.
foreach(PyGridJL.load_package, ("SCIP", "Pajarito", "Juniper"))

@testset "PyGridJL" begin
    include("status.jl")
    include("conic.jl")
    include("second_stage.jl")
    include("reconfigure.jl")
    include("network_opf.jl")
    include("feeder.jl")
    include("quality.jl")
end
