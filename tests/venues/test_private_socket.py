"""A private connection reads whole messages, knows when it is dead, and shows nobody its key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest
from aiohttp import WSMsgType, web
from plain_venue import PlainReader
from waits import run, until

from alp.errors import VenueError
from alp.venues import keeper, websocket
from alp.venues.account import private_socket
from alp.venues.account.delivery import NotSent
from alp.venues.account.private_connection import PrivateConnection
from alp.venues.account.private_socket import PrivateSocket, Wiring
from alp.venues.backoff import Backoff
from alp.venues.orders import Answer, StreamNews, StreamPlan

pytestmark = pytest.mark.timed

SECOND = 10**9
READY = '{"ready":1}'

Talk = Callable[[web.WebSocketResponse], Awaitable[None]]


@asynccontextmanager
async def serving(talk: Talk, **options: Any) -> AsyncIterator[str]:
    async def served(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(**options)
        await socket.prepare(request)
        await talk(socket)
        return socket

    application = web.Application()
    application.router.add_get("/{path:.*}", served)
    runner = web.AppRunner(application, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"ws://127.0.0.1:{runner.addresses[0][1]}/stream?key=the-key"
    finally:
        await runner.cleanup()


async def open_for_ever(socket: web.WebSocketResponse) -> None:
    async for _ in socket:
        pass


class Heard:
    """Everything that was heard, and what was awaited."""

    def __init__(self) -> None:
        self.news: list[tuple[str, StreamNews]] = []
        self.states: list[str] = []
        self.keys = 0
        self.renewed: list[str] = []
        self.renews: str | None = None

    def hear(self, connection: PrivateConnection, news: StreamNews, message: bytes, _: int) -> None:
        self.news.append((message.decode(), news))

    def connection(self, url: str, **plan: Any) -> PrivateConnection:
        return PrivateConnection(
            "test#1", StreamPlan(url, (b"hello",), **plan), "", PlainReader(), self.hear
        )

    def socket(self, url: str, **plan: Any) -> PrivateSocket:
        async def made() -> tuple[StreamPlan, str]:
            self.keys += 1
            return StreamPlan(url, (b"hello",), **plan), f"k{self.keys}"

        async def renew(key: str) -> str:
            self.renewed.append(key)
            if self.renews is None:
                raise VenueError("no answer")
            return self.renews

        wiring = Wiring(
            made,
            renew,
            PlainReader,
            self.hear,
            lambda: self.states.append("ready"),
            self.states.append,
        )
        random = Random(1)
        backoff = Backoff(random, SECOND // 50, SECOND // 10)
        return PrivateSocket("test", wiring, random, backoff=backoff)


@asynccontextmanager
async def kept(socket: PrivateSocket) -> AsyncIterator[PrivateSocket]:
    task = asyncio.create_task(socket.run())
    try:
        yield socket
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_messages_in_parts_are_read_whole_and_unreadable_ones_are_counted() -> None:
    async def test() -> None:
        async def talk(socket: web.WebSocketResponse) -> None:
            await socket.receive()
            writer = socket._writer
            assert writer is not None
            transport = writer.transport
            transport.write(b'\x01\x06{"read')  # text, not the last
            transport.write(b"\x89\x02hi")  # a ping between
            transport.write(b'\x80\x05y":1}')  # the last
            await socket.send_str("no JSON")
            await socket.send_bytes(b'{"ref": "7"}')
            await open_for_ever(socket)

        heard = Heard()
        async with serving(talk) as url:
            connection = heard.connection(url)
            await connection.open()
            await until(lambda: len(heard.news) == 2)
            assert [text for text, _ in heard.news] == ['{"ready":1}', '{"ref": "7"}']
            assert (connection.ready, connection.unreadables, connection.messages) == (True, 1, 3)
            await connection.close()

    run(test())


def test_replies_are_sent_on_the_connection_that_asked() -> None:
    async def test() -> None:
        got: list[str] = []

        async def talk(socket: web.WebSocketResponse) -> None:
            await socket.send_str('{"replies": ["one", "two"]}')
            async for message in socket:
                got.append(message.data)

        heard = Heard()
        async with serving(talk) as url:
            connection = heard.connection(url)
            await connection.open()
            await until(lambda: len(got) == 3)
            assert sorted(got) == ["hello", "one", "two"]
            await connection.close()

    run(test())


class Asked:
    def __init__(self) -> None:
        self.ends: list[str] = []

    def answered(self, answer: Answer) -> None:
        self.ends.append("answered")

    def unanswered(self, why: str) -> None:
        self.ends.append(why)


@pytest.mark.parametrize("ours", [True, False])
def test_what_is_awaited_on_a_connection_that_ends_is_told_so_once(ours: bool) -> None:
    async def test() -> None:
        closing = asyncio.Event()

        async def talk(socket: web.WebSocketResponse) -> None:
            await closing.wait()
            await socket.close()

        heard, asked = Heard(), Asked()
        async with serving(talk) as url:
            connection = heard.connection(url)
            await connection.open()
            connection.awaited["1"] = asked
            if ours:
                await connection.close()
            closing.set()
            await until(lambda: asked.ends)
            await connection.close()
            assert asked.ends == ["test#1 ended"]
            with pytest.raises(NotSent):
                connection.send(b"{}")
            assert not connection.takes

    run(test())


def test_f18_nothing_is_written_to_a_connection_that_is_silent_or_stuck() -> None:
    async def test() -> None:
        hold = asyncio.Event()

        async def talk(socket: web.WebSocketResponse) -> None:
            await socket.send_str(READY)
            await hold.wait()  # nothing is read, and no ping is answered

        heard = Heard()
        async with serving(talk) as url:
            connection = heard.connection(url, silence_ns=SECOND // 2)
            await connection.open()
            await until(lambda: connection.ready)
            connection.stuck = True
            with pytest.raises(NotSent, match="takes nothing"):
                connection.send(b"{}")
            connection.stuck = False
            await until(lambda: connection.is_silent)
            with pytest.raises(NotSent, match="takes nothing"):
                connection.send(b"{}")
            assert not connection.takes
            hold.set()
            await connection.close()

    run(test())


def test_a_full_buffer_is_known_to_be_stuck() -> None:
    async def test() -> None:
        hold = asyncio.Event()

        async def talk(socket: web.WebSocketResponse) -> None:
            await hold.wait()

        heard = Heard()
        async with serving(talk) as url:
            connection = heard.connection(url)
            await connection.open()
            for _ in range(1000):
                if not connection.stuck:
                    connection.send(b"x" * 100_000)
            with pytest.raises(NotSent, match="takes nothing"):
                connection.send(b"{}")
            hold.set()
            await connection.close()

    run(test())


def test_a_key_is_in_no_message_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        heard = Heard()
        connection = heard.connection("ws://127.0.0.1:1/stream?key=the-key")
        with pytest.raises(VenueError) as error:
            await connection.open()
        assert "the-key" not in str(error.value)
        assert error.value.__context__ is None

        async def talk(socket: web.WebSocketResponse) -> None:
            await socket.send_str(READY)
            await open_for_ever(socket)

        async with serving(talk) as url, kept(heard.socket(url)) as socket:
            await until(lambda: socket.connection is not None)

    caplog.set_level(1)
    for name in ("picows", "alp", "aiohttp", "asyncio"):
        caplog.set_level(1, name)
    run(test())
    assert "the-key" not in caplog.text


def test_redirects_are_not_followed_with_a_key() -> None:
    async def test() -> None:
        async def elsewhere(request: web.Request) -> web.Response:
            raise web.HTTPFound("/other")

        application = web.Application()
        application.router.add_get("/stream", elsewhere)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"ws://127.0.0.1:{runner.addresses[0][1]}/stream?key=the-key"
        with pytest.raises(VenueError, match="no connection"):
            await Heard().connection(url).open()
        await runner.cleanup()

    run(test())


def test_a_connection_that_never_gets_ready_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        opened: list[int] = []

        async def talk(socket: web.WebSocketResponse) -> None:
            opened.append(1)
            if len(opened) == 3:
                await socket.send_str(READY)
            await open_for_ever(socket)

        heard = Heard()
        async with serving(talk) as url, kept(heard.socket(url)) as socket:
            await until(lambda: heard.states[-1:] == ["ready"])
            assert socket.ends == {"no connection": 2}
            assert socket.counts()["messages"] == 1

    monkeypatch.setattr(private_socket, "READY_S", 0.3)
    run(test())


def test_signs_of_life_are_asked_for_in_the_venues_own_way_too() -> None:
    async def test() -> None:
        pings: list[str] = []

        async def talk(socket: web.WebSocketResponse) -> None:
            await socket.send_str(READY)
            async for message in socket:
                kind = {WSMsgType.PING: "frame", WSMsgType.TEXT: str(message.data)}
                pings.append(kind.get(message.type, "other"))

        for plan, wanted in (
            ({"ping": b"ping!", "ping_ns": SECOND // 5}, "ping!"),
            ({"silence_ns": SECOND}, "frame"),
        ):
            pings.clear()
            heard = Heard()
            async with (
                serving(talk, autoping=False) as url,
                kept(heard.socket(url, **plan)),  # type: ignore[arg-type]
            ):
                await until(lambda wanted=wanted: wanted in pings)

    run(test())


def test_a_key_that_cannot_be_renewed_is_tried_again_and_another_one_opens_a_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test() -> None:
        async def talk(socket: web.WebSocketResponse) -> None:
            await socket.send_str(READY)
            await open_for_ever(socket)

        heard = Heard()
        async with (
            serving(talk) as url,
            kept(heard.socket(url, renew_ns=SECOND // 10)) as socket,
        ):
            await until(lambda: len(heard.renewed) >= 2)
            assert heard.states == ["ready"]  # the connection is as good as before
            heard.renews = "k2"
            await until(lambda: socket.ends["replaced in time"] == 1)
            await until(lambda: heard.renewed[-1] == "k2")
            connection = socket.connection
            assert connection is not None
            assert connection.key == "k2"
            assert heard.states == ["ready"]

    monkeypatch.setattr(keeper, "TICK_S", 0.02)
    run(test())


def test_what_is_asked_on_a_connection_that_is_replaced_may_still_be_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test() -> None:
        sockets: list[web.WebSocketResponse] = []

        async def talk(socket: web.WebSocketResponse) -> None:
            sockets.append(socket)
            await socket.send_str(READY)
            await open_for_ever(socket)

        heard, asked = Heard(), Asked()
        async with (
            serving(talk) as url,
            kept(heard.socket(url, lifetime_ns=SECOND // 2)) as socket,
        ):
            await until(lambda: socket.connection is not None)
            first = socket.connection
            assert first is not None
            first.awaited["1"] = asked
            await until(lambda: socket.connection is not first)
            assert first.is_open
            await sockets[0].send_str('{"ref": "1"}')
            await until(lambda: any(news.reference == "1" for _, news in heard.news))
            first.awaited.clear()
            await until(lambda: not first.is_open)
            assert asked.ends == []

    monkeypatch.setattr(keeper, "TICK_S", 0.02)
    monkeypatch.setattr(keeper, "OVERLAP_S", 0.1)
    run(test())


def test_a_message_has_a_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async def talk(socket: web.WebSocketResponse) -> None:
            await socket.send_bytes(b"x" * 5000)
            await open_for_ever(socket)

        heard = Heard()
        async with serving(talk) as url:
            connection = heard.connection(url)
            await connection.open()
            await until(lambda: not connection.is_open)
            assert heard.news == []

    monkeypatch.setattr(websocket, "MOST_BYTES", 1000)
    run(test())
