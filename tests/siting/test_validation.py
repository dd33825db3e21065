"""A decision in OpenDSS, against circuits solved by hand and the engine's own snapshots."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from siting_toys import toy_feeder

from pygridjl.core.errors import InvalidOptionError
from pygridjl.grid import load_feeder
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.validation import validate_in_opendss

FIELD = Path(__file__).parent.parent / "data" / "field" / "feeders"
LIMITS = {"v_min": 0.0, "v_max": np.inf}


def scenarios(n_bus, load, sun):
    load, sun = np.asarray(load, float), np.asarray(sun, float)
    return ScenarioSet(
        np.full(load.size, 1 / load.size),
        np.repeat(load[:, None], n_bus, axis=1),
        np.repeat(sun[:, None], n_bus, axis=1),
    )


def two_bus(p, q, r=0.01, x=0.02):
    """Voltage magnitude at the end of a line with constant power, from the quadratic in V²."""
    b = 1 - 2 * (r * p + x * q)
    return np.sqrt((b + np.sqrt(b**2 - 4 * (r**2 + x**2) * (p**2 + q**2))) / 2)


def test_voltages_loadings_and_losses_by_hand():
    feeder = toy_feeder(2)
    feeder = feeder.replace(branches=feeder.branches.replace(rating=np.full((1, 3), 0.2)))
    # 30 units of 6 kW are 0.06 p.u. a phase; the load is 0.05 + 0.02j times the factor.
    problem = PlanningProblem(feeder, measure="loss", v_min=0.9, v_max=1.1)
    report = validate_in_opendss(problem, scenarios(2, [1.0, 3.0, 3.0], [0.0, 0.0, 1.0]), [30])
    table, q = report.table, np.array([0.02, 0.06, 0.06])
    p = np.array([0.05, 0.15, 0.15 - 0.06])
    expected = two_bus(p, q)
    assert table["converged"].all()
    assert table["v_min"].to_numpy() == pytest.approx(np.minimum(expected, 1.0), abs=1e-6)
    assert table["v_min_linear"].to_numpy() == pytest.approx(
        np.minimum(np.sqrt(1 - 0.02 * p - 0.04 * q), 1.0), abs=1e-6
    )
    current = np.hypot(p, q) / expected
    assert table["loading"].to_numpy() == pytest.approx(current / 0.2, rel=1e-4)
    assert table["loss_kw"].to_numpy() == pytest.approx(3e3 * 0.01 * current**2, rel=1e-3)
    assert table["loss_linear_kw"].to_numpy() == pytest.approx(
        3e3 * 0.01 * np.hypot(p, q) ** 2, rel=1e-9
    )


def test_limits_that_opendss_leaves_are_named():
    # The linear voltage leaves the losses out and is higher.
    linear, exact = np.sqrt(1 - 0.0018 * 70), two_bus(3.5, 1.4)
    assert exact < linear - 0.004
    problem = PlanningProblem(toy_feeder(2), v_min=float((linear + exact) / 2), v_max=1.1)
    report = validate_in_opendss(problem, scenarios(2, [70.0, 1.0], [0.0, 0.0]), [0], worst=1)
    assert report.table["outside"].tolist() == [True]
    assert report.hours_outside == pytest.approx(4380)
    assert report.worst[0].startswith("bus b1.")
    assert "4380 h a year" in report.summary()


@pytest.mark.parametrize(
    ("script", "sun", "loss"),
    # Losses of the engine's own snapshot of these scripts.
    [("existing_pv.dss", 1.0, 1.778), ("novbases.dss", 0.0, 5.903), ("bom.dss", 0.0, 5.903)],
)
def test_a_script_is_solved_as_it_stands(script, sun, loss):
    path = FIELD / script
    feeder = load_feeder(path)
    problem = PlanningProblem(feeder, **LIMITS)
    report = validate_in_opendss(
        problem, scenarios(feeder.n_bus, [1.0], [sun]), np.zeros(problem.n_site), script=path
    )
    assert report.circuit == "script"
    assert report.table["loss_kw"].iloc[0] == pytest.approx(loss, abs=6e-4)
    assert report.largest_error < 0.01


def test_what_cannot_be_asked_is_refused():
    problem = PlanningProblem(toy_feeder(2))
    with pytest.raises(InvalidOptionError, match="worst"):
        validate_in_opendss(problem, scenarios(2, [1.0], [0.0]), [0], worst=0)
