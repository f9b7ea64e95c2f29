"""A simulated chain as a process: blocks in real time, and the port over a Unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

from alp.chain.port import SendRefused
from alp.chain.port_json import event_values, outcome_values, view_values
from alp.chain.remote import MOST_LINE
from alp.errors import ConfigError, RpcError
from alp.paper.pool.chain import SimulatedChain
from alp.paper.pool.script import ChainAct, ChainFault

logger = logging.getLogger(__name__)

MOST_UNSENT = 1 << 24
"""Bytes of events that a reader may leave unread before its connection ends."""


class Peer:
    """One connection."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.follows = False

    def tell(self, said: dict[str, Any]) -> None:
        """Send a line; a reader that does not read is let go."""
        if self.writer.is_closing():
            return
        self.writer.write(json.dumps(said).encode() + b"\n")
        if self.writer.transport.get_write_buffer_size() > MOST_UNSENT:
            self.end()

    def end(self) -> None:
        """Let the connection end without a word."""
        self.writer.transport.abort()


class ChainServer:
    """Serves one chain.

    Parameters
    ----------
    path
        Of the socket; nobody else may enter its folder.
    block_s
        Seconds of real time between two blocks; 0 mines only when told to.
    """

    def __init__(self, chain: SimulatedChain, path: Path, block_s: float) -> None:
        self.chain = chain
        self._path = path
        self._block_s = block_s
        self._peers: set[Peer] = set()
        self.calls: Counter[str] = Counter()
        self.reference: Fraction | None = None
        self.paused = False

    async def run(self, stop: asyncio.Event, served: Callable[[], None] = lambda: None) -> None:
        """Serve until told to stop.

        Raises
        ------
        ConfigError
            If the socket cannot be made.
        """
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        try:
            server = await asyncio.start_unix_server(
                self._meet, self._path, limit=MOST_LINE, start_serving=False
            )
        except OSError as error:
            raise ConfigError(f"{self._path}: no socket there: {error.strerror or error}") from None
        self._path.chmod(0o600)
        mining = asyncio.create_task(self._mine())
        try:
            await server.start_serving()
            served()
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait([mining, stopping], return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
        finally:
            mining.cancel()
            server.close()
            for peer in self._peers:
                peer.end()
            ended = await asyncio.gather(mining, return_exceptions=True)
            with contextlib.suppress(FileNotFoundError):
                self._path.unlink()
        for each in ended:
            if isinstance(each, Exception):
                raise each

    async def _mine(self) -> None:
        """Let a slot pass each time its time has come; one that was missed is not made up for."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due = max(due + self._block_s, loop.time())
            await asyncio.sleep(due - loop.time() if self._block_s else 3600.0)
            if self._block_s and not self.paused:
                self.mine()

    def mine(self) -> None:
        """Let a slot pass, and tell whoever follows."""
        before = self.chain.disconnects
        for event in self.chain.mine():
            values = event_values(event)
            for peer in self._peers:
                if peer.follows:
                    peer.tell(values)
        if self.chain.disconnects != before:
            self._disconnect()

    def refer(self, price: Fraction | None) -> None:
        """Take a price for made-up arbitrage to follow; None lets it wander from the last one."""
        self.reference = price

    def _disconnect(self) -> None:
        for peer in self._peers:
            peer.end()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(writer)
        self._peers.add(peer)
        try:
            while line := await reader.readline():
                self._answer(peer, line)
                await writer.drain()
        except (OSError, ValueError):
            logger.debug("a connection ended")  # as connections do
        finally:
            self._peers.discard(peer)
            peer.end()

    def _answer(self, peer: Peer, line: bytes) -> None:
        asked = json.loads(line)
        if not isinstance(asked, dict):
            raise ValueError("not a question")
        said: dict[str, Any] = {"id": asked.get("id")}
        name = str(asked.get("call"))
        self.calls[name] += 1
        try:
            ask = self._calls.get(name)
            if ask is None:
                raise RpcError(f"there is no call {name}")
            said["value"] = ask(self, peer, asked)
        except SendRefused as error:
            said |= {"error": error.message, "refused": True}
        except RpcError as error:
            said |= {"error": error.message, "refused": False}
        except (KeyError, TypeError, AttributeError) as error:
            said |= {"error": f"{name}: {error!r}", "refused": False}
        peer.tell(said)

    # the calls

    def _chain(self, peer: Peer, asked: dict[str, Any]) -> int:
        return self.chain.settings.chain_id

    def _events(self, peer: Peer, asked: dict[str, Any]) -> None:
        peer.follows = True
        peer.tell(event_values(self.chain.recent(1)[0]))

    def _recent(self, peer: Peer, asked: dict[str, Any]) -> list[Any]:
        return [event_values(each) for each in self.chain.recent(asked["blocks"])]

    def _view(self, peer: Peer, asked: dict[str, Any]) -> dict[str, Any]:
        return view_values(self.chain.view(asked["account"], asked["block"]))

    def _send(self, peer: Peer, asked: dict[str, Any]) -> None:
        fault = self.chain.send(asked["raw"])
        if fault in (ChainFault.LOSE_REQUEST, ChainFault.LOSE_ANSWER):
            peer.end()

    def _outcome(self, peer: Peer, asked: dict[str, Any]) -> list[Any]:
        return outcome_values(self.chain.outcome(asked["tx"]))

    def _control(self, peer: Peer, asked: dict[str, Any]) -> Any:
        """Do what only a simulation can: mine, pause, take a price or a fault, tell its counts."""
        if "reference" in asked:
            self.refer(Fraction(str(asked["reference"])))
        if "fault" in asked:
            more = dict(asked["fault"])
            self.chain.script.acts.append(ChainAct(ChainFault(more.pop("fault")), **more))
        if "pause" in asked:
            self.paused = bool(asked["pause"])
        for _ in range(int(asked.get("mine", 0))):
            self.mine()
        return {
            "number": self.chain.head.number,
            "waiting": self.chain.waiting,
            "counts": self.chain.counts,
            "calls": dict(self.calls),
        }

    _calls: ClassVar[dict[str, Callable[[ChainServer, Peer, dict[str, Any]], Any]]] = {
        "chain": _chain,
        "events": _events,
        "recent": _recent,
        "view": _view,
        "send": _send,
        "outcome": _outcome,
        "control": _control,
    }
