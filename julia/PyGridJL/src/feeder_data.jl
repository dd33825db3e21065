# A feeder as arrays, turned into PowerModelsDistribution's ENGINEERING dictionary.

# Impedances below this many p.u. are an ideal connection: as admittances they would drown the rest.
const IDEAL_IMPEDANCE = 1e-6
# The band of buses that have none where a problem needs one, p.u.
const WIDE_BAND = (0.8, 1.2)

"""
    FeederArrays

A three-phase feeder in per unit of one phase; one row a component, positions from 1, phases that
do not exist marked by zeros.

- `phase_mva`: power base of one phase; `source`: position of the source bus; `v_set`: its voltages;
- `bus`: kv_ln, v_min, v_max, then 1 or 0 for phases a, b, c;
- `branch`: from, to, then 1 or 0 by phase, ratio by phase (to over from, no load), ampacity by phase;
  `r`, `x`: impedance matrices behind the ratio, row by row (9 columns), p.u. of the to bus;
- `load`: p by phase, q by phase, of each bus; `shunt`: reactive, then active injection at 1 p.u. by
  phase, of each bus;
- `generator`: bus, p by phase, q by phase, s_max by phase.
"""
struct FeederArrays
    phase_mva::Float64
    source::Int
    v_set::Vector{Float64}
    bus::Matrix{Float64}
    branch::Matrix{Float64}
    r::Matrix{Float64}
    x::Matrix{Float64}
    load::Matrix{Float64}
    shunt::Matrix{Float64}
    generator::Matrix{Float64}
end

# The same feeder on another base.
function rebase(feeder::FeederArrays, phase_mva::Float64)
    k = feeder.phase_mva / phase_mva
    branch, generator = copy(feeder.branch), copy(feeder.generator)
    branch[:, 9:11] .*= k
    generator[:, 2:10] .*= k
    return FeederArrays(
        phase_mva,
        feeder.source,
        feeder.v_set,
        feeder.bus,
        branch,
        feeder.r ./ k,
        feeder.x ./ k,
        feeder.load .* k,
        feeder.shunt .* k,
        generator,
    )
end

# The same feeder with its generators as negative loads.
function with_fixed_generators(feeder::FeederArrays)
    load = copy(feeder.load)
    for row in eachrow(feeder.generator)
        load[Int(row[1]), :] .-= row[2:7]
    end
    return FeederArrays(
        feeder.phase_mva,
        feeder.source,
        feeder.v_set,
        feeder.bus,
        feeder.branch,
        feeder.r,
        feeder.x,
        load,
        feeder.shunt,
        feeder.generator[1:0, :],
    )
end

phases_of(row, first) = [phase for phase in 1:3 if row[first+phase-1] > 0]
bus_phases(feeder, i) = phases_of(view(feeder.bus, i, :), 4)
branch_phases(feeder, l) = phases_of(view(feeder.branch, l, :), 3)

"""
    band_of(feeder, i) -> (low, high)

Voltage band of a bus, p.u.; [`WIDE_BAND`](@ref) in place of a side that has none.
"""
function band_of(feeder, i)
    low, high = feeder.bus[i, 2], feeder.bus[i, 3]
    return (low > 0 ? low : WIDE_BAND[1], isfinite(high) ? high : WIDE_BAND[2])
end

bus_name(i) = "b$i"
middle_name(l) = "m$l"
line_name(l) = "l$l"
generator_name(g) = "g$g"
switch_name(l) = "w$l"

"""
    engineering(feeder; constant_shunts=false, ideal=IDEAL_IMPEDANCE, band=true, wide=false,
                ampacity=true, switchable=Set()) -> Dict

The ENGINEERING dictionary of a feeder, as PowerModelsDistribution takes it. A ratio becomes an
ideal transformer with a bus behind it. With `constant_shunts`, capacitors and line charging inject
constant reactive power, as linear models have it; else they are admittances. `band` and
`ampacity` say whether voltage bands and ampacities are limits; with `wide` buses without a band get
a wide one. Generators may be curtailed, and give or take as much reactive power as their capacity
leaves beside their active power; without a capacity it stays as it is. Rows of `branch` in
`switchable` begin with a switch that may be opened.
"""
function engineering(
    feeder::FeederArrays;
    constant_shunts::Bool = false,
    ideal::Real = IDEAL_IMPEDANCE,
    band::Bool = true,
    wide::Bool = false,
    ampacity::Bool = true,
    switchable::Set{Int} = Set{Int}(),
)
    table() = Dict{String,Any}()
    kva = 1e3 * feeder.phase_mva
    data = Dict{String,Any}(
        "name" => "pygridjl",
        "data_model" => PMD.ENGINEERING,
        "is_kron_reduced" => true,
        "conductor_ids" => [1, 2, 3],
        "settings" => Dict{String,Any}(
            "sbase_default" => kva,
            "power_scale_factor" => 1e3,
            "voltage_scale_factor" => 1e3,
            "base_frequency" => 60.0,
            "vbases_default" =>
                Dict{String,Any}(bus_name(feeder.source) => feeder.bus[feeder.source, 1]),
        ),
        (
            key => table() for
            key in (
                "bus",
                "line",
                "transformer",
                "switch",
                "load",
                "shunt",
                "generator",
                "voltage_source",
            )
        )...,
    )
    for i in axes(feeder.bus, 1)
        add_bus!(data, feeder, i; band, wide)
        add_injections!(data, feeder, i, kva; constant_shunts)
    end
    for l in axes(feeder.branch, 1)
        add_branch!(data, feeder, l; ideal, ampacity, switchable = l in switchable)
    end
    for g in axes(feeder.generator, 1)
        add_generator!(data, feeder, g, kva)
    end
    data["voltage_source"]["source"] = Dict{String,Any}(
        "source_id" => "voltage_source.source",
        "bus" => bus_name(feeder.source),
        "connections" => [1, 2, 3],
        "configuration" => PMD.WYE,
        "vm" => feeder.v_set .* feeder.bus[feeder.source, 1],
        "va" => [0.0, -120.0, 120.0],
        "rs" => zeros(3, 3),
        "xs" => zeros(3, 3),
        "status" => PMD.ENABLED,
    )
    return data
end

function plain_bus(name, phases)
    return Dict{String,Any}(
        "source_id" => "bus.$name",
        "status" => PMD.ENABLED,
        "terminals" => phases,
        "grounded" => Int[],
        "rg" => Float64[],
        "xg" => Float64[],
    )
end

function add_bus!(data, feeder, i; band, wide)
    phases = bus_phases(feeder, i)
    bus = data["bus"][bus_name(i)] = plain_bus(bus_name(i), phases)
    low, high = wide ? band_of(feeder, i) : (feeder.bus[i, 2], feeder.bus[i, 3])
    band && set_band!(bus, feeder.bus[i, 1], low, high)
    return nothing
end

function set_band!(bus, kv, low, high)
    low > 0 && (bus["vm_lb"] = fill(low * kv, length(bus["terminals"])))
    isfinite(high) && (bus["vm_ub"] = fill(high * kv, length(bus["terminals"])))
    return nothing
end

function add_injections!(data, feeder, i, kva; constant_shunts)
    phases, kv = bus_phases(feeder, i), feeder.bus[i, 1]
    p, q = feeder.load[i, 1:3], feeder.load[i, 4:6]
    shunt_q, shunt_p = feeder.shunt[i, 1:3], feeder.shunt[i, 4:6]
    constant_shunts && ((p, q) = (p .- shunt_p, q .- shunt_q))
    if any(!iszero, p) || any(!iszero, q)
        data["load"]["d$i"] = Dict{String,Any}(
            "source_id" => "load.d$i",
            "bus" => bus_name(i),
            "connections" => phases,
            "configuration" => PMD.WYE,
            "model" => PMD.POWER,
            "pd_nom" => kva .* p[phases],
            "qd_nom" => kva .* q[phases],
            "vm_nom" => kv,
            "dispatchable" => PMD.NO,
            "status" => PMD.ENABLED,
        )
    end
    if !constant_shunts && (any(!iszero, shunt_q) || any(!iszero, shunt_p))
        # siemens from p.u.: power in kVA over the square of kV is 1e-3 siemens
        siemens = 1e-3 * kva / kv^2
        data["shunt"]["s$i"] = Dict{String,Any}(
            "source_id" => "shunt.s$i",
            "bus" => bus_name(i),
            "connections" => phases,
            "gs" => -siemens .* Matrix(Diagonal(shunt_p[phases])),
            "bs" => siemens .* Matrix(Diagonal(shunt_q[phases])),
            "dispatchable" => PMD.NO,
            "status" => PMD.ENABLED,
        )
    end
    return nothing
end

function add_branch!(data, feeder, l; ideal, ampacity, switchable)
    phases = branch_phases(feeder, l)
    from, to = Int(feeder.branch[l, 1]), Int(feeder.branch[l, 2])
    kv_from, kv_to = feeder.bus[from, 1], feeder.bus[to, 1]
    ratio, rating = feeder.branch[l, 5 .+ phases], feeder.branch[l, 8 .+ phases]
    by_rows(values) = permutedims(reshape(values[l, :], 3, 3))[phases, phases]
    r, x = by_rows(feeder.r), by_rows(feeder.x)
    impedance = max(maximum(abs, r), maximum(abs, x))
    at = bus_name(from)
    if switchable
        behind = data["bus"][switch_name(l)] = plain_bus(switch_name(l), phases)
        # Closed it has the voltage of one end, open that of the other through the ratio.
        low, high = switch_band(feeder, from, to, ratio)
        set_band!(behind, kv_from, low, high)
        data["switch"][switch_name(l)] = Dict{String,Any}(
            "source_id" => "switch.w$l",
            "f_bus" => at,
            "t_bus" => switch_name(l),
            "f_connections" => phases,
            "t_connections" => phases,
            "state" => PMD.OPEN,
            "dispatchable" => PMD.YES,
            "status" => PMD.ENABLED,
        )
        at = switch_name(l)
    end
    is_ideal = impedance <= ideal
    if is_ideal || kv_from != kv_to || any(!=(1.0), ratio)
        behind = is_ideal ? bus_name(to) : middle_name(l)
        is_ideal || (data["bus"][behind] = plain_bus(behind, phases))
        data["transformer"]["t$l"] = Dict{String,Any}(
            "source_id" => "transformer.t$l",
            "f_bus" => at,
            "t_bus" => behind,
            "f_connections" => phases,
            "t_connections" => phases,
            "configuration" => PMD.WYE,
            "polarity" => 1,
            "tm_nom" => kv_from / kv_to,
            "tm_set" => 1.0 ./ ratio,
            "tm_fix" => fill(true, length(phases)),
            "status" => PMD.ENABLED,
        )
        at = behind
    end
    is_ideal && return nothing
    ohm = kv_to^2 / feeder.phase_mva
    ampere = 1e3 * feeder.phase_mva / kv_to
    none = zeros(length(phases), length(phases))
    line = data["line"][line_name(l)] = Dict{String,Any}(
        "source_id" => "line.l$l",
        "f_bus" => at,
        "t_bus" => bus_name(to),
        "f_connections" => phases,
        "t_connections" => phases,
        "length" => 1.0,
        "rs" => ohm .* r,
        "xs" => ohm .* x,
        (key => none for key in ("g_fr", "b_fr", "g_to", "b_to"))...,
        "status" => PMD.ENABLED,
    )
    ampacity && any(isfinite, rating) && (line["cm_ub"] = ampere .* rating)
    return nothing
end

function switch_band(feeder, from, to, ratio)
    near, far = band_of(feeder, from), band_of(feeder, to)
    return (
        min(near[1], far[1] / maximum(ratio)),
        max(near[2], far[2] / minimum(ratio)),
    )
end

function add_generator!(data, feeder, g, kva)
    bus = Int(feeder.generator[g, 1])
    phases = bus_phases(feeder, bus)
    p, q, s = (feeder.generator[g, k .+ phases] for k in (1, 4, 7))
    room = sqrt.(max.(s .^ 2 .- p .^ 2, 0.0))
    data["generator"][generator_name(g)] = Dict{String,Any}(
        "source_id" => "generator.g$g",
        "bus" => bus_name(bus),
        "connections" => phases,
        "configuration" => PMD.WYE,
        "pg" => kva .* p,
        "qg" => kva .* q,
        "pg_lb" => kva .* min.(p, 0.0),
        "pg_ub" => kva .* max.(p, 0.0),
        "qg_lb" => kva .* ifelse.(isfinite.(s), -room, q),
        "qg_ub" => kva .* ifelse.(isfinite.(s), room, q),
        "cost_pg_parameters" => [0.0, 0.0, 0.0],
        "control_mode" => PMD.FREQUENCYDROOP,
        "status" => PMD.ENABLED,
    )
    return nothing
end
