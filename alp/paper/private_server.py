"""Private requests and messages of an exchange, and everything that can go wrong with them."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from alp.paper.connection import CLOSE_FRAME, CLOSING_S, Connection
from alp.paper.faults.script import CommandAct, CommandFault, Script
from alp.paper.private import STREAM, PrivateSide
from alp.paper.protocol import Protocol, Reply, Request

_BEFORE = (
    CommandFault.REVOKE,
    CommandFault.NONCE_RESET,
    CommandFault.FREEZE,
    CommandFault.MAINTENANCE,
    CommandFault.EXPIRE_KEYS,
    CommandFault.RULES,
    CommandFault.SKEW,
)
"""What changes the venue before the command is looked at."""


class Lost(Exception):  # noqa: N818 - it says what happened
    """The connection is to be reset in place of an answer."""


class PrivateServer:
    """Lets commands happen, and sends what is told of them.

    Parameters
    ----------
    connections
        The exchange's, by number.

    Attributes
    ----------
    commands
        How many there were.
    """

    def __init__(
        self,
        protocol: Protocol,
        side: PrivateSide,
        script: Callable[[], Script],
        connections: Mapping[int, Connection],
    ) -> None:
        self._protocol = protocol
        self._side = side
        self._script = script
        self._connections = connections
        self._closed_until = 0.0
        self._held: dict[int, list[bytes]] = {}
        self.commands = 0

    async def answer(self, request: web.Request) -> Reply | None:
        """Answer a request; None where it is a public one.

        Raises
        ------
        Lost
            If it is not to be answered.
        """
        raw_path, _, raw_query = request.raw_path.partition("?")
        asked = Request(
            request.method,
            request.path,
            raw_path,
            raw_query,
            request.query,
            request.headers,
            await request.read() if request.body_exists else b"",
            request.remote or "",
        )
        kind = self._side.command_of(asked)
        if not kind:
            return self._side.answer(asked)
        return await self._command(kind, asked)

    async def _command(self, kind: str, asked: Request) -> Reply | None:
        self.commands += 1
        late_s, acts = 0.0, self._acts(kind)
        if self._is_closed():
            return Reply(*self._side.trouble("maintenance", 503, None))
        for act in acts:
            if act.fault is CommandFault.LOSE_REQUEST:
                raise Lost
            if act.fault is CommandFault.HOLD:
                await asyncio.sleep(act.delay_ms / 1000)
            elif act.fault is CommandFault.STATUS:
                status, body = self._side.trouble(act.form or "status", act.status, None)
                return Reply(status, body, act.headers)
            elif act.fault is CommandFault.DELAY:
                late_s += act.delay_ms / 1000
        reply: Reply | None
        unknown = _unknown(acts)
        reply = self._side.answer(asked) if unknown is None or unknown.done else None
        self.flush()
        if unknown is not None:
            reply = Reply(*self._side.trouble(unknown.form, 503, None))
        if any(act.fault is CommandFault.LOSE_ANSWER for act in acts):
            raise Lost
        if late_s:
            await asyncio.sleep(late_s)
        return reply

    def take(self, connection: Connection, message: dict[str, Any], data: str) -> bool:
        """Answer a message, unless it is a public one; then it is not."""
        kind = self._side.command_in(connection.peer, message)
        if not kind:
            return False
        self.commands += 1
        acts = self._acts(kind)
        held_ms = sum(act.delay_ms for act in acts if act.fault is CommandFault.HOLD)
        if held_ms:
            later = asyncio.get_running_loop().call_later
            later(held_ms / 1000, self._do, connection, message, data, acts)
        else:
            self._do(connection, message, data, acts)
        return True

    def _do(
        self,
        connection: Connection,
        message: dict[str, Any],
        data: str,
        acts: list[CommandAct],
    ) -> None:
        faults = {act.fault: act for act in acts}
        if self._is_closed():
            connection.send(self._side.trouble("maintenance", 503, message)[1])
            return
        if CommandFault.LOSE_REQUEST in faults:
            connection.drop()
            return
        if CommandFault.STATUS in faults:
            act = faults[CommandFault.STATUS]
            connection.send(self._side.trouble(act.form or "status", act.status, message)[1])
            return
        unknown = _unknown(acts)
        replies: list[bytes] = []
        if unknown is None or unknown.done:
            replies = self._side.take(connection.peer, message, data)
        if unknown is not None:
            replies = [self._side.trouble(unknown.form, 503, message)[1]]
        if CommandFault.LOSE_ANSWER in faults:
            connection.drop()
        elif CommandFault.DELAY in faults:
            self.flush()
            late_s = faults[CommandFault.DELAY].delay_ms / 1000
            asyncio.get_running_loop().call_later(late_s, _send, connection, replies)
        else:
            _send(connection, replies)
        self.flush()

    def flush(self) -> None:
        """Send what is in the outboxes."""
        for connection in list(self._connections.values()):
            peer = connection.peer
            if peer.outbox:
                messages, peer.outbox = peer.outbox, []
                for message in messages:
                    self._deliver(connection, message)
            if peer.closing:
                connection.control(CLOSE_FRAME, struct.pack(">H", peer.closing))
                peer.closing = 0
                asyncio.get_running_loop().call_later(CLOSING_S, connection.drop)

    def _deliver(self, connection: Connection, message: bytes) -> None:
        if connection.peer.muted:
            return
        faults = {act.fault for act in self._acts(STREAM)}
        if CommandFault.SILENCE in faults:
            connection.peer.muted = True
            return
        if CommandFault.GAP in faults:
            return
        held = self._held.pop(connection.number, [])
        if CommandFault.REORDER in faults and not held:
            self._held[connection.number] = [message]
            return
        connection.send(message)
        if CommandFault.DUPLICATE in faults:
            connection.send(message)
        for each in held:
            connection.send(each)

    def beat(self) -> None:
        """Let time pass."""
        self._side.beat()
        self.flush()

    def _acts(self, kind: str) -> list[CommandAct]:
        acts = self._script().commands_due(kind)
        for act in acts:
            if act.fault in _BEFORE:
                self.change(act)
        return acts

    def change(self, act: CommandAct) -> None:
        """Let a fault change the venue, now."""
        if act.fault is CommandFault.REVOKE:
            self._side.revoke()
        elif act.fault is CommandFault.NONCE_RESET:
            self._side.reset_nonces()
        elif act.fault is CommandFault.FREEZE:
            for account in self._side.desk.accounts.by_name.values():
                account.frozen = True
        elif act.fault is CommandFault.EXPIRE_KEYS:
            self._side.expire_keys()
        elif act.fault is CommandFault.RULES:
            self._side.desk.coarsen()
        elif act.fault is CommandFault.SKEW:
            self._protocol.skew_ns += act.skew_ns
        elif act.fault is CommandFault.MAINTENANCE:
            self._closed_until = asyncio.get_running_loop().time() + act.delay_ms / 1000

    def _is_closed(self) -> bool:
        return asyncio.get_running_loop().time() < self._closed_until


def _unknown(acts: list[CommandAct]) -> CommandAct | None:
    return next((act for act in acts if act.fault is CommandFault.UNKNOWN), None)


def _send(connection: Connection, replies: list[bytes]) -> None:
    for reply in replies:
        connection.send(reply)
