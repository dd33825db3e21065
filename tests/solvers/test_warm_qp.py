"""Warm quadratic programs against Clarabel, which shares nothing with them."""

import numpy as np
import pytest
from scipy.sparse import csc_array, csr_array, diags_array, vstack

from pygridjl.solvers.conic import Cone, ConicModel, solve_conic
from pygridjl.solvers.status import SolverStatus
from pygridjl.solvers.warm_qp import WarmQp, WarmQpModel


def random_model(rng, n=9, m=3, k=12, discs=5):
    complex_rows = rng.standard_normal((discs, n)) + 1j * rng.standard_normal((discs, n))
    return WarmQpModel(
        curvature=rng.uniform(0.5, 2.0, n),
        cost=3 * rng.standard_normal(n),
        equal=csr_array(rng.standard_normal((m, n))),
        # The last row repeats the first one, and is as tight: they depend on each other.
        rows=csr_array(np.concatenate([rows := rng.standard_normal((k - 1, n)), rows[:1]])),
        limit=np.concatenate([limit := rng.uniform(0.2, 1.0, k - 1), limit[:1]]),
        disc=csr_array(complex_rows),
        centre=0.1 * (rng.standard_normal(discs) + 1j * rng.standard_normal(discs)),
        radius=rng.uniform(0.5, 1.5, discs),
    )


def conic_answer(model, rhs):
    parts = [model.equal, model.rows]
    values, cones = [rhs, model.limit], [Cone("zero", rhs.size), Cone("nonnegative", 12)]
    for k in range(model.radius.size):
        row = model.disc[[k]].toarray()
        parts.append(csr_array(np.concatenate([0 * row.real, -row.real, -row.imag])))
        values.append(np.array([model.radius[k], model.centre[k].real, model.centre[k].imag]))
        cones.append(Cone("second_order", 3))
    return solve_conic(
        ConicModel(
            model.cost,
            csc_array(vstack(parts)),
            np.concatenate(values),
            cones,
            quadratic=csc_array(diags_array(model.curvature)),
        ),
        tolerance=1e-10,
    )


@pytest.mark.parametrize("seed", range(12))
def test_every_right_hand_side_has_the_answer_of_the_conic_solver(seed):
    rng = np.random.default_rng(seed)
    model = random_model(rng)
    warm = WarmQp(model)
    assert warm.usable
    inside = 0.1 * rng.standard_normal(9)
    middle = model.equal @ inside
    none = np.zeros(0, dtype=np.int64)
    warm.remember(middle, none, np.zeros(0), none, np.zeros(0, dtype=complex))
    answered = 0
    for _ in range(15):
        rhs = middle + 0.2 * rng.standard_normal(middle.size)
        expected = conic_answer(model, rhs)
        found = warm.solve(rhs)
        if expected.status is SolverStatus.INFEASIBLE:
            assert found is None
            continue
        assert max(expected.primal_residual, expected.dual_residual) < 1e-8
        if found is None:
            # Far from what was solved before: told by the other solver where it is.
            z = expected.z
            row = np.flatnonzero(z[3:15] > 1e-5)
            cone = z[15:].reshape(-1, 3)
            disc = np.flatnonzero(cone[:, 0] > 1e-5)
            warm.remember(rhs, row, z[3:15][row], disc, -cone[disc, 1] - 1j * cone[disc, 2])
            found = warm.solve(rhs)
        assert found is not None
        answered += 1
        assert found.x == pytest.approx(expected.x, abs=1e-5)
        assert (found.pressure >= 0).all()
        edge = model.disc[found.disc] @ found.x + model.centre[found.disc]
        assert abs(edge) == pytest.approx(model.radius[found.disc], abs=1e-7)
        # The force points outward.
        assert (found.force * edge.conj()).real == pytest.approx(abs(found.force) * abs(edge))
    assert answered > 3


def test_what_has_no_unique_answer_is_refused():
    model = random_model(np.random.default_rng(0))
    flat = model.curvature.copy()
    flat[:5] = 0.0
    equal = model.equal.toarray()
    equal[:, :5] = 0.0
    other = WarmQp(
        WarmQpModel(
            flat,
            model.cost,
            csr_array(equal),
            model.rows,
            model.limit,
            model.disc,
            model.centre,
            model.radius,
        )
    )
    assert not other.usable
    assert other.solve(np.zeros(3)) is None
