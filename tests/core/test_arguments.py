from __future__ import annotations

import math

import numpy as np
import pytest

import pygridjl
from pygridjl.core.arguments import check_time_limit, generator
from pygridjl.core.errors import InvalidOptionError
from pygridjl.scenarios import generate_scenarios


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.nan])
def test_time_limits_that_are_none(seconds):
    with pytest.raises(InvalidOptionError, match="time_limit"):
        check_time_limit(seconds)
    network, feeder = pygridjl.load_network("case33bw"), pygridjl.load_feeder("ieee13")
    for call in (
        lambda: pygridjl.reconfigure(network, time_limit=seconds),
        lambda: pygridjl.opf(network, time_limit=seconds),
        lambda: pygridjl.site(feeder, 24, time_limit=seconds),
    ):
        with pytest.raises(InvalidOptionError, match="time_limit"):
            call()


def test_no_time_limit():
    check_time_limit(None)
    check_time_limit(math.inf)


@pytest.mark.parametrize("seed", [-1, 1.5, "1"])
def test_seeds_that_are_none(seed):
    network, feeder = pygridjl.load_network("case33bw"), pygridjl.load_feeder("ieee13")
    for call in (
        lambda: generator(seed),
        lambda: pygridjl.reconfigure(network, seed=seed),
        lambda: pygridjl.site(feeder, 24, method="random", seed=seed),
        lambda: pygridjl.site(feeder, 24, method="spar", seed=seed),
        lambda: generate_scenarios(10, 24, seed=seed),
    ):
        with pytest.raises(InvalidOptionError, match="seed"):
            call()


def test_a_seed_says_it_all():
    assert generator(np.int64(7)).random() == generator(7).random()
    rng = np.random.default_rng(7)
    assert generator(rng) is rng
