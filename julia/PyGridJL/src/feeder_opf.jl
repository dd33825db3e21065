# Three-phase optimal power flow and power flow by PowerModelsDistribution.

# Formulation => (type, solver, whether that proves its optimum).
const FEEDER_FORMULATIONS = Dict(
    "acp" => (PMD.ACPUPowerModel, "Ipopt", false),
    "acr" => (PMD.ACRUPowerModel, "Ipopt", false),
    "ivr" => (PMD.IVRUPowerModel, "Ipopt", false),
    "lindist" => (PMD.LPUBFDiagPowerModel, "HiGHS", true),
    "soc" => (PMD.SOCConicUBFPowerModel, "Clarabel", true),
)

"""
    feeder_opf(phase_mva, source, v_set, bus, branch, r, x, load, shunt, generator,
               formulation, problem="opf", time_limit=Inf, ampacity=true) -> NamedTuple

Three-phase optimal power flow (`problem="opf"`: least import from the source, voltage bands kept,
ampacities kept unless `ampacity=false`, generators dispatched) or power flow (`"pf"`: no limits,
generators as given). For the arrays see
[`FeederArrays`](@ref). `formulation` is `"acp"`, `"acr"`, `"ivr"`, `"lindist"` or `"soc"`.

The answer holds `status`, `raw`, `solver`, `objective` (import, p.u.), `vm` and `va` by bus and
phase (`NaN` where there is none), `p_source`, `q_source` by phase, `pg` and `qg` by generator and
phase, `notes`, `build_seconds`, `solve_seconds`.
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
    formulation::AbstractString,
    problem::AbstractString = "opf",
    time_limit::Real = Inf,
    ampacity::Bool = true,
)
    tables = own_matrices(bus, branch, r, x, load, shunt, generator)
    feeder = FeederArrays(phase_mva, source, own_vector(v_set), tables...)
    return feeder_opf(
        feeder,
        String(formulation),
        String(problem),
        Float64(time_limit),
        ampacity,
    )
end

function feeder_opf(
    feeder::FeederArrays,
    formulation::String,
    problem::String,
    time_limit::Float64,
    ampacity::Bool,
)
    linear, optimal = formulation == "lindist", problem == "opf"
    data = engineering(
        optimal ? feeder : with_fixed_generators(feeder);
        constant_shunts = linear,
        ideal = linear ? 0.0 : IDEAL_IMPEDANCE,
        band = optimal,
        ampacity = optimal && ampacity,
    )
    # PowerModelsDistribution's ampacities are not linear: ours stand in.
    ratings = linear ? take_ratings!(data) : Dict{String,Vector{Float64}}()
    answer = solve_engineering(data, formulation, problem, time_limit, ratings)
    notes = isempty(ratings) ? String[] : ["ampacities as hexagons, at 1 p.u. voltage"]
    return (; report(answer)..., feeder_point(answer, feeder)..., notes)
end

"""
    solve_engineering(data, formulation, problem, time_limit, ratings) -> NamedTuple

Transform, build and solve an ENGINEERING dictionary; `ratings` are hexagons to add, by line.
"""
function solve_engineering(data, formulation, problem, time_limit, ratings = Dict())
    type, solver, proven = get(FEEDER_FORMULATIONS, formulation) do
        throw(ArgumentError("formulation: $formulation is none of acp, acr, ivr, lindist, soc"))
    end
    problem == "pf" && formulation == "soc" &&
        throw(ArgumentError("formulation soc: a relaxation without an objective is no power flow"))
    build = problem == "opf" ? PMD.build_mc_opf : problem == "pf" ? PMD.build_mc_pf : nothing
    build === nothing && throw(ArgumentError("problem: $problem is neither opf nor pf"))
    began = time()
    math, pm = quietly() do
        math = PMD.transform_data_model(data)
        pm = PMD.instantiate_mc_model(math, type, build)
        add_hexagons!(pm, math, ratings)
        return math, pm
    end
    JuMP.set_optimizer(pm.model, solver_named(solver))
    limit_time!(pm.model, time_limit)
    built = time()
    quietly(() -> JuMP.optimize!(pm.model))
    solve_seconds = time() - built
    status = outcome(pm.model; proven)
    solution = Dict{String,Any}()
    if JuMP.has_values(pm.model) && status != "infeasible"
        solution = quietly() do
            return InfrastructureModels.build_solution(pm; post_processors = [PMD.sol_data_model!])
        end
    end
    return (; status, pm, math, solver, solution, build_seconds = built - began, solve_seconds)
end

function report(answer)
    objective = isempty(answer.solution) ? NaN : JuMP.objective_value(answer.pm.model)
    return (;
        answer.status,
        raw = raw_status(answer.pm.model),
        answer.solver,
        objective,
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
            S = rating[k] * kv / kva
            for sign in (-1.0, 1.0)
                JuMP.@constraint(pm.model, -√3 * S <= √3 * P[phase] + sign * Q[phase] <= √3 * S)
            end
            JuMP.@constraint(pm.model, -√3 / 2 * S <= Q[phase] <= √3 / 2 * S)
        end
    end
    return nothing
end
