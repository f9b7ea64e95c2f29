"""Conformance cases of what orders do where nothing goes wrong, and of starting and ending."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from decimal import Decimal
from math import ceil

from alp._core.order_life import OrderEvent, OrderState, RejectReason
from alp.errors import ConfigError
from alp.services.conformance.world import (
    ASK_AGAIN_S,
    SECOND,
    UNITS,
    LeftOut,
    Orders,
    Trading,
    World,
    check,
    until,
)
from alp.venues.instruments import Grid, Instrument
from alp.venues.orders import Capability, Policy

ACKED, FILLED, CANCELED = OrderState.ACKED, OrderState.FILLED, OrderState.CANCELED
REJECTED, PARTIAL = OrderState.REJECTED, OrderState.PARTIALLY_FILLED
FILTERS = frozenset(
    {
        RejectReason.PRICE_FILTER,
        RejectReason.SIZE_FILTER,
        RejectReason.NOTIONAL_FILTER,
    }
)
BURST = 8


async def rests(world: World) -> None:
    """C01: a post-only order away from the touch rests, as it was sent."""
    async with world.session() as trading:
        name = await trading.rest()
        order = trading.orders.table.get(name)
        check(order.venue_id, "the venue told no id of its own")
        live = [row for row in await trading.venue_open() if row.client_id == name]
        check(len(live) == 1, f"the venue lists {len(live)} open orders of that id, not one")
        same = (live[0].price, live[0].quantity) == (order.price, order.quantity)
        check(same, "the venue lists it with another price or quantity")
        await trading.agree()


async def crosses(world: World) -> None:
    """C02: a post-only order that would trade is refused, with that as its reason."""
    async with world.session() as trading:
        name = trading.new(price=world.crossing)
        await trading.becomes(name, REJECTED, CANCELED, OrderState.EXPIRED)
        reason = trading.orders.table.get(name).reason
        check(reason is RejectReason.POST_ONLY, f"the reason is {reason.name}, not POST_ONLY")
        await trading.agree()


async def boundaries(world: World) -> None:
    """C03: below a minimum or between steps is refused, the minimum and above are not."""
    instrument = world.instrument
    size = instrument.order_quantity
    price = instrument.price.value(world.resting) * instrument.contract_size
    notional = (instrument.min_notional or Decimal(0)) / price
    least = ceil(max(instrument.min_quantity, notional, size.increment) / size.increment)
    async with world.session() as trading:
        for lots in (least, least + 1):
            await trading.rest(quantity=lots)
        at, lots = world.resting, UNITS * world.unit
        if least > 1:
            await _filtered(trading, Terms(instrument, at, least - 1))
        between = replace(instrument, price=Grid(instrument.price.decimals + 2, 1))
        terms = Terms(between, 100 * at * instrument.price.step + 1, lots)
        await _filtered(trading, terms)
        between = replace(instrument, order_quantity=Grid(size.decimals + 2, 1))
        await _filtered(trading, Terms(between, at, 100 * lots * size.step + 1))
        await trading.agree()


@dataclass(frozen=True)
class Terms:
    """An order as it is sent; its instrument may have finer grids than the venue's."""

    instrument: Instrument
    price: int
    quantity: int


async def _filtered(trading: Trading, terms: Terms) -> None:
    """Send an order that is refused for its terms; some venues do not say for which."""
    name, sent = "", False
    while not sent:  # the budget may hold it back
        name = trading.world.name()
        command = trading.orders.new(name, trading.world.resting, UNITS * trading.world.unit)
        command = replace(command, instrument=terms.instrument)
        trading.session.send([replace(command, price=terms.price, quantity=terms.quantity)])
        await trading.settled()
        sent = trading.orders.kinds(name) != [OrderEvent.NOT_SENT]
        await asyncio.sleep(0 if sent else ASK_AGAIN_S)
    await trading.becomes(name, REJECTED)
    reason = trading.orders.table.get(name).reason
    if reason not in FILTERS:
        news = [each for each in trading.orders.news if each.client_id == name]
        told = any(each.policy is Policy.FIX_CONFIG for each in news)
        check(told, f"the reason is {reason.name}, none of the filters")
        trading.world.notes.append(f"not said for which term: {news[-1].why}")


async def amends_less(world: World) -> None:
    """C04: an amend to less is done, and keeps its place where the venue says so."""
    async with world.session() as trading:
        capabilities = trading.session.adapter.capabilities
        if Capability.AMEND_LESS not in capabilities:
            raise LeftOut("the venue amends no quantity")
        first, second = await trading.rest(), await trading.rest()
        less = (UNITS - 1) * world.unit
        trading.amend(first, quantity=less)
        table = trading.orders.table
        await until(lambda: table.get(first).quantity == less, "the quantity is less")
        await trading.becomes(first, ACKED)
        await trading.agree()
        if not world.place.control:
            world.notes.append("its place in the queue was not looked at")
            return
        await world.sell(world.unit)
        await until(lambda: table.get(first).filled or table.get(second).filled, "one is filled")
        kept = bool(table.get(first).filled)
        says = Capability.AMEND_KEEPS_PRIORITY in capabilities
        check(kept or not says, "its place is lost, although the venue says that it is kept")
        world.notes.append(f"its place is {'kept' if kept else 'lost'}")
        await trading.agree()


async def amends_price(world: World) -> None:
    """C05: an amend of the price is done."""
    async with world.session() as trading:
        if Capability.AMEND_PRICE not in trading.session.adapter.capabilities:
            raise LeftOut("the venue amends no price; orders are replaced")
        name = await trading.rest()
        trading.amend(name, price=world.resting - 1)
        order = trading.orders.table
        await until(lambda: order.get(name).price == world.resting - 1, "the price is the new one")
        await trading.becomes(name, ACKED)
        (live,) = await trading.venue_open()
        check(live.price == world.resting - 1, "the venue lists it with another price")
        await trading.agree()


async def amends_while_filling(world: World) -> None:
    """C06: an order that is filled while an amend is on its way is filled no more than it may."""
    control = world.control
    async with world.session() as trading:
        if Capability.AMEND_LESS not in trading.session.adapter.capabilities:
            raise LeftOut("the venue amends no quantity")
        name = await trading.rest()
        await control.fault("amend", "hold", delay="300ms")
        trading.amend(name, quantity=(UNITS - 1) * world.unit)
        await world.sell(world.unit)
        await trading.settled()
        await until(lambda: trading.orders.table.get(name).filled == world.unit, "the fill")
        await world.sell(UNITS * world.unit)
        await trading.becomes(name, FILLED)
        row, order = await world.true_order(name), trading.orders.table.get(name)
        check(order.filled <= UNITS * world.unit, "more was filled than the order ever was for")
        check(row["state"] == "filled", "the venue does not have it filled")
        if order.filled > (UNITS - 1) * world.unit:
            world.notes.append("an amend says what is to be left, whatever was filled meanwhile")
        await trading.agree()


async def cancels(world: World) -> None:
    """C07: a cancel ends an order; of one that ended, or never was, it does no harm."""
    async with world.session() as trading:
        name = await trading.rest()
        trading.cancel(name)
        await trading.becomes(name, CANCELED)
        await _cancel_again(trading, name)
        if Capability.CANCEL_BY_CLIENT_ID in trading.session.adapter.capabilities:
            stranger = world.name()
            trading.orders.new(stranger, world.resting, UNITS * world.unit)
            trading.cancel(stranger)
            await until(lambda: trading.orders.has_ended(stranger), "an order that never was ends")
        else:
            world.notes.append("only what the venue gave an id is canceled")
        if world.place.control:
            filled = await trading.rest()
            await world.sell(UNITS * world.unit)
            await trading.becomes(filled, FILLED)
            await _cancel_again(trading, filled)
        else:
            world.notes.append("cancel of a filled order: needs a simulated venue's control")
        await trading.agree()


async def _cancel_again(trading: Trading, name: str) -> None:
    """Cancel an order that has ended; it stays as it ended."""
    before = trading.orders.state(name)
    trading.cancel(name)
    await trading.settled()
    after = trading.orders.state(name)
    check(after is before, f"a cancel made an order {after.name} that was {before.name}")


async def fills_before_ack(world: World) -> None:
    """C08: a fill that comes before the answer counts once, and the answer changes nothing."""
    control = world.control
    async with world.session() as trading:
        await control.fault("new", "delay", delay="500ms")
        name, table = trading.new(), trading.orders.table
        for _ in range(1000):
            if any(row["client_id"] == name for row in await world.truth()):
                break
        await world.sell(world.unit)
        await until(lambda: table.get(name).filled == world.unit, "the fill is told")
        await trading.settled()
        check(table.get(name).filled == world.unit, "the fill was counted twice, or lost")
        check(table.get(name).state is PARTIAL, f"the order is {table.get(name).state.name}")
        await trading.agree()


async def duplicates(world: World) -> None:
    """C09: a client id that is in use makes no second order."""
    async with world.session() as trading:
        name = await trading.rest()
        other = Orders(world.instrument)
        async with world.session(other) as second:
            second.session.send([other.new(name, world.resting, UNITS * world.unit)])
            await second.settled()
            order = other.table.get(name)
            if order.state is REJECTED:
                right = order.reason is RejectReason.DUPLICATE_ID
                check(right, f"the reason is {order.reason.name}, not DUPLICATE_ID")
                world.notes.append("refused")
            else:
                same = order.venue_id == trading.orders.table.get(name).venue_id
                check(order.state is ACKED and same, "it is taken for another order")
                found = OrderEvent.FOUND in other.kinds(name)
                world.notes.append("refused, and found by its id" if found else "de-duplicated")
            live = [row for row in await trading.venue_open() if row.client_id == name]
            check(len(live) == 1, f"{len(live)} orders with one client id are open")
            if order.state is not REJECTED:
                other.commands.clear()
        await trading.agree()


async def restarts(world: World) -> None:
    """C22: after a restart what is open is adopted, and what ended meanwhile is told."""
    orders = Orders(world.instrument)
    async with world.session(orders, leave=True) as trading:
        kept, ended = await trading.rest(), await trading.rest()
        since_ns = trading.session.clock.now_ns() - 5 * SECOND
    async with world.session() as other:
        other.session.send([orders.cancel(ended)])
        await until(lambda: OrderEvent.CANCELED in other.orders.kinds(ended), "the cancel")
    if world.place.control:
        await world.sell(world.unit)
    async with world.session(orders, since_ns=since_ns) as trading:
        await trading.becomes(ended, CANCELED)
        await trading.becomes(kept, PARTIAL if world.place.control else ACKED)
        await trading.agree()


async def foreign(world: World) -> None:
    """C23: orders of others in the same account are seen and left alone."""
    async with world.session() as other:
        name = await other.rest()
        async with world.session() as trading:
            report = next(each for each in trading.orders.reports if each.orders is not None)
            seen = [row.client_id for row in report.orders or ()]
            check(name in seen, "an order of somebody else is not seen")
            own = await trading.rest()
            trading.cancel(own)
            await trading.becomes(own, CANCELED)
            await trading.settled()
            check(not trading.orders.kinds(name) or name not in trading.orders.table, "it is ours")
            await other.agree()
        check(other.orders.state(name) is ACKED, "an order of somebody else was touched")
        await other.agree()


async def cancels_a_burst(world: World) -> None:
    """C25: cancel-all in a burst of new orders leaves none that is not known."""
    if not world.place.control:
        raise LeftOut("cancels everything of the product: needs a simulated venue's control")
    async with world.session() as trading:
        names = [trading.new() for _ in range(BURST // 2)]
        task = trading.session.cancel_all()
        names += [trading.new() for _ in range(BURST // 2)]
        await task
        await trading.agree()
        await trading.session.cancel_all()
        await until(lambda: all(trading.orders.has_ended(each) for each in names), "all ended")
        await trading.agree()


async def fee_in_token(world: World) -> None:
    """C26: a fee in a third asset is told as such, and changes no quantity."""
    await world.control.act("fee-token", asset="BNB", price="600")
    async with world.session() as trading:
        name = await trading.rest()
        await world.sell(UNITS * world.unit)
        await trading.becomes(name, FILLED)
        fills = [each for each in trading.orders.facts if each.kind is OrderEvent.FILL]
        if not fills:
            await until(
                lambda: any(each.kind is OrderEvent.FILL for each in trading.orders.facts),
                "trades are read",
            )
            fills = [each for each in trading.orders.facts if each.kind is OrderEvent.FILL]
        assets = {each.fee_asset for each in fills if each.fee}
        world.notes.append(f"fees in {', '.join(sorted(assets)) or 'nothing that is told'}")
        truth = (await world.control.state())["accounts"].values()
        true = {fill["fee_asset"] for each in truth for fill in each["fills"]}
        if assets == {world.instrument.quote}:
            raise LeftOut("the venue takes fees in the quote only")
        if assets:
            check(assets == true, f"the venue took {', '.join(sorted(true))}")
        await trading.agree()


async def fills_exactly(world: World) -> None:
    """C27: partial fills add up to the step."""
    world.control  # noqa: B018 - or it is left out
    async with world.session() as trading:
        name = await trading.rest()
        whole, table = UNITS * world.unit, trading.orders.table
        for lots in (1, whole - 2):
            before = table.get(name).filled
            await world.sell(lots)
            await until(lambda then=before + lots: table.get(name).filled == then, "the fill")  # type: ignore[misc]
            check(table.get(name).state is PARTIAL, "it is not partially filled")
        await world.sell(1)
        await trading.becomes(name, FILLED)
        check(table.exposure(0).position == whole, "the position is another")
        await trading.agree()


async def refuses_withdrawal(world: World) -> None:
    """C30: a key that may withdraw is refused before anything is sent."""
    async with world.session() as trading:
        if trading.session.adapter.permissions(trading.session.calls.signer) is None:
            raise LeftOut("the venue does not say what a key may do")
    key = world.place.withdrawer
    if key is None:
        raise LeftOut("no key that may withdraw was given")
    if world.place.exchange == "binance-usdm":
        raise LeftOut("the venue says it of the account, not whether a key may withdraw")
    try:
        async with world.session(credentials=key):
            pass
    except ConfigError as error:
        check("withdraw" in str(error), f"it was refused, but because: {error}")
        return
    check(False, "a key that may withdraw was taken")
