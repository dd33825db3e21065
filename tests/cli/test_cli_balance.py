"""``pygridjl balance``: tables, JSON, pictures, bad input."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from pygridjl.cli.balance import command
from pygridjl.core.errors import PyGridJLError
from pygridjl.grid.io.write import save_network
from pygridjl.grid.network import Branches, Buses, Generators, Loads, Network
from pygridjl.powerflow.newton import newton_power_flow

FAST = ("--method", "local", "--time-limit", "5")


def run(*arguments):
    return CliRunner().invoke(command, [*map(str, arguments)], catch_exceptions=True)


def test_the_example_in_words(tmp_path):
    page = tmp_path / "b.html"
    out = run(
        "example", "--cap", 5, "--fit", "--plot", tmp_path / "b.png", "--page", page, *FAST
    )  # fmt: skip
    assert out.exit_code == 0, out.output
    for text in ("20 SPs, 4 circuits, 168 steps", "J (rms)", "C4", "does not apply"):
        assert text in out.output
    assert (tmp_path / "b.png").stat().st_size > 10_000
    written = page.read_text(encoding="utf-8")
    # Today's J on the page is the one of the summary.
    before = re.search(r"J \(rms\) +[0-9.]+ \(before ([0-9.]+),", out.output).group(1)
    total = float(re.search(r'"total_before":([0-9.]+)', written).group(1))
    assert total == pytest.approx(float(before), rel=1e-5)


def test_json_is_one_object_with_every_rule_kept():
    out = run(
        "example", "--circuits", 4, "--cap", 6, "--max-moves", 3, "--fix", "SP01=C1",
        "--forbid", "SP02=C3", "--measure", "l1", "--json", *FAST,
    )  # fmt: skip
    plain = json.loads(out.output)
    assert plain["measure"] == "l1"
    assert plain["moved"] <= 3
    assert plain["assignment"]["SP01"] == "C1"
    assert plain["assignment"]["SP02"] != "C3"
    assert plain["bound"] <= plain["objective"] < plain["l1_before"]
    assert len(plain["assignment"]) == 20


def test_more_circuits_than_today_and_named_ones():
    six = json.loads(run("example", "--circuits", 6, "--cap", 4, "--json", *FAST).output)
    assert [c["circuit"] for c in six["circuits"]] == ["C1", "C2", "C3", "C4", "C5", "C6"]
    named = run("example", "--circuits", "C1,C2", "--cap", 10, *FAST)
    assert named.exit_code == 2
    assert "today's circuits C3, C4" in named.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nowhere.csv",), "neither 'example' nor a readable file"),
        (("example", "--cap", "4"), "circuits hold 16 SPs together, there are 20"),
        (("example", "--capacity", "10"), "circuits hold 40 together, the SPs demand 166.91"),
        (("example", "--capacity", "12"), "SP20 capacity: demands more than any circuit holds"),
        (("example", "--method", "colums"), "did you mean columns"),
        (("example", "--fix", "SP01"), "is not SP=CIRCUIT"),
    ],
)
def test_bad_input_ends_in_one_line_and_code_two(arguments, says):
    assert says in _refused(*arguments)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("a,1,1,1\na,2,x,1\n", "row 3 ('x'): column actual is no number"),
        ("a,1,1,nan\na,2,1,1\n", "row 2 ('nan'): column predicted is no number"),
        ("a,1,1,1\na,2,1,\n", "row 3 (''): column predicted is no number"),
        ("a,1,1,1\n,2,1,1\n", "row 3: column sp is empty"),
        ("a,1,1,1\na,2,1,1\nb,1,1,1\n", "sp b has 1 of 2 time steps: column time lacks 2"),
        ("a,1,1,1\na,2,1,1\na,2,2,1\n", "row 3, 4: sp a at time 2 stands twice"),
        ("a,1,1,1\na,2,1,1,4\n", "Expected 4 fields in line 3, saw 5"),
    ],
)
def test_a_bad_file_names_row_and_column_or_service_point(tmp_path, rows, says):
    path = tmp_path / "bad.csv"
    path.write_text(f"sp,time,actual,predicted\n{rows}", encoding="utf-8")
    assert says in _refused(str(path), "--circuits", "1")


def _refused(*arguments):
    """The one line with which a shell sees the command end in code 2."""
    done = subprocess.run(
        [sys.executable, "-m", "pygridjl", "balance", *arguments],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(("Error: ", "Usage: "))
    if done.stderr.startswith("Error: "):
        assert len(done.stderr.strip().splitlines()) == 1
    return done.stderr


def _on_chains(folder, v_min):
    """Six service points that can sit on either of two chains of three buses behind 0.04 p.u."""
    network = Network(
        "chains",
        1.0,
        Buses(id=np.array(["a0", "a1", "a2", "b0", "b1", "b2"]), v_min=v_min),
        Branches(
            id=np.arange(5),
            from_bus=np.array([0, 1, 3, 4, 2]),
            to_bus=np.array([1, 2, 4, 5, 5]),
            r=0.04,
            x=0.02,
            closed=np.array([True, True, True, True, False]),
        ),
        Generators(id=np.array(["g", "h"]), bus=np.array([0, 3]), v_set=1.0, slack=True),
        Loads(id=np.array(["own"]), bus=np.array([1]), p=np.array([0.05]), q=np.array([0.01])),
    )
    save_network(network, folder / "chains.json")
    rng = np.random.default_rng(5)
    rows, places = ["sp,time,actual,predicted,circuit"], ["sp,circuit,bus"]
    for j in range(6):
        for t in range(4):
            rows.append(f"p{j},{t},{rng.uniform(60, 140):.3f},100,{'ab'[j // 3]}0")
        places += [f"p{j},{c}0,{c}{1 + j % 2}" for c in "ab"]
    (folder / "loads.csv").write_text("\n".join(rows), encoding="utf-8")
    (folder / "places.csv").write_text("\n".join(places), encoding="utf-8")
    where = (folder / "loads.csv", "--network", folder / "chains.json")
    return network, (*where, "--connections", folder / "places.csv", "--cap", 4)


def _ac_voltages(network, loads, assignment, step):
    """Newton's voltages with every service point on its circuit."""
    p, q = network.load_p.copy(), network.load_q.copy()
    place = {str(b): k for k, b in enumerate(network.buses.id)}
    for j, (point, circuit) in enumerate(assignment.items()):
        bus = place[f"{circuit[0]}{1 + j % 2}"]
        p[bus] += loads[point][step] / 1000
        q[bus] += 0.3 * loads[point][step] / 1000
    everywhere = Loads(id=network.buses.id, bus=np.arange(6), p=p, q=q)
    loaded = Network("loaded", 1.0, network.buses, network.branches, network.generators, everywhere)
    return np.abs(newton_power_flow(loaded).v)


def test_voltage_limits_of_a_network_hold_and_are_those_of_newton(tmp_path):
    free = json.loads(run(*_on_chains(tmp_path, 0.0)[1], "--json").output)
    lowest = min(c["lowest_voltage"] for c in free["circuits"])
    network, arguments = _on_chains(tmp_path, lowest + 0.001)
    tight = json.loads(run(*arguments, "--json").output)
    assert tight["status"] == "optimal"
    assert tight["objective"] > free["objective"]
    assert min(c["lowest_voltage"] for c in tight["circuits"]) >= lowest + 0.001 - 1e-9
    loads: dict[str, list[float]] = {}
    for line in (tmp_path / "loads.csv").read_text(encoding="utf-8").splitlines()[1:]:
        loads.setdefault(line.split(",")[0], []).append(float(line.split(",")[2]))
    v = [_ac_voltages(network, loads, tight["assignment"], step) for step in range(4)]
    for k, circuit in enumerate(tight["circuits"]):
        # Losses are left out of the linear equations, so Newton's are a little lower.
        ac = np.array(v)[:, 3 * k : 3 * k + 3].min()
        assert ac <= circuit["lowest_voltage"] == pytest.approx(ac, abs=3e-3)
    assert "p.u." in run(*arguments).output


@pytest.mark.parametrize(
    ("change", "more", "says"),
    [
        (("p0,a0,a1", "p0,a0,b1"), (), "bus b1 does not lie on circuit a0"),
        (("p0,a0,a1", "p9,a0,a1"), (), "row 2 ('p9'): column sp names none of the data"),
        (("p0,a0,a1", "p0,,a1"), (), "row 2: column circuit is empty"),
        (("p0,a0,a1", "p1,a0,a1"), (), "columns sp and circuit stand twice"),
        (("sp,circuit,bus", "sp,circuit,node"), (), "column 'bus' is missing"),
        (("", ""), ("--circuits", "a0,b0,c0"), "circuit c0 substation: is no slack bus"),
    ],
)
def test_connections_that_do_not_fit_are_refused_by_row(tmp_path, change, more, says):
    _, arguments = _on_chains(tmp_path, 0.9)
    file = tmp_path / "places.csv"
    file.write_text(file.read_text(encoding="utf-8").replace(*change, 1), encoding="utf-8")
    with pytest.raises(PyGridJLError, match=re.escape(says)):
        CliRunner().invoke(
            command, [*map(str, arguments), *more], catch_exceptions=False, standalone_mode=False
        )


def test_options_of_a_network_need_one(tmp_path):
    for option in (("--tan-phi", 0.2), ("--unit", "MW"), ("--connections", tmp_path / "x.csv")):
        done = run("example", *option)
        assert done.exit_code == 2
        assert f"{option[0]} needs --network" in done.output
    done = run("example", "--network", "case33bw")
    assert "--network needs --connections" in done.output
