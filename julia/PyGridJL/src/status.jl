# One vocabulary for the outcome of every solver.

"""
    outcome(model; proven=true) -> String

Translate how `model` ended. With `proven=false` an answer is never called optimal: the solver
either works locally or its claims cannot be relied on.
"""
function outcome(model::JuMP.AbstractModel; proven::Bool = true)
    ended = JuMP.termination_status(model)
    has_answer = JuMP.primal_status(model) == MOI.FEASIBLE_POINT
    if ended == MOI.OPTIMAL
        return proven ? "optimal" : "feasible"
    elseif ended in (MOI.LOCALLY_SOLVED, MOI.ALMOST_LOCALLY_SOLVED, MOI.ALMOST_OPTIMAL)
        return "feasible"
    elseif ended in (MOI.INFEASIBLE, MOI.INFEASIBLE_OR_UNBOUNDED)
        return proven ? "infeasible" : "not_found"
    elseif ended == MOI.TIME_LIMIT
        return "time_limit"
    end
    return has_answer ? "feasible" : "not_found"
end

"""
    proven_bound(model) -> Float64

The solver's dual bound, or `NaN` if it has none.
"""
function proven_bound(model::JuMP.AbstractModel)
    bound = told(() -> JuMP.objective_bound(model), NaN)
    return isfinite(bound) ? Float64(bound) : NaN
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
            JuMP.OptimizeNotCalled,
            MOI.GetAttributeNotAllowed,
            MOI.UnsupportedAttribute,
        } || rethrow()
        return default
    end
end

# How the solver itself names its end, for the records.
raw_status(model::JuMP.AbstractModel) = string(JuMP.termination_status(model))

function limit_time!(model::JuMP.AbstractModel, seconds::Real)
    isfinite(seconds) && JuMP.set_time_limit_sec(model, Float64(seconds))
    return model
end
