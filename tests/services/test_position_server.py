"""The position server as a process, beside a real handler at a simulated exchange."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest
import zmq
from position_world import Positions, played, positions
from waits import until

from alp._core.wire import HeaderFields, InventoryMessage, PositionMessage, decode, encode
from alp.bus.sockets import Publisher, Subscriber
from alp.bus.sources import COMBINED, Source
from alp.ledger.accounts import Account, Kind

pytestmark = pytest.mark.timed
SOON_S = 30.0


async def _traded(here: Positions, count: int = 5) -> None:
    await until(lambda: sum(here.exchange_trades().values()) >= count, SOON_S)


@pytest.mark.parametrize("venue", ["binance-usdm", "binance-spot"])
@played
async def test_what_the_exchange_filled_is_in_the_ledger_once(tmp_path: Path, venue: str) -> None:
    async with positions(tmp_path, venue) as here:
        handler = await here.world.start()
        await here.world.ready(handler)
        server = await here.start()
        await here.ready(server)
        with here.world.quoting(handler, away=0):
            await _traded(here)
        await until(lambda: not here.world.live(), SOON_S)
        await here.agree()
        # Of contracts the balance follows with the next settlement that was read.
        await until(lambda: here.cash() == here.exchange_cash(), SOON_S)
        _, pnl = await server.page("/pnl")
        assert sum(int(each) for each in pnl["attribution_x96"].values()) == int(pnl["nav_x96"])
        assert pnl["unpriced"] == []
        _, page = await server.page("/positions")
        assert page["accounts"][here.owner]["closes_gate"] == []
        server.signal(signal.SIGTERM)
        assert await server.status() == 0
        here.verify()


@played
async def test_the_ledger_may_be_in_postgresql(tmp_path: Path, postgres_url: str) -> None:
    async with positions(tmp_path, ledger=postgres_url) as here:
        handler = await here.world.start()
        await here.world.ready(handler)
        server = await here.start()
        await here.ready(server)
        with here.world.quoting(handler, away=0):
            await _traded(here)
        await here.agree()
        _, page = await server.page("/readyz")
        assert "password" not in page["ledger"]
        assert "kept-0ut-0f-logs" not in server.text + str(page)
        here.verify()


@played
async def test_it_says_on_the_bus_what_is_held_and_tells_late_readers(tmp_path: Path) -> None:
    async with positions(tmp_path) as here:
        handler = await here.world.start()
        await here.world.ready(handler)
        server = await here.start()
        await here.ready(server)
        with here.world.quoting(handler, away=0):
            await _traded(here)
        await until(lambda: not here.world.live(), SOON_S)
        await here.agree()
        plain: zmq.Context[zmq.Socket[bytes]] = zmq.Context.shadow(here.world.context)
        where = here.world.end("positions"), here.world.end("positions.recall")
        end = time.monotonic() + SOON_S
        with Subscriber(plain, [where]) as reader:
            while True:
                told = [decode(each) for each in await asyncio.to_thread(reader.recall)]
                told += [decode(each) for each in reader.drain()]
                combined = {
                    each.base
                    for each in told
                    if isinstance(each, InventoryMessage) and each.header.instrument == COMBINED
                }
                lots = {each.quantity for each in told if isinstance(each, PositionMessage)}
                base = here.exchange_base()
                raw = base * 10**18 // here.world.scene.lots_per_base
                if raw in combined and base in lots:
                    break
                assert time.monotonic() < end, (combined, lots, raw)
                await asyncio.sleep(0.2)


@played
async def test_a_trade_of_somebody_else_closes_the_gate_and_is_named(tmp_path: Path) -> None:
    async with positions(tmp_path) as here:
        handler = await here.world.start()
        await here.world.ready(handler)
        server = await here.start()
        await here.ready(server)
        await asyncio.sleep(6)  # the venue may list late; what is younger is underway
        _buy(here)
        await until(lambda: "NOT_BOOKED" in server.text, SOON_S)
        await handler.says("positions: NOT_BOOKED")
        status, page = await server.page("/readyz")
        assert status == 503
        assert "NOT_BOOKED" in str(page["reasons"])
        # Started again it reads what the venue lists; then all agrees, and the gate is let go.
        server.signal(signal.SIGTERM)
        assert await server.status() == 0
        server = await here.start()
        await here.ready(server)
        await here.agree()
        await here.world.ready(handler)


@played
async def test_money_that_is_gone_closes_the_gate_and_names_the_entry(tmp_path: Path) -> None:
    async with positions(tmp_path, "binance-spot") as here:
        handler = await here.world.start()
        await here.world.ready(handler)
        server = await here.start()
        await here.ready(server)
        account = here.world.desk.accounts.by_name["first"]
        account.change("USDC", -1)
        await handler.says("BALANCE venue:binance-spot-venue:USDC")
        _, page = await server.page("/readyz")
        entry = here.snapshot().last_entries[Account(Kind.VENUE, here.owner, "USDC")]
        assert f"entry {entry} BALANCE" in str(page["reasons"])
        account.change("USDC", 1)
        await here.ready(server)
        await until(lambda: "agree again" in server.text, SOON_S)
        gate = await here.world.ready(handler)
        assert not gate.closed


@played
async def test_what_a_person_accepts_is_booked_with_the_reason(tmp_path: Path) -> None:
    async with positions(tmp_path, "binance-spot") as here:
        handler = await here.world.start()
        await here.world.ready(handler)
        server = await here.start()
        await here.ready(server)
        server.signal(signal.SIGTERM)
        assert await server.status() == 0
        here.world.desk.accounts.by_name["first"].change("USDC", 5 * 10**8)
        server = await here.start("--accept", "a deposit of five")
        await here.ready(server)
        assert here.cash() == here.exchange_cash()
        _, page = await server.page("/pnl")
        assert page["attribution"]["adjustment"] == "5"
        await here.world.ready(handler)


@played
async def test_the_pools_leg_is_heard_and_booked(tmp_path: Path) -> None:
    async with positions(tmp_path) as here:
        handler = await here.world.start()
        await here.world.ready(handler)
        plain: zmq.Context[zmq.Socket[bytes]] = zmq.Context.shadow(here.world.context)
        where = here.world.end("lp"), here.world.end("lp.recall")
        with Publisher(plain, *where, int(Source.LP_AGENT)) as agent:
            server = await here.start()
            await here.ready(server)
            held = Account(Kind.LP, "ethereum:handled", "WETH")
            for base in (10**18, 9 * 10**17):
                header = HeaderFields(int(Source.LP_AGENT), 0, 0, time.time_ns(), 0)
                agent.publish(encode(InventoryMessage(header, base, 2500 * 10**6, 0, 7, 1)))
                await until(lambda: here.snapshot().balances.get(held) == base, SOON_S)  # noqa: B023
        server.signal(signal.SIGTERM)
        assert await server.status() == 0
        here.verify()


@played
async def test_of_two_servers_the_later_one_has_the_ledger(tmp_path: Path) -> None:
    async with positions(tmp_path) as here:
        handler = await here.world.start()
        await here.world.ready(handler)
        server = await here.start()
        await here.ready(server)
        other = await here.start(
            "--publish", here.world.end("other"), "--recall", here.world.end("other.recall")
        )
        await here.ready(other)
        assert await server.status() == 3
        assert "taken over" in server.text


def _buy(here: Positions) -> None:
    """Another program of the account takes what is offered."""
    from alp.paper.orders import Ticket

    scene = here.world.scene
    _, ask = here.world.touch()
    ticket = Ticket(scene.symbol, True, scene.lots_per_base // 100, ask + 100)
    ticket.notes = {"type": "LIMIT", "tif": "GTC"}
    ticket.client_id = "somebody-else"
    here.world.desk.place("first", ticket)
