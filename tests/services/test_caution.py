"""What lets only reducing orders leave, or none: refused prices, positions, losses, the clock."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from account_world import LIMITS, NOW, PERP, SECOND, World, manifest, quotes

from alp._core.gate import GateState, Refusal
from alp._core.order_life import OrderEvent
from alp._core.wire import BboMessage, BookStatusMessage, HeaderFields, InstrumentFields
from alp.services.execution.caution import HOLD_NS, MINUTE_NS, Caution, reducing
from alp.services.execution.limits import CLOCK_AGE_NS, UNITS, AccountVenue
from alp.services.execution.market_view import MarketView
from alp.services.execution.steps import Step
from alp.venues.orders import Action

MILLISECOND = 10**6
ETH = UNITS


class Case:
    """An account of one product whose market is heard on the bus; time passes when it is told."""

    def __init__(self, listed: tuple[int, ...] = (0,), **spec: Any) -> None:
        self.world = World(manifest(**spec))
        self.account, self.gate = self.world.account, self.world.gate
        self.now_ns = 0
        self.killed: list[str] = []
        self.view = MarketView(
            self.gate,
            self.account.products,
            listed,
            500 * MILLISECOND,
            collar_bps=self.world.strategy.spec.limits.price_collar_bps,
            clock_ns=self.world.clock,
        )
        self.caution = Caution(
            self.account,
            self.world.strategy,
            self.view,
            self.killed.append,
            monotonic_ns=lambda: self.now_ns,
        )
        for index in listed:
            self.market(index=index)

    def market(self, bid: int = 268_000, index: int = 0) -> None:
        """A book of 10 ticks' width, just heard."""
        header = HeaderFields(1, index, 1, 0, self.world.clock.now_ns)
        self.view.heard(InstrumentFields(header, "x", "y", 1, 1, 2, 3, 1))
        self.view.heard(BookStatusMessage(header, True, 0, NOW))
        self.view.heard(BboMessage(header, bid, 5, bid + 10, 5))
        self.gate.see_clock(0, self.world.clock.now_ns)
        self.caution.look()

    def pass_time(self, ns: int) -> None:
        self.now_ns += ns
        self.world.clock.now_ns += ns

    def do(self, side: int, price: int, quantity: int = 500) -> Refusal | None:
        step = Step(Action.NEW, side=side, price=price, quantity=quantity)
        refusals = asyncio.run(self.account.do(self.world.venue, [step]))
        return refusals[0] if refusals else None

    def fill(self, side: int, price: int, quantity: int, **more: Any) -> None:
        """An order that leaves and is filled at once."""
        assert self.do(side, price, quantity) is None
        (command,) = self.world.session.take()
        terms = {"trade_id": command.client_id, "price": price, "quantity": quantity, **more}
        self.world.hear(OrderEvent.FILL, command.client_id, **terms)


def test_many_orders_outside_the_collar_let_only_reducing_ones_leave_for_a_minute() -> None:
    case = Case(execution={"collarBurst": 3})
    for price in (260_000, 260_001):
        assert case.do(1, price) is Refusal.COLLAR
    assert case.gate.state is GateState.ACTIVE
    assert case.do(1, 260_002) is Refusal.COLLAR
    assert case.gate.state is GateState.REDUCING
    assert "collar" in case.account.why
    assert case.account.may_add  # a wish is still followed, as far as it reduces
    assert ("gate", int(GateState.REDUCING), False, case.account.why[:56]) in (
        case.world.journal.rows
    )
    case.world.table.set_position(0, 100)
    assert case.do(1, 267_990) is Refusal.REDUCING
    assert case.do(-1, 268_020, 101) is Refusal.REDUCING
    assert case.do(-1, 268_020, 100) is None
    case.pass_time(MINUTE_NS)
    case.market()
    assert case.gate.state is GateState.REDUCING
    case.pass_time(1)
    case.market()
    assert case.gate.state is GateState.ACTIVE
    assert case.do(1, 267_990) is None


def test_one_order_that_is_tried_again_and_again_is_one() -> None:
    case = Case(execution={"collarBurst": 2})
    for _ in range(20):
        assert case.do(1, 260_000) is Refusal.COLLAR
    assert case.gate.state is GateState.ACTIVE
    case.pass_time(MINUTE_NS // 2)
    case.market()
    assert case.do(1, 260_000) is Refusal.COLLAR
    case.pass_time(MINUTE_NS - 1)  # a minute counts from the last time
    case.market()
    assert case.do(1, 260_001) is Refusal.COLLAR
    assert case.gate.state is GateState.REDUCING


def test_orders_while_no_other_price_is_known_are_nobodys_fault() -> None:
    case = Case((0, 1), execution={"collarBurst": 1})
    case.pass_time(10 * SECOND)
    case.market()
    assert case.do(1, 267_990) is Refusal.COLLAR
    assert case.gate.state is GateState.ACTIVE
    case.market(index=1)
    assert case.do(1, 267_990) is None


def test_a_position_beyond_its_limit_can_only_shrink() -> None:
    case = Case()
    case.world.table.set_position(0, 6_000)  # maxVenueBase is 6
    case.caution.look()
    assert case.gate.state is GateState.ACTIVE
    case.world.table.set_position(0, 6_001)
    case.caution.look()
    assert case.gate.state is GateState.REDUCING
    assert "beyond its limit of 6000 lots" in case.account.why
    assert case.do(1, 267_990, 1) is Refusal.POSITION
    assert case.do(-1, 268_020, 1_000) is None
    case.world.table.set_position(0, 5_000)
    case.caution.look()
    assert case.gate.state is GateState.ACTIVE


@pytest.mark.parametrize("side", [1, -1])
def test_what_is_open_counts_with_the_position_unknown_orders_too(side: int) -> None:
    case = Case()
    case.world.table.set_position(0, side * 5_600)
    assert case.do(side, 268_005 - 15 * side, 400) is None
    (command,) = case.world.session.take()
    case.world.hear(OrderEvent.UNKNOWN, command.client_id)
    case.caution.look()
    assert case.gate.state is GateState.ACTIVE
    case.world.table.set_position(0, side * 5_601)
    case.caution.look()
    assert case.gate.state is GateState.REDUCING
    case.world.hear(OrderEvent.NOT_FOUND, command.client_id)
    case.caution.look()
    assert case.gate.state is GateState.ACTIVE


def test_the_combined_position_has_its_own_limit_and_counts_what_is_held_elsewhere() -> None:
    case = Case()
    case.world.table.set_position(0, 3_000)
    case.world.table.set_external(0, 7 * ETH)  # maxNetBase is 10
    case.caution.look()
    assert case.gate.state is GateState.ACTIVE
    case.world.table.set_external(0, 7 * ETH + 1)
    case.caution.look()
    assert case.gate.state is GateState.REDUCING
    assert "maxNetBase" in case.account.why


def test_halted_is_more_than_reducing_and_both_end_by_themselves() -> None:
    case = Case()
    case.world.table.set_position(0, 6_001)
    case.caution.look()
    case.account.halt("session", "silence")
    assert case.gate.state is GateState.HALTED
    assert case.account.why == "silence"
    case.account.resume("session")
    assert case.gate.state is GateState.REDUCING
    case.account.kill("a fat finger")
    case.account.release()
    assert case.gate.state is GateState.REDUCING


def losing(**limits: str) -> Case:
    """One ether was bought at 2680.10; at 2680.05 the account is worth 5180.05."""
    case = Case(limits={**LIMITS, "maxDrawdownBps": 100, **limits})
    case.fill(1, 268_010, 1_000)
    case.market()
    return case


def test_a_loss_beyond_the_limit_stops_at_once_and_sets_the_kill_switch_when_it_lasts() -> None:
    case = losing()
    assert case.caution.loss == Decimal("0.05")
    case.market(263_000)  # 5130 of value may fall by 51.3
    assert case.caution.loss == Decimal("50.05")
    assert case.do(-1, 263_100) is None
    case.market(262_850)
    assert case.caution.loss == Decimal("51.55")
    assert case.do(-1, 263_000) is Refusal.DRAWDOWN
    case.pass_time(HOLD_NS - 1)
    case.market(262_850)
    assert case.killed == []
    case.pass_time(1)
    case.market(262_850)
    assert case.killed == ["drawdown: 51.55 of 5128.55 lost by trading"]


def test_a_loss_that_does_not_last_kills_nothing() -> None:
    case = losing()
    case.market(262_850)
    case.pass_time(HOLD_NS - 1)
    case.market(264_000)
    case.pass_time(HOLD_NS)
    case.market(262_850)
    case.pass_time(HOLD_NS - 1)
    case.market(262_850)
    assert case.killed == []
    case.market(264_000)
    assert case.do(-1, 264_100) is None


def test_a_loss_is_from_the_highest_and_who_releases_the_switch_begins_anew() -> None:
    case = losing()
    case.market(274_000)
    case.market(269_000)
    assert case.caution.loss == Decimal(50)
    case.market(268_000)
    case.account.kill("drawdown")
    case.pass_time(2 * HOLD_NS)
    case.market(268_000)
    assert case.caution.loss == 0
    case.account.release()
    case.market(268_000)
    case.pass_time(2 * HOLD_NS)
    case.market(268_000)
    assert case.killed == []
    assert case.do(-1, 268_100) is None


def test_a_price_that_no_other_source_confirms_is_no_loss() -> None:
    case = Case((0, 1), limits={**LIMITS, "maxDrawdownBps": 100})
    case.fill(1, 268_010, 1_000)
    case.market(134_000)
    case.pass_time(2 * HOLD_NS)
    case.market(index=1)
    case.market(134_000)
    assert case.caution.loss == Decimal("0.05")
    assert case.killed == []


@pytest.mark.parametrize(("asset", "loss"), [("USDC", "3.05"), ("ETH", "8040.35"), ("BNB", "0.05")])
def test_fees_of_the_pair_are_losses(asset: str, loss: str) -> None:
    case = Case(limits={**LIMITS, "maxDrawdownBps": 10_000})
    case.fill(1, 268_010, 1_000, fee=3 * 10**8, fee_asset=asset)
    case.market()
    assert case.caution.loss == Decimal(loss)


def test_without_a_limit_no_loss_stops_anything() -> None:
    case = Case()
    case.fill(1, 268_010, 6_000)
    case.market(200_000)
    case.pass_time(2 * HOLD_NS)
    case.market(200_000)
    assert case.killed == []
    assert case.do(-1, 200_100) is None


def test_nothing_rests_while_the_clock_is_off_or_was_not_compared_lately() -> None:
    case = Case(execution={"maxClockOffset": "100ms"})
    case.caution.heard_clock(-101 * MILLISECOND)
    assert "too far" in case.account.halts["clock"]
    case.caution.heard_clock(-100 * MILLISECOND)
    assert case.account.may_add
    case.pass_time(CLOCK_AGE_NS)
    case.caution.look()
    assert case.account.may_add
    case.pass_time(1)
    case.caution.look()
    assert "lately" in case.account.halts["clock"]
    case.caution.heard_clock(0)
    assert case.account.may_add


PRODUCT = AccountVenue(0, manifest().spec.venues[0], PERP)


@pytest.mark.parametrize(
    ("net", "bids", "asks"),
    [
        (0, (), ()),
        (9 * ETH, (), ((268_010, 400), (268_020, 600))),
        (ETH * 7 // 10, (), ((268_010, 400), (268_020, 300))),
        (ETH * 4 // 10, (), ((268_010, 400),)),
        (ETH // 2000, (), ()),
        (-ETH * 3 // 10, ((267_990, 300),), ()),
    ],
)
def test_of_a_wish_what_reduces_is_left_and_no_more_than_is_held(
    net: int, bids: tuple[tuple[int, int], ...], asks: tuple[tuple[int, int], ...]
) -> None:
    wish = quotes(((267_990, 500), (267_980, 500)), ((268_010, 400), (268_020, 600)))
    left = reducing(wish, PRODUCT, net)
    assert (left.bids, left.asks) == (bids, asks)
