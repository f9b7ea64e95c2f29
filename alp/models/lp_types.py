"""What goes into and comes out of the liquidity agent's core: plain values, no behaviour.

Amounts are raw token units, prices are the contract's sqrt prices, times are nanoseconds UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from alp.errors import ConfigError
from alp.models.fees import FeeEstimate
from alp.models.pair import TokenPair
from alp.models.quoting import Intensity
from alp.models.ranges import PlannedRange, RangeLimits
from alp.models.rebalance import EconomicsRule, RefusalReason
from alp.models.recipe import QuotingRecipe
from alp.models.triggers import TriggerRule

MINUTE_NS = 60_000_000_000


@dataclass(frozen=True, slots=True)
class GasUnits:
    """Gas one action takes; the defaults are typical of the position manager on a live pool."""

    mint: int = 430_000
    burn: int = 140_000
    collect: int = 85_000
    swap: int = 150_000


@dataclass(frozen=True, slots=True)
class LpParameters:
    """How the agent decides; everything but what it observes.

    Parameters
    ----------
    pair
        The pool's tokens.
    quoting
        The model behind the widths.
    ranges
        Bounds of the widths.
    trigger
        When a rebalance is due.
    economics
        When it is worth it.
    target_base_share_bps
        Share of the wallet's and positions' value meant to be base; the zero of inventory.
    expected_interval_ns
        Expected time between rebalances: scales the widths by volatility.
    cooldown_ns
        Least time between two rebalances.
    retry_ns
        Time after which a refused or reverted plan is looked at again; doubled at each revert.
    max_gas_quote_raw
        Most a plan's gas may cost; None for no limit.
    twap_guard_bps
        Greatest distance of the price from its time-weighted average; None turns the guard off.
    slippage_bps
        Price move that a plan's minimum amounts allow for.
    swap_to_target
        Swap to the target share at a rebalance; otherwise ranges are refreshed with what is there.
    max_data_age_ns
        Oldest observation to act on; None for any.
    gas_units, priority_fee_wei
        Gas per action, and the tip per unit of gas on top of the base fee.
    """

    pair: TokenPair
    quoting: QuotingRecipe
    ranges: RangeLimits
    trigger: TriggerRule
    economics: EconomicsRule
    target_base_share_bps: int = 5_000
    expected_interval_ns: int = 6 * 60 * MINUTE_NS
    cooldown_ns: int = 10 * MINUTE_NS
    retry_ns: int = MINUTE_NS
    max_gas_quote_raw: int | None = None
    twap_guard_bps: int | None = None
    slippage_bps: int = 50
    swap_to_target: bool = False
    max_data_age_ns: int | None = None
    gas_units: GasUnits = field(default_factory=GasUnits)
    priority_fee_wei: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.target_base_share_bps <= 10_000:
            raise ConfigError(f"target base share {self.target_base_share_bps} bps: not 0..10000")
        if not 0 <= self.slippage_bps < 10_000:
            raise ConfigError(f"slippage {self.slippage_bps} bps is not in 0..9999")
        for name in ("expected_interval_ns", "cooldown_ns", "priority_fee_wei"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} is negative")
        if self.retry_ns <= 0:
            raise ConfigError("retry_ns must be positive")


class PositionView(NamedTuple):
    """One open position as the chain shows it.

    Parameters
    ----------
    fees0, fees1
        Fees a collect would pay now: owed and not yet credited.
    """

    tick_lower: int
    tick_upper: int
    liquidity: int
    fees0: int = 0
    fees1: int = 0

    @property
    def ticks(self) -> tuple[int, int]:
        """Lower and upper tick."""
        return self.tick_lower, self.tick_upper


class Observation(NamedTuple):
    """The world at one moment.

    Parameters
    ----------
    ts_ns, block
        Time and block of the state seen.
    sqrt_price_x96, tick
        ``slot0`` of the pool.
    wallet_base, wallet_quote
        Raw tokens outside positions.
    positions
        Own positions with liquidity.
    twap_tick
        Time-weighted average tick over the guard's window.
    cefi_inventory
        Base held on exchanges, raw, signed.
    hedge_ratio
        ``h`` of the combined inventory ``q = q_cefi + h * delta``.
    sigma
        Volatility of the log-price per square-root second; None while unknown.
    fees
        Observed fee income; None while unknown.
    intensity
        A calibrated intensity in place of the recipe's.
    base_fee_wei
        Price of a unit of gas without the tip.
    native_mark_x96
        Raw quote per wei of the chain's native token, times ``2**96``.
    data_age_ns
        How old this state was when it was looked at.
    pending
        Whether a transaction of ours is in flight.
    """

    ts_ns: int
    block: int
    sqrt_price_x96: int
    tick: int
    wallet_base: int
    wallet_quote: int
    positions: tuple[PositionView, ...] = ()
    twap_tick: int | None = None
    cefi_inventory: int = 0
    hedge_ratio: float = 1.0
    sigma: float | None = None
    fees: FeeEstimate | None = None
    intensity: Intensity | None = None
    base_fee_wei: int = 0
    native_mark_x96: int = 0
    data_age_ns: int = 0
    pending: bool = False


class Burn(NamedTuple):
    """Take all liquidity out of a position; it pays at least the minimum amounts."""

    tick_lower: int
    tick_upper: int
    liquidity: int
    amount0_min: int
    amount1_min: int


class Collect(NamedTuple):
    """Collect everything a position owes: principal burned before, and fees."""

    tick_lower: int
    tick_upper: int


class Swap(NamedTuple):
    """Swap an exact input for at least `amount_out_min`."""

    zero_for_one: bool
    amount_in: int
    amount_out_min: int
    sqrt_price_limit_x96: int


class Mint(NamedTuple):
    """Put liquidity into a range, adding to the position if there is one.

    Parameters
    ----------
    liquidity
        What the desired amounts pay for at the price of the plan.
    amount0_min, amount1_min
        Least amounts that may be taken, for a price within the slippage of the plan's.
    """

    tick_lower: int
    tick_upper: int
    amount0_desired: int
    amount1_desired: int
    liquidity: int
    amount0_min: int
    amount1_min: int


Action = Burn | Collect | Swap | Mint


class PlanReason(StrEnum):
    """Why a plan was made."""

    FIRST_MINT = "FIRST_MINT"
    """Nothing was ever minted: symmetric ranges at the base spread."""
    REOPEN = "REOPEN"
    """A rebalance took the old ranges down and the new ones are still missing."""
    BASE_DEPLETED = "BASE_DEPLETED"
    QUOTE_DEPLETED = "QUOTE_DEPLETED"
    PRICE_UP = "PRICE_UP"
    PRICE_DOWN = "PRICE_DOWN"


class Plan(NamedTuple):
    """What to do now, in this order.

    Attributes
    ----------
    plan_id
        Counts up from 1; reports name it.
    ranges
        The ranges decided on.
    complete
        Whether the actions open them all; after a swap the next plan does.
    gas_wei, gas_quote_raw
        Expected gas cost, exact for the observed prices.
    numbers
        Every number of the decision, in whole tokens, basis points and ticks.
    """

    plan_id: int
    ts_ns: int
    reason: PlanReason
    actions: tuple[Action, ...]
    ranges: tuple[PlannedRange, ...]
    complete: bool
    gas_wei: int
    gas_quote_raw: int
    numbers: dict[str, float]


class Refusal(NamedTuple):
    """A rebalance that was due and not done."""

    ts_ns: int
    due: PlanReason
    reason: RefusalReason
    numbers: dict[str, float]


class Hold(NamedTuple):
    """Do nothing; `refusal` says why, if something was due."""

    refusal: Refusal | None = None


class ExecutionReport(NamedTuple):
    """What is there after a plan was executed, or after it failed.

    Parameters
    ----------
    plan_id
        Of the plan reported on.
    wallet_base, wallet_quote, positions
        As in an observation, after the transaction.
    """

    plan_id: int
    ts_ns: int
    sqrt_price_x96: int
    wallet_base: int
    wallet_quote: int
    positions: tuple[PositionView, ...]


def action_record(action: Action) -> dict[str, Any]:
    """Return an action as plain values, large integers as text."""
    fields = {
        name: str(value) if type(value) is int and abs(value) > 2**31 else value
        for name, value in action._asdict().items()
    }
    return {"action": type(action).__name__.lower(), **fields}
