"""
Siting methods beside each other
================================

No units, greedy siting, SPAR-OPF and Benders on one small feeder. Only Benders has a bound; all are
judged by it.
"""

import pygridjl

feeder = pygridjl.load_feeder("ieee13")
results = {
    method: pygridjl.site(feeder, 24, "loss", method=method)
    for method in ("none", "greedy", "spar", "benders")
}
bound = results["benders"].bound
best = results["none"].objective - bound
for method, result in results.items():
    captured = (results["none"].objective - result.objective) / best
    print(f"{method:8} {result.objective:8.3f} kW, {100 * captured:5.1f} % of what is possible")
print(f"bound    {bound:8.3f} kW, proven for every decision")
