"""A simulated chain in this process, as the port wants it: for tests and for one process of all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from alp.chain.port import Bundle, ChainEvent, ChainView, Mined, Outcome, Prepared
from alp.errors import RpcError
from alp.paper.pool.chain import SimulatedChain
from alp.paper.pool.script import ChainFault


class LocalChain:
    """A :class:`~alp.chain.port.Chain` over a simulated one.

    Whoever calls :meth:`mine` lets time pass.
    """

    def __init__(self, chain: SimulatedChain, account: str) -> None:
        self.chain = chain
        self._account = account
        self._followers: set[asyncio.Queue[ChainEvent]] = set()

    @property
    def chain_id(self) -> int:
        """EIP-155 id."""
        return self.chain.settings.chain_id

    def mine(self) -> list[ChainEvent]:
        """Let a slot pass."""
        events = self.chain.mine()
        for event in events:
            for queue in self._followers:
                queue.put_nowait(event)
        return events

    async def events(self) -> AsyncIterator[ChainEvent]:
        """Yield the present head as Mined, then what happens."""
        queue: asyncio.Queue[ChainEvent] = asyncio.Queue()
        self._followers.add(queue)
        try:
            yield self.chain.recent(1)[0]
            while True:
                yield await queue.get()
        finally:
            self._followers.discard(queue)

    async def recent(self, blocks: int) -> list[Mined]:
        """Return at most so many of the last blocks."""
        return self.chain.recent(blocks)

    async def view(self, block_hash: str | None = None) -> ChainView:
        """Return everything at a block."""
        return self.chain.view(self._account, block_hash)

    def prepare(self, bundle: Bundle) -> Prepared:
        """Write a transaction down."""
        return self.chain.prepare(self._account, bundle)

    async def send(self, prepared: Prepared) -> None:
        """Hand a transaction over."""
        fault = self.chain.send(prepared.raw)
        if fault in (ChainFault.LOSE_REQUEST, ChainFault.LOSE_ANSWER):
            raise RpcError("the connection to the chain ended")

    async def outcome(self, tx: str) -> Outcome:
        """Return what became of a transaction."""
        return self.chain.outcome(tx)

    async def close(self) -> None:
        """Nothing is held."""
