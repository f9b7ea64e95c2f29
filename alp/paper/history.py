"""What happened in a market since the exchange began: its last trades, and candles of them."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

MOST_TRADES = 1000
MOST_MINUTES = 10_000
MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Past:
    """A trade: its number, whether the aggressor bought, ticks, lots, milliseconds UTC."""

    number: int
    bought: bool
    price: int
    quantity: int
    at_ms: int


@dataclass(slots=True)
class Candle:
    """Trades of a time, prices in ticks.

    Attributes
    ----------
    volume, bought
        Lots: all, and those whose aggressor bought.
    turnover, bought_turnover
        The same in ticks times lots.
    trades
        How many.
    """

    begin_ms: int
    open: int
    high: int
    low: int
    close: int
    volume: int = 0
    bought: int = 0
    turnover: int = 0
    bought_turnover: int = 0
    trades: int = 0

    def add(self, other: Candle) -> None:
        """Let what came later be in it too."""
        self.high, self.low = max(self.high, other.high), min(self.low, other.low)
        self.close = other.close
        self.volume += other.volume
        self.bought += other.bought
        self.turnover += other.turnover
        self.bought_turnover += other.bought_turnover
        self.trades += other.trades


class History:
    """Of one market; the oldest is forgotten."""

    def __init__(self) -> None:
        self.trades: deque[Past] = deque(maxlen=MOST_TRADES)
        self._minutes: OrderedDict[int, Candle] = OrderedDict()

    def add(self, past: Past) -> None:
        """Remember a trade."""
        self.trades.append(past)
        worth = past.price * past.quantity
        candle = Candle(past.at_ms // MINUTE_MS * MINUTE_MS, *[past.price] * 4)
        candle.volume, candle.turnover, candle.trades = past.quantity, worth, 1
        if past.bought:
            candle.bought, candle.bought_turnover = past.quantity, worth
        held = self._minutes.setdefault(candle.begin_ms, candle)
        if held is not candle:
            held.add(candle)
        elif len(self._minutes) > MOST_MINUTES:
            self._minutes.popitem(last=False)

    def refine(self) -> None:
        """Let prices have one decimal more."""
        rows = [replace(each, price=each.price * 10) for each in self.trades]
        self.trades = deque(rows, maxlen=MOST_TRADES)
        for candle in self._minutes.values():
            candle.open, candle.close = candle.open * 10, candle.close * 10
            candle.high, candle.low = candle.high * 10, candle.low * 10
            candle.turnover, candle.bought_turnover = (
                candle.turnover * 10,
                candle.bought_turnover * 10,
            )

    def candles(self, period_ms: int, until_ms: int) -> list[Candle]:
        """Return candles of whole minutes, oldest first; where nothing was traded, flat ones."""
        found: list[Candle] = []
        for minute in self._minutes.values():
            begin_ms = minute.begin_ms // period_ms * period_ms
            _fill(found, period_ms, begin_ms)
            if found and found[-1].begin_ms == begin_ms:
                found[-1].add(minute)
            else:
                found.append(_copy(minute, begin_ms))
        _fill(found, period_ms, until_ms + 1)
        return found

    def day(self, now_ms: int, otherwise: int) -> Candle:
        """Return the last 24 hours as one candle; all of it at one price without trades."""
        recent = [each for each in self._minutes.values() if each.begin_ms > now_ms - DAY_MS]
        return _joined(recent) or Candle(now_ms - DAY_MS, *[otherwise] * 4)


def _copy(candle: Candle, begin_ms: int) -> Candle:
    made = Candle(begin_ms, candle.open, candle.open, candle.open, candle.open)
    made.add(candle)
    return made


def _joined(candles: Iterable[Candle]) -> Candle | None:
    made: Candle | None = None
    for each in candles:
        if made is None:
            made = _copy(each, each.begin_ms)
        else:
            made.add(each)
    return made


def _fill(found: list[Candle], period_ms: int, before_ms: int) -> None:
    """Add flat candles until those that begin before a time are all there."""
    while found and found[-1].begin_ms + period_ms < before_ms and len(found) < MOST_MINUTES:
        last = found[-1]
        found.append(Candle(last.begin_ms + period_ms, *[last.close] * 4))
