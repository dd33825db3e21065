"""REDS files."""

from __future__ import annotations

import numpy as np
import pytest

from pygridjl.core.errors import NetworkFormatError
from pygridjl.grid.io.reds import read_reds

TEXT = """.PU 0
.V_base 10.0
.S_base 4
.Branch_count 4
.Sectionalizing_count 3
.Tie_count 1
.Nodes 5
.Feeders 2
.Feeder_node_ids 0 1
.Branch Src_bus Rec_bus R X PL_kw QL_kvar S_NS
0 0 2 0.5 1.0 400 300 S
1 1 3 0.25 0.5 0 0 NS
2 3 4 0.25 0.5 100 50 S
.Tie switches
3 2 4 1.0 2.0
.Node x_coord y_coord
.Grid_size 5 5
0 1 5
2 2 4
"""


def read(tmp_path, text, **options):
    path = tmp_path / "net.pos"
    path.write_text(text)
    return read_reds(path, **options)


def test_two_feeders_are_two_substations(tmp_path):
    network = read(tmp_path, TEXT)
    z_base = 10.0**2 / 4
    assert network.slack_buses.tolist() == [0, 1]
    assert network.open_branches == (4,)
    assert network.branches.switchable.tolist() == [True, False, True, True]
    np.testing.assert_allclose(network.branches.r * z_base, [0.5, 0.25, 0.25, 1.0])
    np.testing.assert_allclose(network.load_p * 4, [0, 0, 0.4, 0, 0.1])
    np.testing.assert_allclose(network.load_q * 4, [0, 0, 0.3, 0, 0.05])
    assert network.buses.y[2] == 4
    assert np.isnan(network.buses.x[1])


def test_per_unit_files_are_not_converted(tmp_path):
    network = read(tmp_path, TEXT.replace(".PU 0", ".PU 1"))
    assert network.branches.x[3] == 2.0
    assert network.load_p[2] == 400.0


def test_the_voltage_may_be_given_where_the_file_lacks_it(tmp_path):
    text = TEXT.replace(".V_base 10.0\n", "").replace(".S_base 4\n", "")
    assert read(tmp_path, text, base_kv=10.0).branches.r[3] == pytest.approx(0.01)
    with pytest.raises(NetworkFormatError, match=".V_base is missing"):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (".Nodes 5\n", "", ".Nodes is missing"),
        (".Nodes 5", ".Nodes many", "'many' is not a whole number"),
        ("0 0 2 0.5", "0 0 9 0.5", "line 11: unknown node 9"),
        ("0 0 2 0.5", "0 0 2 half", "line 11: R: 'half' is not a number"),
        ("2 3 4 0.25 0.5 100 50 S", "2 3 4 0.25 0.5 100 50", "S_NS"),
        ("2 3 4 0.25 0.5 100 50 S", "2 3 4 0.25", "line 13: X is missing"),
        ("2 3 4 0.25 0.5 100 50 S\n", "", ".Sectionalizing_count is 3, the file has 2"),
        (".Feeder_node_ids 0 1", ".Feeder_node_ids 0 7", "unknown node 7"),
        (".Feeder_node_ids 0 1\n", "", ".Feeder_node_ids is missing"),
        ("0 1 5\n", "8 1 5\n", "unknown node 8"),
        (".PU 0", "PU 0", "line 1: unexpected 'PU'"),
        (".V_base 10.0", ".V_base 0", "must be positive"),
    ],
)
def test_broken_files(tmp_path, old, new, message):
    with pytest.raises(NetworkFormatError) as caught:
        read(tmp_path, TEXT.replace(old, new, 1))
    assert message in str(caught.value)
