"""What the gate is told of the markets: fresh or not, and what others quote."""

from __future__ import annotations

from typing import Any

from account_world import NOW, SECOND, Clock, World
from plain_gate import NEW, command

from alp._core.gate import Refusal
from alp._core.wire import (
    BboMessage,
    BookStatusMessage,
    HeaderFields,
    HeartbeatMessage,
    InstrumentFields,
)
from alp.services.execution.market_view import MarketView, Touch

MILLISECOND = 10**6
AGE_NS = 500 * MILLISECOND


class Seen:
    """A view of one product among two, the second on a coarser grid."""

    def __init__(self, listed: tuple[int, ...] = (0, 1), collar_bps: int = 100) -> None:
        self.world = World()
        self.world.see(0, 0)
        self.clock: Clock = self.world.clock
        self.changes = 0
        self.sent_ns = 0
        self.view = MarketView(
            self.world.gate,
            self.world.account.products,
            listed,
            AGE_NS,
            collar_bps=collar_bps,
            changed=self.count,
            clock_ns=self.clock,
        )

    def count(self) -> None:
        self.changes += 1

    def hear(self, kind: Any, index: int, *fields: Any, source: int = 1) -> None:
        self.view.heard(
            kind(HeaderFields(source, index, 1, 0, self.sent_ns or self.clock.now_ns), *fields)
        )

    def live(self, index: int = 0, bid: int = 268_000, ask: int = 268_010) -> None:
        self.hear(InstrumentFields, index, "x", "y", 1, 1, 2 - index, 3, 1)
        self.hear(BookStatusMessage, index, True, 0, NOW)
        self.hear(BboMessage, index, bid, 5, ask, 5)

    def refusal(self, price: int = 267_990) -> Refusal | None:
        data = command("a", NEW, price=price, quantity=10, token=7)
        return self.world.gate.check(data, self.clock.now_ns)


def test_a_book_is_fresh_while_it_is_live_and_the_quote_server_is_heard() -> None:
    seen = Seen((0,))
    assert not seen.view.is_fresh(0)
    seen.live()
    assert seen.view.is_fresh(0)
    seen.clock.now_ns += AGE_NS
    assert seen.view.is_fresh(0)
    seen.hear(HeartbeatMessage, 0, 5, 6)
    seen.clock.now_ns += AGE_NS
    assert seen.view.is_fresh(0)
    seen.clock.now_ns += 1
    assert not seen.view.is_fresh(0)
    assert seen.changes == 1
    seen.view.look()
    assert seen.changes == 2


def test_a_message_that_waited_is_as_old_as_it_is() -> None:
    seen = Seen()
    seen.sent_ns = seen.clock.now_ns
    seen.clock.now_ns += AGE_NS + 1
    seen.live()
    seen.hear(HeartbeatMessage, 0, 5, 6)
    assert not seen.view.is_fresh(0)
    seen.sent_ns = 0
    seen.hear(HeartbeatMessage, 0, 5, 6)
    assert seen.view.is_fresh(0)


def test_a_clock_that_is_set_back_makes_nothing_fresh() -> None:
    seen = Seen()
    seen.live()
    seen.clock.now_ns -= SECOND
    assert not seen.view.is_fresh(0)


def test_a_heartbeat_does_not_revive_what_is_not_live() -> None:
    seen = Seen()
    seen.live()
    seen.hear(BookStatusMessage, 0, False, 3, NOW)
    seen.hear(HeartbeatMessage, 0, 5, 6)
    assert not seen.view.is_fresh(0)
    assert seen.refusal() is Refusal.STALE_BOOK


def test_a_side_without_quotes_is_no_touch() -> None:
    seen = Seen()
    seen.live()
    seen.hear(BboMessage, 0, 268_000, 5, 0, 0)
    assert seen.view.touch(0) is None
    assert not seen.view.is_fresh(0)


def test_others_on_the_bus_are_not_believed() -> None:
    seen = Seen()
    seen.live()
    seen.hear(BboMessage, 0, 1, 5, 2, 5, source=2)
    assert seen.view.touch(0) == Touch(268_000, 268_010, NOW)


def test_the_second_source_is_another_product_in_own_ticks() -> None:
    seen = Seen()
    seen.live()
    assert seen.refusal() is Refusal.COLLAR  # nobody else has said a price yet
    seen.live(1, 26_795, 26_805)  # 2679.5 to 2680.5 on a grid of 0.1
    assert seen.refusal() is None
    assert seen.refusal(265_000) is Refusal.COLLAR  # 1.1 % off
    seen.hear(BookStatusMessage, 1, False, 3, NOW)
    seen.clock.now_ns += 4 * AGE_NS + 1
    seen.hear(HeartbeatMessage, 0, 5, 6)
    assert seen.refusal() is Refusal.COLLAR  # what it said is too old


def test_nothing_may_be_quoted_while_the_second_source_is_silent_or_not_live() -> None:
    seen = Seen()
    seen.live()
    assert seen.view.is_fresh(0)
    assert not seen.view.may_quote(0)
    seen.live(1, 26_795, 26_805)
    assert seen.view.may_quote(0)
    assert seen.changes == 1
    seen.hear(BookStatusMessage, 1, False, 3, NOW)
    assert seen.changes == 2
    assert not seen.view.may_quote(0)
    seen.live(1, 26_795, 26_805)
    assert seen.view.may_quote(0)
    seen.clock.now_ns += 4 * AGE_NS + 1
    seen.hear(BookStatusMessage, 0, True, 0, NOW)
    assert seen.view.is_fresh(0)
    assert not seen.view.may_quote(0)


def test_a_price_is_confirmed_by_a_second_source_within_the_collar() -> None:
    seen = Seen(collar_bps=100)
    seen.live()
    assert seen.view.confirmed_twice(0) is None
    seen.live(1, 26_795, 26_805)
    assert seen.view.confirmed_twice(0) == 536_010
    seen.live(0, 270_670, 270_680)  # 1 % of 2680 above it is 2706.80
    assert seen.view.confirmed_twice(0) == 541_350
    seen.live(0, 270_690, 270_700)
    assert seen.view.confirmed_twice(0) is None


def test_a_product_without_another_is_its_own_second_source() -> None:
    seen = Seen((0,))
    assert seen.view.alone == [0]
    seen.live()
    assert seen.refusal() is None
    two_accounts = Seen((0, 0))  # of the same product
    assert two_accounts.view.alone == [0]
