"""The passive hedge: leaning a venue's quotes against what the ranges picked up.

The combined inventory is ``q = q_cefi + h * delta`` with ``delta`` the LP leg's base (positions,
wallet, uncollected fees) less its target. Outside a no-trade band the reducing side is quoted at
the model's distance for ``q``, post-only. It is a statistical hedge by passive fills, not a delta
hedge; what is too small for an order stays in ``q`` and is carried until it is large enough.

Where told, the band follows from cost and gamma, the order is sized for the inventory at its own
price, and the monitors of basis and peg widen it, leave only what reduces, or forbid it.

Quantities are integers throughout: raw base units, and lots of the venue.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any

from alp.errors import ConfigError
from alp.models.caution_ladder import Level
from alp.models.hedge_band import Aim, BandRule, OrderSizes, Sizing, size_order
from alp.models.hedge_ratio import HedgeRatioEstimator
from alp.models.inventory import hedged_inventory
from alp.models.lp_exposure import LpExposure
from alp.models.quoting import Intensity
from alp.models.recipe import QuotingRecipe

_PIPS = 1_000_000


class HedgeState(StrEnum):
    """What the hedge is doing, and why it is not doing more."""

    QUOTING = "QUOTING"
    """An order that reduces the combined inventory is wanted."""
    IN_BAND = "IN_BAND"
    """The combined inventory is within the no-trade band."""
    BELOW_MINIMUM = "BELOW_MINIMUM"
    """It is outside the band but less than the venue's smallest order: carried."""
    STALE = "STALE"
    """Suspended: the pool's or the venue's data is too old."""
    NO_ESTIMATE = "NO_ESTIMATE"
    """Suspended: volatility or hedge ratio is not known yet."""
    DECORRELATED = "DECORRELATED"
    """Suspended: pool and venue no longer move together."""
    GUARDED = "GUARDED"
    """Suspended: a monitor of the basis or of a peg forbids new orders."""


SUSPENDED = frozenset(
    {
        HedgeState.STALE,
        HedgeState.NO_ESTIMATE,
        HedgeState.DECORRELATED,
        HedgeState.GUARDED,
    }
)
"""States in which no new hedge is quoted; each is worth an alert."""


@dataclass(frozen=True, slots=True)
class HedgeParameters:
    """How one venue hedges.

    Parameters
    ----------
    quoting
        The model; the closed form serves best here, it is built at every decision.
    lot_raw
        Base raw units of one lot.
    min_lots, max_lots
        Bounds of one order.
    tick_size
        Quote per base of one price tick.
    base_decimals
        Of the base token.
    ratio
        A fixed ``h``; None estimates the minimum-variance ratio.
    min_correlation
        Floor of the correlation under which the hedge is suspended; not checked with a fixed
        ratio while there are too few samples to know.
    band_raw
        No-trade band: a combined inventory of at most this is left alone, raw base.
    share_ppm
        This venue's part of the hedge, in millionths.
    maker_lots
        Size of quotes that do not reduce inventory; 0 quotes the reducing side only.
    max_data_age_ns
        Oldest pool or venue data to quote on; None for any.
    max_unhedged_ns
        Time outside the band after which a decision carries an alarm.
    band
        The band from cost and gamma in place of `band_raw`, where the exposure is known.
    aim
        To where an order brings the inventory back.
    size_at_fill
        Size an order for the inventory there will be at its own price. The ranges sell base while
        the price rises to an offer and buy while it falls to a bid, so a passive order for all of
        today's inventory is too large by gamma times its distance.
    """

    quoting: QuotingRecipe
    lot_raw: int
    min_lots: int
    max_lots: int
    tick_size: Decimal
    base_decimals: int
    ratio: float | None = None
    min_correlation: float = 0.0
    band_raw: int = 0
    share_ppm: int = _PIPS
    maker_lots: int = 0
    max_data_age_ns: int | None = None
    max_unhedged_ns: int | None = None
    band: BandRule | None = None
    aim: Aim = Aim.ZERO
    size_at_fill: bool = False

    def __post_init__(self) -> None:
        OrderSizes(self.lot_raw, self.min_lots, self.max_lots)
        if not (self.tick_size.is_finite() and self.tick_size > 0):
            raise ConfigError(f"tick size {self.tick_size} is not positive")
        if self.ratio is not None and not math.isfinite(self.ratio):
            raise ConfigError(f"hedge ratio {self.ratio} is not a number")
        if not -1.0 <= self.min_correlation <= 1.0:
            raise ConfigError(f"correlation floor {self.min_correlation} is not in -1..1")
        if self.band_raw < 0 or not 0 <= self.share_ppm <= _PIPS or self.maker_lots < 0:
            raise ConfigError("band, share and maker size must not be negative, nor the share > 1")

    @property
    def sizes(self) -> OrderSizes:
        """What orders the venue takes."""
        return OrderSizes(self.lot_raw, self.min_lots, self.max_lots)


@dataclass(frozen=True, slots=True)
class HedgeObservation:
    """Both legs at one moment.

    Parameters
    ----------
    lp_base, target_base
        Base of the LP leg, and its target; raw.
    cefi_base
        Base on this venue and the others, raw, signed; orders whose fate is not known count as
        filled where that is worse.
    bid_ticks, ask_ticks
        The reference's best prices in ticks; equal where only a last price is known.
    sigma
        Volatility of the log-price per square-root second; None while unknown.
    pool_age_ns, venue_age_ns
        Age of each side's data.
    intensity
        A calibrated intensity in place of the recipe's.
    exposure
        The LP leg over prices; None where only its base is known.
    level, widen
        What the monitors of basis and pegs allow, and what distances are multiplied with.
    """

    ts_ns: int
    lp_base: int
    target_base: int
    cefi_base: int
    bid_ticks: int
    ask_ticks: int
    sigma: float | None
    pool_age_ns: int = 0
    venue_age_ns: int = 0
    intensity: Intensity | None = None
    exposure: LpExposure | None = None
    level: Level = Level.NORMAL
    widen: float = 1.0

    @property
    def mid_ticks(self) -> float:
        """The reference's mid."""
        return (self.bid_ticks + self.ask_ticks) / 2.0


@dataclass(frozen=True, slots=True)
class PassiveQuote:
    """A post-only order to have resting."""

    price_ticks: int
    lots: int


@dataclass(frozen=True, slots=True)
class HedgeDecision:
    """Which orders to have resting, and the numbers behind them.

    Attributes
    ----------
    bid, ask
        Orders to rest; None takes that side off.
    delta_raw
        LP base less target.
    combined_raw
        ``q_cefi + h * delta``, all venues.
    residual_raw
        What of this venue's part no order is wanted for; signed, carried in ``combined_raw``.
    ratio, correlation
        As used; the correlation is None while unknown.
    unhedged_ns
        How long the combined inventory has been outside the band.
    alarm
        Whether that is longer than allowed, or the hedge is suspended or told to reduce.
    band_raw
        Half-width of the band as used.
    """

    state: HedgeState
    bid: PassiveQuote | None
    ask: PassiveQuote | None
    delta_raw: int
    combined_raw: int
    residual_raw: int
    ratio: float | None
    correlation: float | None
    unhedged_ns: int
    alarm: bool
    band_raw: int = 0


class HedgeCore:
    """Decides one venue's orders; deterministic, no I/O.

    Parameters
    ----------
    parameters
        How to decide.
    window_ns, sample_ns
        Of the hedge ratio's and the correlation's estimate.
    """

    def __init__(
        self,
        parameters: HedgeParameters,
        *,
        window_ns: int = 86_400_000_000_000,
        sample_ns: int = 60_000_000_000,
    ) -> None:
        self.parameters = parameters
        self._sizes = parameters.sizes
        self.estimator = HedgeRatioEstimator(window_ns, sample_ns)
        self._outside_since_ns: int | None = None

    def observe(self, ts_ns: int, pool_price: float, venue_price: float) -> None:
        """Feed the ratio's estimate with both prices at `ts_ns`."""
        self.estimator.update(ts_ns, pool_price, venue_price)

    @property
    def ratio(self) -> float | None:
        """``h`` as it would be used now; None while unknown."""
        fixed = self.parameters.ratio
        return self.estimator.ratio if fixed is None else fixed

    def decide(self, seen: HedgeObservation) -> HedgeDecision:
        """Return the orders to have resting now."""
        rules, ratio = self.parameters, self.ratio
        delta = seen.lp_base - seen.target_base
        combined = hedged_inventory(seen.cefi_base, delta, 0.0 if ratio is None else ratio)
        band = self._band(seen, ratio)
        state, lots = self._suspension(seen, ratio), 0
        bid = ask = None
        if state is None:
            assert ratio is not None
            sizing = self._size(combined, band)
            maker = rules.maker_lots if seen.level < Level.REDUCE else 0
            prices = self._prices(seen, combined) if sizing.lots or maker else (None, None)
            if rules.size_at_fill and seen.exposure is not None:
                sizing = self._size_at_fill(seen, sizing, prices, ratio, band)
            lots = sizing.lots
            state = _state_of(sizing)
            bid = _quote(prices[0], lots if lots > 0 else maker)
            ask = _quote(prices[1], -lots if lots < 0 else maker)
        outside = abs(combined) > band or ratio is None
        unhedged_ns = self._unhedged(seen.ts_ns, outside=outside)
        mine = combined * rules.share_ppm // _PIPS
        too_long = rules.max_unhedged_ns is not None and unhedged_ns > rules.max_unhedged_ns
        return HedgeDecision(
            state=state,
            bid=bid,
            ask=ask,
            delta_raw=delta,
            combined_raw=combined,
            residual_raw=mine + lots * rules.lot_raw,
            ratio=ratio,
            correlation=self.estimator.correlation,
            unhedged_ns=unhedged_ns,
            alarm=too_long or state in SUSPENDED or seen.level >= Level.REDUCE,
            band_raw=band,
        )

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain values, for `restore`."""
        return {
            "estimator": self.estimator.snapshot(),
            "outside_since_ns": self._outside_since_ns,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up the state that `snapshot` gave."""
        self.estimator.restore(state["estimator"])
        self._outside_since_ns = state["outside_since_ns"]

    def _suspension(self, seen: HedgeObservation, ratio: float | None) -> HedgeState | None:
        rules, correlation = self.parameters, self.estimator.correlation
        oldest = max(seen.pool_age_ns, seen.venue_age_ns)
        if rules.max_data_age_ns is not None and oldest > rules.max_data_age_ns:
            return HedgeState.STALE
        if seen.level >= Level.SUSPEND:
            return HedgeState.GUARDED
        if correlation is not None and correlation < rules.min_correlation:
            return HedgeState.DECORRELATED
        if ratio is None or seen.sigma is None:
            return HedgeState.NO_ESTIMATE
        return None

    def _band(self, seen: HedgeObservation, ratio: float | None) -> int:
        """Return the half-width of the no-trade band: from cost where told and possible."""
        rules = self.parameters
        if rules.band is None or seen.exposure is None or ratio is None:
            return rules.band_raw
        price = seen.mid_ticks * float(rules.tick_size)
        return rules.band.band_raw(
            price=price,
            gamma=ratio * seen.exposure.gamma(),
            sigma_price=(seen.sigma or 0.0) * price,
        )

    def _size(self, combined: int, band: int) -> Sizing:
        rules = self.parameters
        return size_order(combined, band, self._sizes, aim=rules.aim, share_ppm=rules.share_ppm)

    def _size_at_fill(
        self,
        seen: HedgeObservation,
        sizing: Sizing,
        prices: tuple[int | None, int | None],
        ratio: float,
        band: int,
    ) -> Sizing:
        """Return the order for the inventory there will be when the price reaches it."""
        price = prices[0] if sizing.lots > 0 else prices[1]
        if sizing.lots == 0 or price is None:
            return sizing
        assert seen.exposure is not None
        move = Fraction(2 * price, seen.bid_ticks + seen.ask_ticks)
        delta = seen.lp_base - seen.target_base + seen.exposure.change(move)
        then = self._size(hedged_inventory(seen.cefi_base, delta, ratio), band)
        same = then.lots if then.lots * sizing.lots > 0 else 0
        return sizing._replace(lots=_smaller(sizing.lots, same))

    def _prices(self, seen: HedgeObservation, combined: int) -> tuple[int | None, int | None]:
        """Return bid and ask in ticks; None on a side that the model closes."""
        rules = self.parameters
        assert seen.sigma is not None
        tick, mid = float(rules.tick_size), seen.mid_ticks
        model = rules.quoting.build(price=mid * tick, sigma=seen.sigma, intensity=seen.intensity)
        distances = model.distances(combined / 10.0**rules.base_decimals)
        bid = ask = None
        if distances.bid is not None:
            price = math.floor(mid - _widened(distances.bid, seen.widen) / tick)
            # Post-only: never at or through the other side, nor beyond our own mid.
            price = min(price, seen.ask_ticks - 1, math.ceil(mid) - 1)
            bid = price if price > 0 else None
        if distances.ask is not None:
            price = math.ceil(mid + _widened(distances.ask, seen.widen) / tick)
            ask = max(price, seen.bid_ticks + 1, math.floor(mid) + 1)
        return bid, ask

    def _unhedged(self, ts_ns: int, *, outside: bool) -> int:
        if not outside:
            self._outside_since_ns = None
            return 0
        if self._outside_since_ns is None:
            self._outside_since_ns = ts_ns
        return ts_ns - self._outside_since_ns


def _state_of(sizing: Sizing) -> HedgeState:
    if not sizing.outside:
        return HedgeState.IN_BAND
    return HedgeState.QUOTING if sizing.lots else HedgeState.BELOW_MINIMUM


def _quote(price_ticks: int | None, lots: int) -> PassiveQuote | None:
    return None if price_ticks is None or lots == 0 else PassiveQuote(price_ticks, lots)


def _widened(distance: float, factor: float) -> float:
    """Return a distance moved away from mid, also where it is on the other side of it."""
    return distance + (factor - 1.0) * abs(distance)


def _smaller(lots: int, other: int) -> int:
    return lots if abs(lots) <= abs(other) else other


def lots_of(quantity_base: Decimal, lot_size: Decimal) -> int:
    """Return how many whole lots fit into a quantity, rounded towards zero.

    Raises
    ------
    ConfigError
        If the lot size is not positive.
    """
    if not lot_size > 0:
        raise ConfigError(f"lot size {lot_size} is not positive")
    return int(Fraction(quantity_base) / Fraction(lot_size))


def lot_raw(lot_size: Decimal, base_decimals: int) -> int:
    """Return the base raw units of one lot.

    Raises
    ------
    ConfigError
        If that is not a positive whole number.
    """
    raw = Fraction(lot_size) * 10**base_decimals
    if raw.denominator != 1 or raw <= 0:
        raise ConfigError(f"lot size {lot_size} is not a whole number of raw base units")
    return int(raw)
