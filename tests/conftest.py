"""Options of the whole suite."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import settings

# The suite says the same about the same code every time; --hypothesis-profile=explore draws new
# examples at every run.
settings.register_profile("repeatable", derandomize=True)
settings.register_profile("explore", derandomize=False)
settings.load_profile("repeatable")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--julia",
        choices=("auto", "require"),
        default="auto",
        help="What tests marked julia do without a usable Julia: skip (auto) or fail (require).",
    )


@cache
def _why_no_julia() -> str:
    """Return why Julia cannot be used, or an empty string if it can."""
    from pygridjl.bridge.setup import status

    return "; ".join(status().problems)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("julia") is None:
        return
    reason = _why_no_julia()
    if not reason:
        return
    if item.config.getoption("--julia") == "require":
        pytest.fail(f"Julia is required: {reason}", pytrace=False)
    pytest.skip(f"no usable Julia: {reason}")
