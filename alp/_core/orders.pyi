from collections.abc import Iterable
from typing import NamedTuple

from alp._core.order_life import Contradiction, OrderState, RejectReason

OUTCOME_NEWS: int
OUTCOME_REPEATED: int
OUTCOME_STRANGER: int
OUTCOME_IMPOSSIBLE: int
OUTCOME_NO_ROOM: int
LARGEST: int

class OrderError(ValueError): ...

class OrderFields(NamedTuple):
    client_id: str
    venue_id: str
    instrument: int
    side: int
    state: OrderState
    reason: RejectReason
    contradictions: Contradiction
    price: int
    quantity: int
    filled: int
    open_quantity: int
    open_price: int
    wants_query: bool

class ExposureFields(NamedTuple):
    position: int
    buy_quantity: int
    sell_quantity: int
    buy_notional: int
    sell_notional: int

class CombinedFields(NamedTuple):
    net: int
    buy_quantity: int
    sell_quantity: int

class OrderTable:
    def __init__(
        self, instruments: Iterable[tuple[int, int]], capacity: int = 1024, trades: int = 16384
    ) -> None: ...
    def open(
        self, client_id: str, instrument: int, side: int, price: int, quantity: int
    ) -> None: ...
    def apply(
        self,
        client_id: str,
        kind: int,
        *,
        at_ns: int = 0,
        command: int = 0,
        price: int = 0,
        quantity: int = 0,
        cumulative: int = -1,
        trade_id: str = "",
        reason: int = 0,
        venue_id: str = "",
        replaced: str = "",
    ) -> int: ...
    def find(self, venue_id: str) -> str | None: ...
    def __contains__(self, client_id: str) -> bool: ...
    def get(self, client_id: str) -> OrderFields: ...
    def next_command(self, client_id: str) -> int: ...
    def may_amend(self, client_id: str) -> bool: ...
    def open_orders(self, instrument: int) -> list[OrderFields]: ...
    def ended(self) -> list[str]: ...
    def release(self, client_id: str) -> None: ...
    def set_position(self, instrument: int, lots: int) -> None: ...
    def set_external(self, group: int, units: int) -> None: ...
    def exposure(self, instrument: int) -> ExposureFields: ...
    def combined(self, group: int) -> CombinedFields: ...
    @property
    def counts(self) -> dict[str, int]: ...
