"""Files drawn from the grammars of their formats: an answer or one line, never more."""

from __future__ import annotations

import json
import os
import time

import pytest
from cli_calls import called
from hypothesis import HealthCheck, given, settings, strategies as st

from pygridjl import get_case, save_network

# Seconds of processor time for one file.
_LIMIT = 5.0
_drawing = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_NUMBERS = [
    "0",
    "1",
    "-1",
    "2",
    "3",
    "0.5",
    "1e-6",
    "1e999",
    "NaN",
    "-Inf",
    "1d3",
    "9" * 30,
    "1e-320",
]
_NAMES = [
    "bus",
    "gen",
    "branch",
    "gencost",
    "baseMVA",
    "version",
    "dcline",
    "switch",
    "storage",
    "x",
]
_number = st.sampled_from(_NUMBERS)
_anything = st.one_of(
    _number, st.text(max_size=6), st.just("'" * 3), st.just("(" * 4000), st.just(" " * 40_000)
)


@st.composite
def _matrices(draw):
    width = draw(st.integers(0, 14))
    cells = st.one_of(_number, _number, _number, _expressions)
    rows = draw(st.lists(st.lists(cells, min_size=width, max_size=width), max_size=4))
    return (
        "["
        + ";\n".join(" ".join(row) for row in rows)
        + draw(st.sampled_from(["]", "]", "", "]]"]))
    )


_expressions = st.recursive(
    st.one_of(_number, st.sampled_from(["mpc.bus", "mpc.bus(:, 3)", "k", "end", "pi", "1:3"])),
    lambda inner: st.one_of(
        st.tuples(
            inner, st.sampled_from(["+", "-", "*", "/", ".^", "==", "&", "'", ":"]), inner
        ).map("".join),
        inner.map(lambda e: f"({e})"),
        inner.map(lambda e: f"find({e})"),
        inner.map(lambda e: f"zeros({e})"),
        inner.map(lambda e: f"mpc.bus({e}, :)"),
    ),
    max_leaves=6,
)
_statements = st.one_of(
    st.tuples(st.sampled_from(_NAMES), _matrices()).map(lambda p: f"mpc.{p[0]} = {p[1]};"),
    st.tuples(st.sampled_from(_NAMES), _expressions).map(lambda p: f"mpc.{p[0]} = {p[1]};"),
    st.tuples(_expressions, _expressions, _expressions).map(
        lambda p: f"mpc.bus({p[0]}, {p[1]}) = {p[2]};"
    ),
    _expressions.map(lambda e: f"mpc.branch({e}, :) = [];"),
    _expressions.map(lambda e: f"for k = {e}, mpc.bus(1, 3) = k; end"),
    _expressions.map(lambda e: f"if {e}, x = 1; else"),
    _anything,
)
_GOOD = """function mpc = drawn
mpc.version = '2';
mpc.baseMVA = 10;
mpc.bus = [1 3 0 0 0 0 1 1 0 12 1 1.1 0.9; 2 1 1 0.5 0 0 1 1 0 12 1 1.1 0.9];
mpc.gen = [1 0 0 10 -10 1 100 1 10 0];
mpc.branch = [1 2 0.01 0.02 0 0 0 0 0 0 1 -360 360];
"""
_POS = """.PU 0
.V_base 10.0
.Sectionalizing_count 1
.Tie_count 0
.Nodes 2
.Feeder_node_ids 0
.Branch Src_bus Rec_bus R X PL_kw QL_kvar S_NS
0 0 1 0.5 1.0 400 300 S
"""
_DSS = """New Circuit.drawn basekv=12.47 bus1=a
New Line.l bus1=a bus2=b r1=0.1 x1=0.1 length=1
New Load.p bus1=b kv=12.47 kw=100 kvar=10
Set voltagebases=[12.47]
CalcVoltageBases
"""
_HEAD = "Hour Ending,FWEST\n"


def _assert_one_line(words, folder):
    """Exit code 0 or 1 with output, or 2 with one line; nothing written, nothing raised."""
    before = sorted(p.name for p in folder.rglob("*"))
    code, out, err, seconds = called(words, folder)
    assert code in (0, 1, 2), err
    assert "Traceback" not in err
    assert seconds < _LIMIT
    if code == 2:
        (line,) = err.strip().splitlines()
        assert line.startswith("Error: ")
        assert len(line) <= 300
    else:
        assert out.strip()
    assert sorted(p.name for p in folder.rglob("*")) == before


def _commands(path):
    return st.sampled_from(
        [
            ["cases", path],
            ["reconfigure", path, "--time-limit", "1"],
            ["opf", path, "--time-limit", "1"],
        ]
    )


@pytest.fixture(scope="module", autouse=True)
def _warm(tmp_path_factory):
    """What is imported and compiled first does not count as the time of a file."""
    folder = tmp_path_factory.mktemp("warm")
    (folder / "net.m").write_text(_GOOD)
    for words in (["reconfigure", "net.m"], ["opf", "net.m"], ["cases", "net.m"]):
        called(words, folder)


@_drawing
@given(data=st.data())
def test_drawn_case_files(tmp_path, data):
    lines = data.draw(st.lists(_statements, min_size=1, max_size=4))
    (tmp_path / "net.m").write_text(_GOOD + "\n".join(lines), encoding="utf-8", errors="replace")
    _assert_one_line(data.draw(_commands("net.m")), tmp_path)


def _with_words_replaced(data, text):
    words = text.split(" ")
    for _ in range(data.draw(st.integers(1, 3))):
        words[data.draw(st.integers(0, len(words) - 1))] = data.draw(_anything)
    return " ".join(words)


@_drawing
@given(data=st.data())
def test_drawn_reds_files(tmp_path, data):
    text = _with_words_replaced(data, _POS)
    (tmp_path / "net.pos").write_text(text, encoding="utf-8", errors="replace")
    _assert_one_line(data.draw(_commands("net.pos")), tmp_path)


_json = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.floats(),
        st.integers(-(10**40), 10**40),
        st.sampled_from(["", "1", "nan", "\ud800", "x" * 1000]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(_NAMES), inner, max_size=3)
    ),
    max_leaves=5,
)


@_drawing
@given(data=st.data())
def test_drawn_json_files(tmp_path, data):
    path = tmp_path / "net.json"
    save_network(get_case("case16ci"), path)
    content = json.loads(path.read_text())
    table = data.draw(
        st.sampled_from(["top", *(k for k, v in content.items() if isinstance(v, dict))])
    )
    part = content if table == "top" else content[table]
    field = data.draw(st.sampled_from(sorted(part)))
    if isinstance(part[field], list) and part[field] and data.draw(st.booleans()):
        part[field][data.draw(st.integers(0, len(part[field]) - 1))] = data.draw(_json)
    else:
        part[field] = data.draw(_json)
    path.write_text(json.dumps(content))
    _assert_one_line(data.draw(_commands("net.json")), tmp_path)


@settings(parent=_drawing, max_examples=40)
@given(data=st.data())
def test_drawn_tables(tmp_path, data):
    if not (tmp_path / "net").exists():
        save_network(get_case("case16ci"), tmp_path / "net")
    name = data.draw(st.sampled_from(["buses.csv", "branches.csv", "generators.csv", "loads.csv"]))
    good = (tmp_path / "net" / name).read_text()
    rows = [line.split(",") for line in good.splitlines()]
    for _ in range(data.draw(st.integers(1, 3))):
        row = data.draw(st.sampled_from(rows))
        row[data.draw(st.integers(0, len(row) - 1))] = data.draw(_anything)
    text = "\n".join(",".join(row) for row in rows)
    (tmp_path / "net" / name).write_text(text, encoding="utf-8", errors="replace")
    _assert_one_line(data.draw(_commands("net")), tmp_path)
    (tmp_path / "net" / name).write_text(good)


@settings(parent=_drawing, max_examples=20)
@given(data=st.data())
def test_drawn_opendss_scripts(tmp_path, data):
    text = _with_words_replaced(data, _DSS)
    (tmp_path / "net.dss").write_text(text, encoding="utf-8", errors="replace")
    _assert_one_line(data.draw(_commands("net.dss")), tmp_path)


@settings(parent=_drawing, max_examples=30)
@given(data=st.data())
def test_drawn_load_tables(tmp_path, data):
    cells = st.one_of(
        _anything,
        st.datetimes().map(lambda t: f"{t:%m/%d/%Y %H:%M}"),
        st.datetimes().map(lambda t: t.isoformat() + "Z"),
    )
    rows = data.draw(st.lists(st.tuples(cells, _anything), max_size=4))
    text = data.draw(st.sampled_from([_HEAD, _HEAD.replace(",", ";"), "Time,FWEST\n", ""]))
    text += "\n".join(",".join(row) for row in rows)
    name = data.draw(st.sampled_from(["load.csv", "load.xlsx"]))
    (tmp_path / name).write_text(text, encoding="utf-8", errors="replace")
    (tmp_path / "sun.csv").write_text(
        data.draw(st.one_of(st.just(text), _anything)), errors="replace"
    )
    words = ["site", "ieee13", "--scenarios", "24", "--time-limit", "1"]
    more = data.draw(
        st.sampled_from([["--profile", name], ["--nsrdb", "sun.csv", "--ercot", name]])
    )
    _assert_one_line([*words, *more], tmp_path)


def test_a_row_of_blanks_is_read_in_linear_time(tmp_path):
    """Forty thousand blanks took 46 seconds once."""
    for blanks in (" " * 400_000, "\t " * 200_000, "...\n" * 50_000):
        text = _GOOD.replace("1 2 0.01", f"1{blanks}2 1/100")
        (tmp_path / "net.m").write_text(text)
        begin = time.process_time()
        _assert_one_line(["cases", "net.m"], tmp_path)
        assert time.process_time() - begin < _LIMIT


@pytest.mark.parametrize(
    ("name", "text", "words", "message"),
    [
        ("s.csv", "state,load\na,inf\n", ["reconfigure", "case33bw", "--states", "s.csv"], "below"),
        (
            "s.csv",
            "state,load\na,1e308\n",
            ["reconfigure", "case33bw", "--states", "s.csv"],
            "below",
        ),
        ("s.toml", f"a = {'[' * 100_000}", ["study", "run", "s.toml"], "recursion"),
        ("s.csv", ",".join("x" * 400_000), ["balance", "s.csv", "--circuits", "4"], "too many"),
        ("s.csv", ",".join("x" * 400_000), ["site", "ieee13", "--profile", "s.csv"], "too many"),
        ("s.csv", ",".join("x" * 400_000), ["site", "ieee13", "--sites", "s.csv"], "too many"),
        ("s.csv", "bus,phases\n", ["site", "ieee13", "--sites", "s.csv"], "there are none"),
        ("s.csv", "bus,phases\n", ["hosting", "ieee13", "--sites", ""], "there are none"),
    ],
)
def test_what_was_met_in_bad_files(tmp_path, recwarn, name, text, words, message):
    (tmp_path / name).write_text(text)
    _assert_one_line(words, tmp_path)
    assert message in called(words, tmp_path)[2]
    assert not recwarn.list


def test_a_pipe_is_no_table_of_sites(tmp_path):
    os.mkfifo(tmp_path / "sites.csv")
    words = ["site", "ieee13", "--sites", "sites.csv"]
    _assert_one_line(words, tmp_path)
    assert "no regular file" in called(words, tmp_path)[2]
