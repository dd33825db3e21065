using LinearAlgebra: dot
using Random: Xoshiro

# min Σ cost z, one unit of demand a row: A z ≥ demand, z ≤ capacity.
function transport(rng, m, n; quadratic = false)
    rows = repeat(1:m; inner = n)
    cols = repeat(1:n; outer = m)
    values = rand(rng, m * n)
    cost = 1.0 .+ rand(rng, n)
    q = quadratic ? (collect(1:n), collect(1:n), 0.1 .+ rand(rng, n)) : (Int[], Int[], Float64[])
    return (rows, cols, values, cost, q)
end

function build(rng, m, n; quadratic = false, capacity = 10.0)
    rows, cols, values, cost, q = transport(rng, m, n; quadratic)
    stage = PyGridJL.second_stage(
        rows, cols, values, cost, zeros(n), fill(capacity, n), zeros(m), fill(Inf, m), 1:m, q...,
    )
    return stage, cost, q
end

@testset "second stage" begin
    @testset "a program solved by hand: $kind" for kind in ("linear", "quadratic")
        # min z1 + 2 z2 (+ z1²/2)  s.t.  z1 + z2 ≥ b,  0 ≤ z ≤ 3
        q = kind == "linear" ? (Int[], Int[], Float64[]) : ([1], [1], [1.0])
        stage = PyGridJL.second_stage(
            [1, 1], [1, 2], [1.0, 1.0], [1.0, 2.0], zeros(2), fill(3.0, 2), [1.0], [Inf], [1], q...,
        )
        got = PyGridJL.solve_scenarios!(stage, [2.0; 3.5; 7.0;;], fill(Inf, 3, 1))
        # Quadratic: marginal costs of z1 and z2 meet at z1 = 1.
        want = kind == "linear" ? [2.0, 4.0] : [1.5 + 2.0, 1.5 + 5.0]
        slope = kind == "linear" ? [1.0, 2.0] : [2.0, 2.0]
        @test got.status == ["optimal", "optimal", "infeasible"]
        @test got.objective[1:2] ≈ want atol = 1e-6
        @test got.dual[1, 1:2] ≈ slope atol = 1e-6
        @test isnan(got.objective[3])
        @test got.ray_of == [0, 0, 1]
        # y = (1): 7 > max z1 + z2 = 6
        @test size(got.ray) == (1, 1)
        @test got.ray[1, 1] > 0
    end

    @testset "the $(triangle) triangle of Q, by its optimality conditions" for triangle in
                                                                              ("lower", "upper")
        Q = [3.0 1.0 0.0; 1.0 2.0 -0.5; 0.0 -0.5 1.0]
        i, j = [1, 2, 2, 3, 3], [1, 1, 2, 2, 3]
        triangle == "upper" && ((i, j) = (j, i))
        cost, b = [1.0, -2.0, 0.5], 1.5
        stage = PyGridJL.second_stage(
            [1, 1, 1], 1:3, ones(3), cost, fill(-9.0, 3), fill(9.0, 3), [0.0], [0.0], [1],
            i, j, [Q[k, l] for (k, l) in zip(i, j)],
        )
        got = PyGridJL.solve_scenarios!(stage, [b;;], [b;;])
        want = [Q -ones(3); ones(1, 3) 0.0] \ [-cost; b]
        @test got.z[:, 1] ≈ want[1:3] atol = 1e-7
        @test got.dual[1, 1] ≈ want[4] atol = 1e-7
        @test got.objective[1] ≈ dot(cost, want[1:3]) + dot(want[1:3], Q, want[1:3]) / 2 rtol = 1e-8
        # The row becomes one-sided, then an equation again.
        free = PyGridJL.solve_scenarios!(stage, [-Inf; b;;], [9.0; b;;])
        @test free.z[:, 1] ≈ -Q \ cost atol = 1e-6
        @test free.dual[1, 1] ≈ 0 atol = 1e-6
        @test free.objective[2] ≈ got.objective[1] rtol = 1e-8
    end

    @testset "duals are derivatives: quadratic = $quadratic" for quadratic in (false, true)
        stage, _, _ = build(Xoshiro(1), 12, 20; quadratic)
        low = 1.0 .+ rand(Xoshiro(2), 1, 12)
        base = PyGridJL.solve_scenarios!(stage, low, fill(Inf, 1, 12))
        @test base.status == ["optimal"]
        h = 1e-6
        for i in 1:12
            up, down = copy(low), copy(low)
            up[i] += h
            down[i] -= h
            moved = PyGridJL.solve_scenarios!(stage, [up; down], fill(Inf, 2, 12))
            @test (moved.objective[1] - moved.objective[2]) / 2h ≈ base.dual[i, 1] atol = 1e-3
        end
    end

    @testset "a warm chain gives the answers of fresh models" begin
        stage, cost, _ = build(Xoshiro(3), 30, 60)
        low = 1.0 .+ 4.0 .* rand(Xoshiro(4), 40, 30)
        chain = PyGridJL.solve_scenarios!(stage, low, fill(Inf, 40, 30))
        for s in 1:40
            fresh, _, _ = build(Xoshiro(3), 30, 60)
            alone = PyGridJL.solve_scenarios!(fresh, low[s:s, :], fill(Inf, 1, 30))
            @test alone.status[1] == chain.status[s]
            chain.status[s] == "optimal" || continue
            @test alone.objective[1] ≈ chain.objective[s] rtol = 1e-8
            @test dot(cost, chain.z[:, s]) ≈ chain.objective[s] rtol = 1e-8
        end
        @test sum(chain.iterations) > 0
    end

    @testset "every infeasible scenario carries a checked certificate" begin
        stage, _, _ = build(Xoshiro(5), 10, 15; capacity = 1.0)
        low = 100.0 .* rand(Xoshiro(6), 8, 10)
        got = PyGridJL.solve_scenarios!(stage, low, fill(Inf, 8, 10))
        for s in findall(==("infeasible"), got.status)
            y = got.ray[:, got.ray_of[s]]
            gap = PyGridJL.farkas_gap(
                y, stage.matrix, stage.lower, stage.upper, low[s, :], fill(Inf, 10),
            )
            @test gap > 0
        end
        @test "infeasible" in got.status
        # and the model still solves what can be solved
        again = PyGridJL.solve_scenarios!(stage, fill(0.1, 1, 10), fill(Inf, 1, 10))
        @test again.status == ["optimal"]
    end

    @testset "a ray that proves nothing is recognised" begin
        A = PyGridJL.sparse([1], [1], [1.0], 1, 1)
        @test PyGridJL.farkas_gap([1.0], A, [0.0], [3.0], [2.0], [Inf]) < 0
        @test PyGridJL.farkas_gap([1.0], A, [0.0], [3.0], [4.0], [Inf]) ≈ 1.0
        @test PyGridJL.farkas_gap([1.0], A, [0.0], [Inf], [4.0], [Inf]) == -Inf
    end

    @testset "time limit: quadratic = $quadratic" for quadratic in (false, true)
        stage, _, _ = build(Xoshiro(7), 300, 600; quadratic)
        low = 5.0 .* rand(Xoshiro(8), 3, 300)
        got = PyGridJL.solve_scenarios!(stage, low, fill(Inf, 3, 300); time_limit = 1e-9)
        @test all(in(("time_limit", "optimal")), got.status)
        @test "time_limit" in got.status
        # the limit is each scenario's own, not of the model's life
        got = PyGridJL.solve_scenarios!(stage, low, fill(Inf, 3, 300); time_limit = 60.0)
        @test got.status == fill("optimal", 3)
    end

    @testset "any number of workers, and what they throw" begin
        for workers in (1, 2, 3)
            seen = zeros(Int, 7)
            PyGridJL.over_threads((worker, i) -> seen[i] = worker, workers, 7)
            @test all(in(1:workers), seen)
            @test_throws DomainError PyGridJL.over_threads((_, i) -> sqrt(-1.0 * i), workers, 7)
        end
    end

    @testset "NaN is refused" begin
        @test_throws InvalidArgument PyGridJL.second_stage(
            [1], [1], [1.0], [NaN], [0.0], [1.0], [0.0], [1.0], [1],
        )
        stage, _, _ = build(Xoshiro(1), 2, 2)
        @test_throws InvalidArgument PyGridJL.solve_scenarios!(stage, [NaN 1.0], [Inf Inf])
        @test_throws InvalidArgument PyGridJL.solve_scenarios!(stage, [1.0;;], [Inf;;])
    end
end
