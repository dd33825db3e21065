"""Load states: what they hold, how they are made and read."""

import numpy as np
import pytest

import pygridjl
from pygridjl.core.errors import InvalidOptionError, InvalidScenariosError, NetworkFormatError

NETWORK = pygridjl.load_network("case33bw")


def test_scenarios_become_demand_with_the_sun_of_each_unit():
    scenarios = pygridjl.generate_scenarios(33, 96, seed=2)
    states = pygridjl.load_states(NETWORK, scenarios, pv={"18": 500.0})
    assert states.hours.sum() == pytest.approx(8760)
    at = NETWORK.buses.id.tolist().index("18")
    expected = scenarios.load[:, at] * NETWORK.load_p[at] - scenarios.pv[:, at] * 0.5 / (
        NETWORK.base_mva
    )
    np.testing.assert_allclose(states.p[:, at], expected)
    np.testing.assert_allclose(states.q, scenarios.load * NETWORK.load_q)
    p, _ = states.mean()
    assert p.sum() == pytest.approx(float(scenarios.probability @ states.p.sum(axis=1)))
    assert states.peak()[0].sum() == states.p.sum(axis=1).max()


def test_a_table_of_multipliers_and_powers(tmp_path):
    path = tmp_path / "loads.csv"
    path.write_text("state,hours,load,18,p 30,q 30\nnight,3000,0.5,0.2,10,-5\nday,5760,1,1,20,0\n")
    states = pygridjl.read_load_states(path, NETWORK)
    ids = NETWORK.buses.id.tolist()
    kw = NETWORK.base_mva * 1e3
    assert states.id.tolist() == ["night", "day"]
    assert states.hours.tolist() == [3000, 5760]
    assert states.p[0, 1] == pytest.approx(0.5 * NETWORK.load_p[1])
    assert states.p[0, ids.index("18")] == pytest.approx(0.2 * NETWORK.load_p[ids.index("18")])
    assert states.p[0, ids.index("30")] * kw == pytest.approx(10)
    assert states.q[0, ids.index("30")] * kw == pytest.approx(-5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("load,bus 99\n1,1\n", "bus 99"),
        ("load\nx\n", "row 2.*'x' is not a number"),
        ("load,load\n1,1\n", "twice|load.1"),
    ],
)
def test_a_table_that_cannot_be_read_says_where(tmp_path, text, message):
    path = tmp_path / "loads.csv"
    path.write_text(text)
    with pytest.raises(NetworkFormatError, match=message):
        pygridjl.read_load_states(path, NETWORK)


def test_unsound_states_are_listed():
    good = np.ones((2, 3))
    with pytest.raises(InvalidScenariosError, match="state 1 p: is not a finite"):
        pygridjl.LoadStates([[1, 1, 1], [1, np.nan, 1]], good, [1, 1])
    with pytest.raises(InvalidScenariosError, match="hours: is not a positive"):
        pygridjl.LoadStates(good, good, [1, 0])
    with pytest.raises(InvalidScenariosError, match="used more than once"):
        pygridjl.LoadStates(good, good, [1, 1], ["a", "a"])
    with pytest.raises(InvalidScenariosError, match="there are none"):
        pygridjl.LoadStates(good[:0], good[:0], [])
    with pytest.raises(ValueError, match="shape"):
        pygridjl.LoadStates(good, good[:1], [1, 1])


def test_other_networks_and_buses_are_refused():
    with pytest.raises(InvalidOptionError, match="is for 7 buses"):
        pygridjl.load_states(NETWORK, pygridjl.generate_scenarios(7, 24))
    with pytest.raises(InvalidOptionError, match="no bus 'x'"):
        pygridjl.load_states(NETWORK, pygridjl.generate_scenarios(33, 24), pv={"x": 1.0})
