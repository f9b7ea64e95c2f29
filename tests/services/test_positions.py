"""Positions: the venue's word at the start, and a difference later only when it stays."""

from __future__ import annotations

from dataclasses import dataclass, field

from account_world import World
from test_account import one

from alp._core.order_life import OrderEvent
from alp._core.orders import LARGEST
from alp.services.execution.positions import Positions
from alp.venues.account.state import AccountReport
from alp.venues.orders import Balance, PositionNews


@dataclass
class Kept:
    has_positions: bool = True
    world: World = field(default_factory=World)
    notes: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.positions = Positions(
            self.world.account, self.has_positions, lambda *note: self.notes.append(note)
        )

    def hear(self, *lots: int, whole: bool = True) -> list[int]:
        news = tuple(PositionNews("ETHUSDC", each) for each in lots)
        return self.positions.heard(AccountReport(positions=news, whole=whole))

    @property
    def lots(self) -> int:
        return self.world.table.exposure(0).position


def test_the_venue_is_believed_at_the_start() -> None:
    kept = Kept()
    assert kept.hear(-300) == [0]
    assert kept.lots == -300
    assert kept.notes == [(0, -300)]
    assert kept.positions.corrected == 0


def test_what_a_whole_report_does_not_name_is_nothing() -> None:
    kept = Kept()
    kept.hear(-300)
    assert kept.hear(whole=False) == []
    kept.hear()
    assert kept.hear() == [0]
    assert kept.lots == 0


def test_a_difference_counts_when_it_stays_without_a_fill_between() -> None:
    kept = Kept()
    kept.hear(0)
    assert kept.hear(50) == []
    assert kept.hear(50) == [0]
    assert (kept.lots, kept.positions.corrected) == (50, 1)
    assert kept.hear(50) == []


def test_a_reading_older_than_a_fill_changes_nothing() -> None:
    kept = Kept()
    kept.hear(0)
    order = one(kept.world)
    fill = {"price": 267_990, "quantity": 100}
    kept.world.hear(OrderEvent.FILL, order.client_id, trade_id="1", **fill)
    assert kept.hear(0) == []
    kept.world.hear(OrderEvent.FILL, order.client_id, trade_id="2", **fill)
    assert kept.hear(100) == []  # as far behind as before, but something was filled
    assert kept.lots == 200
    assert kept.hear(200) == []
    assert kept.positions.corrected == 0


def test_on_spot_the_position_is_what_can_be_sold() -> None:
    kept = Kept(has_positions=False)
    balances = (Balance("ETH", 123_499_999), Balance("USDC", 5 * 10**8))
    assert kept.positions.heard(AccountReport(balances, whole=True)) == [0]
    assert kept.lots == 1234  # of 0.001


def test_a_position_that_is_too_large_to_be_counted_halts_until_it_is_not() -> None:
    kept = Kept()
    kept.hear(LARGEST + 1)
    assert "position-0" in kept.world.account.halts
    assert kept.notes == []
    kept.hear(LARGEST)
    kept.hear(LARGEST)
    assert kept.lots == LARGEST
    assert kept.world.account.may_add
