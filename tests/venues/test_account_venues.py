"""The account session with the real adapters, at simulated venues that do what they should not."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from account_worlds import KINDS, PATIENT, World, account_at, exchange_of
from waits import run, until

from alp.paper.faults.script import CommandFault
from alp.venues.account.state import AccountState
from alp.venues.orders import Policy

pytestmark = pytest.mark.timed
SECOND = 10**9
NAMES = list(KINDS)
BRIEF = replace(PATIENT, answer_ns=SECOND)
"""An answer that is lost is not waited for long."""
KNOWN = {"LOSE_ANSWER": True, "LOSE_REQUEST": False}


async def connected(world: World) -> None:
    """Wait for the order socket, where there is one."""
    orders = world.session.orders
    if orders is not None:
        await until(lambda: orders.connection is not None)


async def resting(world: World, *names: str) -> None:
    await connected(world)
    world.session.send([world.new(each) for each in names])
    await until(lambda: all(world.book.state(each) == "ACKED" for each in names))


async def one_more(world: World) -> None:
    """Place an order as soon as the account and its budget let one leave."""
    for number in range(10, 1000):
        name = f"alp-{number}"
        world.session.send([world.new(name)])
        await until(lambda name=name: world.book.kinds(name))
        if world.book.state(name) == "ACKED":
            return
        await asyncio.sleep(0.1)
        await until(lambda: world.session.state is AccountState.LIVE)


@pytest.mark.parametrize("name", NAMES)
def test_orders_rest_are_amended_filled_and_canceled(name: str) -> None:
    async def test() -> None:
        async with exchange_of(name) as exchange, account_at(exchange) as world:
            book, session = world.book, world.session
            await resting(world, "alp-1", "alp-2")
            less = 3 * world.one // 2
            session.send([book.amend("alp-1", less, world.price(1999))])
            await until(lambda: book.table.get("alp-1").quantity == less)
            await until(lambda: book.state("alp-1") == "ACKED")
            session.send([book.cancel("alp-2")])
            await until(lambda: book.state("alp-2") == "CANCELED")
            world.sell(1999, 6)
            await until(lambda: book.table.get("alp-1").filled)
            world.sell(1999, 6)
            await until(lambda: book.state("alp-1") == "FILLED")
            assert book.table.exposure(0).position == less
            assert [each for each in book.facts if each.client_id == "alp-1"][-1].venue_id
            assert world.open() == []
            for client_id in ("alp-1", "alp-2"):
                assert book.table.get(client_id).contradictions == 0
            assert session.stream.counts()["unreadable"] == 0
            assert not session.policies

    run(test())


@pytest.mark.parametrize("name", NAMES)
def test_a_post_only_order_that_would_trade_is_refused_with_its_reason(name: str) -> None:
    async def test() -> None:
        async with exchange_of(name) as exchange, account_at(exchange) as world:
            await connected(world)
            world.session.send([world.new("alp-1", 2001)])
            await until(lambda: world.book.state("alp-1") == "REJECTED")
            assert world.book.table.get("alp-1").reason.name == "POST_ONLY"
            assert world.open() == []

    run(test())


@pytest.mark.parametrize("fault", KNOWN)
@pytest.mark.parametrize("what", ["new", "amend", "cancel"])
@pytest.mark.parametrize("name", NAMES)
def test_f08_f09_a_command_without_an_answer_ends_as_the_venue_has_it(
    name: str, what: str, fault: str
) -> None:
    async def test() -> None:
        async with exchange_of(name) as exchange, account_at(exchange) as world:
            book, session = world.book, world.session
            await resting(world, "alp-1")
            world.fault(what, CommandFault[fault])
            less = world.one
            if what == "new":
                session.send([world.new("alp-2")])
            elif what == "amend":
                session.send([book.amend("alp-1", less, world.price(1999))])
            else:
                session.send([book.cancel("alp-1")])
            sought = "alp-2" if what == "new" else "alp-1"
            await until(lambda: not (len(session.journeys) or session.unknown), 30)
            assert [each for each in book.kinds(sought) if "UNKNOWN" in each]
            done = KNOWN[fault]
            ends = {"new": ("ACKED", "REJECTED"), "amend": ("ACKED", "ACKED")}
            ends["cancel"] = ("CANCELED", "ACKED")
            assert book.state(sought) == ends[what][0 if done else 1]
            if what == "amend":
                assert book.table.get("alp-1").quantity == (less if done else 2 * less)
            mine = [each for each in book.commands if book.state(each) == "ACKED"]
            assert sorted(each.ticket.client_id for each in world.open()) == sorted(mine)
            assert len(world.ever()) == len(set(world.ever()))

    run(test())


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_c12_what_the_venue_does_not_know_is_asked_for(name: str, done: bool) -> None:
    async def test() -> None:
        async with exchange_of(name) as exchange, account_at(exchange) as world:
            await connected(world)
            world.fault("new", CommandFault.UNKNOWN, done=done)
            world.session.send([world.new("alp-1")])
            await until(lambda: world.session.inquiries.opened == 1)
            await until(lambda: not world.session.unknown, 30)
            assert world.book.state("alp-1") == ("ACKED" if done else "REJECTED")
            assert len(world.open()) == done

    run(test())


@pytest.mark.parametrize("fault", ["DUPLICATE", "REORDER", "GAP"])
@pytest.mark.parametrize("name", NAMES)
def test_f10_f12_f15_messages_twice_swapped_or_missing_end_the_same(name: str, fault: str) -> None:
    async def test() -> None:
        patience = replace(PATIENT, poll_ns=SECOND // 2)
        async with (
            exchange_of(name) as exchange,
            account_at(exchange, patience=patience) as world,
        ):
            book, session = world.book, world.session
            await resting(world, "alp-1", "alp-2", "alp-3")
            world.fault("stream", CommandFault[fault], times=4)
            session.send([book.cancel("alp-2")])
            world.sell(1999, 6)
            world.sell(1999, 1)
            await until(lambda: book.state("alp-2") == "CANCELED")
            await until(lambda: book.state("alp-1") == "FILLED", 30)
            await one_more(world)
            filled = sum(each.filled for each in world.desk.orders("first"))
            await until(lambda: book.table.exposure(0).position == filled, 30)

    run(test())


@pytest.mark.parametrize("name", ["kraken-spot", "binance-usdm"])
def test_trades_that_only_a_question_about_their_order_shows_are_read(name: str) -> None:
    """The matrix of kills found them never told: the stream had lost them, and no more came."""

    async def test() -> None:
        async with exchange_of(name) as exchange, account_at(exchange, patience=BRIEF) as world:
            book, session = world.book, world.session
            await resting(world, "alp-1")
            world.fault("stream", CommandFault.GAP, times=20)
            world.fault("amend", CommandFault.LOSE_ANSWER)
            session.send([book.amend("alp-1", 3 * world.one // 2, world.price(1999))])
            await until(lambda: bool(session.journeys) or session.unknown > 0)
            for _ in range(3):
                world.sell(1999, 6)
            await until(lambda: book.state("alp-1") == "FILLED", 30)
            wanted = len(world.desk.trades_of("first"))
            await until(lambda: book.kinds("alp-1").count("FILL") == wanted, 30)

    run(test())


@pytest.mark.parametrize("name", NAMES)
def test_what_happened_between_two_sessions_is_told_to_the_second(name: str) -> None:
    async def test() -> None:
        async with exchange_of(name) as exchange:
            async with account_at(exchange) as world:
                book = world.book
                since = world.session.clock.now_ns() - 5 * SECOND
                await resting(world, "alp-1", "alp-2", "alp-3")
            world.desk.cancel(next(e for e in world.open() if e.ticket.client_id == "alp-2"))
            world.sell(1999, 6)
            async with account_at(exchange, book, since_ns=since) as world:
                assert book.state("alp-1") == "PARTIALLY_FILLED"
                assert book.state("alp-2") == "CANCELED"
                assert book.state("alp-3") == "ACKED"
                assert "FILL" in book.kinds("alp-1")
                assert await world.session.cancel_all() == ()
                await until(lambda: book.state("alp-3") == "CANCELED")
                assert book.table.exposure(0).position == world.one

    run(test())


@pytest.mark.parametrize("name", NAMES)
def test_f16_after_429_only_cancels_leave(name: str) -> None:
    async def test() -> None:
        async with exchange_of(name) as exchange, account_at(exchange) as world:
            book, session = world.book, world.session
            await resting(world, "alp-1")
            world.fault("new", CommandFault.STATUS, status=429, headers={"Retry-After": "3"})
            session.send([world.new("alp-2")])
            await until(lambda: book.state("alp-2") == "REJECTED")
            assert book.table.get("alp-2").reason.name == "RATE"
            assert Policy.RETRY_AFTER in book.policies()
            session.send([world.new("alp-3"), book.cancel("alp-1")])
            await until(lambda: book.state("alp-1") == "CANCELED")
            assert book.kinds("alp-3") == ["NOT_SENT"]

    run(test())


@pytest.mark.parametrize("name", NAMES)
def test_f17_revoked_keys_halt_the_account(name: str) -> None:
    async def test() -> None:
        async with exchange_of(name) as exchange, account_at(exchange) as world:
            await resting(world, "alp-1")
            world.fault("new", CommandFault.REVOKE)
            world.session.send([world.new("alp-2")])
            await until(lambda: world.session.state is AccountState.HALTED)
            await until(lambda: world.book.state("alp-2") == "REJECTED")
            world.session.send([world.new("alp-3")])
            await until(lambda: world.book.kinds("alp-3") == ["NOT_SENT"])

    run(test())


@pytest.mark.parametrize("name", [each for each in NAMES if each.startswith("binance")])
def test_c14_c28_a_jump_of_the_venues_clock_is_followed(name: str) -> None:
    async def test() -> None:
        async with exchange_of(name) as exchange, account_at(exchange) as world:
            await connected(world)
            world.fault("new", CommandFault.SKEW, skew_ns=3600 * SECOND)
            world.session.send([world.new("alp-1")])
            await until(lambda: world.book.state("alp-1") == "REJECTED")
            assert world.book.table.get("alp-1").reason.name == "CLOCK"
            await until(lambda: world.book.readings[-1].offset_ns > 3500 * SECOND)
            await one_more(world)  # a key of the stream may have expired as well
            assert world.open()

    run(test())


@pytest.mark.parametrize("name", ["binance-usdm", "kraken-spot"])
def test_orders_go_when_nobody_refreshes_the_venues_timer(name: str) -> None:
    async def test() -> None:
        async with (
            exchange_of(name) as exchange,
            account_at(exchange, dead_man_ns=5 * SECOND) as world,
        ):
            await resting(world, "alp-1")
            await until(lambda: world.session.dead_man.counts["set"] >= 3, 60)
            assert world.book.state("alp-1") == "ACKED"
            world.book.well = False
            await until(lambda: world.book.state("alp-1") == "CANCELED", 60)

    run(test())
