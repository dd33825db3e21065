from __future__ import annotations

import pytest
from siting_toys import QuadraticStage, toy_feeder, toy_problem, toy_scenarios

from pygridjl.core.errors import InvalidNetworkError, InvalidOptionError, InvalidPlanningError
from pygridjl.siting.methods.spar import SparResult
from pygridjl.siting.registry import METHODS
from pygridjl.siting.solve import site


@pytest.fixture
def toy_engine(monkeypatch):
    """Stand in for the engines: the door is what is tested here."""
    asked = []

    def build_second_stage(problem, scenarios, engine):
        asked.append(engine)
        return QuadraticStage(problem, scenarios)

    monkeypatch.setattr("pygridjl.siting.second_stage.build_second_stage", build_second_stage)
    return asked


@pytest.mark.parametrize("method", ["spar", "greedy", "random", "none"])
def test_every_method_answers_in_one_form(toy_engine, method):
    result = site(toy_feeder(), 24, method=method, engine="full", max_units=3, max_sites=2)
    assert result.method == method
    assert result.n_scenario == 24
    assert result.objective <= result.no_dg
    assert result.to_frame().columns.tolist() == ["bus", "phases", "units", "kw", "profile"]
    assert result.to_frame()["kw"].sum() == pytest.approx(6.0 * result.units.sum())
    assert result.method in result.summary()
    assert toy_engine == ["full"]


def test_options_reach_the_method(toy_engine):
    result = site(toy_feeder(), 24, seed=5, options={"max_iterations": 7, "batch": 2})
    assert isinstance(result, SparResult)
    assert (result.iterations, result.seed) == (7, 5)


def test_a_whole_problem_and_own_scenarios(toy_engine):
    problem = toy_problem(measure="loss")
    result = site(problem, toy_scenarios(4, 5), method="greedy")
    assert result.measure == "loss"
    assert result.scenarios == "scenarios"


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"method": "magic"}, InvalidOptionError, "magic"),
        ({"scenarios": 25}, InvalidOptionError, "25"),
        ({"budget": 1.0}, InvalidPlanningError, "budget"),
        ({"colour": "red"}, InvalidOptionError, "colour"),
        ({"measure": "cost"}, InvalidPlanningError, "measure"),
        ({"objective": "loss"}, InvalidOptionError, "objective"),
        ({"method": "greedy", "time_limit": 5.0}, InvalidOptionError, "no option 'time_limit'"),
        ({"method": "greedy", "gap": 1e-9}, InvalidOptionError, "no option 'gap'"),
        ({"method": "greedy", "seed": 3}, InvalidOptionError, "no option 'seed'"),
        ({"method": "spar", "gap": 1e-9}, InvalidOptionError, "no option 'gap'"),
        ({"method": "benders", "seed": 3}, InvalidOptionError, "no option 'seed'"),
        ({"scenarios": toy_scenarios(4, 5), "scenario_seed": 3}, InvalidOptionError, "no effect"),
        ({"options": {"speed": 3}}, InvalidOptionError, "speed"),
        ({"options": {"batch": 0}}, InvalidOptionError, "batch"),
        ({"method": "greedy", "options": {"batch": 1}}, InvalidOptionError, "batch"),
    ],
)
def test_bad_arguments_are_named(toy_engine, arguments, error, text):
    with pytest.raises(error, match=text):
        site(toy_feeder(), **arguments)


def test_an_unsound_feeder_is_refused(toy_engine):
    feeder = toy_feeder()
    broken = feeder.replace(branches=feeder.branches.replace(r=feeder.branches.r * float("nan")))
    with pytest.raises(InvalidNetworkError):
        site(broken, 24)
    with pytest.raises(InvalidOptionError, match="own budget"):
        site(toy_problem(), 24, budget=3.0)
    with pytest.raises(InvalidOptionError, match="own regulators"):
        site(toy_problem(), 24, regulators="fixed")


def test_the_list_of_methods_is_the_promised_one():
    assert set(METHODS) == {
        "spar", "benders", "extensive", "hedging", "greedy", "random", "none",
    }  # fmt: skip


def test_every_public_name_can_be_imported():
    import pygridjl.siting as package

    for name in package.__all__:
        assert getattr(package, name).__name__ == name


def test_backend_and_engine_must_fit():
    for options in (
        {"backend": "julia", "engine": "full"},
        {"backend": "fortran"},
        {"engine": "julia"},
    ):
        with pytest.raises(InvalidOptionError, match="engine|backend"):
            site(toy_feeder(), 24, **options)
