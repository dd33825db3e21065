"""Certificates: proven lower bounds on what any radial configuration can lose."""

from pygridjl.reconfiguration.certificates.certificate import Certificate
from pygridjl.reconfiguration.certificates.cycles import cycle_branch_and_bound
from pygridjl.reconfiguration.certificates.electrical import electrical_bound
from pygridjl.reconfiguration.certificates.exact_ac import ac_branch_and_bound
from pygridjl.reconfiguration.certificates.outer_approximation import highs_outer_approximation
from pygridjl.reconfiguration.certificates.scip_branch_flow import scip_branch_flow
from pygridjl.reconfiguration.certificates.scip_linear import scip_linear

__all__ = [
    "Certificate",
    "ac_branch_and_bound",
    "cycle_branch_and_bound",
    "electrical_bound",
    "highs_outer_approximation",
    "scip_branch_flow",
    "scip_linear",
]
