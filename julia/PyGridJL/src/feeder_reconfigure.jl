# Reconfiguration of a three-phase feeder on PowerModelsDistribution's variables and constraints.

# Voltage band of buses that have none, p.u.: an open switch separates voltages by no more.
const WIDE_BAND = (0.8, 1.2)
# Widest difference of angles across an open switch, rad.
const OPEN_ANGLE = 0.5

"""
    feeder_reconfigure(phase_mva, source, v_set, bus, branch, r, x, load, shunt, generator,
                       switchable, start, formulation, time_limit=Inf) -> NamedTuple

Choose which of the `switchable` rows of `branch` are closed, so that the feeder is a tree and the
losses are least. For the arrays see [`FeederArrays`](@ref); generators are as given.

`formulation` is `"acp"` or `"acr"` (the AC equations: a mixed-integer nonlinear program for
Juniper, which proves nothing), or `"lindist"` (LinDist3Flow with losses r(P² + Q²) at 1 p.u., by
outer approximation with HiGHS, which proves its optimum). `start` is the state of each switchable
branch to begin with, or empty.

The answer holds `status`, `raw`, `closed` by switchable row, `objective` (losses, p.u.), `bound`
and `seconds`.
"""
function feeder_reconfigure(
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
    @nospecialize(switchable),
    @nospecialize(start),
    @nospecialize(formulation::AbstractString),
    @nospecialize(time_limit::Real = Inf),
)
    tables = own_matrices(bus, branch, r, x, load, shunt, generator)
    feeder = with_fixed_generators(
        FeederArrays(phase_mva, source, own_vector(v_set), tables...),
    )
    rows, states = own_integers(switchable), own_states(start)
    length(states) in (0, length(rows)) || throw(DimensionMismatch("start: want a state each"))
    type, linear = if formulation == "lindist"
        PMD.LPUBFDiagPowerModel, true
    elseif formulation in ("acp", "acr")
        FEEDER_FORMULATIONS[formulation][1], false
    else
        throw(ArgumentError("formulation: $formulation is none of acp, acr, lindist"))
    end
    limit = Float64(time_limit)
    math, pm = quietly() do
        data = engineering(
            feeder;
            constant_shunts = linear,
            ideal = linear ? 0.0 : IDEAL_IMPEDANCE,
            ampacity = false,
            switchable = Set(rows),
        )
        math = PMD.transform_data_model(data)
        return math, PMD.instantiate_mc_model(math, type, build_reconfiguration)
    end
    switch_of = Dict(switch["name"] => switch["index"] for (_, switch) in math["switch"])
    z = [PMD.var(pm, :switch_state, switch_of[switch_name(l)]) for l in rows]
    isempty(states) || JuMP.set_start_value.(z, Float64.(states))
    return linear ? least_linear_loss(pm, z, limit) : least_loss(pm, z, feeder, limit)
end

"""
    build_reconfiguration(pm)

What `build_mc_opf` of PowerModelsDistribution has, with binary states of the switches, voltages
and flows that follow them, and a commodity that makes the closed edges a tree.
"""
function build_reconfiguration(pm::PMD.AbstractUnbalancedPowerModel)
    add_variables!(pm)
    PMD.constraint_mc_model_voltage(pm)
    add_injection_constraints!(pm)
    for i in PMD.ids(pm, :branch)
        PMD.constraint_mc_ohms_yt_from(pm, i)
        PMD.constraint_mc_ohms_yt_to(pm, i)
    end
    add_switching!(pm)
    return PMD.objective_mc_min_fuel_cost(pm)
end

function build_reconfiguration(pm::PMD.AbstractUBFModels)
    add_variables!(pm)
    PMD.variable_mc_branch_current(pm)
    PMD.constraint_mc_model_current(pm)
    add_injection_constraints!(pm)
    for i in PMD.ids(pm, :branch)
        PMD.constraint_mc_power_losses(pm, i)
        PMD.constraint_mc_model_voltage_magnitude_difference(pm, i)
    end
    return add_switching!(pm)
end

function add_variables!(pm)
    PMD.variable_mc_bus_voltage(pm)
    PMD.variable_mc_branch_power(pm)
    PMD.variable_mc_transformer_power(pm)
    PMD.variable_mc_switch_power(pm)
    PMD.variable_mc_switch_state(pm; relax = false)
    PMD.variable_mc_generator_power(pm)
    PMD.variable_mc_load_power(pm)
    return PMD.variable_mc_storage_power(pm)
end

function add_injection_constraints!(pm)
    for i in PMD.ids(pm, :ref_buses)
        PMD.constraint_mc_theta_ref(pm, i)
    end
    # Before the balance, which needs what these define.
    for i in PMD.ids(pm, :gen)
        PMD.constraint_mc_generator_power(pm, i)
    end
    for i in PMD.ids(pm, :load)
        PMD.constraint_mc_load_power(pm, i)
    end
    for i in PMD.ids(pm, :bus)
        PMD.constraint_mc_power_balance(pm, i)
    end
    for i in PMD.ids(pm, :transformer)
        PMD.constraint_mc_transformer_power(pm, i)
    end
    return nothing
end

function add_switching!(pm)
    # Twice the demand of all phases is more than any switch carries, losses included.
    most = 2 * sum(
        sum(abs, load["pd"]) + sum(abs, load["qd"]) for (_, load) in PMD.ref(pm, :load);
        init = 0.5,
    )
    for i in PMD.ids(pm, :switch)
        switch = PMD.ref(pm, :switch, i)
        z = PMD.var(pm, :switch_state, i)
        arc = (i, switch["f_bus"], switch["t_bus"])
        for flow in (PMD.var(pm, :psw, arc), PMD.var(pm, :qsw, arc)), c in switch["f_connections"]
            JuMP.@constraint(pm.model, flow[c] <= most * z)
            JuMP.@constraint(pm.model, flow[c] >= -most * z)
        end
        for (apart, widest) in separations(pm, switch)
            JuMP.@constraint(pm.model, apart <= widest * (1 - z))
            JuMP.@constraint(pm.model, apart >= -widest * (1 - z))
        end
    end
    return add_commodity!(pm)
end

function band(pm, switch)
    limits = WIDE_BAND
    for end_ in ("f_bus", "t_bus")
        bus = PMD.ref(pm, :bus, switch[end_])
        low, high = minimum(bus["vmin"]), maximum(bus["vmax"])
        low > 0 && isfinite(high) && (limits = (min(limits[1], low), max(limits[2], high)))
    end
    return limits
end

# What is equal across a closed switch, and by how much it may differ across an open one.
differences(pm, name, switch) = [
    PMD.var(pm, name, switch["f_bus"])[f] - PMD.var(pm, name, switch["t_bus"])[t] for
    (f, t) in zip(switch["f_connections"], switch["t_connections"])
]

function separations(pm::PMD.AbstractUnbalancedACPModel, switch)
    low, high = band(pm, switch)
    return [
        [(d, high - low) for d in differences(pm, :vm, switch)]
        [(d, OPEN_ANGLE) for d in differences(pm, :va, switch)]
    ]
end

function separations(pm::PMD.AbstractUnbalancedACRModel, switch)
    low, high = band(pm, switch)
    widest = high - low + OPEN_ANGLE * high
    return [(d, widest) for name in (:vr, :vi) for d in differences(pm, name, switch)]
end

function separations(pm::PMD.AbstractUBFModels, switch)
    low, high = band(pm, switch)
    return [(d, high^2 - low^2) for d in differences(pm, :w, switch)]
end

# One unit from the source to every bus over closed edges, whose number is that of a tree.
function add_commodity!(pm)
    n = length(PMD.ids(pm, :bus))
    edges = [
        [(PMD.ref(pm, kind, i), 1.0) for kind in (:branch, :transformer) for i in PMD.ids(pm, kind)]
        [(PMD.ref(pm, :switch, i), PMD.var(pm, :switch_state, i)) for i in PMD.ids(pm, :switch)]
    ]
    flow = JuMP.@variable(pm.model, [eachindex(edges)], lower_bound = 1 - n, upper_bound = n - 1)
    net = Dict(i => JuMP.AffExpr(0.0) for i in PMD.ids(pm, :bus))
    for (k, (edge, state)) in enumerate(edges)
        JuMP.add_to_expression!(net[edge["f_bus"]], 1.0, flow[k])
        JuMP.add_to_expression!(net[edge["t_bus"]], -1.0, flow[k])
        state isa Float64 && continue
        JuMP.@constraint(pm.model, flow[k] <= (n - 1) * state)
        JuMP.@constraint(pm.model, flow[k] >= -(n - 1) * state)
    end
    (source,) = PMD.ids(pm, :ref_buses)
    for (i, leaving) in net
        JuMP.@constraint(pm.model, leaving == (i == source ? n - 1 : -1))
    end
    JuMP.@constraint(pm.model, sum(state for (_, state) in edges) == n - 1)
    return nothing
end

function least_loss(pm, z, feeder, time_limit)
    JuMP.set_optimizer(pm.model, optimizer(Val(:juniper)))
    limit_time!(pm.model, time_limit)
    seconds = @elapsed quietly(() -> JuMP.optimize!(pm.model))
    answered = JuMP.has_values(pm.model)
    return (;
        status = outcome(pm.model; proven = false),
        raw = raw_status(pm.model),
        closed = answered ? JuMP.value.(z) .> 0.5 : Bool[],
        # Import less demand, in the units of the import: p.u. of one phase.
        objective = answered ? JuMP.objective_value(pm.model) - sum(view(feeder.load, :, 1:3)) :
                    NaN,
        bound = NaN,
        seconds,
    )
end

function least_linear_loss(pm, z, time_limit)
    model, began = pm.model, time()
    # t ≥ r (P² + Q²) for each phase of each branch, by tangents.
    terms = Tuple{JuMP.VariableRef,Float64,JuMP.VariableRef,JuMP.VariableRef}[]
    for i in PMD.ids(pm, :branch)
        branch = PMD.ref(pm, :branch, i)
        arc = (i, branch["f_bus"], branch["t_bus"])
        for (k, c) in enumerate(branch["f_connections"])
            r = branch["br_r"][k, k]
            r > 0 || continue
            t = JuMP.@variable(model, lower_bound = 0.0)
            push!(terms, (t, r, PMD.var(pm, :p, arc)[c], PMD.var(pm, :q, arc)[c]))
        end
    end
    # Per cent of a p.u.: losses are small beside HiGHS's tolerances.
    JuMP.@objective(model, Min, 100 * sum(r * t for (t, r, _, _) in terms; init = 0.0))
    JuMP.set_optimizer(model, highs("mip_rel_gap" => 1e-6))
    best, bound, closed, status, raw = Inf, 0.0, Bool[], "time_limit", "TIME_LIMIT"
    while time() - began < time_limit
        limit_time!(model, time_limit - (time() - began))
        JuMP.optimize!(model)
        raw = raw_status(model)
        ended = JuMP.termination_status(model)
        if ended == MOI.INFEASIBLE
            status = "infeasible"
            break
        end
        told_bound = proven_bound(model)
        isnan(told_bound) || (bound = max(bound, told_bound / 100))
        if JuMP.has_values(model)
            flows = [(JuMP.value(p), JuMP.value(q)) for (_, _, p, q) in terms]
            loss = sum(r * (p^2 + q^2) for ((_, r, _, _), (p, q)) in zip(terms, flows); init = 0.0)
            if loss < best
                best, closed = loss, Vector{Bool}(JuMP.value.(z) .> 0.5)
            end
            for ((t, _, P, Q), (p, q)) in zip(terms, flows)
                JuMP.@constraint(model, t >= 2p * P + 2q * Q - p^2 - q^2)
            end
        end
        if isfinite(best) && best - bound <= 1e-5 * best
            status = "optimal"
            break
        end
        if ended != MOI.OPTIMAL
            status = ended == MOI.TIME_LIMIT ? "time_limit" : "not_found"
            break
        end
    end
    objective = isempty(closed) ? NaN : best
    isnan(objective) || (bound = min(bound, objective))
    return (; status, raw, closed, objective, bound, seconds = time() - began)
end
