"""The script of faults reaches the private sides of Coinbase and Kraken, each in its own words."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Coroutine
from typing import Any

import aiohttp
import pytest
from client_world import market, trade
from waits import run, until
from yarl import URL

from alp.paper.accounts import KEY, SECRET_BASE64
from alp.paper.coinbase.private import known_credentials
from alp.paper.coinbase.public import Coinbase
from alp.paper.exchange import Exchange
from alp.paper.faults.script import CommandFault
from alp.paper.kraken.futures import KrakenFutures
from alp.paper.kraken.spot import KrakenSpot
from alp.paper.protocol import Protocol
from alp.venues.coinbase import signing as coinbase
from alp.venues.credentials import Secret, credentials_of
from alp.venues.kraken import signing as kraken
from alp.venues.signing import SignedRequest

pytestmark = pytest.mark.timed

FIRST = credentials_of(KEY, secret=Secret(SECRET_BASE64))


class Owner:
    """The first account of an exchange, by REST."""

    def __init__(self, exchange: Exchange, http: aiohttp.ClientSession) -> None:
        self.exchange, self.http = exchange, http
        self.numbers = itertools.count(1)

    @property
    def opened(self) -> int:
        assert self.exchange.protocol.private is not None
        return len(self.exchange.protocol.private.desk.open_orders("first"))

    def fail(self, on: str, fault: CommandFault, **more: Any) -> None:
        self.exchange.script.command(on, fault, **more)

    async def send(self, signed: SignedRequest) -> tuple[int, Any]:
        url = URL(self.exchange.rest_url + signed.target, encoded=True)
        sent = {"headers": signed.headers, "data": signed.body}
        async with self.http.request(signed.method, url, **sent) as answer:  # type: ignore[arg-type]
            return answer.status, await answer.json()

    async def place(self) -> tuple[int, Any]:
        """Place an order that waits, as the exchange's clients do."""
        number = next(self.numbers)
        protocol = self.exchange.protocol
        if isinstance(protocol, KrakenSpot):
            form = {"pair": "ETHUSDC", "type": "buy", "ordertype": "limit", "volume": "1"}
            form |= {"price": "1990", "cl_ord_id": f"a{number}"}
            path = "/0/private/AddOrder"
            return await self.send(kraken.sign_request(FIRST, path, form, nonce=number))
        if isinstance(protocol, KrakenFutures):
            params = {"orderType": "lmt", "symbol": "PF_ETHUSD", "side": "buy", "size": "1"}
            params |= {"limitPrice": "1990", "cliOrdId": f"a{number}"}
            path = "/derivatives/api/v3/sendorder"
            return await self.send(kraken.sign_futures_request(FIRST, "POST", path, params))
        limit = {"limit_limit_gtc": {"base_size": "1", "limit_price": "1990"}}
        body = {"client_order_id": f"a{number}", "product_id": "ETH-USDC", "side": "BUY"}
        data = json.dumps({**body, "order_configuration": limit}).encode()
        signed = coinbase.sign_request(
            known_credentials()[0],
            "POST",
            "/api/v3/brokerage/orders",
            data,
            now_s=protocol.now_ns() // 10**9,
            nonce=str(number),
        )
        return await self.send(signed)


def kraken_spot() -> Protocol:
    return KrakenSpot([market("ETH/USDC")])


def coinbase_spot() -> Protocol:
    return Coinbase([market("ETH-USD")])


def kraken_futures() -> Protocol:
    return KrakenFutures([market("PF_ETHUSD", 1, 3)])


EVERYWHERE = pytest.mark.parametrize("make", [kraken_spot, coinbase_spot, kraken_futures])


def at(make: Callable[[], Protocol], test: Callable[[Owner], Coroutine[Any, Any, None]]) -> None:
    async def inside() -> None:
        async with Exchange(make(), rate=0) as exchange, aiohttp.ClientSession() as http:
            await test(Owner(exchange, http))

    run(inside())


@EVERYWHERE
def test_requests_and_answers_are_lost(make: Callable[[], Protocol]) -> None:
    async def test(owner: Owner) -> None:
        for fault, opened in ((CommandFault.LOSE_REQUEST, 0), (CommandFault.LOSE_ANSWER, 1)):
            owner.fail("new", fault)
            with pytest.raises(aiohttp.ClientError):
                await owner.place()
            assert owner.opened == opened
        assert (await owner.place())[0] == 200
        assert owner.opened == 2

    at(make, test)


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize(
    ("make", "form", "status", "said"),
    [
        (kraken_spot, "", 200, {"error": ["EService:Timeout"]}),
        (kraken_spot, "EService:Busy", 200, {"error": ["EService:Busy"]}),
        (coinbase_spot, "", 503, {"error": "UNAVAILABLE"}),
        (coinbase_spot, "504", 504, {"error": "UNAVAILABLE"}),
        (kraken_futures, "", 500, {"error": "Server Error"}),
    ],
)
def test_the_venue_does_not_know(
    make: Callable[[], Protocol], form: str, status: int, said: dict[str, Any], done: bool
) -> None:
    async def test(owner: Owner) -> None:
        owner.fail("new", CommandFault.UNKNOWN, form=form, done=done)
        answer = await owner.place()
        assert answer == (status, {**answer[1], **said})
        assert owner.opened == done

    at(make, test)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (kraken_spot, b"EAPI:Rate limit exceeded"),
        (coinbase_spot, b"rate_limit_exceeded"),
        (kraken_futures, b"apiLimitExceeded"),
    ],
)
def test_a_status_refuses_in_the_venues_words(make: Callable[[], Protocol], said: bytes) -> None:
    async def test(owner: Owner) -> None:
        owner.fail("any", CommandFault.STATUS, status=429)
        status, answer = await owner.place()
        assert status == 429
        assert said in json.dumps(answer).encode()
        assert owner.opened == 0

    at(make, test)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (kraken_spot, b"EAPI:Invalid key"),
        (coinbase_spot, b"UNAUTHORIZED"),
        (kraken_futures, b"authenticationError"),
    ],
)
def test_keys_are_revoked_while_it_runs(make: Callable[[], Protocol], said: bytes) -> None:
    async def test(owner: Owner) -> None:
        owner.fail("new", CommandFault.REVOKE, after=1)
        assert (await owner.place())[0] == 200
        assert said in json.dumps((await owner.place())[1]).encode()
        assert owner.opened == 1

    at(make, test)


@EVERYWHERE
def test_frozen_accounts_place_nothing(make: Callable[[], Protocol]) -> None:
    async def test(owner: Owner) -> None:
        await owner.place()
        owner.fail("new", CommandFault.FREEZE)
        _, answer = await owner.place()
        assert b"a2" not in json.dumps(answer).encode()
        assert owner.opened == 1

    at(make, test)


def test_nonces_are_reset_at_kraken() -> None:
    async def test(owner: Owner) -> None:
        owner.fail("new", CommandFault.NONCE_RESET)
        assert (await owner.place())[1] == {"error": ["EAPI:Invalid nonce"]}

    at(kraken_spot, test)


def test_a_lost_execution_is_a_gap_in_the_sequence() -> None:
    async def test(owner: Owner) -> None:
        signed = kraken.sign_request(FIRST, "/0/private/GetWebSocketsToken", {}, nonce=10**6)
        token = (await owner.send(signed))[1]["result"]["token"]
        owner.numbers = itertools.count(10**6 + 1)
        async with owner.http.ws_connect(owner.exchange.stream_url + "/v2") as socket:
            params = {"channel": "executions", "token": token}
            await socket.send_json({"method": "subscribe", "params": params})
            received: list[Any] = []

            async def listen() -> None:
                async for message in socket:
                    received.append(json.loads(message.data))

            listening = asyncio.create_task(listen())

            def sequences() -> list[int]:
                return [each["sequence"] for each in received if "sequence" in each]

            await until(lambda: sequences() == [1])
            await owner.place()
            await until(lambda: sequences() == [1, 2, 3])
            owner.fail("stream", CommandFault.GAP)
            trade(owner.exchange, "ETH/USDC", 1990, 1, bought=False)
            await until(lambda: sequences() == [1, 2, 3, 5])
            assert received[-1]["data"][0]["exec_type"] == "filled"
            listening.cancel()

    at(kraken_spot, test)
