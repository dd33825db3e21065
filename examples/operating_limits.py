"""
What an operator may do
=======================

Few switches, a voltage band, a branch kept open.
"""

import pygridjl

network = pygridjl.load_network("case33bw")
free = pygridjl.reconfigure(network, "exact")

# Only the tie switches and four sectionalising switches are remote controlled; tie 33 is out for
# maintenance.
remote = [7, 9, 14, 28, 33, 34, 35, 36, 37]
limited = pygridjl.reconfigure(network, "exact", switchable=remote, keep_open=[33])

# A band that some customers need: every bus at 0.94 p.u. or more. Without a configuration that
# keeps it, the status says so and the violations name the buses.
band = network.replace(buses=network.buses.replace(v_min=0.94))
strict = pygridjl.reconfigure(band, "exact")

for name, result in (("free", free), ("limited", limited), ("strict band", strict)):
    print(f"\n{name}: {result.status}")
    if result.loss_kw is not None:
        print(
            f"  open {result.open_branches}, {result.loss_kw:.2f} kW, low {result.v_min:.4f} p.u."
        )
    for violation in result.violations[:3]:
        print(f"  {violation}")
