"""Clients of Coinbase Advanced that are none of ours trade on the simulated one.

coinbase-advanced-py wants another version of `websockets` than other clients do, so that it has an
environment of its own: `.ci/setup-peers` makes it.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from client_world import ccxt_client, market, trade, watched
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from waits import run, until

from alp.paper.coinbase.private import (
    COIN_KEY,
    OTHER_COIN_KEY,
    known_credentials,
)
from alp.paper.coinbase.public import Coinbase
from alp.paper.exchange import Exchange

pytestmark = pytest.mark.timed

ETH = "ETH-USD"
PEER = Path(__file__).resolve().parents[2] / "build/peers/coinbase-advanced-py/bin/python"
SCRIPT = Path(__file__).with_name("coinbase_sdk_script.py")


def venue() -> Exchange:
    return Exchange(Coinbase([market(ETH)]), rate=0)


def pem() -> str:
    """The first account's private key, as the venue hands it out: SEC1."""
    key = known_credentials()[0].private_key
    assert key is not None
    form = PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()


def seed_and_public() -> str:
    """The second account's, as the venue hands out Ed25519: 64 bytes in base64."""
    key = known_credentials()[1].private_key
    assert isinstance(key, Ed25519PrivateKey)
    raw = key.private_bytes_raw() + key.public_key().public_bytes_raw()
    return base64.b64encode(raw).decode()


async def with_ccxt(exchange: Exchange, client: Any) -> None:
    symbol = "ETH/USDC"
    assert {"ETH", "USD"} <= set(await client.fetch_currencies())
    ticker = await client.fetch_ticker(symbol)
    assert (ticker["bid"], ticker["ask"]) == (1999, 2001)
    held = await client.fetch_balance()
    assert held["total"] == {"ETH": 1e6, "USD": 1e6, "USDC": 1e6}
    orders = asyncio.create_task(
        watched(lambda: client.watch_orders(symbol), lambda seen: seen[-1]["status"] == "open")
    )
    await until(lambda: _listens(exchange))
    placed = await client.create_order(symbol, "limit", "buy", 2, 1998.5, {"postOnly": True})
    (heard,) = [each for each in await orders if each["id"] == placed["id"]]
    assert heard["price"] == 1998.5
    await client.edit_order(placed["id"], symbol, "limit", "buy", 1.5, 1999)
    (order,) = await client.fetch_open_orders(symbol)
    assert (order["id"], order["price"], order["amount"]) == (placed["id"], 1999, 1.5)
    crossing = client.create_order(symbol, "limit", "buy", 1, 2001, {"postOnly": True})
    with pytest.raises(Exception, match="INVALID_LIMIT_PRICE_POST_ONLY"):
        await crossing

    filled = asyncio.create_task(
        watched(lambda: client.watch_orders(symbol), lambda seen: seen[-1]["filled"] == 1)
    )
    await asyncio.sleep(0)
    trade(exchange, ETH, 1999, 6, bought=False)
    assert (await filled)[-1]["id"] == placed["id"]
    (fill,) = await client.fetch_my_trades(symbol)
    assert (fill["price"], fill["amount"], fill["takerOrMaker"]) == (1999, 1, "maker")
    assert fill["fee"] == {"cost": 11.994, "currency": "USDC"}

    gone = asyncio.create_task(
        watched(lambda: client.watch_orders(symbol), lambda seen: seen[-1]["status"] == "canceled")
    )
    await client.cancel_order(placed["id"], symbol)
    assert (await gone)[-1]["id"] == placed["id"]
    ended = await client.fetch_order(placed["id"], symbol)
    assert (ended["status"], ended["filled"], ended["average"]) == ("canceled", 1, 1999)


def _listens(exchange: Exchange) -> bool:
    assert exchange.protocol.private is not None
    return any(peer.account for peer in exchange.protocol.private.peers)


async def with_ccxt_by_ed25519(exchange: Exchange, client: Any) -> None:
    """Its WebSocket knows only ES256."""
    placed = await client.create_order("ETH/USDC", "limit", "sell", 2, 2005)
    (order,) = await client.fetch_open_orders("ETH/USDC")
    assert (order["id"], order["amount"]) == (placed["id"], 2)
    await client.cancel_order(placed["id"])


@pytest.mark.parametrize(
    ("test", "key", "secret"),
    [(with_ccxt, COIN_KEY, pem), (with_ccxt_by_ed25519, OTHER_COIN_KEY, seed_and_public)],
)
def test_ccxt_trades(test: Any, key: str, secret: Callable[[], str]) -> None:

    async def trades() -> None:
        async with venue() as exchange:
            client = ccxt_client("coinbase", exchange, apiKey=key, secret=secret())
            try:
                await test(exchange, client)
            finally:
                await client.close()

    run(trades())


@pytest.mark.skipif(not PEER.exists(), reason="needs coinbase-advanced-py: bash .ci/setup-peers")
def test_coinbase_s_own_sdk_trades(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text(pem())

    async def trades() -> None:
        async with venue() as exchange:
            process = await asyncio.create_subprocess_exec(
                str(PEER),
                str(SCRIPT),
                exchange.rest_url,
                exchange.stream_url,
                COIN_KEY,
                str(tmp_path / "key.pem"),
                stdout=asyncio.subprocess.PIPE,
                stdin=asyncio.subprocess.PIPE,
            )
            assert process.stdout is not None
            assert process.stdin is not None
            said: dict[str, Any] = {}
            while line := await process.stdout.readline():
                said |= json.loads(line)
                if "rests" in said and "traded" not in said:
                    trade(exchange, ETH, 1999, 7, bought=False)
                    said["traded"] = True
            assert await process.wait() == 0
            assert said["usdc"] == "1000000"
            assert said["fills"] == [["1999", "1", "MAKER"]]
            assert said["crossing"] == "INVALID_LIMIT_PRICE_POST_ONLY"
            resting, canceled = ["PENDING", "OPEN"], ["CANCEL_QUEUED", "CANCELLED"]
            assert said["statuses"] == [*resting, "FILLED", *resting, *canceled]

    run(trades())
