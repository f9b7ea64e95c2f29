"""The adapters at simulated venues, over real HTTP and WebSockets, with no session between."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import account_worlds
import aiohttp
import pytest
import yarl
from account_worlds import Kind
from client_world import trade
from order_kit import apply
from waits import run

from alp._core.order_life import OrderEvent, OrderState, RejectReason
from alp._core.orders import OrderTable
from alp.paper.exchange import Exchange
from alp.venues.adapter import Endpoints
from alp.venues.http import Budget, Http
from alp.venues.instruments import Instrument
from alp.venues.orders import (
    Action,
    Answer,
    Call,
    Capability,
    Command,
    Fact,
    OrderAdapter,
    Outcome,
    Signer,
    TimeInForce,
)
from alp.venues.registry import adapter_for, orders_for
from alp.venues.signing import Nonces

pytestmark = pytest.mark.timed

WITHIN_S = 30.0


KINDS = {name: account_worlds.KINDS[name] for name in ("coinbase-spot", "kraken-spot")} | {
    "kraken-spot by socket": replace(account_worlds.KINDS["kraken-spot"], socket=True),
    "kraken-futures": account_worlds.KINDS["kraken-futures"],
}


@dataclass
class Owner:
    """Whoever owns the orders: asks by REST or socket, hears the stream, keeps the table."""

    kind: Kind
    exchange: Exchange
    adapter: OrderAdapter
    instrument: Instrument
    signer: Signer
    http: aiohttp.ClientSession
    table: OrderTable = field(default_factory=lambda: OrderTable([(0, 1)]))
    heard: list[Fact] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: dict[str, asyncio.Future[bytes]] = field(default_factory=dict)
    orders: aiohttp.ClientWebSocketResponse | None = None
    ready: int = 0

    @property
    def named(self) -> dict[str, Instrument]:
        return {self.instrument.symbol: self.instrument}

    async def send(self, call: Call) -> Answer:
        if call.message is not None:
            assert self.orders is not None
            answered = self.waiting[call.reference] = asyncio.get_running_loop().create_future()
            await self.orders.send_str(call.message.decode())
            return Answer(await asyncio.wait_for(answered, WITHIN_S))
        request = call.request
        assert request is not None
        url = yarl.URL(self.adapter.endpoints.rest + request.target, encoded=True)
        async with self.http.request(
            request.method, url, headers=request.headers, data=request.body or None
        ) as answer:
            return Answer(await answer.read(), answer.status, answer.headers)

    async def ask(self, call: Call) -> Outcome:
        """Send a call and all that follows of it; the last outcome has everybody's facts."""
        facts: tuple[Fact, ...] = ()
        while True:
            outcome = self.adapter.read(call, await self.send(call), self.named)
            facts += outcome.facts
            if outcome.more is None:
                return replace(outcome, facts=facts)
            call = outcome.more(self.signer)

    async def do(self, *commands: Command) -> Outcome:
        """Send commands and tell the table what became of them."""
        for each in commands:
            if each.action is Action.NEW:
                self.table.open(each.client_id, 0, each.side, each.price, each.quantity)
                self.table.apply(each.client_id, OrderEvent.SENT)
            elif each.action is Action.AMEND:
                self.table.apply(
                    each.client_id,
                    OrderEvent.AMEND_REQUESTED,
                    command=each.number,
                    price=each.price,
                    quantity=each.quantity,
                )
            else:
                self.table.apply(each.client_id, OrderEvent.CANCEL_REQUESTED, command=each.number)
        outcome = await self.ask(
            self.adapter.commands(commands, self.signer, socket=self.kind.socket)
        )
        for fact in outcome.facts:
            self.tell(fact)
        return outcome

    def tell(self, fact: Fact) -> None:
        client_id = fact.client_id or self.table.find(fact.venue_id)
        if client_id is not None and client_id in self.table:
            apply(self.table, replace(fact, client_id=client_id), number=1)

    async def state(self, client_id: str, holds: Callable[[Any], bool]) -> Any:
        """Wait until an order is as it is to be."""
        async with asyncio.timeout(WITHIN_S):
            while not holds(self.table.get(client_id)):
                self.news.clear()
                await self.news.wait()
        return self.table.get(client_id)

    async def listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        reader = self.adapter.reader(self.signer, self.named)
        async for message in socket:
            raw = message.data if isinstance(message.data, bytes) else message.data.encode()
            news = reader.read(raw)
            assert not news.lost, news.lost
            for reply in news.replies:
                await socket.send_str(reply.decode())
            for fact in news.facts:
                self.heard.append(fact)
                self.tell(fact)
            if news.reference in self.waiting:
                self.waiting.pop(news.reference).set_result(raw)
            self.ready += news.ready
            self.news.set()

    def new(self, client_id: str, price: int = 1999, coins: int = 2, **changes: Any) -> Command:
        return replace(
            Command(
                Action.NEW,
                self.instrument,
                client_id,
                side=1,
                price=self.instrument.price.count(str(price)),
                quantity=self.instrument.order_quantity.count(str(coins)),
                sent_ns=time.time_ns(),
            ),
            **changes,
        )

    def of(self, command: Command, action: Action, number: int, **changes: Any) -> Command:
        order = self.table.get(command.client_id)
        return replace(
            command,
            action=action,
            number=number,
            venue_id=order.venue_id,
            filled=order.filled,
            **changes,
        )

    def sell(self, price: int, coins: int) -> None:
        """Let somebody sell so many coins into the book."""
        trade(self.exchange, self.kind.market, price, coins, bought=False)

    def lots(self, coins: int) -> int:
        return self.instrument.order_quantity.count(str(coins))


@asynccontextmanager
async def owner_at(name: str) -> AsyncIterator[Owner]:
    """An owner whose streams are ready."""
    kind = KINDS[name]
    async with (
        Exchange(kind.make(), rate=0) as exchange,
        aiohttp.ClientSession() as session,
        contextlib.AsyncExitStack() as stack,
    ):
        ends = Endpoints(exchange.rest_url, exchange.stream_url)
        adapter = orders_for(exchange.protocol.exchange, ends)
        async with Http(ends.rest, Budget(6000)) as http:
            (instrument,) = await adapter_for(adapter.exchange, ends).instruments(
                http, [kind.symbol]
            )
        signer = Signer(
            kind.credentials(), time.time_ns, Nonces(time.time_ns), lambda: f"{time.time_ns():032x}"
        )
        owner = Owner(kind, exchange, adapter, instrument, signer, session)
        keyed = adapter.stream_key(signer, "")
        key = "" if keyed is None else (await owner.ask(keyed)).text
        plans = [adapter.stream(signer, key)]
        other = adapter.order_socket(signer, key)
        plans += [other] if kind.socket and other else []
        listeners = []
        for plan in plans:
            owner.orders = await stack.enter_async_context(session.ws_connect(plan.url))
            for message in plan.opening:
                await owner.orders.send_str(message.decode())
            listeners.append(asyncio.create_task(owner.listen(owner.orders)))
        async with asyncio.timeout(WITHIN_S):
            while owner.ready < len(plans):
                owner.news.clear()
                await owner.news.wait()
        try:
            yield owner
        finally:
            for each in listeners:
                each.cancel()
            ended = await asyncio.gather(*listeners, return_exceptions=True)
            for each in ended:
                if isinstance(each, Exception) and not isinstance(each, asyncio.CancelledError):
                    raise each


def at_each(test: Callable[[Owner], Any]) -> Callable[[str], None]:
    """Run a test at each venue."""

    @pytest.mark.parametrize("name", KINDS)
    def everywhere(name: str) -> None:
        async def there() -> None:
            async with owner_at(name) as owner:
                await test(owner)

        run(there())

    return everywhere


async def _life(owner: Owner) -> None:
    order = owner.new("alp-1-1", 1998)
    outcome = await owner.do(order)
    assert (outcome.policy, [each.kind for each in outcome.facts]) == (None, [OrderEvent.ACKED])
    await owner.state("alp-1-1", lambda it: it.state is OrderState.ACKED)

    price, quantity = owner.instrument.price.count("1999"), owner.lots(3)
    amended = owner.of(order, Action.AMEND, 1, price=price, quantity=quantity)
    outcome = await owner.do(amended)
    assert [each.kind for each in outcome.facts] == [OrderEvent.AMEND_ACKED]
    (found,) = (await owner.ask(owner.adapter.query(amended, owner.signer))).facts
    assert (found.kind, found.command) == (OrderEvent.FOUND, 1)
    assert (found.price, found.quantity, found.cumulative) == (price, quantity, 0)
    (live,) = [
        each
        for call in owner.adapter.open_orders([owner.instrument], owner.signer)
        for each in (await owner.ask(call)).orders
    ]
    assert (live.client_id, live.price, live.quantity) == ("alp-1-1", price, quantity)

    owner.sell(1999, 6)  # five were there before
    order_now = await owner.state("alp-1-1", lambda it: it.filled == owner.lots(1))
    assert order_now.state is OrderState.PARTIALLY_FILLED
    since_ns = time.time_ns() - 3600 * 10**9
    fills = await owner.ask(owner.adapter.trades(owner.instrument, since_ns, owner.signer))
    (fill,) = fills.facts
    assert (fill.kind, fill.venue_id) == (OrderEvent.FILL, order_now.venue_id)
    assert (fill.price, fill.quantity, fill.side) == (price, owner.lots(1), 1)
    streamed = [each for each in owner.heard if each.kind is OrderEvent.FILL]
    if owner.adapter.capabilities & Capability.FILLS_STREAMED:
        (told,) = streamed
        assert (told.trade_id, told.price, told.quantity) == (
            fill.trade_id,
            fill.price,
            fill.quantity,
        )
        assert told.fee > 0
        assert told.fee_asset == owner.instrument.quote
    else:
        assert not streamed
        assert fill.fee > 0
    owner.tell(fill)
    assert owner.table.get("alp-1-1").filled == owner.lots(1)

    outcome = await owner.do(owner.of(amended, Action.CANCEL, 2))
    assert outcome.facts[0].kind is OrderEvent.CANCEL_ACCEPTED
    order_now = await owner.state("alp-1-1", lambda it: it.state is OrderState.CANCELED)
    assert (order_now.filled, order_now.open_quantity) == (owner.lots(1), 0)
    assert not order_now.contradictions
    *_, end = (await owner.ask(owner.adapter.query(amended, owner.signer))).facts
    assert (end.kind, end.cumulative) == (OrderEvent.CANCELED, owner.lots(1))


test_an_order_lives_and_ends = at_each(_life)


async def _refusals(owner: Owner) -> None:
    await owner.do(owner.new("alp-1-1", 2001))
    refused = await owner.state("alp-1-1", lambda it: it.state is OrderState.REJECTED)
    assert owner.table.get("alp-1-1") == refused
    reasons = {each.reason for each in owner.heard if each.kind is OrderEvent.REJECTED}
    assert reasons <= {RejectReason.POST_ONLY}
    futures = Capability.POSITIONS in owner.adapter.capabilities
    outcome = await owner.do(owner.new("alp-1-2", 1999, 200_000 if futures else 4000))
    (fact,) = outcome.facts
    assert fact.kind is OrderEvent.REJECTED
    assert fact.reason in (RejectReason.BALANCE, RejectReason.MARGIN)
    await owner.do(owner.new("alp-1-3", 1998))
    order = await owner.state("alp-1-3", lambda it: it.state is OrderState.ACKED)
    first = replace(owner.new("alp-1-3"), action=Action.CANCEL, number=1, venue_id=order.venue_id)
    await owner.do(first)
    await owner.state("alp-1-3", lambda it: it.state is OrderState.CANCELED)
    again = replace(first, number=2)
    outcome = owner.adapter.read(
        call := owner.adapter.commands([again], owner.signer, socket=owner.kind.socket),
        await owner.send(call),
        owner.named,
    )
    assert [each.kind for each in outcome.facts] == [OrderEvent.CANCEL_REFUSED]


test_refusals_have_their_reasons = at_each(_refusals)


async def _immediate(owner: Owner) -> None:
    order = owner.new("alp-1-1", 2001, 1, time_in_force=TimeInForce.IOC, post_only=False)
    await owner.do(order)
    done = await owner.state("alp-1-1", lambda it: it.state is OrderState.FILLED)
    assert (done.filled, done.contradictions) == (owner.lots(1), 0)
    await owner.do(replace(order, client_id="alp-1-2", price=owner.instrument.price.count("2000")))
    ends = (OrderState.CANCELED, OrderState.EXPIRED)
    nothing = await owner.state("alp-1-2", lambda it: it.state in ends)
    assert (nothing.filled, nothing.contradictions) == (0, 0)


test_immediate_orders_are_filled_or_end = at_each(_immediate)


async def _sought(owner: Owner) -> None:
    order = owner.new("alp-1-1", 1998)
    outcome = await owner.ask(owner.adapter.query(order, owner.signer))
    assert [each.kind for each in outcome.facts] == [OrderEvent.NOT_FOUND]
    await owner.do(order)
    outcome = await owner.ask(owner.adapter.query(order, owner.signer))
    assert [each.kind for each in outcome.facts] == [OrderEvent.FOUND]
    venue_id = outcome.facts[0].venue_id
    await owner.do(replace(order, action=Action.CANCEL, number=1, venue_id=venue_id))
    await owner.state("alp-1-1", lambda it: it.state is OrderState.CANCELED)
    outcome = await owner.ask(owner.adapter.query(order, owner.signer))
    (end,) = outcome.facts
    if owner.adapter.exchange == "kraken-futures":  # it tells no more of what left no trade
        assert end.kind is OrderEvent.NOT_FOUND
    else:
        assert (end.kind, end.cumulative, end.venue_id) == (OrderEvent.CANCELED, 0, venue_id)


test_an_order_is_found_by_our_id = at_each(_sought)


async def _several(owner: Owner) -> None:
    most = owner.adapter.most_in_batch.get(Action.NEW, 1)
    orders = [owner.new(f"alp-1-{number}", 1990 + number) for number in range(3)]
    for few in [orders] if most >= 3 else [[each] for each in orders]:
        outcome = await owner.do(*few)
        assert {each.kind for each in outcome.facts} == {OrderEvent.ACKED}
    for each in orders:
        await owner.state(each.client_id, lambda it: it.state is OrderState.ACKED)
    outcome = await owner.do(*[owner.of(each, Action.CANCEL, 1) for each in orders[:2]])
    assert OrderEvent.CANCEL_UNKNOWN not in {each.kind for each in outcome.facts}
    await owner.ask(owner.adapter.cancel_all(owner.instrument, owner.signer))
    for each in orders:
        await owner.state(each.client_id, lambda it: it.state is OrderState.CANCELED)


test_several_orders_in_one_call_and_all_canceled = at_each(_several)


async def _account(owner: Owner) -> None:
    outcomes = [
        await owner.ask(call) for call in owner.adapter.account([owner.instrument], owner.signer)
    ]
    held = {each.asset: each.total for outcome in outcomes for each in outcome.balances}
    assert held[owner.instrument.quote] == 10**6 * 10**8
    asked = time.time_ns()
    clock = await owner.ask(owner.adapter.time())
    assert abs(clock.venue_ns - asked) < WITHIN_S * 10**9
    permissions = owner.adapter.permissions(owner.signer)
    if permissions is not None:
        assert (await owner.ask(permissions)).permissions - {"cancel"} == {"read", "trade"}
    for timeout_ns in (owner.adapter.dead_man_ns, 0):
        timer = owner.adapter.dead_man(owner.instrument, timeout_ns, owner.signer)
        assert timer is None or (await owner.ask(timer)).policy is None


test_the_account_the_clock_the_key_and_the_timer = at_each(_account)
