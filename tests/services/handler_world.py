"""A real execution handler and a real quote server beside a simulated exchange in this process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zmq.asyncio
from handler_processes import Zygote, is_alive, tell
from kill_venues import SCENES, Scene, free_port
from waits import until

from alp._core.wire import GateMessage, HeaderFields, HeartbeatMessage, QuotesMessage, encode
from alp.bus.commands import CommandClient
from alp.bus.sockets import CurveKeys
from alp.journal.folder import Folder
from alp.journal.read import JournalState, read_journal
from alp.paper.accounts import WITHDRAW_KEY, WITHDRAW_SECRET
from alp.paper.desk import Desk
from alp.paper.exchange import Exchange
from alp.paper.orders import Order, Ticket

SECOND = 10**9
SOON_S = 30.0
MANIFEST = """\
apiVersion: alp.dev/v1alpha1
kind: Strategy
metadata: {{name: handled}}
spec:
  mode: {mode}
  pool: {{chain: ethereum, base: WETH, quote: USDC, feeTier: 500}}
  inventory: {{base: "1", quote: "2500"}}
  venues:
  - name: venue
    exchange: {exchange}
    symbol: {symbol}
{endpoints}
    order: {{maxBase: "2"}}
  limits:
    {{maxNetBase: "2000", maxVenueBase: "2000", maxOrderNotional: "20000", maxDataAge: 1500ms}}
  execution:
    {{ordersPerSecond: 200, burst: 200, fillBurst: 64, fillWindow: 100ms, quoteAge: 3s,
      stopWithin: {stop_within}}}
"""


@dataclass
class Handler:
    """A process, by the names of its files."""

    pid: int
    log: Path
    port: int
    commands: str

    @property
    def alive(self) -> bool:
        return is_alive(self.pid)

    @property
    def text(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def signal(self, number: int) -> None:
        tell(self.pid, number)

    async def status(self) -> int:
        """Wait until it has ended; return with which status."""
        path = self.log.with_name(self.log.name + ".status")
        await until(lambda: not self.alive and path.exists(), SOON_S)
        return int(path.read_text())

    async def page(self, path: str) -> tuple[int, Any]:
        return await asyncio.to_thread(self._page, path)

    def _page(self, path: str) -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())
        except OSError as error:
            return 0, str(error)

    async def says(self, words: str) -> None:
        """Wait until /readyz says no, for a reason with these words."""
        end = time.monotonic() + SOON_S
        while True:
            status, page = await self.page("/readyz")
            if status == 503 and words in json.dumps(page):
                return
            assert time.monotonic() < end, (status, page, self.text[-2000:])
            await asyncio.sleep(0.05)


@dataclass
class World:
    """The exchange, and how processes are started beside it."""

    folder: Path
    scene: Scene
    exchange: Exchange
    zygote: Zygote
    context: zmq.asyncio.Context
    handlers: list[Handler] = field(default_factory=list)
    quotes: Handler | None = None
    token: int = 0
    curve: CurveKeys | None = None

    @property
    def desk(self) -> Desk:
        side = self.exchange.protocol.private
        assert side is not None
        return side.desk

    def live(self) -> list[Order]:
        return list(self.desk.open_orders("first"))

    def ids(self) -> set[str]:
        return {each.ticket.client_id for each in self.live()}

    def end(self, name: str) -> str:
        return f"ipc://{self.folder}/{name}.ipc"

    def write_manifest(
        self, *, mode: str = "paper", stop_within: str = "5s", endpoints: bool = True
    ) -> None:
        rest, stream = self.exchange.rest_url, self.exchange.stream_url
        text = MANIFEST.format(
            exchange=self.scene.name,
            symbol=self.scene.symbol,
            mode=mode,
            stop_within=stop_within,
            endpoints=f'    endpoints: {{rest: "{rest}", stream: "{stream}"}}' if endpoints else "",
        )
        self.manifest.write_text(text)

    @property
    def manifest(self) -> Path:
        return self.folder / "strategy.yaml"

    async def serve_quotes(self, *more: str) -> Handler:
        log = self.folder / f"quotes-{len(self.handlers)}.log"
        arguments = ["quote-server", str(self.manifest), "--publish", self.end("quotes")]
        arguments += ["--recall", self.end("quotes.recall"), *more]
        pid = await self.zygote.start(arguments, log)
        self.quotes = Handler(pid, log, 0, "")
        self.handlers.append(self.quotes)
        return self.quotes

    async def start(
        self, name: str = "a", port: int = 0, more: Sequence[str] = (), **environment: str
    ) -> Handler:
        number = len(self.handlers)
        log, port = self.folder / f"handler-{number}.log", port or free_port()
        commands = self.end(f"commands-{name}")
        zygote = self.zygote
        arguments = [
            *("--log-level", "debug", "exec-handler", str(self.manifest), "--venue", "venue"),
            *("--state", str(self.folder / "state"), "--health", f"127.0.0.1:{port}"),
            *("--commands", commands, "--publish", self.end(f"orders-{name}")),
            *("--recall", self.end(f"orders-{name}.recall"), "--quotes", self.end("quotes")),
            *("--quotes-recall", self.end("quotes.recall"), *more),
        ]
        if environment:
            async with Zygote(environment) as zygote:
                pid = await zygote.start(arguments, log)
        else:
            pid = await zygote.start(arguments, log)
        found = Handler(pid, log, port, commands)
        self.handlers.append(found)
        return found

    async def ready(self, handler: Handler) -> GateMessage:
        """Wait until it may act."""
        end = time.monotonic() + SOON_S
        while True:
            gate = await self.gate(handler)
            if gate is not None and not gate.closed:
                self.token = gate.token
                return gate
            assert handler.alive, handler.text
            assert time.monotonic() < end, (gate, handler.text)
            await asyncio.sleep(0.02)

    async def gate(self, handler: Handler) -> GateMessage | None:
        message = HeartbeatMessage(HeaderFields(2, 0, 1, 0, 0), 0, 0)
        try:
            answer = await self.ask(handler, message)
        except TimeoutError:
            return None
        assert isinstance(answer, GateMessage)
        return answer

    async def ask(self, handler: Handler, message: Any, times: int = 1) -> Any:
        with CommandClient(self.context, handler.commands, self.curve) as client:
            return await client.ask(encode(message), timeout_s=1.0, times=times)

    def touch(self) -> tuple[int, int]:
        touch = self.exchange.markets[self.scene.feed_symbol].book.touch()
        assert touch is not None
        return touch[0], touch[2]

    def wish(self, levels: int = 2, *, away: int = 20, until_s: float = 3.0) -> QuotesMessage:
        """A ladder beside the touch: so far from it that it is not filled soon."""
        bid, ask = self.touch()
        lot = self.scene.lots_per_base // 20
        now = time.time_ns()
        return QuotesMessage(
            HeaderFields(2, 0, 1, 0, now),
            self.token,
            now + int(until_s * SECOND),
            tuple((bid - away - n, lot + n) for n in range(levels)),
            tuple((ask + away + n, lot + n) for n in range(levels)),
            1,
        )

    @contextlib.contextmanager
    def quoting(self, handler: Handler, *, still: bool = False, **wish: Any) -> Iterator[None]:
        """Renew a wish again and again; it follows the market unless it is still."""
        task = asyncio.create_task(self._quote(handler, still, wish))
        try:
            yield
        finally:
            task.cancel()

    async def _quote(self, handler: Handler, still: bool, wish: dict[str, Any]) -> None:
        first = self.wish(**wish)
        with CommandClient(self.context, handler.commands, self.curve) as client:
            while True:
                message = self.wish(**wish)
                if still:
                    message = message._replace(bids=first.bids, asks=first.asks)
                with contextlib.suppress(TimeoutError):
                    await client.ask(encode(message), timeout_s=0.5, times=1)
                await asyncio.sleep(0.1)

    async def resting(self, count: int = 4) -> None:
        """Wait until so many orders rest at the exchange."""
        try:
            await until(lambda: len(self.live()) == count, SOON_S)
        except AssertionError:
            texts = "\n".join(each.text[-3000:] for each in self.handlers)
            raise AssertionError(f"{len(self.live())} orders rest, not {count}\n{texts}") from None

    def foreign(self, client_id: str = "somebody-else") -> Order:
        """Another program of the account places an order."""
        bid, _ = self.touch()
        ticket = Ticket(self.scene.symbol, True, self.scene.lots_per_base // 10, bid - 500)
        ticket.notes = {"type": "LIMIT", "tif": "GTC"}
        ticket.client_id = client_id
        return self.desk.place("first", ticket)

    def journal(self) -> JournalState:
        """What the handlers' journal leads to."""
        (folder,) = (each for each in (self.folder / "state").iterdir() if each.is_dir())
        state = read_journal(Folder(folder))
        assert state is not None
        return state

    def check_logs(self) -> None:
        """No key is in what any process wrote."""
        keys = [*self.scene.keys(self.folder).values(), WITHDRAW_KEY, WITHDRAW_SECRET]
        for path in self.folder.glob("*.log"):
            found = [each for each in keys if each in path.read_text()]
            assert not found, (path.name, found)


@asynccontextmanager
async def world(
    folder: Path, venue: str = "binance-usdm", *, stop_within: str = "5s", quotes: bool = True
) -> AsyncIterator[World]:
    """An exchange with a book that moves, and a quote server."""
    scene = SCENES[venue]
    exchange = scene.exchange()
    context = zmq.asyncio.Context()
    async with exchange, Zygote(scene.keys(folder)) as zygote:
        made = World(folder, scene, exchange, zygote, context)
        made.write_manifest(stop_within=stop_within)
        try:
            if quotes:
                await made.serve_quotes()
            yield made
            made.check_logs()
        finally:
            for each in made.handlers:
                each.signal(signal.SIGKILL)
            context.destroy(linger=0)
