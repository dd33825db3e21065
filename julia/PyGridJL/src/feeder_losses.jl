# The two objectives of a feeder's reconfiguration: import in AC, quadratic losses in the linear
# model.

# Angle of each phase at nominal voltages, rad.
const NOMINAL_ANGLES = (0.0, -2π / 3, 2π / 3)

"""
    loss_matrix(r, phases) -> Matrix

The matrix M with `[p; q]' M [p; q] = IᴴRI`, the losses of currents at 1 p.u. and nominal angles:
`[C S; -S C]` with `C = R ∘ cos Δ`, `S = R ∘ sin Δ` and Δ the differences of the angles.
"""
function loss_matrix(r::AbstractMatrix, phases)
    angle = [NOMINAL_ANGLES[c] for c in phases]
    apart = [b - a for a in angle, b in angle]
    C, S = r .* cos.(apart), r .* sin.(apart)
    return [C S; -S C]
end

# Losses of every branch, as the linear model has them; flows of a branch behind a switch vanish
# with it.
function linear_losses(case::SwitchingCase)
    pm, losses = case.pm, Loss[]
    state_of = Dict(line_name(l) => z for (l, z) in zip(case.rows, case.z))
    most = 2 * case.most^2
    for i in PMD.ids(pm, :branch)
        branch = PMD.ref(pm, :branch, i)
        arc, phases = (i, branch["f_bus"], branch["t_bus"]), branch["f_connections"]
        weight = maximum(abs, branch["br_r"])
        weight > 0 || continue
        matrix = loss_matrix(branch["br_r"] ./ weight, phases)
        lowest = minimum(eigvals(Symmetric(matrix)))
        lowest < -1e-9 && refuse("branch $(branch["name"]): its resistances give negative losses")
        flows = [by_phase(PMD.var(pm, :p), arc, phases); by_phase(PMD.var(pm, :q), arc, phases)]
        size = opnorm(matrix) * most
        push!(losses, Loss(flows, matrix, PERCENT * weight, get(state_of, branch["name"], nothing), size))
    end
    return losses
end

function least_linear_loss(case::SwitchingCase, form, solver, start, time_limit, write_model)
    model, began = case.pm.model, time()
    losses = linear_losses(case)
    if !isempty(write_model)
        add_losses!(model, losses, :objective)
        save_model(model, write_model)
    end
    squares = add_losses!(model, losses, form)
    trace = Trace()
    if form == :tangents
        flows_of(closed) = flows_of_tree(model, case.z, losses, closed, solver)
        answer = outer_approximation!(
            model,
            squares,
            case.z,
            flows_of,
            solver;
            seeds = isempty(start) ? Vector{Bool}[] : [start],
            time_limit,
            case.notes,
            trace,
        )
        return (; answer..., trace, solution = Dict{String,Any}())
    end
    if !isempty(start)
        continuous = Solver(form == :cone ? "Clarabel" : "Ipopt")
        note!(trace, 0.0, complete_start!(model, case.z, start, continuous, case.notes), NaN)
    end
    attach!(model, solver, time_limit - (time() - began))
    answer = solved_states(case, solver, trace, began)
    objective = isempty(answer.closed) ? NaN : total_loss(losses, answer.flows(losses))
    return (; answer..., objective, trace)
end

# Flows of the linear model on one tree, or `nothing` if it keeps no limits there.
function flows_of_tree(model, z, losses, closed, solver)
    with_fixed_states(model, z, closed) do
        run_solver!(model, solver)
        has_point(model) || return nothing
        return [JuMP.value.(l.flows) for l in losses]
    end
end

# Integrality goes with the fixing: local solvers have no integers.
function with_fixed_states(f, model, z, closed)
    JuMP.unset_binary.(z)
    JuMP.fix.(z, Float64.(closed))
    try
        return f()
    finally
        JuMP.unfix.(z)
        JuMP.set_binary.(z)
    end
end

"""
    complete_start!(model, z, start, solver, notes)

Give every variable the value it has when the states are those of `start`, as `solver` (without
integers) finds them; only the states if it finds none.
"""
function complete_start!(model, z, start, solver, notes)
    values = with_fixed_states(model, z, start) do
        attach!(model, solver)
        run_solver!(model, solver)
        found = nothing
        if has_point(model)
            variables = JuMP.all_variables(model)
            found = variables, JuMP.value.(variables), JuMP.objective_value(model)
        end
        # It would refuse the states when they are binary again.
        MOI.Utilities.drop_optimizer(JuMP.backend(model))
        return found
    end
    if values === nothing
        push!(notes, "the start has no operating point within the limits: only its states are given")
        JuMP.set_start_value.(z, Float64.(start))
        return NaN
    end
    variables, point, objective = values
    JuMP.set_start_value.(variables, point)
    JuMP.set_start_value.(z, Float64.(start))
    return objective
end

function least_loss(case::SwitchingCase, solver, start, time_limit, write_model)
    model, began = case.pm.model, time()
    JuMP.@objective(model, Min, case.import_power)
    isempty(write_model) || save_model(model, write_model)
    trace = Trace()
    if !isempty(start)
        conic = case.pm isa PMD.SOCConicUBFModel
        objective =
            complete_start!(model, case.z, start, Solver(conic ? "Clarabel" : "Ipopt"), case.notes)
        note!(trace, time() - began, objective, NaN)
    end
    attach!(model, solver, time_limit - (time() - began))
    answer = solved_states(case, solver, trace, began)
    return (; answer..., trace)
end

function solved_states(case::SwitchingCase, solver, trace, began)
    model = case.pm.model
    watch!(trace, model, solver, began)
    run_solver!(model, solver)
    seconds = time() - began
    found = quietly(kind(solver)) do
        proven = proves(solver)
        answered = has_point(model)
        return (;
            status = outcome(model; proven),
            raw = raw_status(model),
            closed = answered ? Vector{Bool}(JuMP.value.(case.z) .> 0.5) : Bool[],
            objective = answered ? JuMP.objective_value(model) : NaN,
            bound = proven ? proven_bound(model) : NaN,
            nodes = node_count(model),
            solution = answered ? pmd_solution(case.pm) : Dict{String,Any}(),
        )
    end
    note!(trace, seconds, found.objective, found.bound)
    flows(losses) = [JuMP.value.(l.flows) for l in losses]
    return (; found..., flows)
end

pmd_solution(pm) =
    InfrastructureModels.build_solution(pm; post_processors = [PMD.sol_data_model!])
