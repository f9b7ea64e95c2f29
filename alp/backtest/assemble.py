"""From what a run left behind to :class:`~alp.backtest.results.Results`.

Exact ledger integers become exact decimals: a value of ``n`` ledger units is ``n * 10^-(28 + d)``
quote tokens, with ``d`` the quote token's decimals, so nothing is rounded on the way.
"""

from __future__ import annotations

import math
import platform
from collections.abc import Sequence
from decimal import Context, Decimal
from itertools import pairwise
from typing import Literal, cast

import numpy as np

from alp import __version__
from alp._core.lp_books import PART_NAMES
from alp.backtest.book import Snapshot, worth
from alp.backtest.engine import Decision, Engine, Record
from alp.backtest.fee_tiers import TIERS, ArbitrageIncome, arbitrage_income, observed_ratio
from alp.backtest.lp_leg import OwnedPosition
from alp.backtest.markouts import MarkoutSummary
from alp.backtest.provenance import DataFacts, Fidelity, Pair, Replay, StrategyFacts, Window
from alp.backtest.results import (
    Attribution,
    FeeTier,
    Fill,
    Hedge,
    HedgeTiming,
    Inventory,
    Markout,
    Nav,
    Period,
    Position,
    RangeSpan,
    Rebalance,
    Results,
    Risk,
    Series,
)
from alp.backtest.setup import Setup
from alp.backtest.tick_leg import TickLeg
from alp.backtest.venue_leg import VenueFill
from alp.models.hedge_timing import TimingResult
from alp.models.pair import TokenPair
from alp.strategy.manifest import Strategy

MARK_DIGITS = 28
YEAR_S = 365.25 * 86400
_EXACT = Context(prec=400)


class Units:
    """Exact decimals and floats of raw amounts and ledger values."""

    def __init__(self, pair: TokenPair) -> None:
        self._base = pair.base_decimals
        self._quote = pair.quote_decimals

    def value(self, units: int) -> Decimal:
        """Return a ledger value in quote tokens."""
        return Decimal(units).scaleb(-(MARK_DIGITS + self._quote), _EXACT)

    def number(self, units: int) -> float:
        """Return a ledger value in quote tokens, as a float."""
        return float(units / 10 ** (MARK_DIGITS + self._quote))

    def base(self, raw: int) -> Decimal:
        """Return raw base in tokens."""
        return Decimal(raw).scaleb(-self._base, _EXACT)

    def quote(self, raw: int) -> Decimal:
        """Return raw quote in tokens."""
        return Decimal(raw).scaleb(-self._quote, _EXACT)

    def base_number(self, raw: float) -> float:
        """Return raw base in tokens, as a float."""
        return float(raw / 10**self._base)


def assemble(strategy: Strategy, setup: Setup, engine: Engine, record: Record) -> Results:
    """Return the results of a finished run; its identities are checked."""
    engine.estimates.update()
    units = Units(setup.pair)
    snapshots = record.snapshots
    first, last = snapshots[0], snapshots[-1]
    hodl = _hodl(engine, (first, last))
    curve = record.curve
    results = Results(
        alp_version=__version__,
        strategy=StrategyFacts(
            name=strategy.metadata.name,
            manifest_sha256=strategy.fingerprint(),
            parameters=strategy.spec.model_dump(mode="json", by_alias=True, exclude_none=True),
        ),
        seed=setup.spec.backtest.seed,
        data=_data(setup, engine),
        fidelity=_fidelity(setup, engine),
        pair=_pair(setup.pair),
        window=_window(setup, first, last),
        nav=Nav(
            start=units.value(first.nav),
            end=units.value(last.nav),
            change=units.value(last.nav - first.nav),
            hodl_change=units.value(hodl[-1] - hodl[0]),
        ),
        inventory=_inventory(engine, units),
        attribution=Attribution(**_parts(units, last.parts), total=units.value(sum(last.parts))),
        il=units.value(sum(own.il for own in engine.lp.history)),
        risk=_risk(setup, engine, units, sorted({*snapshots, *curve})),
        replay=_replay(setup),
        positions=tuple(_position(setup.pair, units, own) for own in engine.lp.history),
        rebalances=tuple(_rebalance(setup.pair, each) for each in record.decisions),
        hourly=_periods(units, snapshots),
        by_rebalance=_periods(units, record.rebalances),
        hedge=_hedge(engine, units),
        series=_series(setup, units, curve, _hodl(engine, curve)),
        markouts=_markouts(setup, engine),
        fee_tiers=_fee_tiers(setup, engine),
        versions={"python": platform.python_version(), "numpy": np.__version__},
    )
    return results.check_identity()


def _hodl(engine: Engine, snapshots: Sequence[Snapshot]) -> list[int]:
    base, quote = engine.book.start_amounts
    return [worth(base, quote, each.mark) for each in snapshots]


def _data(setup: Setup, engine: Engine) -> tuple[DataFacts, ...]:
    facts: list[DataFacts] = []
    for role, source in setup.inputs.by_role().items():
        facts.extend(
            DataFacts(
                role=role,
                path=info.path,
                sha256=info.sha256,
                format=info.format,
                rows=info.rows,
                start_ns=info.start_ns,
                end_ns=info.end_ns,
                notes=tuple(info.notes),
            )
            for info in source.describe()
        )
    if isinstance(engine.venue, TickLeg):
        facts.extend(engine.venue.data)
    return tuple(facts)


def _fidelity(setup: Setup, engine: Engine) -> Fidelity:
    venue = engine.venue
    return Fidelity(
        lp=setup.lp_fidelity,
        cefi="none" if venue is None else venue.fidelity,
        liquidity=setup.liquidity_source,
        mark="pool",
        notes=tuple(setup.notes) + (() if venue is None else venue.notes),
    )


def _pair(pair: TokenPair) -> Pair:
    return Pair(
        base=pair.base_symbol,
        quote=pair.quote_symbol,
        base_decimals=pair.base_decimals,
        quote_decimals=pair.quote_decimals,
        base_is_token0=pair.base_is_token0,
        fee_pips=pair.fee_pips,
        tick_spacing=pair.tick_spacing,
    )


def _window(setup: Setup, first: Snapshot, last: Snapshot) -> Window:
    counters = setup.driver.counters
    return Window(
        start_ns=first.ts_ns,
        end_ns=last.ts_ns,
        events=int(counters.get("events", 0)),
        swaps=int(counters.get("swaps", 0)),
        bars=int(counters.get("bars", 0)),
    )


def _inventory(engine: Engine, units: Units) -> Inventory:
    base, quote = engine.book.start_amounts
    held_base, held_quote = engine.lp.holdings
    end_base = held_base + engine.book.venue_base
    end_quote = held_quote + engine.book.venue_quote
    return Inventory(
        start_base=units.base(base),
        start_quote=units.quote(quote),
        end_base=units.base(end_base),
        end_quote=units.quote(end_quote),
    )


def _parts(units: Units, parts: tuple[int, ...]) -> dict[str, Decimal]:
    return {name: units.value(part) for name, part in zip(PART_NAMES, parts, strict=True)}


def _periods(units: Units, snapshots: list[Snapshot]) -> tuple[Period, ...]:
    return tuple(_period(units, before, after) for before, after in pairwise(snapshots))


def _period(units: Units, before: Snapshot, after: Snapshot) -> Period:
    change = tuple(now - then for now, then in zip(after.parts, before.parts, strict=True))
    return Period(ts_ns=after.ts_ns, nav=units.value(after.nav), **_parts(units, change))


def _risk(setup: Setup, engine: Engine, units: Units, snapshots: list[Snapshot]) -> Risk:
    peak = deepest_peak = snapshots[0]
    deepest, worst = snapshots[0], 0
    for each in snapshots:
        if each.nav > peak.nav:
            peak = each
        # Compare falls as fractions of their peaks without dividing.
        if (peak.nav - each.nav) * deepest_peak.nav > worst * peak.nav:
            worst, deepest, deepest_peak = peak.nav - each.nav, each, peak
    life = snapshots[-1].ts_ns - snapshots[0].ts_ns
    return Risk(
        max_drawdown_bps=1e4 * worst / deepest_peak.nav if deepest_peak.nav else 0.0,
        max_drawdown=units.value(worst),
        drawdown_start_ns=deepest_peak.ts_ns if worst else None,
        drawdown_end_ns=deepest.ts_ns if worst else None,
        volatility=_annual_volatility(snapshots),
        time_in_range=_time_in_range(engine.lp.history, life),
        max_net_base=_max_net(setup, units, snapshots),
    )


def _annual_volatility(snapshots: list[Snapshot]) -> float | None:
    times = np.array([each.ts_ns for each in snapshots], np.float64) / 1e9
    navs = np.array([float(each.nav) for each in snapshots])
    steps = np.diff(times)
    keep = steps > 0
    if keep.sum() < 3 or (navs <= 0).any():
        return None
    returns = np.diff(np.log(navs))[keep] / np.sqrt(steps[keep])
    return float(returns.std(ddof=1) * math.sqrt(YEAR_S))


def _time_in_range(history: list[OwnedPosition], life_ns: int) -> float | None:
    """Share of the time: bid and ask ranges do not overlap, so their times add up."""
    if life_ns <= 0 or not history:
        return None
    return min(1.0, float(sum(own.books["in_range_ns"] for own in history) / life_ns))


def _max_net(setup: Setup, units: Units, snapshots: list[Snapshot]) -> float:
    share = setup.spec.inventory.target_base_share_bps
    worst = 0.0
    for each in snapshots:
        target = each.nav * share // 10_000 // each.mark if each.mark else 0
        worst = max(worst, abs(units.base_number(each.lp_base + each.cefi_base - target)))
    return worst


def _replay(setup: Setup) -> Replay:
    counters = setup.driver.counters
    if setup.lp_fidelity not in ("overlay", "reexecute"):
        return Replay()
    return Replay(
        swaps_exact_in=int(counters["exact_in"]),
        swaps_exact_out=int(counters["exact_out"]),
        swaps_at_limit=int(counters["at_limit"]),
        swaps_by_price=int(counters["by_price"]),
        liquidity_mismatches=int(counters["liquidity_mismatches"]),
        max_price_error_bps=float(counters["worst_gap_bps"]),
    )


def _position(pair: TokenPair, units: Units, own: OwnedPosition) -> Position:
    prices = sorted((pair.tick_to_price(own.tick_lower), pair.tick_to_price(own.tick_upper)))
    books = own.books
    return Position(
        id=own.number,
        tick_lower=own.tick_lower,
        tick_upper=own.tick_upper,
        liquidity=Decimal(own.liquidity),
        opened_ns=own.opened_ns,
        closed_ns=own.closed_ns,
        price_lower=prices[0],
        price_upper=prices[1],
        fees_base=units.base(books["fee_base"]),
        fees_quote=units.quote(books["fee_quote"]),
        fees_value=units.value(books["fees"]),
        lvr=units.value(books["lvr"]),
        il=units.value(own.il),
        side=_deposited_side(own),
        deposit_value=units.value(own.deposit_value),
        time_in_range=own.time_in_range,
    )


def _deposited_side(own: OwnedPosition) -> Literal["bid", "ask", "both"]:
    if own.deposit_base and own.deposit_quote:
        return "both"
    return "ask" if own.deposit_base else "bid"


def _rebalance(pair: TokenPair, decision: Decision) -> Rebalance:
    price = pair.sqrt_x96_to_price(decision.sqrt_price_x96)
    return Rebalance(
        ts_ns=decision.ts_ns,
        block=decision.block,
        decision=decision.decision,  # type: ignore[arg-type]
        reason=decision.reason,
        price=price,
        tick=decision.tick,
        numbers={
            name: value if math.isfinite(value) else None
            for name, value in decision.numbers.items()
        },
        ranges=tuple(_span(pair, price, *planned.ticks) for planned in decision.ranges),
        detail=decision.detail,
    )


def _span(pair: TokenPair, price: float, lower: int, upper: int) -> RangeSpan:
    prices = sorted((pair.tick_to_price(lower), pair.tick_to_price(upper)))
    side = "ask" if prices[0] >= price else "bid" if prices[1] <= price else "both"
    return RangeSpan(
        tick_lower=lower,
        tick_upper=upper,
        price_lower=prices[0],
        price_upper=prices[1],
        side=side,  # type: ignore[arg-type]
    )


def _hedge(engine: Engine, units: Units) -> Hedge:
    venue = engine.venue
    if venue is None:
        return Hedge()
    found = venue.summary
    mean, most = found["residual_mean"], found["residual_max"]
    lag = found["lag_ns"]
    return Hedge(
        enabled=True,
        fills=tuple(_fill(units, each) for each in venue.fills),
        volume_base=units.base(venue.volume_base_raw),
        funding=units.quote(venue.funding_raw),
        ratio=found["ratio"],
        correlation=found["correlation"],
        residual_base_mean=None if mean is None else units.base_number(mean),
        residual_base_max=None if most is None else units.base_number(most),
        lag_ns=None if lag is None else int(lag),
        suspended=found["suspended"],
        timing=tuple(_timing(units, each) for each in venue.timings()),
    )


def _timing(units: Units, found: TimingResult) -> HedgeTiming:
    metrics = found.metrics
    return HedgeTiming(
        way=cast(Literal["quoted", "at_once", "band"], found.name),
        trades=metrics.trades,
        volume_base=units.base_number(metrics.volume_raw),
        cost=metrics.cost_quote,
        error_base=units.base_number(metrics.error_rms_raw),
        error_quote=metrics.error_quote,
        lag_ns=metrics.lag_median_ns,
        charge=found.charge_quote,
    )


def _fill(units: Units, made: VenueFill) -> Fill:
    instrument, fill = made.instrument, made.fill
    return Fill(
        ts_ns=fill.ts_ns,
        venue=instrument.venue,
        side="buy" if fill.side > 0 else "sell",
        price=fill.price_ticks * instrument.tick_size,
        quantity=fill.lots * instrument.lot_size,
        fee=units.quote(fill.fee_raw),
        why=fill.why,
    )


def _series(setup: Setup, units: Units, snapshots: list[Snapshot], hodl: list[int]) -> Series:
    pair = setup.pair
    scale = 10.0 ** (pair.base_decimals - pair.quote_decimals - MARK_DIGITS)
    return Series(
        ts_ns=tuple(each.ts_ns for each in snapshots),
        price=tuple(each.mark * scale for each in snapshots),
        nav=tuple(units.number(each.nav) for each in snapshots),
        hodl=tuple(units.number(value) for value in hodl),
        inventory_lp=tuple(units.base_number(each.lp_base) for each in snapshots),
        inventory_cefi=tuple(units.base_number(each.cefi_base) for each in snapshots),
        inventory_net=tuple(units.base_number(each.lp_base + each.cefi_base) for each in snapshots),
    )


def _markouts(setup: Setup, engine: Engine) -> tuple[Markout, ...]:
    pool = [_markout("lp", each) for each in setup.markouts.summaries()]
    venue = engine.venue
    hedge = [] if venue is None else [_markout("hedge", each) for each in venue.markouts()]
    return (*pool, *hedge)


def _markout(leg: Literal["lp", "hedge"], summary: MarkoutSummary) -> Markout:
    known = bool(summary.counts)
    return Markout(
        leg=leg,
        horizon_ns=summary.horizon_ns,
        count=sum(summary.counts),
        unresolved=summary.unresolved,
        total_quote=summary.total_quote,
        mean_bps=summary.mean_bps if known else None,
        median_bps=summary.median_bps if known else None,
        p05_bps=summary.p05_bps if known else None,
        p95_bps=summary.p95_bps if known else None,
        edges_bps=summary.edges_bps,
        counts=summary.counts,
    )


def _fee_tiers(setup: Setup, engine: Engine) -> tuple[FeeTier, ...]:
    """Arbitrage-only income of each tier on the pool's own minutes, and this pool's own flow."""
    prices = engine.estimates.minute_prices()
    if len(prices) < 10:
        return ()
    rows = [_tier(arbitrage_income(prices, tier)) for tier in TIERS]
    pair = setup.pair
    observed = engine.estimates.observed_fees()
    if observed > 0.0 and setup.lp_fidelity != "arbitrage":
        # From fees of one raw unit of liquidity to those of one unit in whole tokens.
        fees = observed * 10.0 ** (0.5 * (pair.base_decimals - pair.quote_decimals))
        fees, lvr = observed_ratio(np.sqrt(prices), fees)
        rows.append(
            FeeTier(
                fee_pips=pair.fee_pips,
                fees=fees,
                lvr=-lvr,
                ratio=fees / lvr if lvr > 0 else None,
                basis="this pool's recorded flow, one unit of liquidity in range all along; LVR "
                "between minute prices",
            )
        )
    return tuple(rows)


def _tier(income: ArbitrageIncome) -> FeeTier:
    return FeeTier(
        fee_pips=income.fee_pips,
        fees=income.fees,
        lvr=-income.lvr,
        ratio=income.ratio if income.lvr > 0 else None,
        basis="arbitrage alone against this window's minute prices, one unit of liquidity at "
        "every price",
        trades=income.trades,
        break_even_volume=income.break_even_volume,
    )
