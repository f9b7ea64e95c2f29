"""An account: nothing leaves that is not approved and durable, whatever comes in whatever order."""

from __future__ import annotations

import asyncio

import pytest
from account_world import NOW, SECOND, Noted, World

from alp._core.gate import GateState, Refusal
from alp._core.journal_records import FactSource
from alp._core.order_life import OrderEvent, OrderState, RejectReason
from alp.services.execution import account
from alp.services.execution.account import KEPT_NS, Account
from alp.services.execution.steps import Step
from alp.venues.account.state import AccountNews, AccountReport, AccountState
from alp.venues.orders import Action, Command, LiveOrder

BID = Step(Action.NEW, side=1, price=267_990, quantity=500)
ASK = Step(Action.NEW, side=-1, price=268_020, quantity=500)


def do(world: World, *steps: Step) -> list[Refusal]:
    return asyncio.run(world.account.do(world.venue, steps))


def one(world: World, step: Step = BID) -> Command:
    """Send one order and let the venue take it."""
    assert do(world, step) == []
    (command,) = world.session.take()
    world.ack(command)
    return command


def test_a_step_is_approved_and_durable_before_it_leaves() -> None:
    world = World()
    sent: list[int] = []

    class Looks(Noted):
        def send(self, commands: object) -> None:
            sent.append(world.journal.durable_to)

    world.account.use(Looks())
    assert do(world, BID, ASK) == []
    intents = [place for place, row in enumerate(world.journal.rows, 1) if row[0] == "intent"]
    assert len(intents) == 2
    assert sent == [intents[-1]]
    assert [each.side for each in world.account.open_orders()] == [-1, 1]


def test_what_is_sent_has_what_was_approved() -> None:
    world = World()
    first = one(world)
    assert (first.action, first.side, first.price, first.quantity) == (Action.NEW, 1, 267_990, 500)
    assert (first.post_only, first.reduce_only, first.sent_ns) == (True, False, NOW)
    amend = Step(Action.AMEND, first.client_id, 1, 267_980, 400)
    cancel = Step(Action.CANCEL, first.client_id, 1)
    assert do(world, amend, cancel) == []
    cancelled, amended = world.session.take()
    assert (cancelled.action, cancelled.number) == (Action.CANCEL, 2)
    assert (amended.action, amended.number) == (Action.AMEND, 1)
    assert (amended.venue_id, amended.price, amended.quantity) == ("v-ours-1", 267_980, 400)


def test_what_the_gate_refuses_does_not_leave() -> None:
    world = World()
    too_large = Step(Action.NEW, side=1, price=267_990, quantity=8_000)
    assert do(world, too_large, BID) == [Refusal.SIZE_MAX]
    assert [each.quantity for each in world.session.take()] == [500]
    assert world.account.counts["refused SIZE_MAX"] == 1


@pytest.mark.parametrize("how", ["broken", "torn"])
def test_with_a_broken_journal_only_cancels_leave(how: str) -> None:
    world = World()
    resting = one(world)
    setattr(world.journal, how, True)
    do(world, ASK, Step(Action.CANCEL, resting.client_id, 1))
    (command,) = world.session.take()
    assert command.action is Action.CANCEL
    assert world.gate.state is GateState.HALTED
    assert "journal" in world.account.halts
    assert world.table.get("ours-2").state is OrderState.REJECTED  # it was never sent
    assert do(world, ASK) == [Refusal.HALTED]
    world.hear(OrderEvent.CANCELED, resting.client_id, cumulative=0)
    assert world.account.open_orders() == []


def test_a_kill_while_intents_become_durable_stops_what_did_not_leave() -> None:
    world = World()
    durable = world.journal.durable

    async def slow(number: int) -> None:
        await durable(number)
        world.account.kill("somebody saw something")

    world.journal.durable = slow  # type: ignore[method-assign]
    assert do(world, BID) == []
    assert world.session.take() == []
    assert world.account.open_orders() == []
    assert do(world, ASK) == [Refusal.KILLED]
    assert not world.account.is_well()


def test_facts_are_told_once_and_in_the_journal() -> None:
    world = World()
    order = one(world)
    fill = {"trade_id": "t1", "price": 267_990, "quantity": 200, "fee": 5, "liquidity": 1}
    world.hear(OrderEvent.FILL, order.client_id, **fill)
    world.hear(OrderEvent.FILL, order.client_id, **fill)
    told = [each for each in world.reports if each.trade_id]
    assert [(each.last_quantity, each.filled, each.fee) for each in told] == [(200, 200, 5)]
    assert world.journal.rows.count(("fact", order.client_id, OrderEvent.FILL)) == 1
    assert world.table.exposure(0).position == 200
    assert world.account.counts["facts that were no news"] == 1


def test_a_fact_may_name_the_venues_id_only() -> None:
    world = World()
    order = one(world)
    world.hear(OrderEvent.CANCELED, "", venue_id=f"v-{order.client_id}", cumulative=0)
    assert world.table.get(order.client_id).state is OrderState.CANCELED


def test_orders_of_others_are_left_alone() -> None:
    world = World()
    live = LiveOrder("somebody", "v-9", "ETHUSDC", 1, 267_000, 10, 0)
    world.account.heard_report(AccountReport(orders=(live,)))
    world.hear(OrderEvent.ACKED, "somebody", venue_id="v-9")
    assert world.account.foreign == 1
    assert world.account.open_orders() == []
    assert world.session.take() == []


def test_an_order_of_ours_that_the_journal_does_not_know_is_adopted() -> None:
    world = World()
    live = LiveOrder("ours-77", "v-77", "ETHUSDC", -1, 268_100, 900, 300, NOW)
    world.account.heard_report(AccountReport(orders=(live,)))
    (order,) = world.account.open_orders()
    assert (order.client_id, order.venue_id, order.open_quantity) == ("ours-77", "v-77", 600)
    assert ("adopted", "ours-77", -1, 268_100, 900) in world.journal.rows
    world.account.heard_report(AccountReport(orders=(live,)))
    assert world.account.counts["adopted"] == 1


@pytest.mark.parametrize("way", ["list", "stream"])
def test_an_order_of_a_later_token_is_another_processs_and_ends_this_ones_orders(way: str) -> None:
    world = World()
    later, earlier = "ours-00000b000001", "ours-000003000001"
    if way == "list":
        live = LiveOrder(later, "v-9", "ETHUSDC", 1, 267_000, 100, 0, NOW)
        world.account.heard_report(AccountReport(orders=(live,)))
    else:
        world.hear(OrderEvent.FILL, later, venue_id="v-9", trade_id="1", quantity=5, price=1)
    assert world.account.halts == {"fence": "another process sends for this account, with token 11"}
    assert world.account.open_orders() == []
    assert world.reports == []
    world.account.heard_state(AccountNews(AccountState.LIVE))
    assert not world.account.may_add

    other = World()
    live = LiveOrder(earlier, "v-8", "ETHUSDC", 1, 267_000, 100, 0, NOW)
    other.account.heard_report(AccountReport(orders=(live,)))
    assert other.account.may_add
    assert len(other.account.open_orders()) == 1


@pytest.mark.parametrize("way", ["list", "stream"])
def test_an_open_order_of_the_own_token_that_was_never_sent_is_another_processs(way: str) -> None:
    world = World()
    client_id = "ours-000007000001"
    if way == "list":
        live = LiveOrder(client_id, "v-9", "ETHUSDC", 1, 267_000, 100, 0, NOW)
        world.account.heard_report(AccountReport(orders=(live,)))
    else:
        world.hear(OrderEvent.ACKED, client_id, venue_id="v-9")
    assert world.account.halts == {"fence": "another process sends for this account, with token 7"}
    assert world.account.open_orders() == []


def test_late_news_of_a_released_order_of_the_own_token_is_nobody_elses() -> None:
    world = World()
    more = {"venue_id": "v-9", "trade_id": "1", "quantity": 5, "price": 268_000}
    world.hear(OrderEvent.FILL, "ours-000007000001", symbol="ETHUSDC", **more)
    world.hear(OrderEvent.CANCELED, "ours-000007000002", symbol="ETHUSDC", cumulative=0)
    assert world.account.may_add
    assert [each.last_quantity for each in world.reports if each.trade_id] == [5]


def test_a_lost_stream_halts_until_everything_was_read() -> None:
    world = World()
    world.account.heard_state(AccountNews(AccountState.LOST, "silence"))
    assert do(world, BID) == [Refusal.HALTED]
    world.account.heard_state(AccountNews(AccountState.LIVE))
    assert do(world, BID) == []


def test_several_may_halt_and_each_must_resume() -> None:
    world = World()
    world.account.halt("clock", "it was set")
    world.account.halt("bus", "nobody is heard")
    world.account.resume("clock")
    assert do(world, BID) == [Refusal.HALTED]
    world.account.resume("bus")
    assert do(world, BID) == []


def test_the_kill_switch_stays_until_it_is_released() -> None:
    world = World()
    world.account.kill("a fat finger")
    world.account.resume("session")
    assert do(world, BID) == [Refusal.KILLED]
    world.account.release()
    assert do(world, BID) == []
    assert ("gate", int(GateState.ACTIVE), True, "a fat finger") in world.journal.rows


def test_what_is_believed_open_has_what_the_venue_needs_to_be_asked() -> None:
    world = World()
    order = one(world)
    world.hear(OrderEvent.FILL, order.client_id, trade_id="t", price=267_990, quantity=100)
    do(world, Step(Action.CANCEL, order.client_id, 1))
    (believed,) = world.account.believed_open()
    assert (believed.client_id, believed.venue_id) == (order.client_id, "v-ours-1")
    assert (believed.filled, believed.number, believed.sent_ns) == (100, 1, NOW)


def test_ended_orders_are_forgotten_after_a_while() -> None:
    world = World()
    order = one(world)
    world.hear(OrderEvent.CANCELED, order.client_id, cumulative=0)
    world.account.forget()
    assert order.client_id in world.table
    world.clock.now_ns += KEPT_NS + SECOND
    world.account.forget()
    assert order.client_id not in world.table
    assert ("released", order.client_id) in world.journal.rows


def test_a_refusal_by_the_venue_reaches_who_asked() -> None:
    world = World()
    do(world, BID)
    (command,) = world.session.take()
    world.hear(OrderEvent.REJECTED, command.client_id, reason=RejectReason.POST_ONLY)
    last = world.reports[-1]
    assert (last.client_id, last.state, last.reason) == (
        command.client_id,
        OrderState.REJECTED,
        RejectReason.POST_ONLY,
    )


def test_a_trade_of_an_order_that_the_journal_lost_is_told_once() -> None:
    world = World()
    trade = {"trade_id": "9", "price": 268_000, "quantity": 40, "symbol": "ETHUSDC", "side": -1}
    world.hear(OrderEvent.FILL, "ours-99", **trade)
    world.hear(OrderEvent.FILL, "ours-99", **trade)
    world.hear(OrderEvent.FILL, "somebody", **trade)
    (told,) = world.reports
    assert (told.client_id, told.trade_id, told.last_quantity, told.side) == (
        "ours-99",
        "9",
        40,
        -1,
    )
    assert world.account.counts["facts of orders not known"] == 2
    assert world.account.foreign == 1


def test_a_trade_that_is_listed_after_its_order_was_forgotten_is_not_told_again() -> None:
    world = World()
    order = one(world)
    trade = {"trade_id": "t", "price": 267_990, "quantity": 500, "symbol": "ETHUSDC", "side": 1}
    world.hear(OrderEvent.FILL, order.client_id, **trade)
    world.hear(OrderEvent.FILLED, order.client_id, cumulative=500)
    world.clock.now_ns += KEPT_NS + SECOND
    world.account.forget()
    assert order.client_id not in world.table
    world.hear(OrderEvent.FILL, order.client_id, **trade)
    assert [each.last_quantity for each in world.reports if each.last_quantity] == [500]


def test_trades_told_long_ago_are_forgotten_the_oldest_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(account, "MOST_TOLD", 2)
    world = World()
    trade = {"trade_id": "t", "price": 268_000, "quantity": 40, "symbol": "ETHUSDC", "side": 1}
    for number in range(95, 99):
        world.hear(OrderEvent.FILL, f"ours-{number}", **trade)
    world.account.forget()
    del world.reports[:]
    for number in range(95, 99):
        world.hear(OrderEvent.FILL, f"ours-{number}", **trade)
    assert [each.client_id for each in world.reports] == ["ours-95", "ours-96"]


def test_a_fill_told_by_two_messages_is_told_once() -> None:
    world = World()
    order = one(world)
    trade = {"trade_id": "t", "price": 267_990, "quantity": 100}
    world.hear(OrderEvent.FILL, order.client_id, **trade)
    world.hear(OrderEvent.FILL, order.client_id, cumulative=100, **trade)
    assert [each.last_quantity for each in world.reports if each.last_quantity] == [100]


def test_a_fee_that_is_known_later_is_told_without_the_trade() -> None:
    world = World()
    order = one(world)
    trade = {"trade_id": "t", "price": 267_990, "quantity": 100}
    world.hear(OrderEvent.FILL, order.client_id, **trade)
    for _ in range(2):
        world.hear(OrderEvent.FILL, order.client_id, fee=53, fee_asset="USDC", **trade)
    told = [(each.last_quantity, each.fee) for each in world.reports if each.trade_id == "t"]
    assert told == [(100, 0), (0, 53)]


def test_a_trade_that_costs_in_several_assets_is_told_with_each() -> None:
    world = World()
    order = one(world)
    trade = {"trade_id": "t", "price": 267_990, "quantity": 100}
    paid = {"fee": 53, "fee_asset": "USDC", "more_fees": (("KFEE", 7), ("ETH", 2))}
    for _ in range(2):
        world.hear(OrderEvent.FILL, order.client_id, **trade, **paid)
    told = [
        (each.last_quantity, each.fee, each.fee_asset)
        for each in world.reports
        if each.trade_id == "t"
    ]
    assert told == [(100, 53, "USDC"), (0, 7, "KFEE"), (0, 2, "ETH")]
    noted = [each for each in world.journal.facts if each["trade_id"] == "t"]
    assert [(each["fee"], each["fee_asset"]) for each in noted] == [each[1:] for each in told]
    assert world.table.exposure(0).position == 100


def test_a_fee_that_is_known_later_is_in_the_journal_too() -> None:
    world = World()
    order = one(world)
    trade = {"trade_id": "t", "price": 267_990, "quantity": 100}
    world.hear(OrderEvent.FILL, order.client_id, **trade)
    for _ in range(2):
        world.hear(OrderEvent.FILL, order.client_id, fee=53, fee_asset="USDC", **trade)
    noted = [each for each in world.journal.facts if each["trade_id"] == "t"]
    assert [each["fee"] for each in noted] == [0, 53]


def test_a_trade_of_a_lost_order_is_told_with_all_its_fees_whenever_they_are_known() -> None:
    world = World()
    trade = {"trade_id": "9", "price": 268_000, "quantity": 40, "symbol": "ETHUSDC", "side": -1}
    world.hear(OrderEvent.FILL, "ours-99", **trade)
    paid = {"fee": 5, "fee_asset": "USDC", "more_fees": (("ETH", 1),)}
    for _ in range(2):
        world.hear(OrderEvent.FILL, "ours-99", **trade, **paid)
    assert [(each.last_quantity, each.fee, each.fee_asset) for each in world.reports] == [
        (40, 0, ""),
        (0, 5, "USDC"),
        (0, 1, "ETH"),
    ]


def test_the_journal_says_which_way_a_fact_came() -> None:
    world = World()
    order = one(world)
    world.hear(OrderEvent.CANCELED, order.client_id, cumulative=0, source=FactSource.STREAM)
    do(world, ASK)
    (command,) = world.session.take()
    world.hear(OrderEvent.REJECTED, command.client_id, source=FactSource.ANSWER)
    sources = [(each["client_id"], each["source"]) for each in world.journal.facts]
    assert sources == [
        (order.client_id, FactSource.OWN),
        (order.client_id, FactSource.STREAM),
        (command.client_id, FactSource.ANSWER),
    ]


@pytest.mark.parametrize("orders", [1, 100_000])
def test_memory_stays_bounded_over_trades_of_orders_that_nobody_knows(
    monkeypatch: pytest.MonkeyPatch, orders: int
) -> None:
    monkeypatch.setattr(account, "MOST_TOLD", 1000)
    monkeypatch.setattr(account.logger, "disabled", True)
    world = World()
    mine = one(world)
    trade = {"price": 268_000, "quantity": 1, "symbol": "ETHUSDC", "side": 1}
    world.hear(OrderEvent.FILL, mine.client_id, trade_id="mine", **trade)
    most = 0
    for number in range(100_000):
        name = f"ours-{number % orders + 10}"
        world.hear(OrderEvent.FILL, name, trade_id=str(number), **trade)
        most = max(most, len(world.account.told))
    assert most <= 2001
    assert len(world.reports) == 100_002
    world.account.forget()
    assert len(world.account.told) == 1000
    del world.reports[:]
    world.hear(OrderEvent.FILL, mine.client_id, trade_id="mine", **trade)
    world.hear(OrderEvent.FILL, name, trade_id=str(number), **trade)
    assert world.reports == []  # what is kept, and what is newest, is not told again


def test_orders_that_ended_before_the_restart_are_forgotten_as_well() -> None:
    world = World()
    order = one(world)
    world.hear(OrderEvent.CANCELED, order.client_id, cumulative=0)
    again = Account([world.venue], world.table, world.gate, world.hands)
    world.clock.now_ns += KEPT_NS + SECOND
    again.forget()
    assert order.client_id not in world.table
