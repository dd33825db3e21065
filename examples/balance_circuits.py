"""
Balance circuits
================

Twenty service points on four circuits, at most five on each: which assignment deviates least from
its prediction?
"""

import pygridjl
from pygridjl.balancing.files import load_paths

loads = load_paths("example")
result = pygridjl.balance(
    loads.deviations,
    circuits=sorted(set(loads.circuits)),
    cardinality=5,
    start=loads.circuits,
    service_points=loads.service_points,
    method="local",
)
print(result.summary())
result.plot(loads, "balance.png")
