# A conic program as arrays, for any optimizer that has its cones.

"""
    conic_solve(cost, rows, cols, values, rhs, kinds, sizes, q_rows, q_cols, q_values, solver[,
                limit]) -> NamedTuple

Minimise `c'x + x'Px/2` subject to `Ax + s = b` with `s` in a product of cones.

`A` comes as 1-based triplets, `P` as those of its lower triangle, diagonal included. `kinds` and
`sizes` list the cones in the order of the rows: 1 equations, 2 inequalities, 3 a second-order cone
(its head first), 4 a positive semidefinite matrix of that order, whose upper triangle stands
column by column with entries off the diagonal times √2.

The answer holds `raw`, how the solver itself names its end; `x`, empty without one; the
multipliers `z` in the dual cones, with `Px + c + A'z = 0`, empty without them; `build_seconds` and
`solve_seconds`.
"""
conic_solve(
    cost,
    rows,
    cols,
    values,
    rhs,
    kinds,
    sizes,
    q_rows,
    q_cols,
    q_values,
    solver::Solver,
    limit::Real = Inf,
) = conic_solve(
    own_vector(cost),
    # Rows of A are columns of its transpose, next to each other in memory.
    sparse(own_integers(cols), own_integers(rows), own_vector(values), length(cost), length(rhs)),
    own_vector(rhs),
    own_integers(kinds),
    own_integers(sizes),
    (own_integers(q_rows), own_integers(q_cols), own_vector(q_values)),
    solver,
    Float64(limit),
)

function conic_solve(
    cost::Vector{Float64},
    transposed::SparseMatrixCSC{Float64,Int},
    rhs::Vector{Float64},
    kinds::Vector{Int},
    sizes::Vector{Int},
    quadratic::Tuple{Vector{Int},Vector{Int},Vector{Float64}},
    solver::Solver,
    limit::Float64,
)
    length(kinds) == length(sizes) || refuse("sizes: want $(length(kinds)) entries")
    for (name, data) in
        (("cost", cost), ("values", transposed.nzval), ("rhs", rhs), ("q_values", quadratic[3]))
        all(isfinite, data) || refuse("$name: holds NaN or infinity")
    end
    sets = [conic_set(kind, size) for (kind, size) in zip(kinds, sizes)]
    total = sum(MOI.dimension, sets; init = 0)
    total == length(rhs) || refuse("sizes: cones have $total rows, the program has $(length(rhs))")
    began = time()
    model = JuMP.Model()
    JuMP.set_string_names_on_creation(model, false)
    attach!(model, solver, limit)
    x = JuMP.index.(JuMP.@variable(model, [1:length(cost)]))
    inner = JuMP.backend(model)
    places = Any[]
    last = 0
    for set in sets
        range = (last + 1):(last + MOI.dimension(set))
        push!(places, MOI.add_constraint(inner, slack(transposed, rhs, x, range), set))
        last = range.stop
    end
    set_cost!(inner, x, cost, quadratic)
    built = time()
    run_solver!(model, solver)
    solved = time()
    return (;
        raw = raw_status(model),
        x = conic_primal(model, inner, x),
        z = conic_dual(model, inner, places),
        build_seconds = built - began,
        solve_seconds = solved - built,
    )
end

function conic_set(kind::Int, size::Int)
    size >= 1 || refuse("sizes: want numbers of at least 1")
    kind == 1 && return MOI.Zeros(size)
    kind == 2 && return MOI.Nonnegatives(size)
    kind == 3 && return MOI.SecondOrderCone(size)
    kind == 4 && return MOI.Scaled(MOI.PositiveSemidefiniteConeTriangle(size))
    return refuse("kinds: want numbers from 1 to 4")
end

# b - Ax of the rows of one cone.
function slack(transposed, rhs, x, range)
    terms = MOI.VectorAffineTerm{Float64}[]
    for (position, row) in enumerate(range), entry in transposed.colptr[row]:(transposed.colptr[row+1]-1)
        term = MOI.ScalarAffineTerm(-transposed.nzval[entry], x[transposed.rowval[entry]])
        push!(terms, MOI.VectorAffineTerm(position, term))
    end
    return MOI.VectorAffineFunction(terms, rhs[range])
end

function set_cost!(inner, x, cost, (rows, cols, values))
    linear = [MOI.ScalarAffineTerm(cost[i], x[i]) for i in eachindex(x) if cost[i] != 0]
    MOI.set(inner, MOI.ObjectiveSense(), MOI.MIN_SENSE)
    if isempty(values)
        objective = MOI.ScalarAffineFunction(linear, 0.0)
        MOI.set(inner, MOI.ObjectiveFunction{typeof(objective)}(), objective)
        return nothing
    end
    # A term of two different variables stands for both of its places in P.
    curved =
        [MOI.ScalarQuadraticTerm(v, x[i], x[j]) for (i, j, v) in zip(rows, cols, values)]
    objective = MOI.ScalarQuadraticFunction(curved, linear, 0.0)
    MOI.set(inner, MOI.ObjectiveFunction{typeof(objective)}(), objective)
    return nothing
end

function conic_primal(model, inner, x)
    told(() -> JuMP.primal_status(model), MOI.NO_SOLUTION) == MOI.NO_SOLUTION && return Float64[]
    return told(() -> Vector{Float64}(MOI.get(inner, MOI.VariablePrimal(), x)), Float64[])
end

function conic_dual(model, inner, places)
    told(() -> JuMP.dual_status(model), MOI.NO_SOLUTION) == MOI.NO_SOLUTION && return Float64[]
    return told(() -> duals(inner, places), Float64[])
end

function duals(inner, places)
    z = Float64[]
    foreach(place -> append!(z, MOI.get(inner, MOI.ConstraintDual(), place)), places)
    return z
end
