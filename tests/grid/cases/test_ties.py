"""The bundled feeders with ties: what was added, and that it can be switched."""

from __future__ import annotations

import numpy as np
import pytest

from pygridjl.core.errors import CaseNotFoundError
from pygridjl.grid import load_feeder, validate_feeder
from pygridjl.grid.cases.ties import switches_of

TIED = {"ieee13": 2, "ieee34": 2, "ieee123": 4}


@pytest.mark.parametrize("name", TIED)
def test_ties_are_open_and_leave_the_feeder_as_it_is(name):
    plain, tied = load_feeder(name), load_feeder(f"{name}-ties")
    assert tied.name == f"{name}-ties"
    assert validate_feeder(tied) == ()
    assert tied.n_branch - plain.n_branch == TIED[name] == (~tied.branches.closed).sum()
    np.testing.assert_array_equal(tied.branches.r[: plain.n_branch], plain.branches.r)
    np.testing.assert_array_equal(tied.tree.parent, plain.tree.parent)
    assert set(tied.notes) > set(plain.notes)
    named = " ".join(set(tied.notes) - set(plain.notes))
    assert f"{TIED[name]} tie" in named
    for row in np.flatnonzero(~tied.branches.closed):
        ends = (tied.branches.from_bus[row], tied.branches.to_bus[row])
        carried = tied.branches.phases[row]
        assert all((tied.buses.phases[bus] >= carried).all() for bus in ends)


@pytest.mark.parametrize("name", TIED)
def test_every_tie_can_be_closed_for_a_switch(name):
    feeder = load_feeder(f"{name}-ties")
    switches = switches_of(feeder)
    opened = feeder.branches.id[~feeder.branches.closed].tolist()
    for tie in opened:
        exchanged = 0
        for switch in set(switches) - set(opened):
            other = feeder.with_open([*(set(opened) - {tie}), switch])
            exchanged += not validate_feeder(other)
        assert exchanged >= 1


def test_feeders_without_ties_have_no_such_name():
    for name in ("ieee37-ties", "ieee8500-ties", "-ties", "ieee13-ties-ties"):
        with pytest.raises(CaseNotFoundError):
            load_feeder(name)
