"""Commands on the bus: asked by DEALER, answered by ROUTER, one answer to each.

What is asked may be asked again: wishes replace each other, and orders carry ids that the gate lets
through once. So whoever gets no answer in time sends the same bytes once more.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import zmq
import zmq.asyncio

from alp._core.wire import WireError, decode
from alp.bus.sockets import CurveKeys
from alp.errors import ConfigError

logger = logging.getLogger(__name__)

MOST_BYTES = 1 << 16
SEQUENCE_AT = 8
_SEQUENCE = struct.Struct("<Q")
HIGH_WATER = 1000
"""Commands that wait; whoever sends more waits for answers first."""


class CommandServer:
    """Takes commands.

    Parameters
    ----------
    endpoint
        Where to bind, ``ipc://…`` or ``tcp://…``.

    Attributes
    ----------
    malformed
        Messages that were none, and were not answered.

    Raises
    ------
    ConfigError
        If it cannot bind.
    """

    def __init__(
        self, context: zmq.asyncio.Context, endpoint: str, curve: CurveKeys | None = None
    ) -> None:
        self.malformed = 0
        self._socket = context.socket(zmq.ROUTER)
        self._socket.linger = 0
        self._socket.rcvhwm = self._socket.sndhwm = HIGH_WATER
        self._socket.setsockopt(zmq.MAXMSGSIZE, MOST_BYTES)
        if curve is not None:
            curve.serve(self._socket)
        try:
            self._socket.bind(endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise ConfigError(f"cannot take commands on {endpoint}: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take no more."""
        self._socket.close()

    @property
    def endpoint(self) -> str:
        """Where it is bound; tells the port that ``tcp://…:*`` got."""
        return self._socket.getsockopt_string(zmq.LAST_ENDPOINT)

    async def receive(self) -> tuple[bytes, Any, bytes]:
        """Return the next command: whom to answer, the message, and its bytes."""
        while True:
            parts = await self._socket.recv_multipart()
            if len(parts) == 2:
                with suppress(WireError):
                    return parts[0], decode(parts[1]), parts[1]
            self.malformed += 1
            logger.warning("a command that is none: %r", parts[-1][:64])

    def answer(self, peer: bytes, message: bytes, *more: bytes) -> None:
        """Answer; whoever asked may be gone."""
        with suppress(zmq.ZMQError):
            self._socket.send_multipart([peer, message, *more], zmq.DONTWAIT)


class CommandClient:
    """Asks one server, one command at a time."""

    def __init__(
        self, context: zmq.asyncio.Context, endpoint: str, curve: CurveKeys | None = None
    ) -> None:
        self._number = 0
        self._socket = context.socket(zmq.DEALER)
        self._socket.linger = 0
        if curve is not None:
            curve.join(self._socket)
        self._socket.connect(endpoint)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ask no more."""
        self._socket.close()

    async def ask(self, message: bytes, *, timeout_s: float = 1.0, times: int = 3) -> Any:
        """Send a command until it is answered, and return the answer.

        The command gets a sequence number of this client, which its answer repeats. Answers to an
        earlier attempt are answers too: they say the same.

        Raises
        ------
        TimeoutError
            If none of the attempts was answered.
        """
        return (await self.ask_all(message, timeout_s=timeout_s, times=times))[0]

    async def ask_all(self, message: bytes, *, timeout_s: float = 1.0, times: int = 3) -> list[Any]:
        """Ask as :meth:`ask` does, and return all messages of the answer.

        Raises
        ------
        TimeoutError
            If none of the attempts was answered.
        """
        self._number += 1
        numbered = bytearray(message)
        _SEQUENCE.pack_into(numbered, SEQUENCE_AT, self._number)
        for _ in range(times):
            await self._socket.send(bytes(numbered))
            try:
                async with asyncio.timeout(timeout_s):
                    return await self._answer()
            except TimeoutError:
                continue
        raise TimeoutError(f"no answer to {times} attempts")

    async def _answer(self) -> list[Any]:
        """Return the answer to the last question; those to earlier ones come too late."""
        while True:
            parts = await self._socket.recv_multipart()
            try:
                messages = [decode(each) for each in parts]
            except WireError as error:
                logger.warning("an answer that is none: %s", error)
                continue
            if messages[0].header.sequence == self._number:
                return messages
