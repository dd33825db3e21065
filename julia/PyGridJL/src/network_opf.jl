# Optimal power flow of a single-phase network by PowerModels.

# Formulation => (PowerModels type, solver, proves its optimum, bounds every AC point).
const NETWORK_FORMULATIONS = Dict(
    "acp" => (PowerModels.ACPPowerModel, "Ipopt", false, false),
    "soc" => (PowerModels.SOCWRConicPowerModel, "Clarabel", true, true),
    "qc" => (PowerModels.QCRMPowerModel, "Ipopt", false, false),
    "sdp" => (PowerModels.SparseSDPWRMPowerModel, "Clarabel", true, true),
    "dc" => (PowerModels.DCPPowerModel, "HiGHS", true, false),
)

# PowerModels narrows angle differences without a limit to this, and relaxations need one.
const WIDEST_ANGLE = deg2rad(60)

"""
    network_opf(base_mva, bus, branch, generator, formulation, time_limit=Inf) -> NamedTuple

Minimise generation cost. One row a component, everything in per unit and radians, positions from 1:

- `bus`: v_min, v_max, pd, qd, gs, bs, base_kv, slack (0 or 1);
- `branch`: from, to, r, x, b, tap, shift, rating, angle_min, angle_max (π-model, ratio at from);
- `generator`: bus, p_min, p_max, q_min, q_max, s_max, c2, c1, c0 (cost for P in per unit).

Infinite limits are none. `formulation` is `"acp"`, `"soc"`, `"qc"`, `"sdp"` or `"dc"`. The answer
holds `status`, `raw`, `solver`, `objective`, `bound`, `vm`, `va`, `pg`, `qg`, `flows` (p_from,
q_from, p_to, q_to by row), `notes`, `build_seconds` and `solve_seconds`; `NaN` where the
formulation has no such value.
"""
function network_opf(
    @nospecialize(base_mva::Real),
    @nospecialize(bus::AbstractMatrix),
    @nospecialize(branch::AbstractMatrix),
    @nospecialize(generator::AbstractMatrix),
    @nospecialize(formulation::AbstractString),
    @nospecialize(time_limit::Real = Inf),
)
    haskey(NETWORK_FORMULATIONS, formulation) || throw(
        ArgumentError("formulation: $formulation is none of acp, soc, qc, sdp, dc"),
    )
    # Own copies of one type, so that the precompiled method serves every kind of array.
    return network_opf_own(
        Float64(base_mva),
        own_matrix(bus),
        own_matrix(branch),
        own_matrix(generator),
        String(formulation),
        Float64(time_limit),
    )
end

function network_opf_own(base_mva, bus, branch, generator, formulation, time_limit)
    type, solver, proven, bounds = NETWORK_FORMULATIONS[formulation]
    notes = String[]
    build_seconds = @elapsed begin
        data = powermodels_data(base_mva, bus, branch, generator, formulation, notes)
        pm = PowerModels.instantiate_model(data, type, PowerModels.build_opf)
        limit_apparent_power!(pm, generator, formulation, notes)
        JuMP.set_optimizer(pm.model, solver_named(solver))
        limit_time!(pm.model, time_limit)
    end
    solve_seconds = @elapsed JuMP.optimize!(pm.model)
    status = outcome(pm.model; proven)
    answered = JuMP.has_values(pm.model) && status != "infeasible"
    objective = answered ? JuMP.objective_value(pm.model) : NaN
    # The dual objective of a conic program bounds it even if the primal stopped short.
    bound = bounds && status == "optimal" ? JuMP.dual_objective_value(pm.model) : NaN
    formulation == "qc" &&
        push!(notes, "Ipopt proves no bound: the value of the relaxation is no certificate")
    formulation == "dc" && push!(notes, "linear approximation: no losses, voltages of 1 p.u.")
    point = network_point(pm, size(bus, 1), size(branch, 1), size(generator, 1), answered)
    return (;
        status,
        raw = raw_status(pm.model),
        solver,
        objective,
        bound,
        point...,
        notes,
        build_seconds,
        solve_seconds,
    )
end

function powermodels_data(base_mva, bus, branch, generator, formulation, notes)
    table() = Dict{String,Any}()
    data = Dict{String,Any}(
        "name" => "pygridjl",
        "baseMVA" => base_mva,
        "per_unit" => true,
        "source_type" => "pygridjl",
        "source_version" => "1",
        (
            key => table() for key in
            ("bus", "load", "shunt", "gen", "branch", "dcline", "storage", "switch")
        )...,
    )
    relaxed = formulation in ("soc", "qc", "sdp")
    if formulation == "qc" && !all(isfinite, view(bus, :, 2))
        throw(ArgumentError("formulation qc needs an upper voltage limit at every bus"))
    end
    carries = zeros(Bool, size(bus, 1))
    for g in axes(generator, 1)
        carries[Int(generator[g, 1])] = true
    end
    for (i, (v_min, v_max, pd, qd, gs, bs, base_kv, slack)) in enumerate(eachrow(bus))
        key = string(i)
        data["bus"][key] = Dict{String,Any}(
            "index" => i,
            "bus_i" => i,
            "bus_type" => slack > 0 ? 3 : carries[i] ? 2 : 1,
            "vmin" => v_min,
            "vmax" => v_max,
            "vm" => 1.0,
            "va" => 0.0,
            "base_kv" => base_kv,
            "zone" => 1,
            "area" => 1,
        )
        if pd != 0 || qd != 0
            data["load"][key] = Dict{String,Any}(
                "index" => i,
                "load_bus" => i,
                "pd" => pd,
                "qd" => qd,
                "status" => 1,
            )
        end
        if gs != 0 || bs != 0
            data["shunt"][key] = Dict{String,Any}(
                "index" => i,
                "shunt_bus" => i,
                "gs" => gs,
                "bs" => bs,
                "status" => 1,
            )
        end
    end
    narrowed = 0
    for (l, row) in enumerate(eachrow(branch))
        from, to, r, x, b, tap, shift, rating, angle_min, angle_max = row
        if relaxed && (angle_min <= -π / 2 || angle_max >= π / 2)
            angle_min, angle_max = max(angle_min, -WIDEST_ANGLE), min(angle_max, WIDEST_ANGLE)
            narrowed += 1
        end
        entry = Dict{String,Any}(
            "index" => l,
            "f_bus" => Int(from),
            "t_bus" => Int(to),
            "br_r" => r,
            "br_x" => x,
            "g_fr" => 0.0,
            "g_to" => 0.0,
            "b_fr" => b / 2,
            "b_to" => b / 2,
            "tap" => tap,
            "shift" => shift,
            "transformer" => tap != 1 || shift != 0,
            "br_status" => 1,
            "angmin" => angle_min,
            "angmax" => angle_max,
        )
        isfinite(rating) && (entry["rate_a"] = rating)
        data["branch"][string(l)] = entry
    end
    narrowed > 0 && push!(
        notes,
        "$narrowed branches without an angle limit were given ±60°, as PowerModels does; " *
        "a bound holds for operating points within",
    )
    for (g, row) in enumerate(eachrow(generator))
        at, p_min, p_max, q_min, q_max, _, c2, c1, c0 = row
        data["gen"][string(g)] = Dict{String,Any}(
            "index" => g,
            "gen_bus" => Int(at),
            "pmin" => p_min,
            "pmax" => p_max,
            "qmin" => q_min,
            "qmax" => q_max,
            "pg" => 0.0,
            "qg" => 0.0,
            "vg" => 1.0,
            "model" => 2,
            "ncost" => 3,
            "cost" => [c2, c1, c0],
            "gen_status" => 1,
        )
    end
    return data
end

# PowerModels has no limit on the apparent power of a unit.
function limit_apparent_power!(pm, generator, formulation, notes)
    for g in axes(generator, 1)
        limit = generator[g, 6]
        isfinite(limit) || continue
        p = PowerModels.var(pm, :pg, g)
        if formulation == "dc"
            JuMP.@constraint(pm.model, p <= limit)
            JuMP.@constraint(pm.model, p >= -limit)
            continue
        end
        q = PowerModels.var(pm, :qg, g)
        if formulation in ("soc", "sdp")
            JuMP.@constraint(pm.model, [limit, p, q] in JuMP.SecondOrderCone())
        else
            JuMP.@constraint(pm.model, p^2 + q^2 <= limit^2)
        end
    end
    return nothing
end

function network_point(pm, n, m, k, answered)
    vm, va, pg, qg = fill(NaN, n), fill(NaN, n), fill(NaN, k), fill(NaN, k)
    flows = fill(NaN, 4, m)
    point = (; vm, va, pg, qg, flows)
    answered || return point
    solution = InfrastructureModels.build_solution(
        pm;
        post_processors = [PowerModels.sol_data_model!],
    )
    for (key, values) in get(solution, "bus", Dict())
        i = parse(Int, key)
        vm[i] = get(values, "vm", haskey(values, "w") ? sqrt(max(0.0, values["w"])) : NaN)
        va[i] = get(values, "va", NaN)
    end
    for (key, values) in get(solution, "gen", Dict())
        i = parse(Int, key)
        pg[i], qg[i] = get(values, "pg", NaN), get(values, "qg", NaN)
    end
    for (key, values) in get(solution, "branch", Dict())
        l = parse(Int, key)
        flows[:, l] = [get(values, name, NaN) for name in ("pf", "qf", "pt", "qt")]
    end
    return point
end
