"""Conformance cases of what goes wrong on the way to a venue, and at it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from alp._core.order_life import OrderEvent, OrderState, RejectReason
from alp.errors import VenueError
from alp.services.conformance.orders import FILTERS
from alp.services.conformance.relay import Relay
from alp.services.conformance.world import (
    ASK_AGAIN_S,
    QUICK,
    SECOND,
    UNITS,
    WITHIN_S,
    CaseFailed,
    LeftOut,
    Trading,
    World,
    check,
    until,
)
from alp.venues.account.state import AccountState
from alp.venues.orders import Capability, Policy

ACKED, CANCELED, REJECTED = OrderState.ACKED, OrderState.CANCELED, OrderState.REJECTED
SKEW_S = 3600
CLOCKED = ("binance-usdm", "binance-spot")
TIMERS = Capability.DEAD_MAN_SYMBOL | Capability.DEAD_MAN_ACCOUNT
NONCED = ("kraken-spot",)
AHEAD_US = 2_000_000


async def _after(trading: Trading, fault: str, *, done: bool) -> None:
    """Send a new order to which something happens; it ends as the venue has it."""
    await trading.world.control.fault("new", fault)
    name = trading.new()
    await until(lambda: OrderEvent.UNKNOWN in trading.orders.kinds(name), "its end is unknown")
    await trading.settled()
    state = trading.orders.state(name)
    wanted = ACKED if done else REJECTED
    check(state is wanted, f"it is {state.name} here; at the venue {wanted.name}")
    await trading.agree()


async def loses_answer(world: World) -> None:
    """C10: an answer that is lost makes an order unknown, and it is found; a request, closed."""
    async with world.session() as trading:
        await _after(trading, "lose-answer", done=True)
        await _after(trading, "lose-request", done=False)


async def cuts_body(world: World) -> None:
    """C11: a connection that is reset in an answer makes an order unknown, and it is found."""
    world.control  # noqa: B018 - or it is left out
    patience = replace(QUICK, clock_ns=600 * SECOND)
    async with (
        Relay(world.place.endpoints) as relay,
        world.session(endpoints=relay.endpoints, patience=patience) as trading,
    ):
        relay.arm()
        name = trading.new()
        await until(lambda: relay.cuts, "a connection is cut")
        await trading.becomes(name, ACKED)
        await until(lambda: trading.session.state is AccountState.LIVE, "it is live")
        await trading.agree()


async def unknown_outcome(world: World) -> None:
    """C12: where the venue does not know, the order is asked for until it does."""
    async with world.session() as trading:
        for done in (True, False):
            await _unknown(trading, done=done)


async def _unknown(trading: Trading, *, done: bool) -> None:
    world = trading.world
    await world.control.fault("new", "unknown", done=done)
    opened = trading.session.inquiries.opened
    name = trading.new()
    await until(lambda: trading.session.inquiries.opened > opened, "it is asked for")
    await trading.settled()
    state, wanted = trading.orders.state(name), ACKED if done else REJECTED
    check(state is wanted, f"it is {state.name} here; at the venue {wanted.name}")
    await trading.agree()


async def too_many(world: World) -> None:
    """C13: after 429 only cancels leave, and it goes on when the venue's wait is over."""
    control = world.control
    async with world.session() as trading:
        old = await trading.rest()
        await control.fault("new", "status", status=429, retryAfter="2s")
        refused = trading.new()
        await trading.becomes(refused, REJECTED)
        reason = trading.orders.table.get(refused).reason
        check(reason is RejectReason.RATE, f"the reason is {reason.name}, not RATE")
        held = trading.new()
        trading.cancel(old)
        await trading.becomes(old, CANCELED)
        check(trading.orders.kinds(held) == [OrderEvent.NOT_SENT], "a new order left as well")
        await until(lambda: not trading.session.rates.blocked_ns, "the wait is over")
        await trading.rest()
        await trading.agree()


async def clock_error(world: World) -> None:
    """C14: a refusal for the clock is typed, the clock is measured, and orders go on."""
    if world.place.exchange not in CLOCKED:
        raise LeftOut("the venue answers no such error: it does not compare clocks")
    control = world.control
    async with world.session() as trading:
        await control.fault("new", "skew", skew=f"{SKEW_S}s")
        name = trading.new()
        await trading.becomes(name, REJECTED)
        reason = trading.orders.table.get(name).reason
        check(reason is RejectReason.CLOCK, f"the reason is {reason.name}, not CLOCK")
        check(Policy.RESYNC_CLOCK in trading.orders.policies(), "the clock is not compared")
        await _follows(trading)
        await trading.agree()


async def _follows(trading: Trading) -> None:
    """Wait until the clock's jump was measured and an order rests again."""
    ahead = (SKEW_S - 100) * SECOND
    readings = trading.orders.readings
    await until(lambda: readings and readings[-1].offset_ns > ahead, "the jump is measured")
    for _ in range(100):  # keys of streams may have expired as well
        name = trading.new()
        await until(lambda name=name: trading.orders.kinds(name), "an end")  # type: ignore[misc]
        await trading.settled()
        if trading.orders.state(name) is ACKED:
            return
        await until(lambda: trading.session.state is AccountState.LIVE, "it is live")
    check(False, "no order rests after it")


async def server_time_jumps(world: World) -> None:
    """C28: a jump of the venue's clock is followed, and no order is lost in it."""
    control = world.control
    async with world.session() as trading:
        name = await trading.rest()
        await control.fault("cancel", "skew", skew=f"{SKEW_S}s")
        trading.cancel(name)
        await until(
            lambda: not len(trading.session.journeys) or _is_halted(trading), "the cancel ends"
        )
        if await _halts(trading, name):
            return
        await trading.settled()
        await _follows(trading)
        if not trading.orders.has_ended(name):
            trading.cancel(name)
            await trading.becomes(name, CANCELED)
        await trading.agree()


def _is_halted(trading: Trading) -> bool:
    return trading.session.state is AccountState.HALTED


async def _halts(trading: Trading, name: str) -> bool:
    """Whether the account halted; then no order that is open may be taken for ended."""
    if not _is_halted(trading):
        return False
    row = await trading.world.true_order(name)
    lost = row["state"] == "open" and trading.orders.has_ended(name)
    check(not lost, "an order that is open is taken for ended")
    late = trading.new()
    await until(lambda: trading.orders.has_ended(late), "nothing new leaves")
    trading.world.notes.append("the venue answers as to a wrong key: the account halts")
    return True


async def nonce_error(world: World) -> None:
    """C15: a nonce that is too low loses no order, and requests go through when it no longer is."""
    if world.place.exchange not in NONCED:
        raise LeftOut("alp sends no nonces there")
    async with world.session() as trading:
        old = await trading.rest()
        ahead_us = trading.session.clock.now_ns() // 1000 + AHEAD_US
        async with world.session(last_nonce=ahead_us):
            pass  # somebody else with the same key, whose clock is ahead
        refused = await _refusals(trading)
        check(refused, "no nonce was too low")
        name = await trading.rest()
        trading.cancel(old)
        await trading.becomes(old, CANCELED)
        check(trading.orders.state(name) is ACKED, "an order from after it is lost")
        await trading.agree()


async def _refusals(trading: Trading) -> int:
    """Ask for open orders until the venue answers; return how often it did not."""
    deadline = time.monotonic() + WITHIN_S
    refused = 0
    while time.monotonic() < deadline:
        try:
            await trading.venue_open(again=1)
        except VenueError:
            refused += 1
            await asyncio.sleep(ASK_AGAIN_S)
        else:
            return refused
    raise CaseFailed("requests do not go through again")


async def stream_key_expires(world: World) -> None:
    """C16: when the private stream's key ends, the stream is opened anew and nothing is missed."""
    if world.place.exchange not in CLOCKED:
        raise LeftOut("no key that expires opens the stream")
    control = world.control
    async with world.session() as trading:
        name = await trading.rest()
        await control.fault("new", "expire-keys")
        other = trading.new()
        await trading.settled()
        await world.sell(world.unit)
        await until(lambda: trading.orders.table.get(name).filled, "the fill is told")
        await until(lambda: trading.session.state is AccountState.LIVE, "it is live")
        if trading.orders.state(other) is REJECTED:
            world.notes.append("the order in between was refused")
        await trading.agree()


async def maintenance(world: World) -> None:
    """C20: in maintenance an order is refused or unknown, never both; after it orders rest."""
    control = world.control
    async with world.session() as trading:
        old = await trading.rest()
        await control.fault("new", "maintenance", lasts="1s")
        name = trading.new()
        await trading.settled()
        check(trading.orders.has_ended(name), "an order that was not taken is still open here")
        for _ in range(100):
            await until(lambda: trading.session.state is AccountState.LIVE, "it is live")
            after = trading.new()
            await until(lambda after=after: trading.orders.kinds(after), "an end")  # type: ignore[misc]
            await trading.settled()
            if trading.orders.state(after) is ACKED:
                break
            await asyncio.sleep(0.2)
        check(trading.orders.state(after) is ACKED, "no order rests after it")
        check(trading.orders.state(old) is ACKED, "the order from before is lost")
        await trading.agree()


async def rules_change(world: World) -> None:
    """C21: where ticks and lots change, what is no longer allowed is refused as that."""
    control = world.control
    async with world.session() as trading:
        old = await trading.rest()
        await control.fault("query", "rules")
        await trading.session.calls.ask(
            lambda: trading.session.adapter.query(
                trading.orders.commands[old], trading.session.calls.signer
            )
        )
        name = trading.new(price=world.resting - world.resting % 10 - 1)
        await trading.becomes(name, REJECTED)
        reason = trading.orders.table.get(name).reason
        check(reason in FILTERS, f"the reason is {reason.name}, none of the filters")
        await trading.rest(
            price=world.resting - world.resting % 10, quantity=10 * UNITS * world.unit
        )
        await trading.agree()


async def dead_man(world: World) -> None:
    """C24: the venue's timer is refreshed while all is well, and cancels when it is not."""
    world.control  # noqa: B018 - or it is left out
    adapter = world.make(world.place.exchange, world.place.endpoints)
    if not adapter.capabilities & TIMERS:
        raise LeftOut("the venue has no timer; alp watchdog stands in for it")
    async with world.session(dead_man_ns=5 * SECOND) as trading:
        timer = trading.session.dead_man
        name = await trading.rest()
        await until(lambda: timer.counts["set"] >= 3, "it is refreshed")
        check(trading.orders.state(name) is ACKED, "it fired although it was refreshed")
        trading.orders.well = False
        await trading.becomes(name, CANCELED)
        await trading.agree()


async def freezes(world: World) -> None:
    """C29: an account that may not trade refuses as that, still cancels; without a key it halts."""
    control = world.control
    async with world.session() as trading:
        old, kept = await trading.rest(), await trading.rest()
        await control.fault("new", "freeze")
        name = trading.new()
        await trading.becomes(name, REJECTED)
        world.notes.append(f"frozen: {trading.orders.table.get(name).reason.name}")
        trading.cancel(old)
        await trading.becomes(old, CANCELED)
        await control.fault("any", "revoke")
        trading.cancel(kept)
        await until(lambda: trading.session.state is AccountState.HALTED, "it halts")
        late = trading.new()
        await until(lambda: trading.orders.has_ended(late), "nothing new leaves")
        check(trading.orders.kinds(late) == [OrderEvent.NOT_SENT], "an order left all the same")
        check((await world.true_order(kept))["state"] == "open", "the venue did as it was not told")
