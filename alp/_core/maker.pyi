from collections.abc import Mapping
from enum import IntEnum, IntFlag
from typing import Any, NamedTuple

class MakerModel(IntEnum):
    GLFT_CLOSED = 1
    GLFT_TABLE = 2
    AVELLANEDA_STOIKOV = 3

class Rounding(IntEnum):
    AWAY = 1
    NEAREST = 2

class Touch(IntEnum):
    JOIN = 1
    INSIDE = 2

class Bound(IntFlag):
    STALE_BOOK = 0x1
    STALE_INVENTORY = 0x2
    STALE_POOL = 0x4
    STALE_CALIBRATION = 0x8
    STALE_DRIFT = 0x10
    NO_BOOK = 0x20
    CROSSED_BOOK = 0x40
    UNCALIBRATED = 0x80
    OUT_OF_DOMAIN = 0x100
    SUSPENDED = 0x200
    SHIFT_CAPPED = 0x400
    MIN_SPREAD = 0x800
    WIDENED = 0x1000
    SPREAD_RESTORED = 0x2000
    BID_AT_TOUCH = 0x4000
    ASK_AT_TOUCH = 0x8000
    BID_NOT_ALLOWED = 0x10000
    ASK_NOT_ALLOWED = 0x20000
    BID_INVENTORY = 0x40000
    ASK_INVENTORY = 0x80000
    BID_ROOM = 0x100000
    ASK_ROOM = 0x200000
    BID_TOO_SMALL = 0x400000
    ASK_TOO_SMALL = 0x800000
    BID_CAPPED = 0x1000000
    ASK_CAPPED = 0x2000000
    BID_COLLAR = 0x4000000
    ASK_COLLAR = 0x8000000
    BID_KEPT = 0x10000000
    ASK_KEPT = 0x20000000

class WantedQuote(NamedTuple):
    price: int
    lots: int

class MakerView(NamedTuple):
    number: int
    bids: tuple[WantedQuote, ...]
    asks: tuple[WantedQuote, ...]
    bound: Bound
    best: tuple[int, int]
    step: int
    least_spread: int
    inputs: dict[str, Any]
    terms: dict[str, Any]

class MarketMaker:
    def __init__(self, rule: Mapping[str, Any]) -> None: ...
    def decide(self, inputs: Mapping[str, Any]) -> MakerView: ...
    @property
    def last(self) -> MakerView: ...
    def forget(self) -> None: ...
    def snapshot(self) -> dict[str, Any]: ...
    def restore(self, state: dict[str, Any]) -> None: ...
