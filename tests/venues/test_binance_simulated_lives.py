"""Random trading at the simulated Binance: what is told, in any order, is what the venue has.

No socket: requests go to the venue's private side, and what it has to say is taken from there. So a
whole session is a list of what was told, and can be told again in another order.
"""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections.abc import Iterable

import pytest
from asking import Clock, request_of
from binance_private import EXCHANGES

from alp._core.order_life import OrderEvent
from alp._core.orders import OrderFields, OrderTable
from alp.paper.accounts import hmac_credentials
from alp.paper.binance.public import Binance
from alp.paper.book import PlainBook
from alp.paper.market import Event, Market
from alp.paper.protocol import Peer
from alp.venues.instruments import Grid, Instrument
from alp.venues.orders import (
    Action,
    Answer,
    Call,
    Capability,
    Command,
    Fact,
    Outcome,
    Signer,
    TimeInForce,
)
from alp.venues.registry import orders_for
from alp.venues.signing import Nonces

BID, ASK = True, False
TICK, LOT = 100, 1000
"""Ticks and lots of one coin."""
MOST_AMENDS = 4
Told = list[tuple[Fact, ...]]


class Trader:
    """An account that does what chance wants, and keeps everything it was told."""

    def __init__(self, exchange: str, seed: int, losses: float) -> None:
        book = PlainBook(2, 3)
        book.replace(BID, [((1999 - n) * TICK, 5 * LOT) for n in range(5)])
        book.replace(ASK, [((2001 + n) * TICK, 5 * LOT) for n in range(5)])
        self.chance, self.losses = random.Random(seed), losses
        self.clock = Clock()
        self.market = Market("ETHUSDC", book)
        futures = exchange == "binance-usdm"
        self.protocol = Binance([self.market], futures=futures, clock_ns=self.clock)
        self.side = self.protocol.private
        self.adapter = orders_for(exchange)
        price, lots = Grid(2, 1), Grid(3, 1)
        self.eth = Instrument(
            exchange, "ETHUSDC", "ETHUSDC", "ETH", "USDC", price, lots, lots, lots.increment
        )
        self.products = {"ETHUSDC": self.eth}
        numbers = itertools.count(1)
        nonces = Nonces(self.clock)
        credentials = hmac_credentials()[0]
        self.signer = Signer(credentials, self.clock, nonces, lambda: f"{next(numbers):x}")
        self.sent: list[Command] = []
        self.orders: dict[str, Command] = {}
        self.commands: dict[str, int] = {}
        self.terms: dict[tuple[str, int, int], int] = {}
        self.asked: list[Command] = []
        self.told: Told = []
        self.reader = self.adapter.reader(self.signer, self.products)
        self.peer = Peer()
        key = self.adapter.stream_key(self.signer, "")
        if key is None:
            self.peer.account = "first"
            self.peer.notes["subscription"] = 0
        else:
            self.peer.path, self.peer.query = "/private/ws", {"listenKey": self.ask(key).text}
        self.side.opened(self.peer)

    def ask(self, call: Call) -> Outcome:
        """Send a request, and hear what the stream says of it."""
        assert call.request is not None
        reply = self.side.answer(request_of(call.request))
        assert reply is not None
        answer = Answer(reply.body, reply.status, reply.headers, self.clock())
        outcome = self.adapter.read(call, answer, self.products)
        self.told.append(outcome.facts)
        self.hear()
        return outcome

    def hear(self) -> None:
        """Take in what the stream says."""
        messages, self.peer.outbox = self.peer.outbox, []
        self.told += [self.reader.read(message).facts for message in messages]

    def step(self) -> None:
        """Do one thing."""
        self.clock.pass_s(0.5)
        live = list(self.orders.values())
        does = self.chance.choice(["new", "new", "amend", "cancel", "trade", "trade", "take"])
        if does == "trade":
            self.trade()
        elif does == "new" or not live:
            self.send(self.new(rests=True))
        elif does == "take":
            self.send(self.new(rests=False))
        else:
            order = self.chance.choice(live)
            self.send(self.amend(order) if does == "amend" else self.cancel(order))

    def trade(self) -> None:
        bought = self.chance.random() < 0.5
        price = 2000 + self.chance.randrange(1, 4) * (1 if bought else -1)
        lots = self.chance.randrange(1, 8 * LOT)
        self.market.happen(Event([], trades=((bought, price * TICK, lots),)))
        self.side.desk.happened(self.market)
        self.hear()

    def new(self, *, rests: bool) -> Command:
        side = self.chance.choice([1, -1])
        away = self.chance.randrange(-1, 4) if rests else -2
        name = f"alp-9-{len(self.commands):06d}"
        order = Command(
            Action.NEW,
            self.eth,
            name,
            side=side,
            price=(2000 - side * away) * TICK,
            quantity=self.chance.randrange(50, 3 * LOT),
            post_only=rests,
            time_in_force=TimeInForce.GTC if rests else TimeInForce.IOC,
        )
        self.sent.append(order)
        self.orders[name], self.commands[name] = order, 0
        return order

    def _next(self, order: Command, action: Action, **changes: int) -> Command:
        self.commands[order.client_id] += 1
        number = self.commands[order.client_id]
        return dataclasses.replace(order, action=action, number=number, **changes)

    def amend(self, order: Command) -> Command:
        price, most = order.price, order.quantity
        if Capability.AMEND_PRICE in self.adapter.capabilities:
            price += self.chance.randrange(-2, 3) * TICK
            most += LOT
        quantity = self.chance.randrange(1, most)
        known = [terms for name, *terms in self.terms if name == order.client_id]
        # The table keeps so many amends under way, as all of them are here before the first fact;
        # and two to the same terms cannot be told apart by the stream.
        if len(known) == MOST_AMENDS or [price, quantity] in known:
            return self.cancel(order)
        amend = self._next(order, Action.AMEND, price=price, quantity=quantity)
        self.terms[order.client_id, price, quantity] = amend.number
        return amend

    def cancel(self, order: Command) -> Command:
        return self._next(order, Action.CANCEL)

    def send(self, command: Command) -> None:
        if command.action is not Action.NEW:
            self.asked.append(command)
        call = self.adapter.commands([command], self.signer, socket=False)
        if self.chance.random() < self.losses:
            self.lose(call)
            return
        outcome = self.ask(call)
        done = any(fact.kind is OrderEvent.AMEND_ACKED for fact in outcome.facts)
        if command.action is Action.AMEND and done:
            old = self.orders[command.client_id]
            self.orders[command.client_id] = dataclasses.replace(
                old, price=command.price, quantity=command.quantity
            )

    def lose(self, call: Call) -> None:
        """Let a request or its answer be lost; nobody can say which."""
        assert call.request is not None
        if self.chance.random() < 0.5:
            self.side.answer(request_of(call.request))
            self.hear()
        self.told.append(self.adapter.read(call, Answer(b"", 502), self.products).facts)

    def query(self, order: Command) -> Fact:
        """Ask how an order is, after everything that was sent of it."""
        last = dataclasses.replace(order, number=self.commands[order.client_id])
        [fact] = self.ask(self.adapter.query(last, self.signer)).facts
        return fact

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.step()

    def table_of(self, told: Iterable[tuple[Fact, ...]]) -> OrderTable:
        """Take everything in, in this order; what was asked for is known before."""
        table = OrderTable([(0, 1)])
        venue_ids = {
            fact.venue_id: fact.client_id
            for fact in itertools.chain.from_iterable(self.told)
            if fact.client_id and fact.venue_id
        }
        for order in self.sent:
            table.open(order.client_id, 0, order.side, order.price, order.quantity)
        for command in self.asked:
            kind, terms = OrderEvent.CANCEL_REQUESTED, {}
            if command.action is Action.AMEND:
                kind = OrderEvent.AMEND_REQUESTED
                terms = {"price": command.price, "quantity": command.quantity}
            table.apply(command.client_id, kind, command=command.number, **terms)
        for fact in itertools.chain.from_iterable(told):
            name = fact.client_id or venue_ids[fact.venue_id]
            number = fact.command
            if fact.kind is OrderEvent.AMEND_ACKED and number == 0:
                number = self.terms[name, fact.price, fact.quantity]
            numbered = dataclasses.replace(fact, command=number)
            table.apply(name, fact.kind, **numbered.terms(fact.at_ns))
        return table

    def orders_of(self, table: OrderTable) -> dict[str, OrderFields]:
        return {order.client_id: table.get(order.client_id) for order in self.sent}


@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("losses", [0, 0.2], ids=["all-answers", "some-lost"])
def test_any_order_of_telling_ends_as_the_venue_has_it(
    exchange: str, seed: int, losses: float
) -> None:
    trader = Trader(exchange, seed, losses)
    trader.run(60)
    if not losses:
        heard = trader.orders_of(trader.table_of(trader.told))
        assert not {each.state.name for each in heard.values()} & {"UNKNOWN", "PENDING_CANCEL"}
    truth = {order.client_id: trader.query(order) for order in trader.sent}
    since_ns = trader.clock() - 3600 * 10**9
    trades = trader.ask(trader.adapter.trades(trader.eth, since_ns, trader.signer)).facts

    table = trader.table_of(trader.told)
    kept = trader.orders_of(table)
    if not losses:
        assert kept == heard, "all that was asked was known"
    assert {each.state.name for each in kept.values()} >= {"FILLED"}
    for name, fact in truth.items():
        order = kept[name]
        assert order.contradictions == 0
        if fact.kind is OrderEvent.FOUND:
            assert order.state.name in ("ACKED", "PARTIALLY_FILLED")
            assert (order.price, order.quantity) == (fact.price, fact.quantity)
        elif fact.kind is OrderEvent.NOT_FOUND:
            assert order.state.name == "REJECTED"
        else:
            assert order.state.name == fact.kind.name
        assert order.filled == max(fact.cumulative, 0)
    position = table.exposure(0).position
    assert sum(fact.side * fact.quantity for fact in trades) == position
    if exchange == "binance-usdm":
        _, call = trader.adapter.account([trader.eth], trader.signer)
        assert trader.ask(call).positions[0].quantity == position

    chance = random.Random(seed)
    for _ in range(25):
        told = trader.told + chance.choices(trader.told, k=20)
        chance.shuffle(told)
        again = trader.table_of(told)
        assert trader.orders_of(again) == kept
        assert again.exposure(0) == table.exposure(0)
