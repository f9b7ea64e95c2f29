"""How the strategy decides: quoting model, range widths, rebalances, hedge."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema, model_validator

from alp.strategy.fields import (
    Amount,
    Bps,
    Contradiction,
    Duration,
    Exact,
    Fraction,
    Number,
    PositiveAmount,
    PositiveBps,
    PositiveDuration,
    PositiveNumber,
    Section,
    ShareBps,
    read_exact,
)
from alp.strategy.units import HOUR, MINUTE, write_decimal


class Intensity(Section):
    """How often the market trades at a distance from its price: `A·exp(−k·δ)` per second.

    Give both `A` and `k`, or neither: then they are calibrated from the trades of the last window.
    """

    A: PositiveNumber | None = Field(default=None, alias="A", json_schema_extra={"x-unit": "1/s"})
    """Arrival rate at no distance from the mid price."""
    k: PositiveNumber | None = Field(default=None, json_schema_extra={"x-unit": "1/quote"})
    """Decay of the arrival rate with the distance from the mid price."""
    calibrate_window: PositiveDuration = 24 * HOUR
    """How much of the past the calibration looks at; not used where `A` and `k` are given."""

    @model_validator(mode="after")
    def _both_or_neither(self) -> Intensity:
        if (self.A is None) != (self.k is None):
            missing, given = ("A", "k") if self.A is None else ("k", "A")
            raise Contradiction({missing: f"is required, because {given} is given"})
        return self

    @property
    def calibrated(self) -> bool:
        """Whether `A` and `k` come from data."""
        return self.A is None


def _quarter_of_window(data: dict[str, Any]) -> int:
    window: int = data.get("window", 24 * HOUR)
    return max(window // 4, 1)


class Volatility(Section):
    """How the volatility of the price is estimated."""

    estimator: Literal["ewma", "parkinson", "realised"] = "ewma"
    """`ewma` weighs recent returns more and reacts fastest; `parkinson` uses highs and lows and
    needs bars or candles; `realised` weighs the whole window equally."""
    window: PositiveDuration = 24 * HOUR
    """How much of the past is looked at."""
    half_life: PositiveDuration = Field(default_factory=_quarter_of_window)
    """`ewma` only: the age at which a return counts half. By default a quarter of the window."""

    @model_validator(mode="after")
    def _half_life_in_window(self) -> Volatility:
        if self.estimator == "ewma" and self.half_life > self.window:
            raise Contradiction({"halfLife": "must not be longer than window"})
        return self


class Model(Section):
    """The market-making model that shapes ranges and quotes from the combined inventory."""

    kind: Literal["GLFT", "AvellanedaStoikov"] = "GLFT"
    """`GLFT` (Guéant, Lehalle and Fernandez-Tapia 2013) bounds the inventory and has no horizon;
    `AvellanedaStoikov` (2008) rolls a fixed horizon."""
    risk_aversion: PositiveNumber = Field(default=0.1, json_schema_extra={"x-unit": "1/quote"})
    """How much a quote unit of variance is disliked: γ for inventory, ξ for execution. More means
    wider and more skewed."""
    inventory_penalty: Number = Field(default=0.0, json_schema_extra={"x-unit": "1/quote"})
    """More aversion to inventory alone: γ is `riskAversion` plus this. 0 is the paper's model."""
    execution_cost_bps: Annotated[Bps, Field(le=1000)] = 1
    """Cost of a fill on its notional, added to each side's distance."""
    max_inventory_base: PositiveAmount | None = Field(
        default=None, json_schema_extra={"x-unit": "base"}
    )
    """Q: the inventory deviation at which the model stops adding. By default the whole starting
    inventory, counted in base at the first price."""
    order_size_base: PositiveAmount | None = Field(
        default=None, json_schema_extra={"x-unit": "base"}
    )
    """Δ: the lot in which the model counts inventory. By default a twentieth of the maximum."""
    horizon_kind: Literal["stationary", "rolling", "finite"] | None = None
    """What T − t is: `stationary` the limit of an endless session, `rolling` always `horizon`,
    `finite` running down from `horizon`. By default stationary for `GLFT`, rolling for
    `AvellanedaStoikov`."""
    horizon: PositiveDuration = HOUR
    """T of a rolling or finite horizon."""
    exact: Annotated[bool, Field(strict=True)] = True
    """`GLFT` only: solve for each level of inventory. `false` uses the paper's closed form, which
    is stationary."""
    intensity: Intensity = Intensity()
    """Order arrivals, given or calibrated."""
    volatility: Volatility = Volatility()
    """The volatility estimate."""

    @model_validator(mode="after")
    def _consistent(self) -> Model:
        if not self.exact and self.horizon_in_use != "stationary":
            raise Contradiction({"exact": "false needs horizonKind: stationary"})
        size, most = self.order_size_base, self.max_inventory_base
        if size is not None and most is not None and size > most:
            raise Contradiction({"orderSizeBase": f"{size} is more than maxInventoryBase, {most}"})
        return self

    @property
    def horizon_in_use(self) -> Literal["stationary", "rolling", "finite"]:
        """``horizon_kind`` with its default filled in."""
        if self.horizon_kind is not None:
            return self.horizon_kind
        return "stationary" if self.kind == "GLFT" else "rolling"

    def sizes(self, inventory_base: Decimal) -> tuple[Decimal, Decimal]:
        """Return (max_inventory_base, order_size_base) with their defaults filled in.

        Parameters
        ----------
        inventory_base
            The whole starting inventory in base tokens, its quote counted at the first price.
        """
        most = self.max_inventory_base or inventory_base
        return most, self.order_size_base or most / 20


class Ranges(Section):
    """Widths of the two single-sided ranges: upper over lower price, minus one.

    Excess token: narrow, so that it converts sooner. Scarce token: wide. Widths are snapped outward
    to the pool's tick spacing.
    """

    base_spread_bps: PositiveBps = 200
    """Width of both ranges at the first mint, and the least width at no deviation afterwards."""
    min_width_bps: PositiveBps = 50
    """The narrowest range the model may choose. Narrow ranges earn more and rebalance more."""
    max_width_bps: PositiveBps = 2000
    """The widest range the model may choose."""
    expected_interval: PositiveDuration = 6 * HOUR
    """Expected time between rebalances: the width at no deviation is the standard deviation of
    the price over it."""

    @model_validator(mode="after")
    def _ordered(self) -> Ranges:
        low, middle, high = self.min_width_bps, self.base_spread_bps, self.max_width_bps
        if low > high:
            raise Contradiction({"minWidthBps": f"{low} is more than maxWidthBps, {high}"})
        if not low <= middle <= high:
            bounds = f"minWidthBps, {low}, and maxWidthBps, {high}"
            raise Contradiction({"baseSpreadBps": f"{middle} is not between {bounds}"})
        return self


class Rebalance(Section):
    """When ranges are moved. A trigger fires once on crossing; guards and benefit decide."""

    inventory_deviation_bps: Annotated[ShareBps, Field(ge=1)] = 1000
    """Fires when either token is depleted by more than this share since the last rebalance.
    10000 never fires."""
    price_move_bps: Bps = 1000
    """Fires when the price moved by more than this since the last rebalance. 0 never fires."""
    hysteresis_bps: Annotated[Bps, Field(le=9999)] = 1000
    """A trigger that was refused is armed again when its measure fell below the threshold by this
    share of it."""
    cooldown: Duration = 10 * MINUTE
    """No rebalance sooner than this after the last one."""
    retry: PositiveDuration = MINUTE
    """A refused or reverted rebalance is looked at again after this; doubled at each revert."""
    weigh_benefit: Annotated[bool, Field(strict=True)] = True
    """Whether a rebalance must be worth its cost. `false` follows every trigger that passes the
    guards."""
    horizon: PositiveDuration = 24 * HOUR
    """The time over which a new range's fees, LVR and hedge are expected and weighed."""
    min_benefit_quote: Annotated[Exact, Field(json_schema_extra={"x-unit": "quote"})] = Decimal(0)
    """Expected gain minus gas and swap must reach this."""
    margin_bps: Annotated[Bps, Field(le=100_000)] = 1000
    """The benefit must exceed that by this share of gas and swap: near break-even nothing is
    done."""
    lvr_weight: Fraction = Decimal(1)
    """1 charges the expected loss against rebalancing in full; 0 judges by fees and costs."""
    max_gas_quote: Annotated[Amount, Field(json_schema_extra={"x-unit": "quote"})] = Decimal(50)
    """A rebalance whose gas costs more is refused, whatever it promises."""
    slippage_bps: Annotated[Bps, Field(le=9999)] = 50
    """A transaction reverts if the price moved further than this before its inclusion."""
    twap_guard_bps: Bps = 50
    """Refuses to touch liquidity while the pool's price is further than this from its own
    time-weighted average: it may be manipulated. 0 switches the guard off."""
    twap_window: PositiveDuration = 5 * MINUTE
    """The time over which that average is taken."""
    swap: Literal["none", "toTarget"] = "none"
    """`none` makes ranges of the balances at hand; `toTarget` first swaps to
    `inventory.targetBaseShareBps`, and pays for it."""


def _read_ratio(value: object) -> Decimal | str:
    if value == "minimumVariance":
        return "minimumVariance"
    try:
        number = read_exact(value)
    except ValueError as error:
        raise ValueError(f"{error}; or write minimumVariance") from None
    if not 0 <= number <= 2:
        raise ValueError("must be between 0 and 2, or minimumVariance")
    return number


def _write_ratio(value: Decimal | str) -> str:
    return value if isinstance(value, str) else write_decimal(value)


Ratio = Annotated[
    Decimal | Literal["minimumVariance"],
    PlainValidator(_read_ratio),
    PlainSerializer(_write_ratio, return_type=str),
    WithJsonSchema(
        {
            "type": ["number", "string"],
            "pattern": r"^(minimumVariance|[01](\.[0-9]+)?|2(\.0+)?)$",
            "x-bounds": "0 to 2, or `minimumVariance`",
        }
    ),
]


class Basis(Section):
    """When pool and venue drift apart: what is done about it, and from which distance on.

    The distance is an exponential mean of the difference of their prices; it also counts when it
    is unusual against the window of before. A level is left when it has been below for a while.
    """

    widen_bps: PositiveBps = 20
    """From here on quotes are twice as wide."""
    reduce_bps: PositiveBps = 50
    """From here on only what reduces the inventory is quoted."""
    suspend_bps: PositiveBps = 100
    """From here on nothing is quoted."""
    half_life: PositiveDuration = MINUTE
    """The age at which a difference counts half."""

    @model_validator(mode="after")
    def _ordered(self) -> Basis:
        if self.widen_bps > self.reduce_bps:
            raise Contradiction({"widenBps": f"{self.widen_bps} is more than reduceBps"})
        if self.reduce_bps > self.suspend_bps:
            raise Contradiction({"reduceBps": f"{self.reduce_bps} is more than suspendBps"})
        return self


class Hedge(Section):
    """Leaning the venue's quotes against the LP position's inventory: passive, statistical."""

    enabled: Annotated[bool, Field(strict=True)] = False
    """Whether the venues in `spec.venues` hedge the LP position."""
    ratio: Ratio = "minimumVariance"
    """How much of the LP deviation the venues take over. `minimumVariance` estimates
    Cov(pool, venue) / Var(venue) of the returns; a number fixes it."""
    window: PositiveDuration = 24 * HOUR
    """How much of the past the ratio and the correlation are estimated from."""
    min_correlation: Fraction = Decimal("0.8")
    """Below this correlation of pool and venue the hedge is suspended: the proxy decoupled."""
    no_trade_band_base: Annotated[Amount, Field(json_schema_extra={"x-unit": "base"})] = Decimal(0)
    """A deviation smaller than this is left alone: hedging it costs more than it risks."""
    max_unhedged_age: PositiveDuration = 30 * MINUTE
    """A deviation outside the band that is older raises an alarm."""
    basis: Basis = Basis()
    """What is done when pool and venue drift apart."""
