"""Points that move between groups, as one HTML page in three dimensions that needs no network.

The page draws on a 2-D canvas with a renderer of its own (some 400 lines of JavaScript beside this
module). Compared before choosing: k3d's standalone bundle makes pages of 3.6 MB, has no hover, no
progress bar and no overlay, and places labels as one DOM element each, which stalls at 2,000
points; plotly makes pages of 4.9 MB, redraws markers without glow and fades badly. Here a page of
20 points takes some 40 kB and one of 2,000 some 300 kB, and everything on it is ours to shape.

Data enter as JSON in which no character can end the script element, reach the document as text
only, and a content security policy with the hashes of our own style and script lets nothing else
run or load.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.files import write_text
from pygridjl.core.types import FloatArray, IntArray

__all__ = ["Embedding", "Scene", "check_page_path", "write_page"]

Embedding = Literal["symbolic", "pca"]

_GOLDEN = np.pi * (3 - np.sqrt(5))
# Groups up to this many stand in a ring; more on a disc.
_RING = 7
# Radius of a group for one point in it; points stay within this share of it.
_RADIUS, _INSIDE = 1.0, 0.78


@dataclass(frozen=True, eq=False)
class Scene:
    """What the page shows.

    Attributes
    ----------
    title : str
        Heading.
    lines : tuple of str
        What stands below it.
    groups : tuple of str, length m
        Names of the groups.
    measure : str
        What is measured of each group, e.g. ``"R"``.
    measure_before, measure_after : ndarray, shape (m,)
        Its values.
    total : str
        What the measures add up to, e.g. ``"J"``.
    total_text : str
        Explanation beside its number.
    total_before, total_after : float
        Its values.
    points : tuple of str, length n
        Names of the points.
    actual, predicted, spread : ndarray, shape (n,)
        a and p of each point, whose difference d gives its colour; and the RMS of d over time.
    before, after : ndarray of int, shape (n,)
        Group of each point.
    """

    title: str
    lines: tuple[str, ...]
    groups: tuple[str, ...]
    measure: str
    measure_before: FloatArray
    measure_after: FloatArray
    total: str
    total_text: str
    total_before: float
    total_after: float
    points: tuple[str, ...]
    actual: FloatArray
    predicted: FloatArray
    spread: FloatArray
    before: IntArray
    after: IntArray


def check_page_path(path: Path) -> None:
    """Refuse a file whose suffix is not that of a page.

    Raises
    ------
    InvalidOptionError
        If it is not ``.html``.
    """
    if path.suffix.lower() != ".html":
        raise InvalidOptionError(f"page: {path.name!r} must end in .html")


def write_page(scene: Scene, path: str | Path, *, embedding: Embedding = "symbolic") -> Path:
    """Write the page, whole or not at all.

    Parameters
    ----------
    scene : Scene
        What it shows.
    path : path-like
        Where to write; must end in ``.html``.
    embedding : {"symbolic", "pca"}
        Places at first: evenly in each group, or by the principal components of a, p, d and the
        RMS of d (d = a − p alone would leave a plane). A button of the page changes it.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    InvalidOptionError
        If the path has another suffix or the embedding is unknown.
    OutputError
        If the file cannot be written.
    """
    target = Path(path)
    check_page_path(target)
    if embedding not in ("symbolic", "pca"):
        raise InvalidOptionError(f"embedding: {embedding!r} is neither 'symbolic' nor 'pca'")
    room = resources.files("pygridjl.report")
    script = (room / "page3d.js").read_text(encoding="utf-8")
    style = (room / "page3d.css").read_text(encoding="utf-8")
    text = (room / "page3d.html").read_text(encoding="utf-8")
    # One pass over our own template: what comes in is not searched for markers.
    parts = {
        "SCRIPT_HASH": _hash(script),
        "STYLE_HASH": _hash(style),
        "TITLE": html.escape(scene.title),
        "TOTAL": html.escape(scene.total_text),
        "STYLE": style,
        "SCENE": _json(_contents(scene, embedding)),
        "SCRIPT": script,
    }
    pieces = text.split("@")
    write_text(target, "".join(parts.get(piece, piece) for piece in pieces))
    return target


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return "sha256-" + base64.b64encode(digest).decode()


def _json(contents: dict[str, Any]) -> str:
    """Return JSON that cannot end a script element, whatever the names in it are."""
    text = json.dumps(contents, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _contents(scene: Scene, embedding: Embedding) -> dict[str, Any]:
    m = len(scene.groups)
    most = max(np.bincount(scene.before).max(), np.bincount(scene.after).max(), 1)
    radius = _RADIUS * float(np.cbrt(most))
    centres = _centres(m, radius)
    offsets = {"symbolic": None, "pca": _principal(scene) * radius * _INSIDE}
    places = {}
    for name, offset in offsets.items():
        places[name] = {
            when: _places(group, centres, radius, offset)
            for when, group in (("before", scene.before), ("after", scene.after))
        }
    return {
        "title": scene.title,
        "lines": scene.lines,
        "groups": scene.groups,
        "measure": scene.measure,
        "measure_before": _numbers(scene.measure_before),
        "measure_after": _numbers(scene.measure_after),
        "total": scene.total,
        "total_before": scene.total_before,
        "total_after": scene.total_after,
        "points": scene.points,
        "a": _numbers(scene.actual),
        "p": _numbers(scene.predicted),
        "d": _numbers(scene.actual - scene.predicted),
        "rms": _numbers(scene.spread),
        "from": scene.before.tolist(),
        "to": scene.after.tolist(),
        "centres": np.round(centres, 4).tolist(),
        "radius": round(radius, 4),
        "extent": round(float(np.linalg.norm(centres, axis=1).max()) + radius, 4),
        "places": places,
        "embedding": embedding,
    }


def _numbers(values: FloatArray) -> list[float]:
    """Six significant digits: what a page can show and a little more."""
    return [float(f"{value:.6g}") for value in values]


def _centres(m: int, radius: float) -> FloatArray:
    """Centres of the groups: a ring, or a sunflower's disc that waves a little."""
    if m == 1:
        return np.zeros((1, 3))
    k = np.arange(m)
    if m <= _RING:
        angle = 2 * np.pi * k / m
        reach = np.full(m, 1.3 * radius / np.sin(np.pi / m))
        height = 0.35 * radius * np.cos(2 * angle)
    else:
        angle = _GOLDEN * k
        reach = 1.55 * radius * np.sqrt(k + 0.5)
        height = 0.3 * radius * np.sin(1.7 * k)
    return np.column_stack([reach * np.cos(angle), height, reach * np.sin(angle)])


def _places(
    group: IntArray, centres: FloatArray, radius: float, offset: FloatArray | None
) -> list[float]:
    place = centres[group]
    if offset is None:
        offset = np.zeros_like(place)
        for g in range(centres.shape[0]):
            inside = np.flatnonzero(group == g)
            offset[inside] = _ball(inside.size) * radius * _INSIDE
    found: list[float] = np.round(place + offset, 3).ravel().tolist()
    return found


def _ball(count: int) -> FloatArray:
    """Points spread evenly over the unit ball, inside out on a spiral."""
    k = np.arange(count) + 0.5
    height = 1 - 2 * ((k * 0.754877666) % 1.0)
    across = np.sqrt(1 - height**2)
    angle = _GOLDEN * k
    reach = np.cbrt(k / max(count, 1)) if count > 12 else np.full(count, 0.72)
    unit = np.column_stack([across * np.cos(angle), height, across * np.sin(angle)])
    return unit * reach[:, None] if count > 1 else np.zeros((count, 3))


def _principal(scene: Scene) -> FloatArray:
    """First three principal components of a, p, d and its RMS, within the unit ball."""
    table = np.column_stack(
        [scene.actual, scene.predicted, scene.actual - scene.predicted, scene.spread]
    )
    table = table - table.mean(axis=0)
    size = table.std(axis=0)
    table = table / np.where(size > 0, size, 1.0)
    _, _, axes = np.linalg.svd(table, full_matrices=False)
    scores = np.zeros((table.shape[0], 3))
    found = table @ axes[:3].T
    scores[:, : found.shape[1]] = found
    # Square roots pull the few far ones in, so that the many near ones do not heap up.
    reach = np.linalg.norm(scores, axis=1, keepdims=True)
    scores = scores / np.sqrt(np.where(reach > 0, reach, 1.0))
    scale = np.linalg.norm(scores, axis=1).max()
    unit: FloatArray = scores / (scale if scale > 0 else 1.0)
    return unit
