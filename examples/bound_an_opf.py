"""
How good is an AC optimal power flow?
=====================================

Ipopt finds an operating point and cannot say whether there is a cheaper one. Relaxations can: each
gives a cost that no operating point beats.
"""

import pygridjl

network = pygridjl.load_network("case14")
local = pygridjl.opf(network)
print(f"Ipopt          {local.objective:10.3f} per hour, {local.status}")

for method in ("soc", "qc", "sdp"):
    relaxed = pygridjl.relax(network, method, ac_objective=local.objective)
    print(f"{method:14} {relaxed.bound:10.3f} safe bound, gap {100 * relaxed.gap:.4f} %")
