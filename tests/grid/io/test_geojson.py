"""GeoJSON for maps."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pygridjl import get_case, save_network


def test_points_and_lines_where_the_buses_are(tmp_path):
    network = get_case("case16ci")
    x, y = np.arange(float(network.n_bus)), -np.arange(float(network.n_bus))
    x[3] = np.nan
    network = network.replace(buses=network.buses.replace(x=x, y=y)).with_open([1, 2, 3])
    save_network(network, tmp_path / "map.geojson")
    content = json.loads((tmp_path / "map.geojson").read_text())
    assert content["type"] == "FeatureCollection"
    buses = [f for f in content["features"] if f["properties"]["kind"] == "bus"]
    branches = [f for f in content["features"] if f["properties"]["kind"] == "branch"]
    assert (len(buses), len(branches)) == (network.n_bus, network.n_branch)
    assert buses[1]["geometry"] == {"type": "Point", "coordinates": [1.0, -1.0]}
    assert buses[3]["geometry"] is None
    load = sum(f["properties"]["load_kw"] for f in buses)
    assert load == pytest.approx(28_700)  # the load that Civanlar et al. print
    first = branches[0]
    ends = [int(network.branches.from_bus[0]), int(network.branches.to_bus[0])]
    touches = 3 in ends
    expected = [[float(x[e]), float(y[e])] for e in ends]
    assert touches or first["geometry"]["coordinates"] == expected
    assert [f["properties"]["id"] for f in branches if not f["properties"]["closed"]] == [1, 2, 3]
