"""What betrays a wrong unit, numbers that overflow, costs no optimal power flow can take."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import pygridjl
from pygridjl.core.errors import InvalidNetworkError
from pygridjl.grid.cases.catalogue import case_names

FIELD = Path(__file__).parents[1] / "data" / "field" / "networks"


def test_kilowatts_taken_for_megawatts_are_found():
    """190 MW asked; the branches at the source have |z| of 1.033 and 2.828 p.u. on 100 MVA."""
    with pytest.raises(InvalidNetworkError, match="loads, r, x: 190 MW .* pass 132.2 MW"):
        pygridjl.load_network(FIELD / "unit_kw.m")


@pytest.mark.parametrize("name", [*case_names(), FIELD / "collapse_9.m"])
def test_heavy_loads_in_the_right_unit_are_none(name):
    network = pygridjl.load_network(name)
    assert pygridjl.validate(network, "file") == ()


def test_costs_without_an_answer_say_what_to_do():
    network = pygridjl.load_network("case9")
    units = network.generators
    unknown = units.replace(cost=np.where(np.arange(3)[:, None] == 1, np.nan, units.cost))
    (finding,) = pygridjl.validate(network.replace(generators=unknown), "opf")
    assert "reactive power" in finding.message
    assert "or 0" in finding.message


@pytest.mark.parametrize("field", ["rating", "r", "b"])
def test_numbers_that_overflow_are_found_and_infinite_ratings_are_none(field):
    network = pygridjl.load_network("case9")
    values = np.where(np.arange(9) == 4, 1e200, getattr(network.branches, field))
    broken = network.replace(branches=network.branches.replace(**{field: values}))
    found = {(f.field, f.ids) for f in pygridjl.validate(broken, "opf")}
    assert (field, (str(network.branches.id[4]),)) in found
    free = network.replace(branches=network.branches.replace(rating=np.full(9, np.inf)))
    assert pygridjl.validate(free, "opf") == ()
