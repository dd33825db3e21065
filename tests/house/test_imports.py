"""The order of the house: who may import whom, read from the imports themselves."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import pygridjl

PACKAGE = Path(pygridjl.__file__).parent
# From the ground up. Rooms on one line do not import each other.
ORDER = [
    {"core"},
    {"graphs"},
    {"solvers"},
    {"grid"},
    {"powerflow"},
    {"scenarios"},
    {"bridge", "report"},
    {"reconfiguration", "siting", "optimal_flow", "balancing"},
    {"study"},
    {"experiments"},
    {"cli"},
]
LEVEL = {room: level for level, rooms in enumerate(ORDER) for room in rooms}


def _imports(tree: ast.AST, module: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: imports are written out in full"
            yield node.lineno, node.module or ""
            yield from ((node.lineno, f"{node.module}.{a.name}") for a in node.names)
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)


def _own_imports() -> Iterator[tuple[str, int, str, str]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if len(parts) == 1:
            continue
        for line, target in _imports(ast.parse(path.read_text(encoding="utf-8")), str(path)):
            other = target.split(".")
            if other[0] == "pygridjl" and len(other) > 1:
                yield "/".join(parts), line, parts[0], other[1]


def test_every_room_has_its_place():
    rooms = {p.name for p in PACKAGE.iterdir() if (p / "__init__.py").is_file()}
    assert rooms <= set(LEVEL)


def test_imports_point_down_only():
    wrong = [
        f"{place}:{line}: {mine} imports {other}"
        for place, line, mine, other in _own_imports()
        if other != mine and other in LEVEL and LEVEL[other] >= LEVEL[mine]
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("room", sorted(LEVEL))
def test_no_circle_of_imports_inside_a_room(room):
    """Modules of a room import each other at the top without a circle."""
    edges: dict[str, set[str]] = {}
    for path in sorted((PACKAGE / room).rglob("*.py")):
        name = ".".join(("pygridjl", *path.relative_to(PACKAGE).with_suffix("").parts))
        name = name.removesuffix(".__init__")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        top = ast.Module([n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)], [])
        edges[name] = {target for _, target in _imports(top, str(path))}
    order: list[str] = []
    state: dict[str, int] = {}

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert state.get(name) != 1, " -> ".join((*trail, name))
        if state.get(name) == 2:
            return
        state[name] = 1
        for target in edges[name] & set(edges) - {name}:
            visit(target, (*trail, name))
        state[name] = 2
        order.append(name)

    for name in edges:
        visit(name, ())
    assert set(order) == set(edges)
