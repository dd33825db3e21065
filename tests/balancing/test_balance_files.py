"""CSV files of loads: what is read, and what is refused with rows and columns."""

from __future__ import annotations

import numpy as np
import pytest

from pygridjl.balancing import draw_loads, load_paths, random_model, read_loads, save_loads
from pygridjl.core.errors import CaseNotFoundError, NetworkFormatError

GOOD = """sp,time,actual,predicted,circuit
a,1,2.5,2.0,east
a,2,2.0,2.0,east
b,2,1.5,1.0,west
b,1,0.5,1.0,west
"""


def _read(tmp_path, text):
    path = tmp_path / "loads.csv"
    path.write_text(text, encoding="utf-8")
    return read_loads(path)


def test_rows_in_any_order(tmp_path):
    loads = _read(tmp_path, GOOD)
    assert loads.service_points == ("a", "b")
    assert loads.times == ("1", "2")
    assert loads.circuits == ("east", "west")
    assert loads.deviations.tolist() == [[0.5, 0.0], [-0.5, 0.5]]
    assert loads.demand.tolist() == [2.0, 1.0]


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("a,2,2.0,2.0,east\n", "", r"sp a has 1 of 2 time steps: column time lacks 2"),
        ("a,2,2.0", "a,2,nan", r"row 3 \('nan'\): column actual is no number"),
        ("a,2,2.0", "a,2,", r"row 3 \(''\): column actual is no number"),
        ("b,2,1.5,1.0", "b,2,1.5,inf", r"row 4 \('inf'\): column predicted is no number"),
        ("b,2", ",2", r"row 4: column sp is empty"),
        ("b,2", "b,1", r"row 4, 5: sp b at time 1 stands twice"),
        ("b,1,0.5,1.0,west", "b,1,0.5,1.0,east", r"row 5: column circuit has sp b on 'east'"),
        ("actual", "real", r"header: column 'actual' is missing"),
    ],
)
def test_faults_name_rows_and_columns(tmp_path, before, after, says):
    with pytest.raises(NetworkFormatError, match=says):
        _read(tmp_path, GOOD.replace(before, after, 1))


def test_all_faults_are_listed_at_once(tmp_path):
    text = GOOD.replace("2.5", "x").replace("b,2", ",2")
    with pytest.raises(NetworkFormatError, match=r"row 4: column sp.*row 2 \('x'\)"):
        _read(tmp_path, text)


def test_unreadable_and_empty_files(tmp_path):
    with pytest.raises(CaseNotFoundError, match="neither 'example' nor"):
        load_paths(tmp_path / "none.csv")
    with pytest.raises(NetworkFormatError, match="no readable CSV"):
        _read(tmp_path, "")
    with pytest.raises(NetworkFormatError, match="there are none"):
        _read(tmp_path, "sp,time,actual,predicted\n")


def test_what_is_written_is_read_again_and_the_bundled_data_are_those_of_their_seed(tmp_path):
    model = random_model(
        20, sigma=0.4, cohorts=2, cohort_sigma=0.15, noise=0.25, spike_rate=0.02, seed=2025
    )
    loads = draw_loads(model, 168, circuits=4, seed=2025)
    again = read_loads(save_loads(loads, tmp_path / "again.csv"))
    bundled = load_paths("example")
    for other in (again, bundled):
        assert np.array_equal(other.actual, loads.actual)
        assert np.array_equal(other.predicted, loads.predicted)
        assert other.circuits == loads.circuits
