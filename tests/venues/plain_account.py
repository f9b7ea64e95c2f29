"""One account at a simulated venue, by an adapter and a plain client: no session, no recovery."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import Any

import aiohttp
import yarl

from alp._core.order_life import OrderEvent
from alp._core.orders import OrderFields, OrderTable
from alp.venues.credentials import Credentials
from alp.venues.instruments import Instrument
from alp.venues.orders import (
    Action,
    Answer,
    Call,
    Command,
    Fact,
    OrderAdapter,
    Outcome,
    Signer,
    StreamNews,
    StreamPlan,
    StreamReader,
)
from alp.venues.signing import Nonces


class PlainAccount:
    """Sends what an adapter makes, and takes in what comes back.

    Attributes
    ----------
    news
        Of the private stream and the order socket.
    skew_ns
        How far its clock is from the venue's.
    """

    def __init__(
        self,
        adapter: OrderAdapter,
        instrument: Instrument,
        credentials: Credentials,
        session: aiohttp.ClientSession,
    ) -> None:
        self.adapter = adapter
        self.instrument = instrument
        self.instruments: Mapping[str, Instrument] = {instrument.symbol: instrument}
        self.table = OrderTable([(0, 1)])
        self.news: list[StreamNews] = []
        self.skew_ns = 0
        self._numbers = itertools.count(1)
        self._references = itertools.count(1)
        self._answers: dict[str, bytes] = {}
        self._session = session
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._changed = asyncio.Condition()
        self.signer = Signer(credentials, self._now_ns, Nonces(time.time_ns), self._reference)

    def _now_ns(self) -> int:
        return time.time_ns() + self.skew_ns

    def _reference(self) -> str:
        return f"{next(self._references):032x}"

    @property
    def facts(self) -> list[Fact]:
        return [fact for news in self.news for fact in news.facts]

    async def ask(self, call: Call | None) -> Outcome:
        """Send a call by REST."""
        assert call is not None
        assert call.request is not None
        url = yarl.URL(self.adapter.endpoints.rest + call.request.target, encoded=True)
        async with self._session.request(
            call.request.method, url, headers=call.request.headers, data=call.request.body or None
        ) as answer:
            body = await answer.read()
            told = Answer(body, answer.status, answer.headers, time.time_ns())
        return self._taken(self.adapter.read(call, told, self.instruments))

    async def call(self, *commands: Command, socket: bool = False) -> Outcome:
        """Send commands, and count them before."""
        for command in commands:
            if command.action is Action.NEW:
                self.table.open(command.client_id, 0, command.side, command.price, command.quantity)
            else:
                self._requested(command)
        call = self.adapter.commands(commands, self.signer, socket=socket)
        if not socket:
            return await self.ask(call)
        assert call.message is not None
        assert self._socket is not None
        await self._socket.send_str(call.message.decode())
        await self.until(lambda: call.reference in self._answers)
        told = Answer(self._answers.pop(call.reference), received_ns=time.time_ns())
        return self._taken(self.adapter.read(call, told, self.instruments))

    def _requested(self, command: Command) -> None:
        amends = command.action is Action.AMEND
        kind = OrderEvent.AMEND_REQUESTED if amends else OrderEvent.CANCEL_REQUESTED
        terms = {"price": command.price, "quantity": command.quantity} if amends else {}
        self.table.apply(command.client_id, kind, command=command.number, **terms)

    def new(self, price: int, quantity: int, **more: Any) -> Command:
        """Make a new order with an id of its own."""
        name = f"alp-1-{next(self._numbers):06d}"
        given: dict[str, Any] = {"side": 1, **more}
        return Command(Action.NEW, self.instrument, name, price=price, quantity=quantity, **given)

    def next(self, order: Command, action: Action, **changes: Any) -> Command:
        """Make the next amend or cancel of an order."""
        number = self.table.next_command(order.client_id)
        given: dict[str, Any] = {
            "side": order.side,
            "price": order.price,
            "quantity": order.quantity,
            "number": number,
        }
        return Command(action, self.instrument, order.client_id, **(given | changes))

    def order(self, order: Command) -> OrderFields:
        return self.table.get(order.client_id)

    @contextlib.asynccontextmanager
    async def listening(self, plan: StreamPlan, *, orders: bool = False) -> AsyncIterator[None]:
        """Keep a socket open, from when it is ready; a ConnectionError says why it is not."""
        reader = self.adapter.reader(self.signer, self.instruments)
        async with self._session.ws_connect(plan.url) as socket:
            for message in plan.opening:
                await socket.send_str(message.decode())
            if orders:
                self._socket = socket
            heard = len(self.news)
            task = asyncio.create_task(self._hear(socket, reader))
            await self.until(lambda: any(news.ready or news.lost for news in self.news[heard:]))
            try:
                if why := [news.lost for news in self.news[heard:] if news.lost]:
                    raise ConnectionError(why[0])
                yield
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def _hear(self, socket: aiohttp.ClientWebSocketResponse, reader: StreamReader) -> None:
        async for message in socket:
            data = message.data if isinstance(message.data, bytes) else message.data.encode()
            news = reader.read(data)
            for reply in news.replies:
                await socket.send_str(reply.decode())
            if news.reference:
                self._answers[news.reference] = data
            self.news.append(news)
            self._take(news.facts)
            async with self._changed:
                self._changed.notify_all()

    async def until(self, condition: Callable[[], bool], within_s: float = 20.0) -> None:
        """Wait for what is told on a socket."""
        async with asyncio.timeout(within_s), self._changed:
            await self._changed.wait_for(condition)

    def _taken(self, outcome: Outcome) -> Outcome:
        self._take(outcome.facts)
        return outcome

    def _take(self, facts: tuple[Fact, ...]) -> None:
        for fact in facts:
            name = fact.client_id or self.table.find(fact.venue_id)
            if name is None or name not in self.table:
                continue
            number = fact.command
            if fact.kind is OrderEvent.AMEND_ACKED and number == 0:
                number = self.table.next_command(name) - 1
            numbered = replace(fact, command=number)
            self.table.apply(name, fact.kind, **numbered.terms(fact.at_ns))
