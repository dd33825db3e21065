"""What a writer wrote, its reader reads back."""

from __future__ import annotations

import json
import os
import stat

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from network_strategies import networks

from pygridjl.core.errors import NetworkFormatError, OutputError
from pygridjl.grid.cases import get_case, list_cases
from pygridjl.grid.io import read_network
from pygridjl.grid.io.matpower.write import write_matpower
from pygridjl.grid.io.ours_csv import write_csv
from pygridjl.grid.io.supply import leave_out_unsupplied
from pygridjl.grid.io.write import save_network

quick = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def assert_same(left, right):
    assert (left.name, left.base_mva, left.source, left.notes) == (
        right.name,
        right.base_mva,
        right.source,
        right.notes,
    )
    for table in ("buses", "branches", "generators", "loads"):
        for (name, a), (_, b) in zip(
            getattr(left, table).columns(), getattr(right, table).columns(), strict=True
        ):
            equal_nan = a.dtype.kind == "f"
            assert np.array_equal(a, b, equal_nan=equal_nan), (table, name, a, b)


@pytest.mark.parametrize("file", ["net.json", "folder"])
@quick
@given(network=networks())
def test_our_formats_are_exact(network, file, tmp_path):
    save_network(network, tmp_path / file)
    assert_same(read_network(tmp_path / file), network)


@pytest.mark.parametrize("file", ["net.json", "folder"])
def test_our_formats_keep_piecewise_linear_costs(file, tmp_path):
    network = get_case("case9")
    points = np.full((3, 3, 2), np.nan)
    points[0, :2], points[2] = [[0, 0.1], [1 / 3, 7]], [[0, 0], [1, 2], [2, 5]]
    network = network.replace(generators=network.generators.replace(cost_points=points))
    save_network(network, tmp_path / file)
    assert_same(read_network(tmp_path / file), network)


sound = st.floats(1e-3, 1e3)


@quick
@given(network=networks(ids=st.integers(1, 10**8).map(str), number=sound))
def test_matpower_keeps_what_it_can_hold(network, tmp_path):
    angle = network.branches.angle_min % 3.0
    branches = network.branches.replace(angle_min=-angle, angle_max=angle)
    network = leave_out_unsupplied(network.replace(branches=branches))
    save_network(network, tmp_path / "net.m")
    back = read_network(tmp_path / "net.m")
    assert back.base_mva == network.base_mva
    assert back.buses.id.tolist() == network.buses.id.tolist()
    for name in ("base_kv", "v_min", "v_max"):
        assert np.array_equal(getattr(back.buses, name), getattr(network.buses, name))
    for name in ("from_bus", "to_bus", "r", "x", "b", "closed"):
        assert np.array_equal(getattr(back.branches, name), getattr(network.branches, name))
    close = {"rtol": 1e-12, "atol": 1e-10}
    for name in ("tap", "shift", "rating", "angle_min", "angle_max"):
        np.testing.assert_allclose(
            getattr(back.branches, name), getattr(network.branches, name), **close
        )
    for name in ("p", "q", "p_min", "p_max", "q_min", "q_max", "v_set", "cost"):
        np.testing.assert_allclose(
            getattr(back.generators, name), getattr(network.generators, name), **close
        )
    np.testing.assert_allclose(back.load_p, network.load_p, **close)
    np.testing.assert_allclose(back.buses.gs, network.buses.gs, **close)
    np.testing.assert_array_equal(back.slack_buses, network.slack_buses)


@pytest.mark.filterwarnings("ignore:The inplace keyword")
def test_matpowercaseframes_reads_what_we_write(tmp_path):
    """A second reader of the format agrees, cell by cell."""
    frames = pytest.importorskip("matpowercaseframes")
    network = get_case("case118")
    write_matpower(network, tmp_path / "case118.m")
    case = frames.CaseFrames(str(tmp_path / "case118.m"))
    assert case.baseMVA == network.base_mva
    assert case.bus["BUS_I"].astype(int).astype(str).tolist() == network.buses.id.tolist()
    np.testing.assert_allclose(case.branch["BR_X"].to_numpy(float), network.branches.x)
    np.testing.assert_allclose(
        case.bus["PD"].to_numpy(float), network.load_p * network.base_mva, rtol=1e-14
    )
    np.testing.assert_allclose(
        case.gencost.iloc[:, 4].to_numpy(float) * network.base_mva**2, network.generators.cost[:, 0]
    )


def test_odd_bus_ids_become_numbers_with_names(tmp_path):
    network = get_case("case9")
    named = network.replace(buses=network.buses.replace(id=[f"it's {i}" for i in range(9)]))
    save_network(named, tmp_path / "case9.m")
    assert read_network(tmp_path / "case9.m").buses.id.tolist() == [str(i) for i in range(1, 10)]
    assert "'it''s 0'" in (tmp_path / "case9.m").read_text()


def test_all_bundled_cases_survive_matpower(tmp_path):
    for case in list_cases():
        network = get_case(case.name)
        save_network(network, tmp_path / "case.m")
        back = read_network(tmp_path / "case.m")
        assert back.open_branches == network.open_branches
        np.testing.assert_array_equal(back.branches.r, network.branches.r)
        np.testing.assert_allclose(back.load_p, network.load_p, rtol=1e-14)


def test_only_columns_that_say_something_are_written(tmp_path):
    write_csv(get_case("forward11"), tmp_path / "case")
    assert (tmp_path / "case" / "branches.csv").read_text().startswith("id,from_bus,to_bus,r,x\n")
    assert json.loads((tmp_path / "case" / "params.json").read_text())["base_mva"] == 1.0


def test_a_failed_write_leaves_the_old_file(tmp_path):
    target = tmp_path / "net.json"
    save_network(get_case("case9"), target)
    before = target.read_bytes()
    with pytest.raises(NetworkFormatError, match="not .json"):
        save_network(get_case("case9"), tmp_path / "net.xls")
    with pytest.raises(OutputError, match="cannot write"):
        save_network(get_case("case9"), tmp_path / "missing" / "net.json")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("keep")
    with pytest.raises(OutputError, match="is not a folder with"):
        save_network(get_case("case9"), tmp_path / "other")
    assert target.read_bytes() == before
    assert (tmp_path / "other" / "mine.txt").read_text() == "keep"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["net.json", "other"]


def test_folder_is_replaced_as_a_whole(tmp_path):
    save_network(get_case("case33bw"), tmp_path / "case")
    save_network(get_case("case9"), tmp_path / "case")
    assert read_network(tmp_path / "case").n_bus == 9
    names = sorted(p.name for p in (tmp_path / "case").iterdir())
    assert names == ["branches.csv", "buses.csv", "generators.csv", "loads.csv", "params.json"]


@pytest.mark.skipif(os.name != "posix", reason="modes are a matter of POSIX")
def test_files_have_ordinary_modes(tmp_path):
    mask = os.umask(0o022)
    try:
        save_network(get_case("case9"), tmp_path / "a.json")
        save_network(get_case("case9"), tmp_path / "b")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o755
