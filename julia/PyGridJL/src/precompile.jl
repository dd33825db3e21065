# Small instances of every problem, run once when the package is compiled, so that the first call
# of a session does not wait for the compiler.

# A ring of four nodes with a chord: two cycles, active and reactive injections.
sample_radial(; reactive = true) = RadialProblem(
    4,
    1,
    [1, 2, 3, 4, 1],
    [2, 3, 4, 1, 3],
    [1.0, 2.0, 1.5, 1.0, 3.0],
    [3.0, -1.0, -1.0, -1.0],
    reactive ? [1.5, -0.5, -0.5, -0.5] : zeros(4),
    [true, false, false, false, false],
)

function sample_network()
    bus = [
        0.9 1.1 0.0 0.0 0.0 0.0 230.0 1.0
        0.9 1.1 0.9 0.3 0.0 0.0 230.0 0.0
        0.9 1.1 0.8 0.2 0.01 0.05 230.0 0.0
    ]
    branch = [
        1.0 2.0 0.01 0.08 0.02 1.0 0.0 2.0 -π π
        2.0 3.0 0.02 0.09 0.01 0.98 0.0 Inf -0.5 0.5
        1.0 3.0 0.01 0.07 0.0 1.0 0.01 2.0 -π π
    ]
    generator = [
        1.0 0.0 2.0 -2.0 2.0 Inf 0.1 10.0 1.0
        3.0 0.0 1.0 -1.0 1.0 1.2 0.2 12.0 0.0
    ]
    return (100.0, bus, branch, generator)
end

# Source, regulator, a line of three phases, a lateral of one with a generator at its end.
function sample_feeder()
    bus = [
        2.4 0.0 Inf 1.0 1.0 1.0
        2.4 0.8 1.2 1.0 1.0 1.0
        2.4 0.8 1.2 1.0 1.0 1.0
        2.4 0.8 1.2 0.0 1.0 0.0
    ]
    branch = [
        1.0 2.0 1.0 1.0 1.0 1.02 1.02 1.01 Inf Inf Inf
        2.0 3.0 1.0 1.0 1.0 1.0 1.0 1.0 3.0 3.0 3.0
        3.0 4.0 0.0 1.0 0.0 1.0 1.0 1.0 Inf Inf Inf
    ]
    full = [0.01 0.003 0.003 0.003 0.01 0.003 0.003 0.003 0.01]
    single = [0.0 0.0 0.0 0.0 0.01 0.0 0.0 0.0 0.0]
    r = [0.1 .* full; full; single]
    x = 2.0 .* r
    load = [zeros(2, 6); 0.2 0.3 0.2 0.1 0.1 0.1; 0.0 0.2 0.0 0.0 0.1 0.0]
    shunt = [zeros(2, 3); 0.1 0.1 0.1; 0.0 0.0 0.0]
    generator = [4.0 0.0 0.1 0.0 0.0 0.0 0.0 0.0 0.15 0.0]
    return FeederArrays(1.0, 1, ones(3), bus, branch, r, x, load, shunt, generator)
end

const SAMPLE_DSS = """
clear
new circuit.sample basekv=4.16 pu=1.0 phases=3 bus1=source
new linecode.code nphases=3 rmatrix=(0.3 | 0.1 0.3 | 0.1 0.1 0.3) xmatrix=(0.6 | 0.2 0.6 | 0.2 0.2 0.6)
new line.one bus1=source bus2=middle linecode=code length=0.5
new line.two bus1=middle.2.0 bus2=end.2.0 phases=1 r1=0.3 x1=0.6 length=0.3
new load.a bus1=middle phases=3 conn=wye kv=4.16 kw=300 kvar=100
new load.b bus1=end.2 phases=1 kv=2.4 kw=100 kvar=50 model=2
new load.c bus1=middle phases=3 conn=delta kv=4.16 kw=90 kvar=30
new capacitor.cap bus1=middle phases=3 kvar=60 kv=4.16
set voltagebases=[4.16]
calcvoltagebases
solve
"""

function run_samples()
    for q in ((Int[], Int[], Float64[]), ([1], [1], [1.0]))
        stage = second_stage(
            [1, 1], [1, 2], [1.0, 1.0], [1.0, 2.0], zeros(2), fill(3.0, 2), [1.0], [Inf], [1], q...,
        )
        solve_scenarios(stage, [2.0; 7.0;;], fill(Inf, 2, 1), 60.0)
    end
    for reactive in (true, false)
        run_radial_sample("highs-oa"; reactive)
    end
    for formulation in keys(NETWORK_FORMULATIONS)
        network_opf(sample_network()..., formulation)
    end
    feeder = sample_feeder()
    tables = [getfield(feeder, name) for name in fieldnames(FeederArrays)]
    for formulation in keys(FEEDER_FORMULATIONS), problem in ("opf", "pf")
        problem == "pf" && formulation == "soc" && continue
        feeder_opf(tables..., formulation, problem, Inf, true)
    end
    feeder_reconfigure(tables..., [2], [true], "lindist", 60.0)
    mktempdir() do folder
        path = joinpath(folder, "sample.dss")
        write(path, SAMPLE_DSS)
        dss_opf(path, "acp", "pf")
        dss_opf(path, "lindist", "opf", Inf, 0.8, 1.2)
    end
    return nothing
end

"""
    run_radial_sample(solver; reactive=true)

Solve a small reconfiguration; extensions call it when they are compiled.
"""
function run_radial_sample(solver::String; reactive::Bool = true)
    problem = sample_radial(; reactive)
    start = minimum_spanning_tree(problem)
    fields = (getfield(problem, name) for name in fieldnames(RadialProblem))
    return radial_reconfigure(fields..., solver, start, 60.0)
end

@compile_workload run_samples()
