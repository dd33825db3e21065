import numpy as np
import pytest
from feeder_builders import LINE_R, LINE_X, random_feeder, two_bus_feeder, with_services

from pygridjl.core.errors import InvalidNetworkError
from pygridjl.grid import (
    FeederBranches,
    FeederLoads,
    assert_valid_feeder,
    validate_feeder,
)


def _findings(feeder):
    return {(f.component, f.ids, f.field) for f in validate_feeder(feeder)}


@pytest.mark.parametrize("seed", range(5))
def test_sound_feeders_have_no_findings(seed):
    assert validate_feeder(random_feeder(np.random.default_rng(seed), 20)) == ()


def test_every_finding_is_listed_in_one_error():
    feeder = two_bus_feeder(rating=-1.0, ratio=0.0)
    with pytest.raises(InvalidNetworkError, match=r"branch l ratio: .*branch l rating: ") as error:
        assert_valid_feeder(feeder)
    assert len(error.value.findings) == 2


WITHOUT_B = np.array([[1, 0, 1], [0, 0, 0], [1, 0, 1]])


@pytest.mark.parametrize(
    ("columns", "field"),
    [
        ({"r": LINE_R[None] * np.nan}, "r"),
        ({"r": LINE_R[None] * 0, "x": LINE_X[None] * 0}, "r, x"),
        ({"r": -LINE_R[None]}, "r"),
        ({"r": np.triu(LINE_R)[None]}, "r, x"),
        ({"r": LINE_R[None] * 1e6}, "r, x"),
        ({"phases": [[True, False, True]]}, "r, x"),  # a value on the phase that is not there
        ({"kind": ["cable"]}, "kind"),
        ({"ratio": [[1, 1, -1]]}, "ratio"),
        ({"rating": [[1, 0, 1]]}, "rating"),
        ({"rating": [[1, np.nan, 1]]}, "rating"),
        ({"length_km": [-1.0]}, "length_km"),
    ],
)
def test_bad_branches(columns, field):
    assert ("branch", ("l",), field) in _findings(two_bus_feeder(**columns))


GAIN = np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])


@pytest.mark.parametrize(
    ("columns", "field"),
    [
        ({}, "gain"),  # a line
        ({"kind": ["transformer"], "group": ["Dy1"]}, "group"),
        ({"kind": ["transformer"], "b": [[0.1, 0.1, 0.1]]}, "b"),
        ({"kind": ["transformer"], "gain": GAIN[None] * [[0], [1], [1]]}, "gain"),
        ({"kind": ["transformer"], "gain": GAIN[None] * np.nan}, "gain"),
        (
            {
                "kind": ["transformer"],
                "phases": [[True, False, True]],
                "r": LINE_R[None] * WITHOUT_B,
                "x": LINE_X[None] * WITHOUT_B,
            },
            "gain",
        ),
    ],
)
def test_bad_gains(columns, field):
    columns = {"gain": GAIN[None], **columns}
    assert ("branch", ("l",), field) in _findings(two_bus_feeder(**columns))


def test_a_gain_feeds_the_phases_it_names():
    feeder = with_services(two_bus_feeder(), np.random.default_rng(0), ["tapped"])  # from c
    ends = feeder.branches.from_bus.copy()
    ends[feeder.branches.mixing] = 1
    feeder = feeder.replace(branches=feeder.branches.replace(from_bus=ends))
    assert validate_feeder(feeder) == ()
    without = feeder.buses.phases.copy()
    without[1, 2] = False
    lacking = feeder.replace(buses=feeder.buses.replace(phases=without))
    assert ("branch", ("unit0",), "phases") in _findings(lacking)
    opened = feeder.with_open(["unit0"])
    assert ("bus", ("low0", "home0"), "island") in _findings(opened)


def test_ideal_switches_and_regulators_are_sound():
    for kind in ("switch", "regulator"):
        feeder = two_bus_feeder(r=LINE_R[None] * 0, x=LINE_X[None] * 0, kind=[kind])
        assert validate_feeder(feeder) == ()


def test_phases_must_go_through():
    feeder = two_bus_feeder(
        r=(LINE_R * WITHOUT_B)[None], x=(LINE_X * WITHOUT_B)[None], phases=[[True, False, True]]
    )
    assert _findings(feeder) == {("bus", ("end",), "phases")}  # b at the end is not fed
    missing = feeder.replace(buses=feeder.buses.replace(phases=[[1, 1, 1], [0, 1, 1]]))
    assert ("branch", ("l",), "phases") in _findings(missing)
    assert ("load", ("d",), "bus") in _findings(missing)


@pytest.mark.parametrize("model", ["cvr:a:2", "cvr:1", "cvr:1:2:3", "cvr:nan:1", "zip:1:0:0"])
def test_exponents_of_loads_are_numbers(model):
    feeder = two_bus_feeder()
    loads = feeder.loads.replace(model=[model])
    assert ("load", ("d",), "model") in _findings(feeder.replace(loads=loads))


def test_loads():
    feeder = two_bus_feeder()
    twice = FeederLoads(id=["d", "d"], bus=[1, 1], p=[[1.0, 1, 1], [np.nan, 0, 0]])
    assert _findings(feeder.replace(loads=twice)) == {("load", ("d",), "id"), ("load", ("d",), "p")}
    huge = feeder.replace(loads=feeder.loads.replace(p=[[3e5, 0, 0]]))
    assert _findings(huge) == {("load", ("d",), "p, q")}


def test_buses_and_source():
    feeder = two_bus_feeder()
    bus = feeder.buses
    assert ("bus", ("src", "end"), "kv_ln") in _findings(
        feeder.replace(buses=bus.replace(kv_ln=0.0))
    )
    assert ("bus", ("end",), "phases") in _findings(
        feeder.replace(buses=bus.replace(phases=[[1, 1, 1], [0, 0, 0]]))
    )
    crossed = feeder.with_band(1.1, 0.9)
    assert _findings(crossed) == {("bus", ("src", "end"), "v_min")}
    assert _findings(feeder.replace(v_set=7.2)) == {("bus", ("src",), "v_set")}
    assert _findings(feeder.replace(v_set=np.nan)) == {("bus", ("src",), "v_set")}
    assert _findings(feeder.replace(phase_mva=-1.0)) == {("feeder", (), "phase_mva")}


def test_a_line_joins_one_voltage_level():
    feeder = two_bus_feeder()
    stepped = feeder.replace(buses=feeder.buses.replace(kv_ln=[7.2, 2.4]))
    assert _findings(stepped) == {("branch", ("l",), "kv_ln")}
    transformer = stepped.replace(branches=feeder.branches.replace(kind=["transformer"]))
    assert validate_feeder(transformer) == ()


def test_loops_are_sound_and_islands_are_not():
    feeder = two_bus_feeder()
    looped = FeederBranches(
        id=["l", "k", "self"],
        from_bus=[0, 0, 1],
        to_bus=[1, 1, 1],
        r=LINE_R[None].repeat(3, axis=0),
        x=LINE_X[None].repeat(3, axis=0),
    )
    found = _findings(feeder.replace(branches=looped))
    assert found == {("branch", ("self",), "to_bus")}
    assert _findings(feeder.with_open(["l"])) == {("bus", ("end",), "island")}
