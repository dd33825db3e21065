"""A decision for other tools: OpenDSS generators, a map layer, a table of the dispatch."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.files import write_text
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.defaults import HOURS, with_default_limits
from pygridjl.siting.dispatch import Dispatch, operating_stage
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.reactive import power_factor_of
from pygridjl.siting.result import SitingResult
from pygridjl.siting.second_stage.day_program import stored

__all__ = ["EXPORTS", "dispatch_table", "export_decision"]


def export_decision(
    result: SitingResult, problem: PlanningProblem, scenarios: ScenarioSet, path: str | Path
) -> Path:
    """Write a decision in the format of the file's ending.

    Parameters
    ----------
    result : SitingResult
        The decision.
    problem : PlanningProblem
        The problem it answers.
    scenarios : ScenarioSet
        The scenarios it was made for.
    path : str or Path
        ``.dss``: OpenDSS generators to redirect to behind the feeder's script. ``.geojson``: one
        point a site, at the coordinates of the feeder as they are; without geometry where it has
        none. ``.csv``: the dispatch, see :func:`dispatch_table`. ``.html``: a page with map,
        duration curves, energy and binding limits.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    InvalidOptionError
        If the ending is none of these.
    OutputError
        If the file cannot be written.
    """
    path = Path(path)
    write = EXPORTS.get(path.suffix.lower())
    if write is None:
        raise InvalidOptionError(f"export: {path.name!r} ends in none of {', '.join(EXPORTS)}")
    write_text(path, write(result, problem, scenarios))
    return path


def dispatch_table(
    problem: PlanningProblem, scenarios: ScenarioSet, units: np.ndarray
) -> pd.DataFrame:
    """Return what every site injects in every scenario.

    Parameters
    ----------
    problem : PlanningProblem
        The problem.
    scenarios : ScenarioSet
        The scenarios.
    units : ndarray of int, shape (n_site,)
        Units at each site.

    Returns
    -------
    DataFrame
        ``scenario, hours, bus, profile, available_kw, kw_a, kw_b, kw_c, kvar_a, kvar_b, kvar_c,
        kvar, curtailed_kw``, one row for each scenario with an operating point and each site with
        units. Storage has no power available and negative power where it charges; ``stored_kwh`` is
        what it holds at the end of the hour, above the least of the day.
    """
    problem, _ = with_default_limits(problem, scenarios)
    stage = operating_stage(problem, scenarios)
    operation = stage.operation
    n = operation.check_units(units)
    index = np.arange(len(scenarios))
    injected, feasible = Dispatch(stage).of(index, n)
    phase = operation.feeder.node_phase[operation.col_node]
    by_phase = np.zeros((2, index.size, problem.n_site, 3))
    for part in operation.parts:
        at = operation.col_site[part], phase[part]
        by_phase[0][:, *at] += operation.kw * operation.gain[part] * injected[:, part]
        by_phase[1][:, *at] += operation.kw * operation.tan[part] * injected[:, part]
    stores = problem.stores
    sun = np.where(stores, np.nan, operation.kw * operation.per_unit * n)
    scenario, site = np.nonzero(feasible[:, None] & (n > 0))
    power, reactive = by_phase[:, scenario, site]
    available = sun[scenario, site]
    table = pd.DataFrame(
        {
            "scenario": scenarios.id[scenario],
            "hours": HOURS * scenarios.probability[scenario],
            "bus": np.array(problem.site_ids)[site],
            "profile": np.array(problem.profiles)[site],
            "available_kw": available,
            "kw_a": power[:, 0],
            "kw_b": power[:, 1],
            "kw_c": power[:, 2],
            "kvar_a": reactive[:, 0],
            "kvar_b": reactive[:, 1],
            "kvar_c": reactive[:, 2],
            "kvar": reactive.sum(axis=1),
            "curtailed_kw": np.maximum(available - power.sum(axis=1), 0.0),
        }
    )
    if stores.any():
        held = np.where(stores, operation.kw * stored(operation, injected), np.nan)
        table["stored_kwh"] = held[scenario, site]
    return table


def _dss(result: SitingResult, problem: PlanningProblem, _scenarios: ScenarioSet) -> str:
    feeder = problem.feeder
    kv = dict(zip(feeder.buses.id.tolist(), feeder.buses.kv_ln.tolist(), strict=True))
    sites = zip(problem.site_ids, problem.profiles, strict=True)
    place = {site: k for k, site in enumerate(sites)}
    lines = [f"! {result.feeder}: {sum(p.kw for p in result.placements):g} kW sited by pygridjl"]
    for placement in result.placements:
        count = len(placement.phases)
        site = place[placement.bus, placement.profile]
        theta, free = float(problem.angles[site]), bool(problem.free[site])
        if free:
            most = placement.kw * abs(math.tan(theta))
            lines.append(
                f"! site_{placement.bus}: reactive power is chosen in every scenario, up to "
                f"{most:g} kvar at full power (see a .csv of the dispatch); none is injected here"
            )
        dots = [f".{'abc'.index(letter) + 1}" for letter in placement.phases]
        # Two phases are two units: the engine would take two conductors for one between them.
        parts = (
            [("", "".join(dots), count)]
            if count != 2
            else [
                (f"_{letter}", dot, 1) for letter, dot in zip(placement.phases, dots, strict=True)
            ]
        )
        for ending, nodes, phases in parts:
            base = kv[placement.bus] * (3**0.5 if phases == 3 else 1.0)
            power = placement.kw * phases / count
            factor = 1.0 if free else power_factor_of(theta)
            where = f"bus1={placement.bus}{nodes} phases={phases} kv={base!r}"
            if problem.stores[site]:
                way = 100 * math.sqrt(problem.storage_efficiency)
                lines.append(
                    f"new storage.site_{placement.bus}{ending} {where} kwrated={power!r} "
                    f"kwhrated={power * problem.storage_hours!r} %effcharge={way!r} "
                    f"%effdischarge={way!r} %idlingkw=0 dispmode=external state=idling"
                )
                continue
            lines.append(
                f"new generator.site_{placement.bus}{ending} {where} "
                f"kw={power!r} pf={factor!r} model=1"
            )
    return "\n".join([*lines, ""])


def _geojson(result: SitingResult, problem: PlanningProblem, _scenarios: ScenarioSet) -> str:
    buses = problem.feeder.buses
    at = {name: k for k, name in enumerate(buses.id.tolist())}
    energy: dict[tuple[str, str], dict[str, float]] = {}
    if result.operation is not None:
        columns = ["produced_mwh", "curtailed_mwh", "curtailed_hours"]
        columns += ["injected_mvarh", "absorbed_mvarh"]
        columns += ["charged_mwh"] if problem.stores.any() else []
        rows = result.operation.sites[["bus", "profile", *columns]].to_dict("records")
        for row in rows:
            told = {name: float(row[name]) for name in columns}
            energy[row["bus"], row["profile"]] = told
    features = []
    for placement in result.placements:
        k = at[placement.bus]
        place = [float(buses.x[k]), float(buses.y[k])]
        known = bool(np.isfinite(place).all())
        features.append(
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": place} if known else None,
                "properties": {
                    "bus": placement.bus,
                    "phases": placement.phases,
                    "units": placement.units,
                    "kw": placement.kw,
                    "profile": placement.profile,
                    **energy.get((placement.bus, placement.profile), {}),
                },
            }
        )
    return json.dumps({"type": "FeatureCollection", "features": features}, indent=1) + "\n"


def _csv(result: SitingResult, problem: PlanningProblem, scenarios: ScenarioSet) -> str:
    return dispatch_table(problem, scenarios, result.units).to_csv(index=False)


def _html(result: SitingResult, problem: PlanningProblem, scenarios: ScenarioSet) -> str:
    from pygridjl.siting.page import siting_page

    return siting_page(result, problem, dispatch_table(problem, scenarios, result.units))


EXPORTS: dict[str, Callable[[SitingResult, PlanningProblem, ScenarioSet], str]] = {
    ".dss": _dss,
    ".geojson": _geojson,
    ".csv": _csv,
    ".html": _html,
}
"""Writers by the ending of the file."""
