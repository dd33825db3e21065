"""One door to power flow: any grid, one state or many variations of its loads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from pygridjl.core.errors import InvalidOptionError, PowerFlowError
from pygridjl.core.result import Status, Stopwatch, engine_versions
from pygridjl.core.types import ComplexArray, FloatArray
from pygridjl.grid.feeder import Feeder
from pygridjl.grid.feeder_checks import assert_valid_feeder
from pygridjl.grid.network import Network
from pygridjl.grid.network_checks import assert_valid
from pygridjl.powerflow.result import PowerFlowResult

__all__ = ["PowerFlowMethod", "power_flow"]

PowerFlowMethod = Literal["newton", "sweep", "lindistflow", "z-bus"]


def power_flow(
    grid: Network | Feeder,
    method: PowerFlowMethod | None = None,
    *,
    load_scale: ArrayLike | None = None,
) -> PowerFlowResult:
    """Solve the power flow of a grid in its base state.

    Parameters
    ----------
    grid : Network or Feeder
        The grid.
    method : {"newton", "sweep", "lindistflow", "z-bus"}, optional
        Of a network: Newton's method (the default; any topology) or the backward/forward sweep
        (radial). Of a feeder: the linearised flow of three phases (the default; radial), the sweep
        over its phases (AC, radial, loads of constant power), or the Z-bus method (AC, any
        topology), in which loads follow their voltage as their ``model`` says and transformers
        their vector group. The sweep takes no branches with a gain.
    load_scale : array_like, shape (n_variation,) or (n_variation, n_bus), optional
        Factors on the loads, of all buses or of each; one solution for each row. A state without
        a solution does not touch the others.

    Returns
    -------
    PowerFlowResult
        Voltages, flows, losses.

    Raises
    ------
    InvalidNetworkError
        If the data are not sound, or the method meets a loop or a gain that it does not take.
    InvalidOptionError
        If the grid does not have the method, or ``load_scale`` has another shape.
    PowerFlowError
        If the one state asked for has no solution.

    Examples
    --------
    >>> import pygridjl
    >>> result = pygridjl.power_flow(pygridjl.load_network("case33bw"))
    >>> print(f"{result.loss_kw:.1f} kW, lowest {result.vm.min():.4f} p.u.")
    202.7 kW, lowest 0.9131 p.u.
    >>> many = pygridjl.power_flow(pygridjl.load_network("case33bw"), load_scale=[0.5, 1, 99])
    >>> many.converged.tolist()
    [True, True, False]
    """
    feeder_methods = ("lindistflow", "sweep", "z-bus")
    allowed = feeder_methods if isinstance(grid, Feeder) else ("newton", "sweep")
    chosen = allowed[0] if method is None else method
    if chosen not in allowed:
        raise InvalidOptionError(
            f"method: {chosen!r} is none of {', '.join(allowed)} "
            f"of a {'feeder' if isinstance(grid, Feeder) else 'network'}"
        )
    scale = _scale(load_scale, grid.n_bus)
    watch = Stopwatch()
    with watch.phase("check"):
        if isinstance(grid, Feeder):
            assert_valid_feeder(grid)
        else:
            assert_valid(grid)
    with watch.phase("solve"):
        if isinstance(grid, Feeder):
            if chosen == "lindistflow":
                arrays = _linear(grid, scale)
            else:
                solve = _swept if chosen == "sweep" else _zbus
                arrays = solve(grid, scale, single=load_scale is None)
        else:
            arrays = _solved(grid, chosen, scale, single=load_scale is None)
    if load_scale is None:
        arrays = {name: values[0] for name, values in arrays.items()}
    arrays = {name: np.asarray(values) for name, values in arrays.items()}
    return PowerFlowResult(
        grid=grid.name,
        method=chosen,
        status=Status.FEASIBLE if arrays["converged"].all() else Status.NOT_FOUND,
        bus=grid.buses.id,
        branch=grid.branches.id.astype(np.str_),
        seconds=watch.seconds,
        versions=engine_versions("numpy", "scipy"),
        **arrays,
    )


def _scale(load_scale: ArrayLike | None, n_bus: int) -> FloatArray:
    """Return factors by variation and bus."""
    if load_scale is None:
        return np.ones((1, n_bus))
    try:
        given = np.asarray(load_scale, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidOptionError("load_scale: must be an array of numbers") from None
    if not np.isfinite(given).all():
        raise InvalidOptionError("load_scale: must be finite")
    if given.ndim == 1:
        return np.repeat(given[:, None], n_bus, axis=1)
    if given.ndim != 2 or given.shape[1] != n_bus:
        raise InvalidOptionError(
            f"load_scale: has shape {given.shape}, expected (variations,) or (variations, {n_bus})"
        )
    return given


def _solved(network: Network, method: str, scale: FloatArray, *, single: bool) -> dict[str, Any]:
    """Solve each variation of a network by itself."""
    found = [_one(state, method, single=single) for state in _states(network, scale)]
    v = np.stack([voltage for voltage, _ in found])
    from_, to = _branch_powers(network, v)
    kw = 1e3 * network.base_mva
    lost = (from_ + to).real
    return {
        "converged": np.isfinite(v.real).all(axis=1),
        "vm": np.abs(v),
        "va": np.angle(v),
        "p_from": from_.real,
        "q_from": from_.imag,
        "p_to": to.real,
        "q_to": to.imag,
        "loss_kw": np.array([loss for _, loss in found]),
        "iron_kw": kw * (np.abs(v) ** 2 * network.buses.iron).sum(axis=1),
        "source_loss_kw": kw * lost[:, network.branches.source].sum(axis=1),
    }


def _states(network: Network, scale: FloatArray) -> Iterator[Network]:
    load = network.loads
    for factors in scale:
        at = factors[load.bus]
        yield network.replace(loads=load.replace(p=load.p * at, q=load.q * at))


def _one(network: Network, method: str, *, single: bool) -> tuple[ComplexArray, float]:
    from pygridjl.powerflow.newton import newton_power_flow
    from pygridjl.powerflow.sweep import radial_power_flow

    try:
        solved = newton_power_flow(network) if method == "newton" else radial_power_flow(network)
    except PowerFlowError:
        if single:
            raise
        return np.full(network.n_bus, np.nan + 0j), np.nan
    return solved.v, solved.loss_kw


def _branch_powers(network: Network, v: ComplexArray) -> tuple[ComplexArray, ComplexArray]:
    """Return the powers into all branches at their two ends, shape (n_variation, n_branch)."""
    from pygridjl.powerflow.admittance import branch_admittances

    closed = np.flatnonzero(network.branches.closed)
    branch = network.branches.take(closed)
    own_from, cross_from, cross_to, own_to = branch_admittances(branch)
    at_from, at_to = v[:, branch.from_bus], v[:, branch.to_bus]
    powers = []
    for near, current in (
        (at_from, own_from * at_from + cross_from * at_to),
        (at_to, cross_to * at_from + own_to * at_to),
    ):
        power = np.zeros((len(v), network.n_branch), dtype=np.complex128)
        power[:, closed] = near * np.conj(current)
        powers.append(power)
    return powers[0], powers[1]


def _swept(feeder: Feeder, scale: FloatArray, *, single: bool) -> dict[str, Any]:
    """Solve each variation of a feeder by itself."""
    from pygridjl.powerflow.feeder_sweep import feeder_power_flow

    count, shape = len(scale), (len(scale), feeder.n_branch, 3)
    v = np.full((count, feeder.n_bus, 3), np.nan + 0j)
    from_, to = np.full((2, *shape), np.nan + 0j)
    loss = np.full(count, np.nan)
    for k, factors in enumerate(scale):
        try:
            found = feeder_power_flow(feeder, load_scale=factors)
        except PowerFlowError:
            if single:
                raise
            continue
        v[k], from_[k], to[k], loss[k] = found.v, found.s_from, found.s_to, found.loss_kw
    absent = np.isnan(v.real)
    at = np.abs(v[:, feeder.node_bus, feeder.node_phase])
    iron = feeder.to_kw((at**2 * feeder.iron_p).sum(axis=1))
    source = feeder.branches.kind == "source"
    return {
        "converged": np.isfinite(loss),
        "vm": np.abs(v),
        "va": np.where(absent, np.nan, np.angle(v)),
        "p_from": from_.real,
        "q_from": from_.imag,
        "p_to": to.real,
        "q_to": to.imag,
        "loss_kw": loss + iron,
        "iron_kw": iron,
        "source_loss_kw": feeder.to_kw((from_ + to)[:, source].real.sum(axis=(1, 2))),
    }


def _linear(feeder: Feeder, scale: FloatArray) -> dict[str, Any]:
    """Solve all variations of a feeder at once; there is always a solution."""
    from pygridjl.powerflow.lindistflow import LinDistFlow3
    from pygridjl.powerflow.losses import resistive_losses

    model = LinDistFlow3(feeder)
    at = scale[:, feeder.node_bus]
    p = feeder.generation_p + feeder.shunt_p - feeder.load_p * at
    q = feeder.generation_q + feeder.shunt_q - feeder.load_q * at
    P, Q = model.flows(p, q)
    U = model.voltages_of_flows(P, Q)
    count = len(scale)
    vm = np.full((count, feeder.n_bus, 3), np.nan)
    vm[:, feeder.node_bus, feeder.node_phase] = np.sqrt(np.where(U > 0, U, np.nan))
    fed = np.flatnonzero(model.branch >= 0)
    branch, phase = model.branch[fed], feeder.node_phase[fed]
    # A branch is fed from its to side where the node it feeds is its from bus.
    backwards = feeder.branches.from_bus[branch] == feeder.node_bus[fed]
    powers = {}
    for name, flow in (("p", P[:, fed]), ("q", Q[:, fed])):
        near, far = np.zeros((2, count, len(feeder.branches), 3))
        near[:, branch, phase], far[:, branch, phase] = flow, -flow
        here = np.zeros((len(feeder.branches), 3), dtype=np.bool_)
        here[branch, phase] = backwards
        powers[f"{name}_from"] = np.where(here, far, near)
        powers[f"{name}_to"] = np.where(here, near, far)
    iron = float(feeder.to_kw(feeder.iron_p.sum()))
    return {
        "converged": np.asarray((U > 0).all(axis=1)),
        "vm": vm,
        "va": np.full_like(vm, np.nan),
        **powers,
        "loss_kw": feeder.to_kw(resistive_losses(model).value(P, Q)) + iron,
        "iron_kw": np.full(count, iron),
        "source_loss_kw": feeder.to_kw(resistive_losses(model, source=True).value(P, Q)),
    }


def _zbus(feeder: Feeder, scale: FloatArray, *, single: bool) -> dict[str, Any]:
    """Solve all variations of a feeder with one factorisation."""
    from pygridjl.powerflow.zbus import feeder_power_flow

    found = feeder_power_flow(feeder, scale)
    converged = np.isfinite(found.v.real).all(axis=1)
    if single and not converged.all():
        raise PowerFlowError(
            f"{feeder.name!r}: the Z-bus method did not converge: the loads may be beyond what the "
            "feeder can carry"
        )
    v = np.full((len(scale), feeder.n_bus, 3), np.nan + 0j)
    v[:, feeder.node_bus, feeder.node_phase] = found.v
    return {
        "converged": converged,
        "vm": np.abs(v),
        "va": np.angle(v),
        "p_from": found.s_from.real,
        "q_from": found.s_from.imag,
        "p_to": found.s_to.real,
        "q_to": found.s_to.imag,
        "loss_kw": feeder.to_kw(found.loss),
        "iron_kw": feeder.to_kw(found.iron),
        "source_loss_kw": feeder.to_kw(found.source),
    }
