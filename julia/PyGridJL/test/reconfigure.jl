using Random: Xoshiro, shuffle

# A connected graph with a few cycles, sources and sinks that balance.
function random_radial(rng, n, extra; reactive = true)
    order = shuffle(rng, 1:n)
    tail = [order[rand(rng, 1:i-1)] for i in 2:n]
    head = order[2:n]
    while length(tail) < n - 1 + extra
        a, b = rand(rng, 1:n, 2)
        a == b || (push!(tail, a); push!(head, b))
    end
    balanced() = (x = randn(rng, n); x .- sum(x) / n)
    m = length(tail)
    q = reactive ? balanced() : zeros(n)
    return PyGridJL.RadialProblem(
        n, 1, tail, head, 0.1 .+ rand(rng, m), balanced(), q, fill(false, m),
    )
end

# Every spanning tree, by trying all sets of edges.
function best_tree(problem)
    best, m = Inf, length(problem.tail)
    for code in 0:(2^m-1)
        count_ones(code) == problem.n - 1 || continue
        closed = [isodd(code >> (e - 1)) for e in 1:m]
        any(problem.forced .& .!closed) && continue
        flows = PyGridJL.tree_flows(problem, closed)
        flows === nothing && continue
        best = min(best, PyGridJL.loss(problem, flows[1], flows[2]))
    end
    return best
end

const EXACT = Solver.(["HiGHS", "SCIP", "Pajarito"])

@testset "reconfigure" begin
    @testset "tree flows balance" begin
        problem = random_radial(Xoshiro(1), 12, 5)
        closed = PyGridJL.minimum_spanning_tree(problem)
        P, Q, below = PyGridJL.tree_flows(problem, closed)
        for (node, ends) in enumerate(PyGridJL.incident(problem))
            @test sum(s * P[e] for (e, s) in ends) ≈ problem.p[node] atol = 1e-12
            @test sum(s * Q[e] for (e, s) in ends) ≈ problem.q[node] atol = 1e-12
            served = node == problem.root ? problem.n - 1.0 : -1.0
            @test sum(s * below[e] for (e, s) in ends) ≈ served
        end
        @test PyGridJL.tree_flows(problem, fill(false, length(closed))) === nothing
        @test PyGridJL.tree_flows(problem, fill(true, length(closed))) === nothing
    end

    @testset "$(solver.package) finds what trying everything finds" for solver in EXACT
        for seed in 1:4, reactive in (true, false)
            problem = random_radial(Xoshiro(seed), 8, 4; reactive)
            got = PyGridJL.reconfigure(problem, solver)
            want = best_tree(problem)
            @test got.status == "optimal"
            @test got.objective ≈ want rtol = 1e-6
            @test got.bound <= want * (1 + 1e-6)
            @test got.bound >= want * (1 - 1e-4)
            flows = PyGridJL.tree_flows(problem, got.closed)
            @test flows !== nothing
        end
    end

    @testset "$(solver.package) keeps forced edges and takes a start" for solver in EXACT
        free = random_radial(Xoshiro(9), 8, 4)
        forced = .!PyGridJL.reconfigure(free, solver).closed
        # close one edge that the optimum leaves open
        only_one = fill(false, length(forced))
        only_one[findfirst(forced)] = true
        problem = PyGridJL.RadialProblem(
            free.n, free.root, free.tail, free.head, free.weight, free.p, free.q, only_one,
        )
        start = PyGridJL.minimum_spanning_tree(problem)
        got = PyGridJL.reconfigure(problem, solver; start)
        @test got.closed[findfirst(forced)]
        @test got.objective ≈ best_tree(problem) rtol = 1e-6
        @test_throws InvalidArgument PyGridJL.reconfigure(
            problem, solver; start = fill(true, length(start)),
        )
    end

    @testset "$(solver.package): units do not matter" for solver in EXACT
        problem = random_radial(Xoshiro(3), 8, 4)
        tiny = PyGridJL.RadialProblem(
            problem.n,
            problem.root,
            problem.tail,
            problem.head,
            1e-4 .* problem.weight,
            1e-4 .* problem.p,
            1e-4 .* problem.q,
            problem.forced,
        )
        a, b = PyGridJL.reconfigure(problem, solver), PyGridJL.reconfigure(tiny, solver)
        @test a.closed == b.closed
        @test b.objective ≈ 1e-12 * a.objective rtol = 1e-6
    end

    @testset "$(solver.package) stops at the time limit with what it has" for solver in EXACT
        problem = random_radial(Xoshiro(4), 60, 40)
        start = PyGridJL.minimum_spanning_tree(problem)
        got = PyGridJL.reconfigure(problem, solver; start, time_limit = 1e-3)
        @test got.status == "time_limit"
        isnan(got.bound) || isnan(got.objective) || @test got.bound <= got.objective
        for limit in (0.01, 0.03, 0.1)
            got = PyGridJL.reconfigure(problem, solver; time_limit = limit)
            @test got.status in ("time_limit", "not_found") || !isnan(got.objective)
        end
    end

    @testset "Juniper is never a proof, plain: $plain" for plain in (false, true)
        problem = random_radial(Xoshiro(2), 6, 2)
        got = PyGridJL.reconfigure(problem, Solver("Juniper"; plain); time_limit = 120.0)
        @test got.status == "feasible"
        @test isnan(got.bound)
        @test got.objective >= best_tree(problem) * (1 - 1e-9)
    end

    @testset "no tree" begin
        cut = PyGridJL.RadialProblem(
            3, 1, [1], [2], [1.0], [1.0, -1.0, 0.0], zeros(3), [false],
        )
        @test PyGridJL.reconfigure(cut, Solver("HiGHS")).status == "infeasible"
    end

    @testset "bounds of every round lie below every answer: $(solver.package)" for solver in EXACT
        problem = random_radial(Xoshiro(11), 14, 6)
        got = PyGridJL.reconfigure(problem, solver)
        bounds, objectives = filter(!isnan, got.trace[:, 3]), filter(!isnan, got.trace[:, 2])
        @test maximum(bounds) <= minimum(objectives) * (1 + 1e-6)
        @test issorted(got.trace[:, 1])
        @test last(got.trace[:, 2]) ≈ got.objective
    end

    @testset "options reach the solver, and wrong ones are the caller's" begin
        problem = random_radial(Xoshiro(6), 8, 4)
        nodes = Solver("HiGHS"; options = ["mip_max_nodes" => 0, "presolve" => "off"])
        @test PyGridJL.reconfigure(problem, nodes).status in ("optimal", "feasible", "not_found")
        for solver in (Solver("HiGHS"; options = ["no_such" => 1]), Solver("Ipopt"), Solver("JuMP"))
            @test_throws InvalidArgument PyGridJL.reconfigure(problem, solver)
        end
    end

    @testset "the program as a file" begin
        problem = random_radial(Xoshiro(6), 6, 3)
        mktempdir() do folder
            for ending in ("mof.json", "lp", "mps")
                path = joinpath(folder, "model.$ending")
                PyGridJL.reconfigure(problem, Solver("HiGHS"); write_model = path)
                read = JuMP.read_from_file(path)
                @test JuMP.num_constraints(read, JuMP.VariableRef, MOI.ZeroOne) == 8
            end
            @test_throws InvalidArgument PyGridJL.reconfigure(
                problem, Solver("HiGHS"); write_model = joinpath(folder, "model.txt"),
            )
        end
    end

    @testset "wrong input" begin
        @test_throws InvalidArgument PyGridJL.reconfigure(random_radial(Xoshiro(1), 5, 2), Solver("Gurobi"))
        @test_throws InvalidArgument PyGridJL.RadialProblem(
            2, 1, [1], [2], [NaN], [1.0, -1.0], zeros(2), [false],
        )
    end
end
