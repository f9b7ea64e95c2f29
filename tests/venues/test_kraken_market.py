"""Kraken's pairs, contracts and subscriptions."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest
from answers import KRAKEN_FUTURES, KRAKEN_SPOT, Http, changed, without

from alp._core.feed import Feed
from alp.errors import ConfigError, VenueError
from alp.venues.adapter import SECOND, Channel
from alp.venues.instruments import Grid, Instrument, Trading
from alp.venues.kraken.futures_market import KrakenFuturesMarket
from alp.venues.kraken.spot_market import KrakenSpotMarket

pytestmark = pytest.mark.timed

ALL = Channel.BOOK | Channel.QUOTE | Channel.TRADE
PATH = "/0/public/AssetPairs?pair=XBTUSD"
FUTURES_PATH = "/derivatives/api/v3/instruments"


def pair(answer: Any = KRAKEN_SPOT) -> Instrument:
    return asyncio.run(KrakenSpotMarket().instruments(Http(**{PATH: answer}), ["BTC/USD"]))[0]


def contract(symbol: str = "PF_ETHUSD", answer: Any = KRAKEN_FUTURES) -> Instrument:
    http = Http(**{FUTURES_PATH: answer})
    return asyncio.run(KrakenFuturesMarket().instruments(http, [symbol]))[0]


def test_bitcoin_is_asked_for_by_its_old_name() -> None:
    found = pair()
    assert (found.symbol, found.feed_symbol) == ("BTC/USD", "BTC/USD")
    assert (found.base, found.quote) == ("BTC", "USD")
    assert found.price == Grid(1, 1)
    assert found.quantity == found.order_quantity == Grid(8, 1)
    assert (found.min_quantity, found.min_notional) == (Decimal("0.00005"), Decimal("0.5"))


def test_a_price_keeps_the_decimals_of_the_checksum() -> None:
    answer = changed(KRAKEN_SPOT, 3, "result", "XXBTZUSD", "pair_decimals")
    answer = changed(answer, "0.05", "result", "XXBTZUSD", "tick_size")
    assert pair(answer).price == Grid(3, 50)
    with pytest.raises(VenueError, match="BTC/USD has tick_size"):
        pair(changed(KRAKEN_SPOT, "0.01", "result", "XXBTZUSD", "tick_size"))


@pytest.mark.parametrize(
    ("status", "trading"),
    [
        ("online", Trading.OPEN),
        ("limit_only", Trading.OPEN),
        ("post_only", Trading.POST_ONLY),
        ("cancel_only", Trading.CANCEL_ONLY),
        ("delisted", Trading.HALTED),
        ("maintenance", Trading.HALTED),
    ],
)
def test_a_pair_says_what_it_allows(status: str, trading: Trading) -> None:
    assert pair(changed(KRAKEN_SPOT, status, "result", "XXBTZUSD", "status")).trading is trading


@pytest.mark.parametrize(
    "name", ["pair_decimals", "lot_decimals", "ordermin", "tick_size", "status"]
)
def test_what_a_pair_lacks_is_named(name: str) -> None:
    with pytest.raises(VenueError, match=f"kraken-spot: BTC/USD has no {name}"):
        pair(without(KRAKEN_SPOT, "result", "XXBTZUSD", name))


@pytest.mark.parametrize(
    "answer",
    [
        {"error": ["EQuery:Unknown asset pair"]},
        without(KRAKEN_SPOT, "result", "XXBTZUSD"),
        without(KRAKEN_SPOT, "result", "XXBTZUSD", "wsname"),
    ],
)
def test_an_unknown_pair_is_named(answer: Any) -> None:
    with pytest.raises(ConfigError, match="BTC/USD"):
        pair(answer)


def test_a_name_that_is_no_pair_is_refused_unasked() -> None:
    http = Http()
    with pytest.raises(ConfigError, match="ETHUSDC: its pairs read ETH/USDC"):
        asyncio.run(KrakenSpotMarket().instruments(http, ["ETHUSDC"]))
    assert http.asked == []


def test_spot_subscribes_to_a_depth_that_kraken_has() -> None:
    (socket,) = KrakenSpotMarket(depth=100).sockets([pair()], ALL)
    assert socket.url == "wss://ws.kraken.com/v2"
    assert socket.subscribe[0] == (
        b'{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"],"depth":100,'
        b'"snapshot":true},"req_id":1}'
    )
    assert [json.loads(each)["params"]["channel"] for each in socket.subscribe] == [
        "book",
        "ticker",
        "trade",
    ]
    assert KrakenSpotMarket().depth == 25
    with pytest.raises(ConfigError, match="depth 20"):
        KrakenSpotMarket(depth=20)


def test_a_spot_book_is_subscribed_to_again() -> None:
    leave, come_back = map(json.loads, KrakenSpotMarket().resubscribe(pair()))
    assert (leave["method"], come_back["method"]) == ("unsubscribe", "subscribe")
    assert leave["params"]["depth"] == come_back["params"]["depth"] == 25


def test_a_contract_has_exact_grids_of_bare_numbers() -> None:
    found = contract()
    assert (found.price, found.quantity) == (Grid(1, 1), Grid(3, 1))
    assert (found.base, found.quote, found.contract_size) == ("ETH", "USD", 1)
    assert (found.min_quantity, found.max_quantity) == (Decimal("0.001"), 16000)
    small = contract("PF_PEPEUSD")
    assert (small.price, small.quantity) == (Grid(10, 1), Grid(0, 1000))


def test_contracts_that_do_not_trade_and_old_names() -> None:
    halted = contract("PF_XBTUSD")
    assert halted.trading is Trading.HALTED
    assert halted.base == "BTC"
    answer = KRAKEN_FUTURES.replace(b'"postOnly":false', b'"postOnly":true')
    assert contract(answer=answer).trading is Trading.POST_ONLY


def test_inverse_contracts_are_refused() -> None:
    with pytest.raises(VenueError, match="PI_XBTUSD is of type futures_inverse"):
        contract("PI_XBTUSD")


@pytest.mark.parametrize(
    "name", ["tickSize", "contractValueTradePrecision", "tradeable", "contractSize", "base", "type"]
)
def test_what_a_contract_lacks_is_named(name: str) -> None:
    answer = KRAKEN_FUTURES.replace(b'"%b"' % name.encode(), b'"other"')
    with pytest.raises(VenueError, match=f"kraken-futures: PF_ETHUSD has no {name}"):
        contract(answer=answer)


def test_an_unknown_contract_and_a_refusal_are_named() -> None:
    with pytest.raises(ConfigError, match="kraken-futures does not know PF_NONEUSD"):
        contract("PF_NONEUSD")
    with pytest.raises(VenueError, match="the answer is error"):
        contract(answer=b'{"result":"error","error":"apiLimitExceeded"}')


def test_futures_subscribe_to_heartbeats_too_and_ping() -> None:
    (socket,) = KrakenFuturesMarket().sockets([contract()], ALL)
    assert socket.url == "wss://futures.kraken.com/ws/v1"
    assert socket.subscribe == (
        b'{"event":"subscribe","feed":"heartbeat"}',
        b'{"event":"subscribe","feed":"book","product_ids":["PF_ETHUSD"]}',
        b'{"event":"subscribe","feed":"ticker","product_ids":["PF_ETHUSD"]}',
        b'{"event":"subscribe","feed":"trade","product_ids":["PF_ETHUSD"]}',
    )
    manners = KrakenFuturesMarket.manners
    assert 0 < manners.ping_ns < min(manners.silence_ns, 60 * SECOND)


def test_a_contract_s_book_is_read_with_its_grids() -> None:
    feed = Feed("kraken-futures", [contract().feed_row])
    assert (
        feed.feed(
            b'{"feed":"book_snapshot","product_id":"PF_ETHUSD","timestamp":1,"seq":7,"tickSize":null,'
            b'"bids":[{"price":1999.9,"qty":1.5}],"asks":[{"price":2000.0,"qty":2}]}'
        )
        is None
    )
    assert feed.touch(0) == (19999, 1500, 20000, 2000)
