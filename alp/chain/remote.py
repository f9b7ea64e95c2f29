"""A chain in another process: the port over a Unix socket, one JSON value a line.

A request is ``{"id": N, "call": NAME, ...}`` and its answer ``{"id": N, "value": ...}`` or
``{"id": N, "error": TEXT, "refused": BOOL}``. Lines without an id are events; they begin when
``events`` was called. A connection that ends makes every open call fail; the next call makes a new
one.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from alp.chain.port import Bundle, ChainEvent, ChainView, Mined, Outcome, Prepared, SendRefused
from alp.chain.port_json import bundle_values, read_event, read_outcome, read_view
from alp.errors import ConfigError, DataError, RpcError

SCHEME = "paper://"
MOST_LINE = 1 << 26
ANSWER_S = 10.0


def socket_of(address: str) -> Path:
    """Return the socket that an address means: ``paper://PATH``.

    Raises
    ------
    ConfigError
        If it is no such address.
    """
    path = address.removeprefix(SCHEME)
    if not address.startswith(SCHEME) or not path.startswith("/"):
        raise ConfigError(
            f"{address}: not the address of a chain that alp can talk to",
            hint="a simulated one is paper:///PATH/OF/ITS/SOCKET, as `alp chain` prints it",
        )
    return Path(path)


def unsigned(account: str, bundle: Bundle) -> Prepared:
    """Return a transaction of a simulated chain, which trusts whoever reaches its socket."""
    raw = json.dumps(
        {"account": account, "bundle": bundle_values(bundle)},
        sort_keys=True,
        separators=(",", ":"),
    )
    return Prepared("0x" + hashlib.sha256(raw.encode()).hexdigest(), bundle.nonce, raw)


class RemoteChain:
    """A :class:`~alp.chain.port.Chain` behind a socket.

    Parameters
    ----------
    account
        Whose positions and tokens are seen, and whose transactions are sent.
    chain_id
        The chain must say that it is this one.
    """

    def __init__(self, path: Path, account: str, chain_id: int) -> None:
        self._path = path
        self._account = account
        self._chain_id = chain_id
        self._line: _Line | None = None
        self._connecting = asyncio.Lock()

    @property
    def chain_id(self) -> int:
        """EIP-155 id."""
        return self._chain_id

    async def events(self) -> AsyncIterator[ChainEvent]:
        """Yield the present head as Mined, then what happens."""
        line = await self._connected()
        await line.call("events")
        while True:
            yield await line.next_event()

    async def recent(self, blocks: int) -> list[Mined]:
        """Return at most so many of the last blocks with their logs."""
        found = [read_event(each) for each in await self._call("recent", blocks=blocks)]
        return [each for each in found if isinstance(each, Mined)]

    async def view(self, block_hash: str | None = None) -> ChainView:
        """Return everything at a block."""
        return read_view(await self._call("view", account=self._account, block=block_hash))

    def prepare(self, bundle: Bundle) -> Prepared:
        """Write a transaction down."""
        return unsigned(self._account, bundle)

    async def send(self, prepared: Prepared) -> None:
        """Hand a transaction over."""
        await self._call("send", raw=prepared.raw)

    async def outcome(self, tx: str) -> Outcome:
        """Return what became of a transaction."""
        return read_outcome(await self._call("outcome", tx=tx))

    async def control(self, **what: Any) -> Any:
        """Ask the simulation for what no real chain can do, see ``docs/lp-agent.md``."""
        return await self._call("control", **what)

    async def close(self) -> None:
        """Let the connection go."""
        if self._line is not None:
            await self._line.close()
            self._line = None

    async def _call(self, name: str, **arguments: Any) -> Any:
        line = await self._connected()
        return await line.call(name, **arguments)

    async def _connected(self) -> _Line:
        async with self._connecting:
            if self._line is None or self._line.ended:
                await self.close()
                line = await _Line.open(self._path)
                self._line = line
                told = await line.call("chain")
                if told != self._chain_id:
                    await self.close()
                    raise RpcError(f"{self._path}: is chain {told}, not {self._chain_id}")
            return self._line


class _Line:
    """One connection: answers go to who asked, events wait in a queue."""

    def __init__(
        self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._name = name
        self._reader, self._writer = reader, writer
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._events: asyncio.Queue[ChainEvent | None] = asyncio.Queue()
        self._last = 0
        self.ended = False
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, path: Path) -> _Line:
        try:
            reader, writer = await asyncio.open_unix_connection(path, limit=MOST_LINE)
        except OSError as error:
            raise RpcError(f"{path}: no chain there: {error.strerror or error}") from error
        return cls(str(path), reader, writer)

    async def call(self, name: str, **arguments: Any) -> Any:
        if self.ended:
            raise self._gone()
        self._last = number = self._last + 1
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        self._writer.write(json.dumps({"id": number, "call": name, **arguments}).encode() + b"\n")
        try:
            async with asyncio.timeout(ANSWER_S):
                return await answer
        except TimeoutError:
            await self.close()
            raise RpcError(f"{self._name}: no answer to {name} in {ANSWER_S:.0f} s") from None
        finally:
            self._asked.pop(number, None)

    async def next_event(self) -> ChainEvent:
        event = await self._events.get()
        if event is None:
            raise self._gone()
        return event

    def _gone(self) -> RpcError:
        return RpcError(f"{self._name}: the connection to the chain ended")

    async def _read(self) -> None:
        try:
            while line := await self._reader.readline():
                self._take(json.loads(line))
        except (OSError, ValueError, DataError):
            pass  # what cannot be read is no connection: whoever waits is told
        finally:
            self.ended = True
            self._writer.close()
            for answer in self._asked.values():
                if not answer.done():
                    answer.set_exception(self._gone())
            self._events.put_nowait(None)

    def _take(self, said: dict[str, Any]) -> None:
        if "id" not in said:
            self._events.put_nowait(read_event(said))
            return
        answer = self._asked.get(said["id"])
        if answer is None or answer.done():
            return
        if "error" in said:
            kind = SendRefused if said.get("refused") else RpcError
            answer.set_exception(kind(said["error"]))
        else:
            answer.set_result(said["value"])

    async def close(self) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
