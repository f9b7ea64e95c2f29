"""Messages of the bus between Python values and bytes; see ``wire.pxd`` and docs/wire.md.

Every message type is a named tuple here. ``encode`` and ``decode`` are exact inverses; bytes of
another version, another magic, another length or with a value that cannot be are refused with a
:class:`WireError` that says what was found.
"""

from libc.string cimport memcpy, memset

from typing import NamedTuple

from alp._core.book cimport Level
from alp._core.uint256 cimport i64, u64

PROTOCOL_VERSION = VERSION
MOST_DEPTH = MOST_LEVELS
MOST_QUOTED = MOST_QUOTES

cdef enum Wrong:
    FINE = 0
    TOO_SHORT = 1
    NO_MAGIC = 2
    OTHER_VERSION = 3
    UNKNOWN_KIND = 4
    WRONG_SIZE = 5

_HALF = 1 << 64
_WHOLE = 1 << 128


class WireError(ValueError):
    """Bytes that are no message of this version of the bus."""


class HeaderFields(NamedTuple):
    """What every message begins with."""

    source: int
    instrument: int
    sequence: int
    exchange_ns: int
    send_ns: int


class BboMessage(NamedTuple):
    """Best bid and ask; a side without levels has quantity 0."""

    header: HeaderFields
    bid: int
    bid_quantity: int
    ask: int
    ask_quantity: int


class DepthMessage(NamedTuple):
    """The best levels of both sides."""

    header: HeaderFields
    bids: tuple
    asks: tuple
    conflated: int


class TradeFields(NamedTuple):
    """One trade of the market."""

    header: HeaderFields
    id: int
    price: int
    quantity: int
    aggressor: int


class BookStatusMessage(NamedTuple):
    """Whether a book can be trusted."""

    header: HeaderFields
    live: bool
    reason: int
    since_ns: int


class OrderCommandMessage(NamedTuple):
    """An order to send, amend or cancel."""

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
    """What became of an order."""

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
    """A venue account's position in one instrument."""

    header: HeaderFields
    quantity: int
    entry_price: int
    balance: int


class InventoryMessage(NamedTuple):
    """What the LP leg holds, raw token units."""

    header: HeaderFields
    base: int
    quote: int
    delta: int
    block: int
    epoch: int


class HeartbeatMessage(NamedTuple):
    """A component is alive."""

    header: HeaderFields
    uptime_ns: int
    config: int


class GateMessage(NamedTuple):
    """Order entry opens or closes."""

    header: HeaderFields
    closed: bool
    kill: bool
    code: int
    text: str
    token: int = 0


class InstrumentFields(NamedTuple):
    """What the ticks and lots of an instrument are."""

    header: HeaderFields
    exchange: str
    symbol: str
    price_step: int
    quantity_step: int
    price_decimals: int
    quantity_decimals: int
    trading: int


class QuotesMessage(NamedTuple):
    """All that shall rest in an instrument until a time: price and quantity, best first."""

    header: HeaderFields
    token: int
    until_ns: int
    bids: tuple
    asks: tuple
    flags: int


class RecallMessage(NamedTuple):
    """Asks for the execution reports of one process after so many that are known."""

    header: HeaderFields
    token: int
    after: int


KINDS = {
    KIND_BBO: BboMessage,
    KIND_DEPTH: DepthMessage,
    KIND_TRADE: TradeFields,
    KIND_BOOK_STATUS: BookStatusMessage,
    KIND_ORDER_COMMAND: OrderCommandMessage,
    KIND_EXECUTION_REPORT: ExecutionReportMessage,
    KIND_POSITION: PositionMessage,
    KIND_INVENTORY: InventoryMessage,
    KIND_HEARTBEAT: HeartbeatMessage,
    KIND_GATE: GateMessage,
    KIND_INSTRUMENT: InstrumentFields,
    KIND_QUOTES: QuotesMessage,
    KIND_RECALL: RecallMessage,
}
_KIND_OF = {message: kind for kind, message in KINDS.items()}


cdef Py_ssize_t size_of(int kind) noexcept nogil:
    """Bytes of a message, without the levels that it has; 0 for a kind unknown."""
    if kind == KIND_BBO:
        return sizeof(Bbo)
    if kind == KIND_DEPTH:
        return sizeof(Depth)
    if kind == KIND_TRADE:
        return sizeof(TradeMessage)
    if kind == KIND_BOOK_STATUS:
        return sizeof(BookStatus)
    if kind == KIND_ORDER_COMMAND:
        return sizeof(OrderCommand)
    if kind == KIND_EXECUTION_REPORT:
        return sizeof(ExecutionReport)
    if kind == KIND_POSITION:
        return sizeof(Position)
    if kind == KIND_INVENTORY:
        return sizeof(Inventory)
    if kind == KIND_HEARTBEAT:
        return sizeof(Heartbeat)
    if kind == KIND_GATE:
        return sizeof(Gate)
    if kind == KIND_INSTRUMENT:
        return sizeof(InstrumentMessage)
    if kind == KIND_QUOTES:
        return sizeof(Quotes)
    if kind == KIND_RECALL:
        return sizeof(Recall)
    return 0


cdef int check_message(const char* data, Py_ssize_t size) noexcept nogil:
    cdef const Header* header = <const Header*>data
    cdef const Depth* depth = <const Depth*>data
    cdef const Quotes* quotes = <const Quotes*>data
    cdef Py_ssize_t expected
    if size < <Py_ssize_t>sizeof(Header):
        return TOO_SHORT
    if header.magic != MAGIC:
        return NO_MAGIC
    if header.version != VERSION:
        return OTHER_VERSION
    expected = size_of(header.kind)
    if expected == 0:
        return UNKNOWN_KIND
    if header.kind == KIND_DEPTH and size >= expected:
        expected = depth_size(depth.bids, depth.asks)
    elif header.kind == KIND_QUOTES and size >= expected:
        if max(quotes.bids, quotes.asks) > MOST_QUOTES:
            return WRONG_SIZE
        expected = quotes_size(quotes.bids, quotes.asks)
    return FINE if size == expected else WRONG_SIZE


cdef object _complaint(int wrong, const char* data, Py_ssize_t size):
    cdef const Header* header = <const Header*>data
    if wrong == TOO_SHORT:
        return f"{size} bytes are too few for a header of {sizeof(Header)}"
    if wrong == NO_MAGIC:
        return f"no message of the bus: it begins with {header.magic:#06x}, not {MAGIC:#06x}"
    if wrong == OTHER_VERSION:
        return f"wire version {header.version}: this build speaks version {VERSION} only"
    if wrong == UNKNOWN_KIND:
        return f"message kind {header.kind} is unknown"
    return f"{size} bytes are no message of kind {header.kind}"


cdef int _put_text(char* to, int room, object text, str name) except -1:
    cdef bytes raw = text.encode("ascii")
    if len(raw) > room:
        raise ValueError(f"{name} {text!r} is longer than {room} characters")
    memset(to, 0, room)
    memcpy(to, <const char*>raw, len(raw))
    return 0


cdef object _get_text(const char* at, int room):
    cdef int length = 0
    while length < room and at[length]:
        length += 1
    return at[:length].decode("ascii", "backslashreplace")


cdef int _put_wide(u64* to, object value) except -1:
    if not -_WHOLE // 2 <= value < _WHOLE // 2:
        raise OverflowError(f"{value} does not fit 128 bits")
    value %= _WHOLE
    to[0] = value % _HALF
    to[1] = value // _HALF
    return 0


cdef object _get_wide(const u64* at):
    value = (<object>at[1] << 64) | at[0]
    return value - _WHOLE if value >= _WHOLE // 2 else value


cdef int _put_header(Header* header, int kind, object fields) except -1:
    fill_header(
        header, kind, fields.source, fields.instrument, fields.sequence, fields.exchange_ns,
        fields.send_ns,
    )
    return 0


cdef object _get_header(const Header* header):
    return HeaderFields(
        header.source, header.instrument, header.sequence, header.exchange_ns, header.send_ns
    )


cdef int _check_levels(object message, int most) except -1:
    cdef int found = max(len(message.bids), len(message.asks))
    if found > most:
        raise ValueError(f"{found} levels of one side are more than {most}")
    return 0


cdef bytes _put_levels(bytes head, object message):
    cdef bytearray room = bytearray(head)
    cdef Level level
    for price, quantity in (*message.bids, *message.asks):
        level.price, level.quantity = price, quantity
        room += (<char*>&level)[:sizeof(Level)]
    return bytes(room)


cdef object _get_levels(const char* at, int count):
    cdef Level level
    levels = []
    for _ in range(count):
        memcpy(&level, at, sizeof(Level))
        levels.append((level.price, level.quantity))
        at += sizeof(Level)
    return tuple(levels)


cdef bytes _encode_depth(object message):
    cdef Depth depth
    _check_levels(message, MOST_LEVELS)
    _put_header(&depth.header, KIND_DEPTH, message.header)
    depth.bids, depth.asks = len(message.bids), len(message.asks)
    depth.conflated = message.conflated
    return _put_levels((<char*>&depth)[:sizeof(Depth)], message)


cdef object _decode_depth(const char* data):
    cdef const Depth* depth = <const Depth*>data
    levels = _get_levels(data + sizeof(Depth), depth.bids + depth.asks)
    return DepthMessage(
        _get_header(&depth.header), levels[:depth.bids], levels[depth.bids:], depth.conflated
    )


cdef bytes _encode_quotes(object message):
    cdef Quotes quotes
    _check_levels(message, MOST_QUOTES)
    memset(&quotes, 0, sizeof(Quotes))
    _put_header(&quotes.header, KIND_QUOTES, message.header)
    quotes.token, quotes.until_ns, quotes.flags = message.token, message.until_ns, message.flags
    quotes.bids, quotes.asks = len(message.bids), len(message.asks)
    return _put_levels((<char*>&quotes)[:sizeof(Quotes)], message)


cdef object _decode_quotes(const char* data):
    cdef const Quotes* quotes = <const Quotes*>data
    levels = _get_levels(data + sizeof(Quotes), quotes.bids + quotes.asks)
    return QuotesMessage(
        _get_header(&quotes.header), quotes.token, quotes.until_ns, levels[:quotes.bids],
        levels[quotes.bids:], quotes.flags,
    )


cdef bytes _encode_market(object message, int kind):
    cdef Bbo bbo
    cdef TradeMessage trade
    cdef BookStatus status
    if kind == KIND_BBO:
        _put_header(&bbo.header, kind, message.header)
        bbo.bid, bbo.bid_quantity = message.bid, message.bid_quantity
        bbo.ask, bbo.ask_quantity = message.ask, message.ask_quantity
        return (<char*>&bbo)[:sizeof(Bbo)]
    if kind == KIND_TRADE:
        memset(&trade, 0, sizeof(TradeMessage))
        _put_header(&trade.header, kind, message.header)
        trade.id, trade.price, trade.quantity = message.id, message.price, message.quantity
        trade.aggressor = message.aggressor
        return (<char*>&trade)[:sizeof(TradeMessage)]
    memset(&status, 0, sizeof(BookStatus))
    _put_header(&status.header, kind, message.header)
    status.live, status.reason, status.since_ns = message.live, message.reason, message.since_ns
    return (<char*>&status)[:sizeof(BookStatus)]


cdef bytes _encode_command(object message):
    cdef OrderCommand command
    memset(&command, 0, sizeof(OrderCommand))
    _put_header(&command.header, KIND_ORDER_COMMAND, message.header)
    _put_text(command.client_id, CLIENT_ID, message.client_id, "client_id")
    command.token = message.token
    command.price, command.quantity = message.price, message.quantity
    command.deadline_ns = message.deadline_ns
    command.action, command.side = message.action, message.side
    command.time_in_force, command.flags = message.time_in_force, message.flags
    return (<char*>&command)[:sizeof(OrderCommand)]


cdef bytes _encode_report(object message):
    cdef ExecutionReport report
    memset(&report, 0, sizeof(ExecutionReport))
    _put_header(&report.header, KIND_EXECUTION_REPORT, message.header)
    _put_text(report.client_id, CLIENT_ID, message.client_id, "client_id")
    _put_text(report.venue_id, VENUE_ID, message.venue_id, "venue_id")
    _put_text(report.trade_id, VENUE_ID, message.trade_id, "trade_id")
    report.price, report.quantity, report.filled = message.price, message.quantity, message.filled
    report.last_price, report.last_quantity = message.last_price, message.last_quantity
    report.fee = message.fee
    report.state, report.reason = message.state, message.reason
    report.side, report.liquidity = message.side, message.liquidity
    report.refusal = message.refusal
    _put_text(report.fee_asset, ASSET_NAME, message.fee_asset, "fee_asset")
    return (<char*>&report)[:sizeof(ExecutionReport)]


cdef bytes _encode_account(object message, int kind):
    cdef Position position
    cdef Inventory inventory
    if kind == KIND_POSITION:
        memset(&position, 0, sizeof(Position))
        _put_header(&position.header, kind, message.header)
        position.quantity, position.entry_price = message.quantity, message.entry_price
        position.balance = message.balance
        return (<char*>&position)[:sizeof(Position)]
    memset(&inventory, 0, sizeof(Inventory))
    _put_header(&inventory.header, kind, message.header)
    _put_wide(inventory.base, message.base)
    _put_wide(inventory.quote, message.quote)
    _put_wide(inventory.delta, message.delta)
    inventory.block, inventory.epoch = message.block, message.epoch
    return (<char*>&inventory)[:sizeof(Inventory)]


cdef bytes _encode_life(object message, int kind):
    cdef Heartbeat heartbeat
    cdef Gate gate
    cdef Recall recall
    if kind == KIND_RECALL:
        _put_header(&recall.header, kind, message.header)
        recall.token, recall.after = message.token, message.after
        return (<char*>&recall)[:sizeof(Recall)]
    if kind == KIND_HEARTBEAT:
        _put_header(&heartbeat.header, kind, message.header)
        heartbeat.uptime_ns, heartbeat.config = message.uptime_ns, message.config
        return (<char*>&heartbeat)[:sizeof(Heartbeat)]
    memset(&gate, 0, sizeof(Gate))
    _put_header(&gate.header, kind, message.header)
    gate.closed, gate.kill, gate.code = message.closed, message.kill, message.code
    gate.token = message.token
    _put_text(gate.text, TEXT, message.text, "text")
    return (<char*>&gate)[:sizeof(Gate)]


cdef bytes _encode_instrument(object message):
    cdef InstrumentMessage told
    memset(&told, 0, sizeof(InstrumentMessage))
    _put_header(&told.header, KIND_INSTRUMENT, message.header)
    _put_text(told.exchange, EXCHANGE_NAME, message.exchange, "exchange")
    _put_text(told.symbol, SYMBOL_NAME, message.symbol, "symbol")
    told.price_step, told.quantity_step = message.price_step, message.quantity_step
    told.price_decimals = message.price_decimals
    told.quantity_decimals = message.quantity_decimals
    told.trading = message.trading
    return (<char*>&told)[:sizeof(InstrumentMessage)]


def encode(message):
    """Return the bytes of a message.

    Raises
    ------
    TypeError
        If it is no message.
    ValueError, OverflowError
        If a value does not fit its field.
    """
    cdef int kind = _KIND_OF.get(type(message), 0)
    if kind == KIND_DEPTH:
        return _encode_depth(message)
    if kind == KIND_QUOTES:
        return _encode_quotes(message)
    if kind == KIND_BBO or kind == KIND_TRADE or kind == KIND_BOOK_STATUS:
        return _encode_market(message, kind)
    if kind == KIND_ORDER_COMMAND:
        return _encode_command(message)
    if kind == KIND_EXECUTION_REPORT:
        return _encode_report(message)
    if kind == KIND_POSITION or kind == KIND_INVENTORY:
        return _encode_account(message, kind)
    if kind == KIND_HEARTBEAT or kind == KIND_GATE or kind == KIND_RECALL:
        return _encode_life(message, kind)
    if kind == KIND_INSTRUMENT:
        return _encode_instrument(message)
    raise TypeError(f"{type(message).__name__} is no message of the bus")


cdef object _decode_market(const char* data, int kind):
    cdef const Bbo* bbo = <const Bbo*>data
    cdef const TradeMessage* trade = <const TradeMessage*>data
    cdef const BookStatus* status = <const BookStatus*>data
    header = _get_header(<const Header*>data)
    if kind == KIND_BBO:
        return BboMessage(header, bbo.bid, bbo.bid_quantity, bbo.ask, bbo.ask_quantity)
    if kind == KIND_TRADE:
        return TradeFields(header, trade.id, trade.price, trade.quantity, trade.aggressor)
    return BookStatusMessage(header, bool(status.live), status.reason, status.since_ns)


cdef object _decode_order(const char* data, int kind):
    cdef const OrderCommand* command = <const OrderCommand*>data
    cdef const ExecutionReport* report = <const ExecutionReport*>data
    header = _get_header(<const Header*>data)
    if kind == KIND_ORDER_COMMAND:
        return OrderCommandMessage(
            header, _get_text(command.client_id, CLIENT_ID), command.token, command.price,
            command.quantity, command.deadline_ns, command.action, command.side,
            command.time_in_force, command.flags,
        )
    return ExecutionReportMessage(
        header, _get_text(report.client_id, CLIENT_ID), _get_text(report.venue_id, VENUE_ID),
        _get_text(report.trade_id, VENUE_ID), report.price, report.quantity, report.filled,
        report.last_price, report.last_quantity, report.fee, report.state, report.reason,
        report.side, report.liquidity, report.refusal, _get_text(report.fee_asset, ASSET_NAME),
    )


cdef object _decode_state(const char* data, int kind):
    cdef const Position* position = <const Position*>data
    cdef const Inventory* inventory = <const Inventory*>data
    cdef const Heartbeat* heartbeat = <const Heartbeat*>data
    cdef const Gate* gate = <const Gate*>data
    cdef const InstrumentMessage* told = <const InstrumentMessage*>data
    cdef const Recall* recall = <const Recall*>data
    header = _get_header(<const Header*>data)
    if kind == KIND_RECALL:
        return RecallMessage(header, recall.token, recall.after)
    if kind == KIND_INSTRUMENT:
        return InstrumentFields(
            header, _get_text(told.exchange, EXCHANGE_NAME), _get_text(told.symbol, SYMBOL_NAME),
            told.price_step, told.quantity_step, told.price_decimals, told.quantity_decimals,
            told.trading,
        )
    if kind == KIND_POSITION:
        return PositionMessage(
            header, position.quantity, position.entry_price, position.balance
        )
    if kind == KIND_INVENTORY:
        return InventoryMessage(
            header, _get_wide(inventory.base), _get_wide(inventory.quote),
            _get_wide(inventory.delta), inventory.block, inventory.epoch,
        )
    if kind == KIND_HEARTBEAT:
        return HeartbeatMessage(header, heartbeat.uptime_ns, heartbeat.config)
    return GateMessage(
        header, bool(gate.closed), bool(gate.kill), gate.code, _get_text(gate.text, TEXT),
        gate.token,
    )


def decode(const unsigned char[::1] message not None):
    """Return the message that some bytes are.

    Raises
    ------
    WireError
        If they are none, or one of another version.
    """
    cdef Py_ssize_t size = message.shape[0]
    cdef const char* data = <const char*>&message[0] if size else NULL
    cdef int wrong = check_message(data, size) if size else TOO_SHORT
    cdef int kind
    if wrong:
        raise WireError(_complaint(wrong, data, size))
    kind = (<const Header*>data).kind
    if kind == KIND_DEPTH:
        return _decode_depth(data)
    if kind == KIND_QUOTES:
        return _decode_quotes(data)
    if kind == KIND_ORDER_COMMAND or kind == KIND_EXECUTION_REPORT:
        return _decode_order(data, kind)
    if kind == KIND_BBO or kind == KIND_TRADE or kind == KIND_BOOK_STATUS:
        return _decode_market(data, kind)
    return _decode_state(data, kind)
