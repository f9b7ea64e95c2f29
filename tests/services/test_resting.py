"""What shall rest: wishes hold until their time, and nothing rests without one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import pytest
from account_world import NOW, SECOND, World, quotes

from alp._core.ladder import LadderOptions
from alp._core.order_life import OrderEvent, OrderState, RejectReason
from alp._core.wire import QuotesMessage
from alp.services.execution.ladder import LadderPlan
from alp.services.execution.market_view import MarketView
from alp.services.execution.resting import FIRST_REST_NS, Resting
from alp.services.execution.steps import Step
from alp.venues.account.state import AccountNews, AccountState
from alp.venues.orders import Action, Command, Policy

QUOTE_AGE_NS = 60 * SECOND
BIDS, ASKS = ((267_990, 500),), ((268_020, 400),)


def plain_plan(world: World, wanted: QuotesMessage | None) -> list[Step]:
    """Cancel what is not wanted and send what is missing; the ladder's tests prove the real one."""
    orders = world.table.open_orders(0)
    levels = [] if wanted is None else [(1, *each) for each in wanted.bids]
    levels += [] if wanted is None else [(-1, *each) for each in wanted.asks]
    steps = []
    for order in orders:
        if (order.side, order.price, order.quantity) in levels:
            levels.remove((order.side, order.price, order.quantity))
        elif order.state in (OrderState.ACKED, OrderState.PARTIALLY_FILLED):
            steps.append(Step(Action.CANCEL, order.client_id, order.side))
    return [*steps, *(Step(Action.NEW, "", *each) for each in levels)]


@dataclass
class Run:
    world: World = field(default_factory=World)
    now_ns: int = 0
    fresh: bool = True

    def __post_init__(self) -> None:
        self.resting = Resting(
            self.world.account,
            lambda _, wanted: plain_plan(self.world, wanted),
            is_fresh=lambda _: self.fresh,
            clock_ns=self.world.clock,
            monotonic_ns=lambda: self.now_ns,
            most_age_ns=QUOTE_AGE_NS,
        )

    async def settle(self) -> list[Command]:
        """Let everything that can happen now happen; return what was sent."""
        for _ in range(20):
            await asyncio.sleep(0)
        return self.world.session.take()

    def pass_time(self, ns: int) -> None:
        self.now_ns += ns
        self.world.clock.now_ns += ns
        self.world.see()
        self.resting.wake()


def lead(test: Callable[[Run], Awaitable[None]]) -> None:
    """Run a test beside the task that leads to the wishes."""

    async def both() -> None:
        case = Run()
        task = asyncio.create_task(case.resting.run())
        try:
            await test(case)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(both())


def shown(commands: Sequence[Command]) -> list[tuple[str, int]]:
    return [(each.action.name, each.price) for each in commands]


def test_a_wish_comes_true_and_is_not_sent_twice() -> None:
    async def test(case: Run) -> None:
        assert case.resting.want(quotes(BIDS, ASKS))
        sent = await case.settle()
        assert shown(sent) == [("NEW", 267_990), ("NEW", 268_020)]
        case.world.ack(*sent)
        assert case.resting.want(quotes(BIDS, ASKS))
        assert await case.settle() == []

    lead(test)


def test_the_next_wish_replaces_the_one_before() -> None:
    async def test(case: Run) -> None:
        case.resting.want(quotes(BIDS, ASKS))
        case.world.ack(*await case.settle())
        case.resting.want(quotes(((267_980, 500),), ASKS))
        assert shown(await case.settle()) == [("CANCEL", 0), ("NEW", 267_980)]

    lead(test)


def test_a_wish_is_told_with_what_is_left_of_its_time() -> None:
    async def test(case: Run) -> None:
        assert case.resting.wished() == []
        case.resting.want(quotes(BIDS, ASKS))
        [told] = case.resting.wished()
        assert (told["bids"], told["asks"], told["in_force"]) == (list(BIDS), list(ASKS), True)
        before_s = told["left_s"]
        case.pass_time(SECOND)
        assert case.resting.wished()[0]["left_s"] == before_s - 1.0
        case.fresh = False
        assert not case.resting.wished()[0]["in_force"]

    lead(test)


def test_a_wish_that_is_not_renewed_ends() -> None:
    async def test(case: Run) -> None:
        case.resting.want(quotes(BIDS, until_ns=NOW + SECOND))
        case.world.ack(*await case.settle())
        case.pass_time(SECOND - 1)
        assert await case.settle() == []
        case.pass_time(1)
        assert shown(await case.settle()) == [("CANCEL", 0)]

    lead(test)


def test_a_clock_that_is_set_back_does_not_prolong_a_wish() -> None:
    async def test(case: Run) -> None:
        case.resting.want(quotes(BIDS, until_ns=NOW + SECOND))
        case.world.ack(*await case.settle())
        case.world.clock.now_ns -= 3600 * SECOND
        case.now_ns += SECOND
        case.resting.wake()
        assert shown(await case.settle()) == [("CANCEL", 0)]

    lead(test)


def test_a_wish_holds_no_longer_than_quotes_may_be_old_whatever_it_says() -> None:
    async def test(case: Run) -> None:
        case.resting.want(quotes(BIDS)._replace(until_ns=2**62))
        case.world.ack(*await case.settle())
        case.pass_time(QUOTE_AGE_NS - 1)
        case.resting.wake()
        assert shown(await case.settle()) == []
        case.pass_time(1)
        case.resting.wake()
        assert shown(await case.settle()) == [("CANCEL", 0)]

    lead(test)


@pytest.mark.parametrize(
    "message", [quotes(BIDS, token=6), quotes(BIDS, token=8), quotes(BIDS, instrument=1)]
)
def test_a_wish_with_another_token_or_for_another_account_is_refused(
    message: QuotesMessage,
) -> None:
    async def test(case: Run) -> None:
        assert not case.resting.want(message)
        assert await case.settle() == []
        assert case.world.account.counts["wishes refused"] == 1

    lead(test)


@pytest.mark.parametrize("what", ["halt", "kill", "stale", "lost"])
def test_what_rests_is_cancelled_when_nothing_may_be_added(what: str) -> None:
    async def test(case: Run) -> None:
        case.resting.want(quotes(BIDS))
        case.world.ack(*await case.settle())
        account = case.world.account
        if what == "halt":
            account.halt("clock", "it was set")
        elif what == "kill":
            account.kill("a fat finger")
        elif what == "lost":
            account.heard_state(AccountNews(AccountState.LOST, "silence"))
        case.fresh = what != "stale"
        case.resting.wake()
        assert shown(await case.settle()) == [("CANCEL", 0)]

    lead(test)


def test_a_side_rests_after_a_refusal_and_longer_after_the_next() -> None:
    async def test(case: Run) -> None:
        case.resting.want(quotes(BIDS, ASKS))
        bid, ask = await case.settle()
        case.world.ack(ask)
        case.world.hear(OrderEvent.REJECTED, bid.client_id, reason=RejectReason.POST_ONLY)
        assert await case.settle() == []
        case.pass_time(FIRST_REST_NS)
        (again,) = await case.settle()
        assert again.side == 1
        case.world.hear(OrderEvent.REJECTED, again.client_id, reason=RejectReason.POST_ONLY)
        case.pass_time(FIRST_REST_NS)
        assert await case.settle() == []
        case.pass_time(FIRST_REST_NS)
        (third,) = await case.settle()
        case.world.ack(third)
        assert len(case.world.account.open_orders()) == 2

    lead(test)


def test_a_side_with_nothing_left_rests_and_the_other_goes_on() -> None:
    async def test(case: Run) -> None:
        case.resting.heard_state(
            AccountNews(AccountState.LIVE, "margin", Policy.PAUSE_SIDE, symbol="ETHUSDC", side=-1)
        )
        case.resting.want(quotes(BIDS, ASKS))
        assert shown(await case.settle()) == [("NEW", 267_990)]

    lead(test)


def test_what_the_rate_refuses_is_tried_again() -> None:
    async def test(case: Run) -> None:
        many = tuple((267_990 - each, 1) for each in range(25))
        case.resting.want(quotes(many, until_ns=NOW + 60 * SECOND))
        first = await case.settle()
        assert len(first) == case.world.strategy.spec.execution.burst
        case.world.ack(*first)
        case.pass_time(SECOND)
        assert len(await case.settle()) == 5

    lead(test)


def test_everything_is_cancelled_the_largest_risk_first() -> None:
    async def test(case: Run) -> None:
        levels = ((267_990, 100), (267_980, 900), (267_970, 500))
        case.resting.want(quotes(levels))
        case.world.ack(*await case.settle())
        sizes = {each.client_id: each.quantity for each in case.world.account.open_orders()}
        ending = asyncio.create_task(case.resting.cancel_everything(10 * SECOND))
        cancels = await case.settle()
        assert [sizes[each.client_id] for each in cancels] == [900, 500, 100]
        for each in cancels:
            case.world.hear(OrderEvent.CANCELED, each.client_id, cumulative=0)
        assert await ending == []
        case.resting.want(quotes(levels))
        assert await case.settle() == []  # stopped is stopped

    lead(test)


def test_what_may_still_be_open_at_the_deadline_is_told() -> None:
    async def test(case: Run) -> None:
        case.resting.want(quotes(BIDS))
        (order,) = await case.settle()
        case.world.ack(order)
        ending = asyncio.create_task(case.resting.cancel_everything(SECOND))
        await case.settle()
        case.pass_time(2 * SECOND)
        assert [each.client_id for each in await ending] == [order.client_id]

    lead(test)


def test_a_wish_that_cannot_be_is_told_once_and_in_few_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    view = MarketView(world.gate, world.account.products, [0], SECOND)
    plan = LadderPlan(world.account, view, LadderOptions())
    for _ in range(3):
        assert plan(world.venue, quotes(bids=[(0, 2**62)] * 30)) == []
    (record,) = caplog.records
    assert len(record.getMessage()) < 300
    assert plan.refused == 3


def test_an_order_whose_cancel_was_refused_is_not_cancelled_again_at_once() -> None:
    async def test(case: Run) -> None:
        case.resting.want(quotes(BIDS))
        (order,) = await case.settle()
        case.world.ack(order)
        case.resting.withdraw()
        (cancel,) = await case.settle()
        case.world.hear(OrderEvent.CANCEL_REFUSED, order.client_id, command=cancel.number)
        assert await case.settle() == []
        case.pass_time(FIRST_REST_NS)
        (again,) = await case.settle()
        case.world.hear(OrderEvent.CANCEL_REFUSED, order.client_id, command=again.number)
        case.pass_time(FIRST_REST_NS)
        assert await case.settle() == []
        case.pass_time(FIRST_REST_NS)
        assert shown(await case.settle()) == [("CANCEL", 0)]

    lead(test)


def test_before_the_account_was_read_nothing_is_cancelled() -> None:
    async def test(case: Run) -> None:
        case.resting.want(quotes(BIDS))
        case.world.ack(*await case.settle())
        case.world.account.halt("start", "the venue has not been read yet")
        case.resting.wake()
        assert await case.settle() == []
        case.world.account.resume("start")
        case.resting.withdraw()
        assert shown(await case.settle()) == [("CANCEL", 0)]

    lead(test)
