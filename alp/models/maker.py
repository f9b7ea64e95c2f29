"""The market maker in words of the trade: parameters, what it sees, what it measures and decides.

All that decides is compiled, in :mod:`alp._core.maker` and :mod:`alp._core.arrivals`, and the same
in backtest, paper and live. Here quote and base become ticks, lots and orders; what a decision says
for itself is in :mod:`alp.models.maker_words`.

Prices are ticks of the instrument, quantities lots, times nanoseconds UTC.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from alp._core.arrivals import ArrivalEstimator, FitUnit
from alp._core.maker import (
    MakerModel,
    MakerView,
    MarketMaker,
    Rounding,
    Touch,
)
from alp.errors import ConfigError
from alp.models.quoting import Horizon, require_finite, require_not_negative
from alp.models.recipe import ModelKind, QuotingRecipe

MOST_LEVELS = 16
_BPS = 1e-4
_PPM_PER_BPS = 100
_NOT_NEEDED = -1


@dataclass(frozen=True, slots=True)
class InputAges:
    """Greatest age at which an input is still quoted on, nanoseconds; None where it is not needed.

    Parameters
    ----------
    book, inventory, pool, calibration, drift
        The venue's book, positions on venues, the LP leg, the last fit of ``A``, ``k`` and sigma,
        the short-horizon drift.
    """

    book: int | None = 1_000_000_000
    inventory: int | None = 5_000_000_000
    pool: int | None = None
    calibration: int | None = 60_000_000_000
    drift: int | None = None

    def __post_init__(self) -> None:
        for name, age in asdict(self).items():
            if age is not None and age < 0:
                raise ConfigError(f"the greatest age of {name} is negative: {age} ns")

    def in_order(self) -> list[int]:
        """Return them as the core counts its inputs."""
        ages = (self.book, self.inventory, self.pool, self.calibration, self.drift)
        return [_NOT_NEEDED if age is None else age for age in ages]


@dataclass(frozen=True, slots=True)
class CalibrationParameters:
    """How ``A``, ``k`` and sigma are measured; see :class:`alp._core.arrivals.ArrivalEstimator`.

    ``unit`` TICKS measures ``k`` per tick, as the models mean it.
    """

    interval_ns: int = 100_000_000
    window: int = 6000
    refit_every: int = 50
    least_samples: int | None = None
    least_arrivals: int = 100
    least_hits: int = 10
    drift_samples: int = 10
    bin_half_ticks: int = 1
    most_bins: int = 70
    sides: int = 2
    unit: FitUnit = FitUnit.TICKS
    weighted: bool = True

    def __post_init__(self) -> None:
        self.build()

    def build(self) -> ArrivalEstimator:
        """Return a fresh estimator.

        Raises
        ------
        ConfigError
            If a number is out of its bounds.
        """
        try:
            return ArrivalEstimator(**asdict(self))
        except ValueError as error:
            raise ConfigError(f"calibration: {error}") from error


@dataclass(frozen=True, slots=True)
class MakerParameters:
    """How one instrument is quoted.

    Parameters
    ----------
    quoting
        The model, in quote and base. Its intensity holds where nothing is calibrated.
    tick_size, lot_size
        Quote per base of one tick, base of one lot.
    level_lots
        Wanted lots of each level, nearest first.
    min_lots, max_lots, lot_step
        Of one order.
    step_ticks, step_share
        Distance between levels: ticks, and a share of the half spread at no inventory if that is
        more.
    maker_fee_bps
        Of a passive fill; negative is a rebate. It floors the spread and is not the model's cost of
        a fill, which makes the model lean more, the more rarely such distances are reached.
    least_edge_bps, least_spread_ticks
        Each side earns at least this over the fee; both together are at least so far apart.
    spread_factor, skew_factor
        Of the model's half spread and of what inventory adds to it.
    microprice_weight
        Of microprice less mid in the fair value; 1 quotes round the microprice.
    drift_weight_s
        Seconds the short-horizon drift is extrapolated for.
    most_shift_ticks
        Greatest shift of the fair value from mid.
    collar_ticks
        Levels further from mid are not quoted; 0 for any.
    asymmetry_bps
        At the inventory limit, levels of the side that adds shrink by so much and those of the
        other grow by so much.
    price_hysteresis_ticks, inventory_hysteresis_lots, lots_hysteresis
        Quotes stay while prices, inventory and sizes would change by no more than this.
    rounding, touch
        See :class:`alp._core.maker.Rounding` and :class:`alp._core.maker.Touch`.
    ages
        Greatest ages of the inputs.

    Raises
    ------
    ConfigError
        If a value is out of its bounds, or the model has no compiled form.
    """

    quoting: QuotingRecipe
    tick_size: Decimal
    lot_size: Decimal
    level_lots: tuple[int, ...]
    min_lots: int = 1
    max_lots: int = 1 << 40
    lot_step: int = 1
    step_ticks: int = 1
    step_share: float = 0.0
    maker_fee_bps: float = 0.0
    least_edge_bps: float = 0.0
    least_spread_ticks: float = 1.0
    spread_factor: float = 1.0
    skew_factor: float = 1.0
    microprice_weight: float = 0.0
    drift_weight_s: float = 0.0
    most_shift_ticks: float = 1e6
    collar_ticks: int = 0
    asymmetry_bps: int = 0
    price_hysteresis_ticks: int = 0
    inventory_hysteresis_lots: int = 0
    lots_hysteresis: int = 0
    rounding: Rounding = Rounding.AWAY
    touch: Touch = Touch.INSIDE
    ages: InputAges = field(default_factory=InputAges)

    def __post_init__(self) -> None:
        for name, size in (("tick size", self.tick_size), ("lot size", self.lot_size)):
            if not (size.is_finite() and size > 0):
                raise ConfigError(f"{name} {size} is not positive")
        if not 1 <= len(self.level_lots) <= MOST_LEVELS:
            raise ConfigError(f"{len(self.level_lots)} levels; 1 to {MOST_LEVELS} can be quoted")
        require_finite(maker_fee_bps=self.maker_fee_bps, most_shift_ticks=self.most_shift_ticks)
        require_not_negative(least_edge_bps=self.least_edge_bps)
        if self.drift_weight_s and self.ages.drift is None:
            raise ConfigError(
                "a drift that counts needs a greatest age", hint="set ages.drift, or no weight"
            )
        if not any(lots >= self.min_lots for lots in self.level_lots):
            raise ConfigError(
                f"no level reaches the least order of {self.min_lots} lots",
                hint="raise the sizes of the levels",
            )
        self.build()

    @property
    def order_lots(self) -> int:
        """The order in which the model counts inventory."""
        return max(1, round(Decimal(repr(self.quoting.order_size_base)) / self.lot_size))

    @property
    def most_inventory_lots(self) -> int:
        """The inventory limit, whole lots."""
        return int(Decimal(repr(self.quoting.max_inventory_base)) / self.lot_size)

    @property
    def aversion_scale(self) -> float:
        """Quote of one tick of one order: aversions per quote times this are the core's."""
        return float(self.tick_size * self.lot_size * self.order_lots)

    @property
    def decay_per_tick(self) -> float:
        """``k`` of the recipe's intensity per tick."""
        return self.quoting.intensity.decay * float(self.tick_size)

    def rule(self) -> dict[str, Any]:
        """Return the core's rule.

        Raises
        ------
        ConfigError
            If the model has no compiled form.
        """
        recipe, scale = self.quoting, self.aversion_scale
        unused = [0] * (MOST_LEVELS - len(self.level_lots))
        return {
            "model": _model_of(recipe),
            "rounding": self.rounding,
            "touch": self.touch,
            "levels": len(self.level_lots),
            "risk_aversion": (recipe.risk_aversion + recipe.inventory_penalty) * scale,
            "execution_aversion": recipe.risk_aversion * scale,
            "horizon_s": recipe.horizon_s,
            "spread_factor": self.spread_factor,
            "skew_factor": self.skew_factor,
            "cost": recipe.execution_cost_bps * _BPS,
            "fee": self.maker_fee_bps * _BPS,
            "least_edge": self.least_edge_bps * _BPS,
            "least_spread": self.least_spread_ticks,
            "microprice_weight": self.microprice_weight,
            "drift_weight_s": self.drift_weight_s,
            "most_shift": self.most_shift_ticks,
            "step_share": self.step_share,
            "step": self.step_ticks,
            "collar": self.collar_ticks,
            "order_lots": self.order_lots,
            "most_inventory": self.most_inventory_lots,
            "least_lots": self.min_lots,
            "most_lots": self.max_lots,
            "lot_step": self.lot_step,
            "asymmetry_ppm": self.asymmetry_bps * _PPM_PER_BPS,
            "price_hysteresis": self.price_hysteresis_ticks,
            "inventory_hysteresis": self.inventory_hysteresis_lots,
            "lots_hysteresis": self.lots_hysteresis,
            "level_lots": [*self.level_lots, *unused],
            "most_age_ns": self.ages.in_order(),
        }

    def build(self) -> MarketMaker:
        """Return a fresh core.

        Raises
        ------
        ConfigError
            If a value is out of its bounds, or the model has no compiled form.
        """
        try:
            return MarketMaker(self.rule())
        except (ValueError, OverflowError) as error:
            raise ConfigError(f"market maker: {error}") from error


def _model_of(recipe: QuotingRecipe) -> MakerModel:
    if recipe.kind is ModelKind.AVELLANEDA_STOIKOV:
        if recipe.horizon is not Horizon.ROLLING:
            raise ConfigError(
                f"the market maker has no {recipe.horizon.value} Avellaneda-Stoikov model",
                hint="horizonKind: rolling, or kind: GLFT, which is stationary",
            )
        return MakerModel.AVELLANEDA_STOIKOV
    if recipe.horizon is not Horizon.STATIONARY:
        raise ConfigError(
            f"the market maker has no {recipe.horizon.value} GLFT model",
            hint="horizonKind: stationary",
        )
    return MakerModel.GLFT_TABLE if recipe.exact else MakerModel.GLFT_CLOSED


@dataclass(frozen=True, slots=True)
class MakerObservation:
    """What the maker sees at one moment.

    Parameters
    ----------
    now_ns
        The moment.
    bid, bid_lots, ask, ask_lots
        The venue's touch; 0 where a side is empty.
    inventory
        Combined inventory ``q_cefi + h * delta``, lots, signed.
    book_ns, inventory_ns, pool_ns, drift_ns
        When each was true; 0 for never.
    buy_room, sell_room
        Lots that may be open at the venue at most.
    drift
        Ticks per second the mid is expected to go; None takes the calibration's own.
    widen
        1, or more while the basis or the peg is in doubt.
    bid_allowed, ask_allowed, suspended
        Sides that may be quoted at all; whether nothing may.
    """

    now_ns: int
    bid: int
    bid_lots: int
    ask: int
    ask_lots: int
    inventory: int
    book_ns: int
    inventory_ns: int
    pool_ns: int = 0
    drift_ns: int = 0
    buy_room: int = 1 << 40
    sell_room: int = 1 << 40
    drift: float | None = None
    widen: float = 1.0
    bid_allowed: bool = True
    ask_allowed: bool = True
    suspended: bool = False


class MakerCore:
    """One instrument's maker: what it measures and what it decides. Deterministic, no I/O.

    Parameters
    ----------
    parameters
        How to quote.
    calibration
        How to measure; sigma is always measured.
    measured
        Whether ``A`` and ``k`` are measured too, or the recipe's own.
    """

    def __init__(
        self,
        parameters: MakerParameters,
        calibration: CalibrationParameters | None = None,
        *,
        measured: bool = True,
    ) -> None:
        self.parameters = parameters
        self.measured = measured
        self.arrivals = (calibration or CalibrationParameters()).build()
        self.maker = parameters.build()

    def decide(self, seen: MakerObservation) -> MakerView:
        """Return the orders that should rest now, with every number behind them."""
        return self.maker.decide(self.inputs(seen))

    def inputs(self, seen: MakerObservation) -> dict[str, Any]:
        """Return what the core decides on."""
        fit = self.arrivals.calibration
        recipe = self.parameters.quoting
        drift_ns = self.arrivals.last_ns if seen.drift is None else seen.drift_ns
        fitted_ns = fit.fitted_ns if self.measured else fit.sigma_ns
        return {
            "now_ns": seen.now_ns,
            "stamp_ns": [seen.book_ns, seen.inventory_ns, seen.pool_ns, fitted_ns, drift_ns],
            "bid": seen.bid,
            "bid_lots": seen.bid_lots,
            "ask": seen.ask,
            "ask_lots": seen.ask_lots,
            "inventory": seen.inventory,
            "room": [seen.buy_room, seen.sell_room],
            "scale": fit.scale if self.measured else recipe.intensity.scale,
            "decay": fit.decay if self.measured else self.parameters.decay_per_tick,
            "sigma": fit.sigma,
            "drift": fit.drift if seen.drift is None else seen.drift,
            "widen": seen.widen,
            "allowed": [seen.bid_allowed, seen.ask_allowed],
            "suspended": seen.suspended,
        }

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain values, for `restore` on a core made alike."""
        return {"arrivals": self.arrivals.snapshot(), "maker": self.maker.snapshot()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up the state that `snapshot` gave."""
        self.arrivals.restore(state["arrivals"])
        self.maker.restore(state["maker"])
