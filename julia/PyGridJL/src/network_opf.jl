# Optimal power flow of a single-phase network by PowerModels.

# Formulation => (PowerModels type, package that solves it by default, whether it relaxes AC).
const NETWORK_FORMULATIONS = Dict(
    "acp" => (PowerModels.ACPPowerModel, "Ipopt", false),
    "soc" => (PowerModels.SOCWRConicPowerModel, "Clarabel", true),
    "qc" => (PowerModels.QCRMPowerModel, "Ipopt", true),
    "sdp" => (PowerModels.SparseSDPWRMPowerModel, "Clarabel", true),
    "dc" => (PowerModels.DCPPowerModel, "HiGHS", false),
)

# PowerModels narrows angle differences without a limit to this, and relaxations need one.
const WIDEST_ANGLE = deg2rad(60)

"""
    network_opf(base_mva, bus, branch, generator, formulation, solver=nothing, time_limit=Inf,
                write_model="") -> NamedTuple

Minimise generation cost. One row a component, everything in per unit and radians, positions from 1:

- `bus`: v_min, v_max, pd, qd, gs, bs, base_kv, slack (0 or 1);
- `branch`: from, to, r, x, b, tap, shift, rating, angle_min, angle_max (π-model, ratio at from);
- `generator`: bus, p_min, p_max, q_min, q_max, s_max, c2, c1, c0 (cost for P in per unit).

Infinite limits are none. `formulation` is `"acp"`, `"soc"`, `"qc"`, `"sdp"` or `"dc"`, `solver` a
[`Solver`](@ref), by default Ipopt for `"acp"` and `"qc"`, Clarabel for the conic ones. The answer
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
    solver::Union{Nothing,Solver} = nothing,
    @nospecialize(time_limit::Real = Inf),
    @nospecialize(write_model::AbstractString = ""),
)
    haskey(NETWORK_FORMULATIONS, formulation) ||
        refuse("formulation: $formulation is none of acp, soc, qc, sdp, dc")
    chosen = solver === nothing ? Solver(default_solver("network_opf", formulation)) : solver
    kind = String(formulation)
    # Own copies of one type, so that the precompiled method serves every kind of array.
    return network_opf_own(
        Float64(base_mva),
        own_matrix(bus),
        own_matrix(branch),
        own_matrix(generator),
        kind,
        chosen,
        Float64(time_limit),
        String(write_model),
    )
end

function network_opf_own(
    base_mva, bus, branch, generator, formulation, solver::Solver, time_limit, write_model,
)
    type, _, relaxes = NETWORK_FORMULATIONS[formulation]
    notes = String[]
    cost = 1.0
    build_seconds = @elapsed begin
        data = powermodels_data(base_mva, bus, branch, generator, formulation, notes)
        pm = PowerModels.instantiate_model(data, type, PowerModels.build_opf)
        limit_apparent_power!(pm, generator, formulation, notes)
        isempty(write_model) || save_model(pm.model, write_model)
        cost = normalise_cost!(pm.model, bus, generator)
        attach!(pm.model, solver, time_limit)
    end
    solve_seconds = @elapsed run_solver!(pm.model, solver)
    proven = proves(solver)
    status = outcome(pm.model; proven)
    answered = has_point(pm.model)
    objective = answered ? JuMP.objective_value(pm.model) * cost : NaN
    bound = NaN
    if relaxes && status == "optimal"
        status, bound = reconciled(status, cost * dual_bound(pm.model), objective, notes)
    elseif relaxes && answered
        why = proven ? "ended as $(raw_status(pm.model))" : "works locally"
        push!(notes, "$(solver.package) $why: the value of the relaxation is no certificate")
    end
    formulation == "dc" && push!(notes, "linear approximation: no losses, voltages of 1 p.u.")
    solution = answered ? network_solution(pm) : Dict{String,Any}()
    point = network_point(solution, size(bus, 1), size(branch, 1), size(generator, 1))
    return (;
        status,
        raw = raw_status(pm.model),
        solver = solver.package,
        objective,
        bound,
        point...,
        trace = zeros(0, 3),
        notes,
        solution,
        build_seconds,
        solve_seconds,
    )
end

network_solution(pm) =
    InfrastructureModels.build_solution(pm; post_processors = [PowerModels.sol_data_model!])

# Divide the cost by what serving the demand costs about, so that the tolerances of interior-point
# methods mean the same for every case; returns the divisor.
function normalise_cost!(model, bus, generator)
    demand = max(sum(abs, view(bus, :, 3)), 1.0)
    slopes = abs.(view(generator, :, 8))
    cost = max(1.0, demand * sum(slopes) / max(1, length(slopes)))
    JuMP.set_objective_function(model, JuMP.objective_function(model) / cost)
    return cost
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
        refuse("formulation qc: needs an upper voltage limit at every bus")
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

function network_point(solution, n, m, k)
    vm, va, pg, qg = fill(NaN, n), fill(NaN, n), fill(NaN, k), fill(NaN, k)
    flows = fill(NaN, 4, m)
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
    return (; vm, va, pg, qg, flows)
end
