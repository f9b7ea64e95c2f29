"""Whatever a venue answers about its products: products, or an error that names it."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import sys
from decimal import Decimal
from typing import Any

import pytest
from answers import BINANCE_SPOT, BINANCE_USDM, COINBASE, KRAKEN_FUTURES, KRAKEN_SPOT, Http
from hypothesis import given, settings
from hypothesis import strategies as st

from alp.errors import AlpError, VenueError
from alp.venues.fields import Fields, read_json
from alp.venues.registry import adapter_for

CASES = {
    "binance-usdm": ("ETHUSDC", "/fapi/v1/exchangeInfo", BINANCE_USDM),
    "binance-spot": ("ETHUSDC", "/api/v3/exchangeInfo?symbol=ETHUSDC", BINANCE_SPOT),
    "coinbase-spot": ("ETH-USDC", "/api/v3/brokerage/market/products/ETH-USDC", COINBASE),
    "kraken-spot": ("BTC/USD", "/0/public/AssetPairs?pair=XBTUSD", KRAKEN_SPOT),
    "kraken-futures": (
        "PF_ETHUSD",
        "/derivatives/api/v3/instruments",
        json.loads(KRAKEN_FUTURES),
    ),
}
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        ["", "0", "-1", "1e5000", "1e-5000", "NaN", "Infinity", "0x1", "٣", " 1 ", "1_0"]
    ),
    st.builds(list),
    st.builds(dict),
    st.builds(lambda: [[]]),
)


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the way to every member."""
    rows: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        rows = list(value.items())
    elif isinstance(value, list):
        rows = list(enumerate(value))
    return [path] * bool(path) + [
        place for name, each in rows for place in places(each, (*path, name))
    ]


@pytest.mark.parametrize("exchange", CASES)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_answer_is_an_error_of_the_venue_or_a_sound_product(
    exchange: str, data: st.DataObject
) -> None:
    symbol, path, answer = CASES[exchange]
    damaged = copy.deepcopy(answer)
    for place in data.draw(st.lists(st.sampled_from(places(answer)), min_size=1, max_size=3)):
        at: Any = damaged
        try:
            for step in place[:-1]:
                at = at[step]
            if data.draw(st.booleans()):
                at[place[-1]] = copy.deepcopy(data.draw(ODD))
            else:
                del at[place[-1]]
        except (KeyError, IndexError, TypeError):
            continue  # what was damaged before is in the way
    http = Http(**{path: damaged})
    complaint = ""
    try:
        (found,) = asyncio.run(adapter_for(exchange).instruments(http, [symbol]))
    except AlpError as error:
        complaint = str(error)
    if complaint:
        assert exchange in complaint
        return
    for grid in (found.price, found.quantity, found.order_quantity):
        assert 0 <= grid.decimals <= 18
        assert 0 < grid.step < 2**63
    assert found.symbol == symbol
    assert found.min_quantity >= 0
    assert found.contract_size > 0


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_what_is_not_json_is_an_error_of_the_venue(body: bytes) -> None:
    with contextlib.suppress(VenueError):
        read_json("kraken-spot", body)


@pytest.mark.parametrize("body", [b"[" * 100_000, b"1e99999999999", b'"\xff"', b"9" * 5000])
def test_answers_made_to_break_a_parser_are_refused(body: bytes) -> None:
    with pytest.raises(VenueError):
        Fields("kraken-spot", "BTC/USD", {"tick": read_json("kraken-spot", body)}).number("tick")


def test_nesting_is_bounded_whatever_the_recursion_limit_is() -> None:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(10**6)
    try:
        with pytest.raises(VenueError, match="not JSON"):
            read_json("kraken-spot", b"[" * 10**6 + b"]" * 10**6)
    finally:
        sys.setrecursionlimit(limit)


@pytest.mark.parametrize("decimals", [19, -19, -(10**17), -(10**30), 10**30])
def test_decimals_whose_power_fits_no_memory_are_refused_at_once(decimals: int) -> None:
    row = Fields("kraken-spot", "BTC/USD", {"decimals": decimals})
    with pytest.raises(VenueError, match="decimals"):
        row.decimal_grid("decimals")


def test_a_bare_number_keeps_its_digits() -> None:
    row = Fields("kraken-spot", "BTC/USD", read_json("kraken-spot", b'{"a":1e-08,"b":0.10,"c":7}'))
    assert (row.number("a"), row.number("b"), row.number("c")) == (
        Decimal("1e-8"),
        Decimal("0.1"),
        7,
    )
    assert row.grid("a").decimals == 8


@pytest.mark.parametrize("number", ["1_0", " 1", "٣", "+1", "1.", ".5", "0x1", "Infinity", ""])
def test_texts_that_are_no_numbers_of_json_are_refused(number: str) -> None:
    with pytest.raises(VenueError, match="BTC/USD has tick"):
        Fields("kraken-spot", "BTC/USD", {"tick": number}).number("tick")
