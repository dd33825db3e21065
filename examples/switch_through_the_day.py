"""
One configuration, or one for each part of the day
==================================================

Homes peak in the evening, workshops at noon: is it worth switching?
"""

import numpy as np

import pygridjl

network = pygridjl.load_network("case69")
hours = np.arange(24)
home = 0.4 + 0.6 * np.exp(-(((hours - 19) / 3) ** 2))
work = 0.3 + 0.9 * np.exp(-(((hours - 12) / 3) ** 2))
factor = np.where(np.arange(network.n_bus) % 2, home[:, None], work[:, None])
day = pygridjl.LoadStates(factor * network.load_p, factor * network.load_q, np.ones(24))

# One configuration for all hours, proven for the expected loss, with its losses by hour.
one = pygridjl.reconfigure(network, "exact", states=day)
print(one.summary())
one.by_state.plot("losses_by_hour.png")

# A configuration for each part of the day, where an operation must save a kilowatt-hour.
parts = ["night"] * 7 + ["day"] * 9 + ["evening"] * 8
plan = pygridjl.schedule(network, day, parts, operation_cost=1.0)
print(plan.summary())
plan.plot("timetable.png")

# What can be supplied if branch 5 fails, and which switches that takes.
print(pygridjl.restore(network, fault=5).summary())
