"""Many faults of every kind, one after another: in the end the books are the venue's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from test_session import _impatient, in_the_end_equal, run, running  # noqa: F401

from alp.paper.binance.public import Binance
from alp.paper.coinbase.public import Coinbase
from alp.paper.exchange import Exchange
from alp.paper.faults.chaos import Chaos
from alp.paper.kraken.futures import KrakenFutures
from alp.paper.kraken.spot import KrakenSpot
from alp.paper.market import Market
from alp.paper.protocol import Protocol

pytestmark = pytest.mark.timed

FAULTS = 10
MADE_UP: dict[str, Callable[[int], Protocol]] = {
    "binance-usdm": lambda seed: Binance([Market.made_up("ETHUSDC", seed=seed)]),
    "binance-spot": lambda seed: Binance(
        [Market.made_up("ETHUSDC", seed=seed, quantity_decimals=8)], futures=False
    ),
    "coinbase-spot": lambda seed: Coinbase(
        [Market.made_up("ETH-USD", seed=seed, quantity_decimals=8)]
    ),
    "kraken-spot": lambda seed: KrakenSpot(
        [Market.made_up("ETH/USDC", seed=seed, quantity_decimals=8, depth=25)]
    ),
    "kraken-futures": lambda seed: KrakenFutures(
        [Market.made_up("PF_ETHUSD", seed=seed, price_decimals=1)]
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "name"), list(enumerate(MADE_UP)))
def test_a_session_survives_a_random_sequence_of_faults(seed: int, name: str) -> None:
    async def test() -> None:
        async with (
            Exchange(MADE_UP[name](seed), rate=200, heartbeat_s=0.1, ping_s=0.1) as exchange,
            running(
                exchange, silence_ns=10**9, channel_silence_ns=10**9, ping_ns=10**9 // 4
            ) as made,
        ):
            await in_the_beginning(exchange)
            chaos = Chaos(exchange, seed, 0.2)
            await chaos.run(FAULTS)
            for planned in list(exchange.script.answers):
                exchange.script.answers.remove(planned)
            # Silence and a half-open socket need the market to go on in order to be noticed.
            await asyncio.sleep(2)
            await in_the_end_equal(exchange, made)

    run(test())


async def in_the_beginning(exchange: Exchange) -> None:
    while not exchange.subscriptions["book"]:
        await asyncio.sleep(0.01)


def test_the_same_seed_is_the_same_sequence() -> None:
    async def faults(seed: int) -> list[str]:
        exchange = Exchange(MADE_UP["binance-usdm"](1))
        chaos = Chaos(exchange, seed, 0.0001)
        await chaos.run(30)
        return chaos.happened

    async def test() -> None:
        first = await faults(1)
        assert await faults(1) == first
        assert await faults(2) != first

    run(test())
