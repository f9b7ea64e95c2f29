"""Lives of orders on Binance, told in every order of arrival: one end, and nothing counted twice.

A life is what the venue says of one order: answers, events, queries, the list of trades. Each is
read by the adapter, and its facts go into the table of orders.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from binance_private import (
    EXCHANGES,
    NOW_MS,
    PRODUCTS,
    SPOT,
    USDM,
    command,
    order,
    signer,
    spot_event,
    usdm_event,
)

from alp._core.order_life import OrderEvent, OrderState
from alp._core.orders import OrderFields, OrderTable
from alp.venues.orders import Action, Answer, Call, Fact

BY_NAME = dict(zip(EXCHANGES, (USDM, SPOT), strict=True))
US = "alp-7-000001"
VENUE = "8389765123"
EXHAUSTIVE = 6


@dataclass
class Life:
    """One order at a venue that follows its rules; what it says is collected.

    Quantities are lots, as in commands.
    """

    exchange: str
    quantity: int = 250
    price: int = 24_813
    filled: int = 0
    trades: list[dict[str, Any]] = field(default_factory=list)
    said: list[tuple[Fact, ...]] = field(default_factory=list)

    def _texts(self, lots: int, ticks: int) -> tuple[str, str]:
        eth = PRODUCTS[self.exchange]["ETHUSDC"]
        return eth.order_quantity.text(lots), eth.price.text(ticks)

    def _row(self, status: str) -> dict[str, Any]:
        quantity, price = self._texts(self.quantity, self.price)
        filled, _ = self._texts(self.filled, 1)
        return order(
            self.exchange, status=status, origQty=quantity, price=price, executedQty=filled
        )

    @property
    def status(self) -> str:
        if self.filled == self.quantity:
            return "FILLED"
        return "PARTIALLY_FILLED" if self.filled else "NEW"

    def answer(self, call: Call, value: Any, status: int = 200) -> None:
        body = json.dumps(value).encode()
        adapter = BY_NAME[self.exchange]
        outcome = adapter.read(call, Answer(body, status), PRODUCTS[self.exchange])
        self.said.append(outcome.facts)

    def event(self, kind: str, status: str, **changes: Any) -> None:
        make = usdm_event if self.exchange == "binance-usdm" else spot_event
        quantity, price = self._texts(self.quantity, self.price)
        filled, _ = self._texts(self.filled, 1)
        self._tell(make(kind, status, q=quantity, p=price, z=filled, **changes))

    def _tell(self, message: dict[str, Any]) -> None:
        adapter = BY_NAME[self.exchange]
        reader = adapter.reader(signer(), PRODUCTS[self.exchange])
        self.said.append(reader.read(json.dumps(message).encode()).facts)

    def asks(self, action: Action, **changes: Any) -> Call:
        commands = [command(self.exchange, action, **changes)]
        return BY_NAME[self.exchange].commands(commands, signer(), socket=False)

    def placed(self) -> None:
        self.answer(self.asks(Action.NEW), self._row("NEW"))
        self.event("NEW", "NEW")

    def place_unanswered(self) -> None:
        self.answer(self.asks(Action.NEW), {"code": -1007, "msg": "Timeout"}, 408)
        self.event("NEW", "NEW")

    def trade(self, lots: int) -> None:
        self.filled += lots
        number = 90 + len(self.trades)
        quantity, price = self._texts(lots, self.price)
        last = {"l": quantity, "L": price, "t": number, "n": "0.01", "N": "USDC", "m": True}
        if self.exchange == "binance-usdm":
            short = {"e": "TRADE_LITE", "E": NOW_MS, "T": NOW_MS, "s": "ETHUSDC", "c": US}
            total, _ = self._texts(self.quantity, 1)
            short |= {"S": "BUY", "i": int(VENUE), "q": total, "p": price, **last}
            self._tell(short)
        self.event("TRADE", self.status, **last)
        row = {"symbol": "ETHUSDC", "id": number, "orderId": int(VENUE), "price": price}
        row |= {"qty": quantity, "commission": "0.01", "commissionAsset": "USDC"}
        row |= {"side": "BUY", "maker": True, "isBuyer": True, "isMaker": True, "time": NOW_MS}
        self.trades.append(row)

    def amended(self, number: int, quantity: int, price: int | None = None) -> None:
        self.quantity = quantity
        self.price = price or self.price
        terms = {"quantity": self.quantity, "price": self.price}
        call = self.asks(Action.AMEND, number=number, **terms)
        self.answer(call, self._row(self.status))
        self.event("AMENDMENT" if self.exchange == "binance-usdm" else "REPLACED", self.status)

    def amend_refused(self, number: int, code: int) -> None:
        call = self.asks(Action.AMEND, number=number, quantity=self.quantity, price=self.price)
        self.answer(call, {"code": code, "msg": "no"}, 400)

    def cancelled(self, number: int) -> None:
        self.answer(self.asks(Action.CANCEL, number=number), self._row("CANCELED"))
        self.event("CANCELED", "CANCELED")

    def cancel_unanswered(self, number: int) -> None:
        self.answer(self.asks(Action.CANCEL, number=number), {}, 200)
        self.event("CANCELED", "CANCELED")

    def cancel_too_late(self, number: int) -> None:
        call = self.asks(Action.CANCEL, number=number)
        self.answer(call, {"code": -2011, "msg": "Unknown order sent."}, 400)

    def expired(self, status: str = "EXPIRED") -> None:
        self.event("EXPIRED", status)

    def queried(self, number: int, status: str = "") -> None:
        asked = command(self.exchange, Action.AMEND, number=number)
        call = BY_NAME[self.exchange].query(asked, signer())
        self.answer(call, self._row(status or self.status))

    def listed(self) -> None:
        adapter = BY_NAME[self.exchange]
        call = adapter.trades(PRODUCTS[self.exchange]["ETHUSDC"], 10**18, signer())
        self.answer(call, self.trades)


def rests_and_is_cancelled(life: Life) -> None:
    life.placed()
    life.cancelled(1)


def is_filled(life: Life) -> None:
    life.placed()
    life.trade(100)
    life.trade(150)
    life.listed()


def is_partly_filled_and_cancelled(life: Life) -> None:
    life.placed()
    life.trade(100)
    life.cancelled(1)
    life.queried(1, "CANCELED")


def is_filled_before_its_cancel(life: Life) -> None:
    life.placed()
    life.trade(250)
    life.cancel_too_late(1)


def is_lowered_while_it_fills(life: Life) -> None:
    life.placed()
    life.trade(100)
    life.amended(1, 200)
    life.trade(100)


def is_lowered_twice_and_cancelled(life: Life) -> None:
    life.placed()
    life.amended(1, 200)
    life.amended(2, 150)
    life.cancelled(3)


def is_refused_an_amend(life: Life) -> None:
    life.placed()
    life.amend_refused(1, -5027 if life.exchange == "binance-usdm" else -2038)
    life.trade(250)


def loses_its_answer(life: Life) -> None:
    life.place_unanswered()
    life.queried(0)
    life.trade(50)
    life.cancel_unanswered(1)


def expires_in_a_match_with_ourselves(life: Life) -> None:
    life.placed()
    life.trade(100)
    life.expired("EXPIRED_IN_MATCH")


def is_moved_and_raised(life: Life) -> None:
    life.placed()
    life.amended(1, 300, 24_812)
    life.trade(300)


CANCELLED, FILLED, EXPIRED = OrderState.CANCELED, OrderState.FILLED, OrderState.EXPIRED
LIVES: dict[Callable[[Life], None], tuple[OrderState, int]] = {
    rests_and_is_cancelled: (CANCELLED, 0),
    is_filled: (FILLED, 250),
    is_partly_filled_and_cancelled: (CANCELLED, 100),
    is_filled_before_its_cancel: (FILLED, 250),
    is_lowered_while_it_fills: (FILLED, 200),
    is_lowered_twice_and_cancelled: (CANCELLED, 0),
    is_refused_an_amend: (FILLED, 250),
    loses_its_answer: (CANCELLED, 50),
    expires_in_a_match_with_ourselves: (EXPIRED, 100),
    is_moved_and_raised: (FILLED, 300),
}
ONLY_USDM = {is_moved_and_raised}
"""Spot only lowers quantities."""


def commands_of(said: Sequence[tuple[Fact, ...]]) -> dict[tuple[int, int], int]:
    """Return the numbers of amends by their terms, as the account session knows them."""
    return {
        (fact.price, fact.quantity): fact.command
        for facts in said
        for fact in facts
        if fact.kind is OrderEvent.AMEND_ACKED and fact.command
    }


def end_of(
    said: Sequence[tuple[Fact, ...]], numbers: dict[tuple[int, int], int]
) -> tuple[OrderFields, int]:
    """Take everything in, in this order, and return the order and the position."""
    table = OrderTable([(0, 1)])
    table.open(US, 0, 1, 24_813, 250)
    for fact in itertools.chain.from_iterable(said):
        number = fact.command
        if fact.kind is OrderEvent.AMEND_ACKED and number == 0:
            number = numbers[fact.price, fact.quantity]
        assert (fact.client_id or fact.venue_id) in (US, VENUE)
        numbered = replace(fact, command=number)
        table.apply(US, fact.kind, **numbered.terms(fact.at_ns))
    return table.get(US), table.exposure(0).position


def orders_of(said: list[tuple[Fact, ...]]) -> Iterator[Sequence[tuple[Fact, ...]]]:
    """Yield all orders of arrival of a short life, and many of a long one; some twice told."""
    if len(said) <= EXHAUSTIVE:
        yield from itertools.permutations(said)
    chance = random.Random(len(said))
    for _ in range(300):
        shuffled = said + chance.choices(said, k=chance.randrange(4))
        chance.shuffle(shuffled)
        yield shuffled


CASES = [
    (exchange, lived)
    for exchange in EXCHANGES
    for lived in LIVES
    if exchange == "binance-usdm" or lived not in ONLY_USDM
]


@pytest.mark.parametrize(("exchange", "lived"), CASES)
def test_a_life_has_one_end_however_it_is_told(
    exchange: str, lived: Callable[[Life], None]
) -> None:
    life = Life(exchange)
    lived(life)
    state, filled = LIVES[lived]
    numbers = commands_of(life.said)
    first, position = end_of(life.said, numbers)
    assert (first.state, first.filled, position) == (state, filled, filled)
    assert (first.contradictions, first.open_quantity) == (0, 0)
    for told in orders_of(life.said):
        assert end_of(told, numbers) == (first, position)


@pytest.mark.parametrize(("exchange", "lived"), CASES)
def test_a_part_of_a_life_never_has_more_filled_than_all_of_it(
    exchange: str, lived: Callable[[Life], None]
) -> None:
    life = Life(exchange)
    lived(life)
    chance = random.Random(7)
    for _ in range(100):
        part = chance.sample(life.said, chance.randrange(len(life.said)))
        so_far, position = end_of(part, commands_of(life.said))
        assert so_far.filled == position <= LIVES[lived][1]
