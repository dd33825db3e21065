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
from pygridjl.powerflow.newton import newton_power_flow

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
        ("mpc.bus(:, 3) = fft(mpc.bus(:, 3));", "unknown name 'fft'"),
        ("mpc = scale_load(2, mpc);", "unknown name 'scale_load'"),
        ("mpc = mpc2.bus;\nmpc.x = 1;", "unknown name"),
        ("mpc = 3;", "not understood"),
        ("while 1, mpc.bus(1, 3) = 1; end", "control statement"),
        ("mpc.bus(:, 3) = mpc.bus(:, 99);", "column index outside"),
        ("mpc.bus(1e9, 3) = 1;", "index is too large"),
        ("mpc.bus(1e7, 3) = 1;", "of this size cannot be made"),
        ("mpc.x = zeros(1e5);", "of this size cannot be made"),
        ("mpc.bus(0, 3) = 1;", "whole number from 1 on"),
        ("mpc.bus(1, 3, 2) = 1;", "more than two subscripts"),
        ("mpc.bus(1, 1) = [];", "only whole rows or columns"),
        ("if 1, mpc.bus(1, 3) = 1;", "no end"),
        ("else", "else without if"),
        ("mpc.x = ones(2, 3) * ones(2, 3);", "sizes of the operands differ"),
        ("mpc.x = [mpc.bus, 1];", "differ in height"),
        ("for k = 1:200001, x = 1; end", "more than 200000 statements"),
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
        ("'2'", "'3'", "case format '3' is not read, only 1 and 2"),
        ("[1 3 0 0", "[1 7 0 0", "mpc.bus: row 1, field 'type': 7 is none of 1 (load), 2"),
        ("mpc.gen = [1 0", "mpc.gen = [7 0", "mpc.gen: row 1, field 'bus': unknown bus 7"),
        ("[1 2 0.0922", "[1 2.5 0.0922", "mpc.branch: row 1, field 'tbus': unknown bus 2.5"),
        ("[1 2 0.0922", "[NaN 2 0.0922", "field 'fbus': unknown bus nan"),
        ("[1 3 0 0", "[1.5 3 0 0", "mpc.bus: row 1, field 'bus_i'"),
        ("0 1 -360 360", "", "mpc.branch: has 9 columns"),
        ("mpc.branch", "mpc.brunch", "mpc.branch: is missing"),
        ("function mpc = two", "function = two", "this function line is not understood"),
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
        ("mpc.dcline = [1 2 1 10 9];", "mpc.dcline: has 5 columns, needs at least 17"),
        ("mpc.switch = [1 7 0 0 1 0 1];", "mpc.switch: row 1, field 't_bus': unknown bus 7"),
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
        ("[1.5D-3 2d2 1D+1]", [[0.0015, 200, 10]]),
        ("[1 2]'", [[1], [2]]),
        ("[1 2; 3 4]'", [[1, 3], [2, 4]]),
        ("[1 2; 3 4] * [1; 1]", [[3], [7]]),
        ("[1 2; 3 4] .* [2 2; 2 2]", [[2, 4], [6, 8]]),
        ("ones(2, 1) * [1 2]", [[1, 2], [1, 2]]),
        ("[zeros(1, 2); eye2(1, :)]", [[0, 0], [1, 0]]),
        ("[eye2, [5; 6]]", [[1, 0, 5], [0, 1, 6]]),
        ("[[]; 1 2]", [[1, 2]]),
        ("[1 2 3](2)", None),
        ("v(end)", [[30]]),
        ("v(end-1:end)", [[20, 30]]),
        ("v([true false true])", [[10, 30]]),
        ("v(v > 15)", [[20, 30]]),
        ("eye2(:)", [[1], [0], [0], [1]]),
        ("eye2(end, 1)", [[0]]),
        ("find(v >= 20)", [[2, 3]]),
        ("find([0; 1; 1])", [[2], [3]]),
        ("sum(eye2)", [[1, 1]]),
        ("sum([1 2 3])", [[6]]),
        ("sum([1 2; 3 4], 2)", [[3], [7]]),
        ("[max(v), min(v), numel(v), length(v)]", [[30, 10, 3, 3]]),
        ("max(v, 15)", [[15, 20, 30]]),
        ("size(eye2, 1)", [[2]]),
        ("size([1 2 3])", [[1, 3]]),
        ("[any(v > 25), all(v > 25)]", [[1, 0]]),
        ("~(v == 20)", [[1, 0, 1]]),
        ("(v > 5 & v < 25) | v == 30", [[1, 1, 1]]),
        ("repmat([1 2], 2, 1)", [[1, 2], [1, 2]]),
        ("5:-2:1", [[5, 3, 1]]),
        ("0:0.1:0.3", [[0, 0.1, 0.2, 0.30000000000000004]]),
        ("round([0.5 -0.5 1.4])", [[1, -1, 1]]),
        ("ismember(v, [10 30])", [[1, 0, 1]]),
        ("unique([3 1 3])", [[1, 3]]),
        ("isfield(mpc, 'v')", [[0]]),
        ("isfield(mpc, 'known')", [[1]]),
        ("strcmp('a', 'a')", [[1]]),
        ("[1 ... three dots continue\n 2]", [[1, 2]]),
        ("[1 % a comment\n2]", [[1], [2]]),
    ],
)
def test_matrices_follow_matlab(tmp_path, expression, value):
    before = "mpc.known = 1;\nv = [10 20 30];\neye2 = [1 0; 0 1];\n"
    text = f"{before}mpc.x = {expression};"
    if value is None:  # Octave's, not MATLAB's
        with pytest.raises(NetworkFormatError, match="line 4"):
            run_case(tmp_path, text)
        return
    found = run_case(tmp_path, text)["x"]
    assert np.atleast_2d(found).tolist() == value


@pytest.mark.parametrize(
    ("statements", "value"),
    [
        ("mpc.x(2, :) = [];", [[1, 2], [5, 6]]),
        ("mpc.x(:, 1) = [];", [[2], [4], [6]]),
        ("mpc.x([1 end], :) = [];", [[3, 4]]),
        ("mpc.x(mpc.x(:, 1) > 2, :) = [];", [[1, 2]]),
        ("mpc.x(end+1, :) = [7 8];", [[1, 2], [3, 4], [5, 6], [7, 8]]),
        ("mpc.x = [mpc.x; 7 8];", [[1, 2], [3, 4], [5, 6], [7, 8]]),
        ("mpc.x(:, 3) = [7; 8; 9];", [[1, 2, 7], [3, 4, 8], [5, 6, 9]]),
        ("mpc.x(4, 1) = 7;", [[1, 2], [3, 4], [5, 6], [7, 0]]),
        ("mpc.x(2) = 9;", [[1, 2], [9, 4], [5, 6]]),
        ("mpc.x(mpc.x == 4) = 0;", [[1, 2], [3, 0], [5, 6]]),
        ("mpc.x(:) = 1;", [[1, 1], [1, 1], [1, 1]]),
        ("for k = 1:2\n mpc.x(k, 1) = 10 * k;\nend", [[10, 2], [20, 4], [5, 6]]),
        ("for k = [1 3], mpc.x(k, 2) = 0; end", [[1, 0], [3, 4], [5, 0]]),
        ("for (k = 1:1), for j = 1:2, mpc.x(k, j) = j; end, end", [[1, 2], [3, 4], [5, 6]]),
        ("if size(mpc.x, 1) == 3, mpc.x(1, 1) = 0; end", [[0, 2], [3, 4], [5, 6]]),
        (
            "k = 2;\nif k == 1\n mpc.x(1) = 7;\nelseif k == 2\n mpc.x(1) = 8;\n"
            "else\n mpc.x(1) = 9;\nend",
            [[8, 2], [3, 4], [5, 6]],
        ),
        ("if nargin < 1, k = 5; end\nmpc.x(1) = k;", [[5, 2], [3, 4], [5, 6]]),
        ("y = mpc.x; y(1) = 9;", [[1, 2], [3, 4], [5, 6]]),
        ("[n, m] = size(mpc.x); mpc.x(n, m) = 0;", [[1, 2], [3, 4], [5, 0]]),
        ("disp('mpc.x'); fprintf('%d', mpc.x);", [[1, 2], [3, 4], [5, 6]]),
        ("return\nmpc.x(1) = 9;", [[1, 2], [3, 4], [5, 6]]),
        ("end\nfunction y = other(x)\ny = nonsense(x, mpc);", [[1, 2], [3, 4], [5, 6]]),
        ("order = fancy(3); mpc.y = 1;", [[1, 2], [3, 4], [5, 6]]),
    ],
)
def test_statements_follow_matlab(tmp_path, statements, value):
    text = f"function mpc = t(varargin)\nmpc.x = [1 2; 3 4; 5 6];\n{statements}\n"
    assert run_case(tmp_path, text)["x"].tolist() == value


@pytest.mark.parametrize("name", ["function_args", "other_name", "v1_func"])
def test_all_ways_to_return_a_case(name):
    """The same four buses in the words of three versions and writers."""
    network = read_matpower(FIELD / f"{name}.m")
    usual = read_matpower(FIELD / "find.m")
    assert network.buses.id.tolist() == ["1", "2", "3", "4"]
    assert network.open_branches == (4,)
    np.testing.assert_array_equal(network.branches.r, usual.branches.r)
    np.testing.assert_allclose(network.loads.p, [0.1, 0.1, 0.05])


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("append_row", lambda n: n.n_bus == 5 and n.loads.p[-1] == 0.01 and n.n_branch == 5),
        ("delete_row", lambda n: n.n_branch == 3),
        ("matrix_expression", lambda n: n.generators.bus.tolist() == [0, 1, 1]),
        ("find", lambda n: n.loads.p.tolist() == [0.1, 0.02, 0.05]),
        ("for_loop", lambda n: (n.buses.v_max == 1.05).all()),
    ],
)
def test_programs_at_the_end_of_public_files(name, check):
    network = read_matpower(FIELD / f"{name}.m")
    assert check(network)
    assert validate(network) == ()


def test_format_1_has_flows_where_format_2_has_limits_of_angles(tmp_path):
    text = (FIELD / "v1_func.m").read_text().replace(" 1 -360 360;", " 1 -20 20 1 1;")
    text = text.replace(" 0 -360 360;", " 0 0 0 0 0;")
    assert (read(tmp_path, text).branches.angle_max == np.pi).all()


def test_dc_lines_are_two_units_that_hold_their_voltage():
    """One MW from bus 2 to bus 4 without losses: the loads change, and the voltages are held."""
    network = read_matpower(FIELD / "dcline_on.m")
    gen = network.generators
    assert gen.id.tolist() == ["1", "dcline 1 from", "dcline 1 to"]
    np.testing.assert_allclose(gen.p * network.base_mva, [0, -1, 1])
    assert gen.holds_v.tolist() == [False, True, True]
    flow = newton_power_flow(network, reactive_limits=False)
    np.testing.assert_allclose(np.abs(flow.v[[1, 3]]), 1.0, atol=1e-12)
    demand = network.load_p.sum() * 1e4
    assert flow.injection[0].real * 1e4 == pytest.approx(demand + flow.loss_kw, abs=1e-6)
    assert any("DC lines keep their schedule" in note for note in network.notes)


def test_losses_of_a_dc_line(tmp_path):
    dc = (
        "mpc.dcline = [1 2 1 4 0 0 0 1 1 0 9 -9 9 -9 9 0.5 0.1; 1 2 0 4 0 0 0 1 1 0 9 0 0 0 0 0 0];"
    )
    gen = read(tmp_path, TWO_BUSES + dc).generators
    np.testing.assert_allclose(gen.p[1:] * 10, [-4, 4 - 0.5 - 0.4])


def test_switches_and_storages_of_powermodels():
    network = read_matpower(FIELD / "switch_table.m")
    assert network.branches.id.tolist() == [1, 2, 3]
    assert network.branches.switchable.all()
    assert network.branches.r[2] == 1e-6
    assert network.loads.id.tolist() == ["2", "3", "storage 1"]
    assert network.loads.p[2] == 0.05


def test_known_voltages_are_where_iterations_begin(tmp_path):
    text = TWO_BUSES.replace("60 0 0 1 1 0", "60 0 0 1 0.98 -1.5").replace(
        "3 0 0 0 0 1 1 0", "3 0 0 0 0 1 1 2"
    )
    network = read(tmp_path, text)
    assert network.buses.v_start.tolist() == [1.0, 0.98]
    np.testing.assert_allclose(network.buses.angle_start, np.radians([2, -1.5]))
    np.testing.assert_allclose(network.generators.angle_set, np.radians([2]))
    assert np.isnan(read(tmp_path, TWO_BUSES).buses.v_start).all()
    write_matpower(network, tmp_path / "again.m")
    again = read_matpower(tmp_path / "again.m")
    np.testing.assert_allclose(again.buses.v_start, network.buses.v_start)
    np.testing.assert_allclose(again.buses.angle_start, network.buses.angle_start)


def test_several_references_keep_their_angles(tmp_path):
    """Two sources of 1 p.u. 2° apart over r + jx: the flow is that of the formula."""
    text = TWO_BUSES.replace("2 1 100 60 0 0 1 1 0", "2 3 0 0 0 0 1 1 -2")
    text = text.replace("10 0];", "10 0; 2 0 0 9 -9 1 9 1 9 0];")
    flow = newton_power_flow(read(tmp_path, text))
    through = (1 - np.exp(-2j * np.pi / 180)) / (0.0922 + 0.0470j)
    assert flow.injection[0] == pytest.approx(np.conj(through), rel=1e-9)


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
