"""Whether a planning problem, its scenarios and a decision fit together."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from pygridjl.core.errors import InvalidOptionError, InvalidPlanningError, InvalidScenariosError
from pygridjl.core.findings import Finding
from pygridjl.grid.feeder_checks import assert_valid_feeder
from pygridjl.scenarios.model import ScenarioSet, assert_valid_scenarios
from pygridjl.siting.measures import parse_measure
from pygridjl.siting.problem import LEAST_UNIT, STORAGE, PlanningProblem
from pygridjl.siting.site_checks import site_findings
from pygridjl.siting.storage_checks import assert_whole_days
from pygridjl.siting.tariff import prices_of

__all__ = [
    "assert_expectation",
    "assert_limits_kept",
    "assert_valid_planning",
    "assert_valid_scenarios_for",
    "check_units",
    "validate_planning",
]

# Beyond it no solver's tolerances mean anything.
MOST_PRICE = 1e9
# Per unit: more is another unit.
HIGHEST_VOLTAGE = 10.0
# Kinds of existing units that no profile moves.
_STEADY = ("generator", "storage")


def validate_planning(problem: PlanningProblem) -> tuple[Finding, ...]:
    """List everything that is wrong with a planning problem (the feeder aside).

    Parameters
    ----------
    problem : PlanningProblem
        The problem.

    Returns
    -------
    tuple of Finding
        Empty when it is sound; each names the site or the field.
    """
    findings = [*_numbers(problem), *site_findings(problem)]
    return tuple(findings) if findings else (*_first_stage(problem), *_voltages(problem))


def _wrong(field: str, message: str) -> Finding:
    return Finding("planning", (), field, message)


def _numbers(problem: PlanningProblem) -> list[Finding]:
    findings = []
    if not (math.isfinite(problem.v_ref) and problem.v_ref > 0):
        findings.append(_wrong("v_ref", f"must be a positive number, is {problem.v_ref}"))
    if not (math.isfinite(problem.unit_kw) and problem.unit_kw >= LEAST_UNIT):
        text = f"must be a number of at least {LEAST_UNIT:g} kW, is {problem.unit_kw}"
        findings.append(_wrong("unit_kw", text))
    for name in ("curtailment_price", "unit_penalty", "slack_price"):
        value = getattr(problem, name)
        if value is not None and value > MOST_PRICE:
            findings.append(_wrong(name, f"must be at most {MOST_PRICE:g}, is {value}"))
    if not 0 < problem.limit_share <= 1:
        text = f"must be above 0 and at most 1, is {problem.limit_share}"
        findings.append(_wrong("limit_share", text))
    elif problem.limit_share < 1 and problem.slack_price is not None:
        findings.append(_wrong("limit_share", "has no meaning where slack_price lets limits be"))
    if not 0 <= problem.cvar_share <= 1:
        findings.append(_wrong("cvar_share", f"must lie in 0…1, is {problem.cvar_share}"))
    if problem.cvar_level is not None:
        if not 0 <= problem.cvar_level < 1:
            text = f"must be at least 0 and below 1, is {problem.cvar_level}"
            findings.append(_wrong("cvar_level", text))
        if problem.cvar_share == 0:
            findings.append(_wrong("cvar_level", "has no effect while cvar_share is 0"))
    if problem.slack_price is not None and not (
        math.isfinite(problem.slack_price) and problem.slack_price > 0
    ):
        text = f"must be a positive number, is {problem.slack_price}"
        findings.append(_wrong("slack_price", text))
    if not 0 < problem.storage_efficiency <= 1:
        text = f"must be above 0 and at most 1, is {problem.storage_efficiency}"
        findings.append(_wrong("storage_efficiency", text))
    if not (math.isfinite(problem.storage_hours) and problem.storage_hours > 0):
        text = f"must be a positive number, is {problem.storage_hours}"
        findings.append(_wrong("storage_hours", text))
    if problem.stores.any() and problem.limit_share < 1:
        findings.append(_wrong("limit_share", "has no meaning where storage ties hours to days"))
    if problem.stores.any() and problem.cvar_share > 0:
        findings.append(_wrong("cvar_share", "counts hours, which storage ties to days"))
    for name in ("unit_cost", "budget", "curtailment_price", "unit_penalty"):
        value = getattr(problem, name)
        if not (math.isfinite(value) and value >= 0):
            findings.append(_wrong(name, f"must be a number of at least 0, is {value}"))
    if problem.v_source is not None and not 0 < problem.v_source <= HIGHEST_VOLTAGE:
        text = f"must lie above 0 and at most at {HIGHEST_VOLTAGE:g} p.u., is {problem.v_source:g}"
        findings.append(_wrong("v_source", text))
    for name in ("v_min", "v_max"):
        value = getattr(problem, name)
        given = [] if value is None else np.ravel(value).tolist()
        # Infinity is no upper limit; NaN is not at least 0.
        most = math.inf if name == "v_max" else HIGHEST_VOLTAGE
        wrong = [v for v in given if not (0 <= v <= HIGHEST_VOLTAGE or v == most)]
        if wrong:
            text = f"must lie between 0 and {HIGHEST_VOLTAGE:g} p.u., is {wrong[0]:g}"
            findings.append(_wrong(name, text))
    if not abs(problem.power_factor_angle) < math.pi / 2:
        text = f"must lie between −π/2 and π/2, is {problem.power_factor_angle}"
        findings.append(_wrong("power_factor_angle", text))
    for name, least in (("max_units", 1), ("min_units", 1), ("min_sites", 0), ("max_sites", 1)):
        value = getattr(problem, name)
        if value is not None and value < least:
            findings.append(_wrong(name, f"must be at least {least}, is {value}"))
    return [*findings, *_objective(problem)]


def _objective(problem: PlanningProblem) -> list[Finding]:
    try:
        weights = parse_measure(problem.measure)
    except InvalidOptionError as error:
        return [_wrong("measure", str(error).removeprefix("measure: "))]
    findings = []
    if problem.stores.any() and {"loss", "loss-printed"} & set(weights):
        text = "losses have no linear program, which the days of storage need; take another measure"
        findings.append(_wrong("measure", text))
    prices = {"import_price": problem.import_price, "export_price": problem.export_price}
    for name, price in prices.items():
        if price is not None and "energy-cost" not in weights:
            findings.append(_wrong(name, "has no effect unless the measure has 'energy-cost'"))
        elif isinstance(price, float | int) and not abs(price) <= MOST_PRICE:
            text = f"must be a number of at most {MOST_PRICE:g} in size, is {price}"
            findings.append(_wrong(name, text))
    if "energy-cost" in weights and problem.import_price is None:
        findings.append(_wrong("import_price", "is needed by the measure 'energy-cost'"))
    full = np.array(problem.feeder.buses.phases.all(axis=1))
    full[problem.feeder.source_bus] = False
    if "unbalance" in weights and not full.any():
        text = "'unbalance' has no meaning: no bus but the source has three phases"
        findings.append(_wrong("measure", text))
    return findings


def _first_stage(problem: PlanningProblem) -> list[Finding]:
    findings = []
    prices = np.sort(problem.unit_prices)
    least = problem.min_units * float(prices[: problem.min_sites].sum())
    if problem.budget < prices[0] * (1 - 1e-12):
        findings.append(
            _wrong(
                "budget",
                f"{problem.budget:g} k$ is below one unit of {problem.unit_kw:g} kW "
                f"({prices[0]:g} k$)",
            )
        )
    elif problem.site_limit < problem.min_units:
        findings.append(
            _wrong(
                "min_units",
                f"{problem.min_units} units exceed the {problem.site_limit} that max_units and "
                "the budget allow",
            )
        )
    elif problem.min_units * problem.min_sites > problem.budget_units:
        findings.append(
            _wrong(
                "min_sites",
                f"{problem.min_sites} sites of {problem.min_units} units exceed the "
                f"{problem.budget_units} units of the budget",
            )
        )
    elif problem.budget < least * (1 - 1e-12):
        text = f"{problem.min_sites} sites of {problem.min_units} units cost {least:g} k$ at least"
        findings.append(_wrong("min_sites", text))
    if problem.max_sites is not None and problem.min_sites > problem.max_sites:
        findings.append(_wrong("min_sites", f"is above max_sites ({problem.max_sites})"))
    if problem.min_sites > problem.n_site:
        findings.append(_wrong("min_sites", f"there are only {problem.n_site} sites"))
    return findings


def _voltages(problem: PlanningProblem) -> list[Finding]:
    low, high = problem.band
    ids = problem.feeder.buses.id
    findings = []
    crossed = low > high
    if crossed.any():
        findings.append(
            Finding("bus", tuple(ids[crossed].tolist()), "v_min", "is above v_max: no voltage fits")
        )
    source = problem.feeder.source_bus
    v = problem.source_voltage[problem.feeder.buses.phases[source]]
    if not crossed[source] and ((v < low[source]) | (v > high[source])).any():
        text = f"the source is held outside its band {low[source]:g}…{high[source]:g} p.u."
        findings.append(Finding("bus", (str(ids[source]),), "v_source", text))
    return findings


def assert_valid_planning(problem: PlanningProblem) -> None:
    """Raise one error that lists every finding, on the feeder first.

    Parameters
    ----------
    problem : PlanningProblem
        The problem.

    Raises
    ------
    InvalidNetworkError
        If the feeder is not valid.
    InvalidPlanningError
        If :func:`validate_planning` finds anything.
    """
    assert_valid_feeder(problem.feeder)
    findings = validate_planning(problem)
    if findings:
        raise InvalidPlanningError(problem.feeder.name, findings)


def assert_expectation(problem: PlanningProblem, method: str) -> None:
    """Raise if a problem asks for more than the expectation, which a method cannot minimise.

    Parameters
    ----------
    problem : PlanningProblem
        The problem.
    method : str
        Name of the method.

    Raises
    ------
    InvalidOptionError
        If the problem has a share of CVaR.
    """
    if problem.risk is not None:
        raise InvalidOptionError(
            f"cvar_share: {method!r} minimises the expectation only; use method 'benders'"
        )


def assert_limits_kept(problem: PlanningProblem, method: str) -> None:
    """Raise if limits may be given up in a share of the hours, which a method cannot choose.

    Parameters
    ----------
    problem : PlanningProblem
        The problem.
    method : str
        Name of the method.

    Raises
    ------
    InvalidOptionError
        If limits need not always hold.
    """
    if problem.limit_share < 1:
        raise InvalidOptionError(
            f"limit_share: {method!r} keeps limits in every hour, since which hours give them up "
            "is no convex question; use method 'extensive'"
        )


def assert_valid_scenarios_for(problem: PlanningProblem, scenarios: ScenarioSet) -> None:
    """Raise if scenarios are unsound, for other buses, or lack a profile or price of the problem.

    Parameters
    ----------
    problem : PlanningProblem
        The problem.
    scenarios : ScenarioSet
        The scenarios.

    Raises
    ------
    InvalidScenariosError, InvalidPlanningError
        With every finding.
    """
    assert_valid_scenarios(scenarios)
    units = problem.feeder.generators
    odd = np.isin(units.kind, [*_STEADY, *scenarios.outputs], invert=True)
    if odd.any():
        kind = str(units.kind[odd][0])
        text = f"{kind!r} is no profile of these scenarios, which have {_listed(scenarios)}"
        finding = Finding("unit", tuple(units.id[odd].tolist()), "kind", text)
        raise InvalidPlanningError(problem.feeder.name, [finding])
    known = {*scenarios.outputs, STORAGE}
    absent = np.array([name not in known for name in problem.profiles], dtype=np.bool_)
    if absent.any():
        ids = np.array(problem.site_ids)[absent].tolist()
        text = (
            f"{problem.profiles[int(absent.argmax())]!r} is no profile of these scenarios, which "
            f"have {_listed(scenarios)}"
        )
        raise InvalidPlanningError(
            problem.feeder.name, [Finding("site", tuple(ids), "profile", text)]
        )
    _assert_priced(problem, scenarios)
    assert_whole_days(problem, scenarios)
    if scenarios.n_bus != problem.feeder.n_bus:
        text = f"are for {scenarios.n_bus} buses, the feeder has {problem.feeder.n_bus}"
        raise InvalidScenariosError(scenarios.name, [Finding("scenarios", (), "load, pv", text)])


def _assert_priced(problem: PlanningProblem, scenarios: ScenarioSet) -> None:
    """Raise unless the prices exist and what is imported costs at least what is exported earns."""
    for field in ("import_price", "export_price"):
        name = getattr(problem, field)
        if isinstance(name, str) and name not in scenarios.prices:
            there = ", ".join(scenarios.prices) or "none"
            text = f"{name!r} is no price of these scenarios, which have {there}"
            raise InvalidPlanningError(problem.feeder.name, [_wrong(field, text)])
    if "energy-cost" not in problem.weights:
        return
    bought, sold = prices_of(problem, scenarios)
    cheap = (bought < sold) & (scenarios.probability > 0)
    if cheap.any():
        k = int(cheap.argmax())
        text = (
            f"is {bought[k]:g} where energy sold earns {sold[k]:g} $/MWh: buying to sell has no "
            "least cost"
        )
        finding = Finding("scenario", tuple(scenarios.id[cheap].tolist()), "import_price", text)
        raise InvalidPlanningError(problem.feeder.name, [finding])


def _listed(scenarios: ScenarioSet) -> str:
    return ", ".join(scenarios.outputs)


def check_units(problem: PlanningProblem, units: ArrayLike) -> tuple[Finding, ...]:
    """List the first-stage constraints a decision breaks; shares no code with any solver.

    Parameters
    ----------
    problem : PlanningProblem
        The problem.
    units : array of int, shape (n_site,)
        Units at each site.

    Returns
    -------
    tuple of Finding
        Empty when (38)–(40) hold.
    """
    n = np.asarray(units)
    if n.shape != (problem.n_site,):
        return (_wrong("units", f"have shape {n.shape}, expected ({problem.n_site},)"),)
    findings = []
    ids = np.array(problem.site_ids)
    for mask, message in (
        (n != np.round(n), "is not a whole number"),
        (n < 0, "is negative"),
        (n > problem.max_units, f"is above max_units ({problem.max_units})"),
        ((n > 0) & (n < problem.min_units), f"is below min_units ({problem.min_units})"),
    ):
        if mask.any():
            findings.append(Finding("site", tuple(ids[mask].tolist()), "units", message))
    if problem.site_max is not None and (n > problem.site_max).any():
        beyond = tuple(ids[n > problem.site_max].tolist())
        findings.append(Finding("site", beyond, "units", "are more than the site's own limit"))
    cost = float(n @ problem.unit_prices)
    if cost > problem.budget * (1 + 1e-9):
        findings.append(_wrong("budget", f"{cost:g} k$ spent of {problem.budget:g} k$"))
    used = int((n > 0).sum())
    if used < problem.min_sites:
        findings.append(_wrong("min_sites", f"{used} sites used, at least {problem.min_sites}"))
    if problem.max_sites is not None and used > problem.max_sites:
        findings.append(_wrong("max_sites", f"{used} sites used, at most {problem.max_sites}"))
    return tuple(findings)
