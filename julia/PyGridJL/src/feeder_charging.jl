# Charging of lines that may be switched: units at both ends whose reactive power follows the state.

charger_name(l, side) = "c$l$side"

# The row of a switchable branch, its ends and the phases in which it charges.
function chargers(feeder, rows, charging)
    found = Tuple{Int,String,Int,Vector{Int}}[]
    for (k, l) in enumerate(rows)
        phases = [c for c in branch_phases(feeder, l) if !iszero(charging[k, c])]
        isempty(phases) && continue
        for (side, column) in (("f", 1), ("t", 2))
            push!(found, (k, charger_name(l, side), Int(feeder.branch[l, column]), phases))
        end
    end
    return found
end

"""
    add_chargers!(data, feeder, rows, charging)

Add to the ENGINEERING dictionary a unit without active power at both ends of each switchable
branch that has charging.
"""
function add_chargers!(data, feeder::FeederArrays, rows, charging)
    kva = 1e3 * feeder.phase_mva
    for (k, name, bus, phases) in chargers(feeder, rows, charging)
        most = kva * WIDE_BAND[2]^2 .* abs.(charging[k, phases])
        none = zeros(length(phases))
        data["generator"][name] = Dict{String,Any}(
            "source_id" => "generator.$name",
            "bus" => bus_name(bus),
            "connections" => phases,
            "configuration" => PMD.WYE,
            "pg" => none,
            "qg" => none,
            "pg_lb" => none,
            "pg_ub" => none,
            "qg_lb" => -most,
            "qg_ub" => most,
            "cost_pg_parameters" => [0.0, 0.0, 0.0],
            "control_mode" => PMD.FREQUENCYDROOP,
            "status" => PMD.ENABLED,
        )
    end
    return nothing
end

"""
    add_charging!(pm, feeder, rows, charging, linear)

Tie these units to the states of their branches: `b z` in the linear model, `b w z` elsewhere, w
being the squared voltage at that end. As z is 0 or 1, McCormick's four rows say the product exactly.
"""
function add_charging!(pm, feeder::FeederArrays, rows, charging, linear)
    model = pm.model
    unit_of = Dict(unit["name"] => i for (i, unit) in PMD.ref(pm, :gen))
    switch_of = Dict(switch["name"] => switch["index"] for (_, switch) in PMD.ref(pm, :switch))
    for (k, name, _, phases) in chargers(feeder, rows, charging)
        i = unit_of[name]
        bus = PMD.ref(pm, :gen, i)["gen_bus"]
        band = PMD.ref(pm, :bus, bus)
        low, high = minimum(band["vmin"]), maximum(band["vmax"])
        z = PMD.var(pm, :switch_state, switch_of[switch_name(rows[k])])
        for c in phases
            power = PMD.var(pm, :qg, i)[c]
            if linear
                JuMP.@constraint(model, power == charging[k, c] * z)
                continue
            end
            product = JuMP.@variable(model, base_name = "charging", start = 1.0)
            w = squared_voltage(pm, bus, c)
            JuMP.@constraint(model, product <= high^2 * z)
            JuMP.@constraint(model, product >= low^2 * z)
            JuMP.@constraint(model, product <= w - low^2 * (1 - z))
            JuMP.@constraint(model, product >= w - high^2 * (1 - z))
            JuMP.@constraint(model, power == charging[k, c] * product)
        end
    end
    return nothing
end
