from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pytest

from pygridjl.core.arguments import TIME_LIMIT
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.methods import Method, Registry
from pygridjl.core.options import Options, option


@dataclass(frozen=True)
class Steps(Options):
    rounds: int = option(3, "rounds", least=1, most=9)
    gap: float | None = option(None, "relative gap", above=0)
    rule: Literal["a", "b"] = option("a", "rule")
    warm: bool = option(True, "start warm")


METHODS = Registry(
    "trying",
    [
        Method("first", "a start", role="start", timed=False),
        Method("better", "a step", role="step", options=Steps, seeded=True),
        Method("end", "a finish", role="finish", backends=("python", "julia"), timed=True),
        Method("far", "a finish", role="finish", backends=("julia",)),
        Method("all", "whole", "math:sqrt", backends=("python", "julia"), proves=True),
        Method("look", "untimed", timed=False),
    ],
)


def test_chain_is_read_in_order_and_knows_what_it_is():
    chain = METHODS.parse("first+better+better")
    assert [m.name for m in chain.methods] == ["first", "better", "better"]
    assert str(chain) == "first+better+better"
    assert chain.seeded
    assert not chain.proves
    assert chain.start is METHODS["first"]
    assert chain.finish is None
    assert METHODS.parse("all", "julia").proves


def test_a_finish_stands_alone_or_ends_a_chain():
    assert METHODS.parse("end").start is None
    assert METHODS.parse("end").finish is METHODS["end"]
    chain = METHODS.parse("first+better+far", "julia")
    assert (chain.start, chain.steps, chain.finish) == (
        METHODS["first"],
        (METHODS["better"],),
        METHODS["far"],
    )
    assert METHODS.default("julia") == "end"


def test_seed_and_time_limit_are_those_that_have_an_effect():
    chain = METHODS.parse("first+better")
    assert METHODS.common_of(chain) == (0, TIME_LIMIT)
    assert METHODS.common_of(chain, seed=3, time_limit=float("inf")) == (3, float("inf"))
    assert METHODS.common_of(METHODS.parse("all")) == (None, TIME_LIMIT)
    for given, message in (
        ({"seed": 1}, "'look' has no option 'seed': nothing in it is random"),
        ({"time_limit": 1.0}, "'look' has no option 'time_limit'"),
        ({"time_limit": 0.0}, "time_limit: must be positive"),
        ({"time_limit": "soon"}, "time_limit: must be a number"),
        ({"seed": -1}, "seed: must be at least 0"),
    ):
        with pytest.raises(InvalidOptionError, match=message):
            METHODS.common_of(METHODS.parse("look"), **given)


@pytest.mark.parametrize(
    ("name", "backend", "message"),
    [
        (
            "frist",
            "python",
            "'frist' is none of first, better, .* look; did you mean first",
        ),
        ("better", "python", "'better' must follow one of first"),
        ("all+better", "python", "'all' stands alone"),
        ("first+all", "python", "'all' stands alone"),
        ("first+first", "python", "'first' cannot follow a '\\+'; only better, end, far can"),
        ("end+better", "python", "nothing can follow 'end'"),
        ("far", "python", "'far' does not run on backend 'python', which has first, better, end"),
        ("first", "julia", "does not run on backend 'julia', which has end, .* 'first\\+end'"),
        ("first", "fortran", "neither 'python' nor 'julia'"),
        ("", "python", "is none of"),
        (3, "python", "must be a text"),
        ("x" * 10_000, "python", "x…' is none of"),
    ],
)
def test_wrong_names_are_refused(name, backend, message):
    with pytest.raises(InvalidOptionError, match=message) as caught:
        METHODS.parse(name, backend)
    assert len(str(caught.value)) < 300


def test_options_reach_the_part_that_declares_them():
    chain = METHODS.parse("first+better")
    nothing, steps = METHODS.options_of(chain, {"rounds": 5, "gap": 1e-3, "warm": None})
    assert nothing == METHODS["first"].options()
    assert steps == Steps(rounds=5, gap=1e-3)
    assert isinstance(METHODS.options_of(chain, {"rounds": 4.0})[1].rounds, int)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"seeds": 3}, "'first\\+better' has no option 'seeds'; its options are gap, rounds"),
        ({"rounds": 0}, "rounds: must be at least 1, is 0"),
        ({"rounds": 10}, "rounds: must be at most 9"),
        ({"gap": float("inf")}, "gap: must be finite"),
        ({"rounds": 1.5}, "rounds: must be a whole number"),
        ({"rounds": float("inf")}, "rounds: must be a whole number"),
        ({"rounds": True}, "rounds: must be a number"),
        ({"rounds": "many"}, "rounds: must be a number"),
        ({"gap": 0}, "gap: must be above 0"),
        ({"gap": float("nan")}, "gap: must be a number"),
        ({"rule": "c"}, "rule: 'c' is none of 'a', 'b'"),
        ({"warm": 1}, "warm: must be true or false"),
    ],
)
def test_unknown_options_and_values_are_refused(given, message):
    with pytest.raises(InvalidOptionError, match=message):
        METHODS.options_of(METHODS.parse("first+better"), given)
    if "seeds" not in given:
        with pytest.raises(InvalidOptionError, match=message):
            Steps(**given)


def test_a_method_without_options_says_so():
    with pytest.raises(InvalidOptionError, match="it has none of its own"):
        METHODS.options_of(METHODS.parse("first"), {"gap": 1})


def test_names_are_taken_once_and_functions_are_found():
    with pytest.raises(ValueError, match="already"):
        Registry("trying", [Method("a", ""), Method("a", "")])
    assert METHODS["all"].load()(9.0) == 3.0
    assert [row["method"] for row in METHODS.table()] == [
        "first",
        "+better",
        "end",
        "far",
        "all",
        "look",
    ]
