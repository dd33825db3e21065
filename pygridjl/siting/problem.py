"""Where distributed generation may go and what it may cost: the first stage, as data."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from pygridjl.core.errors import InvalidOptionError, InvalidPlanningError
from pygridjl.core.findings import Finding
from pygridjl.core.options import option
from pygridjl.core.types import BoolArray, FloatArray, IntArray
from pygridjl.grid.feeder import PHASES, Feeder
from pygridjl.siting.given_arrays import given_arrays
from pygridjl.siting.measures import canonical, parse_measure
from pygridjl.siting.risk import Risk

__all__ = ["PlanningProblem"]

# A smaller unit than a watt is a slip of units, and its counts overflow.
LEAST_UNIT = 1e-3
# Relative error of sums of money.
ROUNDING = 1e-12
CVAR_LEVEL = 0.95
# Profile of the sites whose units charge and discharge.
STORAGE, HOURS_A_DAY = "storage", 24


@dataclass(frozen=True, eq=False)
class PlanningProblem:
    """Siting and sizing of PV units on a feeder: constraints (38)–(40) and what (41)–(54) need.

    Numbers marked *lost* are not legible in the source of the method; the default is then our
    own choice. Defaults agree with what the published model sizes reveal: 166 units at most per
    bus is what 1500 k$ buys in units of 6 kW at 1500 $/kW.

    Attributes
    ----------
    feeder : Feeder
        The feeder.
    sites : ndarray of int, shape (n_site,)
        Positions of the buses that may hold units; those of
        :func:`~pygridjl.siting.candidates.candidate_sites` unless given.
    site_phases : ndarray of bool, shape (n_site, 3)
        Phases the units of a site may inject into; those of the bus unless given.
    site_angle : ndarray, shape (n_site,), or None
        θ of (46) at each site, rad, where that is not ``power_factor_angle``; NaN where it is.
    site_reactive : tuple of str, or None
        ``"fixed"`` or ``"free"`` for each site, or ``""`` where that is ``reactive``.
    site_profile : tuple of str, or None
        Profile of the scenarios that the units of each site follow; ``"pv"`` everywhere unless
        given. Units of ``"storage"`` follow none: they charge and discharge within a day.
    unit_kw : float
        Rating p̄ of one unit over all its phases, kW (lost; 6); at least a watt.
    max_units : int
        Most units L at one site (166).
    site_max : ndarray of int, shape (n_site,), or None
        Most units at each site, where that is less than L; L everywhere unless given.
    unit_cost : float
        Cost c, $/kW (lost; 1500).
    site_cost : ndarray, shape (n_site,), or None
        Cost of a unit at each site, $/kW, where that is not c; NaN where it is. All c unless
        given.
    budget : float
        Budget, k$ (1500).
    min_units : int
        Fewest units n_low at a site that has any (lost; 1).
    min_sites, max_sites : int or None
        Bounds K_min, K_max on the number of sites used (lost; 0 and 10); ``max_sites=None`` is
        no bound.
    measure : str
        What counts, each by its expectation. ``"voltage"``: F^vd of (41), ``Σ |U − v_ref²|`` over
        all nodes with U the squared voltage magnitude, p.u. ``"loss"``: Re(Iᴴ R I) over all
        branches at nominal voltages, kW (see
        :func:`~pygridjl.powerflow.losses.resistive_losses`). ``"loss-printed"``: F^pl as (53)
        prints it, Σ r (P² + Q²) over all branch phases, kW, without mutual resistances.
        ``"import"``: max(0, P) of the power P that the source delivers over all its phases, kW,
        losses not counted. ``"energy-cost"``: what it costs, $/h. ``"unbalance"``: mean over the
        buses with three phases of ``max |U − mean U| / (2 v_ref²)``, %; to first order the phase
        voltage unbalance rate of IEEE Std 141. Or a sum such as ``"loss=1,voltage=0.2"``.
    import_price, export_price : float, str or None
        Price of what the source delivers and of what flows back, $/MWh, for ``"energy-cost"``:
        a number, or the name of a price of the scenarios. The former is needed and nowhere below
        the latter; what flows back earns nothing unless a price is given.
    v_source : float or None
        Voltage magnitude of all source phases, p.u. (lost); that of the feeder unless given.
    curtailment_price : float
        What the objective gains for each kW of sun not used on average, in its own unit (0).
    unit_penalty : float
        What it gains for each kW installed, in its own unit (0): units that change less than
        this are left out.
    cvar_share : float
        Weight of the conditional value at risk beside the expectation, from 0 to 1 (0).
    cvar_level : float or None
        The CVaR is the mean over the worst 1 − ``cvar_level`` of the hours; 0.95 unless given.
    slack_price : float or None
        What the objective gains for each percent by which a branch phase passes its rating, and
        for each 0.01 p.u. by which a node leaves its band, on average over the scenarios; None
        for limits that hold. It asks for the engine ``"full"``.
    limit_share : float
        Share of the hours, by the probability of the scenarios, in which limits must hold (1). In
        the others, which are chosen to be worth most, all limits are given up.
    v_ref : float
        Reference magnitude of F^vd, p.u. (lost; 1).
    v_min, v_max : float, ndarray of shape (n_bus,) or None
        Band of (48), p.u. (lost); each bus keeps the band of the feeder unless given. 0 and
        infinity are no limit. The door :func:`~pygridjl.siting.solve.site` and
        :func:`~pygridjl.siting.operating.operate` assume 0.95 to 1.05 where neither states one.
    power_factor_angle : float
        θ of (46), rad: a unit injects tan θ kvar a kW, and absorbs them where θ is negative
        (lost; 0).
    reactive : {"fixed", "free"}
        Whether a unit injects tan θ kvar a kW, or any amount of at most ``|tan θ|`` kvar a kW on
        each phase, chosen in every scenario: an inverter of 1/cos θ kVA a kW.
    storage_hours : float
        Energy of a unit of storage over its rating, h (4).
    storage_efficiency : float
        Share of what is charged that is discharged (0.9), half of the loss on either way.
    line_limits : bool
        Whether (50)–(52) hold on every branch phase with a finite ampacity.
    standard_ratings : bool
        Whether the same doors give lines without ampacity that of a standard conductor, see
        :func:`~pygridjl.grid.conductors.with_standard_ratings`.
    """

    feeder: Feeder
    sites: IntArray = None  # type: ignore[assignment]  # filled below
    site_phases: BoolArray = None  # type: ignore[assignment]  # filled below
    site_max: IntArray | None = None
    site_cost: FloatArray | None = None
    site_angle: FloatArray | None = None
    site_reactive: tuple[str, ...] | None = None
    site_profile: tuple[str, ...] | None = None
    unit_kw: float = option(6.0, "rating of one unit over all its phases, kW", least=LEAST_UNIT)
    max_units: int = option(166, "most units at one site", least=1)
    unit_cost: float = option(1500.0, "cost of a unit, $/kW", least=0)
    budget: float = option(1500.0, "budget, k$", least=0)
    min_units: int = option(1, "fewest units at a used site", least=1)
    min_sites: int = option(0, "fewest sites used", least=0)
    max_sites: int | None = option(10, "most sites used", least=0)
    measure: str = option(
        "voltage",
        "voltage, loss, loss-printed, import, energy-cost or unbalance, expected, or a sum such as "
        "loss=1,voltage=0.2",
    )
    import_price: float | str | None = option(
        None, "for energy-cost: price of imported energy, $/MWh, or a column of prices"
    )
    export_price: float | str | None = option(
        None, "for energy-cost: price of exported energy, $/MWh, or a column of prices; 0"
    )
    curtailment_price: float = option(
        0.0, "price of a kW curtailed on average, in the unit of the objective", least=0
    )
    unit_penalty: float = option(
        0.0, "price of a kW installed, in the unit of the objective", least=0
    )
    cvar_share: float = option(0.0, "weight of the CVaR beside the expectation", least=0, most=1)
    cvar_level: float | None = option(
        None, "share of the hours that are not the worst ones of the CVaR; 0.95", least=0
    )
    slack_price: float | None = option(
        None, "price of passing a limit by a percent or 0.01 p.u.; limits hold without one", above=0
    )
    limit_share: float = option(
        1.0,
        "share of the hours in which limits must hold; below 1 by method extensive",
        above=0,
        most=1,
    )
    v_source: float | None = option(None, "source voltage, p.u.; else that of the feeder")
    v_ref: float = option(1.0, "reference of the voltage deviation, p.u.")
    v_min: float | FloatArray | None = option(
        None, "lowest voltage, p.u.; else that of each bus, else 0.95; 0 for no limit"
    )
    v_max: float | FloatArray | None = option(
        None, "highest voltage, p.u.; else that of each bus, else 1.05; inf for no limit"
    )
    power_factor_angle: float = 0.0
    reactive: Literal["fixed", "free"] = option(
        "fixed", "reactive power by the power factor, or chosen in every hour up to that"
    )
    storage_hours: float = option(4.0, "energy of a unit of storage over its rating, h", above=0)
    storage_efficiency: float = option(
        0.9, "share of what storage charges that it discharges", above=0, most=1
    )
    line_limits: bool = True
    standard_ratings: bool = option(
        True, "give lines without ampacity that of the standard conductor nearest in resistance"
    )

    def __post_init__(self) -> None:
        for name, value in given_arrays(self).items():
            object.__setattr__(self, name, value)
        # What cannot be read is told with everything else that is wrong.
        with contextlib.suppress(InvalidOptionError):
            object.__setattr__(self, "measure", canonical(self.measure))
        for name in ("import_price", "export_price"):
            price = getattr(self, name)
            if isinstance(price, str):
                with contextlib.suppress(ValueError):
                    object.__setattr__(self, name, float(price))

    @classmethod
    def on_buses(
        cls,
        feeder: Feeder,
        buses: Iterable[str],
        *,
        phases: Iterable[str] | None = None,
        **rest: Any,
    ) -> PlanningProblem:
        """Build a problem whose sites are named by bus id.

        Parameters
        ----------
        feeder : Feeder
            The feeder.
        buses : iterable of str
            Ids of the candidate buses.
        phases : iterable of str, optional
            Letters such as ``"ac"`` for each bus; by default all phases of the bus.
        **rest
            The other attributes.

        Raises
        ------
        InvalidPlanningError
            If a bus is unknown or the letters are not made of a, b, c.
        """
        names = list(buses)
        position = {name: k for k, name in enumerate(feeder.buses.id.tolist())}
        unknown = tuple(name for name in names if name not in position)
        if unknown:
            finding = Finding("site", unknown, "bus", "is not a bus of the feeder")
            raise InvalidPlanningError(feeder.name, [finding])
        mask: BoolArray = None  # type: ignore[assignment]  # those of the buses
        if phases is not None:
            letters = list(phases)
            if len(letters) != len(names):
                raise InvalidOptionError(f"{len(letters)} phase texts for {len(names)} sites")
            odd = tuple(
                n for n, x in zip(names, letters, strict=True) if not x or set(x) - set(PHASES)
            )
            if odd:
                finding = Finding("site", odd, "phases", "are not made of the letters a, b, c")
                raise InvalidPlanningError(feeder.name, [finding])
            mask = np.array([[p in text for p in PHASES] for text in letters], dtype=np.bool_)
        sites = np.array([position[name] for name in names], dtype=np.int64)
        return cls(feeder, sites, mask, **rest)

    # ------------------------------------------------------------------------------ first stage
    @property
    def n_site(self) -> int:
        """Number of candidate sites."""
        return int(self.sites.size)

    @property
    def site_ids(self) -> tuple[str, ...]:
        """Bus ids of the sites."""
        return tuple(self.feeder.buses.id[self.sites].tolist())

    @cached_property
    def site_letters(self) -> tuple[str, ...]:
        """Phases of the sites as letters, such as ``"abc"``."""
        return tuple(
            "".join(p for p, there in zip(PHASES, row, strict=True) if there)
            for row in self.site_phases
        )

    @property
    def profiles(self) -> tuple[str, ...]:
        """Profile that the units of each site follow."""
        return ("pv",) * self.n_site if self.site_profile is None else self.site_profile

    @cached_property
    def stores(self) -> BoolArray:
        """Which sites are of storage, shape (n_site,)."""
        return np.array([name == STORAGE for name in self.profiles], dtype=np.bool_)

    @cached_property
    def unit_prices(self) -> FloatArray:
        """Cost of one unit at each site, k$, shape (n_site,)."""
        return self._by_site(self.unit_cost, self.site_cost) * self.unit_kw / 1e3

    def _by_site(self, common: float, own: FloatArray | None) -> FloatArray:
        """Return a number for each site, its own where it has one."""
        everywhere = np.full(self.n_site, float(common))
        return everywhere if own is None else np.where(np.isnan(own), everywhere, own)

    @cached_property
    def same_price(self) -> bool:
        """Whether a unit costs the same everywhere, so that the budget is a number of units."""
        return self.n_site == 0 or bool((self.unit_prices == self.unit_prices[0]).all())

    @property
    def budget_units(self) -> int:
        """Units the budget (39) buys at the cheapest sites, limited by what sites can hold."""
        held = self.max_units * self.most_sites
        return min(self._bought(float(self.unit_prices.min(initial=np.inf))), held)

    def _bought(self, price: float) -> int:
        # The small excess keeps a budget of exactly k units at k despite rounding.
        most = self.budget / price * (1 + ROUNDING) if price > 0 else np.inf
        return math.floor(min(most, float(np.iinfo(np.int32).max)))

    @property
    def money(self) -> float:
        """Most that may be spent, k$: the budget, and what is rounding."""
        return self.budget * (1 + ROUNDING)

    def affords(self, units: FloatArray | IntArray) -> bool:
        """Whether the budget (39) pays for units, shape (n_site,)."""
        return float(self.unit_prices @ units) <= self.money

    @property
    def most_sites(self) -> int:
        """Most sites that may be used: K_max, or all."""
        return self.n_site if self.max_sites is None else min(self.max_sites, self.n_site)

    @property
    def site_limit(self) -> int:
        """Most units at one site: L, or what the budget buys if that is less."""
        return min(self.max_units, self.budget_units)

    @cached_property
    def site_limits(self) -> IntArray:
        """Most units at each site, shape (n_site,); not to be written to."""
        bought = [self._bought(price) for price in self.unit_prices.tolist()]
        limit = np.minimum(np.array(bought, dtype=np.int64), self.site_limit)
        limit = limit if self.site_max is None else np.minimum(limit, self.site_max)
        limit.setflags(write=False)
        return limit

    # ----------------------------------------------------------------------------- second stage
    @property
    def risk(self) -> Risk | None:
        """What counts beside the expectation; None if nothing does."""
        if self.cvar_share <= 0:
            return None
        return Risk(self.cvar_share, CVAR_LEVEL if self.cvar_level is None else self.cvar_level)

    @cached_property
    def weights(self) -> dict[str, float]:
        """Weight of each measure in the objective; not to be written to."""
        return parse_measure(self.measure)

    @property
    def price_columns(self) -> tuple[str, ...]:
        """Prices of the scenarios that the objective needs, by name."""
        prices = (self.import_price, self.export_price)
        return tuple(dict.fromkeys(price for price in prices if isinstance(price, str)))

    @cached_property
    def angles(self) -> FloatArray:
        """Angle θ of (46) at each site, rad, shape (n_site,)."""
        angles = self._by_site(self.power_factor_angle, self.site_angle)
        # Storage has no reactive power.
        return np.where(self.stores, 0.0, angles)

    @cached_property
    def free(self) -> BoolArray:
        """Where the reactive power of units is chosen, shape (n_site,)."""
        own = ("",) * self.n_site if self.site_reactive is None else self.site_reactive
        free = np.array([(text or self.reactive) == "free" for text in own], dtype=np.bool_)
        return free & ~self.stores

    @property
    def unit_power(self) -> float:
        """Rating of one unit, p.u. of one phase."""
        return self.unit_kw / (self.feeder.phase_mva * 1e3)

    @property
    def source_voltage(self) -> FloatArray:
        """Voltage magnitude of the source phases, p.u., shape (3,)."""
        return self.feeder.v_set if self.v_source is None else np.full(3, float(self.v_source))

    @property
    def band(self) -> tuple[FloatArray, FloatArray]:
        """Lowest and highest voltage magnitude by bus, p.u., shapes (n_bus,)."""
        bus = self.feeder.buses
        low = bus.v_min if self.v_min is None else np.broadcast_to(self.v_min, len(bus))
        high = bus.v_max if self.v_max is None else np.broadcast_to(self.v_max, len(bus))
        return np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)

    def __repr__(self) -> str:
        return (
            f"<PlanningProblem on {self.feeder.name!r}: {self.n_site} sites, up to "
            f"{self.budget_units} units of {self.unit_kw:g} kW, measure {self.measure!r}>"
        )
