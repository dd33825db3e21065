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
    closed = JuMP.@variable(model, [edges(problem)], Bin, base_name = "closed")
    for e in edges(problem)
        problem.forced[e] && JuMP.@constraint(model, closed[e] == 1)
    end
    P = add_flow!(model, problem, closed, problem.p, "P")
    Q = has_q(problem) ? add_flow!(model, problem, closed, problem.q, "Q") : JuMP.VariableRef[]
    demand = fill(-1.0, problem.n)
    demand[problem.root] = problem.n - 1.0
    commodity = add_flow!(model, problem, closed, demand, "commodity")
    JuMP.@constraint(model, sum(closed) == problem.n - 1)
    return RadialVariables(closed, P, Q, commodity)
end

function add_flow!(model, problem::RadialProblem, closed, injection, base_name)
    most = total_supply(injection)
    flow = JuMP.@variable(
        model,
        [edges(problem)],
        lower_bound = -most,
        upper_bound = most,
        base_name = base_name,
    )
    for (node, ends) in enumerate(incident(problem))
        JuMP.@constraint(model, sum(s * flow[e] for (e, s) in ends; init = 0.0) == injection[node])
    end
    JuMP.@constraint(model, [e = edges(problem)], flow[e] <= most * closed[e])
    JuMP.@constraint(model, [e = edges(problem)], flow[e] >= -most * closed[e])
    return flow
end

function radial_losses(problem::RadialProblem, x::RadialVariables)
    most = total_supply(problem.p)^2 + total_supply(problem.q)^2
    return map(edges(problem)) do e
        flows = isempty(x.Q) ? [x.P[e]] : [x.P[e], x.Q[e]]
        one = Matrix{Float64}(I, length(flows), length(flows))
        return Loss(flows, one, problem.weight[e], x.closed[e], most)
    end
end

# Flows by edge on a tree, as the losses hold them; `nothing` if it is none.
function radial_flows(problem::RadialProblem, closed::AbstractVector{Bool})
    flows = tree_flows(problem, closed)
    flows === nothing && return nothing
    P, Q, _ = flows
    return has_q(problem) ? [[P[e], Q[e]] for e in edges(problem)] : [[P[e]] for e in edges(problem)]
end

function set_start!(problem::RadialProblem, x::RadialVariables, start::AbstractVector{Bool})
    P, Q, below = tree_flows(problem, start)
    JuMP.set_start_value.(x.closed, Float64.(start))
    JuMP.set_start_value.(x.P, P)
    isempty(x.Q) || JuMP.set_start_value.(x.Q, Q)
    JuMP.set_start_value.(x.commodity, below)
    return nothing
end

"""
    reconfigure(problem, solver; start=nothing, time_limit=Inf, write_model="") -> NamedTuple

Find the spanning tree of least loss with a [`Solver`](@ref) that has integers. Those with
second-order cones or quadratic constraints get the perspective of the loss, those with quadratic
objectives that, and mixed-integer linear ones (HiGHS) outer approximation.

Juniper is a local solver and proves nothing: as it comes (`Solver("Juniper"; plain=true)`, which
also leaves the data in whatever units they have) it claims a wrong optimum on a convex instance of
11 nodes. So its answer is `"feasible"` at most and its bound is not returned.

`start` is a spanning tree to begin with; `write_model` names a file for the program as it stands,
with the loss as a quadratic objective. The answer holds `status`, `closed`, `objective` (computed
from the tree, not read from the solver), `bound`, `raw`, `nodes` (branch and bound, -1 if not
told), `trace` (see [`Trace`](@ref)), `notes`, `build_seconds` and `solve_seconds`.
"""
function reconfigure(
    problem::RadialProblem,
    solver::Solver;
    start::Union{Nothing,AbstractVector{Bool}} = nothing,
    time_limit::Real = Inf,
    write_model::AbstractString = "",
)
    start === nothing ||
        tree_flows(problem, start) !== nothing ||
        refuse("start: the closed edges are not a spanning tree")
    form = square_form(solver)
    if !isempty(write_model)
        model = JuMP.Model()
        add_losses!(model, radial_losses(problem, add_radial!(model, problem)), :objective)
        save_model(model, write_model)
    end
    began = time()
    scaled, factor = solver.plain ? (problem, 1.0) : normalised(problem)
    answer = if form == :tangents
        by_tangents(scaled, solver, start, Float64(time_limit))
    else
        by_solver(scaled, solver, form, start, Float64(time_limit))
    end
    return (;
        answer...,
        objective = answer.objective * factor,
        bound = answer.bound * factor,
        trace = as_matrix(answer.trace, factor),
        solution = Dict{String,Any}(),
        build_seconds = 0.0,
        solve_seconds = time() - began,
    )
end

"""
    radial_reconfigure(n, root, tail, head, weight, p, q, forced, start, solver=nothing,
                       time_limit=Inf, write_model="")

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
    @nospecialize(start),
    solver::Union{Nothing,Solver} = nothing,
    @nospecialize(time_limit::Real = Inf),
    @nospecialize(write_model::AbstractString = ""),
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
    chosen = solver === nothing ? Solver(default_solver("radial_reconfigure", "")) : solver
    return reconfigure(
        problem,
        chosen;
        start = tree,
        time_limit = Float64(time_limit),
        write_model = String(write_model),
    )
end

function by_tangents(problem, solver, start, time_limit)
    model, trace, notes = JuMP.Model(), Trace(), String[]
    x = add_radial!(model, problem)
    squares = add_losses!(model, radial_losses(problem, x), :tangents)
    seeds = start === nothing ? Vector{Bool}[] : [Vector{Bool}(start)]
    # Where nothing is known the minimum spanning tree lends its tangents, and is an answer.
    isempty(seeds) && push!(seeds, minimum_spanning_tree(problem))
    answer = outer_approximation!(
        model,
        squares,
        x.closed,
        closed -> allowed(problem, closed) ? radial_flows(problem, closed) : nothing,
        solver;
        seeds,
        time_limit,
        notes,
        trace,
    )
    return (; answer..., trace, notes)
end

allowed(problem::RadialProblem, closed) = all(closed[e] || !problem.forced[e] for e in edges(problem))

function by_solver(problem, solver, form, start, time_limit)
    began = time()
    model, trace, notes = JuMP.Model(), Trace(), String[]
    attach!(model, solver, time_limit)
    x = add_radial!(model, problem)
    squares = add_losses!(model, radial_losses(problem, x), form)
    if start !== nothing
        set_start!(problem, x, start)
        flows = radial_flows(problem, start)
        for (square, f) in zip(squares, flows)
            JuMP.set_start_value(square.t, form_value(square.loss.matrix, f))
        end
        note!(trace, time() - began, loss(problem, tree_flows(problem, start)[1:2]...), NaN)
    end
    watch!(trace, model, solver, began)
    limit_time!(model, time_limit - (time() - began))
    run_solver!(model, solver)
    seconds = time() - began
    # Pajarito remarks on its own model when it is asked for its bound.
    read() = radial_answer(problem, model, x, proves(solver), notes)
    answer = quietly(read, kind(solver))
    note!(trace, seconds, answer.objective, answer.bound)
    return (; answer..., trace, notes)
end

"""
    watch!(trace, model, solver, began)

Let a solver note its incumbents and bounds as they come, where its package has callbacks; an
extension says how.
"""
watch!(trace::Trace, model::JuMP.AbstractModel, solver::Solver, began::Float64) =
    watch!(kind(solver), trace, model, began)
watch!(::Val, ::Trace, ::JuMP.AbstractModel, ::Float64) = nothing

function radial_answer(problem, model, x::RadialVariables, proven::Bool, notes)
    status = outcome(model; proven)
    closed, objective = Bool[], NaN
    if has_point(model)
        states = Vector{Bool}(JuMP.value.(x.closed) .> 0.5)
        flows = tree_flows(problem, states)
        if flows !== nothing && allowed(problem, states)
            closed, objective = states, loss(problem, flows[1], flows[2])
        end
    end
    # A solver may be off by its tolerances; a claim without a tree is worth nothing.
    isempty(closed) && status in ("optimal", "feasible") && (status = "not_found")
    status, bound = reconciled(status, proven ? proven_bound(model) : NaN, objective, notes)
    return (; status, closed, objective, bound, raw = raw_status(model), nodes = node_count(model))
end
