from __future__ import annotations

import numpy as np
import pytest
from siting_toys import toy_scenarios

from pygridjl.core.errors import InvalidOptionError
from pygridjl.siting.curves import plot_bounds, plot_iterations, plot_scenarios
from pygridjl.siting.sample_bounds import Batch, bounds_of


def texts(path) -> str:
    return path.read_text()


def test_scenarios_are_drawn_with_both_multipliers(tmp_path):
    text = texts(plot_scenarios(toy_scenarios(24, 5), tmp_path / "fan.svg"))
    for name in ("load multiplier", "PV multiplier", "9 in 10 buses"):
        assert f"<!-- {name} -->" in text


def test_iterations_show_reference_bound_and_quality(tmp_path):
    curves = {"one": [3.0, np.inf, 2.0], "two": [3.0, 2.5, 2.2]}
    text = texts(plot_iterations(curves, "loss", tmp_path / "it.svg", no_dg=3.1, bound=1.9))
    for name in ("one", "two", "without units", "proven bound", "bound over value, %"):
        assert f"<!-- {name} -->" in text
    bare = texts(plot_iterations(curves, "loss", tmp_path / "bare.svg"))
    assert "bound" not in bare


def test_nothing_to_draw_is_said(tmp_path):
    with pytest.raises(InvalidOptionError, match="no iteration"):
        plot_iterations({"one": [np.inf]}, "loss", tmp_path / "it.svg")


@pytest.mark.parametrize("proven", [True, False])
def test_bounds_without_proof_show_no_proof(tmp_path, proven):
    bound = 0.9 if proven else None
    results = [
        bounds_of([Batch(k, 1.0 + k, bound, 2.0 + k, (1,), 0.1) for k in range(3)], batch_size=n)
        for n in (5, 10)
    ]
    text = texts(plot_bounds(results, "voltage", tmp_path / "b.svg", value=2.0))
    assert ("<!-- proven bounds of the samples -->" in text) == proven
    assert "<!-- best value, full set -->" in text
