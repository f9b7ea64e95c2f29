"""What the gate refuses changes what rests: nothing stays where it may not be wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from account_world import LIMITS, SECOND, World, manifest, quotes
from test_resting import ASKS, BIDS, Run, lead, plain_plan, shown

from alp._core.order_life import OrderEvent, OrderState
from alp._core.wire import QuotesMessage
from alp.services.execution.limits import UNITS, AccountVenue, instrument_rules
from alp.services.execution.resting import Resting
from alp.services.execution.steps import Step
from alp.venues.orders import Action


def moving(world: World) -> Callable[[AccountVenue, QuotesMessage | None], list[Step]]:
    """Amend what rests to where it is wanted; without a wish cancel it."""

    def plan(venue: AccountVenue, wanted: QuotesMessage | None) -> list[Step]:
        if wanted is None:
            return plain_plan(world, wanted)
        orders = [
            each for each in world.table.open_orders(venue.index) if each.state is OrderState.ACKED
        ]
        if not world.table.open_orders(venue.index):
            return plain_plan(world, wanted)
        return [
            Step(Action.AMEND, order.client_id, 1, *wanted.bids[0])
            for order in orders
            if (order.price, order.quantity) != wanted.bids[0]
        ]

    return plan


def lead_moving(test: Callable[[World, Run], Awaitable[None]], **spec: object) -> None:
    """Run a test beside the task that leads to the wishes by amends."""

    async def both() -> None:
        case = Run(World(manifest(**spec)))
        case.resting = Resting(
            case.world.account,
            moving(case.world),
            clock_ns=case.world.clock,
            monotonic_ns=lambda: case.now_ns,
        )
        task = asyncio.create_task(case.resting.run())
        try:
            await test(case.world, case)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(both())


def test_an_order_that_may_not_be_moved_to_where_it_is_wanted_is_cancelled() -> None:
    async def test(world: World, case: Run) -> None:
        case.resting.want(quotes(BIDS))
        world.ack(*await case.settle())
        case.resting.want(quotes(((260_000, 500),)))  # far outside the collar
        assert shown(await case.settle()) == [("CANCEL", 0)]
        assert world.account.counts["refused COLLAR"] > 0

    lead_moving(test)


def test_an_order_that_is_moved_too_often_stays_until_the_rate_lets_it() -> None:
    async def test(world: World, case: Run) -> None:
        case.resting.want(quotes(BIDS))
        world.ack(*await case.settle())
        case.resting.want(quotes(((267_980, 500),)))
        assert await case.settle() == []
        assert world.account.counts["refused RATE_STRATEGY"] > 0
        case.pass_time(SECOND)
        assert shown(await case.settle()) == [("AMEND", 267_980)]

    lead_moving(test, limits=LIMITS, execution={"ordersPerSecond": 1, "burst": 1})


def test_a_side_that_is_filled_too_often_is_pulled_and_comes_back() -> None:
    async def test(case: Run) -> None:
        rules = instrument_rules(case.world.venue, case.world.strategy)
        case.world.gate.set_instrument(0, rules._replace(fills_max=1, fill_window_ns=SECOND))
        two = (*BIDS, (267_980, 300))
        case.resting.want(quotes(two, ASKS))
        sent = await case.settle()
        case.world.ack(*sent)
        case.pass_time(1)  # the same order at the same moment would be a duplicate
        first = next(each for each in sent if each.price == 267_990)
        case.world.hear(OrderEvent.FILL, first.client_id, trade_id="t", price=267_990, quantity=500)
        # The level is wanted again, which is refused: the other of the side goes, the asks stay.
        assert shown(await case.settle()) == [("CANCEL", 0)]
        case.world.hear(OrderEvent.CANCELED, sent[1].client_id, cumulative=0)
        case.pass_time(2 * SECOND)
        assert shown(await case.settle()) == [("NEW", 267_990), ("NEW", 267_980)]

    lead(test)


def test_while_only_what_reduces_may_leave_the_other_side_goes() -> None:
    async def test(case: Run) -> None:
        case.resting.want(quotes(BIDS, ASKS))
        sent = await case.settle()
        case.world.ack(*sent)
        case.world.table.set_position(0, 250)
        assert case.world.table.combined(0).net == UNITS // 4
        case.world.account.restrain("test", "for a test")
        case.resting.wake()
        gone = await case.settle()
        assert {each.client_id for each in gone if each.action is Action.CANCEL} == {
            each.client_id for each in sent
        }
        for each in sent:
            case.world.hear(OrderEvent.CANCELED, each.client_id, cumulative=0)
        left = await case.settle()
        assert [(each.side, each.price, each.quantity) for each in left] == [(-1, 268_020, 250)]
        case.world.ack(*left)
        case.world.account.relax("test")
        case.pass_time(1)  # the same order at the same moment would be a duplicate
        assert ("NEW", 267_990) in shown(await case.settle())

    lead(test)
