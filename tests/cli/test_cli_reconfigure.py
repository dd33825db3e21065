"""The command line as a user meets it: tables, JSON, files, one-line errors with exit code 2."""

import json
import subprocess
import sys

import pytest

import pygridjl
from pygridjl.grid.cases import get_case
from pygridjl.grid.io.write import save_network
from pygridjl.reconfiguration import check_configuration

# The commands run in-process (a fresh interpreter each would cost seconds), except where the
# process itself is what is tested.


def run(capsys, *arguments):
    """Run the command line; return (exit code, standard output, standard error)."""
    from pygridjl.cli import main

    before = sys.argv
    sys.argv = ["pygridjl", *arguments]
    try:
        with pytest.raises(SystemExit) as end:
            main()
    finally:
        sys.argv = before
    out, err = capsys.readouterr()
    return end.value.code, out, err


def test_a_readable_table(capsys):
    code, out, err = run(
        capsys, "reconfigure", "case33bw", "--method", "forward+exchange", "--certify"
    )
    assert code == 0
    assert err == ""
    assert "open branches     7, 9, 14, 32, 37" in out
    assert "139.551 kW (base 202.677 kW, -31.1 %)" in out
    assert "gap 0.000 %" in out


def test_json_has_the_fields_of_the_result(capsys):
    code, out, _ = run(capsys, "reconfigure", "case16ci", "--json")
    answer = json.loads(out)
    assert code == 0
    assert {
        "open_branches",
        "objective",
        "loss_kw",
        "base_loss_kw",
        "bound",
        "gap",
        "status",
        "seconds",
    } <= answer.keys()
    report = check_configuration(get_case("case16ci"), answer["open_branches"])
    assert report.ok
    assert report.loss_kw == pytest.approx(answer["loss_kw"], abs=1e-6)


def test_a_bundled_balanced_case_is_solved_as_such(capsys):
    code, out, _ = run(capsys, "reconfigure", "forward18", "--method", "exact", "--json")
    answer = json.loads(out)
    assert code == 0
    assert answer["problem"] == "balanced"
    # 2.02644 Ω·MW², proven by SCIP and Pajarito when the method was studied.
    assert answer["objective"] == pytest.approx(2026.44, abs=0.005)


def test_plot_is_a_picture(capsys, tmp_path):
    target = tmp_path / "out.png"
    code, out, _ = run(capsys, "reconfigure", "case33bw", "--plot", str(target))
    assert code == 0
    assert f"drawn to {target}" in out
    assert target.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert [p.name for p in tmp_path.iterdir()] == ["out.png"]


def test_a_plot_that_cannot_be_written_is_refused_before_the_work(capsys, tmp_path):
    code, out, err = run(
        capsys, "reconfigure", "case16ci", "--plot", str(tmp_path / "no" / "a.png")
    )
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1
    assert "cannot write" in err


def broken(tmp_path, change):
    """Write case16ci with one table cell changed; return the folder."""
    folder = tmp_path / "net"
    save_network(get_case("case16ci"), folder)
    name, old, new = change
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1))
    return str(folder)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["case33"], "case33bw"),
        (["no/such/file.m"], "no/such/file.m"),
        (["case16ci", "--method", "magic"], "method: 'magic' is none of"),
        (["case16ci", "--keep-open", "99"], "keep_open: network 'case16ci' has no branch 99"),
        (["case16ci", "--keep-open", "a,b"], "not a list of branch ids"),
        (["case16ci", "--time-limit", "-1"], "time_limit: must be positive"),
        (["forward120", "--method", "forward-literal"], "unserved nodes"),
        (["case16ci", "--problem", "meshed"], "'meshed' is not one of"),
    ],
)
def test_bad_arguments_end_in_one_message_and_code_2(capsys, arguments, message):
    code, out, err = run(capsys, "reconfigure", *arguments)
    assert code == 2
    assert out == ""
    assert message in err
    assert "Traceback" not in err
    assert err.strip().splitlines()[-1].startswith("Error: ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("branches.csv", "0.0075", "nan"), "branch 1 r: is not a finite number"),
        (("branches.csv", "\n2,", "\n1,"), "branch 1 id: is used more than once"),
        (("loads.csv", "4,4,0.2", "4,4,x"), "load: row 1, field 'p': 'x' is not a number"),
        (("params.json", '"base_mva"', '"base_mv"'), "unknown field 'base_mv'"),
    ],
)
def test_broken_data_name_component_and_field(capsys, tmp_path, change, message):
    folder = broken(tmp_path, change)
    code, out, err = run(capsys, "reconfigure", folder)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_a_three_phase_script_is_refused_in_one_line(capsys, tmp_path):
    script = tmp_path / "two.dss"
    script.write_text(
        "Clear\nNew Circuit.c bus1=a basekv=4.16\n"
        "New Line.ab bus1=a.1.2.3 bus2=b.1.2.3 phases=3 r1=0.1 x1=0.1 length=1\n"
        "New Line.bc bus1=b.1 bus2=c.1 phases=1 r1=0.1 x1=0.1 length=1\n"
        "New Load.l bus1=c.1 phases=1 kv=2.4 kw=10 kvar=5\nSet voltagebases=[4.16]\nCalcv\nSolve\n"
    )
    code, out, err = run(capsys, "reconfigure", str(script))
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "load_feeder" in err


def test_the_installed_program_answers_with_code_2():
    program = [sys.executable, "-m", "pygridjl", "reconfigure", "nowhere"]
    end = subprocess.run(program, capture_output=True, text=True, check=False)
    assert end.returncode == 2
    assert end.stdout == ""
    assert end.stderr.startswith("Error: 'nowhere' is neither a bundled case nor a file")


def test_load_states_from_a_table_and_from_a_folder(capsys, tmp_path):
    table = tmp_path / "loads.csv"
    table.write_text("state,hours,load,18\nnight,4000,0.4,0.1\nday,4760,1.0,1.5\n")
    call = ("reconfigure", "case33bw", "--method", "exact", "--limit", "none", "--states")
    code, out, _ = run(capsys, *call, str(table), "--json")
    assert code == 0
    answer = json.loads(out)
    assert answer["by_state"]["id"] == ["night", "day"]
    assert answer["status"] == "optimal"
    network = get_case("case33bw")
    scenarios = pygridjl.generate_scenarios(network.n_bus, 24, seed=1)
    folder = pygridjl.scenarios.save_scenarios(scenarios, tmp_path / "set", network.buses.id)
    code, out, _ = run(capsys, *call, str(folder))
    assert code == 0
    assert "energy lost" in out
    assert "MWh" in out


def test_restore(capsys):
    code, out, _ = run(capsys, "restore", "case33bw", "--fault", "18", "--limit", "none", "--json")
    assert code == 0
    answer = json.loads(out)
    assert answer["status"] == "optimal"
    assert answer["operations"] == 1
    assert answer["lost_kw"] == pytest.approx(0.0, abs=1e-6)
    code, _, err = run(capsys, "restore", "case33bw", "--fault", "99")
    assert code == 2
    assert "no branch 99" in err
