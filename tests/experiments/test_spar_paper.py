"""The figures of the paper against each other: slips of the pen show as contradictions."""

from __future__ import annotations

import pytest

from pygridjl.experiments.spar.printed import (
    BUSES,
    EXTENSIVE_SIZES,
    MASTERS,
    MAX_UNITS,
    TABLES,
    audit_rows,
    extensive_size,
    master_size,
    size_rows,
)


def test_gap_is_between_the_outer_ends_of_the_intervals():
    for row in audit_rows():
        assert row["interval_gap"] == pytest.approx(row["gap"], abs=0.06)


def test_percent_is_that_of_the_objective():
    for table in TABLES.values():
        for row in table.rows:
            assert row.gap_percent == pytest.approx(100 * row.gap / row.objective, abs=0.1)


def test_objective_is_the_middle_of_the_lower_interval():
    for row in audit_rows():
        assert row["objective"] == pytest.approx(row["lower_middle"], rel=5e-4)


def test_sizes_by_hand():
    """One bus more: 34 rows and 15 columns a scenario; L + 3 columns of the lambda master."""
    rows, columns = extensive_size(130, 1)
    assert (rows, columns) == (34 * 130 - 18, 15 * 130 - 6)
    assert master_size("lambda", 130) == (524, 21970, 21840)
    assert master_size("epigraph", 130) == (21973, 391, 130)
    assert master_size("lambda", 2, max_units=4) == (12, 14, 12)


def test_printed_sizes_follow_from_them():
    """All but one, to the digits printed: the binaries of the large lambda master."""
    odd = []
    for row in size_rows():
        assert row["rows"] == pytest.approx(row["printed_rows"], rel=0.01)
        assert row["columns"] == pytest.approx(row["printed_columns"], rel=0.01)
        if row["binary"] and row["binary"] != pytest.approx(row["printed_binary"], rel=0.02):
            odd.append(row["model"])
    assert odd == ["lambda master, ieee9500"]
    assert len(size_rows()) == len(EXTENSIVE_SIZES) + len(MASTERS)


def test_budget_buys_the_units_the_sizes_show():
    """1500 k$ at 1500 $/kW and 6 kW buy 166 units."""
    assert int(1500e3 // (1500 * 6)) == MAX_UNITS
    assert BUSES == {"ieee123": 130, "ieee9500": 2744}
