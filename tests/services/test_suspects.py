"""Orders that a damaged journal does not vouch for: what the venue made of them is told once."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest
from handler_world import SOON_S, Handler, World, world
from waits import run, until

from alp._core.gate import GateState
from alp._core.journal_records import FILE_HEAD_BYTES, RecordKind, whole_records
from alp._core.wire import (
    ExecutionReportMessage,
    GateMessage,
    HeaderFields,
    RecallMessage,
    encode,
)
from alp.bus.commands import CommandClient
from alp.journal.folder import SEGMENT, Folder
from alp.journal.layout import decode
from alp.paper.market import Event
from alp.paper.orders import Order

pytestmark = pytest.mark.timed


def spoil(here: World) -> None:
    """Damage the journal right before the first order in it."""
    (folder,) = (each for each in (here.folder / "state").iterdir() if each.is_dir())
    for _, path in Folder(folder).files(SEGMENT):
        data = bytearray(path.read_bytes())
        for offset, size in whole_records(bytes(data), FILE_HEAD_BYTES):
            record = decode(bytes(data), offset, size)
            if record is not None and record.kind is RecordKind.INTENT:
                data[offset + 60] ^= 1
                path.write_bytes(data)
                return
    raise AssertionError("there is no order in the journal")


def buy_up_to(here: World, order: Order) -> None:
    """Let the market trade through an ask."""
    made = Event([], trades=((True, order.price, 10**9),))
    here.exchange.happen(here.scene.feed_symbol, made)


async def reports(here: World, handler: Handler) -> list[ExecutionReportMessage]:
    with CommandClient(here.context, handler.commands) as client:
        ask = RecallMessage(HeaderFields(2, 0, 1, 0, 0), here.token, 0)
        gate, *found = await client.ask_all(encode(ask))
    assert isinstance(gate, GateMessage)
    return found


async def position(handler: Handler) -> int:
    _, page = await handler.page("/readyz")
    (found,) = page["positions"].values()
    return int(found)


@pytest.mark.parametrize("venue", ["binance-usdm", "kraken-spot", "coinbase-spot"])
def test_what_became_of_them_while_nobody_looked(tmp_path: Path, venue: str) -> None:
    async def test() -> None:
        async with world(tmp_path, venue) as here:
            first = await here.start()
            await here.ready(first)
            before = await position(first)
            with here.quoting(first, still=True, away=300):
                await here.resting(4)
                first.signal(signal.SIGKILL)
                await until(lambda: not first.alive)
            ids = here.ids()
            assert len(ids) == 4
            spoil(here)
            asks = sorted((each for each in here.live() if not each.ticket.bid), key=_price)
            sold, cancelled = asks
            buy_up_to(here, sold)
            here.desk.cancel(cancelled)
            open_before = here.ids()
            traded = [each.order.ticket.client_id for each in here.desk.trades_of("first")]
            assert traded == [sold.ticket.client_id]

            again = await here.start()
            gate = await here.ready(again)
            assert gate.code == GateState.ACTIVE
            doubts = [each for each in again.text.splitlines() if "does not vouch for" in each]
            assert len(doubts) == 1, again.text
            # The damaged record cannot be read: the venue alone may know of its order.
            assert sum(name in doubts[0] for name in ids) >= 3, again.text
            await until(lambda: not here.live(), SOON_S)  # adopted, and nobody wants them
            end: list[ExecutionReportMessage] = []
            while not any(each.last_quantity for each in end):
                end = await reports(here, again)
                await asyncio.sleep(0.05)
            fills = [(each.client_id, each.last_quantity) for each in end if each.last_quantity]
            assert fills == [(sold.ticket.client_id, sold.ticket.quantity)]
            told = {each.client_id for each in end if each.state}
            assert told >= open_before
            assert await position(again) - before == -sold.ticket.quantity
            again.signal(signal.SIGTERM)
            assert await again.status() == 0, again.text

    run(test())


def _price(order: Order) -> int:
    return order.price
