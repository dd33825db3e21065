# States of switches on PowerModelsDistribution's variables: flows and voltages that follow them,
# and a commodity that makes the closed edges a tree.

# Widest difference of angles across an open switch, rad.
const OPEN_ANGLE = 0.5

"""
    add_switching!(pm, most)

Flows through an open switch are zero, voltages across a closed one equal, and the closed edges a
spanning tree. `most` is more than any phase of a switch carries, p.u.
"""
function add_switching!(pm, most::Float64)
    for i in PMD.ids(pm, :switch)
        switch = PMD.ref(pm, :switch, i)
        z = PMD.var(pm, :switch_state, i)
        for flow in through(pm, i, switch)
            JuMP.@constraint(pm.model, flow <= most * z)
            JuMP.@constraint(pm.model, flow >= -most * z)
        end
        for (apart, widest) in separations(pm, switch)
            JuMP.@constraint(pm.model, apart <= widest * (1 - z))
            JuMP.@constraint(pm.model, apart >= -widest * (1 - z))
        end
    end
    add_commodity!(pm)
    return nothing
end

by_phase(table, arc, phases) = [table[arc][c] for c in phases]

function through(pm, i, switch)
    arc, phases = (i, switch["f_bus"], switch["t_bus"]), switch["f_connections"]
    return [by_phase(PMD.var(pm, :psw), arc, phases); by_phase(PMD.var(pm, :qsw), arc, phases)]
end

function through(pm::PMD.AbstractUnbalancedIVRModel, i, switch)
    arc, phases = (i, switch["f_bus"], switch["t_bus"]), switch["f_connections"]
    return [by_phase(PMD.var(pm, :crsw), arc, phases); by_phase(PMD.var(pm, :cisw), arc, phases)]
end

# Of matrices the whole: what is off the diagonal is power too.
function through(pm::PMD.SOCConicUBFModel, i, switch)
    arc = (i, switch["f_bus"], switch["t_bus"])
    return [vec(PMD.var(pm, :Psw)[arc]); vec(PMD.var(pm, :Qsw)[arc])]
end

# The buses of both ends have bands: their own, or a wide one.
function ends_band(pm, switch)
    ends = [PMD.ref(pm, :bus, switch[name]) for name in ("f_bus", "t_bus")]
    return minimum(minimum(bus["vmin"]) for bus in ends), maximum(maximum(bus["vmax"]) for bus in ends)
end

# What is equal across a closed switch, and by how much it may differ across an open one.
differences(pm, name, switch) = [
    PMD.var(pm, name, switch["f_bus"])[f] - PMD.var(pm, name, switch["t_bus"])[t] for
    (f, t) in zip(switch["f_connections"], switch["t_connections"])
]

function separations(pm::PMD.AbstractUnbalancedACPModel, switch)
    low, high = ends_band(pm, switch)
    return [
        [(d, high - low) for d in differences(pm, :vm, switch)]
        [(d, OPEN_ANGLE) for d in differences(pm, :va, switch)]
    ]
end

function separations(
    pm::Union{PMD.AbstractUnbalancedACRModel,PMD.AbstractUnbalancedIVRModel},
    switch,
)
    low, high = ends_band(pm, switch)
    widest = high - low + OPEN_ANGLE * high
    return [(d, widest) for name in (:vr, :vi) for d in differences(pm, name, switch)]
end

function separations(pm::PMD.LPUBFDiagModel, switch)
    low, high = ends_band(pm, switch)
    return [(d, high^2 - low^2) for d in differences(pm, :w, switch)]
end

function separations(pm::PMD.SOCConicUBFModel, switch)
    low, high = ends_band(pm, switch)
    at(name, side) = [
        findfirst(isequal(c), PMD.ref(pm, :bus, switch[name])["terminals"]) for c in switch[side]
    ]
    f, t = at("f_bus", "f_connections"), at("t_bus", "t_connections")
    found = Tuple{JuMP.AffExpr,Float64}[]
    for name in (:Wr, :Wi)
        near, far = PMD.var(pm, name, switch["f_bus"])[f, f], PMD.var(pm, name, switch["t_bus"])[t, t]
        for k in eachindex(f), j in 1:k
            name == :Wi && j == k && continue
            widest = j == k ? high^2 - low^2 : 2 * high^2
            push!(found, (near[k, j] - far[k, j] + JuMP.AffExpr(0.0), widest))
        end
    end
    return found
end

# One unit from the source to every bus over closed edges, whose number is that of a tree.
function add_commodity!(pm)
    n = length(PMD.ids(pm, :bus))
    edges = [
        [(PMD.ref(pm, kind, i), 1.0) for kind in (:branch, :transformer) for i in PMD.ids(pm, kind)]
        [(PMD.ref(pm, :switch, i), PMD.var(pm, :switch_state, i)) for i in PMD.ids(pm, :switch)]
    ]
    flow = JuMP.@variable(
        pm.model,
        [eachindex(edges)],
        lower_bound = 1 - n,
        upper_bound = n - 1,
        base_name = "commodity",
    )
    net = Dict(i => JuMP.AffExpr(0.0) for i in PMD.ids(pm, :bus))
    for (k, (edge, state)) in enumerate(edges)
        JuMP.add_to_expression!(net[edge["f_bus"]], 1.0, flow[k])
        JuMP.add_to_expression!(net[edge["t_bus"]], -1.0, flow[k])
        state isa Float64 && continue
        JuMP.@constraint(pm.model, flow[k] <= (n - 1) * state)
        JuMP.@constraint(pm.model, flow[k] >= -(n - 1) * state)
    end
    (source,) = PMD.ids(pm, :ref_buses)
    for (i, leaving) in net
        JuMP.@constraint(pm.model, leaving == (i == source ? n - 1 : -1))
    end
    JuMP.@constraint(pm.model, sum(state for (_, state) in edges) == n - 1)
    return nothing
end
