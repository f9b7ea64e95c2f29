"""What waiting is worth: hedging at once against hedging at a band, on one path.

The path is what the ranges ask of the hedge over time, with the price beside it. Each way of
hedging sees the same path and nothing of its future; what it does is counted by one meter. Its
*charge* is what it cost plus half the risk aversion times the squares of what the price made of
the unhedged inventory: the sum that the band of `hedge_band` makes least.

A taker trades at the price of the first point of the path after its latency. A passive order rests
from one point to the next and is filled, all of it and at its price, if the market traded through
it: at most one order at a time, set anew at each point. Neither moves the market beyond its cost.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple

from alp.errors import ConfigError, DataError
from alp.models.hedge_band import (
    Aim,
    BandRule,
    HedgeCost,
    OrderSizes,
    band_base,
    size_order,
    watched_at_intervals,
)
from alp.models.hedge_meter import HedgeMeter, HedgeMetrics
from alp.models.inventory import hedged_inventory
from alp.models.lp_exposure import LpExposure
from alp.models.quoting import require_not_negative, require_positive


@dataclass(frozen=True, slots=True)
class HedgePath:
    """What is to be hedged, at points in time.

    Parameters
    ----------
    ts_ns
        Times, rising.
    mid
        Mid price, quote per whole base.
    inventory_raw
        Inventory to hedge without any hedge, raw base, signed: ``h * delta``.
    base_decimals
        Of the base token.
    gamma
        Its slope over price in whole base per quote, for a band from cost; empty for none.
    high, low
        Extremes of the price since the point before; empty takes the two mids.

    Raises
    ------
    DataError
        If the columns differ in length, there are fewer than two points, or time does not rise.
    """

    ts_ns: Sequence[int]
    mid: Sequence[float]
    inventory_raw: Sequence[int]
    base_decimals: int
    gamma: Sequence[float] = ()
    high: Sequence[float] = ()
    low: Sequence[float] = ()

    def __post_init__(self) -> None:
        points = len(self.ts_ns)
        optional = [column for column in (self.gamma, self.high, self.low) if len(column)]
        if any(len(column) != points for column in (self.mid, self.inventory_raw, *optional)):
            raise DataError("the columns of a path differ in length")
        if points < 2:
            raise DataError(f"a path of {points} points is none")
        if any(self.ts_ns[i] <= self.ts_ns[i - 1] for i in range(1, points)):
            raise DataError("the times of a path do not rise")
        if len(self.high) != len(self.low):
            raise DataError("a path needs both extremes or neither")

    @classmethod
    def along(
        cls,
        exposure: LpExposure,
        ts_ns: Sequence[int],
        mid: Sequence[float],
        *,
        ratio: float = 1.0,
        high: Sequence[float] = (),
        low: Sequence[float] = (),
    ) -> HedgePath:
        """Return the path of ranges that stay as they are while the price goes along `mid`.

        The pool's price is taken to move with it from where the exposure has it.
        """
        if not len(mid):
            raise DataError("a path of 0 points is none")
        first, deviations, gammas = Fraction(mid[0]), [], []
        for price in mid:
            then = exposure.at(Fraction(price) / first)
            deviations.append(hedged_inventory(0, then.deviation(), ratio))
            gammas.append(ratio * then.gamma())
        decimals = exposure.leg.pair.base_decimals
        return cls(ts_ns, mid, deviations, decimals, gammas, high, low)


@dataclass(frozen=True, slots=True)
class Timing:
    """One way of hedging.

    Parameters
    ----------
    name
        For the report.
    cost
        Of one trade; what counts for a passive order is its fee alone.
    band
        Half-width of the band: from cost, or raw base; 0 hedges at once.
    aim
        To where a trade brings the inventory back.
    passive
        Whether it rests orders; it takes otherwise.
    distance_bps
        Of a passive order from mid.
    latency_ns
        From decision to trade of a taker.
    """

    name: str
    cost: HedgeCost
    band: BandRule | int = 0
    aim: Aim = Aim.EDGE
    passive: bool = False
    distance_bps: float = 0.0
    latency_ns: int = 0

    def __post_init__(self) -> None:
        require_not_negative(distance_bps=self.distance_bps, latency_ns=self.latency_ns)
        if self.distance_bps >= 10_000.0:
            raise ConfigError(f"a bid {self.distance_bps} bps below mid has no price")
        if isinstance(self.band, int) and self.band < 0:
            raise ConfigError(f"a band of {self.band} raw is negative")


class TimingResult(NamedTuple):
    """What one way of hedging came to.

    Attributes
    ----------
    metrics
        Error, lag and cost.
    risk_quote
        Half the risk aversion times the squared error in quote.
    hedged_raw, unhedged_raw
        The hedge's position at the end, and what of the inventory it leaves; together they are the
        inventory wanted.
    """

    name: str
    metrics: HedgeMetrics
    risk_quote: float
    hedged_raw: int
    unhedged_raw: int

    @property
    def charge_quote(self) -> float:
        """Cost and risk together: what is to be least."""
        return self.metrics.cost_quote + self.risk_quote

    def record(self) -> dict[str, Any]:
        """Return it as plain values, for a report."""
        return {
            "name": self.name,
            **{key: _plain(value) for key, value in self.metrics._asdict().items()},
            "risk_quote": self.risk_quote,
            "charge_quote": self.charge_quote,
            "unhedged_raw": str(self.unhedged_raw),
        }


class _Order(NamedTuple):
    """A trade decided on: of a taker from `due_ns` on, or resting at `price`."""

    lots: int
    due_ns: int
    price: float


def hedge_along(
    path: HedgePath, timing: Timing, sizes: OrderSizes, *, risk_aversion: float
) -> TimingResult:
    """Return what one way of hedging comes to on a path.

    Parameters
    ----------
    sizes
        What orders the venue takes.
    risk_aversion
        Per quote, of the charge.

    Raises
    ------
    ConfigError
        If the band is to follow from cost and the path has no gamma.
    """
    require_not_negative(risk_aversion=risk_aversion)
    if isinstance(timing.band, BandRule) and not len(path.gamma):
        raise ConfigError("a band from cost needs a path with its gamma")
    meter, position = HedgeMeter(path.base_decimals), 0
    order: _Order | None = None
    for i, (ts_ns, mid) in enumerate(zip(path.ts_ns, path.mid, strict=True)):
        band = _band(path, timing, i)
        if order is not None and _traded(path, timing, order, i):
            position += _book(meter, path, timing, sizes, order, i)
            order = None
        if order is None or timing.passive:
            lots = size_order(path.inventory_raw[i] + position, band, sizes, aim=timing.aim).lots
            order = _decide(timing, lots, ts_ns, mid) if lots else None
            if order is not None and not timing.passive and timing.latency_ns == 0:
                position += _book(meter, path, timing, sizes, order, i)
                order = None
        # What is less than an order more than the band cannot be traded.
        meter.observe(ts_ns, path.inventory_raw[i] + position, mid, band + sizes.least_raw)
    metrics = meter.metrics
    return TimingResult(
        timing.name,
        metrics,
        0.5 * risk_aversion * metrics.error_quote**2,
        hedged_raw=-position,
        unhedged_raw=path.inventory_raw[-1] + position,
    )


def compare_timings(
    path: HedgePath, timings: Iterable[Timing], sizes: OrderSizes, *, risk_aversion: float
) -> tuple[TimingResult, ...]:
    """Return what several ways of hedging come to on one path, in the order given."""
    require_positive(risk_aversion=risk_aversion)
    return tuple(
        hedge_along(path, timing, sizes, risk_aversion=risk_aversion) for timing in timings
    )


def realised_band(path: HedgePath, *, cost_per_base: float, risk_aversion: float) -> int:
    """Return the band from cost, raw base, by what inventory and price did on the path.

    ``v^2 / sigma_s^2`` of `hedge_band` as the ratio of their squared changes, less what being
    looked at only at the path's points adds: known when the path is over. 0 where the price never
    moved.
    """
    whole = 10.0**-path.base_decimals
    pairs = zip(pairwise(path.inventory_raw), pairwise(path.mid), strict=True)
    inventory = price = 0.0
    for (held, held_then), (mid, mid_then) in pairs:
        inventory += ((held_then - held) * whole) ** 2
        price += (mid_then - mid) ** 2
    if price == 0.0:
        return 0
    width = band_base(
        cost_per_base=cost_per_base, gamma=math.sqrt(inventory / price), risk_aversion=risk_aversion
    )
    step = math.sqrt(inventory / (len(path.mid) - 1))
    return int(watched_at_intervals(width, step) * 10.0**path.base_decimals)


def _band(path: HedgePath, timing: Timing, i: int) -> int:
    if isinstance(timing.band, int):
        return timing.band
    return timing.band.band_raw(price=path.mid[i], gamma=path.gamma[i])


def _decide(timing: Timing, lots: int, ts_ns: int, mid: float) -> _Order:
    side = 1.0 if lots > 0 else -1.0
    price = mid * (1.0 - side * timing.distance_bps * 1e-4)
    return _Order(lots, ts_ns + timing.latency_ns, price)


def _traded(path: HedgePath, timing: Timing, order: _Order, i: int) -> bool:
    """Whether an order decided on before point `i` is traded by then."""
    if not timing.passive:
        return path.ts_ns[i] >= order.due_ns
    before, now = path.mid[i - 1], path.mid[i]
    if order.lots > 0:
        return (path.low[i] if len(path.low) else min(before, now)) < order.price
    return (path.high[i] if len(path.high) else max(before, now)) > order.price


def _book(
    meter: HedgeMeter, path: HedgePath, timing: Timing, sizes: OrderSizes, order: _Order, i: int
) -> int:
    """Count a trade at point `i`; return its raw base, positive for a purchase."""
    mid, raw = path.mid[i], order.lots * sizes.lot_raw
    base = abs(raw) * 10.0**-path.base_decimals
    if timing.passive:
        meter.fill(raw, order.price, mid, base * order.price * timing.cost.fee_bps * 1e-4)
    else:
        slip = (timing.cost.half_spread_bps + timing.cost.impact_bps) * 1e-4
        price = mid * (1.0 + slip if raw > 0 else 1.0 - slip)
        meter.fill(raw, price, mid, base * mid * timing.cost.fee_bps * 1e-4)
    return raw


def _plain(value: float | int | None) -> float | int | str | None:
    """Return large integers as text, so that JSON keeps them."""
    return str(value) if isinstance(value, int) and abs(value) > 2**53 else value
