# Three-phase optimal power flow and power flow by PowerModelsDistribution.

# Formulation => (type, package that solves it by default).
const FEEDER_FORMULATIONS = Dict(
    "acp" => (PMD.ACPUPowerModel, "Ipopt"),
    "acr" => (PMD.ACRUPowerModel, "Ipopt"),
    "ivr" => (PMD.IVRUPowerModel, "Ipopt"),
    "lindist" => (PMD.LPUBFDiagPowerModel, "HiGHS"),
    "soc" => (PMD.SOCConicUBFPowerModel, "Clarabel"),
)

"""
    feeder_opf(phase_mva, source, v_set, bus, branch, r, x, load, shunt, generator,
               formulation, problem="opf", solver=nothing, time_limit=Inf, ampacity=true,
               write_model="") -> NamedTuple

Three-phase optimal power flow (`problem="opf"`: least import from the source, voltage bands kept,
ampacities kept unless `ampacity=false`, generators dispatched) or power flow (`"pf"`: no limits,
generators as given). For the arrays see
[`FeederArrays`](@ref). `formulation` is `"acp"`, `"acr"`, `"ivr"`, `"lindist"` or `"soc"`, `solver`
a [`Solver`](@ref), by default Ipopt, HiGHS for `"lindist"` and Clarabel for `"soc"`.

The answer holds `status`, `raw`, `solver`, `objective` (import, p.u.), `vm` and `va` by bus and
phase (`NaN` where there is none), `p_source`, `q_source` by phase, `pg` and `qg` by generator and
phase, `notes`, `build_seconds`, `solve_seconds` and `solution` (PowerModelsDistribution's own).
"""
function feeder_opf(
    @nospecialize(phase_mva::Real),
    @nospecialize(source::Integer),
    @nospecialize(v_set),
    @nospecialize(bus),
    @nospecialize(branch),
    @nospecialize(r),
    @nospecialize(x),
    @nospecialize(load),
    @nospecialize(shunt),
    @nospecialize(generator),
    @nospecialize(formulation::AbstractString),
    @nospecialize(problem::AbstractString = "opf"),
    solver::Union{Nothing,Solver} = nothing,
    @nospecialize(time_limit::Real = Inf),
    ampacity::Bool = true,
    @nospecialize(write_model::AbstractString = ""),
)
    tables = own_matrices(bus, branch, r, x, load, shunt, generator)
    feeder = FeederArrays(phase_mva, source, own_vector(v_set), tables...)
    how = PowerFlowTask(formulation, problem, solver, time_limit, write_model)
    return feeder_answer(feeder, how, ampacity)
end

"""
    PowerFlowTask(formulation, problem, solver, time_limit, write_model)

What is asked of a three-phase case.
"""
struct PowerFlowTask
    formulation::String
    problem::String
    solver::Solver
    time_limit::Float64
    write_model::String

    function PowerFlowTask(formulation, problem, solver, time_limit, write_model)
        haskey(FEEDER_FORMULATIONS, formulation) ||
            refuse("formulation: $formulation is none of acp, acr, ivr, lindist, soc")
        problem in ("opf", "pf") || refuse("problem: $problem is neither opf nor pf")
        problem == "pf" &&
            formulation == "soc" &&
            refuse("formulation soc: a relaxation without an objective is no power flow")
        chosen = solver === nothing ? Solver(default_solver("feeder_opf", formulation)) : solver
        return new(formulation, problem, chosen, Float64(time_limit), write_model)
    end
end

function feeder_answer(feeder::FeederArrays, how::PowerFlowTask, ampacity::Bool)
    linear, optimal = how.formulation == "lindist", how.problem == "opf"
    data = engineering(
        optimal ? feeder : with_fixed_generators(feeder);
        constant_shunts = linear,
        ideal = linear ? 0.0 : IDEAL_IMPEDANCE,
        band = optimal,
        ampacity = optimal && ampacity,
    )
    # PowerModelsDistribution's ampacities are not linear: ours stand in.
    ratings = linear ? take_ratings!(data) : Dict{String,Vector{Float64}}()
    notes = isempty(ratings) ? String[] : ["ampacities as hexagons, at 1 p.u. voltage"]
    answer = solve_engineering(data, how, notes, ratings)
    return (; report(answer, notes)..., feeder_point(answer, feeder)..., notes, answer.solution)
end

"""
    solve_engineering(data, how, notes, ratings) -> NamedTuple

Transform, build and solve an ENGINEERING dictionary; `ratings` are hexagons to add, by line. What
PowerModelsDistribution remarks goes into `notes`.
"""
function solve_engineering(data, how::PowerFlowTask, notes, ratings = Dict())
    type = FEEDER_FORMULATIONS[how.formulation][1]
    build = how.problem == "opf" ? PMD.build_mc_opf : PMD.build_mc_pf
    began = time()
    math, pm = Logging.with_logger(Remarks(notes)) do
        math = PMD.transform_data_model(data)
        pm = PMD.instantiate_mc_model(math, type, build)
        add_hexagons!(pm, math, ratings)
        return math, pm
    end
    isempty(how.write_model) || save_model(pm.model, how.write_model)
    attach!(pm.model, how.solver, how.time_limit)
    built = time()
    run_solver!(pm.model, how.solver)
    solve_seconds = time() - built
    status = outcome(pm.model; proven = proves(how.solver))
    solution = has_point(pm.model) ? quietly(() -> pmd_solution(pm)) : Dict{String,Any}()
    solver, relaxes = how.solver.package, how.formulation == "soc" && how.problem == "opf"
    build_seconds = built - began
    return (; status, pm, math, solver, relaxes, solution, build_seconds, solve_seconds)
end

function report(answer, notes)
    model = answer.pm.model
    objective = isempty(answer.solution) ? NaN : JuMP.objective_value(model)
    told_bound = answer.relaxes && answer.status == "optimal" ? dual_bound(model) : NaN
    status, bound = reconciled(answer.status, told_bound, objective, notes)
    return (;
        status,
        raw = raw_status(model),
        answer.solver,
        objective,
        bound,
        trace = zeros(0, 3),
        answer.build_seconds,
        answer.solve_seconds,
    )
end

function feeder_point(answer, feeder)
    n, g = size(feeder.bus, 1), size(feeder.generator, 1)
    vm, va, pg, qg = fill(NaN, n, 3), fill(NaN, n, 3), fill(NaN, g, 3), fill(NaN, g, 3)
    p_source, q_source = fill(NaN, 3), fill(NaN, 3)
    point = (; vm, va, pg, qg, p_source, q_source)
    isempty(answer.solution) && return point
    for i in 1:n
        key = string(answer.math["bus_lookup"][bus_name(i)])
        found = answer.solution["bus"][key]
        phases = answer.math["bus"][key]["terminals"]
        haskey(found, "vm") && (vm[i, phases] = found["vm"])
        haskey(found, "va") && (va[i, phases] = found["va"])
    end
    for (key, unit) in answer.math["gen"]
        found, phases = answer.solution["gen"][key], unit["connections"]
        if startswith(unit["source_id"], "voltage_source")
            p_source[phases], q_source[phases] = found["pg"], found["qg"]
        else
            k = parse(Int, unit["name"][2:end])
            pg[k, phases], qg[k, phases] = found["pg"], found["qg"]
        end
    end
    return point
end

# Ampacities in p.u. by line, taken out of the dictionary.
function take_ratings!(data)
    ratings = Dict{String,Vector{Float64}}()
    for (name, line) in data["line"]
        haskey(line, "cm_ub") && (ratings[name] = pop!(line, "cm_ub"))
    end
    return ratings
end

# |√3 P ± Q| ≤ √3 S and |Q| ≤ √3/2 S: the hexagon within the circle P² + Q² ≤ S².
function hexagon!(model, P, Q, S)
    for sign in (-1.0, 1.0)
        JuMP.@constraint(model, -√3 * S <= √3 * P + sign * Q <= √3 * S)
    end
    JuMP.@constraint(model, -√3 / 2 * S <= Q <= √3 / 2 * S)
    return nothing
end

function add_hexagons!(pm, math, ratings)
    isempty(ratings) && return nothing
    kva = math["settings"]["sbase"]
    for (_, branch) in math["branch"]
        rating = get(ratings, branch["name"], nothing)
        rating === nothing && continue
        kv = math["bus"][string(branch["t_bus"])]["vbase"]
        arc = (branch["index"], branch["f_bus"], branch["t_bus"])
        P, Q = PMD.var(pm, :p, arc), PMD.var(pm, :q, arc)
        for (k, phase) in enumerate(branch["f_connections"])
            isfinite(rating[k]) || continue
            hexagon!(pm.model, P[phase], Q[phase], rating[k] * kv / kva)
        end
    end
    return nothing
end
