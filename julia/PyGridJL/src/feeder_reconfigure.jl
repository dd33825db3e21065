# Reconfiguration of a three-phase feeder on PowerModelsDistribution's variables and constraints.

# Formulation => (type, whether it is linear, package that solves it by default).
const SWITCHING_FORMULATIONS = Dict(
    "lindist" => (PMD.LPUBFDiagPowerModel, true, "HiGHS"),
    "acp" => (PMD.ACPUPowerModel, false, "Juniper"),
    "acr" => (PMD.ACRUPowerModel, false, "Juniper"),
    "ivr" => (PMD.IVRUPowerModel, false, "Juniper"),
    "soc" => (PMD.SOCConicUBFPowerModel, false, "Pajarito"),
)

# Percent of the demand: what the objective of the linear model is scaled to.
const PERCENT = 100.0

"""
    feeder_reconfigure(phase_mva, source, v_set, bus, branch, r, x, load, shunt, generator,
                       switchable, start, formulation, solver=nothing, time_limit=Inf,
                       limits=true, charging=zeros(0, 3), write_model="") -> NamedTuple

Choose which of the `switchable` rows of `branch` are closed, so that the feeder is a tree and the
losses are least. For the arrays see [`FeederArrays`](@ref); generators are as given, all phases of
a branch are switched at once.

`formulation` is `"acp"`, `"acr"` or `"ivr"` (the AC equations: a mixed-integer nonlinear program),
`"soc"` (their second-order cone relaxation, whose bound holds for AC), or `"lindist"` (LinDist3Flow
with the losses `IᴴRI` of currents at nominal voltages, mutual resistances included). `solver` is a
[`Solver`](@ref) with integers, by default Juniper, Pajarito and HiGHS. `start` is the state of each
switchable branch to begin with, or empty. `limits` says whether ampacities and angle differences
are kept; voltage bands always are, and buses without one get a wide one. `charging` is what each
switchable branch injects at both its ends while it is closed, p.u. at 1 p.u. by phase; no rows if
none does, and none of it is in the shunts.

The answer holds `status`, `raw`, `solver`, `closed` by switchable row, `objective` (losses, p.u.),
`bound`, `nodes`, `trace`, `notes`, `build_seconds`, `solve_seconds` and `solution`
(PowerModelsDistribution's own).
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
    solver::Union{Nothing,Solver} = nothing,
    @nospecialize(time_limit::Real = Inf),
    limits::Bool = true,
    @nospecialize(charging = zeros(0, 3)),
    @nospecialize(write_model::AbstractString = ""),
)
    haskey(SWITCHING_FORMULATIONS, formulation) ||
        refuse("formulation: $formulation is none of acp, acr, ivr, lindist, soc")
    tables = own_matrices(bus, branch, r, x, load, shunt, generator)
    feeder = FeederArrays(phase_mva, source, own_vector(v_set), tables...)
    rows, states = own_integers(switchable), own_states(start)
    length(states) in (0, length(rows)) || refuse("start: want a state for each switchable branch")
    isempty(rows) && refuse("switchable: there is no branch to switch")
    charged = own_matrices(charging)[1]
    size(charged, 1) in (0, length(rows)) ||
        refuse("charging: want a row for each switchable branch")
    isempty(charged) && (charged = zeros(length(rows), 3))
    chosen = solver === nothing ? Solver(default_solver("feeder_reconfigure", formulation)) : solver
    kind = String(formulation)
    return switching_answer(
        feeder, rows, charged, states, kind, chosen, Float64(time_limit), limits,
        String(write_model),
    )
end

function switching_answer(
    feeder::FeederArrays,
    rows::Vector{Int},
    charging::Matrix{Float64},
    start::Vector{Bool},
    formulation::String,
    solver::Solver,
    time_limit::Float64,
    limits::Bool,
    write_model::String,
)
    isempty(start) ||
        is_tree(feeder, rows, start) ||
        refuse("start: the closed branches are not a spanning tree")
    form = square_form(solver)
    began = time()
    case = switching_case(feeder, rows, charging, formulation, limits)
    built = time()
    answer = if case.linear
        least_linear_loss(case, form, solver, start, time_limit, write_model)
    else
        least_loss(case, solver, start, time_limit, write_model)
    end
    closed, status = answer.closed, answer.status
    if !isempty(closed) && !is_tree(feeder, rows, closed)
        push!(case.notes, "the solver's states are no tree: no answer is taken over")
        closed = Bool[]
    end
    isempty(closed) && status in ("optimal", "feasible") && (status = "not_found")
    value = isempty(closed) ? NaN : answer.objective
    # Of imports, whose rounding is that of the solver; losses are small differences of them.
    status, bound = reconciled(status, answer.bound, value, case.notes)
    objective, bound = (x * case.factor + case.constant for x in (value, bound))
    return (;
        status,
        answer.raw,
        solver = solver.package,
        closed,
        objective,
        bound,
        answer.nodes,
        trace = as_matrix(answer.trace, case.factor, case.constant),
        case.notes,
        build_seconds = built - began,
        solve_seconds = time() - built,
        solution = isempty(closed) ? Dict{String,Any}() : answer.solution,
    )
end

"""
    SwitchingCase

A feeder as a model with states of switches. No phase carries more than `most`. Losses in p.u. of the feeder are the objective of the
model times `factor` plus `constant`.
"""
struct SwitchingCase
    pm::Any
    feeder::FeederArrays
    rows::Vector{Int}
    z::Vector{JuMP.VariableRef}
    import_power::Any
    linear::Bool
    most::Float64
    factor::Float64
    constant::Float64
    notes::Vector{String}
end

function switching_case(given::FeederArrays, rows, charging, formulation, limits)
    type, linear, _ = SWITCHING_FORMULATIONS[formulation]
    notes = String[]
    fixed = with_fixed_generators(given)
    # Tolerances of solvers mean the same for every feeder whose demand is about 1.
    demand = max(sum(abs, view(fixed.load, :, 1:3)), sum(abs, view(fixed.load, :, 4:6)), 1e-6)
    feeder = linear ? rebase(fixed, fixed.phase_mva * demand) : fixed
    without = count(i -> feeder.bus[i, 2] <= 0 || !isfinite(feeder.bus[i, 3]), axes(feeder.bus, 1))
    without > 0 && push!(
        notes,
        "buses without a voltage band: $without, which keep $(WIDE_BAND[1]) to $(WIDE_BAND[2]) p.u.",
    )
    limits || push!(notes, "ampacities and angle differences are not kept")
    remarks = Remarks(notes)
    charging = charging .* (fixed.phase_mva / feeder.phase_mva)
    most = largest_flow(feeder) + 3 * WIDE_BAND[2]^2 * sum(abs, charging)
    pm = Logging.with_logger(remarks) do
        data = engineering(
            feeder;
            constant_shunts = linear,
            ideal = linear ? 0.0 : IDEAL_IMPEDANCE,
            wide = true,
            # PowerModelsDistribution's ampacities are not linear: ours stand in.
            ampacity = limits && !linear,
            switchable = Set(rows),
        )
        add_chargers!(data, feeder, rows, charging)
        math = PMD.transform_data_model(data)
        build(model) = build_reconfiguration(model, most, limits)
        made = PMD.instantiate_mc_model(math, type, build)
        limits && add_ampacities!(made, math, feeder, linear)
        add_charging!(made, feeder, rows, charging, linear)
        return made
    end
    if limits && linear && any(isfinite, view(feeder.branch, :, 9:11))
        push!(notes, "ampacities as hexagons, at 1 p.u. voltage")
    end
    switch_of = Dict(switch["name"] => switch["index"] for (_, switch) in PMD.ref(pm, :switch))
    z = JuMP.VariableRef[PMD.var(pm, :switch_state, switch_of[switch_name(l)]) for l in rows]
    iron = -sum(view(feeder.shunt, :, 4:6))
    # In AC what flows in covers demand and losses, those of iron among them.
    constant = linear ? iron * demand : -sum(view(feeder.load, :, 1:3))
    factor = linear ? demand / PERCENT : 1.0
    power = sum(
        sum(PMD.var(pm, :pg, i)[c] for c in unit["connections"]) for
        (i, unit) in PMD.ref(pm, :gen)
    )
    return SwitchingCase(pm, feeder, rows, z, power, linear, most, factor, constant, notes)
end

# More than any phase of a switch carries, p.u.: all demand, shunts, and half as much in losses.
largest_flow(feeder) =
    1.5 * sum(
        max(
            sum(abs, view(feeder.load, :, phase)) +
            WIDE_BAND[2]^2 * sum(abs, view(feeder.shunt, :, 3 + phase)),
            sum(abs, view(feeder.load, :, 3 + phase)) +
            WIDE_BAND[2]^2 * sum(abs, view(feeder.shunt, :, phase)),
        ) for phase in 1:3
    )

"""
    is_tree(feeder, rows, closed) -> Bool

Whether the branches that are not in `rows`, with those of `rows` that are closed, are a spanning
tree of the buses.
"""
function is_tree(feeder::FeederArrays, rows, closed)
    open = Set(rows[.!closed])
    parent, n = collect(axes(feeder.bus, 1)), size(feeder.bus, 1)
    joined = 0
    for l in axes(feeder.branch, 1)
        l in open && continue
        a, b = (top!(parent, Int(feeder.branch[l, k])) for k in (1, 2))
        a == b && return false
        parent[a] = b
        joined += 1
    end
    return joined == n - 1
end

"""
    build_reconfiguration(pm, most, limits)

What `build_mc_opf` of PowerModelsDistribution has, with binary states of the switches (see
[`add_switching!`](@ref)); the objective comes later.
"""
function build_reconfiguration(pm::PMD.AbstractUnbalancedPowerModel, most, limits)
    add_power_variables!(pm)
    PMD.constraint_mc_model_voltage(pm)
    add_injection_constraints!(pm)
    for i in PMD.ids(pm, :branch)
        PMD.constraint_mc_ohms_yt_from(pm, i)
        PMD.constraint_mc_ohms_yt_to(pm, i)
        limits && add_branch_limits!(pm, i)
    end
    return add_switching!(pm, most)
end

function build_reconfiguration(pm::PMD.AbstractUBFModels, most, limits)
    PMD.variable_mc_bus_voltage(pm)
    PMD.variable_mc_branch_current(pm)
    add_power_variables!(pm; voltages = false)
    PMD.constraint_mc_model_current(pm)
    add_injection_constraints!(pm)
    for i in PMD.ids(pm, :branch)
        PMD.constraint_mc_power_losses(pm, i)
        PMD.constraint_mc_model_voltage_magnitude_difference(pm, i)
        limits && add_branch_limits!(pm, i)
    end
    return add_switching!(pm, most)
end

function build_reconfiguration(pm::PMD.AbstractUnbalancedIVRModel, most, limits)
    PMD.variable_mc_bus_voltage(pm)
    PMD.variable_mc_branch_current(pm)
    PMD.variable_mc_switch_current(pm)
    PMD.variable_mc_switch_state(pm; relax = false)
    PMD.variable_mc_transformer_current(pm)
    PMD.variable_mc_generator_current(pm)
    PMD.variable_mc_load_current(pm)
    add_injection_constraints!(pm; balance = PMD.constraint_mc_current_balance)
    for i in PMD.ids(pm, :branch)
        PMD.constraint_mc_current_from(pm, i)
        PMD.constraint_mc_current_to(pm, i)
        PMD.constraint_mc_bus_voltage_drop(pm, i)
        # Its ampacities are bounds on the currents.
        limits && PMD.constraint_mc_voltage_angle_difference(pm, i)
    end
    # A current is a power over a voltage.
    return add_switching!(pm, most / WIDE_BAND[1])
end

function add_power_variables!(pm; voltages = true)
    voltages && PMD.variable_mc_bus_voltage(pm)
    PMD.variable_mc_branch_power(pm)
    PMD.variable_mc_transformer_power(pm)
    PMD.variable_mc_switch_power(pm)
    PMD.variable_mc_switch_state(pm; relax = false)
    PMD.variable_mc_generator_power(pm)
    PMD.variable_mc_load_power(pm)
    PMD.variable_mc_storage_power(pm)
    return nothing
end

function add_injection_constraints!(pm; balance = PMD.constraint_mc_power_balance)
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
        balance(pm, i)
    end
    for i in PMD.ids(pm, :transformer)
        PMD.constraint_mc_transformer_power(pm, i)
    end
    return nothing
end

function add_branch_limits!(pm, i)
    PMD.constraint_mc_voltage_angle_difference(pm, i)
    PMD.constraint_mc_thermal_limit_from(pm, i)
    PMD.constraint_mc_thermal_limit_to(pm, i)
    PMD.constraint_mc_ampacity_from(pm, i)
    PMD.constraint_mc_ampacity_to(pm, i)
    return nothing
end

"""
    add_ampacities!(pm, math, feeder, linear)

Ampacities that PowerModelsDistribution has no constraint for: of branches without impedance, which
are its ideal transformers, and hexagons in the linear model.
"""
function add_ampacities!(pm, math, feeder, linear)
    arc_of = Dict(
        (name, item["name"]) => (item["index"], item["f_bus"], item["t_bus"]) for
        name in ("branch", "transformer") for (_, item) in math[name]
    )
    for l in axes(feeder.branch, 1)
        phases, rating = branch_phases(feeder, l), feeder.branch[l, 9:11]
        any(isfinite, rating[phases]) || continue
        if linear
            add_hexagon!(pm, arc_of, l, phases, rating)
        elseif !haskey(arc_of, ("branch", line_name(l)))
            add_ideal_ampacity!(pm, arc_of["transformer", "t$l"], phases, rating)
        end
    end
    return nothing
end

function add_hexagon!(pm, arc_of, l, phases, rating)
    line = get(arc_of, ("branch", line_name(l)), nothing)
    arc = line === nothing ? arc_of["transformer", "t$l"] : line
    names = line === nothing ? (:pt, :qt) : (:p, :q)
    P, Q = (PMD.var(pm, name)[arc] for name in names)
    for c in phases
        isfinite(rating[c]) && hexagon!(pm.model, P[c], Q[c], rating[c])
    end
    return nothing
end

function add_ideal_ampacity!(pm, arc, phases, rating)
    P, Q = PMD.var(pm, :pt)[arc], PMD.var(pm, :qt)[arc]
    for c in phases
        isfinite(rating[c]) || continue
        v = squared_voltage(pm, arc[2], c)
        JuMP.@constraint(pm.model, P[c]^2 + Q[c]^2 <= rating[c]^2 * v)
    end
    return nothing
end

# Its powers are products: currents are what is limited.
function add_ideal_ampacity!(pm::PMD.AbstractUnbalancedIVRModel, arc, phases, rating)
    R, J = PMD.var(pm, :crt)[arc], PMD.var(pm, :cit)[arc]
    for c in phases
        isfinite(rating[c]) && JuMP.@constraint(pm.model, R[c]^2 + J[c]^2 <= rating[c]^2)
    end
    return nothing
end

function add_ideal_ampacity!(pm::PMD.SOCConicUBFModel, arc, phases, rating)
    P, Q = PMD.var(pm, :pt)[arc], PMD.var(pm, :qt)[arc]
    for c in phases
        isfinite(rating[c]) || continue
        w = PMD.var(pm, :w, arc[2])[c]
        cone = JuMP.AffExpr[w, 0.5 * rating[c]^2, P[c], Q[c]]
        JuMP.@constraint(pm.model, cone in JuMP.RotatedSecondOrderCone())
    end
    return nothing
end

squared_voltage(pm::PMD.AbstractUnbalancedACPModel, bus, c) = PMD.var(pm, :vm, bus)[c]^2
squared_voltage(
    pm::Union{PMD.AbstractUnbalancedACRModel,PMD.AbstractUnbalancedIVRModel},
    bus,
    c,
) = PMD.var(pm, :vr, bus)[c]^2 + PMD.var(pm, :vi, bus)[c]^2
squared_voltage(pm::PMD.SOCConicUBFModel, bus, c) = PMD.var(pm, :w, bus)[c]
