# OpenDSS scripts as PowerModelsDistribution reads them.

"""
    Remarks <: AbstractLogger

Collects warnings instead of printing them.
"""
struct Remarks <: Logging.AbstractLogger
    messages::Vector{String}
end

Logging.min_enabled_level(::Remarks) = Logging.Warn
Logging.shouldlog(::Remarks, args...) = true
Logging.catch_exceptions(::Remarks) = false
function Logging.handle_message(log::Remarks, level, message, args...; kwargs...)
    text = string(message)
    text in log.messages || push!(log.messages, text)
    return nothing
end

"""
    dss_opf(path, formulation, problem="opf", solver=nothing, time_limit=Inf, v_min=0.0, v_max=Inf,
            tap_names=[], tap_windings=[], taps=[], write_model="") -> NamedTuple

Three-phase optimal power flow or power flow of an OpenDSS script as PowerModelsDistribution parses
it. Voltage bounds are in p.u. of each bus. PowerModelsDistribution leaves regulators at their
initial taps: `taps` sets winding `tap_windings[k]` of transformer `tap_names[k]`, all phases.

The answer holds `status`, `raw`, `solver`, `objective`, `node` (`"bus.phase"`), `vm` (p.u.), `va`
(rad), `kv` (the base of `vm`, line to neutral), `p_source`, `q_source` (kW and kvar, by phase),
`notes` (what PowerModelsDistribution remarked), `build_seconds`, `solve_seconds` and `solution`
(PowerModelsDistribution's own).
"""
function dss_opf(
    path::AbstractString,
    formulation::AbstractString,
    problem::AbstractString = "opf",
    solver::Union{Nothing,Solver} = nothing,
    time_limit::Real = Inf,
    v_min::Real = 0.0,
    v_max::Real = Inf,
    tap_names = String[],
    tap_windings = Int[],
    taps = Float64[],
    write_model::AbstractString = "",
)
    how = PowerFlowTask(String(formulation), String(problem), solver, time_limit, String(write_model))
    remarks = Remarks(String[])
    data = Logging.with_logger(remarks) do
        # Banked, single-phase regulators would share one tap.
        return PMD.parse_file(String(path); bank_transformers = false)
    end
    ground_delta_loads!(data, remarks.messages)
    for (name, winding, tap) in zip(tap_names, tap_windings, taps)
        transformer = get(table(data, "transformer"), String(name), nothing)
        transformer === nothing && refuse("taps: no transformer $name in $(basename(path))")
        transformer["tm_set"][Int(winding)] .= tap
    end
    if v_min > 0 || isfinite(v_max)
        bounds = (;
            vm_lb = v_min > 0 ? Float64(v_min) : nothing,
            vm_ub = isfinite(v_max) ? Float64(v_max) : nothing,
        )
        quietly(() -> PMD.apply_voltage_bounds!(data; bounds...))
    end
    answer = solve_engineering(data, how, remarks.messages)
    point = dss_point(answer)
    return (; report(answer, remarks.messages)..., point..., notes = remarks.messages, answer.solution)
end

# A script without such components has no table of them.
table(data, kind) = get(data, kind, Dict{String,Any}())

# Where a script names one node of a one-phase delta load, OpenDSS grounds the other end.
function ground_delta_loads!(data, notes)
    quietly(() -> PMD.apply_kron_reduction!(data))
    for (name, load) in table(data, "load")
        load["configuration"] == PMD.DELTA && length(load["connections"]) == 1 || continue
        load["configuration"] = PMD.WYE
        push!(notes, "load $name: delta with one node, taken to ground")
    end
    return nothing
end

function dss_point(answer)
    node, vm, va, kv = String[], Float64[], Float64[], Float64[]
    p_source, q_source = fill(NaN, 3), fill(NaN, 3)
    isempty(answer.solution) && return (; node, vm, va, kv, p_source, q_source)
    for (name, index) in sort!(collect(answer.math["bus_lookup"]); by = first)
        found, bus = answer.solution["bus"][string(index)], answer.math["bus"][string(index)]
        for (k, terminal) in enumerate(bus["terminals"])
            push!(node, "$name.$terminal")
            push!(vm, haskey(found, "vm") ? found["vm"][k] : NaN)
            push!(va, haskey(found, "va") ? found["va"][k] : NaN)
            push!(kv, bus["vbase"])
        end
    end
    kva = answer.math["settings"]["sbase"]
    for (key, unit) in answer.math["gen"]
        startswith(unit["source_id"], "voltage_source") || continue
        found, phases = answer.solution["gen"][key], unit["connections"]
        for (k, phase) in enumerate(phases)
            phase in 1:3 || continue
            p_source[phase], q_source[phase] = kva * found["pg"][k], kva * found["qg"][k]
        end
    end
    return (; node, vm, va, kv, p_source, q_source)
end
