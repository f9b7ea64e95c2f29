"""The newest wish of each product reaches its handler, over real sockets."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import zmq
import zmq.asyncio
from waits import run, until

from alp._core.wire import (
    BboMessage,
    BookStatusMessage,
    GateMessage,
    HeaderFields,
    TradeFields,
    encode,
)
from alp.bus.commands import CommandServer
from alp.bus.sockets import Publisher, Subscriber
from alp.models.desk import Wish
from alp.services.maker.following import Follower
from alp.services.maker.speaking import Speaker

pytestmark = pytest.mark.timed
SECOND = 10**9


def wish(number: int, instrument: int = 0, *, hold_s: float = 5.0, price: int = 100) -> Wish:
    now = time.time_ns()
    bids = ((price, 5),) if price else ()
    return Wish(number, instrument, now, now + int(hold_s * SECOND), bids, (), {})


class Handler:
    """Takes wishes as an execution handler does."""

    def __init__(self, server: CommandServer) -> None:
        self._server = server
        self.token = 7
        self.silent = False
        self.heard: list[Any] = []

    async def run(self) -> None:
        while True:
            peer, message, _ = await self._server.receive()
            if self.silent:
                continue
            self.heard.append(message)
            header = HeaderFields(32, 0, message.header.sequence, 0, 0)
            self._server.answer(peer, encode(GateMessage(header, False, False, 1, "", self.token)))


@asynccontextmanager
async def spoken(
    tmp_path: Path, token: Callable[[Handler], int | None] = lambda handler: handler.token
) -> AsyncIterator[tuple[Speaker, Handler]]:
    context = zmq.asyncio.Context()
    where = f"ipc://{tmp_path}/commands.ipc"
    with CommandServer(context, where) as server:
        handler = Handler(server)
        speaker = Speaker("a", context, where, lambda: token(handler), time.time_ns)
        tasks = [asyncio.create_task(each.run()) for each in (handler, speaker)]
        try:
            yield speaker, handler
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            speaker.close()
    context.destroy(linger=0)


def test_a_wish_is_sent_with_the_accounts_token_and_answered(tmp_path: Path) -> None:
    async def test() -> None:
        async with spoken(tmp_path) as (speaker, handler):
            speaker.want(wish(1))
            assert await speaker.said(5.0)
            (message,) = handler.heard
            assert (message.token, message.bids, message.flags) == (7, ((100, 5),), 1)
            assert message.header.source == 2
            assert speaker.trouble == ""

    run(test(), 20)


def test_only_the_newest_wish_is_sent_again_until_it_is_answered(tmp_path: Path) -> None:
    async def test() -> None:
        async with spoken(tmp_path) as (speaker, handler):
            handler.silent = True
            speaker.want(wish(1, price=100))
            await until(lambda: speaker.counts["unanswered"] > 0, 5.0)
            assert speaker.trouble == "its handler does not answer"
            speaker.want(wish(2, price=101))
            assert not await speaker.said(0.3)
            handler.silent = False
            assert await speaker.said(5.0)
            assert {each.bids[0][0] for each in handler.heard} == {101}

    run(test(), 20)


def test_nothing_is_sent_before_the_token_is_known_nor_when_it_is_over(tmp_path: Path) -> None:
    async def test() -> None:
        known: list[int] = []
        async with spoken(tmp_path, lambda _: known[-1] if known else None) as (speaker, handler):
            speaker.want(wish(1, hold_s=0.3))
            assert not await speaker.said(0.5)
            known.append(7)
            assert await speaker.said(5.0)
            assert handler.heard == []
            assert speaker.counts["over"] == 1
            speaker.want(wish(2, hold_s=-1.0, price=0))
            assert await speaker.said(5.0)
            # That nothing shall rest is never over.
            assert handler.heard[0].until_ns > time.time_ns() - SECOND

    run(test(), 20)


def test_a_handler_that_is_another_one_hears_it_again(tmp_path: Path) -> None:
    async def test() -> None:
        said = {"token": 6}
        async with spoken(tmp_path, lambda _: said["token"]) as (speaker, handler):
            speaker.want(wish(1))
            await until(lambda: speaker.counts["fenced"] > 0, 5.0)
            said["token"] = 7
            assert await speaker.said(5.0)
            count = len(handler.heard)
            speaker.again()
            await until(lambda: len(handler.heard) == count + 1, 5.0)

    run(test(), 20)


def header(instrument: int = 0) -> HeaderFields:
    return HeaderFields(1, instrument, 0, 0, 0)


def test_of_prices_that_waited_only_the_newest_is_told_and_of_trades_all(tmp_path: Path) -> None:
    async def test() -> None:
        context = zmq.asyncio.Context()
        plain: zmq.Context[Any] = zmq.Context.shadow(context)
        ends = f"ipc://{tmp_path}/p.ipc", f"ipc://{tmp_path}/p.recall.ipc"
        heard: list[Any] = []
        lost: list[int] = []
        with Publisher(plain, *ends, 1) as publisher, Subscriber(plain, [ends]) as subscriber:
            follower = Follower(
                subscriber, lambda message, _: heard.append(message), lambda: lost.append(1)
            )
            task = asyncio.create_task(follower.run())
            # This very loop would have to answer it, and waits: nobody does.
            await until(lambda: bool(lost), 5.0)
            for number in range(5):
                publisher.publish(encode(BboMessage(header(), 100 + number, 1, 110, 1)))
                publisher.publish(encode(TradeFields(header(), number, 100, 1, 1)))
            time.sleep(0.05)
            await until(lambda: len(heard) == 6, 5.0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        context.destroy(linger=0)
        assert [each.bid for each in heard if isinstance(each, BboMessage)] == [104]
        trades = [each.id for each in heard if isinstance(each, TradeFields)]
        assert trades == [0, 1, 2, 3, 4]
        assert follower.superseded == 4
        assert follower.unanswered == 1

    run(test(), 20)


def test_what_was_missed_is_asked_for_and_told_as_old(tmp_path: Path) -> None:
    async def test() -> None:
        context = zmq.asyncio.Context()
        plain: zmq.Context[Any] = zmq.Context.shadow(context)
        ends = f"ipc://{tmp_path}/p.ipc", f"ipc://{tmp_path}/p.recall.ipc"
        heard: list[tuple[Any, bool]] = []
        over = threading.Event()

        def answer() -> None:
            while not over.is_set():
                publisher.answer()
                time.sleep(0.005)

        with Publisher(plain, *ends, 1) as publisher, Subscriber(plain, [ends]) as subscriber:
            publisher.publish(encode(BookStatusMessage(header(), True, 0, 0)))
            answering = threading.Thread(target=answer)
            answering.start()
            follower = Follower(subscriber, lambda *each: heard.append(each))
            task = asyncio.create_task(follower.run())
            try:
                await until(lambda: bool(heard), 10.0)
            finally:
                over.set()
                answering.join()
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        context.destroy(linger=0)
        ((message, is_old),) = heard
        assert isinstance(message, BookStatusMessage)
        assert is_old

    run(test(), 20)
