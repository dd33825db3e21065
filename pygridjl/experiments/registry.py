"""The experiments, found by folder: each ``__init__`` below ``experiments`` declares one."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import pygridjl.experiments
from pygridjl.core.options import NoOptions
from pygridjl.study.task import Plan, Row

__all__ = ["Experiment", "Kind", "Page", "experiments"]

Kind = Literal["benchmark", "reproduce"]


@dataclass(frozen=True)
class Page:
    """What the rows of an experiment say together.

    Attributes
    ----------
    text : str
        Printed on the terminal.
    found : mapping
        Printed instead with ``--json``, in plain JSON values.
    tables : mapping of str to sequence of dict
        Written as CSV files of these names.
    figures : sequence of Path
        Pictures written into the folder.
    report : bool
        Whether the text also is the file ``report.md``.
    """

    text: str
    found: Mapping[str, Any]
    tables: Mapping[str, Sequence[Row]]
    figures: Sequence[Path] = ()
    report: bool = False


@dataclass(frozen=True)
class Experiment:
    """One experiment, ``pygridjl <kind> <name>``.

    Attributes
    ----------
    name : str
        What users write.
    kind : {"benchmark", "reproduce"}
        Methods beside each other, or a paper's figures repeated.
    text : str
        One line about it, and after an empty line what is written and how long it takes.
    plan : str
        ``"module:function"``, called with the options; returns a :class:`Plan`.
    page : str
        ``"module:function"``, called with the rows by part, the options and the folder for
        figures; returns a :class:`Page`.
    options : type
        Frozen dataclass of its options, made with :func:`pygridjl.core.options.option`.
    """

    name: str
    kind: Kind
    text: str
    plan: str
    page: str
    options: type = NoOptions

    def make_plan(self, options: Any) -> Plan:
        """List what is run."""
        plan: Plan = _load(self.plan)(options)
        return plan

    def make_page(self, rows: Mapping[str, list[Row]], options: Any, folder: Path) -> Page:
        """Draw the figures into the folder and lay the rows out."""
        page: Page = _load(self.page)(rows, options, folder)
        return page


@cache
def experiments(kind: Kind) -> dict[str, Experiment]:
    """Return the experiments of a kind by name.

    Only the ``__init__`` of each folder is imported.
    """
    found = [
        import_module(f"pygridjl.experiments.{folder.name}").EXPERIMENT
        for folder in pkgutil.iter_modules(pygridjl.experiments.__path__)
        if folder.ispkg
    ]
    return {e.name: e for e in sorted(found, key=lambda e: str(e.name)) if e.kind == kind}


def _load(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)
