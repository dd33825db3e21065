"""From Julia's values to typed ones, and input checks that need no Julia."""

from __future__ import annotations

import numpy as np
import pytest

from pygridjl.bridge.answer import floats, number, plain, status_of, trace_of
from pygridjl.bridge.problems.dss_opf import julia_dss_opf
from pygridjl.bridge.problems.feeder_opf import julia_feeder_opf
from pygridjl.bridge.problems.network_opf import julia_opf
from pygridjl.core.errors import CaseNotFoundError, InvalidNetworkError, InvalidOptionError
from pygridjl.core.result import Status
from pygridjl.grid import load_feeder
from pygridjl.grid.cases import get_case


def test_nan_is_none_and_arrays_are_copies() -> None:
    assert number(float("nan")) is None
    assert number(2.5) == 2.5
    source = np.arange(3.0)
    copy = floats(source)
    copy[0] = 9
    assert source[0] == 0


def test_a_trace_has_none_where_julia_has_no_number() -> None:
    table = np.array([[0.1, np.nan, -np.inf], [0.5, 2.0, 1.0]])
    assert trace_of(table, 10.0) == ((0.1, None, None), (0.5, 20.0, 10.0))


def test_nested_solutions_become_plain() -> None:
    class Symbol:
        def __str__(self):
            return "WYE"

    given = {"bus": {1: {"vm": np.array([1.0, 0.9]), "kind": Symbol()}}, "per_unit": True}
    assert plain(given) == {"bus": {"1": {"vm": [1.0, 0.9], "kind": "WYE"}}, "per_unit": True}


@pytest.mark.parametrize("status", list(Status))
def test_statuses_have_the_same_names_on_both_sides(status: Status) -> None:
    assert status_of(status.value) is status


def test_options_are_checked_before_julia_starts(no_julia, tmp_path) -> None:
    with pytest.raises(InvalidOptionError, match="acp, soc, qc, sdp, dc"):
        julia_opf(get_case("case9"), "lindist")
    feeder = load_feeder("ieee13")
    with pytest.raises(InvalidOptionError, match="acp, acr, ivr, lindist, soc"):
        julia_feeder_opf(feeder, "dc")
    with pytest.raises(InvalidOptionError, match="opf, pf"):
        julia_feeder_opf(feeder, "acp", "mld")
    with pytest.raises(InvalidOptionError, match="no power flow"):
        julia_feeder_opf(feeder, "soc", "pf")
    with pytest.raises(CaseNotFoundError, match="no such file"):
        julia_dss_opf(tmp_path / "none.dss")


def test_unsound_data_never_reach_julia(no_julia) -> None:
    network = get_case("case9")
    with pytest.raises(InvalidNetworkError):
        julia_opf(network.replace(branches=network.branches.replace(r=np.nan)))
