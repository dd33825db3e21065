"""No file, however broken, gets more than one clear error."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from pygridjl.core.errors import CaseNotFoundError, NetworkFormatError, PyGridJLError
from pygridjl.grid.cases import get_case
from pygridjl.grid.io.write import save_network
from pygridjl.grid.load import load_network

DATA = Path(__file__).parents[2] / "data"
fuzzing = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
POS = """.PU 0
.V_base 10.0
.Sectionalizing_count 1
.Tie_count 0
.Nodes 2
.Feeder_node_ids 0
.Branch Src_bus Rec_bus R X PL_kw QL_kvar S_NS
0 0 1 0.5 1.0 400 300 S
"""


def attempt(path):
    """Load; any error but ours fails the test, and ours must be one line."""
    message = "loaded"
    try:
        load_network(path)
    except PyGridJLError as error:
        message = str(error)
    assert len(message.splitlines()) == 1


@st.composite
def damaged(draw, text: str) -> str:
    """The text with a few pieces replaced, doubled or cut out."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        stop = min(len(text), start + draw(st.integers(0, 30)))
        piece = draw(
            st.one_of(
                st.just(""),
                st.sampled_from(
                    ["[", "]", "(", ")", "'", ";", ",", "\n", "nan", "-1", "1e999", ":", "=", "%{"]
                ),
                st.text(max_size=8),
                st.just(text[start:stop] * 2),
            )
        )
        text = text[:start] + piece + text[stop:]
    return text


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", errors="replace")
    return path


@fuzzing
@given(text=damaged((DATA / "tap.m").read_text()))
def test_damaged_matpower(tmp_path, text):
    attempt(write(tmp_path / "net.m", text))


@fuzzing
@given(text=damaged(POS))
def test_damaged_reds(tmp_path, text):
    attempt(write(tmp_path / "net.pos", text))


@fuzzing
@given(data=st.data())
def test_damaged_json(tmp_path, data):
    if not (tmp_path / "good.json").exists():
        save_network(get_case("forward11"), tmp_path / "good.json")
    text = data.draw(damaged((tmp_path / "good.json").read_text()))
    attempt(write(tmp_path / "net.json", text))


@fuzzing
@given(data=st.data(), file=st.sampled_from(["params.json", "branches.csv", "buses.csv"]))
def test_damaged_csv(tmp_path, data, file):
    save_network(get_case("forward11"), tmp_path / "net")
    good = (tmp_path / "net" / file).read_text()
    write(tmp_path / "net" / file, data.draw(damaged(good)))
    attempt(tmp_path / "net")
    write(tmp_path / "net" / file, good)


@settings(parent=fuzzing, max_examples=60)
@given(content=st.binary(max_size=200), extension=st.sampled_from([".m", ".pos", ".json", ".csv"]))
def test_binary_garbage(tmp_path, content, extension):
    path = tmp_path / f"net{extension}"
    path.write_bytes(content)
    attempt(path)


@pytest.mark.parametrize("extension", [".m", ".pos", ".json", ".dss"])
def test_empty_and_binary_files(tmp_path, extension):
    path = tmp_path / f"net{extension}"
    path.write_bytes(b"")
    with pytest.raises(NetworkFormatError, match="file: is empty"):
        load_network(path)
    path.write_bytes(b"\x89PNG\0\1\2")
    with pytest.raises(NetworkFormatError, match="file: is binary"):
        load_network(path)
    path.unlink()
    with pytest.raises(CaseNotFoundError, match="no such file"):
        load_network(path)
    path.mkdir()
    with pytest.raises(NetworkFormatError, match="params.json"):
        load_network(path)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs modes that bind")
def test_unreadable_file(tmp_path):
    path = tmp_path / "net.m"
    path.write_text("mpc = 1;")
    path.chmod(0)
    with pytest.raises(NetworkFormatError, match="Permission denied"):
        load_network(path)


def test_paths_that_cannot_be(tmp_path):
    for name in ("a\0b.m", "x" * 5000 + ".m", str(tmp_path / "net.m" / "net.m")):
        with pytest.raises((CaseNotFoundError, NetworkFormatError)):
            load_network(name)
    (tmp_path / "net.xls").write_text("x")
    with pytest.raises(NetworkFormatError, match=r"'\.xls' is not one of \.m"):
        load_network(tmp_path / "net.xls")


@pytest.mark.skipif(os.name != "posix", reason="needs pipes")
@pytest.mark.parametrize("extension", [".m", ".pos", ".json", ".dss"])
def test_a_pipe_is_not_waited_for(tmp_path, extension):
    os.mkfifo(tmp_path / f"net{extension}")
    with pytest.raises(NetworkFormatError, match="is no regular file"):
        load_network(tmp_path / f"net{extension}")


def folder_of(tmp_path, change):
    save_network(get_case("case16ci"), tmp_path / "net")
    for name in ("buses", "branches", "generators", "loads"):
        path = tmp_path / "net" / f"{name}.csv"
        path.write_text(change(name, path.read_text()))
    return load_network(tmp_path / "net")


@pytest.mark.parametrize(
    "change",
    [
        lambda _, text: text.replace(",", ";").replace(".", ","),
        lambda _, text: text.replace(",", ";"),
        lambda _, text: text.replace(",", "\t"),
        lambda _, text: "\n" + text.replace("\n", "\n\n") + "  \n",
        lambda _, text: text.partition("\n")[0].title() + "\n" + text.partition("\n")[2],
        lambda _, text: text.replace("\n", "\r\n"),
        lambda _, text: "\ufeff" + text,
    ],
)
def test_tables_as_spreadsheets_write_them(tmp_path, change):
    network, usual = folder_of(tmp_path, change), get_case("case16ci")
    for table in ("buses", "branches", "generators", "loads"):
        for name, values in getattr(network, table).columns():
            np.testing.assert_array_equal(values, getattr(getattr(usual, table), name))


def test_names_of_branches_are_numbered(tmp_path):
    def change(name, text):
        head, *rows = text.splitlines()
        named = [f"line {row}" for row in rows] if name == "branches" else rows
        return "\n".join([head, *named])

    network = folder_of(tmp_path, change)
    assert network.branches.id.tolist() == list(range(1, 17))
    assert "1 is line 1, 2 is line 2" in network.notes[-1]


def test_what_a_message_quotes_is_short(tmp_path):
    save_network(get_case("case16ci"), tmp_path / "net.json")
    text = (tmp_path / "net.json").read_text()
    for bad in ("x" * 10**6, "\\ud800"):
        (tmp_path / "net.json").write_text(
            text.replace('"base_mva": ', f'"base_mva": "{bad}", "y": ')
        )
        with pytest.raises(NetworkFormatError) as caught:
            load_network(tmp_path / "net.json")
        assert len(str(caught.value)) < 300 + len(str(tmp_path))
    content = text.replace('"id": [\n   "1"', '"id": [\n   "\\ud800"', 1)
    (tmp_path / "net.json").write_text(content)
    with pytest.raises(NetworkFormatError, match="half a character"):
        load_network(tmp_path / "net.json")
