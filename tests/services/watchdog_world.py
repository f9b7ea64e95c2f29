"""A watchdog over an account at a simulated venue, and a handler that is heard or is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import zmq
from account_worlds import KINDS, World, account_at, exchange_of
from cryptography.hazmat.primitives.asymmetric import ec
from kill_venues import SCENES
from waits import until

from alp._core.wire import HeaderFields, HeartbeatMessage, encode
from alp.bus.addresses import recall_endpoint
from alp.bus.sockets import Publisher
from alp.bus.sources import Source
from alp.paper.accounts import READ, SECRET, SECRET_BASE64, TRADE, ApiKey, pem_of
from alp.services.execution.setup import account_name, tag_of
from alp.services.execution.watchdog import Watchdog, WatchPlacement
from alp.strategy.loading import load_manifest
from alp.venues.credentials import Credentials, Secret, credentials_of
from alp.venues.orders import Command

SECOND = 10**9
AFTER_NS = SECOND
BEAT_S = 0.05
MANIFEST = """\
apiVersion: alp.dev/v1alpha1
kind: Strategy
metadata: {{name: watched}}
spec:
  pool: {{chain: ethereum, base: WETH, quote: USDC, feeTier: 500}}
  inventory: {{base: "1", quote: "2500"}}
  venues:
  - name: venue
    exchange: {exchange}
    symbol: {symbol}
    endpoints: {{rest: "{rest}", stream: "{stream}"}}
    order: {{maxBase: "2"}}
  limits: {{maxNetBase: "100000", maxVenueBase: "100000", maxOrderNotional: "20000"}}
  execution: {{ordersPerSecond: 200, burst: 200, quoteAge: 60s}}
"""


def watchdog_key(exchange: str) -> tuple[Credentials, dict[str, str]]:
    """A second key of the account, and the files in which it is mounted."""
    if exchange == "coinbase-spot":
        name = "organizations/org-1/apiKeys/watchdog"
        pem = pem_of(ec.derive_private_key(4711, ec.SECP256R1()))
        files = {"key": name, "private-key.pem": pem.reveal()}
        return credentials_of(name, private_key=pem), files
    secret = SECRET_BASE64 if exchange.startswith("kraken") else SECRET
    return credentials_of("watchdog-key", secret=Secret(secret)), {
        "key": "watchdog-key",
        "secret": secret,
    }


class Watched:
    """The venue, the account's orders, and the handler's voice."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.folder = folder
        exchange = world.exchange
        name = exchange.protocol.exchange
        self.text = MANIFEST.format(
            exchange=name,
            symbol=world.kind.symbol,
            rest=exchange.rest_url,
            stream=exchange.stream_url,
        )
        self.strategy = load_manifest(self.text)
        self.tag = tag_of(self.strategy, account_name(self.strategy.spec.venues[0]))
        credentials, files = watchdog_key(name)
        self.key = ApiKey(credentials, frozenset({READ, TRADE}))
        world.desk.accounts.by_name["first"].keys.append(self.key)
        (folder / "keys").mkdir()
        for file, content in files.items():
            (folder / "keys" / file).write_text(content)
        self.endpoint = f"ipc://{folder}/orders.ipc"
        self.placement = WatchPlacement(
            "venue", folder, [self.endpoint], AFTER_NS, folder / "keys", "127.0.0.1:0"
        )
        self._voice: asyncio.Task[None] | None = None

    def account_keys(self) -> dict[str, str]:
        """The environment with the handler's own keys."""
        return SCENES[self.world.exchange.protocol.exchange].keys(self.folder)

    def ours(self, number: int) -> str:
        return f"{self.tag}-000001{number:06d}"

    def open(self) -> set[str]:
        return {each.ticket.client_id for each in self.world.open()}

    async def place(self, *client_ids: str) -> None:
        """Let orders rest; each is larger than the one before."""
        rates = self.world.session.rates
        for number, client_id in enumerate(client_ids):
            # What finds no budget is refused, and beginning took a part of it.
            await until(lambda: all(left > 5 for left in rates.left().values()))
            command: Command = self.world.new(client_id, 1900 + number, 1 + number)
            self.world.session.send([command])
            await until(lambda name=client_id: name in self.open())

    async def speak(self, source: int = int(Source.EXECUTION)) -> None:
        """Let heartbeats be heard from now on."""
        self._voice = asyncio.create_task(self._beat(source))
        await asyncio.sleep(0)

    async def hush(self) -> None:
        if self._voice is not None:
            self._voice.cancel()
            await asyncio.wait([self._voice])
            self._voice = None

    async def _beat(self, source: int) -> None:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        voice = Publisher(context, self.endpoint, recall_endpoint(self.endpoint), source)
        try:
            while True:
                header = HeaderFields(source, 0, 0, 0, 0)
                voice.publish(encode(HeartbeatMessage(header, 1, 2)))
                await asyncio.sleep(BEAT_S)
        finally:
            voice.close()
            context.term()

    @asynccontextmanager
    async def dog(self) -> AsyncIterator[Watchdog]:
        """A watchdog that runs; it ends as by SIGTERM."""
        dog = Watchdog(self.strategy, self.placement)
        running = asyncio.create_task(dog.run())
        try:
            yield dog
            assert not running.done(), running.exception()
        finally:
            running.cancel()
            await asyncio.wait([running])


@asynccontextmanager
async def watched(name: str, folder: Path) -> AsyncIterator[Watched]:
    """An account at a venue that stands still; its own session only places orders."""
    assert name in KINDS
    async with exchange_of(name) as exchange, account_at(exchange, dead_man_ns=0) as world:
        found = Watched(world, folder)
        try:
            yield found
        finally:
            await found.hush()
