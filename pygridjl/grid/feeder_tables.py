"""The tables of a feeder: buses, branches, loads, capacitors, generators, in per unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pygridjl.core.types import BoolArray, FloatArray, IntArray, StrArray
from pygridjl.grid.network import _column_field, _Table

__all__ = [
    "BRANCH_KINDS",
    "GROUPS",
    "PHASES",
    "Capacitors",
    "FeederBranches",
    "FeederBuses",
    "FeederGenerators",
    "FeederLoads",
    "PhaseTable",
    "voltage_terms",
]

PHASES = "abc"
# The winding at the from side, at the to side, and by how many hours of 30 degrees it lags.
GROUPS = ("Dy1", "Dy11", "Yd1", "Yd11", "Dd0")
# How active and reactive power of a load go with its voltage, by model.
_EXPONENTS = {
    "impedance": (2.0, 2.0),
    "current": (1.0, 1.0),
    "cvr": (1.0, 2.0),
    "power-quadratic": (0.0, 2.0),
    "power-fixed-x": (0.0, 2.0),
}
BRANCH_KINDS = ("line", "switch", "transformer", "regulator", "source")


@dataclass(frozen=True, eq=False)
class PhaseTable(_Table):
    """A table some of whose columns hold one value, or one row of a matrix, for each phase."""

    _by_phase: ClassVar[tuple[str, ...]] = ()
    _matrices: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        given = [name for name in self._matrices if getattr(self, name) is not None]
        super().__post_init__()
        n = len(self)
        for name in self._by_phase:
            values = getattr(self, name)
            if values.ndim == 1:  # one value a row stands for all three phases
                values = np.repeat(values[:, None], 3, axis=1)
                values.setflags(write=False)
                object.__setattr__(self, name, values)
            if values.shape != (n, 3):
                raise ValueError(f"column {name!r} has shape {values.shape}, expected {(n, 3)}")
        for name in self._matrices:
            values = getattr(self, name)
            if name not in given:
                values = np.broadcast_to(values[:, None, None], (n, 3, 3)).copy()
                values.setflags(write=False)
                object.__setattr__(self, name, values)
            shape = values.shape
            if shape != (n, 3, 3):
                raise ValueError(f"column {name!r} has shape {shape}, expected {(n, 3, 3)}")


def voltage_terms(model: str) -> list[tuple[float, float, float, float]]:
    """Return the parts of a load by how they go with its voltage.

    Parameters
    ----------
    model : str
        One of :attr:`FeederLoads.model`; constant where it is none that is known.

    Returns
    -------
    list of tuple
        Shares of P and Q, and the powers of the voltage with which they go.

    Raises
    ------
    ValueError
        If the numbers of a ``cvr`` or a ``zip`` are none, or not as many as it has.
    """
    name, *numbers = model.split(":")
    values = [float(number) for number in numbers] if name in ("cvr", "zip") else []
    if not np.isfinite(values).all():
        raise ValueError(model)
    if name == "zip" and values:
        z_p, i_p, c_p, z_q, i_q, c_q = values
        return [(z_p, z_q, 2.0, 2.0), (i_p, i_q, 1.0, 1.0), (c_p, c_q, 0.0, 0.0)]
    if name == "cvr" and values:
        p, q = values
        return [(1.0, 1.0, p, q)]
    return [(1.0, 1.0, *_EXPONENTS.get(model, (0.0, 0.0)))]


@dataclass(frozen=True, eq=False)
class FeederBuses(PhaseTable):
    """Buses of a feeder.

    Attributes
    ----------
    id : ndarray of str, shape (n,)
        Unique ids.
    kv_ln : ndarray, shape (n,)
        Voltage base in kV, **line to neutral** (:attr:`pygridjl.Buses.base_kv` is line to line).
    phases : ndarray of bool, shape (n, 3)
        Which of the phases a, b, c exist; all three unless given.
    v_min, v_max : ndarray, shape (n,)
        Voltage band, p.u.; 0 and infinity where there is none.
    x, y : ndarray, shape (n,)
        Drawing coordinates in any unit; NaN where unknown.
    """

    id: StrArray = _column_field(np.str_)
    kv_ln: FloatArray = _column_field(np.float64)
    phases: BoolArray = _column_field(np.bool_, True)
    v_min: FloatArray = _column_field(np.float64, 0.0)
    v_max: FloatArray = _column_field(np.float64, np.inf)
    x: FloatArray = _column_field(np.float64, np.nan)
    y: FloatArray = _column_field(np.float64, np.nan)

    _by_phase: ClassVar[tuple[str, ...]] = ("phases",)


@dataclass(frozen=True, eq=False)
class FeederBranches(PhaseTable):
    """Lines, switches, transformers and regulators: an ideal ratio, then a series impedance.

    ``V_to = ratio * V_from - Z I``: the impedance lies on the *to* side of the ratio. Rows and
    columns of absent phases are zero.

    Attributes
    ----------
    id : ndarray of str, shape (m,)
        Unique ids.
    from_bus, to_bus : ndarray of int, shape (m,)
        Positions in :class:`FeederBuses`.
    r, x : ndarray, shape (m, 3, 3)
        Series resistance and reactance, p.u. of the *to* bus.
    phases : ndarray of bool, shape (m, 3)
        Which phases the branch carries; all three unless given.
    kind : ndarray of str, shape (m,)
        One of :data:`BRANCH_KINDS`. ``"source"`` is the impedance of the source itself: what it
        loses is no loss of the feeder.
    ratio : ndarray, shape (m, 3)
        No-load voltage of the *to* side over the *from* side, both in p.u.: the fixed taps.
    b : ndarray, shape (m, 3)
        Charging susceptance of each phase at balanced voltages, both ends together, p.u.
        (positive when capacitive).
    rating : ndarray, shape (m, 3)
        Ampacity of each phase, p.u. of the *to* bus; infinity where there is none.
    length_km : ndarray, shape (m,)
        Length, km; 0 where it has none or it is unknown.
    closed : ndarray of bool, shape (m,)
        Base state; False for an open switch.
    group : ndarray of str, shape (m,)
        Vector group of a three-phase transformer with a delta winding, one of :data:`GROUPS`;
        empty otherwise. The AC power flow follows it, without its turn of the angle; all else
        takes such a transformer phase by phase.
    gain : ndarray, shape (m, 3, 3)
        Where any entry is not zero, ``V_to = gain @ V_from - Z I`` takes the place of the ratio:
        units whose windings stand between other phases at the one side than at the other (poles
        between two phases, centre-tapped services, open-wye banks). The currents before it are
        ``gainᵀ I``; ``phases`` are those of the *to* side. Of a regulator between phases (open
        delta) the AC power flow alone follows it, and all else takes the ratio of each phase.
    """

    id: StrArray = _column_field(np.str_)
    from_bus: IntArray = _column_field(np.int64)
    to_bus: IntArray = _column_field(np.int64)
    r: FloatArray = _column_field(np.float64)
    x: FloatArray = _column_field(np.float64)
    phases: BoolArray = _column_field(np.bool_, True)
    kind: StrArray = _column_field(np.str_, "line")
    ratio: FloatArray = _column_field(np.float64, 1.0)
    b: FloatArray = _column_field(np.float64, 0.0)
    rating: FloatArray = _column_field(np.float64, np.inf)
    length_km: FloatArray = _column_field(np.float64, 0.0)
    closed: BoolArray = _column_field(np.bool_, True)
    group: StrArray = _column_field(np.str_, "")
    gain: FloatArray = _column_field(np.float64, 0.0)

    _by_phase: ClassVar[tuple[str, ...]] = ("phases", "ratio", "b", "rating")
    _matrices: ClassVar[tuple[str, ...]] = ("r", "x", "gain")

    @property
    def mixing(self) -> BoolArray:
        """Which branches have a gain in place of ratios, for whatever looks at them; shape (m,)."""
        return np.asarray(self.gain.any(axis=(1, 2)) & (self.kind != "regulator"))

    @property
    def from_phases(self) -> BoolArray:
        """Which phases the branches touch at their *from* side, shape (m, 3)."""
        return np.where(self.mixing[:, None], self.gain.any(axis=1), self.phases)


@dataclass(frozen=True, eq=False)
class FeederLoads(PhaseTable):
    """Constant-power loads, already turned into their wye equivalent.

    Attributes
    ----------
    id : ndarray of str, shape (l,)
        Unique ids.
    bus : ndarray of int, shape (l,)
        Positions in :class:`FeederBuses`.
    p, q : ndarray, shape (l, 3)
        Demand between each phase and ground, p.u.
    connection : ndarray of str, shape (l,)
        How the source connects the load, ``"wye"`` or ``"delta"``. ``p`` and ``q`` hold the wye
        equivalent at nominal voltages (:attr:`Feeder.nominal`) either way; the AC power flow undoes
        it.
    model : ndarray of str, shape (l,)
        Voltage dependence in the source: ``"power"``, ``"impedance"``, ``"current"``, ``"cvr"`` (or
        with exponents of active and reactive power other than 1 and 2 ``"cvr:0.8:3"``), ``"zip:"``
        and the shares of impedance, current and power in P and then in Q
        (``"zip:0.5:0.3:0.2:0.5:0.3:0.2"``), … The Z-bus power flow follows it, where it knows it;
        all else takes the nominal power as constant.
    """

    id: StrArray = _column_field(np.str_)
    bus: IntArray = _column_field(np.int64)
    p: FloatArray = _column_field(np.float64, 0.0)
    q: FloatArray = _column_field(np.float64, 0.0)
    connection: StrArray = _column_field(np.str_, "wye")
    model: StrArray = _column_field(np.str_, "power")

    _by_phase: ClassVar[tuple[str, ...]] = ("p", "q")


@dataclass(frozen=True, eq=False)
class Capacitors(PhaseTable):
    """Shunts in service: capacitors, reactors and the cores of transformers.

    Attributes
    ----------
    id : ndarray of str, shape (c,)
        Unique ids.
    bus : ndarray of int, shape (c,)
        Positions in :class:`FeederBuses`.
    q : ndarray, shape (c, 3)
        Reactive power injected in each phase at 1 p.u. voltage, p.u.; negative for a reactor.
    p : ndarray, shape (c, 3)
        Active power injected in each phase at 1 p.u. voltage, p.u.: what a capacitor between two
        phases moves from one to the other (sum 0), and negative the iron of a transformer.
    connection : ndarray of str, shape (c,)
        ``"wye"``, or ``"delta"`` for what stands between phases; ``p`` and ``q`` are divided as at
        nominal voltages (:attr:`Feeder.nominal`) either way, with √3 p.u. between two phases.
    """

    id: StrArray = _column_field(np.str_)
    bus: IntArray = _column_field(np.int64)
    q: FloatArray = _column_field(np.float64)
    p: FloatArray = _column_field(np.float64, 0.0)
    connection: StrArray = _column_field(np.str_, "wye")

    _by_phase: ClassVar[tuple[str, ...]] = ("q", "p")


@dataclass(frozen=True, eq=False)
class FeederGenerators(PhaseTable):
    """Generators already installed.

    Attributes
    ----------
    id : ndarray of str, shape (g,)
        Unique ids.
    bus : ndarray of int, shape (g,)
        Positions in :class:`FeederBuses`.
    p, q : ndarray, shape (g, 3)
        Injection of each phase, p.u.
    s_max : ndarray, shape (g, 3)
        Apparent-power capacity of each phase, p.u.; infinity where there is none.
    kind : ndarray of str, shape (g,)
        ``"generator"``, ``"pv"``, ``"storage"`` or the name of a profile it follows.
    """

    id: StrArray = _column_field(np.str_)
    bus: IntArray = _column_field(np.int64)
    p: FloatArray = _column_field(np.float64, 0.0)
    q: FloatArray = _column_field(np.float64, 0.0)
    s_max: FloatArray = _column_field(np.float64, np.inf)
    kind: StrArray = _column_field(np.str_, "generator")

    _by_phase: ClassVar[tuple[str, ...]] = ("p", "q", "s_max")
