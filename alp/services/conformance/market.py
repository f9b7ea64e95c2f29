"""Conformance cases of market data: gaps, old snapshots and checksums."""

from __future__ import annotations

import asyncio
from typing import Any

from alp.services.conformance.world import (
    Control,
    LeftOut,
    World,
    check,
    is_live,
    market_session,
    until,
)
from alp.venues.http import Budget, Http
from alp.venues.market.session import MarketSession
from alp.venues.registry import adapter_for

STEPS = 10
CHECKED = ("kraken-spot",)


async def _same(control: Control, world: World, session: MarketSession) -> bool:
    """Whether the book's touch is the venue's."""
    connection = session.connection
    found = None if connection is None or not is_live(session) else connection.feed.touch(0)
    if found is None:
        return False
    instrument = world.instrument
    grids = (instrument.price, instrument.quantity) * 2
    touch = (await control.state())["touches"][instrument.feed_symbol]
    return found == tuple(grid.count(text) for grid, text in zip(grids, touch, strict=True))


async def _follows(control: Control, world: World, session: MarketSession) -> None:
    """Wait until the book is the venue's."""
    for _ in range(3000):
        if await _same(control, world, session):
            return
        await asyncio.sleep(0.01)
    check(False, "the book is not the venue's")


async def _damaged(world: World, fault: str) -> None:
    """Damage the stream of a live book: it is noticed, and the book is the venue's again."""
    control = world.control
    async with market_session(world.place) as session:
        await control.act("step", events=STEPS)
        await _follows(control, world, session)
        before = _invalid(session)
        await control.act("apply", fault=fault, count=2)
        for _ in range(200):
            await control.act("step", events=STEPS)
            if _invalid(session) > before:
                break
        await until(lambda: _invalid(session) > before, "it is noticed")
        await until(lambda: is_live(session), "the book is live again")
        await _follows(control, world, session)


def _invalid(session: MarketSession) -> int:
    counts = session.counts()
    return sum(counts[name] for name in counts if name.startswith("invalid"))


async def gap(world: World) -> None:
    """C17: a gap in the sequence makes the book invalid, and it is built anew."""
    await _damaged(world, "gap")


async def checksum(world: World) -> None:
    """C19: a checksum that is not the book's makes it invalid, and it is built anew."""
    if world.place.exchange not in CHECKED:
        raise LeftOut("the venue sends no checksums")
    await _damaged(world, "checksum")


async def old_snapshot(world: World) -> None:
    """C18: a snapshot that is older than the first difference is not built upon."""
    control, place = world.control, world.place
    adapter: Any = adapter_for(place.exchange, place.endpoints)
    if not adapter.rest_snapshots:
        raise LeftOut("books begin on the stream itself, with a snapshot in sequence")
    async with Http(adapter.endpoints.rest, Budget(10**6)) as http:
        old = await adapter.snapshot(http, world.instrument)
    await control.act("step", events=STEPS)
    asked, real = [], adapter.snapshot

    async def late(http: Http, instrument: object) -> bytes:
        asked.append(instrument)
        await control.act("step", events=STEPS)
        if len(asked) == 1:
            return bytes(old)
        return bytes(await real(http, instrument))

    adapter.snapshot = late
    async with market_session(place, adapter) as session:
        check(len(asked) > 1, "it built on a snapshot that is older than the differences")
        await _follows(control, world, session)
