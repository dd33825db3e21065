module PyGridJLJuniperExt

using Juniper: Juniper
using PrecompileTools: @compile_workload
using PyGridJL: PyGridJL, Solver

# Juniper looks at the clock between two nonlinear programs, so none of them may take long.
const SHARE_OF_ONE = 0.04

PyGridJL.preferred_form(::Val{:Juniper}) = :objective

# With Ipopt's own tolerances a relaxation may stop short of its optimum, and branch and bound then
# discards the best answer. A first answer from the feasibility pump (HiGHS) hides that.
function PyGridJL.settings(::Val{:Juniper}, limit::Float64, plain::Bool)
    tight = plain ? Pair{String,Any}[] : Pair{String,Any}["tol"=>1e-9, "acceptable_iter"=>0]
    timed = isfinite(limit)
    timed && push!(tight, "max_wall_time" => max(0.05, SHARE_OF_ONE * limit))
    chosen = Pair{String,Any}[
        "log_levels"=>Symbol[],
        "nl_solver"=>PyGridJL.optimizer(Solver("Ipopt"; options = tight)),
    ]
    plain || push!(chosen, "mip_solver" => PyGridJL.optimizer(Solver("HiGHS")))
    if timed
        push!(chosen, "strong_branching_time_limit" => limit)
        push!(chosen, "feasibility_pump_time_limit" => limit / 3)
    end
    return chosen
end

PyGridJL.workload_enabled() && @compile_workload begin
    PyGridJL.run_radial_sample("Juniper")
    PyGridJL.run_radial_sample("Juniper"; reactive = false)
    foreach(f -> PyGridJL.run_feeder_sample("Juniper", f), ("acp", "acr", "ivr"))
end

end
