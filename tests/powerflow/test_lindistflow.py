import cmath

import numpy as np
import pytest
from feeder_builders import LINE_R, LINE_X, random_feeder, two_bus_feeder
from hypothesis import given, settings, strategies as st

from pygridjl.core.errors import InvalidNetworkError, InvalidOptionError
from pygridjl.powerflow.lindistflow import LinDistFlow3, drop_matrices

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(2, 25)


def dense_solution(feeder, p, q):
    """All equations of all nodes as one dense system in P, Q, U, solved by LU.

    Written from U_j = t² U_i − 2 Re(Σ_b z̄_ab γ_ab S_b) with complex arithmetic, without the
    matrices M^P and M^Q and without an order of the tree; a branch is written in its own
    direction whatever side feeds it.
    """
    turn = [cmath.exp(-2j * cmath.pi / 3 * k) for k in range(3)]
    n, m = feeder.n_node, feeder.n_branch
    branch = feeder.branches
    flow = {}
    for k in range(m):
        for a in np.flatnonzero(branch.phases[k]):
            flow[k, a] = len(flow)
    f = len(flow)
    source = set(feeder.node_of[feeder.source_bus].tolist())
    rows, rhs = [], []
    for node in range(n):
        row_p, row_q = np.zeros(n + 2 * f), np.zeros(n + 2 * f)
        if node in source:
            row_p[node] = 1
            rows.append(row_p)
            rhs.append(feeder.v_set[feeder.node_phase[node]] ** 2)
            continue
        for (k, a), column in flow.items():
            for bus, sign in ((branch.to_bus[k], 1.0), (branch.from_bus[k], -1.0)):
                if feeder.node_of[bus, a] == node:
                    row_p[n + column] += sign
                    row_q[n + f + column] += sign
        rows += [row_p, row_q]
        rhs += [-p[node], -q[node]]
    for (k, a), _ in flow.items():
        row = np.zeros(n + 2 * f)
        row[feeder.node_of[branch.to_bus[k], a]] = 1
        row[feeder.node_of[branch.from_bus[k], a]] = -(branch.ratio[k, a] ** 2)
        for b in np.flatnonzero(branch.phases[k]):
            z = complex(branch.r[k, a, b], branch.x[k, a, b])
            # V_a conj(z_ab I_b) with I_b = conj(S_b / V_b) and V_a / V_b = turn_a / turn_b
            w = 2 * z.conjugate() * turn[a] / turn[b]
            row[n + flow[k, b]] += w.real
            row[n + f + flow[k, b]] -= w.imag
        rows.append(row)
        rhs.append(0.0)
    solution = np.linalg.solve(np.array(rows), np.array(rhs))
    return solution[:n], solution[n : n + f], solution[n + f :], flow


@settings(max_examples=60, deadline=None)
@given(seed=seeds, n=sizes)
def test_sweeps_solve_the_dense_system(seed, n):
    rng = np.random.default_rng(seed)
    feeder = random_feeder(rng, n)
    p, q = rng.normal(size=(2, feeder.n_node)) * 0.1
    model = LinDistFlow3(feeder)
    U, P_dense, Q_dense, flow = dense_solution(feeder, p, q)
    np.testing.assert_allclose(model.voltages(p, q), U, atol=1e-11)
    P, Q = model.flows(p, q)
    for (k, a), column in flow.items():
        (child,) = np.flatnonzero((model.branch == k) & (feeder.node_phase == a))
        sign = -1.0 if feeder.tree.reversed[feeder.node_bus[child]] else 1.0
        assert P[child] == pytest.approx(sign * P_dense[column], abs=1e-11)
        assert Q[child] == pytest.approx(sign * Q_dense[column], abs=1e-11)


@settings(max_examples=40, deadline=None)
@given(seed=seeds, n=sizes)
def test_adjoint_is_the_transpose(seed, n):
    """⟨g, A d⟩ = ⟨Aᵀ g, d⟩ for any change d of the injections and any gradients g."""
    rng = np.random.default_rng(seed)
    feeder = random_feeder(rng, n)
    model = LinDistFlow3(feeder)
    g_u, g_p, g_q, dp, dq = rng.normal(size=(5, feeder.n_node))
    zero = np.zeros(feeder.n_node)
    change_u = model.voltages(dp, dq) - model.voltages(zero, zero)
    P, Q = model.flows(dp, dq)
    grad_p, grad_q = model.adjoint(g_u, g_p, g_q)
    forward = g_u @ change_u + g_p @ P + g_q @ Q
    assert grad_p @ dp + grad_q @ dq == pytest.approx(forward, rel=1e-9, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(seed=seeds, n=sizes, tan_phi=st.floats(-1, 1))
def test_sensitivity_is_exact_since_the_model_is_affine(seed, n, tan_phi):
    rng = np.random.default_rng(seed)
    feeder = random_feeder(rng, n)
    model = LinDistFlow3(feeder)
    nodes = rng.permutation(feeder.n_node)[: min(4, feeder.n_node)]
    S = model.sensitivity(nodes, tan_phi)
    size = rng.random(nodes.size)
    p, q = feeder.injection()
    moved_p, moved_q = p.copy(), q.copy()
    moved_p[nodes] += size
    moved_q[nodes] += tan_phi * size
    np.testing.assert_allclose(
        model.voltages(moved_p, moved_q), model.voltages(p, q) + S @ size, atol=1e-11
    )
    g = rng.normal(size=feeder.n_node)
    grad_p, grad_q = model.adjoint(g)
    np.testing.assert_allclose((grad_p + tan_phi * grad_q)[nodes], g @ S, atol=1e-11)


@settings(max_examples=30, deadline=None)
@given(seed=seeds, n=sizes)
def test_sparse_equations_hold_for_the_sweep(seed, n):
    rng = np.random.default_rng(seed)
    feeder = random_feeder(rng, n)
    model = LinDistFlow3(feeder)
    p, q = rng.normal(size=(2, feeder.n_node)) * 0.1
    P, Q = model.flows(p, q)
    e = model.equations()
    np.testing.assert_allclose(e.balance @ P, -p, atol=1e-12)
    np.testing.assert_allclose(e.balance @ Q, -q, atol=1e-12)
    U = model.voltages(p, q)
    np.testing.assert_allclose(e.voltage @ U + e.mp @ P + e.mq @ Q, e.u_source, atol=1e-12)


def test_a_batch_equals_its_rows():
    rng = np.random.default_rng(3)
    feeder = random_feeder(rng, 15)
    model = LinDistFlow3(feeder)
    p, q, g = rng.normal(size=(3, 4, feeder.n_node))
    U, (P, Q), (dp, dq) = model.voltages(p, q), model.flows(p, q), model.adjoint(g, g_q=p)
    assert U.shape == (4, feeder.n_node)
    for k in range(4):
        np.testing.assert_array_equal(U[k], model.voltages(p[k], q[k]))
        np.testing.assert_array_equal((P[k], Q[k]), model.flows(p[k], q[k]))
        np.testing.assert_array_equal((dp[k], dq[k]), model.adjoint(g[k], g_q=p[k]))
    np.testing.assert_array_equal(model.voltages_of_flows(P, Q), U)
    # One row of q serves all rows of p.
    np.testing.assert_array_equal(model.voltages(p, q[0])[2], model.voltages(p[2], q[0]))


def test_arguments_are_left_alone():
    rng = np.random.default_rng(4)
    feeder = random_feeder(rng, 10)
    model = LinDistFlow3(feeder)
    p, q, g = rng.normal(size=(3, feeder.n_node))
    copies = [a.copy() for a in (p, q, g)]
    model.voltages(p, q)
    model.adjoint(g, p, q)
    for a, b in zip((p, q, g), copies, strict=True):
        np.testing.assert_array_equal(a, b)


def test_rows_of_the_drop_matrices():
    """Row a of M^P and M^Q as Gan and Low (2014) and Arnold et al. (2016) write them."""
    mp, mq = drop_matrices(LINE_R, LINE_X)
    s3 = 3**0.5
    R, X = LINE_R, LINE_X
    np.testing.assert_allclose(
        mp[0], [2 * R[0, 0], -R[0, 1] + s3 * X[0, 1], -R[0, 2] - s3 * X[0, 2]]
    )
    np.testing.assert_allclose(
        mq[0], [2 * X[0, 0], -X[0, 1] - s3 * R[0, 1], -X[0, 2] + s3 * R[0, 2]]
    )


def test_a_balanced_feeder_is_single_phase_lindistflow():
    """With equal couplings and a balanced load, U drops by 2 (r₁ P + x₁ Q) in every phase."""
    r = 0.02 * np.eye(3) + 0.01
    x = 0.05 * np.eye(3) + 0.02
    feeder = two_bus_feeder(r=r[None], x=x[None])
    p = np.array([0, 0, 0, -0.3, -0.3, -0.3])
    U = LinDistFlow3(feeder).voltages(p, p / 2)
    np.testing.assert_allclose(U[3:], 1 - 2 * (0.02 * 0.3 + 0.05 * 0.15))


def test_a_reversed_regulator_undoes_its_ratio():
    z = 0 * LINE_R[None]
    forward = two_bus_feeder(r=z, x=z, kind=["regulator"], ratio=[[1.05, 1.0, 0.95]])
    U = LinDistFlow3(forward).voltages(*forward.injection())
    np.testing.assert_allclose(np.sqrt(U[3:]), [1.05, 1.0, 0.95])
    turned = forward.branches.replace(from_bus=[1], to_bus=[0])
    backward = forward.replace(branches=turned)
    U = LinDistFlow3(backward).voltages(*backward.injection())
    np.testing.assert_allclose(np.sqrt(U[3:]), [1 / 1.05, 1.0, 1 / 0.95])


def test_bad_arguments():
    model = LinDistFlow3(two_bus_feeder())
    with pytest.raises(InvalidOptionError, match=r"p has shape \(5,\), expected \(6,\)"):
        model.voltages(np.zeros(5), np.zeros(6))
    with pytest.raises(InvalidOptionError, match="node 6 does not exist"):
        model.sensitivity([0, 6])
    with pytest.raises(InvalidNetworkError, match="no closed path"):
        LinDistFlow3(two_bus_feeder().with_open(["l"]))
