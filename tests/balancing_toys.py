"""Small balancing problems and their optima by trying everything."""

from __future__ import annotations

import itertools

import numpy as np


def paths(n, steps, *, noise=0.5, seed=0, draws=None):
    """Deviations with a shared factor and noise: most below zero, some above."""
    rng = np.random.default_rng(seed)
    size = np.where(rng.random(n) < 0.7, -0.5, 1.0) * rng.lognormal(0, 0.5, n)
    shape = (steps,) if draws is None else (draws, steps)
    factor = rng.lognormal(-0.08, 0.4, shape)[..., None, :]
    full = (n, steps) if draws is None else (draws, n, steps)
    return size[:, None] * factor + noise * rng.normal(size=full)


def risk(deviations, assignment, m, kind, weights=None, tail_weight=0.0, tail=0.95):
    """The objective as the paper writes it, without the package."""
    draws = deviations if deviations.ndim == 3 else deviations[None]
    steps = draws.shape[-1]
    w = np.full((m, steps), 1 / steps) if weights is None else weights
    losses = []
    for draw in draws:
        total = 0.0
        for i in range(m):
            path = draw[assignment == i].sum(axis=0)
            total += np.sqrt((w[i] * path**2).sum()) if kind == "rms" else (w[i] * abs(path)).sum()
        losses.append(total)
    losses = np.array(losses)
    value = losses.mean()
    if tail_weight:
        value += tail_weight * min(
            eta + np.maximum(losses - eta, 0).mean() / (1 - tail) for eta in losses
        )
    return value


def brute_force(deviations, m, kind, allowed=lambda x: True, cost=lambda x: 0.0, **rest):
    """Least objective over all assignments that are allowed; infinity if there are none."""
    n = deviations.shape[-2]
    best = np.inf
    for choice in itertools.product(range(m), repeat=n):
        x = np.array(choice)
        if allowed(x):
            best = min(best, risk(deviations, x, m, kind, **rest) + cost(x))
    return best
