"""
The same problem in Python and in Julia
=======================================

Two programs that share no code solve one problem; where they agree, an error in either is unlikely.
Without Julia only the first half runs.
"""

import pygridjl
from pygridjl.bridge.setup import status

network = pygridjl.load_network("case14")
ours = pygridjl.opf(network)
print(f"Python (CasADi, Ipopt)      {ours.objective:.4f} per hour")

if status().problems:
    print("no usable Julia here: pygridjl julia install")
else:
    theirs = pygridjl.opf(network, backend="julia")
    print(f"Julia (PowerModels, Ipopt)  {theirs.objective:.4f} per hour")
    print(f"relative difference {abs(ours.objective / theirs.objective - 1):.1e}")
