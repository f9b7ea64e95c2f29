"""A simulated Binance whose market stands still, and somebody who signs what is sent to it."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Self

import aiohttp
import yarl

from alp.paper.accounts import ed25519_credentials, hmac_credentials
from alp.paper.binance.public import Binance
from alp.paper.book import PlainBook
from alp.paper.exchange import Exchange
from alp.paper.market import Event, Market
from alp.venues.binance.signing import key_header, sign_call, sign_request
from alp.venues.credentials import Credentials

FIRST, SECOND, WITHDRAW = hmac_credentials()
ED25519 = ed25519_credentials()
SYMBOL = "ETHUSDC"
LIMIT = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
Answer = tuple[int, Any]


class Socket:
    """A WebSocket, with what came on it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, now_ms: Any) -> None:
        self.socket = socket
        self.received: list[Any] = []
        self.closed = False
        self._now_ms = now_ms
        self._number = 0
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self.socket:
            self.received.append(json.loads(message.data))
        self.closed = True

    async def until(self, what: Any, seconds: float = 30.0) -> Any:
        """Wait for a message and return it."""
        for _ in range(int(seconds * 200)):
            for message in self.received:
                if what(message):
                    return message
            await asyncio.sleep(0.005)
        raise AssertionError(self.received)

    async def call(
        self, method: str, params: dict[str, Any], credentials: Credentials | None = FIRST
    ) -> Any:
        """Send a call, signed unless there are no credentials, and return its answer."""
        self._number += 1
        number = str(self._number)
        if credentials is not None:
            params = sign_call(credentials, params, timestamp_ms=self._now_ms())
        await self.socket.send_json({"id": number, "method": method, "params": params})
        return await self.until(lambda message: message.get("id") == number)

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.socket.close()


class BinanceWorld:
    """Bid 1999.00 and ask 2001.00, ten each, and one more level behind."""

    def __init__(self, *, futures: bool = True) -> None:
        decimals = 3 if futures else 4
        ten = 10 * 10**decimals
        book = PlainBook(2, decimals, {199_900: ten, 199_800: ten}, {200_100: ten, 200_200: ten})
        self.protocol = Binance([Market(SYMBOL, book)], futures=futures)
        self.desk = self.protocol.desk
        self.exchange = Exchange(self.protocol, rate=0)
        self.order = "/fapi/v1/order" if futures else "/api/v3/order"
        self._futures = futures
        self._sockets: list[Socket] = []
        self.headers: Any = {}

    async def __aenter__(self) -> Self:
        await self.exchange.start()
        self.http = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        for socket in self._sockets:
            await socket.close()
        await self.http.close()
        await self.exchange.stop()

    async def rest(
        self,
        method: str,
        path: str,
        params: dict[str, Any] | None = None,
        *,
        by: Credentials = FIRST,
        in_body: bool | None = None,
        late_ms: int = 0,
    ) -> Answer:
        """Send a signed request; return status and answer."""
        request = sign_request(
            by,
            method,
            path,
            params or {},
            timestamp_ms=self.protocol.now_ms() - late_ms,
            in_body=in_body,
        )
        return await self.send(method, request.target, request.headers, request.body)

    async def send(
        self, method: str, target: str, headers: dict[str, str], body: bytes = b""
    ) -> Answer:
        """Send a request as it stands."""
        url = yarl.URL(self.exchange.rest_url + target, encoded=True)
        async with self.http.request(method, url, headers=headers, data=body or None) as answer:
            self.headers = answer.headers
            return answer.status, await answer.json()

    async def place(self, price: str = "1999.00", quantity: str = "1", **more: Any) -> Answer:
        return await self.rest(
            "POST", self.order, {**LIMIT, "price": price, "quantity": quantity, **more}
        )

    async def named(self, method: str, client_id: str) -> Answer:
        params = {"symbol": SYMBOL, "origClientOrderId": client_id}
        return await self.rest(method, self.order, params)

    async def listen_key(self, method: str = "POST") -> Answer:
        return await self.send(method, "/fapi/v1/listenKey", key_header(FIRST))

    async def open(self, path: str) -> Socket:
        socket = await self.http.ws_connect(self.exchange.stream_url + path)
        self._sockets.append(Socket(socket, self.protocol.now_ms))
        return self._sockets[-1]

    async def api(self) -> Socket:
        return await self.open("/ws-fapi/v1" if self._futures else "/ws-api/v3")

    async def user_stream(self) -> Socket:
        """Open the first account's stream; events of spot are in ``event``."""
        if self._futures:
            _, answer = await self.listen_key()
            return await self.open(f"/private/ws?listenKey={answer['listenKey']}")
        socket = await self.api()
        await socket.call("userDataStream.subscribe.signature", {})
        return socket

    def trade(self, bought: bool, price: int, quantity: int) -> None:
        self.exchange.happen(SYMBOL, Event([], trades=((bought, price, quantity),)))
