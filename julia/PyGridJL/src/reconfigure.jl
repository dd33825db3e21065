# Reconfiguration with the linear flow model as a mixed-integer program.

"""
    RadialVariables

The variables of a radial model: states, flows, and the commodity that makes closed edges connect.
"""
struct RadialVariables
    closed::Vector{JuMP.VariableRef}
    P::Vector{JuMP.VariableRef}
    Q::Vector{JuMP.VariableRef}
    commodity::Vector{JuMP.VariableRef}
end

"""
    add_radial!(model, problem) -> RadialVariables

Add states and flows: power balance at every node, no flow on open edges, `n - 1` closed edges, and
one unit of a commodity from the root to every node over closed edges, so that they form a tree.
`Q` is empty if no reactive power flows.
"""
function add_radial!(model::JuMP.AbstractModel, problem::RadialProblem)
    closed = JuMP.@variable(model, [edges(problem)], Bin)
    for e in edges(problem)
        problem.forced[e] && JuMP.@constraint(model, closed[e] == 1)
    end
    P = add_flow!(model, problem, closed, problem.p)
    Q = has_q(problem) ? add_flow!(model, problem, closed, problem.q) : JuMP.VariableRef[]
    demand = fill(-1.0, problem.n)
    demand[problem.root] = problem.n - 1.0
    commodity = add_flow!(model, problem, closed, demand)
    JuMP.@constraint(model, sum(closed) == problem.n - 1)
    return RadialVariables(closed, P, Q, commodity)
end

function add_flow!(model, problem::RadialProblem, closed, injection)
    most = total_supply(injection)
    flow = JuMP.@variable(model, [edges(problem)], lower_bound = -most, upper_bound = most)
    for (node, ends) in enumerate(incident(problem))
        JuMP.@constraint(model, sum(s * flow[e] for (e, s) in ends) == injection[node])
    end
    JuMP.@constraint(model, [e = edges(problem)], flow[e] <= most * closed[e])
    JuMP.@constraint(model, [e = edges(problem)], flow[e] >= -most * closed[e])
    return flow
end

function set_start!(problem::RadialProblem, x::RadialVariables, start::AbstractVector{Bool})
    flows = tree_flows(problem, start)
    flows === nothing && throw(ArgumentError("start: the closed edges are not a spanning tree"))
    P, Q, below = flows
    JuMP.set_start_value.(x.closed, Float64.(start))
    JuMP.set_start_value.(x.P, P)
    isempty(x.Q) || JuMP.set_start_value.(x.Q, Q)
    JuMP.set_start_value.(x.commodity, below)
    return P, Q
end

"""
    reconfigure(problem, solver; start=nothing, time_limit=Inf) -> NamedTuple

Find the spanning tree of least loss.

`solver` is `"scip"` (mixed-integer second-order cone), `"pajarito"` (the same cone by outer
approximation with HiGHS and Clarabel), `"highs-oa"` (own outer approximation with HiGHS) or
`"juniper"` (nonlinear branch and bound with Ipopt and HiGHS, the local solver that other tools
run on this problem). The first three prove their answer. Juniper does not: as it comes
(`"juniper-plain"`: Ipopt's own tolerances, no feasibility pump, data in whatever units they have),
it claims a wrong optimum on a convex instance of 11 nodes. So its answer is `"feasible"` at most
and its bound is not returned.

`start` is a spanning tree to begin with. The answer holds `status`, `closed`, `objective` (computed
from the tree, not read from the solver), `bound`, `raw`, `nodes` (branch and bound, -1 if not told)
and `seconds`.
"""
function reconfigure(
    problem::RadialProblem,
    solver::AbstractString;
    start::Union{Nothing,AbstractVector{Bool}} = nothing,
    time_limit::Real = Inf,
)
    scaled, factor = solver == "juniper-plain" ? (problem, 1.0) : normalised(problem)
    answer = if solver == "highs-oa"
        outer_approximation(scaled; start, time_limit)
    else
        by_solver(scaled, solver, start, time_limit)
    end
    return (; answer..., objective = answer.objective * factor, bound = answer.bound * factor)
end

"""
    radial_reconfigure(n, root, tail, head, weight, p, q, forced, solver, start, time_limit)

[`reconfigure`](@ref) from arrays of any kind; an empty `start` is none.
"""
function radial_reconfigure(
    @nospecialize(n::Integer),
    @nospecialize(root::Integer),
    @nospecialize(tail),
    @nospecialize(head),
    @nospecialize(weight),
    @nospecialize(p),
    @nospecialize(q),
    @nospecialize(forced),
    @nospecialize(solver::AbstractString),
    @nospecialize(start),
    @nospecialize(time_limit::Real),
)
    problem = RadialProblem(
        n,
        root,
        own_integers(tail),
        own_integers(head),
        own_vector(weight),
        own_vector(p),
        own_vector(q),
        own_states(forced),
    )
    tree = isempty(start) ? nothing : own_states(start)
    return reconfigure(problem, String(solver); start = tree, time_limit = Float64(time_limit))
end

function by_solver(problem, solver, start, time_limit)
    known = ("highs-oa", "scip", "pajarito", "juniper", "juniper-plain")
    solver in known || throw(ArgumentError("solver: $solver is none of $(join(known, ", "))"))
    exact = !startswith(solver, "juniper")
    model = JuMP.Model(optimizer(Val(Symbol(solver))))
    limit_time!(model, time_limit)
    x = add_radial!(model, problem)
    if exact
        add_cone_loss!(model, problem, x, start; conic = solver == "pajarito")
    else
        add_quadratic_loss!(model, problem, x, start)
    end
    seconds = @elapsed quietly(() -> JuMP.optimize!(model))
    # Pajarito remarks on its own model when it is asked for its bound.
    return quietly(() -> radial_answer(problem, model, x, seconds; proven = exact))
end

"""
    optimizer(::Val{solver})

A solver that an extension provides: `:scip` with SCIP, `:pajarito` with Pajarito, `:juniper` and
`Symbol("juniper-plain")` with Juniper.
"""
function optimizer(::Val{solver}) where {solver}
    package = solver == :scip ? "SCIP" : solver == :pajarito ? "Pajarito" : "Juniper"
    throw(ArgumentError("solver $solver needs the package $package: load it first"))
end

# t · closed ≥ P² + Q², the perspective of the loss: tight for fractional states. SCIP recognises
# the cone in the quadratic constraint; Pajarito wants it named.
function add_cone_loss!(model, problem::RadialProblem, x::RadialVariables, start; conic::Bool)
    most = total_supply(problem.p)^2 + total_supply(problem.q)^2
    t = JuMP.@variable(model, [edges(problem)], lower_bound = 0.0, upper_bound = most)
    for e in edges(problem)
        flows = isempty(x.Q) ? [x.P[e]] : [x.P[e], x.Q[e]]
        if conic
            cone = [t[e], 0.5 * x.closed[e], flows...]
            JuMP.@constraint(model, cone in JuMP.RotatedSecondOrderCone())
        else
            JuMP.@constraint(model, sum(flow^2 for flow in flows) <= t[e] * x.closed[e])
        end
    end
    JuMP.@objective(model, Min, sum(problem.weight[e] * t[e] for e in edges(problem)))
    if start !== nothing
        P, Q = set_start!(problem, x, start)
        JuMP.set_start_value.(t, P .^ 2 .+ Q .^ 2)
    end
    return nothing
end

function add_quadratic_loss!(model, problem::RadialProblem, x::RadialVariables, start)
    flows = isempty(x.Q) ? (x.P,) : (x.P, x.Q)
    JuMP.@objective(
        model,
        Min,
        sum(problem.weight[e] * flow[e]^2 for flow in flows for e in edges(problem))
    )
    start === nothing || set_start!(problem, x, start)
    return nothing
end

function radial_answer(problem, model, x::RadialVariables, seconds; proven::Bool)
    status = outcome(model; proven)
    closed, objective = falses(0), NaN
    if JuMP.has_values(model)
        states = JuMP.value.(x.closed) .> 0.5
        flows = tree_flows(problem, states)
        if flows !== nothing
            closed, objective = states, loss(problem, flows[1], flows[2])
        end
    end
    # A solver may be off by its tolerances; a claim without a tree is worth nothing.
    if isempty(closed) && status in ("optimal", "feasible")
        status = "not_found"
    end
    bound = proven ? proven_bound(model) : NaN
    # A bound above the loss of a tree at hand is the solver's tolerance.
    isnan(objective) || (bound = min(bound, objective))
    return (;
        status,
        closed = Vector{Bool}(closed),
        objective,
        bound,
        raw = raw_status(model),
        nodes = node_count(model),
        seconds,
    )
end
