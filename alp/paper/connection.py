"""One WebSocket of an exchange. Frames are written by hand, so that they can be written badly."""

from __future__ import annotations

import asyncio
import struct
from collections import deque

from alp.paper.faults.script import Act, Fault, Script
from alp.paper.market import Market
from alp.paper.protocol import BOOK, Peer, Protocol

TEXT_FRAME, CONTINUATION, CLOSE_FRAME, PING_FRAME, PONG_FRAME = 1, 0, 8, 9, 10
CLOSING_S = 0.1
"""Between a close frame and the end of the connection."""
_GARBAGE = b'{"e":"depthUpdate","b":[["1'
_SHUTDOWN = b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":%d}}'


def _frame(data: bytes, opcode: int, *, last: bool = True) -> bytes:
    head = bytes([(0x80 if last else 0) | opcode])
    if len(data) < 126:
        return head + bytes([len(data)]) + data
    if len(data) < 1 << 16:
        return head + b"\x7e" + struct.pack(">H", len(data)) + data
    return head + b"\x7f" + struct.pack(">Q", len(data)) + data


class Connection:
    """A WebSocket and what goes wrong with it.

    Attributes
    ----------
    sent
        Book messages, those left out included.
    messages
        Of every kind.
    silent
        Channels and products of which nothing is sent.
    received
        When the last messages came, seconds of the monotonic clock.
    slow_since
        When it began to be too far behind, seconds of the monotonic clock; None: it is not.
    """

    def __init__(self, number: int, peer: Peer, transport: asyncio.Transport) -> None:
        self.number = number
        self.peer = peer
        self.sent = 0
        self.messages = 0
        self.is_half_open = False
        self.silent: set[tuple[str, str]] = set()
        self.received: deque[float] = deque(maxlen=100)
        self.slow_since: float | None = None
        self._transport = transport
        self._left = dict.fromkeys((Fault.GAP, Fault.DUPLICATE, Fault.REORDER, Fault.CHECKSUM), 0)
        self._held: list[bytes] = []
        self._fragment = self._trickle = self._delay_ms = self._queued = 0
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue()
        self._trickling: asyncio.Task[None] | None = None

    @property
    def unsent(self) -> int:
        """Bytes that the reader has not taken yet."""
        return self._transport.get_write_buffer_size() + self._queued

    def send(self, data: bytes) -> None:
        """Send a text message."""
        self.messages += 1
        size = self._fragment
        if not size or len(data) <= size:
            self._write(_frame(data, TEXT_FRAME))
            return
        for at in range(0, len(data), size):
            opcode = CONTINUATION if at else TEXT_FRAME
            self._write(_frame(data[at : at + size], opcode, last=at + size >= len(data)))

    def control(self, opcode: int, data: bytes = b"") -> None:
        """Send a ping, a pong or a close frame."""
        self._write(_frame(data, opcode))

    def _write(self, data: bytes) -> None:
        if self._delay_ms:
            asyncio.get_running_loop().call_later(self._delay_ms / 1000, self._put, data)
        else:
            self._put(data)

    def _put(self, data: bytes) -> None:
        if self.is_half_open or self._transport.is_closing():
            return
        if self._trickle:
            self._queued += len(data)
            self._waiting.put_nowait(data)
        else:
            self._transport.write(data)

    async def _run_trickle(self) -> None:
        while True:
            data = await self._waiting.get()
            for at in range(0, len(data), self._trickle):
                if not self.is_half_open and not self._transport.is_closing():
                    self._transport.write(data[at : at + self._trickle])
                await asyncio.sleep(0)
            self._queued -= len(data)

    def apply(self, act: Act) -> None:
        """Let a fault happen now."""
        fault = act.fault
        if fault in self._left:
            self._left[fault] += act.count
        elif fault is Fault.CLOSE:
            self.control(CLOSE_FRAME, struct.pack(">H", act.code))
            asyncio.get_running_loop().call_later(CLOSING_S, self._transport.close)
        elif fault is Fault.DROP:
            self.drop()
        elif fault is Fault.HALF_OPEN:
            self.is_half_open = True
            self._transport.pause_reading()
        elif fault is Fault.SILENCE:
            self.silent = set(self.peer.subscribed)
        elif fault is Fault.FRAGMENT:
            self._fragment = act.size
        elif fault is Fault.GARBAGE:
            self.send(_GARBAGE)
        elif fault is Fault.SHUTDOWN:
            self.send(_SHUTDOWN % 1_770_123_456_789)
        elif fault is Fault.DELAY:
            self._delay_ms = act.delay_ms
        else:
            self._trickle = act.size
            self._trickling = self._trickling or asyncio.create_task(self._run_trickle())

    def drop(self) -> None:
        """Reset the TCP connection."""
        self._transport.abort()

    def end(self) -> None:
        """Leave nothing behind."""
        if self._trickling is not None:
            self._trickling.cancel()
        self._transport.abort()

    def offer(self, protocol: Protocol, market: Market, script: Script) -> None:
        """Send what the last event of a market is to this connection's subscriptions."""
        key = (BOOK, market.symbol)
        if key not in self.peer.subscribed or key in self.silent:
            return
        for act in script.due(self.number, self.sent):
            self.apply(act)
        if key in self.silent or self._transport.is_closing():
            return
        self.sent += 1
        if self._take(Fault.GAP):
            protocol.lose(self.peer)
            return
        held, self._held = self._held, []
        messages = protocol.book(self.peer, market)
        if messages and not held and self._take(Fault.REORDER):
            self._held = messages
            return
        for message in messages:
            self._send_book(protocol, message)
        for message in held:
            self._send_book(protocol, message)

    def _send_book(self, protocol: Protocol, message: bytes) -> None:
        if self._left[Fault.CHECKSUM]:
            spoilt = protocol.spoil(message)
            self._left[Fault.CHECKSUM] -= spoilt != message
            message = spoilt
        self.send(message)
        if self._take(Fault.DUPLICATE):
            self.send(message)

    def _take(self, fault: Fault) -> bool:
        """Whether a fault of the next book messages is due."""
        due = self._left[fault] > 0
        self._left[fault] -= due
        return due

    def wants(self, channel: str, market: Market) -> bool:
        """Whether a channel is subscribed to and not silent."""
        key = (channel, market.symbol)
        return key in self.peer.subscribed and key not in self.silent
