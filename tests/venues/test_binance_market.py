"""Binance's products, streams and snapshots."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest
from answers import BINANCE_SPOT, BINANCE_USDM, Http, changed, without

from alp._core.feed import Feed
from alp.errors import ConfigError, VenueError
from alp.venues.adapter import SECOND, Channel
from alp.venues.binance.spot_market import SpotMarket
from alp.venues.binance.usdm_market import UsdmMarket
from alp.venues.instruments import Grid, Instrument, Trading

pytestmark = pytest.mark.timed

ALL = Channel.BOOK | Channel.QUOTE | Channel.TRADE
USDM_INFO = "/fapi/v1/exchangeInfo"
SPOT_INFO = "/api/v3/exchangeInfo?symbol=ETHUSDC"


def usdm(answer: Any = BINANCE_USDM, symbol: str = "ETHUSDC") -> Instrument:
    http = Http(**{USDM_INFO: answer})
    return asyncio.run(UsdmMarket().instruments(http, [symbol]))[0]


def spot(answer: Any = BINANCE_SPOT) -> Instrument:
    http = Http(**{SPOT_INFO: answer})
    found = asyncio.run(SpotMarket().instruments(http, ["ETHUSDC"]))[0]
    assert http.asked == [(SPOT_INFO, 20)]
    return found


def test_a_future_has_the_grids_of_its_filters() -> None:
    found = usdm()
    assert found.price == Grid(1, 1)
    assert found.order_quantity == Grid(3, 1)
    assert (found.base, found.quote, found.feed_symbol) == ("ETH", "USDC", "ETHUSDC")
    assert (found.min_quantity, found.max_quantity) == (Decimal("0.001"), 10000)
    assert found.min_notional == 20
    assert found.trading is Trading.OPEN


def test_a_book_keeps_more_decimals_than_orders_may_have() -> None:
    assert usdm().quantity == Grid(8, 1)
    assert spot().quantity == Grid(8, 1)
    assert spot().order_quantity == Grid(4, 1)


def test_spot_has_the_least_notional_by_its_new_name_or_its_old() -> None:
    assert spot().min_notional == 5
    old = {"filterType": "MIN_NOTIONAL", "minNotional": "10.00000000"}
    assert spot(changed(BINANCE_SPOT, old, "symbols", 0, "filters", 2)).min_notional == 10


@pytest.mark.parametrize(
    ("status", "trading"),
    [
        ("HALT", Trading.HALTED),
        ("BREAK", Trading.HALTED),
        ("SETTLING", Trading.HALTED),
        ("CANCEL_ONLY", Trading.CANCEL_ONLY),
    ],
)
def test_a_product_that_does_not_trade_says_so(status: str, trading: Trading) -> None:
    assert usdm(changed(BINANCE_USDM, status, "symbols", 1, "status")).trading is trading


def test_an_unknown_product_is_named() -> None:
    with pytest.raises(ConfigError, match="binance-usdm does not know ETHUSDX"):
        usdm(symbol="ETHUSDX")


@pytest.mark.parametrize("name", ["status", "baseAsset", "quoteAsset", "baseAssetPrecision"])
def test_what_lacks_is_named_with_its_product(name: str) -> None:
    with pytest.raises(VenueError, match=f"ETHUSDC has no {name}"):
        usdm(without(BINANCE_USDM, "symbols", 1, name))
    with pytest.raises(VenueError, match=f"ETHUSDC has no {name}"):
        spot(without(BINANCE_SPOT, "symbols", 0, name))


@pytest.mark.parametrize(
    ("index", "name"), [(0, "tickSize"), (1, "stepSize"), (1, "minQty"), (1, "filterType")]
)
def test_what_a_filter_lacks_is_named(index: int, name: str) -> None:
    with pytest.raises(VenueError, match=f"of ETHUSDC has no {name}"):
        usdm(without(BINANCE_USDM, "symbols", 1, "filters", index, name))


def test_a_product_without_a_filter_is_refused() -> None:
    with pytest.raises(VenueError, match="ETHUSDC has no filter LOT_SIZE"):
        usdm(without(BINANCE_USDM, "symbols", 1, "filters", 1))


@pytest.mark.parametrize("tick", ["0", "-0.1", "ten", "NaN", "1e-40", True, ["0.1"]])
def test_a_price_step_that_is_none_is_refused(tick: Any) -> None:
    with pytest.raises(VenueError, match="PRICE_FILTER of ETHUSDC has tickSize"):
        usdm(changed(BINANCE_USDM, tick, "symbols", 1, "filters", 0, "tickSize"))


@pytest.mark.parametrize("answer", [b"", b"<html>", b'{"symbols":NaN}', b"[]", b'{"symbols":{}}'])
def test_an_answer_that_is_no_list_of_products_is_refused(answer: bytes) -> None:
    with pytest.raises(VenueError, match="binance-usdm: the answer"):
        usdm(answer)


def test_futures_need_two_sockets_with_names_in_small_letters() -> None:
    public, market = UsdmMarket().sockets([usdm()], ALL)
    assert public.url == "wss://fstream.binance.com/public/stream"
    assert public.channels == Channel.BOOK | Channel.QUOTE
    assert public.subscribe == (
        b'{"method":"SUBSCRIBE","params":["ethusdc@depth@100ms","ethusdc@bookTicker"],"id":1}',
    )
    assert market.url == "wss://fstream.binance.com/market/stream"
    assert market.channels == Channel.TRADE
    assert market.subscribe == (b'{"method":"SUBSCRIBE","params":["ethusdc@aggTrade"],"id":1}',)
    assert UsdmMarket().sockets([usdm()], Channel.TRADE) == [market]


def test_spot_needs_one_socket() -> None:
    (socket,) = SpotMarket().sockets([spot()], ALL)
    assert socket.url == "wss://stream.binance.com:9443/stream"
    assert json.loads(socket.subscribe[0])["params"] == [
        "ethusdc@depth@100ms",
        "ethusdc@bookTicker",
        "ethusdc@aggTrade",
    ]
    assert SpotMarket().sockets([], ALL) == []


def test_many_streams_are_subscribed_to_in_several_messages() -> None:
    (socket,) = SpotMarket().sockets([spot()] * 150, Channel.BOOK)
    sizes = [len(json.loads(message)["params"]) for message in socket.subscribe]
    assert sizes == [100, 50]


def test_a_book_is_subscribed_to_again() -> None:
    assert [json.loads(each)["method"] for each in UsdmMarket().resubscribe(usdm())] == [
        "UNSUBSCRIBE",
        "SUBSCRIBE",
    ]


@pytest.mark.parametrize(
    ("adapter", "path", "weight"),
    [
        (UsdmMarket(), "/fapi/v1/depth?symbol=ETHUSDC&limit=1000", 20),
        (SpotMarket(), "/api/v3/depth?symbol=ETHUSDC&limit=5000", 250),
    ],
)
def test_a_snapshot_and_what_follows_make_a_book(
    adapter: UsdmMarket | SpotMarket, path: str, weight: int
) -> None:
    instrument = usdm() if adapter.exchange == "binance-usdm" else spot()
    answer = b'{"lastUpdateId":10,"bids":[["2000.10","1.25"]],"asks":[["2000.20","3"]]}'
    http = Http(**{path: answer})
    feed = Feed(adapter.feed, [("OTHER", 1, 1, 3, 1), instrument.feed_row], adapter.depth)
    assert feed.feed(asyncio.run(adapter.snapshot(http, instrument))) is None
    assert (
        feed.feed(
            b'{"stream":"ethusdc@depth@100ms","data":{"e":"depthUpdate","E":5,"T":5,"s":"ETHUSDC",'
            b'"U":10,"u":11,"pu":9,"b":[["2000.10","1.5"]],"a":[]}}'
        )
        is None
    )
    assert http.asked == [(path, weight)]
    assert feed.status(1)[0]
    scale = 10**instrument.price.decimals
    assert feed.touch(1) == (20001 * scale // 10, 150_000_000, 20002 * scale // 10, 300_000_000)


def test_the_answer_to_the_ping_is_no_fault() -> None:
    feed = Feed("binance-usdm", [usdm().feed_row])
    manners = UsdmMarket.manners
    assert manners.ping is not None
    request = json.loads(manners.ping)["id"]
    assert feed.feed(b'{"result":["ethusdc@depth@100ms"],"id":%d}' % request) is None
    assert feed.counts["refused"] == 0


def test_a_connection_is_replaced_before_the_venue_closes_it() -> None:
    for adapter in (UsdmMarket, SpotMarket):
        assert 0 < adapter.manners.lifetime_ns < 24 * 3600 * SECOND
        assert adapter.manners.ping_ns < adapter.manners.silence_ns
