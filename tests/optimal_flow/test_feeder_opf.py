"""LinDist3Flow OPF against the sweep model, by hand, and against physics."""

from __future__ import annotations

import numpy as np
import pytest
from feeder_builders import two_bus_feeder, with_services

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.result import Status
from pygridjl.grid import Feeder, FeederGenerators, load_feeder
from pygridjl.optimal_flow.solve import opf
from pygridjl.powerflow.lindistflow import LinDistFlow3


def _with_unit(feeder: Feeder, bus: str, p: float, s_max: float) -> Feeder:
    at = int(np.flatnonzero(feeder.buses.id == bus)[0])
    unit = FeederGenerators(
        id=["pv"], bus=[at], p=np.full((1, 3), p), q=np.zeros((1, 3)), s_max=np.full((1, 3), s_max)
    )
    return feeder.replace(generators=unit)


@pytest.mark.parametrize("name", ["ieee13", "ieee34", "ieee37", "ieee123"])
def test_without_choices_it_is_the_power_flow(name: str) -> None:
    feeder = load_feeder(name)
    answer = opf(feeder, ampacity=False)
    assert answer.status is Status.OPTIMAL
    assert answer.raw_status == "Optimal"
    assert answer.objective == pytest.approx(feeder.load_p.sum(), rel=1e-9)
    voltages = np.sqrt(LinDistFlow3(feeder).voltages(*feeder.injection()))
    np.testing.assert_allclose(feeder.by_node(answer.vm), voltages, atol=1e-8)


def test_gains_that_mix_phases_are_the_power_flow_too() -> None:
    feeder = with_services(two_bus_feeder(), np.random.default_rng(0))
    answer = opf(feeder, ampacity=False)
    assert answer.objective == pytest.approx(feeder.load_p.sum(), rel=1e-9)
    voltages = np.sqrt(LinDistFlow3(feeder).voltages(*feeder.injection()))
    np.testing.assert_allclose(feeder.by_node(answer.vm), voltages, atol=1e-8)


def test_a_unit_is_used_in_full_where_voltages_allow() -> None:
    feeder = _with_unit(load_feeder("ieee13"), "671", 0.3, 0.4)
    answer = opf(feeder, ampacity=False)
    np.testing.assert_allclose(answer.pg, 0.3)
    assert answer.objective == pytest.approx(feeder.load_p.sum() - 0.9, rel=1e-9)


def test_a_band_curtails_and_reactive_power_helps() -> None:
    plain = load_feeder("ieee123").with_band(0.0, 1.05)
    stiff = _with_unit(plain, "66", 3.0, 3.0)
    able = _with_unit(plain, "66", 3.0, 4.0)
    first, second = opf(stiff, ampacity=False), opf(able, ampacity=False)
    assert first.status is second.status is Status.OPTIMAL
    free = np.delete(second.vm, plain.source_bus, axis=0)
    assert np.nanmax(free) <= 1.05 + 1e-7
    assert first.pg.sum() < 9.0 - 1e-3
    assert second.objective < first.objective - 1e-3


def test_ampacities_that_exclude_every_answer() -> None:
    feeder = load_feeder("ieee13")
    tight = feeder.replace(branches=feeder.branches.replace(rating=0.5))
    answer = opf(tight)
    assert answer.status is Status.INFEASIBLE
    assert answer.raw_status == "Infeasible"
    assert answer.objective is None


def test_formulations_of_a_feeder() -> None:
    with pytest.raises(InvalidOptionError, match="'acp' does not run on .*which has lindist"):
        opf(load_feeder("ieee13"), "acp")
