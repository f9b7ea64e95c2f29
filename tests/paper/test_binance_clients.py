"""Other people's clients of Binance trade on the simulated one: ccxt, and Binance's own SDK."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from test_third_parties import ccxt_client
from waits import until

from alp.paper.binance.public import Binance
from alp.paper.exchange import Exchange
from alp.paper.market import Event, Market

pytestmark = pytest.mark.timed

TOUCH = 200_000


def protocol(*, futures: bool = True) -> Binance:
    decimals = 3 if futures else 4
    market = Market.made_up("ETHUSDC", seed=11, quantity_decimals=decimals)
    return Binance([market], futures=futures)


def sell_at(exchange: Exchange, price: int, quantity: int) -> None:
    """Let somebody sell to the bids."""
    exchange.happen("ETHUSDC", Event([], trades=((False, price, quantity),)))


class Ccxt:
    """ccxt.pro, with what its streams told."""

    def __init__(self, exchange: Exchange, *, futures: bool) -> None:
        name = "binanceusdm" if futures else "binance"
        self.client = ccxt_client(name, exchange)
        self.client.apiKey, self.client.secret = "probe-key", "probe-secret"
        self.symbol = "ETH/USDC:USDC" if futures else "ETH/USDC"
        self.orders: list[tuple[str, str, float]] = []
        self.fills: list[tuple[str, float, float]] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Ccxt:
        await self.client.load_markets()
        self._tasks = [asyncio.create_task(each()) for each in (self._orders, self._fills)]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.client.close()

    async def _orders(self) -> None:
        while True:
            for each in await self.client.watch_orders(self.symbol):
                self.orders.append((each["clientOrderId"], each["status"], each["filled"]))

    async def _fills(self) -> None:
        while True:
            for each in await self.client.watch_my_trades(self.symbol):
                self.fills.append((each["takerOrMaker"], each["price"], each["amount"]))

    async def buy(self, kind: str, price: float | None, amount: float, **more: Any) -> Any:
        return await self.client.create_order(self.symbol, kind, "buy", amount, price, more)

    async def refused(self, price: float, amount: float, **more: Any) -> str:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever ccxt makes of it
            await self.buy("limit", price, amount, **more)
        return f"{type(caught.value).__name__} {caught.value}"


async def trade_with_ccxt(*, futures: bool) -> None:
    made = protocol(futures=futures)
    async with (
        Exchange(made, rate=0) as exchange,
        Ccxt(exchange, futures=futures) as ccxt,
    ):
        await until(lambda: any(each.peer.account for each in exchange.connections.values()))
        order = await ccxt.buy("limit", 1990, 0.5, postOnly=True, clientOrderId="alp-1")
        assert order["status"] == "open"
        crossing = await ccxt.refused(2010, 0.5, postOnly=True)
        assert ("-5022" if futures else "OrderImmediatelyFillable") in crossing
        again = await ccxt.refused(1990, 0.5, clientOrderId="alp-1")
        assert ("-4116" if futures else "Duplicate order sent") in again
        assert ("-4164" if futures else "NOTIONAL") in await ccxt.refused(1990, 0.001)
        much = await ccxt.refused(1990, 100_000)
        assert ("-2019" if futures else "InsufficientFunds") in much
        assert [each["id"] for each in await ccxt.client.fetch_open_orders(ccxt.symbol)] == [
            order["id"]
        ]
        amended = await ccxt.client.edit_order(order["id"], ccxt.symbol, "limit", "buy", 0.6, 1991)
        assert (amended["price"], amended["amount"], amended["status"]) == (1991, 0.6, "open")
        taken = await ccxt.buy("market", None, 0.01)
        assert (taken["status"], taken["filled"]) == ("closed", 0.01)
        assert taken["average"] == 2000.01
        scale = 10 ** (3 if futures else 4)
        ahead = made.desk.ahead(made.desk.open_orders("first")[0])
        sell_at(exchange, 199_100, ahead + scale // 5)
        found = await ccxt.client.fetch_order(amended["id"], ccxt.symbol)
        assert (found["status"], found["filled"]) == ("open", 0.2)
        await ccxt.client.cancel_order(amended["id"], ccxt.symbol)
        found = await ccxt.client.fetch_order(amended["id"], ccxt.symbol)
        assert (found["status"], found["filled"]) == ("canceled", 0.2)
        trades = await ccxt.client.fetch_my_trades(ccxt.symbol)
        fills = [("taker", 2000.01, 0.01), ("maker", 1991.0, 0.2)]
        assert [(each["takerOrMaker"], each["price"], each["amount"]) for each in trades] == fills
        await until(lambda: ccxt.fills == fills)
        await until(lambda: ccxt.orders[-1][1] == "canceled")
        told = [each[1:] for each in ccxt.orders if each[0] == amended["clientOrderId"]]
        assert told[-2:] == [("open", 0.2), ("canceled", 0.2)]
        balance = await ccxt.client.fetch_balance()
        if futures:
            (position,) = await ccxt.client.fetch_positions([ccxt.symbol])
            assert (position["contracts"], position["side"]) == (0.21, "long")
            earned = 0.01 * (2000 - 2000.01) + 0.2 * (2000 - 1991)
            paid = 0.01 * 2000.01 * 0.0005 + 0.2 * 1991 * 0.0002
            assert balance["USDC"]["total"] == pytest.approx(1_000_000 + earned - paid)
        else:
            assert balance["ETH"]["free"] == pytest.approx(1_000_000 + 0.21 * 0.999)
            assert balance["USDC"]["used"] == 0


@pytest.mark.parametrize("futures", [True, False], ids=["usdm", "spot"])
def test_ccxt_places_amends_cancels_and_is_filled(futures: bool) -> None:
    asyncio.run(trade_with_ccxt(futures=futures))


async def call_with_ccxt(*, futures: bool) -> None:
    async with (
        Exchange(protocol(futures=futures), rate=0) as exchange,
        Ccxt(exchange, futures=futures) as ccxt,
    ):
        client, symbol = ccxt.client, ccxt.symbol
        order = await client.create_order_ws(symbol, "limit", "buy", 0.5, 1990)
        order = await client.edit_order_ws(order["id"], symbol, "limit", "buy", 0.4, 1990.5)
        found = await client.fetch_order_ws(order["id"], symbol)
        assert (found["price"], found["amount"], found["status"]) == (1990.5, 0.4, "open")
        assert (await client.cancel_order_ws(order["id"], symbol))["status"] == "canceled"
        if futures:
            assert (await client.fetch_balance_ws())["USDC"]["total"] == 1_000_000
        paths = {each.peer.path for each in exchange.connections.values()}
        assert any("/ws-fapi" in path or "/ws-api" in path for path in paths)
        assert not any(path.endswith("/order") for path in exchange.requests)


@pytest.mark.parametrize("futures", [True, False], ids=["usdm", "spot"])
def test_ccxt_sends_orders_on_the_socket(futures: bool) -> None:
    asyncio.run(call_with_ccxt(futures=futures))


def test_binance_s_own_sdk_trades_by_rest_and_socket_and_hears_of_it() -> None:
    name = "binance_sdk_derivatives_trading_usds_futures.derivatives_trading_usds_futures"
    sdk = pytest.importorskip(name, reason="needs Binance's SDK, of the extra `test`")
    common = pytest.importorskip("binance_common.configuration")

    async def run() -> None:
        made = protocol()
        async with Exchange(made, rate=0) as exchange:
            keys = {"api_key": "probe-key", "api_secret": "probe-secret"}
            client = sdk.DerivativesTradingUsdsFutures(
                common.ConfigurationRestAPI(base_path=exchange.rest_url, **keys),
                common.ConfigurationWebSocketAPI(
                    stream_url=exchange.stream_url + "/ws-fapi/v1", **keys
                ),
                common.ConfigurationWebSocketStreams(stream_url=exchange.stream_url),
            )
            rest, calls, streams = client.rest_api, client.websocket_api, client.websocket_streams
            events: list[Any] = []
            try:
                key = (await asyncio.to_thread(rest.start_user_data_stream)).data().listen_key
                await streams.create_connection()
                stream = await streams.user_data(key)
                stream.on("message", lambda message: events.append(message.actual_instance))
                await until(
                    lambda: any(each.peer.account for each in exchange.connections.values())
                )
                of = {"symbol": "ETHUSDC", "side": "BUY"}
                limit = {**of, "type": "LIMIT", "quantity": 0.05}
                order = await asyncio.to_thread(
                    rest.new_order,
                    **limit,
                    time_in_force="GTX",
                    price=1999.5,
                    new_client_order_id="sdk-1",
                )
                assert order.data().status == "NEW"
                await calls.create_connection()
                answer = await calls.new_order(
                    **limit,
                    time_in_force="GTC",
                    price=2000.5,
                    new_client_order_id="sdk-2",
                    new_order_resp_type="RESULT",
                )
                assert answer.data().result.status == "FILLED"
                assert [each.count for each in answer.rate_limits] == [-1, 2, 2]
                answer = await calls.modify_order(
                    **of, quantity=0.07, price=1998.7, orig_client_order_id="sdk-1"
                )
                assert answer.data().result.price == "1998.70"
                named = {"symbol": "ETHUSDC", "orig_client_order_id": "sdk-1"}
                assert (await calls.query_order(**named)).data().result.status == "NEW"
                assert (await calls.cancel_order(**named)).data().result.status == "CANCELED"
                (position,) = (await calls.position_information()).data().result
                assert position.position_amt == "0.050"
                trades = await asyncio.to_thread(rest.account_trade_list, symbol="ETHUSDC")
                assert [each.price for each in trades.data()] == ["2000.01"]
                await until(lambda: len(events) >= 7)
            finally:
                await streams.close_connection(close_session=True)
                await calls.close_connection(close_session=True)
            told = [(type(each).__name__, getattr(each, "o", None)) for each in events]
            steps = [(row.c, row.x, row.X) for name, row in told if name == "OrderTradeUpdate"]
            assert steps == [
                ("sdk-1", "NEW", "NEW"),
                ("sdk-2", "NEW", "NEW"),
                ("sdk-2", "TRADE", "FILLED"),
                ("sdk-1", "AMENDMENT", "NEW"),
                ("sdk-1", "CANCELED", "CANCELED"),
            ]
            assert {name for name, _ in told} == {"OrderTradeUpdate", "TradeLite", "AccountUpdate"}

    asyncio.run(run())
