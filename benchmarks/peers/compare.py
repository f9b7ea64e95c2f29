"""alp beside the seed on its own recordings, and three ways to the fees of one position."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alp._core.pool import Pool
from alp.backtest.drive import Stop
from alp.backtest.results import Position, Results
from alp.backtest.run import run_backtest
from alp.backtest.setup import prepare
from alp.data import Kind, open_source
from alp.data.schema import EventKind, signed, signed_list, unsigned
from alp.strategy import load_manifest
from peers import seed_case
from peers.seed_model import RAW, Band, Bar, Life, Outcome, Rules, Settings, earned

MINUTE_NS = 60 * 10**9
AS_A_POOL = Rules(fee_on_input=True, every_move=True, inside_bars=True)
LOWEST, HIGHEST = 4295128740, 1461446703485210103287273052203988822378723970341


def alp_run(settings: Settings, first: Bar, recording: Path) -> Results:
    """Run alp with a case's parameters."""
    strategy = load_manifest(seed_case.manifest(settings, first, recording))
    return run_backtest(strategy, Path())


def rebalances(results: Results) -> int:
    """Return how many times ranges were minted, the first time included, as the seed counts."""
    return sum(each.decision == "executed" for each in results.rebalances)


@dataclass(frozen=True)
class Range:
    """One position."""

    tick_lower: int
    tick_upper: int
    liquidity: int


def band_of(place: Range, last: float) -> Band:
    """Return a position in the independent model's terms, with all the tokens it can need.

    Amounts are whole tokens there: the root of the units of both goes into liquidity.
    """
    return Band(
        lower=1.0001**place.tick_lower / RAW,
        upper=1.0001**place.tick_upper / RAW,
        liquidity=place.liquidity / math.sqrt(10**6 * 10**18),
        token0=math.inf,
        token1=math.inf,
        last=last,
    )


def life_of(position: Position, bars: list[Bar]) -> Life:
    """Return one of alp's positions and its rows."""
    ends = [(bar.minute + 1) * MINUTE_NS for bar in bars]
    opened = _last_at(ends, position.opened_ns)
    closed = len(bars) - 1 if position.closed_ns is None else _last_at(ends, position.closed_ns)
    place = Range(position.tick_lower, position.tick_upper, int(position.liquidity))
    return Life(opened, closed, band_of(place, bars[opened].close if opened >= 0 else bars[0].open))


def _last_at(ends: list[int], ts_ns: int) -> int:
    """Return the last row over at a time, -1 before the first."""
    return bisect_right(ends, ts_ns) - 1


def recomputed(results: Results, bars: list[Bar], fee: float) -> tuple[float, float, float]:
    """Return (base, quote) fees of alp's positions found without alp, and the worst difference.

    The difference is of a position's fees, relative to them, over those that earned a cent.
    """
    base = quote = worst = 0.0
    for position in results.positions:
        found = earned(bars, life_of(position, bars), fee, AS_A_POOL)
        base, quote = base + found.fees1, quote + found.fees0
        for ours, theirs, least in (
            (float(position.fees_base), found.fees1, 4e-6),
            (float(position.fees_quote), found.fees0, 0.01),
        ):
            if theirs > least:
                worst = max(worst, abs(ours / theirs - 1.0))
    return base, quote, worst


def fixed_ranges(bars: list[Bar], run: Outcome, fee: float, rules: Rules) -> float:
    """Return what the ranges of a run would have earned under other fee rules, in token0."""
    return sum(earned(bars, life, fee, rules).fees_value for life in run.lives)


def held(
    data: dict[str, Any], place: Range, *, fee_tier: int = 500, chain: str = "ethereum", **how: Any
) -> tuple[float, float, dict[str, Any]]:
    """Return (quote, base) fees of one position held over all of the data, and the counters.

    Parameters
    ----------
    data
        ``spec.backtest.data`` with absolute paths.
    how
        Other fields of ``spec.backtest``, such as ``fees`` or ``fidelity``.
    """
    manifest = {
        "apiVersion": "alp.dev/v1alpha1",
        "kind": "Strategy",
        "metadata": {"name": "held"},
        "spec": {
            "pool": {"chain": chain, "base": "WETH", "quote": "USDC", "feeTier": fee_tier},
            "inventory": {"base": "1", "quote": "1"},
            "backtest": {"data": data, **how},
        },
    }
    strategy = load_manifest(manifest)
    driver = prepare(strategy.spec, strategy.pair(), Path()).driver
    slot, _, _ = driver.open(place.tick_lower, place.tick_upper, place.liquidity)
    driver.advance(Stop())
    books = driver.read(slot)
    return books["fee_quote"] / 1e6, books["fee_base"] / 1e18, driver.counters


def growth_times_liquidity(events: Path, liquidity: Path, place: Range) -> tuple[float, float]:
    """Return the (quote, base) fees of a position too small to count, by the pool's own growth.

    Every recorded swap is walked to its price on a pool without our liquidity; what a unit of
    liquidity in the range gained is summed up over the pools built on the way.
    """
    gained = [0, 0]
    for pool, target, second in _pools(events, liquidity):
        # One unit that moves no price makes the pool keep the growth at both ends of the range.
        if pool.tick_info(place.tick_lower).ghost_gross == 0:
            pool.mint(1, place.tick_lower, place.tick_upper, 1, second, ghost=True)
        before = pool.fee_growth_inside(place.tick_lower, place.tick_upper)
        if target != pool.sqrt_price_x96:
            pool.swap(target < pool.sqrt_price_x96, 2**200, target, second)
        after = pool.fee_growth_inside(place.tick_lower, place.tick_upper)
        for side in (0, 1):
            gained[side] += (after[side] - before[side]) % 2**256
    raw = [growth * place.liquidity / 2**128 for growth in gained]
    return raw[0] / 1e6, raw[1] / 1e18


def _pools(events: Path, liquidity: Path) -> Iterator[tuple[Pool, int, int]]:
    """Yield, for each swap after the first, the pool before it, its price after, the second."""
    pool: Pool | None = None
    nets = _nets(liquidity)
    for row in open_source(events).read():
        second = int(row["ts_ns"]) // 10**9
        price = unsigned(row["sqrt_price_x96"])
        if row["kind"] in (EventKind.MINT, EventKind.BURN):
            _shift(nets, row)
            if pool is not None:
                pool = _built(pool.sqrt_price_x96, pool.tick, nets, second)
        elif row["kind"] == EventKind.SWAP and pool is None:
            pool = _built(price, int(row["tick"]), nets, second)
        elif row["kind"] == EventKind.SWAP:
            yield pool, price, second


def _nets(liquidity: Path) -> dict[int, int]:
    known = open_source(liquidity, kind=Kind.LIQUIDITY).read()
    return dict(zip(known["tick"].tolist(), signed_list(known["liquidity_net"]), strict=True))


def _shift(nets: dict[int, int], row: Any) -> None:
    """Apply a recorded mint or burn to the nets."""
    change = unsigned(row["liquidity"]) * (1 if row["kind"] == EventKind.MINT else -1)
    for tick, sign in ((int(row["tick_lower"]), 1), (int(row["tick_upper"]), -1)):
        nets[tick] = nets.get(tick, 0) + sign * change


def against_the_chain(events: Path, liquidity: Path) -> dict[str, int]:
    """Execute each recorded swap on the pool engine; count those equal in every integer.

    A swap is tried as the exact input, the exact output and the input stopped by a price limit it
    can have been; equal means both amounts, price, tick and liquidity, and ``one_unit`` that all
    are but an amount, by one raw unit. The pool is built anew, without fees, wherever others change
    their liquidity, and put right after a swap that differs.
    """
    rows = open_source(events).read()
    nets = _nets(liquidity)
    counts = dict.fromkeys(("exact_input", "exact_output", "price_limit", "one_unit", "differs"), 0)
    pool: Pool | None = None
    for row in rows:
        second = int(row["ts_ns"]) // 10**9
        if row["kind"] in (EventKind.MINT, EventKind.BURN):
            _shift(nets, row)
            if pool is not None:
                pool = _built(pool.sqrt_price_x96, pool.tick, nets, second)
        elif row["kind"] == EventKind.SWAP:
            told = (
                signed(row["amount0"]),
                signed(row["amount1"]),
                unsigned(row["sqrt_price_x96"]),
                int(row["tick"]),
                unsigned(row["liquidity"]),
            )
            if pool is not None:
                pool, kind = _execute(pool, told, second)
                counts[kind] += 1
            if pool is None or kind in ("one_unit", "differs"):
                pool = _built(told[2], told[3], nets, second)
    return counts


def _execute(pool: Pool, told: tuple[int, ...], second: int) -> tuple[Pool, str]:
    down = told[0] > 0
    paid, got = (told[0], told[1]) if down else (told[1], told[0])
    limit = LOWEST if down else HIGHEST
    tries = {
        "exact_input": (paid, limit),
        "exact_output": (got, limit),
        "price_limit": (2**200, told[2]),
    }
    for kind, (amount, stop) in tries.items():
        after = pool.copy()
        amounts = after.swap(down, amount, stop, second)
        if (*amounts, after.sqrt_price_x96, after.tick, after.liquidity) == told:
            return after, kind
    apart = max(abs(ours - theirs) for ours, theirs in zip(amounts, told, strict=False))
    same = (after.sqrt_price_x96, after.tick, after.liquidity) == told[2:]
    return pool, "one_unit" if same and apart <= 1 else "differs"


def _built(price: int, tick: int, nets: dict[int, int], second: int) -> Pool:
    pool = Pool(500, 10)
    pool.initialize(price, second)
    pool.set_price(price, tick)
    # What the snapshot carries on to the ends of the tick range lies on the last usable ticks.
    end = 887_270
    pool.load_liquidity(
        [(min(max(tick, -end), end), net) for tick, net in sorted(nets.items()) if net]
    )
    return pool
