"""MATPOWER case files, and the statements at their end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pygridjl.core.errors import NetworkFormatError
from pygridjl.grid.io.matpower.interpreter import run_case
from pygridjl.grid.io.matpower.read import read_matpower
from pygridjl.grid.io.matpower.write import write_matpower
from pygridjl.grid.network_checks import validate

DATA = Path(__file__).parents[2] / "data"
FIELD = DATA / "field" / "networks"

TWO_BUSES = """function mpc = two
mpc.version = '2';
mpc.baseMVA = 10;
mpc.bus = [1 3 0 0 0 0 1 1 0 12.66 1 1 1; 2 1 100 60 0 0 1 1 0 12.66 1 1.1 0.9];
mpc.gen = [1 0 0 10 -10 1 100 1 10 0];
mpc.branch = [1 2 0.0922 0.0470 0 0 0 0 0 0 1 -360 360];
"""
CONVERSION = """
[PQ, PV, REF, NONE, BUS_I, BUS_TYPE, PD, QD, GS, BS, BUS_AREA, VM, ...
    VA, BASE_KV, ZONE, VMAX, VMIN, LAM_P, LAM_Q, MU_VMAX, MU_VMIN] = idx_bus;
[F_BUS, T_BUS, BR_R, BR_X, BR_B] = idx_brch;
Vbase = mpc.bus(1, BASE_KV) * 1e3;      %% in Volts
Sbase = mpc.baseMVA * 1e6;              %% in VA
mpc.branch(:, [BR_R BR_X]) = mpc.branch(:, [BR_R BR_X]) / (Vbase^2 / Sbase);
mpc.bus(:, [PD, QD]) = mpc.bus(:, [PD, QD]) / 1e3;
"""


def read(tmp_path, text):
    path = tmp_path / "case.m"
    path.write_text(text)
    return read_matpower(path)


def test_ohms_and_kilowatts_become_per_unit(tmp_path):
    network = read(tmp_path, TWO_BUSES + CONVERSION)
    assert network.branches.r[0] == pytest.approx(0.0922 / (12.66**2 / 10), rel=1e-14)
    assert network.loads.p[0] == pytest.approx(0.1 / 10, rel=1e-14)


def test_power_factor_statements(tmp_path):
    """case141 gives apparent power and derives P and Q from a power factor."""
    more = "pf = 0.85;\nmpc.bus(:, QD) = mpc.bus(:, PD) * sin(acos(pf));\n"
    network = read(tmp_path, TWO_BUSES + CONVERSION + more + "mpc.bus(:, PD) = mpc.bus(:, PD)*pf;")
    assert network.loads.p[0] == pytest.approx(0.01 * 0.85, rel=1e-14)
    assert network.loads.q[0] == pytest.approx(0.01 * (1 - 0.85**2) ** 0.5, rel=1e-12)


def test_conventions_of_the_format():
    network = read_matpower(DATA / "tap.m")
    base = 50 / 3
    assert network.base_mva == base
    assert network.buses.id.tolist() == ["10", "20", "30"]  # bus 40 is isolated
    assert network.buses.base_kv.tolist() == [1.0, 24.0, 24.0]
    assert network.loads.id.tolist() == ["20", "30"]
    np.testing.assert_allclose(network.loads.p * base, [15.0, 2.5])
    np.testing.assert_allclose(network.loads.q * base, [-5.0, 0.0])
    np.testing.assert_allclose(network.buses.gs * base, [0.0, 0.0, 0.5])
    np.testing.assert_allclose(network.buses.bs * base, [0.0, 1.5, 0.0])
    branch = network.branches
    assert branch.id.tolist() == [1, 2]
    assert branch.tap.tolist() == [0.98, 1.0]
    assert np.isinf(branch.rating[0])
    assert branch.rating[1] == pytest.approx(25 / base)
    np.testing.assert_allclose(branch.shift, [-np.pi / 6, 0.0])
    np.testing.assert_allclose(branch.angle_min, [-np.pi, -np.pi])
    np.testing.assert_allclose(branch.angle_max, [np.pi, np.radians(15)])
    assert branch.closed.tolist() == [True, False]
    gen = network.generators
    assert gen.id.tolist() == ["1", "2"]
    assert gen.slack.tolist() == [True, False]
    assert gen.in_service.tolist() == [True, False]
    assert gen.q_max[0] == np.inf
    np.testing.assert_allclose(gen.cost, [[0.1 * base**2, 20 * base, 5], [0, 30 * base, 1]])
    assert any("isolated" in note and "40" in note for note in network.notes)
    assert any("base voltage" in note for note in network.notes)


def test_several_reference_buses_are_several_substations(tmp_path):
    text = TWO_BUSES.replace("2 1 100", "2 3 100").replace("10 0];", "10 0; 2 0 0 1 1 1 1 1 1 0];")
    assert read(tmp_path, text).slack_buses.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("mpc.bus(:, 3) = sort(mpc.bus(:, 3));", "unknown name 'sort'"),
        ("mpc = scale_load(2, mpc);", "not understood"),
        ("for k = 1:2, mpc.bus(k, 3) = 1; end", "control statement"),
        ("mpc.bus(:, 99) = 1;", "column index outside"),
        ("mpc.bus(:, 3) = [1; 2; 3];", "sizes differ"),
        ("mpc.branch(:, 3) = mpc.branch(:, 3) / factor;", "unknown name 'factor'"),
        ("mpc.gen = [1 2; 3];", "row 2 has 1 columns, the first has 2"),
        ("mpc.bus(1:1e300, 3) = 1;", "range is too long"),
        ("mpc.bus(:, 3) = " + "(" * 5000 + "1" + ")" * 5000 + ";", "nested too deeply"),
        ("mpc.bus(:, 3) = 1", None),
        ("mpc.bus(:, 3) = [1 2", "never closed"),
        ("mpc.bus(:, 3) = 1];", "unbalanced"),
    ],
)
def test_statements_that_are_not_understood_are_errors(tmp_path, statement, message):
    if message is None:
        assert read(tmp_path, TWO_BUSES + statement).loads.p.tolist() == [0.1, 0.1]
        return
    with pytest.raises(NetworkFormatError, match="line 7.*" + message):
        read(tmp_path, TWO_BUSES + statement)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("mpc.baseMVA = 10;", "", "mpc.baseMVA: is missing"),
        ("mpc.baseMVA = 10;", "mpc.baseMVA = -1;", "must be positive"),
        ("'2'", "'1'", "case format '1' is not read"),
        ("mpc.gen = [1 0", "mpc.gen = [7 0", "mpc.gen: row 1, field 'bus': unknown bus 7"),
        ("[1 2 0.0922", "[1 2.5 0.0922", "mpc.branch: row 1, field 'tbus': unknown bus 2.5"),
        ("[1 2 0.0922", "[NaN 2 0.0922", "field 'fbus': unknown bus nan"),
        ("[1 3 0 0", "[1.5 3 0 0", "mpc.bus: row 1, field 'bus_i'"),
        ("0 1 -360 360", "", "mpc.branch: has 9 columns"),
        ("mpc.branch", "mpc.brunch", "mpc.branch: is missing"),
        ("function mpc = two", "function [a, b] = two", "only 'function mpc = name'"),
    ],
)
def test_broken_tables_name_component_row_and_field(tmp_path, old, new, message):
    with pytest.raises(NetworkFormatError) as caught:
        read(tmp_path, TWO_BUSES.replace(old, new, 1))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("mpc.gencost = [2 0 0 9 3 4];", "9 numbers do not fit"),
        ("mpc.gencost = [1 0 0 2 3 4 5];", "2 numbers do not fit"),
        ("mpc.gencost = [3 0 0 2 3 4];", "neither 1"),
        ("mpc.gencost = [2 0 0 1 3; 2 0 0 1 3; 2 0 0 1 3];", "3 rows for 1 generators"),
        ("mpc.dcline = [1 2 1 10 9];", "DC lines"),
    ],
)
def test_what_a_network_cannot_hold_is_refused(tmp_path, table, message):
    with pytest.raises(NetworkFormatError, match=message):
        read(tmp_path, TWO_BUSES + table)


def test_not_a_number_survives_reading_for_the_validation(tmp_path):
    network = read(tmp_path, TWO_BUSES.replace("0.0922", "NaN"))
    assert np.isnan(network.branches.r[0])


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("[1 -2]", [[1, -2]]),
        ("[1 - 2]", [[-1]]),
        ("[1 -2 + 3, 4]", [[1, 1, 4]]),
        ("[2*3 4 ^ 2]", [[6, 16]]),
        ("[1e3; -.5]", [[1000], [-0.5]]),
        ("[-2^2, 2^-1]", [[-4, 0.5]]),
        ("[1,2\n3,4]", [[1, 2], [3, 4]]),
    ],
)
def test_matrices_follow_matlab(tmp_path, expression, value):
    assert run_case(tmp_path, f"mpc.x = {expression};")["x"].tolist() == value


def test_points_of_a_piecewise_linear_cost_are_kept(tmp_path):
    network = read(tmp_path, TWO_BUSES + "mpc.gencost = [1 0 0 3 0 0 10 200 20 500 0 0];")
    np.testing.assert_allclose(network.generators.cost_points[0], [[0, 0], [1, 200], [2, 500]])
    assert not network.generators.cost.any()
    assert validate(network, "opf") == ()
    write_matpower(network, tmp_path / "again.m")
    again = read_matpower(tmp_path / "again.m")
    np.testing.assert_array_equal(again.generators.cost_points, network.generators.cost_points)


@pytest.mark.parametrize(
    "table", ["mpc.gencost = [2 0 0 4 1 2 3 4];", "mpc.gencost = [2 0 0 2 3 4; 2 0 0 2 3 4];"]
)
def test_a_cost_that_cannot_be_held_matters_to_optimal_flow_only(tmp_path, table):
    network = read(tmp_path, TWO_BUSES + table)
    assert np.isnan(network.generators.cost[0]).all()
    assert "cost" in network.notes[-1]
    assert validate(network) == validate(network, "reconfiguration") == ()
    assert [f.field for f in validate(network, "opf")] == ["cost"]


@pytest.mark.parametrize(
    "name",
    [
        "off_gen_nan",
        "off_gen_vset0",
        "off_gen_pmin_gt_pmax",
        "off_branch_zero_z",
        "off_branch_neg_r",
        "gencost_pwl",
        "island_no_type4",
    ],
)
def test_what_is_out_of_service_does_not_matter(name):
    network = read_matpower(FIELD / f"{name}.m")
    assert validate(network, "reconfiguration") == ()


def test_a_tie_without_a_usable_impedance_stays_open():
    network = read_matpower(FIELD / "off_branch_zero_z.m")
    assert network.branches.switchable.tolist() == [True, True, True, False]
    assert "stay open: 4" in network.notes[-1]


def test_buses_that_no_source_reaches_are_left_out_and_named():
    network = read_matpower(FIELD / "island_no_type4.m")
    assert network.buses.id.tolist() == ["1", "2", "3", "4"]
    assert network.notes[-1].endswith("(0 MW of load): 5")


def test_negative_resistance_is_sound_except_for_reconfiguration():
    network = read_matpower(FIELD / "neg_r.m")
    assert validate(network) == validate(network, "opf") == ()
    (finding,) = validate(network, "reconfiguration")
    assert (finding.ids, finding.field) == (("2",), "r")


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([[0, 0], [np.nan, np.nan]], "fewer than two"),
        ([[0, 0], [-1, 1]], "do not increase"),
        ([[0, 0], [1, 5], [2, 6]], "not convex"),
    ],
)
def test_points_that_make_no_convex_cost_are_found_for_optimal_flow(points, message):
    network = read_matpower(FIELD / "gencost_pwl.m")
    units = network.generators.replace(cost_points=np.array([points], dtype=float))
    assert validate(network.replace(generators=units)) == ()
    assert message in str(validate(network.replace(generators=units), "opf")[0])
