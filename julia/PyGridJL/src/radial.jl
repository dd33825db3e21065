# Radial reconfiguration as arrays: a spanning tree of least loss.

"""
    RadialProblem(n, root, tail, head, weight, p, q, forced)

Choose a spanning tree of the `n` nodes among the edges `tail[e]`–`head[e]` that minimises
`Σ weight (P² + Q²)`, where `P` and `Q` are the flows that serve the net injections `p` and `q`
(both sum to zero). Edges marked `forced` are closed. Nodes count from 1.
"""
struct RadialProblem
    n::Int
    root::Int
    tail::Vector{Int}
    head::Vector{Int}
    weight::Vector{Float64}
    p::Vector{Float64}
    q::Vector{Float64}
    forced::Vector{Bool}

    function RadialProblem(n, root, tail, head, weight, p, q, forced)
        m = length(tail)
        length(head) == length(weight) == length(forced) == m ||
            refuse("tail, head, weight, forced: want equal lengths")
        length(p) == length(q) == n || refuse("p, q: want $n entries")
        1 <= root <= n || refuse("root: $root is not a node")
        all(i -> 1 <= i <= n, tail) && all(i -> 1 <= i <= n, head) ||
            refuse("tail, head: not a node")
        all(isfinite, weight) && all(isfinite, p) && all(isfinite, q) ||
            refuse("weight, p, q: want finite numbers")
        all(>=(0), weight) || refuse("weight: want no negative number")
        return new(n, root, tail, head, weight, p, q, forced)
    end
end

edges(problem::RadialProblem) = eachindex(problem.tail)
has_q(problem::RadialProblem) = any(!iszero, problem.q)

# Nothing can flow but what is injected somewhere.
total_supply(injection) = sum(x for x in injection if x > 0; init = 0.0)

function incident(problem::RadialProblem)
    at = [Tuple{Int,Float64}[] for _ in 1:problem.n]
    for e in edges(problem)
        push!(at[problem.tail[e]], (e, 1.0))
        push!(at[problem.head[e]], (e, -1.0))
    end
    return at
end

"""
    tree_flows(problem, closed) -> (P, Q, count) or nothing

Flows from tail to head on a spanning tree, and the number of nodes that hang below each edge,
with the sign of the direction away from the root. `nothing` if `closed` is no spanning tree.
"""
function tree_flows(problem::RadialProblem, closed::AbstractVector{Bool})
    count(closed) == problem.n - 1 || return nothing
    at = incident(problem)
    parent_edge = zeros(Int, problem.n)
    order = [problem.root]
    seen = falses(problem.n)
    seen[problem.root] = true
    for node in order
        for (e, _) in at[node]
            closed[e] || continue
            other = problem.tail[e] == node ? problem.head[e] : problem.tail[e]
            seen[other] && continue
            seen[other] = true
            parent_edge[other] = e
            push!(order, other)
        end
    end
    length(order) == problem.n || return nothing
    p, q, nodes = copy(problem.p), copy(problem.q), ones(problem.n)
    m = length(problem.tail)
    P, Q, below = zeros(m), zeros(m), zeros(m)
    for node in Iterators.reverse(order)
        e = parent_edge[node]
        e == 0 && continue
        # What a subtree injects leaves it towards its parent.
        sign = problem.tail[e] == node ? 1.0 : -1.0
        parent = problem.tail[e] == node ? problem.head[e] : problem.tail[e]
        P[e], Q[e], below[e] = sign * p[node], sign * q[node], -sign * nodes[node]
        p[parent] += p[node]
        q[parent] += q[node]
        nodes[parent] += nodes[node]
    end
    return (P, Q, below)
end

loss(problem::RadialProblem, P, Q) = sum(problem.weight .* (P .^ 2 .+ Q .^ 2))

"""
    normalised(problem) -> (scaled, factor)

The same problem in units in which solvers' tolerances mean the same for every network: supply of
1 and a loss of 100 for the minimum spanning tree. Multiply a loss by `factor` to go back.
"""
function normalised(problem::RadialProblem)
    supply = max(total_supply(problem.p), total_supply(problem.q))
    supply > 0 || return problem, 1.0
    p, q = problem.p ./ supply, problem.q ./ supply
    flows = tree_flows(problem, minimum_spanning_tree(problem))
    # A network that is not connected has no tree; the solver will say so.
    typical = flows === nothing ? 0.0 : loss(problem, flows[1], flows[2]) / supply^2
    weight_unit = typical > 0 ? typical / 100 : 1.0
    scaled = RadialProblem(
        problem.n,
        problem.root,
        problem.tail,
        problem.head,
        problem.weight ./ weight_unit,
        p,
        q,
        problem.forced,
    )
    return scaled, weight_unit * supply^2
end

# Kruskal, forced edges first.
function minimum_spanning_tree(problem::RadialProblem)
    parent = collect(1:problem.n)
    closed = fill(false, length(problem.tail))
    for e in sortperm(edges(problem); by = e -> (!problem.forced[e], problem.weight[e]))
        a, b = top!(parent, problem.tail[e]), top!(parent, problem.head[e])
        a == b && continue
        parent[a] = b
        closed[e] = true
    end
    return closed
end

# The root of a node in a union-find forest, whose paths are halved on the way.
function top!(parent::Vector{Int}, i::Int)
    while parent[i] != i
        parent[i] = parent[parent[i]]
        i = parent[i]
    end
    return i
end
