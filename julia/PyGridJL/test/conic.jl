using LinearAlgebra: norm

# min t + z  with (t, 3, 4) in a cone, y ≥ 3, [[1, y], [y, z]] ⪰ 0 and w = 2: t = 5, z = 9.
function every_cone(solver; q = (Int[], Int[], Float64[]), limit = Inf)
    # Variables t, y, z, w.
    rows = [1, 2, 3, 7, 8]
    cols = [4, 2, 1, 2, 3]
    values = [1.0, -1.0, -1.0, -sqrt(2.0), -1.0]
    rhs = [2.0, -3.0, 0.0, 3.0, 4.0, 1.0, 0.0, 0.0]
    return conic_solve(
        [1.0, 0.0, 1.0, 0.0], rows, cols, values, rhs, 1:4, [1, 1, 3, 2], q..., solver, limit,
    )
end

@testset "conic" begin
    @testset "every cone" begin
        got = every_cone(Solver("Clarabel"))
        @test got.raw == "OPTIMAL"
        @test got.x ≈ [5.0, 3.0, 9.0, 2.0] atol = 1e-5
        # Stationarity, and duals in their cones: c + A'z = 0.
        z = got.z
        @test length(z) == 8
        @test z[1] ≈ 0 atol = 1e-6
        @test z[3] ≈ 1 atol = 1e-6
        @test z[8] ≈ 1 atol = 1e-6
        @test z[2] + sqrt(2.0) * z[7] ≈ 0 atol = 1e-5
        @test z[3] >= norm(z[4:5]) - 1e-6
        @test z[6] * z[8] >= z[7]^2 / 2 - 1e-5
        # Strong duality: -b'z is the optimum.
        @test -(2z[1] - 3z[2] + 3z[4] + 4z[5] + z[6]) ≈ 14 atol = 1e-4
    end

    @testset "a quadratic objective, by its lower triangle" begin
        # min x'Px/2 - x₁ - x₂ with P = [2 1; 1 3] and x ≤ 9: P x = (1, 1).
        got = conic_solve(
            [-1.0, -1.0], [1, 2], [1, 2], [1.0, 1.0], [9.0, 9.0], [2], [2],
            [1, 2, 2], [1, 1, 2], [2.0, 1.0, 3.0], Solver("Clarabel"),
        )
        @test got.x ≈ [2.0 1.0; 1.0 3.0] \ ones(2) atol = 1e-6
        @test got.z ≈ zeros(2) atol = 1e-6
    end

    @testset "another optimizer" begin
        got = conic_solve(
            [1.0, 2.0], [1, 1, 2, 3], [1, 2, 1, 2], [-1.0, -1.0, -1.0, -1.0], [-2.0, 0.0, 0.0],
            [2], [3], Int[], Int[], Float64[], Solver("HiGHS"),
        )
        @test got.x ≈ [2.0, 0.0] atol = 1e-8
        @test got.z ≈ [1.0, 0.0, 1.0] atol = 1e-8
    end

    @testset "what has no answer says so" begin
        got = conic_solve(
            [1.0], [1, 2], [1, 1], [1.0, -1.0], [0.0, -1.0], [2], [2], Int[], Int[], Float64[],
            Solver("Clarabel"),
        )
        @test got.raw == "INFEASIBLE"
    end

    @testset "arguments are refused" begin
        ask(kinds, sizes, rhs = [0.0]) = conic_solve(
            [1.0], [1], [1], [1.0], rhs, kinds, sizes, Int[], Int[], Float64[], Solver("Clarabel"),
        )
        @test_throws InvalidArgument ask([5], [1])
        @test_throws InvalidArgument ask([2], [2])
        @test_throws InvalidArgument ask([2], [0])
        @test_throws InvalidArgument ask([2], [1], [NaN])
    end
end
