"""Requests and messages for a venue's private side, without a server."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import orjson

from alp.paper.private import PrivateSide
from alp.paper.protocol import Peer, Reply, Request
from alp.venues.signing import SignedRequest

START_NS = 1_790_000_000 * 10**9


class Clock:
    """Time that only tests move."""

    def __init__(self) -> None:
        self.now_ns = START_NS

    def __call__(self) -> int:
        return self.now_ns

    def pass_s(self, seconds: float) -> None:
        self.now_ns += int(seconds * 10**9)


def request_of(signed: SignedRequest) -> Request:
    path, _, query = signed.target.partition("?")
    asked = dict(parse_qsl(query))
    headers = signed.headers
    return Request(signed.method, path, path, query, asked, headers, signed.body, "127.0.0.1")


def answered(side: PrivateSide, signed: SignedRequest) -> Reply:
    reply = side.answer(request_of(signed))
    assert reply is not None
    return reply


def connected(side: PrivateSide) -> Peer:
    peer = Peer()
    side.opened(peer)
    return peer


def said(side: PrivateSide, peer: Peer, message: dict[str, Any]) -> list[Any]:
    """Send a message; return the replies, then what was told because of it."""
    data = orjson.dumps(message).decode()
    assert side.command_in(peer, message)
    return [orjson.loads(each) for each in side.take(peer, message, data)] + told(peer)


def told(peer: Peer) -> list[Any]:
    """Take what waits to be sent on a connection."""
    messages, peer.outbox = peer.outbox, []
    return [orjson.loads(each) for each in messages]
