import json
import shutil

import numpy as np
import pytest
from feeder_builders import random_feeder, two_bus_feeder, with_services
from hypothesis import given, settings, strategies as st

from pygridjl.core.errors import (
    CaseNotFoundError,
    InvalidNetworkError,
    NetworkFormatError,
    OutputError,
)
from pygridjl.grid import list_feeders, load_feeder, load_network, read_feeder, save_feeder

TABLES = ("buses", "branches", "loads", "capacitors", "generators")


def assert_same(one, two, rtol=1e-9):
    for table in TABLES:
        columns = zip(getattr(one, table).columns(), getattr(two, table).columns(), strict=True)
        for (name, a), (_, b) in columns:
            if a.dtype.kind == "f":
                np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-15, err_msg=name)
            else:
                assert a.tolist() == b.tolist(), name
    assert (one.name, one.phase_mva, one.source_bus, one.source, one.notes) == (
        two.name,
        two.phase_mva,
        two.source_bus,
        two.source,
        two.notes,
    )
    np.testing.assert_array_equal(one.v_set, two.v_set)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 25))
def test_round_trip(tmp_path_factory, seed, n):
    rng = np.random.default_rng(seed)
    feeder = random_feeder(rng, n)
    if n % 2:
        feeder = with_services(feeder, rng)
    feeder = feeder.replace(notes=("one", "zwei, drei"), source="somewhere")
    folder = save_feeder(feeder, tmp_path_factory.mktemp("feeders") / "f")
    assert_same(feeder, read_feeder(folder))
    again = save_feeder(read_feeder(folder), folder.parent / "g")
    for file in folder.iterdir():  # writing what was read changes no byte
        assert (again / file.name).read_bytes() == file.read_bytes()
    assert_same(feeder, read_feeder(save_feeder(feeder, folder.parent / "f.json")), rtol=1e-14)


def test_lines_of_one_type_share_a_code(tmp_path):
    feeder = random_feeder(np.random.default_rng(1), 9, regulators=False)
    branch = feeder.branches
    km = np.linspace(0.1, 3, len(branch))
    per_km = np.diag([0.3, 0.3, 0.3])
    same = branch.replace(
        r=per_km * km[:, None, None] * branch.phases[:, None, :],
        x=per_km * km[:, None, None] * branch.phases[:, None, :],
        b=0.0,
        length_km=km,
    )
    folder = save_feeder(feeder.replace(branches=same), tmp_path / "f")
    kinds = {tuple(p) for p in branch.phases.tolist()}
    assert len((folder / "codes.csv").read_text().splitlines()) == 1 + len(kinds)


def test_saving_replaces_a_feeder_and_nothing_else(tmp_path):
    folder = save_feeder(two_bus_feeder(), tmp_path / "f")
    save_feeder(two_bus_feeder().replace(name="other"), folder)
    assert read_feeder(folder).name == "other"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["f"]  # no scratch left behind
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    with pytest.raises(OutputError, match="is not a folder with"):
        save_feeder(two_bus_feeder(), tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "precious"


def test_nan_does_not_turn_into_a_default(tmp_path):
    feeder = two_bus_feeder()
    feeder = feeder.replace(loads=feeder.loads.replace(p=[[np.nan, 0, 0]]))
    folder = save_feeder(feeder, tmp_path / "f")
    assert np.isnan(read_feeder(folder).loads.p[0, 0])
    with pytest.raises(InvalidNetworkError, match="load d p: is not a finite number"):
        load_feeder(folder)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("buses.csv", "abc", "abx", r"buses.csv: row 2: column 'phases': 'abx'"),
        ("buses.csv", "2.4", "", r"row 2: column 'kv_ln': is empty"),
        ("buses.csv", "kv_ln", "kv", r"header: column 'kv_ln' is missing"),
        ("loads.csv", "300", "many", r"row 2: column 'kw_a': 'many' is not a number"),
        ("loads.csv", "end", "nowhere", r"column 'bus': no bus is called 'nowhere'"),
        ("branches.csv", "z1", "z9", r"column 'code': no code is called 'z9'"),
        ("loads.csv", "kvar_c", "kvar_d", r"loads.csv: header: unknown column 'kvar_d'"),
        ("loads.csv", "300", "300,1", r"loads.csv: csv: row 1 has"),
        ("params.json", '"v_set"', '"extra": 1, "v_set"', r"unknown field 'extra'"),
        ("params.json", "pygridjl-feeder-1", "v9", r"format: must be"),
        ("params.json", '"src"', '"srx"', r"source_bus: no bus is called 'srx'"),
        ("params.json", '"phase_mva": 1.0', '"phase_mva": "1"', r"phase_mva: cannot be '1'"),
        ("params.json", "{", "", r"params.json: json: line 2"),
    ],
)
def test_bad_tables_name_file_row_and_column(tmp_path, file, old, new, message):
    folder = save_feeder(two_bus_feeder(), tmp_path / "f")
    path = folder / file
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(NetworkFormatError, match=message):
        load_feeder(folder)


@pytest.mark.parametrize("file", ["params.json", "buses.csv", "branches.csv", "loads.csv"])
def test_a_missing_table(tmp_path, file):
    folder = save_feeder(two_bus_feeder(), tmp_path / "f")
    (folder / file).unlink()
    with pytest.raises(NetworkFormatError, match=rf"{file}: file: No such file"):
        load_feeder(folder)


def test_optional_tables_and_columns(tmp_path):
    """What a person writes by hand: no capacitors, no generators, only the needed columns."""
    folder = tmp_path / "f"
    folder.mkdir()
    params = {"format": "pygridjl-feeder-1", "name": "hand", "phase_mva": 1.0}
    params |= {"source_bus": "s", "v_set": [1, 1, 1]}
    (folder / "params.json").write_text(json.dumps(params))
    (folder / "buses.csv").write_text("id,kv_ln,phases\ns,2.4,abc\nt,2.4,b\n")
    (folder / "codes.csv").write_text("id,r_bb,x_bb\nwire,0.576,1.152\n")
    (folder / "branches.csv").write_text(
        "id,from_bus,to_bus,phases,code,length_km\nl,s,t,b,wire,2\n"
    )
    (folder / "loads.csv").write_text("id,bus,kw_b\nd,t,30\n")
    feeder = load_feeder(folder)
    # 2 km of 0.576 ohm/km on a base of 2.4²/1 = 5.76 ohm
    assert feeder.branches.r[0, 1, 1] == pytest.approx(0.2)
    assert feeder.branches.x[0, 1, 1] == pytest.approx(0.4)
    assert feeder.load_p.tolist() == [0, 0, 0, 0.03]
    assert feeder.branches.closed.all()
    assert np.isinf(feeder.branches.rating).all()


def test_spreadsheets_write_semicolons_decimal_commas_and_blank_lines(tmp_path):
    feeder = two_bus_feeder()
    folder = save_feeder(feeder, tmp_path / "f")
    for file in folder.glob("*.csv"):
        cells = [line.split(",") for line in file.read_text().splitlines()]
        lines = [";".join(cell.replace(".", ",") for cell in row) for row in cells]
        file.write_text("\n\n".join([lines[0].upper(), *lines[1:]]) + "\n")
    assert_same(feeder, load_feeder(folder))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"loads": {"id": ["d"]}}, r"f.json, loads: header: column 'bus' is missing"),
        ({"loads": 3}, r"f.json, loads: table: must be an object of columns"),
        ({"loads": {"id": ["d"], "bus": []}}, r"column 'bus' must be a list as long as 'id'"),
        ({"buses": {"id": [], "kv_ln": 1, "phases": []}}, r"column 'kv_ln' must be a list"),
        ({"loads": {"id": ["d"], "bus": ["end"], "kw_a": [[1]]}}, r"row 2: column 'kw_a'"),
        ({"loads": {"id": [{}], "bus": ["end"]}}, r"row 2: column 'id': \{\} is not a text"),
        ({"codes": None}, r"f.json, codes: table: must be an object"),
        ({"format": "pygridjl network"}, r"format: is a network: load_network reads it"),
    ],
)
def test_bad_json_names_table_row_and_column(tmp_path, change, message):
    path = save_feeder(two_bus_feeder(), tmp_path / "f.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(NetworkFormatError, match=message):
        load_feeder(path)


def test_a_feeder_is_no_network(tmp_path):
    path = save_feeder(two_bus_feeder(), tmp_path / "f.json")
    with pytest.raises(NetworkFormatError, match="is a three-phase feeder: load_feeder reads it"):
        load_network(path)


def test_a_table_missing_in_json(tmp_path):
    path = save_feeder(two_bus_feeder(), tmp_path / "f.json")
    content = json.loads(path.read_text())
    del content["codes"], content["generators"]
    path.write_text(json.dumps(content))
    with pytest.raises(NetworkFormatError, match="f.json, codes: file: is missing"):
        load_feeder(path)


def test_unknown_names(tmp_path):
    with pytest.raises(CaseNotFoundError, match="nor a file; did you mean .*ieee13"):
        load_feeder("ieee14")
    with pytest.raises(CaseNotFoundError, match="is a bundled case: load_network has it"):
        load_feeder("case33bw")
    with pytest.raises(CaseNotFoundError):
        load_feeder(tmp_path / "gone.dss")


def test_bundled_feeders_survive_a_copy(tmp_path):
    """A user can copy a bundled feeder by saving it, and edit it."""
    for name in (known.name for known in list_feeders()[:4]):
        feeder = load_feeder(name)
        save_feeder(feeder, tmp_path / name)
        assert_same(feeder, load_feeder(tmp_path / name))
        shutil.rmtree(tmp_path / name)
