from collections.abc import Sequence
from enum import IntFlag
from typing import NamedTuple, final

from alp._core.tick_replay import TickReplay

class HeardBit(IntFlag):
    TOUCH = 1
    TRADE = 2
    CLEAR = 4
    ANSWER = 8
    ENDED = 16

class TapeTrade(NamedTuple):
    price: int
    lots: int
    aggressor: int
    exchange_ns: int

class Heard(NamedTuple):
    market: int
    bits: int
    bid: int
    bid_lots: int
    ask: int
    ask_lots: int
    exchange_ns: int
    trades: tuple[TapeTrade, ...]

@final
class TickClock:
    def __init__(self, replays: Sequence[TickReplay], now_ns: int | None = None) -> None: ...
    def next(self, until_ns: int) -> list[Heard]: ...
    @property
    def now_ns(self) -> int: ...
