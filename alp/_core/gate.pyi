from enum import IntEnum
from typing import NamedTuple, final

from alp._core.orders import OrderTable

NO_LIMIT: int

class Refusal(IntEnum):
    SIZE_MAX = 1
    NOTIONAL_MAX = 2
    COLLAR = 3
    DUPLICATE = 4
    RATE_STRATEGY = 5
    RATE_VENUE = 6
    FILL_BURST = 7
    POSITION = 8
    COMBINED_DELTA = 9
    DRAWDOWN = 10
    STALE_BOOK = 11
    CLOCK = 12
    SELF_MATCH = 13
    NOT_ALLOWED = 14
    REDUCING = 15
    HALTED = 16
    KILLED = 17
    FENCED = 18
    INVALID = 19
    FULL = 20
    FOREIGN_ID = 21

REFUSALS: dict[Refusal, str]

class GateState(IntEnum):
    ACTIVE = 1
    REDUCING = 2
    HALTED = 3

class InstrumentRules(NamedTuple):
    allowed: bool = False
    venue: int = 0
    size_max: int = 0
    notional_max: int = 0
    open_notional_max: int = 0
    position_max: int = 0
    collar_bps: int = 0
    collar_ticks: int = 0
    reference_age_ns: int = 0
    book_age_ns: int = 0
    fills_max: int = 0
    fill_window_ns: int = 0

class AccountRules(NamedTuple):
    strategy_interval_ns: int = 0
    strategy_burst: int = 0
    duplicate_window_ns: int = 0
    clock_offset_ns: int = 0
    clock_age_ns: int = 0

@final
class RiskApproved:
    @property
    def command(self) -> bytes: ...
    @property
    def sequence(self) -> int: ...
    @property
    def number(self) -> int: ...

class Gate:
    @property
    def orders(self) -> OrderTable: ...
    def __init__(self, orders: OrderTable, venues: int = 1) -> None: ...
    def set_instrument(self, instrument: int, rules: InstrumentRules) -> None: ...
    def set_account(self, rules: AccountRules) -> None: ...
    def set_venue(self, venue: int, interval_ns: int, burst: int, reserve: int) -> None: ...
    def set_combined(self, group: int, units: int) -> None: ...
    def see_book(self, instrument: int, live: bool, at_ns: int) -> None: ...
    def see_reference(self, instrument: int, bid: int, ask: int, at_ns: int) -> None: ...
    def see_clock(self, offset_ns: int, at_ns: int) -> None: ...
    def see_drawdown(self, flags: int) -> None: ...
    def set_state(self, state: int) -> None: ...
    def fence(self, token: int) -> None: ...
    def own(self, prefix: str, digits: int) -> None: ...
    def kill(self) -> None: ...
    def release(self) -> None: ...
    def check(self, command: bytes | bytearray | memoryview, now_ns: int) -> Refusal | None: ...
    def approve(
        self, command: bytes | bytearray | memoryview, now_ns: int
    ) -> RiskApproved | Refusal: ...
    @property
    def state(self) -> GateState: ...
    @property
    def killed(self) -> bool: ...
    @property
    def counts(self) -> dict[str, int]: ...
