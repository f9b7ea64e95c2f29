"""A simulated exchange with one account, and a strategy whose venue it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from alp.paper.accounts import COIN
from alp.paper.exchange import Exchange
from alp.paper.server import Wanted, exchange_of
from alp.strategy.loading import load_manifest
from alp.system.checks import Check
from alp.system.doctor import examine
from alp.system.surroundings import Ports, Surroundings

SYMBOLS = {
    "binance-usdm": ("ETHUSDC", "ETHUSDC"),
    "binance-spot": ("ETHUSDC", "ETHUSDC"),
    "coinbase-spot": ("ETH-USDC", "ETH-USD"),
    "kraken-spot": ("ETH/USDC", "ETH/USDC"),
    "kraken-futures": ("PF_ETHUSD", "PF_ETHUSD"),
}
MANIFEST = """\
apiVersion: alp.dev/v1alpha1
kind: Strategy
metadata: {{name: examined}}
spec:
  pool: {{chain: ethereum, base: WETH, quote: USDC, feeTier: 500}}
  inventory: {{base: "1", quote: "2500"}}
  venues:
  - name: here
    exchange: {exchange}
    symbol: {symbol}
    endpoints: {{rest: "{rest}", stream: "{stream}"}}
    order: {{maxBase: "2"}}
  limits: {{maxNetBase: "20", maxVenueBase: "15", maxOrderNotional: "20000", maxDataAge: 3s}}
"""


class Clinic:
    """An exchange, an account with keys, and a strategy that is examined beside them."""

    def __init__(self, folder: Path, name: str, rate: float = 0.0) -> None:
        self.folder = folder
        symbol, product = SYMBOLS[name]
        wanted = Wanted(
            name, (product,), keys=folder / "keys", accounts=("here",), base=7 * COIN, rate=rate
        )
        self.exchange: Exchange = exchange_of(wanted)
        (folder / "keys" / "here-2").rename(folder / "keys" / "here-watchdog")
        self.name, self.symbol = name, symbol

    @property
    def account(self) -> Any:
        side = self.exchange.protocol.private
        assert side is not None
        return side.desk.accounts.by_name["here"]

    def text(self) -> str:
        rest, stream = self.exchange.rest_url, self.exchange.stream_url
        return MANIFEST.format(exchange=self.name, symbol=self.symbol, rest=rest, stream=stream)

    async def examine(self, change: Callable[[str], str] = str) -> list[Check]:
        around = Surroundings(
            self.folder, self.folder / "state", Ports().next, secrets=self.folder / "keys"
        )
        strategy = load_manifest(change(self.text()))
        return await asyncio.to_thread(examine, strategy, around)


@asynccontextmanager
async def clinic(
    folder: Path, name: str = "binance-usdm", rate: float = 0.0
) -> AsyncIterator[Clinic]:
    made = Clinic(folder, name, rate)
    async with made.exchange:
        yield made
