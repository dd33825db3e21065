"""What a validation finds: one fault of the data, as data."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Finding"]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes
    ----------
    component : str
        ``"bus"``, ``"branch"``, ``"generator"``, ``"load"`` or ``"network"``.
    ids : tuple of str
        Ids of the components concerned; empty when it concerns the whole network.
    field : str
        Name of the field.
    message : str
        What is wrong, in one clause.
    """

    component: str
    ids: tuple[str, ...]
    field: str
    message: str

    def __str__(self) -> str:
        shown = ", ".join(self.ids[:5]) + (", …" if len(self.ids) > 5 else "")
        return f"{self.component} {shown + ' ' if shown else ''}{self.field}: {self.message}"
