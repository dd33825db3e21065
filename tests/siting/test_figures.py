from __future__ import annotations

import numpy as np
import pytest
from siting_toys import QuadraticStage, toy_feeder, toy_problem, toy_scenarios

from pygridjl.core.errors import InvalidOptionError
from pygridjl.siting.figures import _positions, plot_coordinate_functions, plot_placement
from pygridjl.siting.methods.spar import SparOptions, spar


@pytest.fixture(scope="module")
def result():
    problem = toy_problem()
    scenarios = toy_scenarios(4, 5)
    stage = QuadraticStage(problem, scenarios)
    return spar(problem, scenarios, stage, options=SparOptions(max_iterations=8))


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_placement_is_drawn_in_any_format(result, tmp_path, kind):
    assert plot_placement(toy_feeder(), result, tmp_path / f"p.{kind}").stat().st_size > 1000


def test_the_drawing_names_every_site_with_units(result, tmp_path):
    text = plot_placement(toy_feeder(), result, tmp_path / "p.svg").read_text()
    assert result.placements
    for p in result.placements:
        assert f"<!-- {p.bus} -->" in text


def test_learned_functions_are_drawn(result, tmp_path):
    assert plot_coordinate_functions(result, tmp_path / "f.png").stat().st_size > 1000
    assert plot_coordinate_functions(result, tmp_path / "g.png", ["b2"]).stat().st_size > 1000
    with pytest.raises(InvalidOptionError, match="moon"):
        plot_coordinate_functions(result, tmp_path / "h.png", ["moon"])
    with pytest.raises(InvalidOptionError, match="must end in"):
        plot_placement(toy_feeder(), result, tmp_path / "p.xyz")


def test_missing_coordinates_come_from_neighbours_or_the_tree():
    feeder = toy_feeder(4)
    nan = np.nan
    some = feeder.replace(
        buses=feeder.buses.replace(x=[nan, 1.0, nan, 3.0], y=[nan, 5.0, nan, 6.0])
    )
    found = _positions(some)
    np.testing.assert_array_equal(found[[0, 1, 3]], [[1, 5], [1, 5], [3, 6]])
    assert tuple(found[2]) in {(1.0, 5.0), (3.0, 6.0)}
    np.testing.assert_array_equal(_positions(feeder)[:, 0], [0, 1, 2, 3])
