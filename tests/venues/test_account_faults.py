"""Whatever a connection does, a command is sent at most once and its end is found by asking."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plain_owner import IMPATIENT, QUICK, Book, acked, trading
from plain_venue import EVERYTHING, PlainVenue
from waits import run, until

from alp.venues.account.clock_offset import VenueClock
from alp.venues.account.session import AccountSession
from alp.venues.account.state import AccountState
from alp.venues.orders import Capability, Policy

pytestmark = pytest.mark.timed

SECOND = 10**9
SOCKET = EVERYTHING | Capability.SOCKET_ORDERS
LOST_ANSWERS = ("lose", "cut", "hang", "garbage")


def settled(session: AccountSession, book: Book) -> bool:
    """Whether nothing is on its way or unknown."""
    return not len(session.journeys) and not session.unknown


@pytest.mark.parametrize("how", LOST_ANSWERS)
def test_f08_an_order_that_was_accepted_without_an_answer_is_found(how: str) -> None:
    async def test() -> None:
        async with PlainVenue() as venue, trading(venue, patience=IMPATIENT) as (session, book):
            venue.be_rude("/orders", how)
            session.send([book.new("a")])
            await until(lambda: book.kinds("a") == ["UNKNOWN", "FOUND"])
            assert book.state("a") == "ACKED"
            assert venue.commands == [("new", "a", 0)]
            assert settled(session, book)

    run(test())


def test_f09_an_order_that_never_arrived_is_closed_with_evidence_and_not_before() -> None:
    async def test() -> None:
        async with (
            PlainVenue() as venue,
            trading(venue, not_found_ns=SECOND) as (session, book),
        ):
            venue.be_rude("/orders", "drop")
            sent = time.monotonic_ns()
            session.send([book.new("a")])
            await until(lambda: book.state("a") == "REJECTED")
            assert time.monotonic_ns() - sent >= SECOND
            assert book.kinds("a") == ["UNKNOWN", "NOT_FOUND"]
            assert session.calls.results["query", "answered"] > 1
            assert venue.commands == []

    run(test())


@pytest.mark.parametrize("how", ["drop", *LOST_ANSWERS])
@pytest.mark.parametrize("what", ["amend", "cancel"])
def test_an_amend_or_cancel_without_an_answer_ends_as_the_venue_has_it(what: str, how: str) -> None:
    async def test() -> None:
        async with PlainVenue() as venue, trading(venue, patience=IMPATIENT) as (session, book):
            await acked(session, book, "a")
            venue.be_rude("/orders", how)
            session.send([book.amend("a", 5, 1001) if what == "amend" else book.cancel("a")])
            await until(lambda: book.state("a") == "UNKNOWN")
            await until(lambda: settled(session, book))
            done = how != "drop"
            assert venue.commands[1:] == ([(what, "a", 1)] if done else [])
            if what == "cancel":
                assert book.state("a") == ("CANCELED" if done else "ACKED")
            else:
                assert book.state("a") == "ACKED"
                assert book.table.get("a").quantity == (5 if done else 10)

    run(test())


def test_what_cannot_be_sent_is_known_not_to_be_sent() -> None:
    async def test() -> None:
        async with PlainVenue() as venue, trading(venue) as (session, book):
            await acked(session, book, "a")
            await venue.stop()
            await until(lambda: session.calls.results["time", "not-sent"])
            assert session.state is AccountState.LOST
            session.send([book.cancel("a")])
            await until(lambda: "CANCEL_REFUSED" in book.kinds("a"))
            assert session.calls.results["cancel", "not-sent"] == 1
            assert session.unknown == 0
            session.send([book.new("b")])  # the stream is lost: nothing new leaves
            await until(lambda: book.kinds("b") == ["NOT_SENT"])

    run(test())


def test_a_connection_that_was_closed_while_idle_repeats_nothing() -> None:
    """HTTP libraries repeat PUT and DELETE by themselves; here nothing is."""

    async def test() -> None:
        async with PlainVenue() as venue, trading(venue) as (session, book):
            await acked(session, book, "a")
            venue.be_rude("/orders", "lose", "lose")
            session.send([book.amend("a", 5, 1001)])
            await until(lambda: book.table.get("a").quantity == 5 and settled(session, book))
            session.send([book.cancel("a")])
            await until(lambda: book.state("a") == "CANCELED" and settled(session, book))
            arrived = [path for _, path, _, _ in venue.requests if "orders" in path]
            assert len(arrived) == len(venue.commands) == 3

    run(test())


@pytest.mark.parametrize("how", ["closed", "silent"])
def test_calls_on_an_order_socket_that_dies_are_unknown(how: str) -> None:
    async def test() -> None:
        async with (
            PlainVenue(silent_sockets=True) as venue,
            trading(venue, capabilities=SOCKET, patience=IMPATIENT) as (session, book),
        ):
            assert session.orders is not None
            await until(lambda: session.orders.connection is not None)
            session.send([book.new("a")])
            await until(lambda: venue.commands)
            if how == "closed":
                await venue.sockets[0].close()
            await until(lambda: book.kinds("a")[:1] == ["UNKNOWN"])
            await until(lambda: book.state("a") == "ACKED")
            assert venue.commands == [("new", "a", 0)]

    run(test())


def test_an_answer_that_comes_late_is_still_read() -> None:
    async def test() -> None:
        async with (
            PlainVenue(silent_sockets=True) as venue,
            trading(venue, capabilities=SOCKET, patience=IMPATIENT) as (session, book),
        ):
            assert session.orders is not None
            await until(lambda: session.orders.connection is not None)
            venue.be_rude("/order", *[503] * 1000)
            session.send([book.new("a")])
            await until(lambda: book.state("a") == "UNKNOWN")
            fact = '{"kind": "acked", "client_id": "a", "venue_id": "v0"}'
            await venue.sockets[0].send_str('{"ref": "1", "facts": [' + fact + "]}")
            await until(lambda: book.state("a") == "ACKED")
            assert session.calls.results["new", "late"] == 1

    run(test())


def test_while_the_order_socket_is_away_commands_go_by_rest() -> None:
    async def test() -> None:
        async with (
            PlainVenue() as venue,
            trading(venue, capabilities=SOCKET) as (session, book),
        ):
            assert session.orders is not None
            await until(lambda: session.orders.connection is not None)
            await acked(session, book, "a")
            await venue.sockets[0].close()
            await until(lambda: session.orders.connection is None)
            session.send([book.cancel("a")])
            await until(lambda: book.state("a") == "CANCELED")
            assert [m for m, path, _, _ in venue.requests if "orders" in path] == ["DELETE"]

    run(test())


@pytest.mark.parametrize("status", [429, 418])
def test_f16_after_too_much_only_cancels_leave_and_it_resumes(status: int) -> None:
    async def test() -> None:
        async with PlainVenue() as venue, trading(venue) as (session, book):
            await acked(session, book, "a")
            venue.retry_ns = 5 * SECOND
            venue.be_rude("/orders", status)
            session.send([book.new("b")])
            await until(lambda: book.state("b") == "REJECTED")
            assert session.rates.blocked_ns > SECOND  # a venue's wish is not cut short
            assert (session.rates.banned_ns > 0) == (status == 418)
            session.send([book.new("c"), book.cancel("a")])
            await until(lambda: book.state("a") == "CANCELED")
            assert book.kinds("c") == ["NOT_SENT"]
            assert Policy.RETRY_AFTER in book.policies()
            arrived = len(venue.requests)
            await until(lambda: not session.rates.blocked_ns)
            asked = [path for _, path, _, _ in venue.requests[arrived:]]
            assert len(asked) <= 1  # nothing but what was on its way
            await acked(session, book, "d")

    run(test())


def test_budgets_refuse_before_the_venue_does_and_cancels_still_leave() -> None:
    async def test() -> None:
        async with PlainVenue() as venue, trading(venue, orders_per_10s=20) as (session, book):
            names = [f"o{index}" for index in range(20)]
            session.send([book.new(each) for each in names])
            await until(lambda: all(book.state(each) != "PENDING_NEW" for each in names))
            sent = [each for each in names if book.state(each) == "ACKED"]
            assert len(sent) == 5
            rest = {each.reason.name for each in book.facts if each.kind.name == "NOT_SENT"}
            assert rest == {"RATE"}
            session.send([book.cancel(each) for each in sent])
            await until(lambda: all(book.state(each) == "CANCELED" for each in sent))

    run(test())


def test_what_the_venue_counts_is_believed() -> None:
    async def test() -> None:
        async with PlainVenue() as venue, trading(venue, orders_per_10s=1000) as (session, book):
            await acked(session, book, "a")
            venue.answer_headers["x-orders"] = "990"
            await acked(session, book, "b")
            session.send([book.new("c")])
            await until(lambda: book.kinds("c") == ["NOT_SENT"])
            assert session.rates.reported == {"orders-10s": 990}

    run(test())


def test_f24_a_step_of_the_local_clock_stops_orders_until_it_was_compared() -> None:
    async def test() -> None:
        ahead = [0]
        clock = VenueClock(wall_ns=lambda: time.time_ns() + ahead[0])
        async with PlainVenue() as venue, trading(venue, clock=clock) as (session, book):
            venue.be_rude("/time", *["drop"] * 1000)
            ahead[0] = 3600 * SECOND
            await until(lambda: clock.steps == 1)
            session.send([book.new("a")])
            await until(lambda: book.kinds("a") == ["NOT_SENT"])
            assert book.facts[-1].reason.name == "CLOCK"
            venue.rude.clear()
            await until(lambda: clock.valid)
            await until(lambda: abs(book.readings[-1].offset_ns + 3600 * SECOND) < SECOND)
            assert Policy.RESYNC_CLOCK in book.policies()
            await acked(session, book, "b")
            signed = int(venue.requests[-1][2] or time.time_ns())
            assert abs(signed - time.time_ns()) < 5 * SECOND

    run(test())


def test_c28_a_jump_of_the_venues_clock_is_followed() -> None:
    async def test() -> None:
        async with PlainVenue() as venue, trading(venue) as (session, book):
            venue.skew_ns = 3600 * SECOND
            venue.be_rude("/orders", {"error": "resync-clock", "reason": "CLOCK"})
            venue.be_rude("/time", *["drop"] * 1000)
            session.send([book.new("a")])
            await until(lambda: book.state("a") == "REJECTED")
            session.send([book.new("c")])  # nothing is signed before it was measured
            await until(lambda: book.kinds("c") == ["NOT_SENT"])
            venue.rude.clear()
            await until(lambda: session.clock.valid)
            await until(lambda: abs(book.readings[-1].offset_ns - 3600 * SECOND) < SECOND)
            await acked(session, book, "b")

    run(test())


def test_f17_an_account_that_cannot_act_halts_and_still_tries_to_cancel() -> None:
    async def test() -> None:
        async with PlainVenue() as venue, trading(venue) as (session, book):
            await acked(session, book, "a")
            venue.be_rude("/orders", {"error": "halt", "reason": "AUTH"})
            session.send([book.new("b")])
            await until(lambda: session.state is AccountState.HALTED)
            session.send([book.new("c"), book.cancel("a")])
            await until(lambda: book.state("a") == "CANCELED")
            assert book.kinds("c") == ["NOT_SENT"]
            await venue.streams[0].close()
            await until(lambda: session.readings["done"] >= 2)
            assert session.state is AccountState.HALTED  # only a person ends it

    run(test())


@pytest.mark.parametrize("policy", ["requote", "fix-config", "pause-side", "pause-symbol"])
def test_what_a_venue_wants_to_be_done_is_told_with_the_order_it_is_about(policy: str) -> None:
    async def test() -> None:
        async with PlainVenue() as venue, trading(venue) as (session, book):
            venue.be_rude("/orders", {"error": policy, "reason": "BALANCE"})
            session.send([book.new("a", side=-1)])
            await until(lambda: book.state("a") == "REJECTED")
            news = book.news[-1]
            assert (news.policy, news.symbol, news.side) == (policy, "ETH-USD", -1)
            assert (news.client_id, news.state) == ("a", AccountState.LIVE)

    run(test())


def test_a_command_does_not_overtake_the_one_before_it_of_the_same_order() -> None:
    async def test() -> None:
        async with PlainVenue() as venue, trading(venue) as (session, book):
            venue.be_rude("/orders", "slow")
            session.send([book.new("a")])
            session.send([book.cancel("a"), book.new("b")])
            await until(lambda: book.state("a") == "CANCELED" and book.state("b") == "ACKED")
            done = [each for each in venue.commands if each[1] == "a"]
            assert done == [("new", "a", 0), ("cancel", "a", 1)]
            assert venue.commands[0] == ("new", "b", 0)  # others do not wait

    run(test())


def test_an_order_that_is_unknown_when_it_is_canceled_is_asked_for() -> None:
    async def test() -> None:
        async with PlainVenue() as venue, trading(venue) as (session, book):
            await acked(session, book, "a")
            venue.telling = False
            await venue.fill("a", 10)
            session.send([book.cancel("a")])
            await until(lambda: book.state("a") == "FILLED")

    run(test())


def test_what_an_answer_leaves_out_is_unknown() -> None:
    async def test() -> None:
        async with PlainVenue(wordless=True) as venue, trading(venue) as (session, book):
            session.send([book.new("a")])
            await until(lambda: book.kinds("a") == ["UNKNOWN", "FOUND"])

    run(test())


def test_an_order_whose_id_is_not_known_is_asked_for_before_it_is_canceled() -> None:
    """Where only the venue's id will do; the others of the same batch leave."""

    async def test() -> None:
        async with (
            PlainVenue() as venue,
            trading(venue, needs_venue_id=True, batch=5, not_found_ns=60 * SECOND) as (
                session,
                book,
            ),
        ):
            await acked(session, book, "a")
            venue.be_rude("/order", *["drop"] * 3)
            venue.be_rude("/orders", "lose")
            session.send([book.new("b")])
            await until(lambda: book.state("b") == "UNKNOWN")
            session.send([book.cancel("b"), book.cancel("a")])
            await until(lambda: book.state("a") == "CANCELED")
            assert "CANCEL_REFUSED" in book.kinds("b")
            await until(lambda: book.table.get("b").venue_id != "")
            session.send([book.cancel("b")])
            await until(lambda: book.state("b") == "CANCELED")
            assert [each for each in venue.commands if each[0] == "cancel"] == [
                ("cancel", "a", 1),
                ("cancel", "b", 2),
            ]

    run(test())


HOW = st.sampled_from([None, None, "drop", "lose", "cut", "garbage", 429, 418])
STEPS = st.lists(st.tuples(st.sampled_from(["new", "amend", "cancel"]), HOW), max_size=12)


@settings(max_examples=12, derandomize=True, suppress_health_check=list(HealthCheck))
@given(steps=STEPS, socket=st.booleans())
def test_every_command_is_told_an_end_and_none_is_sent_twice(
    steps: list[tuple[str, Any]], socket: bool
) -> None:
    async def test() -> None:
        capabilities = SOCKET if socket else EVERYTHING
        patience = replace(
            QUICK, poll_ns=SECOND // 5, ask_again_ns=SECOND // 50, longest_ns=SECOND // 4
        )
        async with (
            PlainVenue() as venue,
            trading(
                venue, capabilities=capabilities, patience=patience, not_found_ns=SECOND // 4
            ) as (session, book),
        ):
            for index, (what, how) in enumerate(steps):
                if how is not None:
                    venue.be_rude("/orders", how)
                open_ids = [each.client_id for each in book.believed_open()]
                if what == "new" or not open_ids:
                    session.send([book.new(f"o{index}")])
                elif what == "cancel":
                    session.send([book.cancel(open_ids[0])])
                elif book.table.may_amend(open_ids[0]):
                    session.send([book.amend(open_ids[0], 10 + index, 1000 + index)])
                await asyncio.sleep(0.01)
            venue.rude.clear()
            await until(lambda: settled(session, book), 30)
            await until(agree(venue, book), 30)
            assert len(venue.commands) == len(set(venue.commands))

    run(test())


def agree(venue: PlainVenue, book: Book) -> Callable[[], bool]:
    """Whether the owner's orders are the venue's, with their terms, and nothing is open twice."""

    def same() -> bool:
        mine = {}
        for client_id in book.commands:
            order = book.table.get(client_id)
            if order.state.name in ("ACKED", "PARTIALLY_FILLED"):
                mine[client_id] = (order.price, order.quantity)
            elif order.state.name not in ("FILLED", "CANCELED", "REJECTED", "EXPIRED"):
                return False
        theirs = {
            each.client_id: (each.price, each.quantity)
            for each in venue.orders.values()
            if each.state == "open"
        }
        return mine == theirs

    return same
