"""Who may connect to an encrypted bus: those whose public keys are known beforehand."""

from __future__ import annotations

import logging
from collections.abc import Collection
from types import TracebackType
from typing import Any, Self

import zmq
from zmq.auth.asyncio import AsyncioAuthenticator

from alp.bus.sockets import GUARDED

logger = logging.getLogger(__name__)

MOST_NAMED = 100
"""So many strangers are logged, each once: whoever is refused tries again and again."""


class Guard:
    """Lets nobody else connect to the guarded sockets of a context, from an event loop.

    Sockets are guarded where their :class:`alp.bus.sockets.CurveKeys` name clients.

    Parameters
    ----------
    clients
        Public keys, Z85 text.

    Attributes
    ----------
    refused
        Attempts to connect with other keys.
    """

    def __init__(self, context: zmq.Context[Any], clients: Collection[bytes]) -> None:
        self.refused = 0
        self._clients = frozenset(clients)
        self._named: set[bytes] = set()
        self._authenticator = AsyncioAuthenticator(context, log=logger)
        self._authenticator.configure_curve_callback(GUARDED, self)

    def __enter__(self) -> Self:
        self._authenticator.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._authenticator.stop()

    def callback(self, _domain: str, key: bytes) -> bool:
        """Return whether the holder of a key may connect; the authenticator asks it."""
        if key in self._clients:
            return True
        self.refused += 1
        if key not in self._named and len(self._named) < MOST_NAMED:
            self._named.add(key)
            logger.warning("somebody without a known key wanted to connect: %s", key.decode())
        return False
