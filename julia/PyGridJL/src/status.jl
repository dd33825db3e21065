# One vocabulary for the outcome of every solver, and one rule for what is an answer.

# A point whose status the solver leaves open must keep its constraints to this.
const POINT_TOLERANCE = 1e-5
# A bound this far above the objective, relatively, is rounding of the same sum.
const ROUNDING = 1e-6
# From here on a number is a solver's infinity (SCIP's is 1e20), in whatever units.
const ENDLESS = 1e20

const POINTS = (MOI.FEASIBLE_POINT, MOI.NEARLY_FEASIBLE_POINT)

"""
    has_point(model) -> Bool

Whether the solver returned an answer: a finite objective, no variable without a value, and a
point that is feasible or nearly so. Iterates and points of local infeasibility are none.

Branch and bound may leave the status of its incumbent open (Juniper does when its time is over,
also without any incumbent): such a point counts if it keeps every constraint.
"""
function has_point(model::JuMP.AbstractModel)
    told(() -> JuMP.result_count(model), 0) >= 1 || return false
    status = JuMP.primal_status(model)
    open = status == MOI.UNKNOWN_RESULT_STATUS && has_integers(model)
    (status in POINTS || open) || return false
    isfinite(told(() -> JuMP.objective_value(model), NaN)) || return false
    all(isfinite, JuMP.value.(JuMP.all_variables(model))) || return false
    return status in POINTS || keeps_constraints(model)
end

has_integers(model::JuMP.AbstractModel) =
    any(S -> JuMP.num_constraints(model, JuMP.VariableRef, S) > 0, (MOI.ZeroOne, MOI.Integer))

function keeps_constraints(model::JuMP.AbstractModel)
    broken = told(() -> JuMP.primal_feasibility_report(model; atol = POINT_TOLERANCE), nothing)
    return broken !== nothing && isempty(broken)
end

"""
    outcome(model; proven=true) -> String

Translate how `model` ended. With `proven=false` an answer is never called optimal: the solver
either works locally or its claims cannot be relied on. Without a point nothing is feasible, and
"infeasible or unbounded" proves neither.
"""
function outcome(model::JuMP.AbstractModel; proven::Bool = true)
    ended = JuMP.termination_status(model)
    ended == MOI.INFEASIBLE && return proven ? "infeasible" : "not_found"
    ended == MOI.TIME_LIMIT && return "time_limit"
    has_point(model) || return "not_found"
    return ended == MOI.OPTIMAL && proven ? "optimal" : "feasible"
end

"""
    proven_bound(model) -> Float64

The solver's dual bound, or `NaN` if it has none.
"""
function proven_bound(model::JuMP.AbstractModel)
    bound = told(() -> JuMP.objective_bound(model), NaN)
    return abs(bound) < ENDLESS ? Float64(bound) : NaN
end

"""
    reconciled(status, bound, objective, notes) -> (status, bound)

A bound above the objective by no more than rounding becomes the objective; one further above
contradicts the answer, so it is dropped with a note, and with it the claim of a proof.
"""
function reconciled(status::String, bound::Float64, objective::Float64, notes::Vector{String})
    (isnan(bound) || isnan(objective) || bound <= objective) && return status, bound
    bound - objective <= ROUNDING * abs(objective) && return status, objective
    push!(
        notes,
        "the solver's bound $(short(bound)) contradicts its answer $(short(objective)): " *
        "no bound is taken over",
    )
    return (status == "optimal" ? "feasible" : status), NaN
end

short(x::Real) = string(round(x; sigdigits = 7))

"""
    dual_bound(model) -> Float64

The dual objective, which bounds a conic program even where the primal stopped short, or else the
dual bound; `NaN` without either.
"""
function dual_bound(model::JuMP.AbstractModel)
    dual = told(() -> JuMP.dual_objective_value(model), NaN)
    return isfinite(dual) ? Float64(dual) : proven_bound(model)
end

# Nodes of branch and bound, or -1.
node_count(model::JuMP.AbstractModel) = Int(told(() -> MOI.get(model, MOI.NodeCount()), -1))

# What a solver tells of itself, or `default` where it does not know the question.
function told(ask, default)
    try
        return ask()
    catch error
        error isa Union{
            ArgumentError,
            ErrorException,
            JuMP.OptimizeNotCalled,
            MOI.GetAttributeNotAllowed,
            MOI.ResultIndexBoundsError,
            MOI.UnsupportedAttribute,
        } || rethrow()
        return default
    end
end

# How the solver itself names its end, for the records.
raw_status(model::JuMP.AbstractModel) = string(JuMP.termination_status(model))

function limit_time!(model::JuMP.AbstractModel, seconds::Real)
    isfinite(seconds) && JuMP.set_time_limit_sec(model, max(1e-3, Float64(seconds)))
    return model
end

"""
    Trace()

What was known when: rows of seconds, objective of the best answer and bound (`NaN` where there
was none). [`note!`](@ref) adds a row.
"""
struct Trace
    rows::Vector{NTuple{3,Float64}}
end

Trace() = Trace(NTuple{3,Float64}[])

function note!(trace::Trace, seconds::Real, objective::Real, bound::Real)
    push!(trace.rows, (Float64(seconds), Float64(objective), Float64(bound)))
    return nothing
end

# Rows × 3; objectives and bounds are multiplied by `factor` and raised by `constant`.
function as_matrix(trace::Trace, factor::Real = 1.0, constant::Real = 0.0)
    table = Matrix{Float64}(undef, length(trace.rows), 3)
    for (i, (seconds, objective, bound)) in enumerate(trace.rows)
        table[i, :] .= (seconds, objective * factor + constant, bound * factor + constant)
    end
    return table
end
