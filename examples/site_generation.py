"""
Site PV on a feeder
===================

A year of uncertain load and sun: a fast answer, then a proven one.
"""

import pygridjl
from pygridjl.scenarios import bundled_year, generate_scenarios
from pygridjl.siting import PlanningProblem
from pygridjl.siting.regulators import with_neutral_regulators

# The paper's voltage equation has no regulators: they stand at the neutral tap.
feeder = with_neutral_regulators(pygridjl.load_feeder("ieee123"))

# 96 scenarios of a year of hours, each bus with its own deviation. `measured_year` would read
# weather and load from NSRDB and ERCOT files instead.
scenarios = generate_scenarios(feeder.n_bus, 96, profile=bundled_year(), deviation=0.1, seed=1)

problem = PlanningProblem(
    feeder,
    measure="loss",
    v_source=1.0,
    budget=900.0,  # k$, at 1500 $/kW
    unit_kw=6.0,
    max_sites=6,
)

learned = pygridjl.site(problem, scenarios, method="spar", seed=1)
proven = pygridjl.site(problem, scenarios, method="benders", gap=0.01, time_limit=30)

print(f"without units     {proven.no_dg:8.3f} kW expected loss")
print(f"SPAR-OPF          {learned.objective:8.3f} kW, no bound")
print(f"Benders           {proven.objective:8.3f} kW, {proven.status}, bound {proven.bound:.3f} kW")
print(f"improvement captured: at least {100 * proven.improvement_captured:.1f} %")
for place in proven.placements:
    print(f"  bus {place.bus:>5}  {place.units:3d} units  {place.kw:6.1f} kW")
