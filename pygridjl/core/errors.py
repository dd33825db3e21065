"""Every error pygridjl raises on purpose.

The command line turns any :class:`PyGridJLError` into one line on standard error and exit
code 2; everything else is a defect of the program and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pygridjl.core.findings import Finding

__all__ = [
    "CaseNotFoundError",
    "InfeasibleConfigurationError",
    "InvalidBalancingError",
    "InvalidNetworkError",
    "InvalidOptionError",
    "InvalidPlanningError",
    "InvalidScenariosError",
    "NetworkFormatError",
    "OutputError",
    "PowerFlowError",
    "PyGridJLError",
    "PyGridJLWarning",
    "SolverError",
    "UnservedNodesError",
]


class PyGridJLError(Exception):
    """Base of all errors raised on purpose by pygridjl.

    Attributes
    ----------
    longest : int
        Most characters that the command line shows; what a file or an argument holds may be any
        length.
    """

    longest: ClassVar[int] = 300


class PyGridJLWarning(UserWarning):
    """Base of all warnings issued by pygridjl."""


class CaseNotFoundError(PyGridJLError):
    """A name is neither a bundled case nor a readable file."""


class NetworkFormatError(PyGridJLError):
    """A file cannot be read as the format it claims to be.

    Parameters
    ----------
    path : str
        The file.
    component : str
        What was being read, e.g. ``"branch"`` or ``"gen"``.
    detail : str
        What is wrong, with the row or line where there is one.
    """

    def __init__(self, path: object, component: str, detail: str) -> None:
        super().__init__(f"{path}: {component}: {detail}")
        self.path, self.component, self.detail = str(path), component, detail

    def __reduce__(self) -> tuple[type[NetworkFormatError], tuple[str, str, str]]:
        return type(self), (self.path, self.component, self.detail)


class _FindingsError(PyGridJLError):
    """Data that contradict themselves; ``findings`` lists every problem found."""

    _what = "data"

    def __init__(self, name: str, findings: Sequence[Finding]) -> None:
        shown = "; ".join(str(f) for f in findings[:5])
        more = f"; and {len(findings) - 5} more" if len(findings) > 5 else ""
        super().__init__(f"{self._what} {name!r} is not valid: {shown}{more}")
        self.name, self.findings = name, tuple(findings)

    def __reduce__(self) -> tuple[type[_FindingsError], tuple[str, tuple[Finding, ...]]]:
        return type(self), (self.name, self.findings)


class InvalidNetworkError(_FindingsError):
    """The network contradicts itself.

    Parameters
    ----------
    name : str
        Name of the network.
    findings : sequence of Finding
        All problems, as :func:`pygridjl.validate` returns them.
    """

    _what = "network"


class InvalidScenariosError(_FindingsError):
    """A set of scenarios contradicts itself or its feeder.

    Parameters
    ----------
    name : str
        Name of the set.
    findings : sequence of Finding
        All problems, with the scenario ids.
    """

    _what = "scenario set"


class InvalidPlanningError(_FindingsError):
    """A siting problem asks for what cannot be.

    Parameters
    ----------
    name : str
        Name of the feeder.
    findings : sequence of Finding
        All problems, with the site or the field.
    """

    _what = "siting problem on"


class InvalidBalancingError(_FindingsError):
    """A balancing problem contradicts itself.

    Parameters
    ----------
    name : str
        What the data are called.
    findings : sequence of Finding
        All problems, with the service point, the circuit or the field.
    """

    _what = "balancing problem on"


class InfeasibleConfigurationError(PyGridJLError):
    """The constraints exclude every configuration, whatever the flows.

    Solvers catch it and answer with status ``infeasible`` and this reason.
    """


class InvalidOptionError(PyGridJLError):
    """An argument or option has a value that cannot be used."""


class OutputError(PyGridJLError):
    """A file or folder cannot be written.

    Parameters
    ----------
    path : object
        Where it was to be.
    detail : str
        Why not.
    """

    def __init__(self, path: object, detail: str) -> None:
        super().__init__(f"cannot write {path}: {detail}")
        self.path, self.detail = str(path), detail

    def __reduce__(self) -> tuple[type[OutputError], tuple[str, str]]:
        return type(self), (self.path, self.detail)


class PowerFlowError(PyGridJLError):
    """A power flow has no solution or did not converge."""


class SolverError(PyGridJLError):
    """An external solver failed or answered something that cannot be trusted."""


class UnservedNodesError(PyGridJLError):
    """A construction stopped before serving every node.

    Parameters
    ----------
    nodes : sequence of str
        Ids of the buses (or merged trees, joined by ``+``) left with a non-zero balance.
    detail : str
        Why the construction could not go on.
    """

    def __init__(self, nodes: Sequence[str], detail: str) -> None:
        shown = ", ".join(_short(n) for n in nodes[:5]) + (", …" if len(nodes) > 5 else "")
        super().__init__(f"unserved nodes: {shown}: {detail}")
        self.nodes, self.detail = tuple(nodes), detail

    def __reduce__(self) -> tuple[type[UnservedNodesError], tuple[tuple[str, ...], str]]:
        return type(self), (self.nodes, self.detail)


def _short(tree: str) -> str:
    """First members of a merged tree and how many there are."""
    members = tree.split("+")
    if len(members) <= 4:
        return tree
    return f"{'+'.join(members[:3])}+… ({len(members)} buses)"
