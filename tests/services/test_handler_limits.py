"""The limits of a running handler: each refused with its code, counted, logged and acted upon."""

from __future__ import annotations

import asyncio
import re
import signal
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from handler_world import SOON_S, Handler, World, world
from kill_venues import RATE, SCENES, Scene
from test_exec_handler import own_tag
from waits import run, until

from alp._core.gate import GateState, Refusal
from alp._core.wire import (
    ExecutionReportMessage,
    HeaderFields,
    OrderCommandMessage,
    QuotesMessage,
    encode,
)
from alp.bus.commands import CommandClient
from alp.journal.ids import ClientIds
from alp.paper.exchange import Exchange
from alp.paper.orders import Kind, Report, Ticket
from alp.paper.venues import VENUES, made_up

pytestmark = pytest.mark.timed
SECOND = 10**9
ORDERS = 200


def limited(here: World, **values: object) -> None:
    """Write the manifest again with other limits."""
    text = here.manifest.read_text()
    for name, value in values.items():
        text, changed = re.subn(rf"\b{name}: [^,}}]+", f"{name}: {value}", text)
        if not changed:
            section = "execution" if name == "collarBurst" else "limits"
            text = re.sub(rf"({section}:\s+{{)", rf"\g<1>{name}: {value}, ", text)
    here.manifest.write_text(text)


@dataclass
class Sender:
    """Sends single orders and says what became of them."""

    here: World
    handler: Handler

    def __post_init__(self) -> None:
        self.ids = ClientIds(own_tag(self.here), self.here.token, counter=18 * 36**5)

    async def order(self, **fields: Any) -> Refusal | None:
        bid, _ = self.here.touch()
        asked = OrderCommandMessage(
            HeaderFields(2, 0, 1, 0, 0),
            self.ids.next(),
            self.here.token,
            bid - 50,
            20,
            0,
            1,
            1,
            1,
            1,
        )
        answer = await self.here.ask(self.handler, asked._replace(**fields))
        assert isinstance(answer, ExecutionReportMessage)
        return Refusal(answer.refusal) if answer.refusal else None


async def metrics(handler: Handler) -> dict[str, float]:
    def read() -> str:
        url = f"http://127.0.0.1:{handler.port}/metrics"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return str(answer.read().decode())

    found = {}
    for line in (await asyncio.to_thread(read)).splitlines():
        if line.startswith("alp_"):
            name, value = line.rsplit(" ", 1)
            labels = [
                each.split('"')[1]
                for each in name.partition("{")[2].rstrip("}").split(",")
                if each.startswith(("reason=", "by="))
            ]
            found[" ".join([name.partition("{")[0], *labels])] = float(value)
    return found


def test_orders_beyond_a_limit_are_refused_counted_and_logged(tmp_path: Path) -> None:
    async def test() -> None:
        async with world(tmp_path) as here:
            limited(here, maxOrderNotional='"2000"', priceCollarBps=50)
            handler = await here.start()
            await here.ready(handler)
            await until(lambda: here.exchange.subscriptions, SOON_S)
            sender = Sender(here, handler)
            bid, _ = here.touch()
            while (answer := await sender.order(price=bid * 9 // 10)) is not Refusal.COLLAR:
                assert answer in (None, Refusal.STALE_BOOK), answer  # the book is on its way
            for expected, wrong in (
                (Refusal.SIZE_MAX, {"quantity": 2_001}),
                (Refusal.NOTIONAL_MAX, {"quantity": 1_100}),
                (Refusal.COLLAR, {"price": bid * 9 // 10, "quantity": 21}),
                (Refusal.FENCED, {"token": here.token - 1}),
            ):
                assert await sender.order(**wrong) is expected
            counted = await metrics(handler)
            for name, least in (("SIZE_MAX", 1), ("NOTIONAL_MAX", 1), ("COLLAR", 2), ("FENCED", 1)):
                assert counted[f"alp_gate_refused_total {name}"] >= least
            for name in ("SIZE_MAX", "NOTIONAL_MAX", "COLLAR"):
                assert f"venue: refused by the gate: {name}: NEW" in handler.text
            assert not here.live()

    run(test())


def test_orders_that_stray_again_and_again_let_only_reducing_ones_rest(tmp_path: Path) -> None:
    async def test() -> None:
        async with world(tmp_path) as here:
            limited(here, collarBurst=4)
            handler = await here.start()
            await here.ready(handler)
            with here.quoting(handler):
                await here.resting(4)
                sender = Sender(here, handler)
                bid, _ = here.touch()
                for more in range(4):
                    assert await sender.order(price=bid * 9 // 10 - more) is Refusal.COLLAR
                await here.resting(0)  # nothing is held: there is nothing to reduce
                gate = await here.gate(handler)
                assert gate is not None
                assert gate.code == GateState.REDUCING
                assert not gate.closed
                assert (await metrics(handler))["alp_gate_restraints collar"] == 1
                assert "only what reduces may leave: collar" in handler.text

    run(test())


def test_a_position_that_came_from_elsewhere_is_only_reduced(tmp_path: Path) -> None:
    async def test() -> None:
        async with world(tmp_path) as here:
            limited(here, maxVenueBase='"2"')
            ask = here.touch()[1]
            held = here.scene.lots_per_base * 22 // 10
            ticket = Ticket(here.scene.symbol, True, held, ask + 500)
            ticket.notes, ticket.client_id = {"type": "LIMIT", "tif": "GTC"}, "by-hand"
            here.desk.place("first", ticket)
            await until(lambda: here.scene.position(here.desk) == held, SOON_S)
            handler = await here.start()
            await here.ready(handler)
            with here.quoting(handler):
                await here.resting(2)
                assert not any(each.ticket.bid for each in here.live())
                assert (await metrics(handler))["alp_gate_restraints position"] == 1

    run(test())


def test_a_loss_sets_the_kill_switch(tmp_path: Path) -> None:
    async def test() -> None:
        async with world(tmp_path) as here:
            limited(here, maxDrawdownBps=1)
            handler = await here.start()
            await here.ready(handler)
            with here.quoting(handler):
                await here.resting(4)
                sender = Sender(here, handler)
                end = time.monotonic() + SOON_S
                while not (tmp_path / "state" / "KILLED").exists():
                    # Take and give back at once: each turn loses twice the way to the touch.
                    bid, ask = here.touch()
                    taking = {"quantity": 1_900, "time_in_force": 2, "flags": 0}
                    await sender.order(price=ask + 20, **taking)
                    await sender.order(side=-1, price=bid - 20, **taking)
                    assert time.monotonic() < end, handler.text[-2000:]
                await here.resting(0)
                assert "drawdown: " in (tmp_path / "state" / "KILLED").read_text()
                await until(lambda: "killed: " in handler.text, SOON_S)

    run(test())


@dataclass
class Wide(Scene):
    """A venue with several products of one account."""

    products: tuple[str, ...] = ()

    def exchange(self) -> Exchange:
        return Exchange(VENUES[self.name].make(made_up(self.name, self.products)), rate=RATE)


PRODUCTS = ("ETHUSDC", "ETHUSDT", "ETHBTC", "ETHFDUSD")


def wishes(here: World, venues: int) -> Iterator[QuotesMessage]:
    now = time.time_ns()
    for index, symbol in enumerate(PRODUCTS[:venues]):
        touch = here.exchange.markets[symbol].book.touch()
        assert touch is not None
        header = HeaderFields(2, index, 1, 0, now)
        bids = tuple((touch[0] - 300 - n, 50 + n) for n in range(32))
        asks = tuple((touch[2] + 300 + n, 50 + n) for n in range(32))
        yield QuotesMessage(header, here.token, now + 60 * SECOND, bids, asks, 1)


def test_with_200_open_orders_and_5_seconds_the_largest_go_first_and_none_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: Any
) -> None:
    """F31: the time from SIGTERM until the venue has none is printed and recorded."""
    plain = SCENES["binance-usdm"]
    scene = Wide(**{**vars(replace(plain)), "products": PRODUCTS})
    monkeypatch.setitem(SCENES, "wide", scene)

    async def test() -> None:
        async with world(tmp_path, "wide", quotes=False) as here:
            head, row, tail = here.manifest.read_text().partition("  - name: venue\n")
            venue, limits = tail.split("  limits:", 1)
            account = "    credentials: {secretRef: {name: one}}\n"
            rows = [
                f"  - name: {'venue' if not n else f'venue-{n}'}\n"
                + venue.replace(plain.symbol, symbol)
                + account
                for n, symbol in enumerate(PRODUCTS)
            ]
            here.manifest.write_text(
                (head + "".join(rows) + "  limits:" + limits).replace(
                    "quoteAge: 3s", "quoteAge: 60s"
                )
            )
            assert row
            await here.serve_quotes()
            handler = await here.start()
            await here.ready(handler)
            end = time.monotonic() + 4 * SOON_S
            with CommandClient(here.context, handler.commands) as client:
                still = list(wishes(here, len(PRODUCTS)))
                while len(here.live()) < ORDERS:
                    for wish in still:
                        await client.ask(encode(wish), timeout_s=5.0, times=2)
                    await asyncio.sleep(0.5)
                    assert time.monotonic() < end, (len(here.live()), handler.text[-3000:])
            gone: list[Report] = []
            here.desk.listeners.append(
                lambda each: gone.append(each) if each.kind is Kind.CANCELED else None
            )
            count = len(here.live())
            begun = time.monotonic()
            handler.signal(signal.SIGTERM)
            status = await handler.status()
            assert status == 0, handler.text[-3000:]
            assert not here.live()
            assert len(gone) >= count >= ORDERS
            took = time.monotonic() - begun
            print(f"{count} orders gone and the process ended {took:.2f} s after SIGTERM")
            record_property("seconds", took)

    run(test(), within_s=300)
