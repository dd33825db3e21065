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
    shunt = [zeros(2, 6); 0.1 0.1 0.1 -0.01 -0.01 -0.01; zeros(1, 6)]
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

# The sample feeder with a second line beside its first: a choice of two.
function sample_feeder_ring()
    one = sample_feeder()
    return FeederArrays(
        one.phase_mva,
        one.source,
        one.v_set,
        one.bus,
        [one.branch; one.branch[2:2, :]],
        [one.r; 2 .* one.r[2:2, :]],
        [one.x; 2 .* one.x[2:2, :]],
        one.load,
        one.shunt,
        one.generator,
    ),
    [2, 4]
end

tables_of(feeder::FeederArrays) = (getfield(feeder, name) for name in fieldnames(FeederArrays))

function run_samples()
    for q in ((Int[], Int[], Float64[]), ([1], [1], [1.0]))
        stage = second_stage(
            [1, 1], [1, 2], [1.0, 1.0], [1.0, 2.0], zeros(2), fill(3.0, 2), [1.0], [Inf], [1], q...,
        )
        solve_scenarios(stage, [2.0; 7.0;;], fill(Inf, 2, 1), 60.0)
    end
    run_conic_sample("Clarabel")
    for reactive in (true, false)
        run_radial_sample("HiGHS"; reactive)
    end
    for formulation in keys(NETWORK_FORMULATIONS)
        network_opf(sample_network()..., formulation)
    end
    for formulation in keys(FEEDER_FORMULATIONS), problem in ("opf", "pf")
        problem == "pf" && formulation == "soc" && continue
        feeder_opf(tables_of(sample_feeder())..., formulation, problem)
    end
    run_feeder_sample("HiGHS", "lindist")
    mktempdir() do folder
        path = joinpath(folder, "sample.dss")
        write(path, SAMPLE_DSS)
        dss_opf(path, "acp", "pf")
        dss_opf(path, "lindist", "opf", nothing, Inf, 0.8, 1.2)
    end
    return nothing
end

"""
    run_radial_sample(package; reactive=true)
    run_feeder_sample(package, formulation)

Solve a small reconfiguration; extensions call them when they are compiled.
"""
run_radial_sample(package::String; reactive::Bool = true) =
    run_radial_sample(Solver(package); reactive)
run_feeder_sample(package::String, formulation::String) =
    run_feeder_sample(Solver(package), formulation)

# min x₁ + x₂  with x₁ = 1, x₂ ≥ 0, |x₁| ≤ 2 and [[1, x₁], [x₁, x₂]] ⪰ 0.
run_conic_sample(package::String) = conic_solve(
    [1.0, 1.0],
    [1, 2, 4, 6, 7],
    [1, 2, 1, 1, 2],
    [1.0, -1.0, -1.0, -sqrt(2.0), -1.0],
    [1.0, 0.0, 2.0, 0.0, 1.0, 0.0, 0.0],
    [1, 2, 3, 4],
    [1, 1, 2, 2],
    Int[],
    Int[],
    Float64[],
    Solver(package),
    60.0,
)

function run_radial_sample(solver::Solver; reactive::Bool = true)
    problem = sample_radial(; reactive)
    start = minimum_spanning_tree(problem)
    fields = (getfield(problem, name) for name in fieldnames(RadialProblem))
    return radial_reconfigure(fields..., start, solver, 60.0)
end

function run_feeder_sample(solver::Solver, formulation::String)
    feeder, rows = sample_feeder_ring()
    start = [true, false]
    return feeder_reconfigure(
        tables_of(feeder)..., rows, start, formulation, solver, 60.0,
    )
end

"""
    workload_enabled() -> Bool

Whether samples are solved when the package and its extensions are compiled: the preference
`precompile_workload` of PyGridJL, which those who work on it may switch off.
"""
workload_enabled() = PrecompileTools.workload_enabled(@__MODULE__)

const PREPARED = Set{NTuple{3,String}}()

"""
    prepare(problem, formulation, solver)

Solve a sample of a problem, named by its function, once in a process: what is not compiled yet
then takes no time from a limit.
"""
function prepare(problem::AbstractString, formulation::AbstractString, solver::Solver)
    key = (String(problem), String(formulation), solver.package)
    key in PREPARED && return nothing
    solver = Solver(solver.package, solver.options, solver.plain, false)
    if problem == "radial_reconfigure"
        foreach(reactive -> run_radial_sample(solver; reactive), (true, false))
    elseif problem == "feeder_reconfigure"
        run_feeder_sample(solver, String(formulation))
    elseif problem == "network_opf"
        network_opf(sample_network()..., formulation, solver, 60.0)
    else
        feeder_opf(tables_of(sample_feeder())..., formulation, "opf", solver, 60.0)
    end
    push!(PREPARED, key)
    return nothing
end

@compile_workload run_samples()
