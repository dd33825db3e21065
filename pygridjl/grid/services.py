"""Branches with a gain, for what does not take them: refused by name, or lumped with all behind."""

from __future__ import annotations

import numpy as np

from pygridjl.core.errors import InvalidNetworkError
from pygridjl.core.findings import Finding
from pygridjl.grid.feeder import Feeder
from pygridjl.grid.nominal import linear_gain

__all__ = ["LUMPED", "lump_services", "refuse_gains"]

LUMPED = (
    "read the feeder by load_feeder(…, lump_services=True) (--lump-services), which moves what "
    "hangs behind it to the phases that feed it"
)


def refuse_gains(feeder: Feeder, text: str) -> None:
    """Refuse branches with a gain.

    Parameters
    ----------
    feeder : Feeder
        The feeder.
    text : str
        Who does not take them, and the way out.

    Raises
    ------
    InvalidNetworkError
        If there is one.
    """
    names = tuple(str(i) for i in feeder.branches.id[feeder.branches.mixing])
    if names:
        detail = (
            f"its windings stand between other phases at one side than at the other, which {text}"
        )
        raise InvalidNetworkError(feeder.name, [Finding("branch", names, "gain", detail)])


def lump_services(feeder: Feeder) -> Feeder:
    """Move what hangs behind branches with a gain to the phases that feed them.

    Powers divide over those phases as they do at nominal voltages; losses and voltage drops behind
    are left out, and so are shunts there.

    Parameters
    ----------
    feeder : Feeder
        A radial feeder.

    Returns
    -------
    Feeder
        Itself if no branch has a gain; else without the buses behind, which a note says.

    Raises
    ------
    InvalidNetworkError
        If the feeder is not radial.
    """
    branch = feeder.branches
    if not branch.mixing.any():
        return feeder
    tree = feeder.tree
    # By bus: where its powers go, and how they divide there.
    home = np.arange(feeder.n_bus)
    share = np.tile(np.eye(3, dtype=np.complex128), (feeder.n_bus, 1, 1))
    for bus in tree.order[1:].tolist():
        up, row = int(tree.parent[bus]), int(tree.branch[bus])
        if branch.mixing[row]:
            home[bus] = home[up]
            share[bus] = share[up] @ linear_gain(branch.gain[row], feeder.nominal[up])[0]
        elif home[up] != up:
            home[bus], share[bus] = home[up], share[up]
    kept = np.flatnonzero(home == np.arange(feeder.n_bus))
    position = np.full(feeder.n_bus, -1)
    position[kept] = np.arange(kept.size)
    ends = position[branch.from_bus], position[branch.to_bus]
    rows = np.flatnonzero((ends[0] >= 0) & (ends[1] >= 0))
    lost, gone = int(branch.mixing.sum()), feeder.n_bus - kept.size
    note = (
        f"{lost} branch{'es' if lost > 1 else ''} with a gain and the "
        f"{f'{gone} buses' if gone > 1 else 'bus'} behind {'them' if lost > 1 else 'it'} are "
        "lumped onto the phases that feed them; losses and voltage drops there are left out"
    )

    load, gen, cap = feeder.loads, feeder.generators, feeder.capacitors
    drawn = np.einsum("kij,kj->ki", share[load.bus], load.p + 1j * load.q)
    made = np.einsum("kij,kj->ki", share[gen.bus], gen.p + 1j * gen.q)
    part = np.abs(share[gen.bus])
    capacity = np.where(part > 0, part * gen.s_max[:, None], 0.0).sum(axis=2)
    # What leaves several phases at once stands between them as far as can be told.
    apart = (share[load.bus] != 0).sum(axis=1).max(axis=1, initial=0) > 1
    away = home[load.bus] != load.bus
    connection = np.where(away, np.where(apart, "delta", "wye"), load.connection)
    shunts = cap.take(home[cap.bus] == cap.bus)
    return feeder.replace(
        buses=feeder.buses.take(kept),
        branches=branch.take(rows).replace(from_bus=ends[0][rows], to_bus=ends[1][rows]),
        loads=load.replace(
            bus=position[home[load.bus]], p=drawn.real, q=drawn.imag, connection=connection
        ),
        generators=gen.replace(
            bus=position[home[gen.bus]], p=made.real, q=made.imag, s_max=capacity
        ),
        capacitors=shunts.replace(bus=position[shunts.bus]),
        source_bus=int(position[feeder.source_bus]),
        notes=(*feeder.notes, note),
    )
