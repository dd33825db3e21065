# Reconfiguration by outer approximation: HiGHS solves linear programs, tangents stand for squares.

const OA_GAP = 1e-6
# At HiGHS's own tolerances rows violated by a trifle keep the bound from reaching the gap.
const OA_FEASIBILITY = 1e-9
const OA_ROOT_ROUNDS = 60

"""
    outer_approximation(problem; start=nothing, time_limit=Inf) -> NamedTuple

Minimise the loss with tangent cuts `t ≥ 2(p̂P + q̂Q) - (p̂² + q̂²) closed`, which hold for every
`p̂`, `q̂`: first on the relaxation until its bound settles, then around the integer program, whose
dual bound is a bound of the problem at every moment. See [`reconfigure`](@ref) for the answer.
"""
function outer_approximation(
    problem::RadialProblem;
    start::Union{Nothing,AbstractVector{Bool}} = nothing,
    time_limit::Real = Inf,
)
    begin_at = time()
    left() = time_limit - (time() - begin_at)
    model = JuMP.Model(
        highs(
            "mip_rel_gap" => 0.1 * OA_GAP,
            "mip_abs_gap" => 0.0,
            "mip_feasibility_tolerance" => OA_FEASIBILITY,
            "primal_feasibility_tolerance" => OA_FEASIBILITY,
        ),
    )
    x = add_radial!(model, problem)
    t = JuMP.@variable(model, [edges(problem)], lower_bound = 0.0)
    JuMP.@objective(model, Min, sum(problem.weight[e] * t[e] for e in edges(problem)))
    best = (closed = Bool[], objective = Inf)
    consider(states) = begin
        flows = tree_flows(problem, states)
        flows === nothing && return false
        value = loss(problem, flows[1], flows[2])
        value < best.objective && (best = (; closed = Vector{Bool}(states), objective = value))
        add_tangents!(model, problem, x, t, flows[1], flows[2])
        return true
    end
    if start !== nothing
        consider(start) || throw(ArgumentError("start: the closed edges are not a spanning tree"))
    end
    bound, nodes = 0.0, 0
    if tree_flows(problem, minimum_spanning_tree(problem)) !== nothing
        bound = root_bound!(model, problem, x, t, left)
    end
    status, raw = "time_limit", "TIME_LIMIT"
    while left() > 0
        limit_time!(model, left())
        isempty(best.closed) || set_incumbent!(problem, x, t, best.closed)
        JuMP.optimize!(model)
        raw = raw_status(model)
        ended = JuMP.termination_status(model)
        if ended == MOI.INFEASIBLE
            status = "infeasible"
            break
        end
        nodes += max(0, node_count(model))
        tangent_bound = proven_bound(model)
        isnan(tangent_bound) || (bound = max(bound, tangent_bound))
        JuMP.has_values(model) && consider(JuMP.value.(x.closed) .> 0.5)
        if isfinite(best.objective) && best.objective - bound <= OA_GAP * best.objective
            status = "optimal"
            break
        end
        if ended != MOI.OPTIMAL
            status = ended == MOI.TIME_LIMIT ? "time_limit" : "not_found"
            break
        end
    end
    objective = isempty(best.closed) ? NaN : best.objective
    return (;
        status,
        closed = best.closed,
        objective,
        # Tangents lie below the loss, but sums round.
        bound = min(bound, isnan(objective) ? bound : objective),
        raw,
        nodes,
        seconds = time() - begin_at,
    )
end

function root_bound!(model, problem, x, t, left)
    restore = JuMP.relax_integrality(model)
    bound, stalled = NaN, 0
    P, Q = tree_flows(problem, minimum_spanning_tree(problem))[1:2]
    for scale in (0.1, 0.3, 1.0)
        add_tangents!(model, problem, x, t, scale .* P, scale .* Q)
        add_tangents!(model, problem, x, t, -scale .* P, -scale .* Q)
    end
    for _ in 1:OA_ROOT_ROUNDS
        left() > 0 || break
        limit_time!(model, left())
        JuMP.optimize!(model)
        JuMP.termination_status(model) == MOI.OPTIMAL || break
        before, bound = bound, proven_bound(model)
        closed = max.(JuMP.value.(x.closed), 1e-6)
        P = JuMP.value.(x.P) ./ closed
        Q = isempty(x.Q) ? zero(P) : JuMP.value.(x.Q) ./ closed
        add_tangents!(model, problem, x, t, P, Q)
        stalled = bound - before <= 1e-4 * abs(bound) ? stalled + 1 : 0
        stalled == 3 && break
    end
    restore()
    return isnan(bound) ? 0.0 : max(bound, 0.0)
end

function add_tangents!(model, problem, x, t, P, Q)
    for e in edges(problem)
        p, q = P[e], isempty(x.Q) ? 0.0 : Q[e]
        abs(p) + abs(q) <= 1e-12 && continue
        slope = isempty(x.Q) ? 2p * x.P[e] : 2p * x.P[e] + 2q * x.Q[e]
        JuMP.@constraint(model, t[e] >= slope - (p^2 + q^2) * x.closed[e])
    end
    return nothing
end

function set_incumbent!(problem, x, t, closed)
    P, Q = set_start!(problem, x, closed)
    JuMP.set_start_value.(t, P .^ 2 .+ Q .^ 2)
    return nothing
end
