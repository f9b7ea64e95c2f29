"""What was traded can be asked for afterwards: trades and candles, in each venue's form."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asking import Clock
from client_world import market

from alp.paper.binance.public import Binance
from alp.paper.coinbase.public import Coinbase
from alp.paper.history import MOST_TRADES, History, Past
from alp.paper.kraken.futures import KrakenFutures
from alp.paper.kraken.spot import KrakenSpot
from alp.paper.market import Event
from alp.paper.protocol import Peer, Protocol

MINUTE_S = 60


def traded(made: Protocol, clock: Clock, *, ticks: int = 100, lots: int = 10**8) -> None:
    """Let 2 be bought at 2001, a minute later 1 be sold at 1999; then three minutes pass."""
    (one,) = made.markets.values()
    clock.now_ns -= clock.now_ns % (MINUTE_S * 10**9)
    one.at_ms = 0
    one.happen(Event([], trades=((True, 2001 * ticks, 2 * lots),)))
    clock.pass_s(MINUTE_S)
    one.happen(Event([], trades=((False, 1999 * ticks, lots),)))
    clock.pass_s(3 * MINUTE_S)


def asked(made: Protocol, path: str, **query: str) -> Any:
    found = made.rest(path, query)
    assert found is not None, path
    assert found[0] == 200, found
    return json.loads(found[1])


def binance(clock: Clock, *, futures: bool) -> Binance:
    made = Binance([market("ETHUSDC")], futures=futures, clock_ns=clock)
    traded(made, clock)
    return made


@pytest.mark.parametrize("futures", [True, False], ids=["usdm", "spot"])
def test_binance_tells_trades_candles_and_the_day(futures: bool) -> None:
    clock = Clock()
    made, root = binance(clock, futures=futures), "/fapi/v1" if futures else "/api/v3"
    of = {"symbol": "ETHUSDC"}
    trades = asked(made, f"{root}/trades", **of)
    assert [(each["id"], each["price"], each["isBuyerMaker"]) for each in trades] == [
        (1, "2001.00", False),
        (2, "1999.00", True),
    ]
    assert [each["a"] for each in asked(made, f"{root}/aggTrades", **of, fromId="2")] == [2]
    rows = asked(made, f"{root}/klines", **of, interval="1m")
    assert [row[1:6] for row in rows] == [
        ["2001.00", "2001.00", "2001.00", "2001.00", "2.00000000"],
        ["1999.00", "1999.00", "1999.00", "1999.00", "1.00000000"],
        *[["1999.00"] * 4 + ["0.00000000"]] * 3,
    ]
    assert rows[1][0] - rows[0][0] == 60_000
    (hour, *_) = asked(made, f"{root}/klines", **of, interval="12h")
    assert (hour[1:6], hour[8]) == (["2001.00", "2001.00", "1999.00", "1999.00", "3.00000000"], 2)
    day = asked(made, f"{root}/ticker/24hr", **of)
    assert (day["lastPrice"], day["priceChange"], day["volume"]) == (
        "1999.00",
        "-2.00",
        "3.00000000",
    )
    assert asked(made, f"{root}/ticker/24hr") == [day]
    assert made.rest(f"{root}/klines", {**of, "interval": "7m"}) == (
        400,
        b'{"code":-1120,"msg":"Invalid interval."}',
    )
    wrong = made.rest(f"{root}/trades", {**of, "limit": "-1"})
    assert wrong is not None
    assert wrong[0] == 400


def test_binance_s_other_streams_say_what_happened_at_their_pace() -> None:
    clock = Clock()
    made = Binance([market("ETHUSDC")], futures=False, clock_ns=clock)
    (one,) = made.markets.values()
    peer = Peer("/stream")
    names = ["ethusdc@trade", "ethusdc@depth5@100ms", "ethusdc@kline_1m", "ethusdc@miniTicker"]
    made.take(peer, {"method": "SUBSCRIBE", "params": names, "id": 1})
    one.at_ms = 0
    clock.pass_s(1)
    one.happen(Event([], trades=((True, 200_100, 10**8),)))
    told = {each["stream"]: each["data"] for each in map(json.loads, made.others(peer, one))}
    assert list(told) == names
    assert told["ethusdc@trade"]["p"] == "2001.00"
    assert told["ethusdc@depth5@100ms"]["asks"][0] == ["2001.00", "5.00000000"]
    assert told["ethusdc@kline_1m"]["k"]["v"] == "1.00000000"
    assert told["ethusdc@miniTicker"]["c"] == "2001.00"
    clock.pass_s(0.2)
    one.happen(Event([], trades=()))
    again = [json.loads(each)["stream"] for each in made.others(peer, one)]
    assert again == ["ethusdc@depth5@100ms"]
    made.take(peer, {"method": "UNSUBSCRIBE", "params": names, "id": 2})
    assert not peer.others


def test_binance_futures_tell_the_mark_and_every_stream_on_every_path() -> None:
    clock = Clock()
    made = Binance([market("ETHUSDC")], clock_ns=clock)
    peer = Peer("/market/ws")
    names = ["ethusdc@markPrice@1s", "ethusdc@depth", "ethusdc@aggTrade", "ethusdc@trade"]
    made.take(peer, {"method": "SUBSCRIBE", "params": names, "id": 1})
    assert sorted(peer.names.values()) == ["ethusdc@aggTrade", "ethusdc@depth"]
    (one,) = made.markets.values()
    clock.pass_s(2)
    one.happen(Event([], trades=((True, 200_100, 10**8),)))
    (mark,) = map(json.loads, made.others(peer, one))  # single trades are not pushed there
    assert (mark["e"], mark["p"]) == ("markPriceUpdate", "2000.00")


def test_binance_answers_questions_about_the_market_on_its_websocket_api() -> None:
    clock = Clock()
    made = binance(clock, futures=False)
    peer = Peer("/ws-api/v3", address="127.0.0.1")

    def called(method: str, **params: object) -> Any:
        message = {"id": 1, "method": method, "params": params}
        (reply,) = made.private.take(peer, message, json.dumps(message))
        return json.loads(reply)

    assert called("trades.recent", symbol="ETHUSDC", limit=1)["result"][0]["id"] == 2
    assert called("depth", symbol="ETHUSDC", limit=5)["result"]["bids"][0][0] == "1999.00"
    assert called("exchangeInfo")["result"]["symbols"][0]["symbol"] == "ETHUSDC"
    wrong = called("ticker.price", symbol="NONE")
    assert (wrong["status"], wrong["error"]["code"]) == (400, -1121)
    assert called("userDataStream.unsubscribe")["status"] == 200


def test_kraken_tells_trades_candles_and_the_spread_by_any_name_of_a_pair() -> None:
    clock = Clock()
    made = KrakenSpot([market("ETH/USDC")], clock_ns=clock)
    traded(made, clock)
    public = "/0/public/"
    found = asked(made, f"{public}Trades", pair="ETH/USDC")["result"]
    assert [row[0] for row in found["ETHUSDC"]] == ["2001.00", "1999.00"]
    assert [row[3] for row in found["ETHUSDC"]] == ["b", "s"]
    later = asked(made, f"{public}Trades", pair="ETHUSDC", since=found["last"])["result"]
    assert (later["ETHUSDC"], later["last"]) == ([], found["last"])
    first = str(clock.now_ns // 10**9 - 4 * MINUTE_S)
    since = asked(made, f"{public}Trades", pair="ETHUSDC", since=first)["result"]
    assert len(since["ETHUSDC"]) == 1
    chart = asked(made, f"{public}OHLC", pair="ETHUSDC", interval="5")["result"]["ETHUSDC"]
    assert sum(row[7] for row in chart) == 2
    assert asked(made, f"{public}OHLC", pair="ETHUSDC", interval="2")["error"]
    assert asked(made, f"{public}Spread", pair="ETHUSDC")["result"]["ETHUSDC"][0][1:] == [
        "1999.00",
        "2001.00",
    ]
    assert asked(made, f"{public}Time")["result"]["rfc1123"].endswith("GMT")
    peer = Peer()
    wanted = {"channel": "ticker", "symbol": ["ETH/USDC"]}
    replies = made.take(peer, {"method": "subscribe", "params": wanted})
    ticker = json.loads(replies[1])
    (row,) = ticker["data"]
    assert (ticker["type"], row["last"], row["volume"], row["change"]) == ("snapshot", 1999, 3, -2)


def test_kraken_futures_tell_trades_and_charts() -> None:
    clock = Clock()
    made = KrakenFutures([market("PF_ETHUSD", 1, 3)], clock_ns=clock)
    traded(made, clock, ticks=10, lots=1000)
    rows = asked(made, "/derivatives/api/v3/history", symbol="PF_ETHUSD")["history"]
    assert [(row["price"], row["side"], row["size"]) for row in rows] == [
        (1999.0, "sell", 1.0),
        (2001.0, "buy", 2.0),
    ]
    told = asked(made, "/api/history/v3/market/PF_ETHUSD/executions")["elements"]
    assert len(told) == 2
    chart = asked(made, "/api/charts/v1/trade/PF_ETHUSD/1m")["candles"]
    assert [each["volume"] for each in chart] == ["2.000", "1.000", "0.000", "0.000", "0.000"]
    assert made.rest("/api/charts/v1/trade/PF_ETHUSD/2m", {}) is None


def test_coinbase_tells_trades_and_candles_newest_first() -> None:
    clock = Clock()
    made = Coinbase([market("ETH-USD")], clock_ns=clock)
    traded(made, clock)
    product = "/api/v3/brokerage/market/products/ETH-USDC"
    trades = asked(made, f"{product}/ticker", limit="1")["trades"]
    assert [(each["price"], each["side"], each["product_id"]) for each in trades] == [
        ("1999.00", "BUY", "ETH-USDC")
    ]
    chart = asked(made, f"{product}/candles", granularity="ONE_MINUTE")["candles"]
    assert [each["volume"][0] for each in chart] == ["0", "0", "0", "1", "2"]
    wrong = made.rest(f"{product}/candles", {"granularity": "ONE_YEAR"})
    assert wrong is not None
    assert wrong[0] == 400


def test_a_history_forgets_the_oldest_and_follows_finer_prices() -> None:
    history = History()
    for number in range(MOST_TRADES + 5):
        history.add(Past(number, True, 20, 3, number))
    assert [history.trades[0].number, len(history.trades)] == [5, MOST_TRADES]
    history.refine()
    assert history.trades[-1].price == 200
    (candle,) = history.candles(60_000, 59_999)
    assert (candle.close, candle.turnover) == (200, 200 * 3 * (MOST_TRADES + 5))


def test_kraken_lists_what_can_be_traded_on_a_channel() -> None:
    made = KrakenSpot([market("ETH/USDC")], clock_ns=Clock())
    wanted = {"channel": "instrument"}
    replies = made.take(Peer(), {"method": "subscribe", "params": wanted, "req_id": 3})
    accepted, told = map(json.loads, replies)
    assert (accepted["success"], accepted["req_id"]) == (True, 3)
    (pair,) = told["data"]["pairs"]
    assert (pair["symbol"], pair["price_increment"], pair["qty_increment"]) == (
        "ETH/USDC",
        0.01,
        1e-8,
    )
    assert [each["id"] for each in told["data"]["assets"]] == ["ETH", "USDC"]


def test_coinbase_s_slow_channels_begin_with_a_snapshot_and_go_on_every_five_seconds() -> None:
    clock = Clock()
    made = Coinbase([market("ETH-USD")], clock_ns=clock)
    traded(made, clock)
    (one,) = made.markets.values()
    peer = Peer()
    for channel in ("ticker_batch", "candles", "status"):
        wanted = {"type": "subscribe", "channel": channel, "product_ids": ["ETH-USD"]}
        first, acknowledged = map(json.loads, made.take(peer, wanted))
        assert (first["channel"], first["events"][0]["type"]) == (channel, "snapshot")
        assert acknowledged["channel"] == "subscriptions"
    one.happen(Event([], trades=()))
    assert len(made.others(peer, one)) == 3  # three minutes have passed since it last moved
    one.happen(Event([], trades=()))
    assert made.others(peer, one) == []
    clock.pass_s(5)
    one.happen(Event([], trades=()))
    told = [json.loads(each) for each in made.others(peer, one)]
    assert [each["channel"] for each in told] == ["ticker_batch", "candles", "status"]
    numbers = [each["sequence_num"] for each in told]
    assert numbers == list(range(9, 12))


def test_kraken_futures_tell_what_trading_costs() -> None:
    made = KrakenFutures([market("PF_ETHUSD", 1, 3)], clock_ns=Clock())
    (schedule,) = asked(made, "/derivatives/api/v3/feeschedules")["feeSchedules"]
    (row,) = asked(made, "/derivatives/api/v3/instruments")["instruments"]
    assert row["feeScheduleUid"] == schedule["uid"]
    account = made.desk.accounts.by_name["first"]
    assert schedule["tiers"][0]["makerFee"] == account.maker_pips / 10_000
