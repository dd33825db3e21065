# The second stage of a stochastic program: one model, many right-hand sides.

"""
    SecondStage

A linear or convex quadratic program

    min c'z + z'Qz/2   subject to   row_lower ≤ Az ≤ row_upper,  lower ≤ z ≤ upper

that is kept alive while the sides of its rows `link` change: in HiGHS (JuMP in direct mode), and
with `Q` in Clarabel, where HiGHS only says why scenarios are infeasible. There is one copy for each
Julia thread. Build it with [`second_stage`](@ref), solve it with [`solve_scenarios!`](@ref).
"""
struct SecondStage
    models::Vector{JuMP.Model}
    quadratic::Vector{QuadraticProgram}
    link::Vector{Int}
    matrix::SparseMatrixCSC{Float64,Int}
    lower::Vector{Float64}
    upper::Vector{Float64}
    row_lower::Vector{Float64}
    row_upper::Vector{Float64}
end

"""
    second_stage(rows, cols, values, cost, lower, upper, row_lower, row_upper, link[,
                 q_rows, q_cols, q_values]) -> SecondStage

Build the model from triplets of `A` (and of the lower or upper triangle of the symmetric `Q`,
diagonal included), 1-based.
"""
function second_stage(
    rows::AbstractVector{<:Integer},
    cols::AbstractVector{<:Integer},
    values::AbstractVector{<:Real},
    cost::AbstractVector{<:Real},
    lower::AbstractVector{<:Real},
    upper::AbstractVector{<:Real},
    row_lower::AbstractVector{<:Real},
    row_upper::AbstractVector{<:Real},
    link::AbstractVector{<:Integer},
    q_rows::AbstractVector{<:Integer} = Int[],
    q_cols::AbstractVector{<:Integer} = Int[],
    q_values::AbstractVector{<:Real} = Float64[],
)
    n, m = length(cost), length(row_lower)
    length(lower) == length(upper) == n || refuse("lower, upper: want $n entries")
    length(row_upper) == m || refuse("row_upper: want $m entries")
    # HiGHS takes NaN for a number and answers "optimal".
    for (name, data) in (
        ("values", values),
        ("cost", cost),
        ("lower", lower),
        ("upper", upper),
        ("row_lower", row_lower),
        ("row_upper", row_upper),
        ("q_values", q_values),
    )
        any(isnan, data) && refuse("$name: holds NaN")
    end
    all(i -> 1 <= i <= m, link) || refuse("link: want rows between 1 and $m")
    A = sparse(Vector{Int}(rows), Vector{Int}(cols), Vector{Float64}(values), m, n)
    lb, ub = Vector{Float64}(lower), Vector{Float64}(upper)
    row_lb, row_ub = Vector{Float64}(row_lower), Vector{Float64}(row_upper)
    c = Vector{Float64}(cost)
    threads = 1:Threads.nthreads()
    models = [direct_model(A, c, lb, ub, row_lb, row_ub) for _ in threads]
    quadratic = QuadraticProgram[]
    if !isempty(q_values)
        i, j, q = Vector{Int}(q_rows), Vector{Int}(q_cols), Vector{Float64}(q_values)
        triangle = sparse(i, j, q, n, n)
        Q = triangle + triangle' - Diagonal(triangle)
        append!(quadratic, QuadraticProgram(A, Q, c, lb, ub) for _ in threads)
    end
    return SecondStage(models, quadratic, Vector{Int}(link), A, lb, ub, row_lb, row_ub)
end

function direct_model(A, cost, lower, upper, row_lower, row_upper)
    model = JuMP.direct_model(HiGHS.Optimizer())
    JuMP.set_silent(model)
    JuMP.set_attribute(model, "threads", 1)
    JuMP.set_string_names_on_creation(model, false)
    z = JuMP.@variable(model, lower[i] <= z[i = 1:length(cost)] <= upper[i])
    # One interval row each, so that row i of HiGHS is row i of A and both sides can move.
    JuMP.@constraint(model, row_lower .<= A * z .<= row_upper)
    JuMP.@objective(model, Min, sum(cost[i] * z[i] for i in eachindex(cost)))
    return model
end

"""
    solve_scenarios!(stage, lower, upper; time_limit=Inf) -> NamedTuple

Solve one program a row of `lower` and `upper` (scenarios × linking rows): the sides of the linking
rows are replaced in place and the simplex method starts from the last basis. Scenarios are spread
over the Julia threads in contiguous blocks, each warm in itself.

`time_limit` is in seconds a scenario. The answer holds, by scenario: `status`; `objective`
(`NaN` without an optimum); `dual`, the derivative of the optimum by the side of each linking row;
`iterations`; and `z`, the optimal decision. For infeasible scenarios column `ray_of[s]` of `ray`
(by row of the model) is a Farkas certificate `y`: no `z` within its bounds brings `y'Az` up to
`y'b`, where `b` is the lower side where `y > 0` and the upper where `y < 0`. It has been checked;
`ray_of[s] == 0` if there is none.
"""
function solve_scenarios!(
    stage::SecondStage,
    lower::AbstractMatrix{<:Real},
    upper::AbstractMatrix{<:Real};
    time_limit::Real = Inf,
)
    scenarios, k = size(lower)
    k == length(stage.link) || refuse("lower: want $(length(stage.link)) columns")
    size(upper) == (scenarios, k) || refuse("lower, upper: differ in size")
    # Columns are contiguous for HiGHS, and threads never touch an array that belongs to Python.
    low, high = Matrix{Float64}(transpose(lower)), Matrix{Float64}(transpose(upper))
    any(isnan, low) && refuse("lower: holds NaN")
    any(isnan, high) && refuse("upper: holds NaN")
    n, limit = length(stage.lower), Float64(time_limit)
    status = fill("", scenarios)
    objective = fill(NaN, scenarios)
    dual = fill(NaN, k, scenarios)
    iterations = zeros(Int, scenarios)
    z = fill(NaN, n, scenarios)
    rays = Vector{Union{Nothing,Vector{Float64}}}(nothing, scenarios)
    over_threads(length(stage.models), scenarios) do worker, s
        answer = solve_one!(stage, worker, low[:, s], high[:, s], limit)
        status[s], iterations[s] = answer.status, answer.iterations
        objective[s] = answer.objective
        dual[:, s] = answer.dual
        z[:, s] = answer.z
        rays[s] = answer.ray
        return nothing
    end
    found = findall(!isnothing, rays)
    ray_of = zeros(Int, scenarios)
    ray_of[found] = eachindex(found)
    certificates = Vector{Vector{Float64}}(rays[found])
    # Unlike hcat, stack makes a matrix of a single one too.
    ray = isempty(found) ? zeros(size(stage.matrix, 1), 0) : stack(certificates)
    return (; status, objective, dual, iterations, z, ray, ray_of)
end

"""
    over_threads(work, workers, n)

Call `work(worker, i)` for `i` in `1:n`, in contiguous blocks, one a worker. A single worker runs
in the calling thread: a task would wait for a thread of Julia's own, which sleeps in Python when
the call comes from another one. What a task throws is thrown as it is.
"""
function over_threads(work, workers::Int, n::Int)
    if workers == 1
        foreach(i -> work(1, i), 1:n)
        return nothing
    end
    tasks = map(enumerate(Iterators.partition(1:n, max(1, cld(n, workers))))) do (worker, block)
        return Threads.@spawn foreach(i -> work($worker, i), $block)
    end
    for task in tasks
        try
            wait(task)
        catch error
            foreach(t -> try wait(t) catch end, tasks)
            throw(error isa TaskFailedException ? error.task.exception : error)
        end
    end
    return nothing
end

"""
    solve_scenarios(stage, lower, upper, time_limit)

[`solve_scenarios!`](@ref) for arrays of any kind.
"""
solve_scenarios(stage::SecondStage, lower, upper, time_limit::Real) = solve_scenarios!(
    stage,
    own_matrix(lower),
    own_matrix(upper);
    time_limit = Float64(time_limit),
)

"""
    ScenarioAnswer

What one scenario came to; `NaN` throughout without an optimum.
"""
struct ScenarioAnswer
    status::String
    objective::Float64
    dual::Vector{Float64}
    z::Vector{Float64}
    iterations::Int
    ray::Union{Nothing,Vector{Float64}}
end

without_optimum(stage::SecondStage, status, iterations, ray = nothing) = ScenarioAnswer(
    status,
    NaN,
    fill(NaN, length(stage.link)),
    fill(NaN, length(stage.lower)),
    iterations,
    ray,
)

function solve_one!(stage::SecondStage, worker::Int, low, high, time_limit)
    isempty(stage.quadratic) && return solve_linear!(stage, worker, low, high, time_limit)
    row_lower, row_upper = copy(stage.row_lower), copy(stage.row_upper)
    row_lower[stage.link], row_upper[stage.link] = low, high
    answer = solve!(stage.quadratic[worker], row_lower, row_upper, time_limit)
    (; status, iterations) = answer
    if status == "optimal"
        dual = answer.row_dual[stage.link]
        return ScenarioAnswer(status, answer.objective, dual, answer.z, iterations, nothing)
    end
    status == "time_limit" && return without_optimum(stage, status, iterations)
    # Whether there is no point at all is for the simplex method to say, which proves it.
    linear = solve_linear!(stage, worker, low, high, time_limit)
    linear.status == "infeasible" && return linear
    return without_optimum(stage, status, iterations)
end

function solve_linear!(stage::SecondStage, worker::Int, low, high, time_limit)
    inner = JuMP.unsafe_backend(stage.models[worker])
    rows = Cint.(stage.link .- 1)
    checked(HiGHS.Highs_changeRowsBoundsBySet(inner, length(rows), rows, low, high), "bounds")
    if isfinite(time_limit)
        # Otherwise the limit counts from the first solve of the model's life.
        checked(HiGHS.Highs_zeroAllClocks(inner), "clock")
        checked(HiGHS.Highs_setDoubleOptionValue(inner, "time_limit", time_limit), "time limit")
    end
    code = run!(inner)
    iterations = int_info(inner, "simplex_iteration_count")
    m, n = size(stage.matrix)
    if code == HiGHS.kHighsModelStatusOptimal
        z, reduced, row, row_dual = zeros(n), zeros(n), zeros(m), zeros(m)
        checked(HiGHS.Highs_getSolution(inner, z, reduced, row, row_dual), "solution")
        objective = HiGHS.Highs_getObjectiveValue(inner)
        dual = row_dual[stage.link]
        return ScenarioAnswer("optimal", objective, dual, z, iterations, nothing)
    elseif code == HiGHS.kHighsModelStatusTimeLimit
        return without_optimum(stage, "time_limit", iterations)
    elseif code in (
        HiGHS.kHighsModelStatusInfeasible,
        HiGHS.kHighsModelStatusUnboundedOrInfeasible,
    )
        ray = farkas(stage, inner, low, high)
        # Without a certificate "unbounded or infeasible" proves nothing.
        proven = code == HiGHS.kHighsModelStatusInfeasible || ray !== nothing
        return without_optimum(stage, proven ? "infeasible" : "not_found", iterations, ray)
    end
    return without_optimum(stage, "not_found", iterations)
end

function run!(inner)
    # HiGHS never calls back into Julia here, so that other threads may collect garbage meanwhile.
    gc_state = ccall(:jl_gc_safe_enter, Int8, ())
    code = HiGHS.Highs_run(inner)
    ccall(:jl_gc_safe_leave, Cvoid, (Int8,), gc_state)
    # One scenario that fails must not lose the others.
    code == HiGHS.kHighsStatusError && return HiGHS.kHighsModelStatusSolveError
    return HiGHS.Highs_getModelStatus(inner)
end

# kHighsStatusWarning (1) comes with time limits and is no failure.
function checked(code::Integer, what::AbstractString)
    code == HiGHS.kHighsStatusError && error("HiGHS failed: $what")
    return nothing
end

function int_info(inner, name::String)
    value = Ref{Cint}(0)
    checked(HiGHS.Highs_getIntInfoValue(inner, name, value), name)
    return max(0, Int(value[]))
end

# HiGHS has the ray only if simplex found the infeasibility itself: solve again without presolve.
function farkas(stage::SecondStage, inner, low, high)
    y = dual_ray(inner, size(stage.matrix, 1))
    if y === nothing
        checked(HiGHS.Highs_setStringOptionValue(inner, "presolve", "off"), "presolve")
        run!(inner)
        y = dual_ray(inner, size(stage.matrix, 1))
        checked(HiGHS.Highs_setStringOptionValue(inner, "presolve", "choose"), "presolve")
    end
    y === nothing && return nothing
    row_lower, row_upper = copy(stage.row_lower), copy(stage.row_upper)
    row_lower[stage.link] = low
    row_upper[stage.link] = high
    for sign in (1.0, -1.0)
        candidate = sign .* y
        gap = farkas_gap(candidate, stage.matrix, stage.lower, stage.upper, row_lower, row_upper)
        gap > 1e-9 * norm(y, Inf) && return candidate
    end
    return nothing
end

function dual_ray(inner, m::Int)
    has, y = Ref{Cint}(0), zeros(m)
    HiGHS.Highs_getDualRay(inner, has, y) == HiGHS.kHighsStatusError && return nothing
    return has[] == 1 ? y : nothing
end

"""
    farkas_gap(y, A, lower, upper, row_lower, row_upper) -> Float64

By how much `y` proves that no `z` in its bounds keeps the rows: `y'b - max y'Az`; a proof if
positive.
"""
function farkas_gap(y, A, lower, upper, row_lower, row_upper)
    # Entries that are rounding must not meet an infinite side.
    tiny = 1e-12 * norm(y, Inf)
    need = 0.0
    for i in eachindex(y)
        abs(y[i]) <= tiny && continue
        need += y[i] * (y[i] > 0 ? row_lower[i] : row_upper[i])
    end
    reach = 0.0
    combined = A' * y
    tiny = 1e-10 * norm(combined, Inf)
    for j in eachindex(combined)
        abs(combined[j]) <= tiny && continue
        reach += combined[j] * (combined[j] > 0 ? upper[j] : lower[j])
    end
    gap = need - reach
    return isnan(gap) ? -Inf : gap
end
