"""AC losses of base and best configurations against pandapower's power flow."""

import numpy as np
import pytest

from pygridjl.experiments.forward.printed import BEST_KNOWN
from pygridjl.grid.cases import get_case
from pygridjl.powerflow.sweep import radial_power_flow

pandapower = pytest.importorskip("pandapower")
pytestmark = pytest.mark.validation


def pandapower_losses(network) -> float:
    """Losses of the closed branches, kW, with impedances handed over in ohms."""
    net = pandapower.create_empty_network(sn_mva=network.base_mva)
    bus, branch = network.buses, network.branches
    for kv in bus.base_kv:
        pandapower.create_bus(net, vn_kv=kv)
    for k in range(network.n_branch):
        ohm = bus.base_kv[branch.from_bus[k]] ** 2 / network.base_mva
        pandapower.create_line_from_parameters(
            net, branch.from_bus[k], branch.to_bus[k], length_km=1.0,
            r_ohm_per_km=branch.r[k] * ohm, x_ohm_per_km=branch.x[k] * ohm,
            c_nf_per_km=0.0, max_i_ka=1.0, in_service=bool(branch.closed[k]),
        )  # fmt: skip
    for k, (p, q) in enumerate(zip(network.load_p, network.load_q, strict=True)):
        pandapower.create_load(net, k, p * network.base_mva, q * network.base_mva)
    for k in network.slack_buses:
        pandapower.create_ext_grid(net, k, vm_pu=1.0)
    pandapower.runpp(net, tolerance_mva=1e-11, numba=False)
    return float(net.res_line.pl_mw.sum()) * 1e3


@pytest.mark.parametrize("case", BEST_KNOWN)
@pytest.mark.parametrize("state", ["base", "best"])
def test_losses_equal_pandapowers(case, state):
    network = get_case(case)
    assert not network.branches.b.any()
    np.testing.assert_array_equal(network.branches.tap, 1.0)
    if state == "best":
        network = network.with_open(BEST_KNOWN[case].open_branches)
    assert radial_power_flow(network).loss_kw == pytest.approx(pandapower_losses(network), abs=1e-6)
