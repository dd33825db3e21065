module PyGridJLSCIPExt

using JuMP: JuMP, MOI
using PrecompileTools: @compile_workload
using PyGridJL: PyGridJL, Trace
using SCIP: SCIP

# It recognises the cone in the quadratic constraint.
PyGridJL.preferred_form(::Val{:SCIP}) = :quadratic

# Notes every incumbent with the bound at that moment.
mutable struct Incumbents <: SCIP.AbstractEventhdlr
    scip::SCIP.SCIPData
    trace::Trace
    began::Float64
end

const NEW_INCUMBENT = SCIP.SCIP_EVENTTYPE_BESTSOLFOUND

SCIP.eventinit(event::Incumbents) = SCIP.catch_event(event.scip, NEW_INCUMBENT, event)
SCIP.eventexit(event::Incumbents) = SCIP.drop_event(event.scip, NEW_INCUMBENT, event)

function SCIP.eventexec(event::Incumbents)
    # Its infinity is a number.
    known(value) = abs(value) < SCIP.SCIPinfinity(event.scip) ? value : NaN
    PyGridJL.note!(
        event.trace,
        time() - event.began,
        known(SCIP.SCIPgetPrimalbound(event.scip)),
        known(SCIP.SCIPgetDualbound(event.scip)),
    )
    return nothing
end

function PyGridJL.watch!(::Val{:SCIP}, trace::Trace, model::JuMP.AbstractModel, began::Float64)
    # Copying a model into SCIP forgets the handlers it had.
    MOI.Utilities.attach_optimizer(JuMP.backend(model))
    scip = JuMP.unsafe_backend(model).inner
    SCIP.include_event_handler(scip, Incumbents(scip, trace, began); name = "pygridjl")
    return nothing
end

PyGridJL.workload_enabled() && @compile_workload begin
    PyGridJL.run_radial_sample("SCIP")
    PyGridJL.run_radial_sample("SCIP"; reactive = false)
    PyGridJL.run_feeder_sample("SCIP", "acr")
end

end
