using PyGridJL
using Test

@testset "PyGridJL" begin
    include("second_stage.jl")
    include("reconfigure.jl")
end
