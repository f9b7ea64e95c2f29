"""Commands on the bus: each is answered once, whatever else comes."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import zmq
import zmq.asyncio
from waits import run

from alp._core.wire import GateMessage, HeaderFields, HeartbeatMessage, encode
from alp.bus.commands import CommandClient, CommandServer
from alp.errors import ConfigError

pytestmark = pytest.mark.timed

QUESTION = encode(HeartbeatMessage(HeaderFields(2, 0, 0, 0, 0), 1, 2))


def answer(sequence: int, text: str = "") -> bytes:
    return encode(GateMessage(HeaderFields(9, 0, sequence, 0, 0), False, False, 0, text, 7))


@asynccontextmanager
async def sockets() -> AsyncIterator[zmq.asyncio.Context]:
    context = zmq.asyncio.Context()
    try:
        yield context
    finally:
        context.destroy(linger=0)


def test_an_answer_is_that_to_the_question(tmp_path: Path) -> None:
    async def test() -> None:
        async with sockets() as context:
            endpoint = f"ipc://{tmp_path}/c.ipc"
            with CommandServer(context, endpoint) as server, CommandClient(context, endpoint) as me:
                asked = asyncio.create_task(me.ask_all(QUESTION, timeout_s=60))
                peer, message, data = await server.receive()
                assert message.header.sequence == 1
                assert data[16:] == QUESTION[16:]
                server.answer(peer, answer(0, "of another"))
                server.answer(peer, answer(1, "first"), answer(0, "more"))
                assert [each.text for each in await asked] == ["first", "more"]

    run(test())


def test_a_late_answer_is_not_taken_for_that_to_the_next_question(tmp_path: Path) -> None:
    async def test() -> None:
        async with sockets() as context:
            endpoint = f"ipc://{tmp_path}/c.ipc"
            with CommandServer(context, endpoint) as server, CommandClient(context, endpoint) as me:
                with pytest.raises(TimeoutError):
                    await me.ask(QUESTION, timeout_s=0.01, times=2)
                waiting = [await server.receive(), await server.receive()]
                assert waiting[0][2] == waiting[1][2]  # asked again, by the same bytes
                asked = asyncio.create_task(me.ask(QUESTION, timeout_s=60))
                peer, message, _ = await server.receive()
                for late in waiting:
                    server.answer(late[0], answer(late[1].header.sequence, "late"))
                server.answer(peer, answer(message.header.sequence, "in time"))
                assert (await asked).text == "in time"

    run(test())


def test_garbage_is_counted_and_not_answered(tmp_path: Path) -> None:
    async def test() -> None:
        async with sockets() as context:
            endpoint = f"ipc://{tmp_path}/c.ipc"
            with CommandServer(context, endpoint) as server, context.socket(zmq.DEALER) as peer:
                peer.linger = 0
                peer.connect(endpoint)
                parts = [
                    [b""],
                    [b"x"],
                    [b"\0" * 300],
                    [QUESTION[:-1]],
                    [QUESTION, QUESTION],
                    [b"", QUESTION],
                ]
                for each in parts:
                    await peer.send_multipart(each)
                await peer.send(QUESTION)
                _, _, data = await server.receive()
                assert data == QUESTION
                assert server.malformed == len(parts)
                assert not await peer.poll(50)

    run(test())


@pytest.mark.parametrize("garbage", [b"", b"short", struct.pack("<QQ", 0, 1)])
def test_an_answer_that_is_none_is_let_go(tmp_path: Path, garbage: bytes) -> None:
    async def test() -> None:
        async with sockets() as context:
            endpoint = f"ipc://{tmp_path}/c.ipc"
            with CommandServer(context, endpoint) as server, CommandClient(context, endpoint) as me:
                asked = asyncio.create_task(me.ask(QUESTION, timeout_s=60))
                peer, _, _ = await server.receive()
                server.answer(peer, garbage)
                server.answer(peer, answer(1, "whole"))
                assert (await asked).text == "whole"

    run(test())


def test_a_server_that_comes_back_answers_what_was_asked_before(tmp_path: Path) -> None:
    async def test() -> None:
        async with sockets() as context:
            endpoint = f"ipc://{tmp_path}/c.ipc"
            with CommandClient(context, endpoint) as me:
                with CommandServer(context, endpoint) as server:
                    asked = asyncio.create_task(me.ask(QUESTION, timeout_s=0.1, times=600))
                    await server.receive()
                with CommandServer(context, endpoint) as server:
                    while not asked.done():
                        peer, message, _ = await server.receive()
                        server.answer(peer, answer(message.header.sequence, "again"))
                        await asyncio.wait([asked], timeout=0.2)
                assert (await asked).text == "again"

    run(test())


def test_one_address_has_one_server_and_a_peer_may_be_gone(tmp_path: Path) -> None:
    async def test() -> None:
        async with sockets() as context:
            with CommandServer(context, "tcp://127.0.0.1:*") as server:
                with pytest.raises(ConfigError, match="cannot take commands on"):
                    CommandServer(context, server.endpoint)
                server.answer(b"nobody", answer(1))

    run(test())
