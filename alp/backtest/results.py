"""What a backtest found: one typed tree, written as ``results.json`` (``alp.results/1``).

The file is canonical: sorted keys, no time of the run, no path of the machine, so two runs of
the same inputs are equal byte for byte. Exact amounts are :class:`~decimal.Decimal` here and
decimal strings in the file; floats appear only in series and statistics. The report, the terminal
table and the comparison page are made from this tree and nothing else.

Signs: every part of an attribution is its contribution to NAV, so fees are positive and gas,
LVR and hedge fees negative; the parts add up to the change of NAV exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from decimal import Decimal
from pathlib import Path
from typing import ClassVar, Literal, Self

from alp.backtest import codec
from alp.backtest.codec import Record, exact_sum
from alp.backtest.provenance import DataFacts, Fidelity, Pair, Replay, StrategyFacts, Window
from alp.errors import Corrupt, DataError

SCHEMA = "alp.results/1"
"""The version this alp writes and reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nav(Record):
    """Net asset value of all legs together at the mark price, in quote."""

    start: Decimal
    end: Decimal
    change: Decimal
    """``end - start``, exactly."""
    hodl_change: Decimal
    """What the same starting amounts would have gained if only held."""
    unit: Literal["quote"] = "quote"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory(Record):
    """Token amounts of all legs together: wallet, positions, uncollected fees, venues."""

    start_base: Decimal
    start_quote: Decimal
    end_base: Decimal
    end_quote: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts(Record):
    """The parts a change of NAV is made of, in quote, each signed as its contribution."""

    fees: Decimal
    """Swap fees earned by the positions."""
    lvr: Decimal
    """Loss versus rebalancing: what arbitrage took from the positions (negative)."""
    price: Decimal
    """Price change of the inventory held: the profit of the rebalancing portfolio."""
    gas: Decimal
    """Gas paid (negative)."""
    hedge_pnl: Decimal
    """Profit of the venue leg before its fees."""
    hedge_fees: Decimal
    """Maker and taker fees of the venue leg (negative; a rebate is positive)."""
    execution: Decimal
    """Cost of our own swaps and of integer rounding by the pool (negative)."""

    def parts(self) -> dict[str, Decimal]:
        """Name and amount of each part, in reading order."""
        return {name: getattr(self, name) for name in PARTS}


PARTS: tuple[str, ...] = tuple(item.name for item in fields(Parts))
"""Names of the parts, in reading order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution(Parts):
    """The whole run's parts and their exact sum."""

    total: Decimal
    """Sum of the parts; equals ``nav.change`` exactly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period(Parts):
    """One row of the attribution over time: the parts that accrued since the row before."""

    ts_ns: int
    """End of the period, ns since 1970 UTC."""
    nav: Decimal
    """NAV at the end of the period, in quote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk(Record):
    """How rough the way was."""

    max_drawdown_bps: float
    """Largest fall of NAV from its running maximum, in bps of that maximum."""
    max_drawdown: Decimal = Decimal(0)
    """The same fall in quote."""
    drawdown_start_ns: int | None = None
    """When the maximum before it was reached."""
    drawdown_end_ns: int | None = None
    """When it was deepest."""
    volatility: float | None = None
    """Annualised standard deviation of the sampled NAV returns, as a fraction (0.2 = 20 %)."""
    time_in_range: float | None = None
    """Share of the time in which at least one position earned fees, 0 to 1."""
    max_net_base: float | None = None
    """Largest distance of net inventory from its target, in base."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position(Record):
    """One liquidity position from mint to burn."""

    id: int
    tick_lower: int
    tick_upper: int
    liquidity: Decimal
    """Uniswap liquidity units, an integer."""
    opened_ns: int
    closed_ns: int | None
    """None: still open at the end, valued there."""
    price_lower: float
    """Lower price bound, quote per base."""
    price_upper: float
    """Upper price bound, quote per base."""
    fees_base: Decimal
    fees_quote: Decimal
    fees_value: Decimal
    """Both fee amounts in quote, each valued when it accrued."""
    lvr: Decimal
    """Negative."""
    il: Decimal
    """Value at the end minus value of the deposited amounts held (impermanent loss)."""
    side: Literal["bid", "ask", "both"] = "both"
    """What it was minted as: ``bid`` with quote below the price, ``ask`` with base above it."""
    deposit_value: Decimal = Decimal(0)
    """Value of the deposited amounts at mint, in quote."""
    time_in_range: float | None = None
    """Share of its life with the price inside it, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeSpan(Record):
    """A range that a decision wanted or made."""

    tick_lower: int
    tick_upper: int
    price_lower: float
    price_upper: float
    side: Literal["bid", "ask", "both"]
    """``bid`` holds quote below the price, ``ask`` base above it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebalance(Record):
    """One decision about the ranges, also the refused ones."""

    ts_ns: int
    block: int | None
    """Block of inclusion, or of the decision if nothing was sent."""
    decision: Literal["executed", "refused", "reverted"]
    reason: str
    """Reason code, as the models name it: ``COOLDOWN``, ``BELOW_MIN_BENEFIT`` …"""
    price: float
    """Pool price at the decision, quote per base."""
    tick: int
    numbers: dict[str, float | None] = field(default_factory=dict)
    """What the decision weighed, under the names of :class:`alp.models.rebalance.Verdict` (quote);
    further numbers end in their unit: ``price_move_bps``, ``gas_price_gwei``, ``age_ns`` …"""
    ranges: tuple[RangeSpan, ...] = ()
    """Ranges minted (executed) or wanted (otherwise)."""
    detail: str = ""
    """The reason in a sentence, where the code alone does not say it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill(Record):
    """One fill of the venue leg."""

    ts_ns: int
    venue: str
    side: Literal["buy", "sell"]
    price: Decimal
    """Quote per base."""
    quantity: Decimal
    """Base, positive."""
    fee: Decimal
    """Quote; positive is paid, negative a rebate."""
    why: str
    """Why the simulator filled it: ``crossed``, ``traded_through``, ``queue_cleared`` …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgeTiming(Record):
    """One way of timing the hedge on the run's own path: what it cost and what it left."""

    way: Literal["quoted", "at_once", "band"]
    """What was done; taking at the end of each interval; taking at the band from cost."""
    trades: int
    """Fills that it took."""
    volume_base: float
    """Base traded, both sides added."""
    cost: float
    """Fees and what was paid beyond the interval's last price, quote; negative is a gain."""
    error_base: float
    """Root mean square of the unhedged inventory over time, in base."""
    error_quote: float
    """Root of the summed squares of what the price's moves made of it, in quote."""
    lag_ns: int | None
    """Median time outside the band, by more than the smallest order."""
    charge: float
    """Cost plus half the risk aversion times the squared error, in quote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hedge(Record):
    """The venue leg: its fills and how closely it followed the pool leg."""

    enabled: bool = False
    fills: tuple[Fill, ...] = ()
    volume_base: Decimal = Decimal(0)
    """Base traded, both sides added."""
    funding: Decimal = Decimal(0)
    """Received less paid, quote; in the attribution it is part of the hedge's profit."""
    ratio: float | None = None
    """Mean hedge ratio applied."""
    correlation: float | None = None
    """Correlation of pool and venue returns over the run."""
    residual_base_mean: float | None = None
    """Mean absolute net inventory away from target, in base."""
    residual_base_max: float | None = None
    """Largest absolute net inventory away from target, in base."""
    lag_ns: int | None = None
    """Median time from a wanted hedge to the fill that completed it."""
    suspended: float | None = None
    """Share of the time the hedge was suspended, 0 to 1."""
    timing: tuple[HedgeTiming, ...] = ()
    """What was done beside other ways of timing it, on a path of at most 8192 points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series(Record):
    """Sampled curves, all of one length; None where a value is not known."""

    ts_ns: tuple[int, ...] = ()
    price: tuple[float | None, ...] = ()
    """Pool price, quote per base."""
    nav: tuple[float | None, ...] = ()
    """Quote."""
    hodl: tuple[float | None, ...] = ()
    """Value of the starting amounts if only held, in quote."""
    inventory_lp: tuple[float | None, ...] = ()
    """Base held by the pool leg: wallet, positions, uncollected fees."""
    inventory_cefi: tuple[float | None, ...] = ()
    """Base held on venues; negative is short."""
    inventory_net: tuple[float | None, ...] = ()
    """Both legs together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Markout(Record):
    """How the price moved after our fills, as a histogram: positive is in our favour."""

    leg: Literal["lp", "hedge"]
    horizon_ns: int
    count: int
    """Fills measured, those outside the edges too."""
    unresolved: int
    """Fills whose horizon lay beyond the data; they are not in the figures."""
    total_quote: float
    """Sum over the fills measured, in quote."""
    mean_bps: float | None
    median_bps: float | None
    p05_bps: float | None
    p95_bps: float | None
    edges_bps: tuple[float, ...]
    """Bin edges, ascending, one more than ``counts``."""
    counts: tuple[int, ...]
    """Fills in each bin; the outer bins also hold what lies beyond their edge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeTier(Record):
    """Fees against LVR of one liquidity in a pool of this fee tier; a statistic, not money."""

    fee_pips: int
    fees: float
    """Fees, in quote, of the same liquidity for every tier; ``basis`` says of how much."""
    lvr: float
    """Loss versus rebalancing of that liquidity, in quote (negative)."""
    ratio: float | None
    """Fees divided by the LVR's absolute value; above 1 the fees paid for it."""
    basis: str
    """What the estimate rests on, in a sentence."""
    trades: int | None = None
    """Trades that paid these fees."""
    break_even_volume: float | None = None
    """Further volume, in quote, that would make fees equal LVR; 0 where they already do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Results(Record):
    """Everything one backtest found."""

    SCHEMA: ClassVar[str] = SCHEMA

    alp_version: str
    strategy: StrategyFacts
    seed: int
    data: tuple[DataFacts, ...]
    fidelity: Fidelity
    pair: Pair
    window: Window
    nav: Nav
    inventory: Inventory
    attribution: Attribution
    il: Decimal
    """Impermanent loss of all positions together, in quote (negative is a loss)."""
    risk: Risk
    replay: Replay = field(default_factory=Replay)
    positions: tuple[Position, ...] = ()
    rebalances: tuple[Rebalance, ...] = ()
    hourly: tuple[Period, ...] = ()
    """The attribution by ``backtest.sampleEvery``, an hour unless the manifest says otherwise."""
    by_rebalance: tuple[Period, ...] = ()
    """The attribution between executed rebalances: the first row ends with the first of them, its
    gas included, the last with the run."""
    hedge: Hedge = field(default_factory=Hedge)
    series: Series = field(default_factory=Series)
    markouts: tuple[Markout, ...] = ()
    fee_tiers: tuple[FeeTier, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    """Versions that shape the numbers: ``python``, ``numpy``, ``cython``."""
    schema: Literal["alp.results/1"] = "alp.results/1"

    def check_identity(self) -> Self:
        """Return self if the ledger's identities hold exactly.

        The parts sum to ``attribution.total``, which is ``nav.change``, which is
        ``nav.end - nav.start``; the periods chain from ``nav.start`` to ``nav.end`` and sum, part
        by part, to the attribution.

        Raises
        ------
        Corrupt
            If any of them does not; the message names the first and the difference.
        """
        _same(
            "attribution parts",
            exact_sum(self.attribution.parts().values()),
            "attribution.total",
            self.attribution.total,
        )
        _same("attribution.total", self.attribution.total, "nav.change", self.nav.change)
        _same(
            "nav.start + nav.change",
            exact_sum((self.nav.start, self.nav.change)),
            "nav.end",
            self.nav.end,
        )
        for name in ("hourly", "by_rebalance"):
            rows: tuple[Period, ...] = getattr(self, name)
            if rows:
                self._check_periods(rows)
        columns = {name: len(getattr(self.series, name)) for name in _columns()}
        if len(set(columns.values())) > 1:
            raise Corrupt(f"series columns differ in length: {columns}")
        return self

    def _check_periods(self, rows: tuple[Period, ...]) -> None:
        nav = self.nav.start
        for row in rows:
            nav = exact_sum((nav, *row.parts().values()))
            _same("NAV before plus the period's parts", nav, f"nav at {row.ts_ns}", row.nav)
        _same("the last period's nav", nav, "nav.end", self.nav.end)
        for name, whole in self.attribution.parts().items():
            total = exact_sum(getattr(row, name) for row in rows)
            _same(f"periods' {name}", total, f"attribution.{name}", whole)

    def to_json_bytes(self) -> bytes:
        """Canonical UTF-8 JSON: sorted keys, two-space indent, a newline at the end.

        Raises
        ------
        Corrupt
            If a number is not finite or an integer does not fit 64 bits.
        """
        return codec.to_json_bytes(self)

    @classmethod
    def from_json(cls, data: bytes, *, path: str | Path | None = None) -> Self:
        """Read what :meth:`to_json_bytes` wrote; ``path`` only names the file in errors.

        Raises
        ------
        DataError
            If it is not JSON, of another schema version, or not of this shape.
        """
        return codec.from_json(cls, data, path=path)

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a results file.

        Raises
        ------
        DataError
            If the file cannot be read or is not a results file of this version.
        """
        try:
            data = Path(path).read_bytes()
        except OSError as e:
            raise DataError(e.strerror or str(e), path=path) from e
        return cls.from_json(data, path=path)


def _columns() -> list[str]:
    return [item.name for item in fields(Series)]


def _same(what: str, value: Decimal, other: str, expected: Decimal) -> None:
    if value != expected:
        difference = exact_sum((value, expected.copy_negate()))
        raise Corrupt(
            f"{what} = {value:f} but {other} = {expected:f}, a difference of {difference:f}",
            hint="the ledger does not balance; please report this run",
        )
