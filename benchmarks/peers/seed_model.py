"""The seed's backtest rebuilt from its formulas, with each of its choices on a switch.

The seed trades two one-sided ranges from close to close in floating point. :class:`Rules` with no
argument is that; each field turns one choice into what a Uniswap V3 pool does, so that the
difference between two runs is the price of that choice alone. It knows nothing of alp's engine.

Prices are token1 per token0 as in the seed's files (WETH per USDC); token0 is the money.
"""

from __future__ import annotations

import csv
import gzip
import math
import statistics
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

LOG_TICK = math.log(1.0001)
RAW = 10**12
"""Raw token1 per raw token0 at a price of 1: WETH has 18 decimals, USDC 6."""
MINUTES_A_YEAR = 525_600


class Bar(NamedTuple):
    """One row of the seed's files; `minute` counts from 1970 UTC."""

    minute: int
    open: float
    high: float
    low: float
    close: float


@dataclass(frozen=True, slots=True)
class Settings:
    """The parameters the seed reads from its environment, in its units."""

    model: str = "AvellanedaStoikovModel"
    min_range_pct: float = 2.0
    max_range_pct: float = 50.0
    base_spread: float = 0.2
    threshold: float = 0.1
    fee: float = 0.0005
    token0: float = 3000.0
    token1: float = 1.0

    @classmethod
    def of(cls, case: dict) -> Settings:
        """Return the settings of one record of the seed's published runs."""
        env = case["env"]
        return cls(
            model=env["INVENTORY_MODEL"],
            min_range_pct=float(env.get("MIN_RANGE_PERCENTAGE", 2.0)),
            max_range_pct=float(env.get("MAX_RANGE_PERCENTAGE", 50.0)),
            base_spread=float(env.get("BASE_SPREAD", 0.2)),
            threshold=float(env.get("REBALANCE_THRESHOLD", 0.1)),
            fee=env["FEE_TIER"] / 10_000,
            token0=2500.0 if case["case"].startswith("README") else 3000.0,
        )


@dataclass(frozen=True, slots=True)
class Rules:
    """What is done as in a pool instead of as in the seed; the default is the seed."""

    fee_on_input: bool = False
    """The taker pays the fee on what it brings in, and it is part of that amount."""
    every_move: bool = False
    """Moves under 5 bps trade too."""
    inside_bars: bool = False
    """Trade along open, the two extremes and close, not from close to close."""
    tick_spacing: int | None = None
    """Both edges of a range are usable ticks of a USDC/WETH pool; None: the outer edge is a power
    of 1.0001 of the price in whole tokens, which is no tick of the pool, the inner the price."""
    elapsed_volatility: bool = False
    """Rows missing from the file count as time when returns are annualised."""
    one_width: bool = False
    """Every mint is as wide as the first, upper over lower price alike on both sides: no skew."""


SEED = Rules()


@dataclass(slots=True)
class Band:
    """One range: liquidity, price edges, and what it holds."""

    lower: float
    upper: float
    liquidity: float
    token0: float
    token1: float
    last: float
    ticks: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Life:
    """A range from the row after whose close it was minted to the last row it was there."""

    opened: int
    closed: int
    band: Band
    """As it was minted."""


@dataclass(slots=True)
class Outcome:
    """What a run ended with."""

    token0: float = 0.0
    token1: float = 0.0
    fees0: float = 0.0
    fees1: float = 0.0
    fees_value: float = 0.0
    """Fees in token0, each at the price of its row."""
    rebalances: int = 0
    trades: int = 0
    start_value: float = 0.0
    end_value: float = 0.0
    drawdown: float = 0.0
    """Of the value of what is held."""
    counted_twice: float = 0.0
    """Drawdown of what is held plus what was minted last: the series the seed measures."""
    lives: list[Life] = field(default_factory=list)
    """Every range with the rows it was there."""

    @property
    def total_return(self) -> float:
        """Change of value as a fraction of the start, as the seed reports it."""
        return self.end_value / self.start_value - 1.0


def read_bars(path: Path) -> list[Bar]:
    """Read one of the seed's files, plain or gzipped."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", newline="") as lines:
        return [
            Bar(
                int(datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC).timestamp()) // 60,
                *(float(row[name]) for name in ("open", "high", "low", "close")),
            )
            for row in csv.DictReader(lines)
        ]


def run(bars: list[Bar], settings: Settings, rules: Rules = SEED) -> Outcome:
    """Run one configuration over the bars."""
    first = bars[0].close
    outcome = Outcome(start_value=settings.token0 + settings.token1 / first)
    target = settings.token0 / outcome.start_value
    held0, held1 = settings.token0, settings.token1
    bands: list[Band] = []
    minted: list[Band] = []
    opened = 0
    baseline = (0.0, 0.0, 0.0)
    traded_at: float | None = None
    peak = doubled_peak = 0.0
    for index, bar in enumerate(bars):
        if bands and traded_at is not None:
            moved = abs(bar.close - traded_at) / traded_at
            if rules.inside_bars or moved > (0.0 if rules.every_move else 0.0005):
                for price in _path(bar) if rules.inside_bars else (bar.close,):
                    for band in bands:
                        _trade(band, price, settings.fee, rules.fee_on_input, outcome)
                outcome.trades += 1
                traded_at = bar.close
                held0 = sum(band.token0 for band in bands)
                held1 = sum(band.token1 for band in bands)
        else:
            traded_at = bar.close
        if not bands or _triggered(baseline, held0, held1, bar.close, settings.threshold):
            upper, lower = _first_widths(settings)
            if rules.one_width:
                lower = 1.0 - 1.0 / (1.0 + lower)
            elif bands:
                history = bars[max(0, index - 19) : index + 1]
                volatility = _volatility(history, elapsed=rules.elapsed_volatility)
                upper, lower = _widths(settings, target, held0, held1, bar.close, volatility)
            outcome.lives += [Life(opened, index, band) for band in minted]
            bands = _mint(held0, held1, bar.close, upper, lower, rules.tick_spacing)
            opened, minted = index, [replace(band) for band in bands]
            baseline = (held0, held1, bar.close)
            outcome.rebalances += 1
        value = held0 + held1 / bar.close
        peak = max(peak, value)
        outcome.drawdown = max(outcome.drawdown, 1.0 - value / peak)
        doubled = value + baseline[0] + baseline[1] / bar.close
        doubled_peak = max(doubled_peak, doubled)
        outcome.counted_twice = max(outcome.counted_twice, 1.0 - doubled / doubled_peak)
    outcome.lives += [Life(opened, len(bars) - 1, band) for band in minted]
    outcome.token0, outcome.token1 = held0, held1
    outcome.end_value = held0 + held1 / bars[-1].close
    return outcome


def earned(bars: list[Bar], life: Life, fee: float, rules: Rules) -> Outcome:
    """Return the fees of one range along the bars of its life, in the ways `rules` say."""
    band = replace(life.band)
    outcome = Outcome()
    traded_at = band.last
    for bar in bars[life.opened + 1 : life.closed + 1]:
        moved = abs(bar.close - traded_at) / traded_at
        if rules.inside_bars or moved > (0.0 if rules.every_move else 0.0005):
            for price in _path(bar) if rules.inside_bars else (bar.close,):
                _trade(band, price, fee, rules.fee_on_input, outcome)
            traded_at = bar.close
    return outcome


def _path(bar: Bar) -> tuple[float, float, float, float]:
    """Open, the extreme the bar does not end towards, the other one, close."""
    if bar.close < bar.open:
        return bar.open, bar.high, bar.low, bar.close
    return bar.open, bar.low, bar.high, bar.close


def _trade(band: Band, price: float, fee: float, on_input: bool, outcome: Outcome) -> None:
    before = min(max(band.last, band.lower), band.upper)
    after = min(max(price, band.lower), band.upper)
    band.last = price
    if before == after:
        return
    root0, root1 = math.sqrt(before), math.sqrt(after)
    delta0 = band.liquidity * (1.0 / root1 - 1.0 / root0)
    delta1 = band.liquidity * (root1 - root0)
    given, taken = (-delta0, delta1) if delta1 > 0.0 else (-delta1, delta0)
    sold = min(given, band.token0 if delta1 > 0.0 else band.token1)
    bought = taken * (sold / given if given else 0.0)
    paid = bought * fee / (1.0 - fee) if on_input else sold * fee
    in_token0 = (delta1 > 0.0) != on_input
    fee0, fee1 = (paid, 0.0) if in_token0 else (0.0, paid)
    if delta1 > 0.0:
        band.token0 += -sold + fee0
        band.token1 += bought + fee1
    else:
        band.token0 += bought + fee0
        band.token1 += -sold + fee1
    outcome.fees0 += fee0
    outcome.fees1 += fee1
    outcome.fees_value += fee0 + fee1 / price


def _triggered(
    baseline: tuple[float, float, float], held0: float, held1: float, price: float, threshold: float
) -> bool:
    base0, base1, base_price = baseline
    if not base0 > 0.0 or not base1 > 0.0:
        return False
    return (
        (base0 - held0) / base0 > threshold
        or (base1 - held1) / base1 > threshold
        or abs(price - base_price) / base_price > threshold
    )


def _clamped(width: float, settings: Settings) -> float:
    return min(max(width, settings.min_range_pct / 100.0), settings.max_range_pct / 100.0)


def _first_widths(settings: Settings) -> tuple[float, float]:
    width = _clamped(settings.base_spread, settings)
    return width, width


def _widths(
    settings: Settings, target: float, held0: float, held1: float, price: float, volatility: float
) -> tuple[float, float]:
    """Upper and lower width; what the seed calls GLFT adds costs and penalties to its AS."""
    skew = held0 / (held0 + held1 / price) - target
    spread = settings.base_spread + 0.1 * volatility**2 * abs(skew)
    markup = 1.0
    if settings.model == "GLFTModel":
        spread += 0.001 + 0.05 * abs(skew) + 0.2 * skew**2
        markup = 1.001
    narrow, wide = spread * 0.5 * markup, spread * 2.0 * markup
    upper, lower = (narrow, wide) if skew > 0.0 else (wide, narrow)
    return _clamped(upper, settings), _clamped(lower, settings)


def _volatility(history: list[Bar], *, elapsed: bool) -> float:
    if len(history) < 3:
        return 0.02
    returns = [math.log(after.close / before.close) for before, after in pairwise(history)]
    if elapsed:
        minutes = history[-1].minute - history[0].minute
        variance = sum(each * each for each in returns) / minutes
        return min(max(math.sqrt(variance * MINUTES_A_YEAR), 0.01), 2.0)
    return min(max(statistics.stdev(returns) * math.sqrt(MINUTES_A_YEAR), 0.01), 2.0)


def _mint(
    held0: float, held1: float, price: float, upper: float, lower: float, spacing: int | None
) -> list[Band]:
    if spacing is None:
        top_tick, bottom_tick = _tick(price * (1.0 + upper)), _tick(price * (1.0 - lower))
        top_tick += top_tick == _tick(price)
        bottom_tick -= bottom_tick == _tick(price)
        edges = 1.0001**bottom_tick, price, price, 1.0001**top_tick
        ticks = None
    else:
        floor = _tick(price * RAW) // spacing * spacing
        top_tick = -(-_tick(price * RAW * (1.0 + upper)) // spacing) * spacing
        bottom_tick = _tick(price * RAW * (1.0 - lower)) // spacing * spacing
        ticks = (
            min(bottom_tick, floor - spacing),
            floor,
            floor + spacing,
            max(top_tick, floor + 2 * spacing),
        )
        edges = tuple(1.0001**tick / RAW for tick in ticks)
    bottom, inner_bottom, inner_top, top = edges
    bands = []
    if held0 > 0.0:
        liquidity = held0 / (1.0 / math.sqrt(inner_top) - 1.0 / math.sqrt(top))
        bands.append(Band(inner_top, top, liquidity, held0, 0.0, price, ticks and ticks[2:]))
    if held1 > 0.0:
        liquidity = held1 / (math.sqrt(inner_bottom) - math.sqrt(bottom))
        bands.append(Band(bottom, inner_bottom, liquidity, 0.0, held1, price, ticks and ticks[:2]))
    return bands


def _tick(price: float) -> int:
    return math.floor(math.log(price) / LOG_TICK)
