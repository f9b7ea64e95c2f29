"""An account session tells the end of every command, whatever happens to the connection."""

from __future__ import annotations

import asyncio

import pytest
from plain_owner import Book, trading
from plain_venue import EVERYTHING, PlainVenue, Resting
from waits import run, until

from alp._core.journal_records import FactSource
from alp._core.order_life import OrderEvent
from alp.errors import ConfigError, VenueError
from alp.venues.account.state import AccountState
from alp.venues.orders import Capability

pytestmark = pytest.mark.timed

SOCKET = EVERYTHING | Capability.SOCKET_ORDERS
WAYS = {"rest": EVERYTHING, "socket": SOCKET}
SECOND = 10**9


@pytest.mark.parametrize("way", WAYS)
def test_an_order_is_sent_amended_and_canceled(way: str) -> None:
    async def test() -> None:
        async with (
            PlainVenue() as venue,
            trading(venue, capabilities=WAYS[way]) as (session, book),
        ):
            if session.orders is not None:
                await until(lambda: session.orders.connection is not None)
            session.send([book.new("a")])
            await until(lambda: book.state("a") == "ACKED")
            session.send([book.amend("a", 8, 1001)])
            await until(lambda: book.state("a") == "ACKED" and book.table.get("a").quantity == 8)
            session.send([book.cancel("a")])
            await until(lambda: book.state("a") == "CANCELED")
            assert venue.commands == [("new", "a", 0), ("amend", "a", 1), ("cancel", "a", 2)]
            sockets = sum(len(each) for each in (venue.sockets,))
            assert sockets == (1 if way == "socket" else 0)

    run(test())


def test_before_it_is_live_everything_was_read_after_the_stream_opened() -> None:
    async def test() -> None:
        async with PlainVenue() as venue, trading(venue) as (session, book):
            paths = [path.partition("?")[0] for _, path, _, _ in venue.requests]
            assert paths.index("/time") < paths.index("/permissions") < paths.index("/open")
            assert paths.index("/open") < paths.index("/trades")
            assert [each for each in paths if each in ("/account", "/trades")] == [
                "/account",
                "/trades",
                "/account",
            ]
            assert book.states() == [AccountState.STARTING, AccountState.LIVE]
            assert book.reports[-1].orders == ()
            assert book.reports[-1].balances[0].asset == "USD"
            assert session.clock.valid
            assert book.readings

    run(test())


@pytest.mark.parametrize(("allowed", "may_withdraw"), [(("withdraw", "trade"), False), ((), True)])
def test_a_key_with_other_permissions_is_refused(
    allowed: tuple[str, ...], may_withdraw: bool
) -> None:
    async def test() -> None:
        async with (
            PlainVenue(permissions=allowed) as venue,
            trading(venue, started=False, may_withdraw=may_withdraw) as (session, book),
        ):
            with pytest.raises(
                ConfigError if allowed else VenueError, match="withdraw" if allowed else "trade"
            ):
                await session.start()
            session.send([book.new("a")])
            await until(lambda: book.kinds("a"))
            assert book.kinds("a") == ["NOT_SENT"] or allowed
            assert not venue.commands or allowed

    run(test())


def test_a_key_that_may_withdraw_is_taken_where_it_is_said_so() -> None:
    async def test() -> None:
        allowed = ("withdraw", "trade")
        async with (
            PlainVenue(permissions=allowed) as venue,
            trading(venue, may_withdraw=True) as (session, _),
        ):
            assert session.state is AccountState.LIVE

    run(test())


def test_what_happened_while_nobody_looked_is_told_at_the_start() -> None:
    async def test() -> None:
        book = Book()
        async with PlainVenue() as venue:
            async with trading(venue, book) as (session, _):
                session.send([book.new(each) for each in ("open", "filled", "canceled", "traded")])
                await until(lambda: len(venue.orders) == 4 and not len(session.journeys))
            await venue.fill("filled", 10)
            await venue.fill("traded", 3)
            venue.orders["canceled"].state = "canceled"
            never = book.new("never")
            venue.orders["foreign"] = Resting("foreign", "v9", 1, 1, 1)
            before = venue.trades[0]["at_ns"] - SECOND
            async with trading(venue, book, started=False) as (session, _):
                await session.start(before)
                assert book.state("open") == "ACKED"
                assert book.state("filled") == "FILLED"
                assert book.state("canceled") == "CANCELED"
                assert book.table.get("traded").filled == 3
                assert book.table.exposure(0).position == 13
                fills = [each for each in book.facts if each.kind is OrderEvent.FILL]
                assert {each.trade_id for each in fills} == {"t0", "t1"}
                sources = {each.source for each in book.facts if each.client_id != "open"}
                assert {each.source for each in fills} == {FactSource.TRADES}
                assert sources >= {FactSource.ANSWER, FactSource.QUERY}
                assert None not in sources
                # It is not there, and that counts only when it cannot be on its way any more.
                await until(lambda: book.state("never") == "REJECTED")
                assert never.client_id not in venue.orders
                assert "foreign" not in {each.client_id for each in book.facts}
                assert "foreign" in {each.client_id for each in book.reports[-1].orders or ()}

    run(test())


@pytest.mark.parametrize("arrived", [True, False])
def test_an_amend_whose_fate_a_session_took_with_it_is_found_by_the_next(arrived: bool) -> None:
    async def test() -> None:
        book = Book()
        async with PlainVenue() as venue:
            async with trading(venue, book) as (session, _):
                session.send([book.new("a")])
                await until(lambda: book.state("a") == "ACKED")
                venue.be_rude("/order", *["drop"] * 1000)
                venue.be_rude("/orders", "hang" if arrived else "drop")
                session.send([book.amend("a", 8, 1001)])
                await until(lambda: len(venue.commands) == 2 or not arrived)
                await until(lambda: not venue.rude["/orders"])
            assert book.state("a") == "UNKNOWN"
            venue.rude.clear()
            async with trading(venue, book) as (session, _):
                await until(lambda: book.state("a") == "ACKED")
                assert book.table.get("a").quantity == (8 if arrived else 10)

    run(test())


def test_pages_of_trades_are_all_read() -> None:
    async def test() -> None:
        book = Book()
        async with PlainVenue(page=2) as venue:
            async with trading(venue, book) as (session, _):
                session.send([book.new("a", quantity=100)])
                await until(lambda: book.state("a") == "ACKED")
            for _ in range(7):
                await venue.fill("a", 1)
            async with trading(venue, book, started=False) as (session, _):
                await session.start(venue.trades[0]["at_ns"])
                assert book.table.get("a").filled == 7
                assert len([each for each in book.facts if each.kind is OrderEvent.FILL]) == 7

    run(test())


def test_a_venue_that_cannot_be_reached_is_tried_until_it_can() -> None:
    async def test() -> None:
        async with PlainVenue() as venue:
            port = venue.port
            await venue.stop()
            async with trading(venue, started=False) as (session, _):
                starting = asyncio.create_task(session.start())
                await until(lambda: session.calls.results["time", "not-sent"] >= 3)
                await venue.start(port)
                await starting
                assert session.state is AccountState.LIVE

    run(test())


def test_commands_go_together_where_the_venue_takes_them_together() -> None:
    async def test() -> None:
        async with PlainVenue() as venue, trading(venue, batch=3) as (session, book):
            names = [f"o{index}" for index in range(5)]
            session.send([book.new(each) for each in names])
            await until(lambda: all(book.state(each) == "ACKED" for each in names))
            session.send([book.cancel("o0"), book.new("o5"), book.cancel("o1")])
            await until(lambda: book.state("o1") == "CANCELED" and book.state("o5") == "ACKED")
            sent = [path for method, path, _, _ in venue.requests if path.startswith("/orders")]
            assert len(sent) == 2 + 3
            assert len(venue.commands) == len(set(venue.commands)) == 8

    run(test())


def test_requests_leave_byte_for_byte() -> None:
    async def test() -> None:
        async with PlainVenue() as venue, trading(venue) as (session, book):
            session.send([book.new("a")])
            await until(lambda: book.state("a") == "ACKED")
            assert [path for _, path, _, _ in venue.requests if "orders" in path] == [
                "/orders?x=%20y"
            ]

    run(test())


def test_the_venues_timer_is_refreshed_while_all_is_well() -> None:
    async def test() -> None:
        timeout_ns = SECOND * 3 // 10
        async with PlainVenue() as venue:
            async with trading(venue, dead_man_ns=timeout_ns) as (session, book):
                assert venue.timers == [timeout_ns]  # before the first order can be sent
                await until(lambda: len(venue.timers) >= 3)
                book.well = False
                await until(lambda: session.dead_man.counts["withheld"] >= 2)
                told = len(venue.timers)
                await until(lambda: session.dead_man.counts["withheld"] >= 4)
                assert len(venue.timers) == told
                book.well = True
                venue.be_rude("/dead-man", "drop")
                await until(lambda: session.dead_man.counts["failed"] == 1)
                await until(lambda: len(venue.timers) > told)
                await session.stop(disarm=True)
            assert venue.timers[-1] == 0

    run(test())


@pytest.mark.parametrize("own", [Capability.CANCEL_ALL_ACCOUNT, Capability.NONE])
def test_everything_is_canceled_also_where_the_venue_has_no_command_for_it(
    own: Capability,
) -> None:
    async def test() -> None:
        capabilities = (EVERYTHING & ~Capability.CANCEL_ALL_ACCOUNT) | own
        async with (
            PlainVenue() as venue,
            trading(venue, capabilities=capabilities, batch=2) as (session, book),
        ):
            names = [f"o{index}" for index in range(5)]
            session.send([book.new(each) for each in names])
            await until(lambda: all(book.state(each) == "ACKED" for each in names))
            assert await session.cancel_all() == ()
            assert {each.state for each in venue.orders.values()} == {"canceled"}
            cancels = [each for each in venue.commands if each[0] == "cancel"]
            assert len(cancels) == (0 if own else 5)
            assert session.state is AccountState.LIVE

    run(test())


@pytest.mark.parametrize("way", WAYS)
def test_when_it_stops_what_has_no_answer_is_unknown(way: str) -> None:
    async def test() -> None:
        async with (
            PlainVenue(silent_sockets=True) as venue,
            trading(venue, capabilities=WAYS[way]) as (session, book),
        ):
            venue.be_rude("/orders", "hang")
            session.send([book.new("a")])
            await until(lambda: venue.commands)
            await session.stop()
            assert book.kinds("a") == ["UNKNOWN"]
            assert [each.source for each in book.facts] == [FactSource.OWN]
            assert book.states()[-1] is AccountState.STOPPED
            session.send([book.new("b")])
            await until(lambda: book.kinds("b"))
            assert book.kinds("b") == ["NOT_SENT"]

    run(test())


def test_an_amend_that_nobody_here_sent_makes_the_session_read_orders() -> None:
    async def test() -> None:
        async with PlainVenue() as venue, trading(venue) as (session, book):
            session.send([book.new("a")])
            await until(lambda: book.state("a") == "ACKED")
            readings = session.readings["done"]
            venue.orders["a"].price = 999
            await venue.tell({"kind": "amended", "client_id": "a", "price": 999, "quantity": 10})
            await until(lambda: session.readings["done"] > readings)
            assert book.table.get("a").price == 999
            assert "AMEND_ACKED" not in book.kinds("a")

    run(test())


def test_totals_are_completed_with_trades_where_the_venue_streams_only_totals() -> None:
    async def test() -> None:
        capabilities = EVERYTHING & ~Capability.FILLS_STREAMED
        async with (
            PlainVenue() as venue,
            trading(venue, capabilities=capabilities) as (session, book),
        ):
            session.send([book.new("a")])
            await until(lambda: book.state("a") == "ACKED")
            venue.telling = False
            await venue.fill("a", 4)
            venue.telling = True
            await venue.tell({"kind": "total", "client_id": "a", "cumulative": 4})
            await until(lambda: "FILL" in book.kinds("a"))
            assert book.table.get("a").filled == 4

    run(test())


def test_an_owner_that_cannot_take_a_fact_is_not_sent_more() -> None:
    async def test() -> None:
        async with PlainVenue() as venue, trading(venue) as (session, book):
            session._on_fact = lambda fact: 1 // 0
            session.send([book.new("a")])
            await until(lambda: session.state is AccountState.HALTED)
            session._on_fact = book.take
            session.send([book.new("b")])
            await until(lambda: book.kinds("b"))
            assert book.kinds("b") == ["NOT_SENT"]
            session.send([book.cancel("a")])  # cancels still leave
            await until(lambda: book.state("a") == "CANCELED")

    run(test())
