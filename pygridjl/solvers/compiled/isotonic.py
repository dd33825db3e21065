"""Projection of slopes onto nondecreasing sequences after one of them changed, (19)–(26)."""

from __future__ import annotations

from pygridjl.core.jit import kernel
from pygridjl.core.types import FloatArray

__all__ = ["project_changed"]


@kernel
def project_changed(z: FloatArray, j: int) -> None:
    """Project a sequence onto the nondecreasing ones, in place, in O(length).

    The nearest nondecreasing sequence in the Euclidean norm, by the rule of three cases: the
    changed entry fits; it is too low and joins the shortest block before it whose mean fits; it
    is too high and joins the shortest block after it.

    Parameters
    ----------
    z : ndarray, shape (n,)
        Nondecreasing but for entry ``j``.
    j : int
        Position of the entry that changed.
    """
    n = z.size
    total = z[j]
    first = last = j
    if j > 0 and z[j] < z[j - 1]:
        first = j - 1
        total += z[first]
        while first > 0 and z[first - 1] > total / (j - first + 1):
            first -= 1
            total += z[first]
    elif j < n - 1 and z[j] > z[j + 1]:
        last = j + 1
        total += z[last]
        while last < n - 1 and total / (last - j + 1) > z[last + 1]:
            last += 1
            total += z[last]
    else:
        return
    mean = total / (last - first + 1)
    for k in range(first, last + 1):
        z[k] = mean
