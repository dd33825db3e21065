"""Linear-model proofs on the bundled cases, within the seconds promised."""

import pytest

from pygridjl.core.result import Status
from pygridjl.grid.cases import get_case
from pygridjl.reconfiguration.build import build_problem
from pygridjl.reconfiguration.certificates import cycle_branch_and_bound, electrical_bound

# Published AC optimum (kW) and the seconds the proof may take on two cores.
CASES = {
    "case16ci": (466.13, 1.0),
    "case33bw": (139.551, 1.0),
    "case69": (98.605, 1.0),
    "case70da": (301.65, 1.0),
    "case94tpc": (469.878, 1.0),
    "case118zh": (869.730, 2.0),
    "case136ma": (280.193, 1.0),
}


@pytest.mark.parametrize("case", CASES)
def test_proof(case):
    published, seconds = CASES[case]
    problem = build_problem(get_case(case), limits=())
    cycle_branch_and_bound(problem, time_limit=0.0)  # compiled kernels are loaded once
    answer = cycle_branch_and_bound(problem)
    assert answer.status is Status.OPTIMAL
    assert answer.seconds < seconds
    assert electrical_bound(problem).bound < answer.bound
    assert answer.bound <= answer.objective
    # Voltages below 1 p.u. only add losses: the linear optimum is below the AC optimum,
    # but not by more than the square of the deepest voltage allows.
    assert 0.8 * published < answer.objective < published
