# Convex losses of flows that exist only where a state is 1, in every form that solvers take; and
# outer approximation for those that take none: tangents stand for the squares.

const OA_GAP = 1e-6
# At HiGHS's own tolerances rows violated by a trifle keep the bound from reaching the gap.
const OA_FEASIBILITY = 1e-9
const OA_ROOT_ROUNDS = 60
# Rounds in which neither the answer nor the bound moves before it is given up.
const OA_STALLS = 3

"""
    Loss(flows, matrix, weight, state, most)

The loss `weight · flows' matrix flows` of flows that are zero unless `state` is 1 (`nothing`: a
branch that is always closed). The matrix is positive semidefinite; `most` bounds the quadratic
form.
"""
struct Loss
    flows::Vector{JuMP.VariableRef}
    matrix::Matrix{Float64}
    weight::Float64
    state::Union{Nothing,JuMP.VariableRef}
    most::Float64
end

"""
    Square(t, loss)

A variable that stands for the quadratic form of a [`Loss`](@ref), from above.
"""
struct Square
    t::JuMP.VariableRef
    loss::Loss
end

form_value(matrix, flows) = dot(flows, matrix, flows)

total_loss(losses::Vector{Loss}, flows) =
    sum(l.weight * form_value(l.matrix, f) for (l, f) in zip(losses, flows); init = 0.0)

"""
    add_losses!(model, losses, form) -> Vector{Square}

Make the sum of the losses the objective, in a form of [`square_form`](@ref). The perspective
`t · state ≥ flows' matrix flows` is tight for fractional states.
"""
function add_losses!(model::JuMP.AbstractModel, losses::Vector{Loss}, form::Symbol)
    if form == :objective
        total = JuMP.QuadExpr()
        for l in losses
            JuMP.add_to_expression!(total, l.weight, l.flows' * l.matrix * l.flows)
        end
        JuMP.@objective(model, Min, total)
        return Square[]
    end
    squares = Square[]
    for l in losses
        t = JuMP.@variable(model, lower_bound = 0.0, upper_bound = l.most)
        push!(squares, Square(t, l))
        form == :tangents && continue
        state = l.state === nothing ? 1.0 : l.state
        if form == :cone
            root = matrix_root(l.matrix)
            cone = JuMP.AffExpr[1.0 * t, 0.5 * state, (root * l.flows)...]
            JuMP.@constraint(model, cone in JuMP.RotatedSecondOrderCone())
        else
            JuMP.@constraint(model, l.flows' * l.matrix * l.flows <= t * state)
        end
    end
    JuMP.@objective(model, Min, sum(s.loss.weight * s.t for s in squares; init = 0.0))
    return squares
end

# U with U'U = M, rows of zeros left out.
function matrix_root(M::Matrix{Float64})
    values, vectors = eigen(Symmetric(M))
    kept = findall(>(1e-12 * maximum(values)), values)
    return sqrt.(values[kept]) .* permutedims(vectors[:, kept])
end

# t ≥ 2 f̂'M f - f̂'M f̂ state holds for every f̂, be the branch closed or open.
function add_tangents!(model::JuMP.AbstractModel, squares::Vector{Square}, flows)
    for (square, at) in zip(squares, flows)
        l = square.loss
        slope = l.matrix * at
        value = dot(at, slope)
        value <= 1e-24 && continue
        state = l.state === nothing ? 1.0 : l.state
        JuMP.@constraint(model, square.t >= 2 * dot(slope, l.flows) - value * state)
    end
    return nothing
end

# Tighter than HiGHS comes; other packages keep their own tolerances.
tangent_settings(::Val) = Pair{String,Any}[]
tangent_settings(::Val{:HiGHS}) = Pair{String,Any}[
    "mip_rel_gap"=>0.1*OA_GAP,
    "mip_abs_gap"=>0.0,
    "mip_feasibility_tolerance"=>OA_FEASIBILITY,
    "primal_feasibility_tolerance"=>OA_FEASIBILITY,
]

with_tangent_settings(solver::Solver) = solver.plain ? solver : Solver(
    solver.package,
    [tangent_settings(kind(solver)); solver.options],
    false,
    solver.verbose,
)

"""
    outer_approximation!(model, squares, states, flows_of, solver; …) -> NamedTuple

Solve `model` with tangents in place of `squares`: first its relaxation until the bound settles,
then the integer program in rounds, whose dual bound is a bound of the problem at every moment.

`flows_of(closed)` returns the flows of each loss for an assignment of the states, or `nothing` if
it is none; `seeds` are assignments to begin with. Units should make the loss between 1 and 100. It
ends as `"optimal"` at a gap of 1e-6, and as `"feasible"` with a
note when neither answer nor bound moves any more.
"""
function outer_approximation!(
    model::JuMP.AbstractModel,
    squares::Vector{Square},
    states::Vector{JuMP.VariableRef},
    flows_of,
    solver::Solver;
    seeds::Vector{Vector{Bool}} = Vector{Bool}[],
    time_limit::Float64 = Inf,
    notes::Vector{String} = String[],
    trace::Trace = Trace(),
)
    began = time()
    left() = time_limit - (time() - began)
    losses = [square.loss for square in squares]
    best, best_flows, objective, nodes = Bool[], Vector{Float64}[], Inf, 0
    function consider(closed)
        flows = flows_of(closed)
        flows === nothing && return Vector{Float64}[]
        value = total_loss(losses, flows)
        if value < objective
            best, best_flows, objective = closed, flows, value
        end
        add_tangents!(model, squares, flows)
        return flows
    end
    attach!(model, with_tangent_settings(solver), time_limit)
    known = filter(!isempty, map(consider, seeds))
    isempty(best) || note!(trace, time() - began, objective, NaN)
    bound = root_bound!(model, squares, known, solver, left)
    note!(trace, time() - began, isempty(best) ? NaN : objective, bound)
    status, raw, stalls = "time_limit", "TIME_LIMIT", 0
    while left() > 0
        limit_time!(model, left())
        isempty(best) || set_incumbent!(squares, states, best, best_flows)
        run_solver!(model, solver)
        raw, ended = raw_status(model), JuMP.termination_status(model)
        if ended == MOI.INFEASIBLE
            status = isempty(best) ? "infeasible" : "feasible"
            isempty(best) || push!(notes, "the last round was called infeasible: no proof")
            break
        end
        nodes += max(0, node_count(model))
        before = (objective, bound)
        told_bound = proven_bound(model)
        isnan(told_bound) || (bound = max(bound, told_bound))
        has_point(model) && consider(Vector{Bool}(JuMP.value.(states) .> 0.5))
        note!(trace, time() - began, isempty(best) ? NaN : objective, bound)
        if !isempty(best) && objective - bound <= OA_GAP * objective
            status = "optimal"
            break
        end
        if ended != MOI.OPTIMAL
            status = ended == MOI.TIME_LIMIT ? "time_limit" : isempty(best) ? "not_found" : "feasible"
            break
        end
        moved = objective < before[1] || bound > before[2] + 1e-3 * OA_GAP * max(1.0, bound)
        stalls = moved ? 0 : stalls + 1
        if stalls == OA_STALLS
            gap = short(100 * (objective - bound) / objective)
            push!(notes, "outer approximation came to rest at a gap of $gap %")
            status = isempty(best) ? "not_found" : "feasible"
            break
        end
    end
    objective = isempty(best) ? NaN : objective
    status, bound = reconciled(status, bound, objective, notes)
    return (; status, raw, closed = best, objective, bound, nodes)
end

# The bound of the relaxation, and the tangents that make it.
function root_bound!(model, squares, known, solver, left)
    restore = JuMP.relax_integrality(model)
    for flows in known, scale in (0.1, 0.3, 1.0)
        add_tangents!(model, squares, [scale .* f for f in flows])
        add_tangents!(model, squares, [-scale .* f for f in flows])
    end
    bound, stalled = NaN, 0
    for _ in 1:OA_ROOT_ROUNDS
        left() > 0 || break
        limit_time!(model, left())
        run_solver!(model, solver)
        JuMP.termination_status(model) == MOI.OPTIMAL || break
        before, bound = bound, JuMP.objective_value(model)
        flows = map(squares) do square
            state = square.loss.state
            closed = state === nothing ? 1.0 : max(JuMP.value(state), 1e-6)
            return JuMP.value.(square.loss.flows) ./ closed
        end
        add_tangents!(model, squares, flows)
        stalled = bound - before <= 1e-4 * abs(bound) ? stalled + 1 : 0
        stalled == 3 && break
    end
    restore()
    return isnan(bound) ? 0.0 : max(bound, 0.0)
end

function set_incumbent!(squares, states, closed, flows)
    JuMP.set_start_value.(states, Float64.(closed))
    for (square, f) in zip(squares, flows)
        JuMP.set_start_value.(square.loss.flows, f)
        JuMP.set_start_value(square.t, form_value(square.loss.matrix, f))
    end
    return nothing
end
