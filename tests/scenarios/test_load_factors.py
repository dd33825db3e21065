"""Uncertain loads: the two factors of the paper, data, generation."""

import numpy as np
import pytest

from pygridjl import get_case
from pygridjl.core.errors import InvalidOptionError, NetworkFormatError
from pygridjl.scenarios import loads_from_data, read_loads, two_factor_loads, with_generation


@pytest.fixture(scope="module")
def network():
    return get_case("case9")


def test_two_factors_scale_the_nominal_loads_and_keep_power_factors(network):
    draws = two_factor_loads(network, correlation=0.5).draw(4000, 3)
    assert draws.factors.min() >= 0.8
    assert draws.factors.max() <= 1.0
    # Gaussian with deviation 0.05 clipped two deviations either side: symmetric about 0.9.
    assert draws.factors.mean(axis=0) == pytest.approx([0.9, 0.9], abs=4e-3)
    assert np.corrcoef(draws.factors.T)[0, 1] == pytest.approx(0.5, abs=0.05)
    nominal = network.load_p + 1j * network.load_q
    loaded = nominal != 0
    scale = draws.demand[:, loaded] / nominal[loaded]
    assert abs(scale.imag).max() < 1e-12
    share = (np.arange(9) / 8)[loaded]
    by_hand = draws.factors[:, :1] * share + draws.factors[:, 1:] * (1 - share)
    assert scale.real == pytest.approx(by_hand)


def test_the_same_seed_draws_the_same(network):
    model = two_factor_loads(network)
    assert (model.draw(5, 7).demand == model.draw(5, 7).demand).all()
    assert (model.draw(5, 7).demand != model.draw(5, 8).demand).any()


def test_factors_of_data_give_the_data_back(network):
    rows = two_factor_loads(network).draw(40, 0).demand
    model = loads_from_data(rows, factors=2)
    # Two factors made the rows, so two principal components hold them whole.
    assert model.draw(40, 1).demand == pytest.approx(rows)
    smooth = loads_from_data(rows, factors=2, smooth=True).draw(2000, 1)
    assert smooth.mean == pytest.approx(rows.mean(axis=0), abs=0.01)


def test_generation_lowers_the_net_demand_at_its_bus(network):
    bus = str(network.buses.id[4])
    model = with_generation(two_factor_loads(network), network, [bus], [0.5])
    draws = model.draw(200, 0)
    output = draws.factors[:, 2]
    assert output.min() >= 0
    assert output.max() <= 1
    loads = draws.factors[:, :2] @ two_factor_loads(network).weight.T
    assert draws.demand[:, 4] == pytest.approx(loads[:, 4] - 0.5 * output)
    others = np.delete(np.arange(9), 4)
    assert draws.demand[:, others] == pytest.approx(loads[:, others])


def test_loads_are_read_from_a_table(network, tmp_path):
    path = tmp_path / "loads.csv"
    path.write_text("p:5,q:5,p:7\n80,20,100\n90,30,110\n100,25,90\n", encoding="utf-8")
    model = read_loads(path, network, factors=3)
    draws = model.draw(3, 0)
    place = network.buses.id.tolist().index("5")
    assert draws.demand[:, place] == pytest.approx(np.array([0.8 + 0.2j, 0.9 + 0.3j, 1 + 0.25j]))
    nine = network.buses.id.tolist().index("9")
    assert draws.demand[:, nine] == pytest.approx(np.full(3, 1.25 + 0.5j))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("p:99\n1\n", "column 'p:99'"),
        ("x:5\n1\n", "column 'x:5'"),
        ("p:5\nmany\n", "'many' is not a number"),
        ("p:5\nnan\n", "is no number"),
        ("p:5\n", "there are none"),
    ],
)
def test_a_bad_table_is_refused_in_one_line(network, tmp_path, text, message):
    path = tmp_path / "loads.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(NetworkFormatError, match=message):
        read_loads(path, network)


@pytest.mark.parametrize(
    "change",
    [{"deviation": -1.0}, {"correlation": 2.0}, {"low": 1.1}, {"mean": float("nan")}],
)
def test_numbers_that_cannot_be_are_refused(network, change):
    with pytest.raises(InvalidOptionError, match="loads"):
        two_factor_loads(network, **change)


def test_generation_at_an_unknown_bus_is_refused(network):
    with pytest.raises(InvalidOptionError, match="there is no bus 'x'"):
        with_generation(two_factor_loads(network), network, ["x"], [0.1])
