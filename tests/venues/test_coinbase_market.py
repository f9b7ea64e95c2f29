"""Coinbase's products and subscriptions."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from answers import COINBASE, Http, changed, without

from alp._core.feed import Feed
from alp.errors import ConfigError, VenueError
from alp.venues.adapter import Channel
from alp.venues.coinbase.market import CoinbaseMarket
from alp.venues.instruments import Grid, Instrument, Trading

pytestmark = pytest.mark.timed

PATH = "/api/v3/brokerage/market/products/ETH-USDC"
ALL = Channel.BOOK | Channel.QUOTE | Channel.TRADE


def product(answer: Any = COINBASE) -> Instrument:
    return asyncio.run(CoinbaseMarket().instruments(Http(**{PATH: answer}), ["ETH-USDC"]))[0]


def test_a_product_has_its_increments_and_least_amounts() -> None:
    found = product()
    assert found.price == Grid(2, 1)
    assert found.quantity == found.order_quantity == Grid(8, 1)
    assert found.min_quantity == Grid(8, 1).increment
    assert (found.max_quantity, found.min_notional) == (42000, 1)
    assert (found.base, found.quote) == ("ETH", "USDC")
    assert found.trading is Trading.OPEN


def test_market_data_of_an_alias_has_the_name_of_the_other() -> None:
    assert (product().symbol, product().feed_symbol) == ("ETH-USDC", "ETH-USD")
    assert product(changed(COINBASE, "", "alias")).feed_symbol == "ETH-USDC"
    assert product(without(COINBASE, "alias")).feed_symbol == "ETH-USDC"


@pytest.mark.parametrize(
    ("name", "value", "trading"),
    [
        ("status", "delisted", Trading.HALTED),
        ("trading_disabled", True, Trading.HALTED),
        ("is_disabled", True, Trading.HALTED),
        ("view_only", True, Trading.HALTED),
        ("auction_mode", True, Trading.HALTED),
        ("cancel_only", True, Trading.CANCEL_ONLY),
        ("post_only", True, Trading.POST_ONLY),
        ("limit_only", True, Trading.OPEN),
    ],
)
def test_a_product_says_what_it_allows(name: str, value: Any, trading: Trading) -> None:
    assert product(changed(COINBASE, value, name)).trading is trading


@pytest.mark.parametrize(
    "name",
    [
        "product_id",
        "price_increment",
        "base_increment",
        "base_min_size",
        "status",
        "base_currency_id",
        "quote_currency_id",
    ],
)
def test_what_lacks_is_named_with_its_product(name: str) -> None:
    with pytest.raises(VenueError, match=f"coinbase-spot: ETH-USDC has no {name}"):
        product(without(COINBASE, name))


def test_an_unknown_product_is_named() -> None:
    with pytest.raises(ConfigError, match="coinbase-spot does not know ETH-USDX"):
        asyncio.run(CoinbaseMarket().instruments(Http(), ["ETH-USDX"]))


def test_an_answer_about_another_product_is_refused() -> None:
    with pytest.raises(VenueError, match="ETH-USDC was asked for, but BTC-USD was answered"):
        product(changed(COINBASE, "BTC-USD", "product_id"))


def test_heartbeats_come_first_and_each_message_has_one_channel() -> None:
    (socket,) = CoinbaseMarket().sockets([product()], ALL)
    assert socket.url == "wss://advanced-trade-ws.coinbase.com"
    assert socket.subscribe == (
        b'{"type":"subscribe","product_ids":[],"channel":"heartbeats"}',
        b'{"type":"subscribe","product_ids":["ETH-USD"],"channel":"level2"}',
        b'{"type":"subscribe","product_ids":["ETH-USD"],"channel":"ticker"}',
        b'{"type":"subscribe","product_ids":["ETH-USD"],"channel":"market_trades"}',
    )


def test_a_book_is_subscribed_to_again_by_leaving_it_first() -> None:
    assert CoinbaseMarket().resubscribe(product()) == (
        b'{"type":"unsubscribe","product_ids":["ETH-USD"],"channel":"level2"}',
        b'{"type":"subscribe","product_ids":["ETH-USD"],"channel":"level2"}',
    )


def test_a_book_under_the_other_name_is_read() -> None:
    feed = Feed("coinbase", [product().feed_row])
    assert (
        feed.feed(
            b'{"channel":"l2_data","timestamp":"2026-09-30T02:39:53.8Z","sequence_num":0,"events":['
            b'{"type":"snapshot","product_id":"ETH-USD","updates":['
            b'{"side":"bid","event_time":"1970-01-01T00:00:00Z","price_level":"2666",'
            b'"new_quantity":"0.00000001"},{"side":"offer","event_time":"1970-01-01T00:00:00Z",'
            b'"price_level":"2666.08","new_quantity":"2"}]}]}'
        )
        is None
    )
    assert feed.touch(0) == (266600, 1, 266608, 200_000_000)


def test_there_is_no_snapshot_by_rest() -> None:
    with pytest.raises(VenueError, match="ETH-USDC"):
        asyncio.run(CoinbaseMarket().snapshot(Http(), product()))
