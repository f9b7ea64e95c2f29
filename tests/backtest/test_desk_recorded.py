"""A desk on a recorded market: what it is told adds up, and is the same again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from desk_cases import Script

from alp._core.matching import QueueModel
from alp._core.tick_replay import AmendRule, TickReplay
from alp.backtest.desk_orders import DeskOrders
from alp.backtest.desk_world import DeskFill, DeskProduct, DeskWorld
from alp.backtest.tick_account import FeeSchedule, account_of
from alp.backtest.tick_file import Tape, open_tape
from alp.backtest.tick_tape import tape_of_captures
from alp.models.desk import DeskInstrument, Event, Filled, Held, Tick, Top, Traded, Wish

MILLISECOND = 1_000_000
MOST_ROWS = 60_000


class AtTouch(Script):
    """Joins the touch on both sides, and keeps nothing longer than a second."""

    interval_ns = 100 * MILLISECOND

    def on(self, event: Event) -> list[Wish]:
        self.heard.append(event)
        tops = [each for each in self.heard[-50:] if isinstance(each, Top)]
        if not isinstance(event, Tick) or not tops or not (tops[-1].bid_lots and tops[-1].ask_lots):
            return []
        self.number += 1
        bids, asks = ((tops[-1].bid, 5),), ((tops[-1].ask, 5),)
        return [Wish(self.number, 0, event.at_ns, event.at_ns + 10**9, bids, asks, {})]


@pytest.fixture(scope="module")
def tape(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Tape:
    target = tmp_path_factory.mktemp("tape") / "eth.alptape"
    capture = shared / "data" / "B_l2_raw" / "binance_spot_ethusdt_20240808.jsonl.gz"
    tape_of_captures([capture], target)
    return open_tape(target)


def played(tape: Tape) -> tuple[AtTouch, DeskProduct, list[DeskFill]]:
    grid = tape.facts.grid
    eth = DeskInstrument(0, "binance", "binance-spot", "ETHUSDT", grid.tick_size, grid.lot_size)
    rows = tape.rows[:MOST_ROWS]
    replay = TickReplay(
        rows,
        model=QueueModel.POWER,
        entry_ns=8 * MILLISECOND,
        answer_ns=2 * MILLISECOND,
    )
    product = DeskProduct(eth, replay, DeskOrders(eth, replay, AmendRule.KEEPS))
    fills: list[DeskFill] = []
    desk = AtTouch()
    DeskWorld(desk, [product], None, lambda _, fill: fills.append(fill)).run_to(
        int(rows["local_ns"][-1])
    )
    return desk, product, fills


def told(desk: Script) -> list[Any]:
    return [(type(each).__name__, *each) for each in desk.heard]


def test_what_a_desk_hears_of_a_recorded_market_adds_up(tape: Tape) -> None:
    desk, product, fills = played(tape)
    assert len(fills) > 20
    times = [event.at_ns for event in desk.heard]
    assert times == sorted(times)
    filled = desk.of(Filled)
    assert [(each.side > 0, each.price, each.lots) for each in filled] == [
        (bool(each.bid), each.price, each.lots) for each in fills
    ]
    assert desk.of(Held)[-1].lots == sum(each.side * each.lots for each in filled)
    fees = FeeSchedule.flat(*[tape.facts.grid.tick_size * 0] * 2)
    account = account_of(product.replay.fills(), tape.facts.grid, fees)
    assert account.position == product.replay.position == desk.of(Held)[-1].lots
    # It is post-only: never a taker; and each fill is heard after its latency.
    assert all(each.maker for each in filled)
    assert all(each.at_ns - each.venue_ns >= 2 * MILLISECOND for each in fills)
    rows = tape.rows[:MOST_ROWS]
    trades = int(((rows["size"] & 2 > 0) & (rows["size"] & 32 > 0)).sum())
    assert len(desk.of(Traded)) == trades


def test_the_same_market_tells_the_same(tape: Tape) -> None:
    assert told(played(tape)[0]) == told(played(tape)[0])
