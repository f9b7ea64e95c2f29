"""Requests leave byte for byte and once; how far one got without an answer is told exactly."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from waits import run

from alp.paper.certificate import certificate
from alp.venues.account import http as order_http
from alp.venues.account.delivery import NoAnswer, NotSent
from alp.venues.account.http import OrderHttp
from alp.venues.signing import SignedRequest

pytestmark = pytest.mark.timed

TARGET = "/v1/order?symbol=ETH%2FUSD&note=a%20b+c&signature=deadbeef%3D%3D"
HEADERS = {"X-Key": "the-key", "Content-Type": "application/json"}
SECRETS = ("deadbeef", "the-key", "a-body")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Used: 7\r\n\r\n{}"

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def request(method: str = "DELETE", body: bytes = b"") -> SignedRequest:
    return SignedRequest(method, TARGET, dict(HEADERS), body)


@asynccontextmanager
async def serving(peer: Peer, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await peer(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(served, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{port}"
    finally:
        server.close()


async def head(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("method", "body"), [("POST", b'{"a-body":1}'), ("PUT", b""), ("GET", b"")]
)
def test_what_was_signed_is_what_leaves(method: str, body: bytes) -> None:
    async def test() -> None:
        seen: list[bytes] = []

        async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for _ in range(2):
                seen.append(await head(reader) + await reader.readexactly(len(body)))
                writer.write(OK)

        async with serving(peer) as base, OrderHttp(base) as http:
            for _ in range(2):
                answer = await http.send(request(method, body))
                assert (answer.status, answer.body, answer.headers["x-used"]) == (200, b"{}", "7")
                assert answer.received_ns > 0
        assert len(seen) == 2  # on one connection
        lines = seen[0].split(b"\r\n")
        assert lines[0] == f"{method} {TARGET} HTTP/1.1".encode()
        assert b"X-Key: the-key" in lines
        assert lines[-1] == body
        assert sum(line.startswith(b"Content-Type:") for line in lines) == 1
        assert not [line for line in lines if line.startswith(b"Cookie")]

    run(test())


def unspoken(text: str, caplog: pytest.LogCaptureFixture) -> bool:
    return not any(secret in text + caplog.text for secret in SECRETS)


async def half_a_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await head(reader)
    writer.write(OK[:20])


async def half_a_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await head(reader)
    writer.write(OK[:-1])


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await head(reader)
    writer.transport.abort()


async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await head(reader)
    await asyncio.sleep(3600)


async def no_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await head(reader)
    writer.write(b"EHLO\r\n\r\n")


async def at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


LEFT = {
    each.__name__: each for each in (half_a_head, half_a_body, reset, nothing, no_http, at_once)
}


@pytest.mark.parametrize("how", LEFT)
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_f08_once_a_byte_left_nobody_knows(
    how: str, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        arrived = 0

        async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal arrived
            arrived += 1
            await LEFT[how](reader, writer)

        async with serving(peer) as base, OrderHttp(base, timeout_s=0.5) as http:
            with pytest.raises(NoAnswer) as error:
                await http.send(request(method, b"a-body"))
            assert f"{method} /v1/order to {base}" in str(error.value)
            assert unspoken(str(error.value), caplog)
            assert error.value.__cause__ is error.value.__context__ is None
            await asyncio.sleep(0)
            assert arrived == 1

    caplog.set_level(logging.DEBUG)
    run(test())


def test_a_connection_that_the_venue_closed_while_idle_is_not_used_again() -> None:
    """aiohttp sends PUT and DELETE again by itself when that happens; here an error says so."""

    async def test() -> None:
        arrived: list[bytes] = []

        async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            arrived.append(await head(reader))
            writer.write(OK)
            arrived.append(await head(reader))  # the second request on this connection
            writer.transport.abort()

        async with serving(peer) as base, OrderHttp(base) as http:
            await http.send(request("GET"))
            with pytest.raises(NoAnswer):
                await http.send(request("DELETE"))
            assert len(arrived) == 2

    run(test())


def test_what_was_not_sent_is_known_not_to_be_sent(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with serving(nothing) as base:
            pass
        async with OrderHttp(base) as http:
            with pytest.raises(NotSent, match="not sent") as error:
                await http.send(request())
            assert unspoken(str(error.value), caplog)
        async with OrderHttp("http://no-such-host.invalid") as http:
            with pytest.raises(NotSent):
                await http.send(request())

    caplog.set_level(logging.DEBUG)
    run(test())


def test_a_venue_with_a_certificate_that_is_not_trusted_is_sent_nothing(tmp_path: Path) -> None:
    async def test() -> None:
        server_side, client_side = certificate(tmp_path)
        seen: list[bytes] = []

        async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.append(await head(reader))
            writer.write(OK)
            await writer.drain()

        async with serving(peer, server_side) as base:
            async with OrderHttp(base) as http:
                with pytest.raises(NotSent):
                    await http.send(request())
            assert seen == []
            async with OrderHttp(base, client_side) as http:
                assert (await http.send(request())).status == 200
            assert len(seen) == 1

    run(test())


def test_an_answer_that_elsewhere_would_be_an_error_is_an_answer() -> None:
    async def test() -> None:
        async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for status in (b"302 Found\r\nLocation: http://127.0.0.1:9/", b"418 Teapot"):
                await head(reader)
                writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 4\r\n\r\nwait")

        async with serving(peer) as base, OrderHttp(base) as http:
            assert (await http.send(request("GET"))).status == 302  # and nobody went there
            answer = await http.send(request("GET"))
            assert (answer.status, answer.body) == (418, b"wait")

    run(test())


def test_an_answer_has_a_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await head(reader)
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 10_000)
            await writer.drain()
            await asyncio.sleep(3600)

        async with serving(peer) as base, OrderHttp(base) as http:
            with pytest.raises(NoAnswer, match="ValueError"):
                await http.send(request())

    monkeypatch.setattr(order_http, "MOST_BYTES", 5_000)
    run(test())
