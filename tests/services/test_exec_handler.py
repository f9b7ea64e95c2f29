"""The execution handler as users run it: a process, a quote server, an exchange that misbehaves."""

from __future__ import annotations

import asyncio
import resource
import signal
import socket
import time
from pathlib import Path
from typing import Any

import pytest
import zmq
from handler_world import SOON_S, Handler, World, world
from kill_venues import SCENES
from waits import run, until

from alp._core.gate import Refusal
from alp._core.order_life import OrderState
from alp._core.wire import (
    ExecutionReportMessage,
    GateMessage,
    HeaderFields,
    OrderCommandMessage,
    RecallMessage,
    encode,
)
from alp.bus.commands import CommandClient
from alp.bus.sources import Source
from alp.journal.ids import ClientIds, parse_client_id
from alp.journal.journal import EPOCH_BEGIN_S
from alp.paper.accounts import WITHDRAW_KEY, WITHDRAW_SECRET
from alp.paper.faults.script import CommandFault, Fault
from alp.paper.orders import Kind, Report
from alp.services.execution.setup import account_name, tag_of
from alp.strategy.loading import load_manifest

pytestmark = pytest.mark.timed


@pytest.mark.parametrize("venue", SCENES)
def test_quotes_rest_follow_the_market_and_go_when_it_is_stopped(
    tmp_path: Path, venue: str
) -> None:
    async def test() -> None:
        async with world(tmp_path, venue) as here:
            amended: list[Report] = []
            here.desk.listeners.append(
                lambda each: amended.append(each) if each.kind is Kind.AMENDED else None
            )
            handler = await here.start()
            await here.ready(handler)
            with here.quoting(handler):
                await here.resting(4)
                await until(lambda: len(amended) > 3, SOON_S)
                handler.signal(signal.SIGTERM)
                assert await handler.status() == 0, handler.text
            assert not here.live()
            assert here.journal().closed
            assert here.journal().residue == []

    run(test())


def test_what_a_venue_does_not_cancel_is_said_when_it_is_stopped(tmp_path: Path) -> None:
    async def test() -> None:
        async with world(tmp_path, stop_within="1s") as here:
            handler = await here.start()
            await here.ready(handler)
            with here.quoting(handler):
                await here.resting(4)
                here.exchange.script.command("cancel", CommandFault.LOSE_REQUEST, times=10_000)
                left = here.ids()
                handler.signal(signal.SIGTERM)
                assert await handler.status() == 7, handler.text
            assert "4 orders may still be open:" in handler.text
            assert all(each in handler.text for each in left & here.ids())
            assert set(here.journal().residue) == here.ids()

    run(test())


def test_the_largest_orders_are_cancelled_first(tmp_path: Path) -> None:
    async def test() -> None:
        async with world(tmp_path, "binance-spot") as here:
            handler = await here.start()
            await here.ready(handler)
            with here.quoting(handler, still=True, levels=16, away=300):
                await here.resting(32)
                gone: list[int] = []
                here.desk.listeners.append(
                    lambda each: (
                        gone.append(each.order.left * each.order.price)
                        if each.kind is Kind.CANCELED and each.order is not None
                        else None
                    )
                )
                handler.signal(signal.SIGTERM)
                assert await handler.status() == 0, handler.text
            assert gone == sorted(gone, reverse=True)
            assert len(gone) == 32

    run(test())


def test_an_account_has_one_handler(tmp_path: Path) -> None:
    async def test() -> None:
        async with world(tmp_path) as here:
            first = await here.start("a")
            await here.ready(first)
            with here.quoting(first):
                await here.resting(4)
                second = await here.start("b")
                assert await second.status() == 3, second.text
                await here.resting(4)
                same = await here.start("a")
                assert await same.status() == 3, same.text
                await here.resting(4)
                first.signal(signal.SIGSTOP)
                third = await here.start("b")
                assert await third.status() == 3, third.text
                first.signal(signal.SIGCONT)

    run(test())


def test_of_two_handlers_that_do_not_share_a_journal_the_later_one_trades(tmp_path: Path) -> None:
    async def test() -> None:
        async with world(tmp_path) as here:
            first = await here.start("a")
            earlier = await here.ready(first)
            with here.quoting(first, still=True, away=300):
                await here.resting(4)
                # Tokens without a journal in common are seconds: of one second they are equal.
                await until(lambda: time.time() - EPOCH_BEGIN_S > earlier.token + 1, SOON_S)
                second = await here.start("b", more=("--state", str(tmp_path / "b")))
                gate = await here.ready(second)
                with here.quoting(second, still=True, away=300, levels=3):
                    await first.says("fence: another process sends for this account")
                    await until(lambda: tokens_of(here) == {gate.token}, SOON_S)
                    await here.resting(6)
                    first.signal(signal.SIGTERM)
                    assert await first.status() == 0, first.text
                    await here.resting(6)

    run(test())


def test_two_handlers_of_one_account_that_began_in_one_second_one_gives_way(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        async with world(tmp_path) as here:
            account = account_name(load_manifest(here.manifest).spec.venues[0])
            ahead = int(time.time()) - EPOCH_BEGIN_S + 10_000
            for folder in ("state", "b"):  # what both folders know makes the same token of the two
                (tmp_path / folder / account).mkdir(parents=True)
                (tmp_path / folder / account / f"fence-{ahead}").touch()
            first = await here.start("a")
            one = await here.ready(first)
            second = await here.start("b", more=("--state", str(tmp_path / "b")))
            other = await here.ready(second)
            assert one.token == other.token == ahead + 1
            words = f"fence: another process sends for this account, with token {one.token}"
            with here.quoting(first, still=True, away=300):  # both are asked for the same quotes
                await until(lambda: any(words in each.text for each in (first, second)), SOON_S)
                await asyncio.sleep(1)  # who saw the other's order before its own left is alone
                halted = [each for each in (first, second) if words in each.text]
                await here.resting(0 if len(halted) == 2 else 4)
            for each in (first, second):
                assert "adopted" not in each.text
                each.signal(signal.SIGTERM)
                assert await each.status() == 0, each.text
            assert not here.live()

    run(test())


def test_a_handler_that_was_stopped_does_not_act_on_what_it_was_told_before(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        async with world(tmp_path) as here:
            handler = await here.start()
            await here.ready(handler)
            with here.quoting(handler):
                await here.resting(4)
                handler.signal(signal.SIGSTOP)
            await asyncio.sleep(3.5)  # longer than quoteAge
            placed: list[Report] = []
            here.desk.listeners.append(
                lambda each: placed.append(each) if each.kind in (Kind.NEW, Kind.AMENDED) else None
            )
            handler.signal(signal.SIGCONT)
            await here.resting(0)
            await here.ready(handler)
            assert not placed

    run(test())


def test_a_pause_cancels_everything_until_it_is_taken_back(tmp_path: Path) -> None:
    async def test() -> None:
        async with world(tmp_path) as here:
            handler = await here.start()
            await here.ready(handler)
            paused = GateMessage(HeaderFields(Source.RISK, 0, 1, 0, 0), True, False, 0, "to look")
            with here.quoting(handler):
                await here.resting(4)
                answer = await here.ask(handler, paused)
                assert (answer.closed, answer.kill) == (True, False)
                assert answer.text == "to look"
                await here.resting(0)
                await asyncio.sleep(0.3)
                assert not here.live()
                answer = await here.ask(handler, paused._replace(closed=False, text=""))
                assert not answer.closed
                await here.resting(4)

    run(test())


@pytest.mark.parametrize("way", ["command", "signal", "bus"])
def test_a_kill_switch_cancels_everything_until_it_is_released(tmp_path: Path, way: str) -> None:
    async def test() -> None:
        async with world(tmp_path) as here:
            handler = await here.start()
            await here.ready(handler)
            state = ["--state", str(tmp_path / "state")]
            with here.quoting(handler):
                await here.resting(4)
                if way == "command":
                    log = tmp_path / "kill.log"
                    await here.zygote.start(["kill", str(here.manifest), *state], log)
                elif way == "signal":
                    handler.signal(signal.SIGUSR1)
                else:
                    said = GateMessage(HeaderFields(2, 0, 1, 0, 0), True, True, 0, "by hand")
                    answer = await here.ask(handler, said)
                    assert answer.kill
                    assert answer.closed
                await here.resting(0)
                await handler.says("killed")
                handler.signal(signal.SIGTERM)
                assert await handler.status() == 0
            again = await here.start()
            with here.quoting(again):
                await again.says("killed")
                gate = await here.gate(again)
                assert gate is not None
                assert gate.kill
                here.token = gate.token
                await asyncio.sleep(0.3)
                assert not here.live()
                await here.zygote.start(
                    ["release", str(here.manifest), *state], tmp_path / "release.log"
                )
                await here.resting(4)

    run(test())


def test_quotes_are_pulled_while_the_quote_server_is_silent(tmp_path: Path) -> None:
    async def test() -> None:
        async with world(tmp_path) as here:
            handler = await here.start()
            await here.ready(handler)
            with here.quoting(handler):
                await here.resting(4)
                assert here.quotes is not None
                here.quotes.signal(signal.SIGSTOP)
                await here.resting(0)
                await handler.says("book: venue: the quote server does not vouch for it")
                here.quotes.signal(signal.SIGCONT)
                await here.resting(4)

    run(test())


def test_a_quote_server_that_begins_later_is_heard(tmp_path: Path) -> None:
    async def test() -> None:
        async with world(tmp_path, quotes=False) as here:
            handler = await here.start()
            await here.ready(handler)
            await here.serve_quotes()
            with here.quoting(handler):
                await here.resting(4)
                assert here.quotes is not None
                here.quotes.signal(signal.SIGKILL)
                await here.resting(0)
                await here.serve_quotes()
                await here.resting(4)

    run(test())


@pytest.mark.parametrize("until_s", [1.0, 10**9])
def test_a_wish_that_is_not_renewed_ends(tmp_path: Path, until_s: float) -> None:
    async def test() -> None:
        async with world(tmp_path) as here:
            handler = await here.start()
            await here.ready(handler)
            await until(lambda: here.exchange.subscriptions, SOON_S)
            with here.quoting(handler, until_s=until_s):
                await here.resting(4)
            begun = time.monotonic()
            await here.resting(0)
            assert time.monotonic() - begun > min(until_s, 3.0) / 2

    run(test())


def test_a_handler_ends_while_the_venue_cannot_be_reached(tmp_path: Path) -> None:
    async def test() -> None:
        async with world(tmp_path) as here:
            await here.exchange.stop()
            handler = await here.start()
            await until(lambda: "no instruments" in handler.text, SOON_S)
            handler.signal(signal.SIGTERM)
            assert await handler.status() == 5, handler.text
            await here.exchange.start()

    run(test())


def test_a_handler_that_was_stopped_before_it_read_the_account_does_not_say_that_nothing_is_left(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        async with world(tmp_path, quotes=False) as here:
            here.exchange.script.command("any", CommandFault.LOSE_REQUEST, times=10_000)
            handler = await here.start()
            await handler.says("the venue has not been read yet")
            handler.signal(signal.SIGTERM)
            assert await handler.status() == 5, handler.text
            assert "stopped before the venue said what is open" in handler.text

    run(test())


def test_orders_of_an_earlier_life_are_cancelled_and_those_of_others_are_not(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        async with world(tmp_path) as here:
            handler = await here.start()
            await here.ready(handler)
            other = here.foreign()
            with here.quoting(handler):
                await here.resting(5)
                handler.signal(signal.SIGKILL)
                await until(lambda: not handler.alive)
            again = await here.start()
            await here.resting(1)
            await here.ready(again)
            again.signal(signal.SIGTERM)
            assert await again.status() == 0, again.text
            assert here.live() == [other]

    run(test())


def test_what_was_open_before_is_still_journalled_after_a_start_that_failed(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        async with world(tmp_path) as here:
            handler = await here.start()
            await here.ready(handler)
            with here.quoting(handler, still=True, away=300):
                await here.resting(4)
                handler.signal(signal.SIGKILL)
                await until(lambda: not handler.alive)
            with socket.create_server(("127.0.0.1", 0)) as taken:
                failed = await here.start(port=taken.getsockname()[1])
                assert await failed.status() == 3, failed.text
            assert set(here.journal().residue) == here.ids()
            assert len(here.ids()) == 4

    run(test())


def test_a_key_that_may_withdraw_is_refused(tmp_path: Path) -> None:
    async def test() -> None:
        async with world(tmp_path, "binance-spot", quotes=False) as here:
            handler = await here.start(ALP_VENUE_KEY=WITHDRAW_KEY, ALP_VENUE_SECRET=WITHDRAW_SECRET)
            assert await handler.status() == 3, handler.text
            assert "this key may withdraw" in handler.text

    run(test())


@pytest.mark.parametrize(
    ("mode", "endpoints", "words"),
    [("paper", False, "name a simulated one"), ("shadow", True, "sends nothing")],
)
def test_what_must_not_send_does_not_start(
    tmp_path: Path, mode: str, endpoints: bool, words: str
) -> None:
    async def test() -> None:
        async with world(tmp_path, quotes=False) as here:
            here.write_manifest(mode=mode, endpoints=endpoints)
            handler = await here.start()
            assert await handler.status() == 3, handler.text
            assert words in handler.text

    run(test())


def test_nothing_is_added_while_the_journal_cannot_grow(tmp_path: Path) -> None:
    async def test() -> None:
        async with world(tmp_path) as here:
            handler = await here.start()
            await here.ready(handler)
            with here.quoting(handler):
                await here.resting(4)
                resource.prlimit(handler.pid, resource.RLIMIT_FSIZE, (64, -1))
                placed: list[Report] = []
                await handler.says("the journal is broken")
                here.desk.listeners.append(
                    lambda each: placed.append(each) if each.kind is Kind.NEW else None
                )
                await here.resting(0)
                await asyncio.sleep(0.5)
                assert not placed
                await here.ask(
                    handler, GateMessage(HeaderFields(2, 0, 1, 0, 0), True, True, 0, "full")
                )
                await handler.says("killed")
            # Its log is on the same disk; the journal stays broken for this process.
            resource.prlimit(handler.pid, resource.RLIMIT_FSIZE, (-1, -1))
            handler.signal(signal.SIGTERM)
            assert await handler.status() == 74, handler.text
            assert "the journal is broken" in handler.text

    run(test())


def test_a_key_that_is_revoked_halts_the_account(tmp_path: Path) -> None:
    async def test() -> None:
        async with world(tmp_path) as here:
            handler = await here.start()
            await here.ready(handler)
            with here.quoting(handler, still=True, away=300):
                await here.resting(4)
                here.exchange.script.command("any", CommandFault.REVOKE)
                here.exchange.apply(Fault.DROP)
                await handler.says("session: ")
                before = here.exchange.requests.total()
                await asyncio.sleep(3.0)
                assert here.exchange.requests.total() - before < 60
                handler.signal(signal.SIGTERM)
                assert await handler.status() == 7, handler.text
            assert "4 orders may still be open:" in handler.text

    run(test())


def test_reports_can_be_asked_for_and_bad_commands_do_no_harm(tmp_path: Path) -> None:
    async def test() -> None:
        async with world(tmp_path) as here:
            handler = await here.start()
            await here.ready(handler)
            tag = own_tag(here)

            async def order(**fields: Any) -> Any:
                _, ask = here.touch()
                good = OrderCommandMessage(
                    HeaderFields(2, 0, 1, 0, 0), "", here.token, ask + 50, 20, 0, 1, 1, 2, 0
                )
                return await here.ask(handler, good._replace(**fields))

            ids = ClientIds(tag, here.token, counter=18 * 36**5)
            fenced = await order(client_id=ids.next(), token=here.token - 1)
            assert fenced.refusal == Refusal.FENCED
            for wrong in (
                {"client_id": ""},
                {"client_id": "a", "time_in_force": 99},
                {"client_id": "a", "action": 77},
                {"client_id": "nobody-knows", "action": 3},
                {"client_id": "nobody-knows", "action": 2},
                {"client_id": "a", "side": 5},
                {"client_id": "a", "price": -1},
            ):
                assert (await order(**wrong)).refusal == Refusal.INVALID, wrong
            other = ClientIds("other", here.token)
            for foreign in ("a", f"{tag}x2", f"{tag}-x2", other.next()):
                assert (await order(client_id=foreign)).refusal == Refusal.FOREIGN_ID
            elsewhere = HeaderFields(2, 9, 1, 0, 0)
            assert (await order(client_id="a", header=elsewhere)).refusal == Refusal.NOT_ALLOWED
            with here.context.socket(zmq.DEALER) as garbage:
                garbage.linger = 0
                garbage.connect(handler.commands)
                for each in (b"", b"x", b"\0" * 500, b"\xff" * 64):
                    await garbage.send(each)
                assert not await garbage.poll(300)
            mine = ids.next()
            done = await order(client_id=mine)
            assert not done.refusal
            await until(lambda: here.desk.trades_of("first"), SOON_S)
            first = await reports_of(here, handler, OrderState.FILLED)
            assert first == await reports_of(here, handler, OrderState.FILLED)
            fills = [each for each in first if each.last_quantity]
            assert sum(each.last_quantity for each in fills) == 20
            assert len({each.trade_id for each in fills}) == len(fills)
            again = await order(client_id=mine)
            assert again.refusal == Refusal.DUPLICATE
            assert handler.alive

    run(test())


def tokens_of(here: World) -> set[int]:
    return {said.epoch for each in here.ids() if (said := parse_client_id(each)) is not None}


def own_tag(here: World) -> str:
    strategy = load_manifest(here.manifest)
    return tag_of(strategy, account_name(strategy.spec.venues[0]))


async def reports_of(
    here: World, handler: Handler, last: OrderState
) -> list[ExecutionReportMessage]:
    """All reports of this life, once one of them has this state."""
    with CommandClient(here.context, handler.commands) as client:
        end = time.monotonic() + SOON_S
        while True:
            ask = RecallMessage(HeaderFields(2, 0, 1, 0, 0), here.token, 0)
            _, *reports = await client.ask_all(encode(ask))
            if any(each.state == last for each in reports):
                return reports
            assert time.monotonic() < end, reports
            await asyncio.sleep(0.05)
