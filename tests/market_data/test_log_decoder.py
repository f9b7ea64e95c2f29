"""The compiled decoder of raw logs: times, topics, and every event by its ABI."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from eth_abi import encode
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st
from logs import COLUMNS, Log, raw_csv, word

from alp._core.evmlog import EVENT_TOPICS, FAULTS, ROLE_CODES, decode_rows, parse_timestamp
from alp.data.schema import POOL_EVENT, EventKind, OtherEvent, signed, unsigned

ROLES = bytes(
    {"block_number": ROLE_CODES["block"], "block_timestamp": ROLE_CODES["time"],
     "log_index": ROLE_CODES["log_index"], "topics": ROLE_CODES["topics"],
     "data": ROLE_CODES["data"]}.get(name, 0)
    for name in COLUMNS
)  # fmt: skip

ADDRESS = "0x" + "12" * 12 + "fedcba9876543210"
int24 = st.integers(-(2**23), 2**23 - 1)
uint128 = st.integers(0, 2**128 - 1)
uint256 = st.integers(0, 2**256 - 1)


def decode(log: Log) -> np.void:
    text = raw_csv([log]).partition("\n")[2].encode()
    out, rows = np.zeros(1, POOL_EVENT), np.zeros(1, np.int64)
    found = decode_rows(text, ROLES, out.view(np.uint8), rows, 2, bytearray(42), False)
    assert found[:5] == (1, len(text), 1, 0, 0), FAULTS.get(found[4])
    return out[0]


def topic(name: str) -> str:
    return next("0x" + value for key, value in EVENT_TOPICS.items() if key.startswith(name + "("))


def data(types: list[str], values: list[object]) -> str:
    return "0x" + encode(types, values).hex()


@pytest.mark.parametrize("signature", EVENT_TOPICS)
def test_topics_are_the_hashes_of_the_signatures(signature: str) -> None:
    assert keccak(text=signature).hex() == EVENT_TOPICS[signature]


@given(
    st.integers(-(2**255), 2**255 - 1),
    st.integers(-(2**255), 2**255 - 1),
    st.integers(0, 2**160 - 1),
    uint128,
    int24,
)
def test_a_swap_is_decoded_as_the_abi_says(
    amount0: int, amount1: int, price: int, liquidity: int, tick: int
) -> None:
    topics = (topic("Swap"), "0x" + word(int(ADDRESS, 16)), "0x" + word(7))
    types = ["int256", "int256", "uint160", "uint128", "int24"]
    event = decode(Log(topics, data(types, [amount0, amount1, price, liquidity, tick])))
    assert event["kind"] == EventKind.SWAP
    assert (signed(event["amount0"]), signed(event["amount1"])) == (amount0, amount1)
    assert (unsigned(event["sqrt_price_x96"]), unsigned(event["liquidity"])) == (price, liquidity)
    assert event["tick"] == tick
    assert int(event["owner"]) == 0xFEDCBA9876543210


@given(int24, int24, uint128, uint256, uint256)
def test_mints_and_burns_are_decoded_as_the_abi_says(
    lower: int, upper: int, amount: int, amount0: int, amount1: int
) -> None:
    ticks = ("0x" + word(int(ADDRESS, 16)), "0x" + word(lower), "0x" + word(upper))
    values = [amount, amount0, amount1]
    types = ["uint128", "uint256", "uint256"]
    minted = decode(
        Log((topic("Mint"), *ticks), data(["address", *types], ["0x" + "99" * 20, *values]))
    )
    burned = decode(Log((topic("Burn"), *ticks), data(types, values)))
    for event, kind in ((minted, EventKind.MINT), (burned, EventKind.BURN)):
        assert event["kind"] == kind
        assert (event["tick_lower"], event["tick_upper"]) == (lower, upper)
        assert unsigned(event["liquidity"]) == amount
        assert (unsigned(event["amount0"]), unsigned(event["amount1"])) == (amount0, amount1)
        assert int(event["owner"]) == 0xFEDCBA9876543210


@given(int24, int24, uint128, uint128)
def test_a_collect_is_decoded_as_the_abi_says(
    lower: int, upper: int, amount0: int, amount1: int
) -> None:
    topics = (topic("Collect"), "0x" + word(5), "0x" + word(lower), "0x" + word(upper))
    types = ["address", "uint128", "uint128"]
    event = decode(Log(topics, data(types, ["0x" + "99" * 20, amount0, amount1])))
    assert event["kind"] == EventKind.COLLECT
    assert (event["tick_lower"], event["tick_upper"]) == (lower, upper)
    assert (unsigned(event["amount0"]), unsigned(event["amount1"])) == (amount0, amount1)
    assert unsigned(event["liquidity"]) == 0


@pytest.mark.parametrize(
    ("name", "topics", "types", "values", "which"),
    [
        ("Initialize", 0, ["uint160", "int24"], [1 << 96, -3], OtherEvent.INITIALIZE),
        (
            "IncreaseObservationCardinalityNext",
            0,
            ["uint16", "uint16"],
            [1, 500],
            OtherEvent.INCREASE_CARDINALITY,
        ),
        ("SetFeeProtocol", 0, ["uint8"] * 4, [0, 0, 4, 10], OtherEvent.SET_FEE_PROTOCOL),
        ("CollectProtocol", 2, ["uint128"] * 2, [17, 18], OtherEvent.COLLECT_PROTOCOL),
    ],
)
def test_other_events_say_which_they_are(
    name: str, topics: int, types: list[str], values: list[int], which: OtherEvent
) -> None:
    places = tuple("0x" + word(index + 1) for index in range(topics))
    event = decode(Log((topic(name), *places), data(types, values)))
    assert event["kind"] == EventKind.OTHER
    assert event["tick_lower"] == which
    if which is OtherEvent.INITIALIZE:
        assert (unsigned(event["sqrt_price_x96"]), event["tick"]) == (1 << 96, -3)
    else:
        assert [unsigned(event["amount0"]), unsigned(event["amount1"])] == values[-2:]


moments = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC))


def ns(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000


@given(moments, st.integers(-14 * 60, 14 * 60), st.sampled_from(["T", " "]))
def test_iso_times_are_read_in_any_zone(moment: datetime, minutes: int, separator: str) -> None:
    local = moment.astimezone(timezone(timedelta(minutes=minutes)))
    if local.year < 1970 or local.year > 2200:
        return
    assert parse_timestamp(local.isoformat(separator)) == ns(moment)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-05", 1_704_412_800 * 10**9),
        ("2024-01-05 00:00", 1_704_412_800 * 10**9),
        ("2024-01-05T00:00:23Z", 1_704_412_823 * 10**9),
        ("2024-01-05 00:00:23 UTC", 1_704_412_823 * 10**9),
        ("2024-01-05 00:00:23.5+01", 1_704_409_223 * 10**9 + 5 * 10**8),
        ("2024-02-29 00:00:00", 1_709_164_800 * 10**9),
        ("1704412823", 1_704_412_823 * 10**9),
        ("1704412823.25", 1_704_412_823 * 10**9 + 25 * 10**7),
        ("1704412823123", 1_704_412_823_123 * 10**6),
        ("1704412823123456", 1_704_412_823_123_456 * 10**3),
        ("1704412823123456789", 1_704_412_823_123_456_789),
        (" 2024-01-05 ", 1_704_412_800 * 10**9),
    ],
)
def test_the_usual_forms_of_time(text: str, expected: int) -> None:
    assert parse_timestamp(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "now", "2024-13-01", "2023-02-29", "2024-01-05 24:00:00", "2024-01-05 00:00:60",
     "2024-01-05 00:00:00 CET", "2024-01-05T", "05/01/2024", "-5", "1e9", "17044128231",
     "2024-01-05 00:00:00+15:00", "nan", "2024-01-05 0:00:00"],
)  # fmt: skip
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a timestamp"):
        parse_timestamp(text)


def test_a_half_line_is_left_for_the_next_call() -> None:
    text = raw_csv([Log((topic("Initialize"),), data(["uint160", "int24"], [1, 0]))] * 2)
    body = text.partition("\n")[2].encode()
    cut = len(body) - 10
    out, rows = np.zeros(4, POOL_EVENT), np.zeros(4, np.int64)
    found = decode_rows(body[:cut], ROLES, out.view(np.uint8), rows, 2, bytearray(42), False)
    assert found[:3] == (1, len(body) // 2, 1)


def test_buffers_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        decode_rows(
            b"x\n", ROLES, np.zeros(8, np.uint8), np.zeros(4, np.int64), 2, bytearray(42), False
        )


def test_roles_without_topics_are_refused() -> None:
    with pytest.raises(ValueError, match="one column of topics"):
        decode_rows(
            b"x\n",
            bytes(3),
            np.zeros(160, np.uint8),
            np.zeros(1, np.int64),
            2,
            bytearray(42),
            False,
        )


SWAP = Log((topic("Swap"), "0x" + word(5), "0x" + word(7)), "0x" + word(1) * 5)
SOUND = raw_csv([SWAP, SWAP.at(101), SWAP.at(102)]).partition("\n")[2].encode()


@given(st.data())
def test_no_bytes_make_it_stumble(drawn: st.DataObject) -> None:
    """Whatever is changed in the text, whole lines are used and a fault names the next one."""
    text = bytearray(SOUND)
    for _ in range(drawn.draw(st.integers(1, 4))):
        at = drawn.draw(st.integers(0, len(text) - 1))
        length = drawn.draw(st.integers(0, 80))
        text[at : at + length] = drawn.draw(st.binary(max_size=80))
        if not text:
            return
    out, rows = np.zeros(8, POOL_EVENT), np.zeros(8, np.int64)
    count, used, lines, skipped, fault, column = decode_rows(
        bytes(text), ROLES, out.view(np.uint8), rows, 2, bytearray(42), False
    )
    assert 0 <= used <= len(text)
    assert bytes(text[:used]).count(b"\n") == lines >= count
    assert skipped == 0
    assert fault == 0 or fault in FAULTS
    assert -1 <= column < len(ROLES)
    assert (out["kind"][:count] >= 1).all()
    assert (rows[:count] >= 2).all()
