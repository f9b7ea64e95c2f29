"""Whether two prices that ought to agree still do: pool against venue, and a coin against its peg.

The basis is ``10^4 ln(pool / venue)`` in basis points, the venue's price turned into the pool's
quote first. Three numbers judge it:

- its EWMA against absolute bounds, with each surprise clipped, so that a false print moves it by
  little and a real move by all of it;
- its z-score, ``(EWMA - median) / scale``, against the window's median and a scale from the
  quartiles (``IQR / 1.349``, the standard deviation of a normal basis): what is unusual for this
  pair of markets, whose basis need not be zero;
- its age: what is not fresh is not known, and suspends.

A peg is watched by the same monitor: the coin's rate against one, without a z-score, because one is
known to be right and the window's own median is not.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from alp.errors import ConfigError, DataError
from alp.models.caution_ladder import Bounds, CautionLadder, Demand, Level, Transition

_LEAST_SAMPLES = 30
_IQR_OF_NORMAL = 1.3489795003921634
_SECOND_NS = 1_000_000_000


class Cause(StrEnum):
    """Why a monitor asks for its level."""

    WITHIN = "WITHIN"
    """Nothing is unusual."""
    BOUND = "BOUND"
    """The deviation passes an absolute bound."""
    UNUSUAL = "UNUSUAL"
    """The deviation is far from its own median."""
    STALE = "STALE"
    """One side's price is older than allowed, or missing."""
    UNUSABLE = "UNUSABLE"
    """One side's price is not a positive number."""


@dataclass(frozen=True, slots=True)
class MonitorRules:
    """How one deviation is judged.

    Parameters
    ----------
    bounds_bps
        Absolute bounds of the smoothed deviation.
    bounds_z
        Bounds of the z-score; None leaves it out, as for a peg.
    hysteresis
        Part of a bound that the measure must be below it by to count as calm, 0..1.
    dwell_ns
        How long it must be calm before a level is left.
    half_life_ns
        Of the EWMA; 0 takes each deviation as it is.
    window_ns, sample_ns
        Of the median and the quartiles; at least 30 samples before a z-score is given.
    least_scale_bps
        Floor of the z-score's scale: what is ordinary in any market.
    clip_bps
        Greatest surprise that one observation may be to the EWMA; None is twice the bound of
        SUSPEND, so that a real jump still passes it within a half-life.
    max_age_ns
        Oldest price to judge by.
    widen_factor
        What distances are multiplied with from WIDEN on, at least 1.
    """

    bounds_bps: Bounds
    bounds_z: Bounds | None = None
    hysteresis: float = 0.2
    dwell_ns: int = 60 * _SECOND_NS
    half_life_ns: int = 10 * _SECOND_NS
    window_ns: int = 3_600 * _SECOND_NS
    sample_ns: int = 10 * _SECOND_NS
    least_scale_bps: float = 1.0
    clip_bps: float | None = None
    max_age_ns: int = 10 * _SECOND_NS
    widen_factor: float = 2.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.hysteresis < 1.0:
            raise ConfigError(f"hysteresis {self.hysteresis} is not in 0..1")
        if self.sample_ns <= 0 or self.window_ns < _LEAST_SAMPLES * self.sample_ns:
            raise ConfigError(
                f"a window of {self.window_ns} ns holds fewer than {_LEAST_SAMPLES} samples "
                f"of {self.sample_ns} ns"
            )
        for name in ("dwell_ns", "half_life_ns", "max_age_ns"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} is negative")
        if not (math.isfinite(self.least_scale_bps) and self.least_scale_bps > 0.0):
            raise ConfigError(f"least scale {self.least_scale_bps} bps is not positive")
        if self.clip_bps is not None and not self.clip_bps > self.bounds_bps.suspend:
            raise ConfigError(
                f"a clip of {self.clip_bps} bps hides what is beyond the bound of SUSPEND"
            )
        if not 1.0 <= self.widen_factor < math.inf:
            raise ConfigError(f"widen factor {self.widen_factor} would narrow the quotes")


PEG_RULES = MonitorRules(Bounds(widen=25.0, reduce=50.0, suspend=100.0))
"""Rules for the rate of two dollars: bounds of a quarter, a half and one per cent."""


class Reading(NamedTuple):
    """A monitor's judgement.

    Attributes
    ----------
    name
        Of the monitor.
    level, cause
        What may be done, and why.
    deviation_bps
        As observed; None where there was nothing to observe.
    smoothed_bps, median_bps, z
        The numbers it was judged by; None while unknown.
    widen
        What distances are to be multiplied with.
    transition
        The change of level that this observation made, if it made one.
    """

    name: str
    level: Level
    cause: str
    deviation_bps: float | None
    smoothed_bps: float | None
    median_bps: float | None
    z: float | None
    widen: float
    transition: Transition | None


class DeviationMonitor:
    """One deviation and its level; deterministic, no I/O, no clock.

    Parameters
    ----------
    name
        For people, for example ``basis kraken`` or ``peg USDT``.
    rules
        How it is judged.
    """

    def __init__(self, name: str, rules: MonitorRules) -> None:
        self.name = name
        self.rules = rules
        self.ladder = CautionLadder(rules.dwell_ns)
        self._window: deque[float] = deque(maxlen=rules.window_ns // rules.sample_ns)
        self._sorted: list[float] = []
        self._next_ns: int | None = None
        self._smoothed: float | None = None
        self._last_ns: int | None = None
        self._asked_ns: int | None = None

    def observe(
        self, ts_ns: int, price: float | None, reference: float | None, age_ns: int = 0
    ) -> Reading:
        """Judge `price` against `reference` at `ts_ns`; both in the same quote.

        Parameters
        ----------
        price, reference
            Pool and venue, or a coin's rate and one; None where there is none.
        age_ns
            Of the older of the two.

        Raises
        ------
        DataError
            If time runs backwards.
        """
        if self._asked_ns is not None and ts_ns < self._asked_ns:
            raise DataError(f"{self.name}: time went back from {self._asked_ns} to {ts_ns} ns")
        self._asked_ns = ts_ns
        if price is None or reference is None or age_ns > self.rules.max_age_ns:
            return self._unknown(ts_ns, Cause.STALE, f"{age_ns / _SECOND_NS:.3f} s old")
        if not all(math.isfinite(each) and each > 0.0 for each in (price, reference)):
            return self._unknown(ts_ns, Cause.UNUSABLE, f"prices {price} and {reference}")
        deviation = deviation_bps(price, reference)
        smoothed = self._smooth(ts_ns, deviation)
        z = self._z(smoothed)
        transition = self.ladder.step(ts_ns, self._demand(smoothed, z))
        median = self.median_bps
        self._sample(ts_ns, deviation)
        return self._reading(deviation, smoothed, median, z, transition)

    @property
    def median_bps(self) -> float | None:
        """Median of the window; None before 30 samples."""
        return _quantile(self._sorted, 0.5) if len(self._sorted) >= _LEAST_SAMPLES else None

    @property
    def scale_bps(self) -> float | None:
        """Scale of the z-score: the window's, or its floor; None before 30 samples."""
        if len(self._sorted) < _LEAST_SAMPLES:
            return None
        spread = _quantile(self._sorted, 0.75) - _quantile(self._sorted, 0.25)
        return max(spread / _IQR_OF_NORMAL, self.rules.least_scale_bps)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain values."""
        return {
            "ladder": self.ladder.snapshot(),
            "window": list(self._window),
            "next_ns": self._next_ns,
            "smoothed": self._smoothed,
            "last_ns": self._last_ns,
            "asked_ns": self._asked_ns,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up the state that `snapshot` gave, on a monitor made alike."""
        self.ladder.restore(state["ladder"])
        self._window.clear()
        self._window.extend(state["window"])
        self._sorted = sorted(self._window)
        self._next_ns = state["next_ns"]
        self._smoothed = state["smoothed"]
        self._last_ns = state["last_ns"]
        self._asked_ns = state["asked_ns"]

    def _unknown(self, ts_ns: int, cause: Cause, numbers: str) -> Reading:
        demand = Demand(Level.SUSPEND, Level.SUSPEND, cause, numbers)
        transition = self.ladder.step(ts_ns, demand)
        return self._reading(None, self._smoothed, self.median_bps, None, transition)

    def _reading(
        self,
        deviation: float | None,
        smoothed: float | None,
        median: float | None,
        z: float | None,
        transition: Transition | None,
    ) -> Reading:
        level = self.ladder.level
        widen = self.rules.widen_factor if level >= Level.WIDEN else 1.0
        return Reading(
            self.name, level, self.ladder.cause, deviation, smoothed, median, z, widen, transition
        )

    def _smooth(self, ts_ns: int, deviation: float) -> float:
        rules = self.rules
        if self._smoothed is None or self._last_ns is None or rules.half_life_ns == 0:
            smoothed = deviation
        else:
            clip = 2.0 * rules.bounds_bps.suspend if rules.clip_bps is None else rules.clip_bps
            surprise = min(max(deviation - self._smoothed, -clip), clip)
            kept = 2.0 ** (-(ts_ns - self._last_ns) / rules.half_life_ns)
            smoothed = self._smoothed + (1.0 - kept) * surprise
        self._smoothed, self._last_ns = smoothed, ts_ns
        return smoothed

    def _z(self, smoothed: float) -> float | None:
        median, scale = self.median_bps, self.scale_bps
        return None if median is None or scale is None else (smoothed - median) / scale

    def _demand(self, smoothed: float, z: float | None) -> Demand:
        rules, calm = self.rules, 1.0 - self.rules.hysteresis
        enter, hold = (rules.bounds_bps.level(abs(smoothed), scale) for scale in (1.0, calm))
        cause = Cause.WITHIN if enter is Level.NORMAL else Cause.BOUND
        numbers = f"{smoothed:.1f} bps"
        if z is not None and rules.bounds_z is not None:
            unusual = rules.bounds_z.level(abs(z))
            if unusual > enter:
                enter, cause = unusual, Cause.UNUSUAL
            hold = max(hold, rules.bounds_z.level(abs(z), calm))
            numbers += f", z {z:.1f}"
        return Demand(enter, hold, cause, numbers)

    def _sample(self, ts_ns: int, deviation: float) -> None:
        if self._next_ns is not None and ts_ns < self._next_ns:
            return
        self._next_ns = (ts_ns // self.rules.sample_ns + 1) * self.rules.sample_ns
        if len(self._window) == self._window.maxlen:
            del self._sorted[bisect_left(self._sorted, self._window[0])]
        self._window.append(deviation)
        insort(self._sorted, deviation)


class Verdict(NamedTuple):
    """What several monitors allow together: the most careful of them.

    Attributes
    ----------
    level
        The highest level of any.
    widen
        The greatest factor of any.
    alert
        Whether a person should look: from REDUCE on.
    why
        ``name: cause`` of every monitor at that level above NORMAL.
    """

    level: Level
    widen: float
    alert: bool
    why: tuple[str, ...]


def verdict(readings: Iterable[Reading]) -> Verdict:
    """Return what all readings allow; with none at all, SUSPEND: nothing is watched."""
    every = list(readings)
    if not every:
        return Verdict(Level.SUSPEND, 1.0, True, ("no monitor",))
    level = max(reading.level for reading in every)
    why = tuple(
        f"{reading.name}: {reading.cause}"
        for reading in every
        if reading.level is level and level > Level.NORMAL
    )
    widen = max(reading.widen for reading in every)
    return Verdict(level, widen, level >= Level.REDUCE, why)


def deviation_bps(price: float, reference: float) -> float:
    """Return ``10^4 ln(price / reference)``: the same size in both directions."""
    return 1e4 * (math.log(price) - math.log(reference))


def in_pool_quote(venue_price: float | None, quote_rate: float | None) -> float | None:
    """Return a venue's price in the pool's quote; None where either is missing.

    Parameters
    ----------
    venue_price
        Base in the venue's quote.
    quote_rate
        One unit of the venue's quote in the pool's; 1.0 where they are the same coin.
    """
    return None if venue_price is None or quote_rate is None else venue_price * quote_rate


def _quantile(ordered: list[float], part: float) -> float:
    """Return a quantile of sorted values, interpolated as numpy does by default."""
    place = part * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
