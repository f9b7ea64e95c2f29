"""Desks and tapes of a few rows for tests of the backtest on levels and trades."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from alp._core.tape import LOTS_SHIFT, TAPE_ROW, TapeBit
from alp._core.tick_replay import AmendRule, TickReplay
from alp.backtest.desk_orders import DeskOrders
from alp.backtest.desk_world import DeskProduct
from alp.models.desk import Desk, DeskInstrument, Event, Wish

BID, ASK = True, False
FOREVER = 1 << 60
Row = tuple[int, int, int, int]
Levels = tuple[tuple[int, int], ...]


def row(kind: TapeBit, at: int, bid: bool, price: int, lots: int, received: int | None) -> Row:
    bits = kind | TapeBit.EXCHANGE | TapeBit.LOCAL | (TapeBit.BID if bid else 0)
    return at, at if received is None else received, price, lots << LOTS_SHIFT | bits


def level(at: int, bid: bool, price: int, lots: int, received: int | None = None) -> Row:
    return row(TapeBit.LEVEL, at, bid, price, lots, received)


def trade(at: int, bought: bool, price: int, lots: int, received: int | None = None) -> Row:
    return row(TapeBit.TRADE, at, bought, price, lots, received)


def clear(at: int) -> Row:
    return row(TapeBit.CLEAR, at, False, 0, 0, None)


def rows(*given: Row) -> npt.NDArray[Any]:
    return np.array(list(given), list(TAPE_ROW))


def product(
    tape: npt.NDArray[Any],
    *,
    index: int = 0,
    entry_ns: int = 0,
    answer_ns: int = 0,
    amends: AmendRule = AmendRule.KEEPS,
    most_lots: int | None = None,
    **terms: Any,
) -> DeskProduct:
    instrument = DeskInstrument(
        index, f"venue{index}", "binance-spot", "ETHUSDT", Decimal(1), Decimal(1), **terms
    )
    replay = TickReplay(tape, entry_ns=entry_ns, answer_ns=answer_ns, amends=amends)
    return DeskProduct(instrument, replay, DeskOrders(instrument, replay, amends, most_lots))


class Script(Desk):
    """Says what it is told to at given times, and keeps what it hears."""

    interval_ns = 10

    def __init__(self, *said: tuple[int, int, Levels, Levels], until_ns: int = FOREVER) -> None:
        self.said = list(said)
        self.heard: list[Event] = []
        self.until_ns = until_ns
        self.number = 0
        self.closed = False

    def on(self, event: Event) -> Sequence[Wish]:
        self.heard.append(event)
        wishes = []
        while self.said and self.said[0][0] <= event.at_ns:
            _, instrument, bids, asks = self.said.pop(0)
            self.number += 1
            wishes.append(Wish(self.number, instrument, event.at_ns, self.until_ns, bids, asks, {}))
        return wishes

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.heard if isinstance(event, kind)]

    def snapshot(self) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        pass

    def close(self) -> None:
        self.closed = True
