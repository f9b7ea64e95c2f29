"""Faults of every kind at random times, from a seed; and an exchange as a process of its own.

::

    python tests/venues/chaos.py binance-usdm --rate 500 --chaos 7 --every 20

prints one line of JSON with its addresses, then one for each fault, until it is ended.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Callable
from random import Random
from typing import Any

from exchange import Exchange, Fault
from kraken_protocols import KrakenFutures, KrakenSpot
from markets import Market
from protocols import Binance, Coinbase, Protocol

FAULTS = [each for each in Fault if each is not Fault.TRICKLE]
REST_STATUSES = (500, 429, 503)
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


class Chaos:
    """Lets faults happen to an exchange.

    Parameters
    ----------
    mean_s
        Seconds between two faults, on average.
    tell
        Hears of each.
    """

    def __init__(
        self,
        exchange: Exchange,
        seed: int,
        mean_s: float,
        tell: Callable[[dict[str, Any]], None] = lambda _: None,
    ) -> None:
        self._exchange = exchange
        self._random = Random(seed)
        self._mean_s = mean_s
        self._tell = tell
        self.happened: list[str] = []

    async def run(self, most: int | None = None) -> None:
        """Go on until cancelled, or until so many faults have happened."""
        while most is None or len(self.happened) < most:
            await asyncio.sleep(self._random.expovariate(1 / self._mean_s))
            self.one()

    def one(self) -> None:
        """Let one fault happen: to every connection, or to the next answer by REST."""
        if self._exchange.protocol.rest_snapshots and self._random.random() < 0.15:
            status = self._random.choice(REST_STATUSES)
            self._exchange.script.rest(status, retry_after_s=1 if status == 429 else None)
            self._record(f"rest {status}")
            return
        fault = self._random.choice(FAULTS)
        self._exchange.apply(fault, size=self._random.randint(1, 200))
        self._record(str(fault))

    def _record(self, what: str) -> None:
        self.happened.append(what)
        self._tell({"fault": what, "opened": self._exchange.opened})


def _print(row: dict[str, Any]) -> None:
    print(json.dumps(row), flush=True)


async def _serve(options: argparse.Namespace) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    protocol = MADE_UP[options.exchange](options.seed)
    async with Exchange(protocol, rate=options.rate) as exchange:
        symbols = list(exchange.markets)
        _print({"rest": exchange.rest_url, "stream": exchange.stream_url, "symbols": symbols})
        task = None
        if options.chaos is not None:
            chaos = Chaos(exchange, options.chaos, options.every, _print)
            task = asyncio.create_task(chaos.run())
        await ended.wait()
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        touches = {name: market.book.touch() for name, market in exchange.markets.items()}
        counts = {"opened": exchange.opened, "snapshots": exchange.snapshots}
        _print({**counts, "too_fast": exchange.too_fast, "touches": touches})


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description="An exchange on localhost.")
    parser.add_argument("exchange", choices=MADE_UP)
    parser.add_argument("--rate", type=float, default=200, help="events a second of each market")
    parser.add_argument("--seed", type=int, default=1, help="of the market")
    parser.add_argument("--chaos", type=int, help="seed of faults; none by default")
    parser.add_argument("--every", type=float, default=10, help="seconds between two faults")
    asyncio.run(_serve(parser.parse_args(arguments)))


if __name__ == "__main__":
    main(sys.argv[1:])
