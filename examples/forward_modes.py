"""
FORWARD in three modes
======================

The algorithm of the paper as printed, as meant, and fast, beside a better start and a proof.
"""

import pygridjl

network = pygridjl.load_network("forward33")
proven = pygridjl.reconfigure(network, "exact", problem="balanced")
print(f"proven optimum {proven.objective:.3f} kW ({proven.status})\n")

methods = ("forward-literal", "forward-faithful", "forward", "maxflow", "forward+exchange")
for method in methods:
    try:
        result = pygridjl.reconfigure(network, method, problem="balanced")
    except pygridjl.UnservedNodesError as error:
        # The printed pseudo-code deletes edges that would join two trees.
        print(f"{method:18} fails: {error}")
        continue
    print(f"{method:18} {result.objective / proven.objective:6.3f} times the optimum")
