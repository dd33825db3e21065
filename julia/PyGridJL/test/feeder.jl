# Five buses of three phases in a ring with a chord, per unit of one phase.
const RING = [(1, 2), (2, 3), (3, 4), (4, 5), (5, 1), (2, 4)]

function ring()
    full = [0.01 0.003 0.003 0.003 0.01 0.003 0.003 0.003 0.01]
    bus = repeat([2.4 0.8 1.2 1.0 1.0 1.0], 5, 1)
    branch = reduce(vcat, [[Float64(a) b ones(1, 6) fill(Inf, 1, 3)] for (a, b) in RING])
    r = reduce(vcat, [full .* k for k in (1.0, 2.0, 1.5, 1.0, 3.0, 2.5)])
    load = [
        zeros(1, 6)
        0.2 0.3 0.2 0.1 0.1 0.1
        0.3 0.1 0.2 0.1 0.0 0.1
        0.1 0.1 0.1 0.05 0.05 0.05
        0.4 0.3 0.3 0.2 0.1 0.1
    ]
    return (1.0, 1, ones(3), bus, branch, r, 2 .* r, load, zeros(5, 6), zeros(0, 10))
end

# Of a feeder as an object.
solved(feeder, formulation, problem; ampacity = true) = PyGridJL.feeder_opf(
    PyGridJL.tables_of(feeder)..., formulation, problem, nothing, Inf, ampacity,
)

radial(weight, p, q) = PyGridJL.RadialProblem(
    5, 1, first.(RING), last.(RING), weight, [-sum(p); p], [-sum(q); q], fill(false, 6),
)

# Losses of every tree: by AC power flow, and r(P² + Q²) of the flows that the tree determines.
# AC and linear losses by tree; closed lines charge at both ends.
function every_tree(charging = zeros(6, 3))
    base, source, v, bus, branch, r, x, load, none, generator = ring()
    found = Dict{Vector{Bool},NTuple{2,Float64}}()
    for a in 1:5, b in a+1:6
        closed = [!(e in (a, b)) for e in 1:6]
        shunt = copy(none)
        for e in findall(closed), bus in RING[e]
            shunt[bus, 1:3] .+= charging[e, :]
        end
        single(phase) =
            radial(r[:, 1], -load[2:5, phase], shunt[2:5, phase] .- load[2:5, phase+3])
        PyGridJL.tree_flows(single(1), closed) === nothing && continue
        flows = [PyGridJL.tree_flows(single(phase), closed)[1:2] for phase in 1:3]
        linear = sum(eachindex(closed)) do e
            # S = V conj(I) at V of 1 p.u.: the losses are those of the currents.
            nominal = cis.([0.0, -2π / 3, 2π / 3])
            current = conj.([P[e] + im * Q[e] for (P, Q) in flows] ./ nominal)
            return real(current' * reshape(r[e, :], 3, 3) * current)
        end
        flow = PyGridJL.feeder_opf(
            base, source, v, bus, branch[closed, :], r[closed, :], x[closed, :], load, shunt,
            generator, "acp", "pf",
        )
        found[closed] = (sum(flow.p_source) - sum(load[:, 1:3]), linear)
    end
    return found
end

@testset "feeder" begin
    @testset "formulations agree on a power flow, $formulation" for formulation in ("acr", "ivr")
        feeder = PyGridJL.sample_feeder()
        polar = solved(feeder, "acp", "pf")
        other = solved(feeder, formulation, "pf")
        @test polar.status == other.status == "feasible"
        @test filter(!isnan, polar.vm) ≈ filter(!isnan, other.vm) atol = 1e-6
        @test isnan(polar.vm[4, 1])
    end

    @testset "LinDistFlow by hand" begin
        # One phase, one line: U2 = U1 - 2(rP + xQ).
        bus = [2.4 0.0 Inf 1.0 0.0 0.0; 2.4 0.0 Inf 1.0 0.0 0.0]
        bus[1, 5:6] .= 1
        branch = [1.0 2.0 1.0 0.0 0.0 1.0 1.0 1.0 Inf Inf Inf]
        r, x = [0.02 zeros(1, 8)], [0.03 zeros(1, 8)]
        load = [zeros(1, 6); 0.5 0.0 0.0 0.2 0.0 0.0]
        got = PyGridJL.feeder_opf(
            1.0, 1, ones(3), bus, branch, r, x, load, zeros(2, 6), zeros(0, 10), "lindist", "pf",
        )
        @test got.vm[2, 1] ≈ sqrt(1 - 2 * (0.02 * 0.5 + 0.03 * 0.2)) atol = 1e-9
        @test got.p_source[1] ≈ 0.5 atol = 1e-9
    end

    @testset "limits: $formulation" for formulation in ("acp", "lindist")
        feeder = PyGridJL.sample_feeder()
        good = solved(feeder, formulation, "opf")
        @test good.status in ("optimal", "feasible")
        @test good.pg[1, 2] ≈ 0.1 atol = 1e-5
        feeder.branch[2, 9:11] .= 0.1
        bad = solved(feeder, formulation, "opf")
        @test bad.status == (formulation == "lindist" ? "infeasible" : "not_found")
        @test solved(feeder, formulation, "opf"; ampacity = false).status == good.status
    end

    @testset "OpenDSS script" begin
        mktempdir() do folder
            path = joinpath(folder, "sample.dss")
            write(path, PyGridJL.SAMPLE_DSS)
            answer = PyGridJL.dss_opf(path, "acp", "pf")
            @test answer.status == "feasible"
            @test sum(answer.p_source) > 400
            @test "end.2" in answer.node
            @test_throws InvalidArgument PyGridJL.dss_opf(
                path, "acp", "pf", nothing, Inf, 0.0, Inf, ["none"], [2], [1.05],
            )
        end
    end

    @testset "OpenDSS script with a bank of regulators, each with its tap" begin
        more = """
        new transformer.ra phases=1 bank=r buses=(middle.1 after.1) kvs=(2.4 2.4) kvas=(500 500) xhl=0.1
        new transformer.rb phases=1 bank=r buses=(middle.2 after.2) kvs=(2.4 2.4) kvas=(500 500) xhl=0.1
        new transformer.rc phases=1 bank=r buses=(middle.3 after.3) kvs=(2.4 2.4) kvas=(500 500) xhl=0.1
        new load.one bus1=middle.1 phases=1 conn=delta kv=4.16 kw=10 kvar=5 model=2
        """
        script = replace(PyGridJL.SAMPLE_DSS, "set voltagebases" => more * "set voltagebases")
        mktempdir() do folder
            path = joinpath(folder, "bank.dss")
            write(path, script)
            taps = [1.05, 1.0, 0.95]
            answer = PyGridJL.dss_opf(
                path, "acp", "pf", nothing, Inf, 0.0, Inf, ["ra", "rb", "rc"], [2, 2, 2], taps,
            )
            vm = Dict(zip(answer.node, answer.vm))
            # Nothing hangs behind them.
            @test [vm["after.$k"] / vm["middle.$k"] for k in 1:3] ≈ taps rtol = 1e-3
            @test answer.notes == ["load one: delta with one node, taken to ground"]
            kv = Dict(zip(answer.node, answer.kv))
            @test kv["middle.1"] ≈ 4.16 / √3
        end
    end

    @testset "reconfiguration is what trying every tree finds" begin
        trees = every_tree()
        @test length(trees) == 11
        ac, linear = minimum(first, values(trees)), minimum(last, values(trees))
        for package in ("HiGHS", "SCIP", "Pajarito")
            got = PyGridJL.feeder_reconfigure(ring()..., 1:6, Bool[], "lindist", Solver(package))
            @test got.status == "optimal"
            @test got.objective ≈ linear rtol = 1e-5
            @test got.bound <= got.objective
            @test trees[got.closed][2] ≈ linear rtol = 1e-5
        end
        start = [true, true, false, false, true, true]
        for formulation in ("acp", "acr", "ivr"), first in (Bool[], start)
            got = PyGridJL.feeder_reconfigure(
                ring()..., 1:6, first, formulation, Solver("Juniper"), 120.0,
            )
            @test got.status == "feasible"
            @test isnan(got.bound)
            @test got.objective ≈ trees[got.closed][1] rtol = 1e-4
            @test got.objective <= 1.001 * ac
        end
        relaxed = PyGridJL.feeder_reconfigure(
            ring()..., 1:6, start, "soc", Solver("Pajarito"), 120.0,
        )
        # Pajarito's bound may lie above its own answer; then there is none, and a note.
        @test isnan(relaxed.bound) == any(contains("contradicts"), relaxed.notes)
        @test isnan(relaxed.bound) || relaxed.bound <= ac * (1 + 1e-6)
        @test relaxed.objective <= ac * (1 + 1e-6)
    end

    @testset "charging goes with its line: $formulation" for formulation in
                                                             ("lindist", "acp", "acr", "ivr")
        # So much on the last line that it is better open, as it is not without.
        charging = [0.0, 0.05, 0.0, 0.0, 0.0, 0.3] .* ones(1, 3)
        plain, trees = every_tree(), every_tree(charging)
        position = formulation == "lindist" ? 2 : 1
        least = minimum(losses[position] for losses in values(trees))
        @test trees[argmin(t -> plain[t][position], collect(keys(plain)))][position] > 1.1 * least
        got = PyGridJL.feeder_reconfigure(
            ring()..., 1:6, Bool[], formulation, nothing, 120.0, true, charging,
        )
        @test got.objective ≈ trees[got.closed][position] rtol = 1e-4
        @test got.objective <= 1.001 * least
        formulation == "lindist" && @test got.bound ≈ least rtol = 1e-5
    end

    @testset "ampacities of a branch without impedance are kept: $formulation" for formulation in
                                                                               ("acp", "acr", "ivr", "lindist")
        base, source, v, bus, branch, r, x, load, shunt, generator = ring()
        r, x, branch = copy(r), copy(x), copy(branch)
        # Two ways to bus 2: the ideal one may carry too little.
        r[1, :] .= 0.0
        x[1, :] .= 0.0
        asked(rating; limits = true) = begin
            branch[1, 9:11] .= rating
            PyGridJL.feeder_reconfigure(
                base, source, v, bus, branch, r, x, load, shunt, generator, 1:6,
                Bool[], formulation, nothing, 120.0, limits,
            )
        end
        @test asked(Inf).closed[1]
        # Nothing can pass it, so that it is open, or closed towards a bus that needs nothing.
        @test !asked(1e-3).closed[1]
        free = asked(1e-3; limits = false)
        @test free.closed[1]
        @test "ampacities and angle differences are not kept" in free.notes
    end

    @testset "a bus without a band is noted" begin
        base, source, v, bus, rest... = ring()
        bus = copy(bus)
        bus[3, 2:3] .= (0.0, Inf)
        got = PyGridJL.feeder_reconfigure(base, source, v, bus, rest..., 1:6, Bool[], "lindist")
        @test "buses without a voltage band: 1, which keep 0.8 to 1.2 p.u." in got.notes
    end

    @testset "capacitors count in what a switch may carry" begin
        base, source, v, bus, branch, r, x, load, shunt, generator = ring()
        shunt = copy(shunt)
        load = copy(load)
        # Reactive power flows although no load takes any.
        load[:, 4:6] .= 0.0
        shunt[5, 1:3] .= 2.0
        got = PyGridJL.feeder_reconfigure(
            base, source, v, bus, branch, r, x, load, shunt, generator, 1:6, Bool[], "lindist",
        )
        @test got.status == "optimal"
    end

    @testset "wrong input" begin
        @test_throws InvalidArgument PyGridJL.feeder_opf(ring()..., "dc")
        @test_throws InvalidArgument PyGridJL.feeder_reconfigure(
            ring()..., 1:6, Bool[], "lindist", nothing, Inf, true, zeros(5, 3),
        )
        @test_throws InvalidArgument PyGridJL.feeder_opf(ring()..., "acp", "mld")
        @test_throws InvalidArgument PyGridJL.feeder_opf(ring()..., "soc", "pf")
    end
end
