"""
Where to linearise the power flow
=================================

The equations of a network under uncertain load, linearised at the flat start and at the AC solution
of the mean load: how wrong is the answer of the linear program?
"""

import pygridjl

network = pygridjl.load_network("case9")
for point in ("flat", "ac-mean"):
    found = pygridjl.linearize(network, point=point, samples=50)
    print(found.summary(), end="\n\n")
