from typing import Any, NamedTuple

PROTOCOL_VERSION: int
MOST_DEPTH: int
MOST_QUOTED: int
KINDS: dict[int, type[Any]]

class WireError(ValueError): ...

class HeaderFields(NamedTuple):
    source: int
    instrument: int
    sequence: int
    exchange_ns: int
    send_ns: int

class BboMessage(NamedTuple):
    header: HeaderFields
    bid: int
    bid_quantity: int
    ask: int
    ask_quantity: int

class DepthMessage(NamedTuple):
    header: HeaderFields
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]
    conflated: int

class TradeFields(NamedTuple):
    header: HeaderFields
    id: int
    price: int
    quantity: int
    aggressor: int

class BookStatusMessage(NamedTuple):
    header: HeaderFields
    live: bool
    reason: int
    since_ns: int

class OrderCommandMessage(NamedTuple):
    header: HeaderFields
    client_id: str
    token: int
    price: int
    quantity: int
    deadline_ns: int
    action: int
    side: int
    time_in_force: int
    flags: int

class ExecutionReportMessage(NamedTuple):
    header: HeaderFields
    client_id: str
    venue_id: str
    trade_id: str
    price: int
    quantity: int
    filled: int
    last_price: int
    last_quantity: int
    fee: int
    state: int
    reason: int
    side: int
    liquidity: int
    refusal: int = 0
    fee_asset: str = ""

class PositionMessage(NamedTuple):
    header: HeaderFields
    quantity: int
    entry_price: int
    balance: int

class InventoryMessage(NamedTuple):
    header: HeaderFields
    base: int
    quote: int
    delta: int
    block: int
    epoch: int

class HeartbeatMessage(NamedTuple):
    header: HeaderFields
    uptime_ns: int
    config: int

class InstrumentFields(NamedTuple):
    header: HeaderFields
    exchange: str
    symbol: str
    price_step: int
    quantity_step: int
    price_decimals: int
    quantity_decimals: int
    trading: int

class GateMessage(NamedTuple):
    header: HeaderFields
    closed: bool
    kill: bool
    code: int
    text: str
    token: int = 0

class QuotesMessage(NamedTuple):
    header: HeaderFields
    token: int
    until_ns: int
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]
    flags: int

class RecallMessage(NamedTuple):
    header: HeaderFields
    token: int
    after: int

def encode(message: Any) -> bytes: ...
def decode(message: bytes | bytearray | memoryview) -> Any: ...
