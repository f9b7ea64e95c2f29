"""The bus's messages: every byte where docs/wire.md says it is, and back again."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alp._core.wire import (
    KINDS,
    MOST_DEPTH,
    MOST_QUOTED,
    PROTOCOL_VERSION,
    BboMessage,
    BookStatusMessage,
    DepthMessage,
    ExecutionReportMessage,
    GateMessage,
    HeaderFields,
    HeartbeatMessage,
    InstrumentFields,
    InventoryMessage,
    OrderCommandMessage,
    PositionMessage,
    QuotesMessage,
    RecallMessage,
    TradeFields,
    WireError,
    decode,
    encode,
)

HEADER = "<HBBHHQqq"
# The layouts again, as another program would read them.
LAYOUTS = {
    BboMessage: "qqqq",
    TradeFields: "qqqb7x",
    BookStatusMessage: "?B6xq",
    OrderCommandMessage: "24sQqqqBbBB4x",
    ExecutionReportMessage: "24s48s48sqqqqqqBBbBB3x16s",
    PositionMessage: "qqq8x",
    InventoryMessage: "16s16s16sqQ",
    HeartbeatMessage: "QQ",
    GateMessage: "??B5xQ56s",
    InstrumentFields: "24s40sqqBBB5x",
    RecallMessage: "QQ",
}

i64 = st.integers(-(2**63), 2**63 - 1)
u64 = st.integers(0, 2**64 - 1)
u16 = st.integers(0, 2**16 - 1)
u8 = st.integers(0, 255)
wide = st.integers(-(2**127), 2**127 - 1)
sides = st.sampled_from([-1, 0, 1])
headers = st.builds(HeaderFields, u16, u16, u64, i64, i64)
levels = st.lists(st.tuples(i64, i64), max_size=20).map(tuple)
VARYING = (DepthMessage, QuotesMessage)


def text(most: int) -> st.SearchStrategy[str]:
    return st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=most)


messages: st.SearchStrategy[Any] = st.one_of(
    st.builds(BboMessage, headers, i64, i64, i64, i64),
    st.builds(DepthMessage, headers, levels, levels, st.integers(0, 2**32 - 1)),
    st.builds(TradeFields, headers, i64, i64, i64, sides),
    st.builds(BookStatusMessage, headers, st.booleans(), u8, i64),
    st.builds(OrderCommandMessage, headers, text(24), u64, i64, i64, i64, u8, sides, u8, u8),
    st.builds(
        ExecutionReportMessage,
        headers,
        text(24),
        text(48),
        text(48),
        *[i64] * 6,
        u8,
        u8,
        sides,
        u8,
        u8,
        text(16),
    ),
    st.builds(PositionMessage, headers, i64, i64, i64),
    st.builds(InventoryMessage, headers, wide, wide, wide, i64, u64),
    st.builds(HeartbeatMessage, headers, u64, u64),
    st.builds(GateMessage, headers, st.booleans(), st.booleans(), u8, text(56), u64),
    st.builds(InstrumentFields, headers, text(24), text(40), i64, i64, u8, u8, u8),
    st.builds(QuotesMessage, headers, u64, i64, levels, levels, u8),
    st.builds(RecallMessage, headers, u64, u64),
)


def other_program(message: Any) -> bytes:
    """The bytes of a message by the layouts above."""
    kind = {known: number for number, known in KINDS.items()}[type(message)]
    source, instrument, sequence, exchange_ns, send_ns = message.header
    head = struct.pack(
        HEADER, 0x6C61, PROTOCOL_VERSION, kind, source, instrument, sequence, exchange_ns, send_ns
    )
    if isinstance(message, VARYING):
        counts = len(message.bids), len(message.asks)
        rows = b"".join(struct.pack("<qq", *level) for level in (*message.bids, *message.asks))
        if isinstance(message, DepthMessage):
            return head + struct.pack("<HHI", *counts, message.conflated) + rows
        body = struct.pack("<QqHHB3x", message.token, message.until_ns, *counts, message.flags)
        return head + body + rows
    if isinstance(message, GateMessage):  # what came later stands before the text
        message = (*message[:4], message.token, message.text)
        layout = LAYOUTS[GateMessage]
    else:
        layout = LAYOUTS[type(message)]
    fields = [
        value.encode()
        if isinstance(value, str)
        else value.to_bytes(16, "little", signed=True)
        if isinstance(message, InventoryMessage) and place < 3
        else value
        for place, value in enumerate(message[1:])
    ]
    return head + struct.pack("<" + layout, *fields)


@given(messages)
def test_every_message_is_laid_out_as_documented_and_comes_back(message: Any) -> None:
    encoded = encode(message)
    assert encoded == other_program(message)
    assert decode(encoded) == message


GOLDEN = Path(__file__).parent.parent / "data" / "wire.hex"
EXAMPLES = (
    BboMessage(HeaderFields(3, 7, 42, 1_700_000_000_000_000_001, 5), 268138, 8486, 268139, 22624),
    DepthMessage(HeaderFields(3, 7, 43, 1, 2), ((5, 6), (4, 1)), ((7, 8),), 2),
    TradeFields(HeaderFields(3, 7, 44, 1, 2), 99, 268138, 15, -1),
    BookStatusMessage(HeaderFields(3, 7, 45, 0, 2), False, 2, 17),
    OrderCommandMessage(HeaderFields(4, 7, 1, 0, 2), "eth-1-7", 12, 268100, 50, 9, 1, -1, 1, 3),
    ExecutionReportMessage(
        HeaderFields(5, 7, 2, 8, 9),
        *("eth-1-7", "8389765", "t-1"),
        *(1, 2, 3, 4, 5, -6, 7, 8, 1, 1, 13),
        "USDC",
    ),
    PositionMessage(HeaderFields(6, 7, 3, 8, 9), -50, 268100, 10**12),
    InventoryMessage(HeaderFields(7, 0, 4, 8, 9), 10**24, -5, 3 * 10**23, 19_000_000, 6),
    HeartbeatMessage(HeaderFields(8, 0, 5, 0, 9), 123, 2**64 - 1),
    GateMessage(HeaderFields(9, 0, 6, 0, 9), True, False, 4, "stale feed", 12),
    InstrumentFields(HeaderFields(1, 2, 7, 0, 9), "binance-usdm", "ETHUSDC", 1, 1, 2, 8, 1),
    QuotesMessage(HeaderFields(10, 2, 8, 0, 9), 12, 10**18, ((5, 6), (4, 1)), ((7, 8),), 1),
    RecallMessage(HeaderFields(11, 2, 9, 0, 9), 12, 345),
)


def test_golden_bytes_are_what_this_build_writes_and_reads() -> None:
    lines = GOLDEN.read_text().split()
    assert [encode(message).hex() for message in EXAMPLES] == lines
    assert [decode(bytes.fromhex(line)) for line in lines] == list(EXAMPLES)
    assert {type(message) for message in EXAMPLES} == set(KINDS.values())


def test_the_page_tells_the_size_of_every_kind(root: Path) -> None:
    rows = re.findall(r"^\| (\d+) \| (\w+) \| (\d+)", (root / "docs/wire.md").read_text(), re.M)
    told = {int(kind): int(size) for kind, _, size in rows}
    sizes = {}
    for message in EXAMPLES:
        if isinstance(message, VARYING):
            message = message._replace(bids=(), asks=())  # noqa: PLW2901
        kind = {known: number for number, known in KINDS.items()}[type(message)]
        sizes[kind] = len(encode(message))
    assert told == sizes


@pytest.mark.parametrize("version", [0, PROTOCOL_VERSION + 1, 255])
def test_another_version_is_refused_by_its_number(version: int) -> None:
    encoded = bytearray(encode(EXAMPLES[0]))
    encoded[2] = version
    with pytest.raises(WireError, match=f"version {version}: this build speaks"):
        decode(encoded)


@given(messages, st.data())
def test_bytes_cut_or_added_are_refused(message: Any, data: st.DataObject) -> None:
    encoded = encode(message)
    with pytest.raises(WireError):
        decode(encoded[: data.draw(st.integers(0, len(encoded) - 1))])
    with pytest.raises(WireError):
        decode(encoded + b"\0")


@pytest.mark.parametrize(
    ("at", "value", "what"),
    [(0, 0x62, "begins with 0x6c62"), (3, 14, "kind 14 is unknown"), (3, 0, "kind 0 is unknown")],
)
def test_foreign_bytes_say_what_was_found(at: int, value: int, what: str) -> None:
    encoded = bytearray(encode(EXAMPLES[0]))
    encoded[at] = value
    with pytest.raises(WireError, match=what):
        decode(encoded)


@pytest.mark.parametrize(
    "message",
    [
        BboMessage(HeaderFields(1, 1, 1, 1, 1), 2**63, 1, 1, 1),
        BboMessage(HeaderFields(2**16, 1, 1, 1, 1), 1, 1, 1, 1),
        InventoryMessage(HeaderFields(1, 1, 1, 1, 1), 2**127, 0, 0, 0, 0),
        DepthMessage(HeaderFields(1, 1, 1, 1, 1), ((1, 1),) * (MOST_DEPTH + 1), (), 0),
        QuotesMessage(HeaderFields(1, 1, 1, 1, 1), 0, 0, (), ((1, 1),) * (MOST_QUOTED + 1), 0),
        EXAMPLES[4]._replace(client_id="x" * 25),
        EXAMPLES[4]._replace(client_id="é"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(message: Any) -> None:
    with pytest.raises((ValueError, OverflowError)):
        encode(message)


def test_more_quotes_than_there_may_be_are_refused() -> None:
    encoded = bytearray(encode(EXAMPLES[11]._replace(bids=(), asks=((1, 1),) * MOST_QUOTED)))
    encoded[50:52] = struct.pack("<H", MOST_QUOTED + 1)
    with pytest.raises(WireError, match="no message of kind 12"):
        decode(bytes(encoded) + bytes(16))


def test_only_messages_are_encoded() -> None:
    with pytest.raises(TypeError, match="int is no message"):
        encode(5)
