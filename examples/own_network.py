"""
A network from tables
=====================

Build a network from pandas tables, validate it, save it, reconfigure it.
"""

import tempfile
from pathlib import Path

import pandas as pd

import pygridjl

lines = pd.DataFrame(
    {
        "from": [0, 1, 2, 0, 4, 2],
        "to": [1, 2, 3, 4, 5, 5],
        "ohm_r": [0.60, 0.75, 0.40, 0.25, 0.30, 0.35],
        "ohm_x": [0.50, 0.60, 0.30, 0.22, 0.25, 0.28],
        "closed": [True, True, True, True, True, False],
    }
)
kw = pd.Series([0.0, 400.0, 600.0, 900.0, 250.0, 400.0])
kv, mva = 12.47, 1.0
z_base = kv**2 / mva

network = pygridjl.Network(
    name="six buses",
    base_mva=mva,
    buses=pygridjl.Buses(id=[str(i) for i in kw.index], base_kv=kv, v_min=0.95, v_max=1.05),
    branches=pygridjl.Branches(
        id=lines.index + 1,
        from_bus=lines["from"],
        to_bus=lines["to"],
        r=lines["ohm_r"] / z_base,
        x=lines["ohm_x"] / z_base,
        closed=lines["closed"],
    ),
    generators=pygridjl.Generators(id=["substation"], bus=[0], slack=True),
    loads=pygridjl.Loads(id=kw.index.astype(str), bus=kw.index, p=kw / 1e3 / mva, q=kw / 3e3 / mva),
)
print("findings:", pygridjl.validate(network) or "none")

result = pygridjl.reconfigure(network, "exact")
print(result.to_frame()[["status", "open_branches", "base_loss_kw", "loss_kw", "gap"]])

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "six-buses.json"
    pygridjl.save_network(network.with_open(result.open_branches), path)
    again = pygridjl.load_network(path)
    print("read back:", again, "open", again.open_branches)

# Mistakes come as a list, not one by one.
broken = network.replace(branches=network.branches.replace(r=[0.0] * 6, x=[0.0] * 6))
for finding in pygridjl.validate(broken):
    print("would be refused:", finding)
