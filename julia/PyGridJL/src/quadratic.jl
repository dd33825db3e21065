# Convex quadratic programs whose right-hand sides change, kept alive in Clarabel: HiGHS's own
# quadratic solver (active sets) ends in errors on the programs of feeders.

"""
    QuadraticProgram(A, Q, cost, lower, upper)

min cost'z + z'Qz/2 over lower ≤ z ≤ upper and rows of `A z` whose sides come with each solve.
"""
mutable struct QuadraticProgram
    const A::SparseMatrixCSC{Float64,Int}
    const Q::SparseMatrixCSC{Float64,Int}
    const cost::Vector{Float64}
    const lower::Vector{Float64}
    const upper::Vector{Float64}
    # Which rows are equations, and which have an upper and a lower side.
    kinds::NTuple{3,BitVector}
    right::Vector{Float64}
    solver::Union{Nothing,Clarabel.Solver{Float64}}
end

QuadraticProgram(A, Q, cost, lower, upper) = QuadraticProgram(
    A, Q, cost, lower, upper, (falses(0), falses(0), falses(0)), Float64[], nothing,
)

"""
    solve!(program, row_lower, row_upper, time_limit) -> NamedTuple

`status`, `objective`, `z`, `row_dual` (derivative of the optimum by the sides of each row) and
`iterations`. As long as each row stays of its kind (equation, one side, two sides), sides are
replaced in place.
"""
function solve!(program::QuadraticProgram, row_lower, row_upper, time_limit::Float64)
    equal = row_lower .== row_upper
    kinds = (equal, isfinite.(row_upper) .& .!equal, isfinite.(row_lower) .& .!equal)
    program.right = [
        row_upper[kinds[1]]
        row_upper[kinds[2]]
        -row_lower[kinds[3]]
        filter(isfinite, program.upper)
        -filter(isfinite, program.lower)
    ]
    solver = program.solver
    if solver === nothing || kinds != program.kinds
        program.kinds = kinds
        solver = program.solver = clarabel_solver(program)
    else
        Clarabel.update_b!(solver, program.right)
    end
    solver.settings.time_limit = time_limit
    answer = Clarabel.solve!(solver)
    row_dual = zeros(length(row_lower))
    ended = 0
    for (kind, sign) in zip(kinds, (-1.0, -1.0, 1.0))
        rows = findall(kind)
        row_dual[rows] .+= sign .* view(answer.z, ended .+ eachindex(rows))
        ended += length(rows)
    end
    status = if answer.status == Clarabel.SOLVED
        "optimal"
    else
        answer.status == Clarabel.MAX_TIME ? "time_limit" : "not_found"
    end
    return (;
        status,
        objective = answer.obj_val,
        z = copy(answer.x),
        row_dual,
        iterations = Int(answer.iterations),
    )
end

function clarabel_solver(program::QuadraticProgram)
    equal, above, below = program.kinds
    n = length(program.cost)
    one = sparse(1.0I, n, n)
    matrix = [
        program.A[equal, :]
        program.A[above, :]
        -program.A[below, :]
        one[isfinite.(program.upper), :]
        -one[isfinite.(program.lower), :]
    ]
    equations = count(equal)
    cones = [
        Clarabel.ZeroConeT(equations),
        Clarabel.NonnegativeConeT(length(program.right) - equations),
    ]
    settings = Clarabel.Settings(;
        verbose = false,
        max_threads = 1,
        # Presolve would drop rows whose sides are to change.
        presolve_enable = false,
        tol_gap_abs = 1e-12,
        tol_gap_rel = 1e-10,
        tol_feas = 1e-10,
    )
    solver = Clarabel.Solver{Float64}()
    Clarabel.setup!(solver, program.Q, program.cost, matrix, program.right, cones, settings)
    return solver
end
