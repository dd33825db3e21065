"""Our JSON and CSV: every fault is named by component, row and field."""

from __future__ import annotations

import json

import pytest

from pygridjl import validate
from pygridjl.core.errors import InvalidNetworkError, NetworkFormatError
from pygridjl.grid.cases import get_case
from pygridjl.grid.io import read_network
from pygridjl.grid.io.write import save_network
from pygridjl.grid.load import load_network

NETWORK = get_case("case9")


@pytest.fixture
def folder(tmp_path):
    save_network(NETWORK, tmp_path / "case")
    return tmp_path / "case"


def edit(folder, file, old, new):
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("branches.csv", "id,from_bus", "id,frm_bus", "branch: unknown column 'frm_bus'"),
        ("branches.csv", "1,1,4,", "1,1,44,", "branch: row 1, field 'to_bus': unknown bus '44'"),
        ("branches.csv", "1,1,4,", "one,1,4,", "row 1, field 'id': 'one' is not a whole number"),
        ("branches.csv", "1,1,4,", "1,1,4,zero,", "row 1 has"),
        ("buses.csv", "id,", "id,id,", "column 'id' appears twice"),
        ("buses.csv", "id,", "name,", "bus: unknown column 'name'"),
        ("buses.csv", "1,345.0", "1,345kV", "bus: row 1, field 'base_kv': '345kV' is not"),
        ("generators.csv", "true", "maybe", "generator: row 1, field 'slack': 'maybe' is neither"),
        ("loads.csv", "id,bus,", "id,bos,", "load: unknown column 'bos'"),
        ("loads.csv", "id,bus,", '"id,bus,', "csv"),
        ("params.json", '"base_mva": 100.0,', "", "field 'base_mva' is missing"),
        ("params.json", "100.0", '"big"', "field 'base_mva': 'big' is not a number"),
        ("params.json", "pygridjl network", "other", "field 'format'"),
        ("params.json", '"version": 1', '"version": 2', "field 'version'"),
        ("params.json", '"notes": []', '"notes": 3', "field 'notes'"),
        ("params.json", '"notes": []', '"extra": 3', "unknown field 'extra'"),
        ("params.json", '"notes": []', "oops", "json: line"),
    ],
)
def test_faults_of_csv(folder, file, old, new, message):
    edit(folder, file, old, new)
    with pytest.raises(NetworkFormatError) as caught:
        load_network(folder)
    assert message in str(caught.value)


@pytest.mark.parametrize("file", ["params.json", "buses.csv", "branches.csv", "loads.csv"])
def test_missing_and_empty_files(folder, file):
    (folder / file).write_text("")
    with pytest.raises(NetworkFormatError, match=f"{file}.*is empty"):
        load_network(folder)
    (folder / file).unlink()
    with pytest.raises(NetworkFormatError, match=f"{file}.*No such file"):
        load_network(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("loads"), "load: table 'loads' is missing"),
        (lambda c: c.update(extra={}), "unknown table 'extra'"),
        (lambda c: c["buses"].pop("id"), "bus: column 'id' is missing"),
        (lambda c: c["branches"]["r"].pop(), "column 'r' has 8 rows, 'id' has 9"),
        (lambda c: c["branches"].update(r="x"), "column 'r' must be a list"),
        (lambda c: c["branches"]["r"].__setitem__(2, None), "row 3, field 'r': None is not"),
        (lambda c: c["branches"]["r"].__setitem__(2, True), "row 3, field 'r': True is not"),
        (lambda c: c["branches"]["r"].__setitem__(2, 10**400), "row 3, field 'r'"),
        (lambda c: c["branches"]["id"].__setitem__(0, 1.5), "row 1, field 'id': 1.5 is not"),
        (lambda c: c["branches"]["id"].__setitem__(0, 2**70), "is too large"),
        (lambda c: c["buses"]["id"].__setitem__(0, 7), "row 1, field 'id': 7 is not a text"),
        (lambda c: c["loads"]["bus"].__setitem__(0, "x"), "load: row 1, field 'bus': unknown bus"),
        (lambda c: c["generators"]["slack"].__setitem__(0, 2), "2 is neither true nor false"),
    ],
)
def test_faults_of_json(tmp_path, change, message):
    path = tmp_path / "net.json"
    save_network(NETWORK, path)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(NetworkFormatError) as caught:
        load_network(path)
    assert message in str(caught.value)


@pytest.mark.parametrize("text", ["[]", "{", "[" * 100_000, "1" * 5000, "\0\1\2", " \n"])
def test_json_that_is_none(tmp_path, text):
    (tmp_path / "net.json").write_text(text)
    with pytest.raises(NetworkFormatError):
        load_network(tmp_path / "net.json")


def test_bad_data_is_read_and_reported_by_the_validation(folder):
    edit(folder, "branches.csv", "1,1,4,0.0,0.0576", "2,1,4,nan,0.0576")
    edit(folder, "loads.csv", "\n5,5,", "\n7,5,")
    found = {(f.component, f.ids, f.field) for f in validate(read_network(folder))}
    assert ("branch", ("2",), "id") in found
    with pytest.raises(InvalidNetworkError, match="branch 2 id: is used more than once"):
        load_network(folder)
    assert ("branch", ("2",), "r") in found
    assert ("load", ("7",), "id") in found


def test_zero_impedance_and_islands_are_reported(folder):
    edit(folder, "branches.csv", "1,1,4,0.0,0.0576", "1,1,4,0.0,0.0")
    found = {(f.component, f.ids, f.field) for f in validate(read_network(folder))}
    assert ("branch", ("1",), "r, x") in found
    lonely = (folder / "buses.csv").read_text().splitlines()
    (folder / "buses.csv").write_text("\n".join([*lonely, "99" + lonely[-1][1:]]) + "\n")
    found = {(f.component, f.ids, f.field) for f in validate(read_network(folder))}
    assert ("bus", ("99",), "island") in found
