"""The exchanges of a soak as one process: they play recordings at many times their pace.

::

    python tests/soak/played.py --shared ../shared --speed 20

prints one line of JSON with the exchanges' addresses; then answers each line of its input with one
line: ``count`` with the messages sent so far, ``stop`` with the books after the last event, and the
name of a fault with nothing, after it happened to every connection. It ends with its input.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from recordings import Moment, Recording, recordings

from alp.paper.binance.public import Binance
from alp.paper.coinbase.public import Coinbase
from alp.paper.exchange import MOST_UNSENT, Exchange
from alp.paper.faults.script import Fault
from alp.paper.kraken.futures import KrakenFutures
from alp.paper.kraken.spot import KrakenSpot
from alp.paper.market import Market
from alp.paper.protocol import BOOK, TRADE, Protocol

LEVELS = 10
AT_MOST = 64
"""Messages after which the loop's other work gets its turn."""
MADE_UP_RATE = 20.0
"""Events a second of a made-up market, before the speed."""


def made_up(seed: int) -> list[Protocol]:
    """Return exchanges for where there are no recordings."""
    return [
        Binance([Market.made_up("ETHUSDT", seed=seed)]),
        Coinbase(
            [
                Market.made_up("BTC-USD", seed=seed + 1, quantity_decimals=8, middle=6_500_000),
                Market.made_up("ETH-USD", seed=seed + 2, quantity_decimals=8),
            ]
        ),
        KrakenSpot([Market.made_up("ETH/USD", seed=seed + 3, quantity_decimals=8, depth=25)]),
        KrakenFutures([Market.made_up("PF_ETHUSD", seed=seed + 4, price_decimals=1)]),
    ]


class PlayedExchange(Exchange):
    """An exchange whose markets follow a recording.

    Attributes
    ----------
    behind_s
        How far the last message was behind its time.
    """

    def __init__(self, recording: Recording, speed: float) -> None:
        super().__init__(recording.protocol, rate=0)
        self._recording = recording
        self._speed = speed
        self.behind_s = 0.0
        self.most_behind_s = 0.0

    async def _play(self) -> None:
        while self._begun != set(self.markets):
            await asyncio.sleep(0.01)
        begun = time.monotonic()
        scale = 1 / (1e9 * self._speed)
        lap = 0
        while True:
            for number, moment in enumerate(self._recording.moments):
                due = begun + (lap * self._recording.span_ns + moment.at_ns) * scale
                if number % AT_MOST == 0:
                    await asyncio.sleep(0)
                while any(each.unsent > MOST_UNSENT for each in self.connections.values()):
                    await asyncio.sleep(0.005)
                while (early := due - time.monotonic()) > 0:
                    await asyncio.sleep(max(early, 0.001))
                self.behind_s = -early
                self.most_behind_s = max(self.most_behind_s, -early)
                self._say(moment)
            lap += 1

    def _say(self, moment: Moment) -> None:
        market = self.markets[moment.symbol]
        if moment.channel == BOOK:
            self._change(market)
            return
        for connection in list(self.connections.values()):
            if connection.wants(moment.channel, market):
                connection.send(self._recording.say(connection.peer, moment))

    def _change(self, market: Market) -> None:
        market.step()
        self.protocol.happened(market)
        for connection in list(self.connections.values()):
            connection.offer(self.protocol, market, self.script)
            if self._recording.has_trades or not connection.wants(TRADE, market):
                continue
            for made in market.made:
                connection.send(self.protocol.trade(connection.peer, market, made))

    def halt(self) -> None:
        """Let the last event of each book happen."""
        super().halt()
        self._recording.end()
        for market in self.markets.values():
            self._change(market)


def _book(market: Market) -> dict[str, list[list[str]]]:
    return {
        name: [
            [market.book.price(price), market.book.quantity(quantity)]
            for price, quantity in market.levels(bid)[:LEVELS]
        ]
        for name, bid in (("bids", True), ("asks", False))
    }


def _exchanges(options: argparse.Namespace) -> list[Exchange]:
    if options.shared is None:
        rate = MADE_UP_RATE * options.speed
        return [Exchange(each, rate=rate) for each in made_up(options.seed)]
    return [PlayedExchange(each, options.speed) for each in recordings(options.shared)]


def _count(exchanges: list[Exchange]) -> dict[str, Any]:
    return {
        each.protocol.exchange: {
            "sent": each.messages,
            "snapshots": each.snapshots,
            "opened": each.opened,
            "too_fast": each.too_fast,
            "behind_s": round(getattr(each, "behind_s", 0.0), 3),
            "most_behind_s": round(getattr(each, "most_behind_s", 0.0), 3),
        }
        for each in exchanges
    }


async def _serve(options: argparse.Namespace) -> None:
    exchanges = _exchanges(options)
    for each in exchanges:
        await each.start()
    rows = [
        {
            "exchange": each.protocol.exchange,
            "symbols": list(each.markets),
            "rest": each.rest_url,
            "stream": each.stream_url,
        }
        for each in exchanges
    ]
    print(json.dumps(rows), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        if line.strip() == "stop":
            for each in exchanges:
                each.halt()
            answer: Any = {
                each.protocol.exchange: {
                    name: _book(market) for name, market in each.markets.items()
                }
                for each in exchanges
            }
        elif line.strip() == "count":
            answer = _count(exchanges)
        else:
            answer = None
            for each in exchanges:
                each.apply(Fault(line.strip()))
        print(json.dumps(answer), flush=True)
    for each in exchanges:
        await each.stop()


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description="Exchanges on localhost that play recordings.")
    parser.add_argument("--shared", type=Path, help="folder of the recordings; made up by default")
    parser.add_argument("--speed", type=float, default=20, help="times the recorded pace")
    parser.add_argument("--seed", type=int, default=1, help="of what is made up")
    asyncio.run(_serve(parser.parse_args(arguments)))


if __name__ == "__main__":
    main(sys.argv[1:])
