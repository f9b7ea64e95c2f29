"""The private side of a venue's protocol: accounts, orders, and what is told of them.

Each venue has a :class:`PrivateSide` with its desk. :mod:`alp.paper.private_server` calls it for
each request and message before the public side is asked, and sends what is in ``Peer.outbox``.
"""

from __future__ import annotations

from typing import Any

from alp.paper.desk import Desk
from alp.paper.orders import Report
from alp.paper.protocol import Peer, Reply, Request

NEW, AMEND, CANCEL, CANCEL_ALL = "new", "amend", "cancel", "cancel-all"
QUERY, ACCOUNT, STREAM_KEY, DEAD_MAN = "query", "account", "stream-key", "dead-man"
ANY, STREAM = "any", "stream"
COMMANDS = (NEW, AMEND, CANCEL, CANCEL_ALL, QUERY, ACCOUNT, STREAM_KEY, DEAD_MAN)
"""What a private request is, for the script of faults."""


class PrivateSide:
    """How one venue speaks with the owners of accounts.

    Attributes
    ----------
    peers
        Connections that are open.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.peers: list[Peer] = []
        desk.listeners.append(self._tell)

    def command_of(self, request: Request) -> str:
        """Return which of :data:`COMMANDS` a request is; empty: a public one."""
        raise NotImplementedError

    def answer(self, request: Request) -> Reply | None:
        """Answer a private request, credentials checked; None where it is a public one."""
        raise NotImplementedError

    def command_in(self, peer: Peer, message: dict[str, Any]) -> str:
        """Return which of :data:`COMMANDS` a message is; empty: it is no private one."""
        return ""

    def take(self, peer: Peer, message: dict[str, Any], data: str) -> list[bytes]:
        """Answer a private message; `data` is its text as it was sent."""
        raise NotImplementedError

    def opened(self, peer: Peer) -> list[bytes]:
        """Return what is said first on a connection."""
        self.peers.append(peer)
        return []

    def closed(self, peer: Peer) -> None:
        """Forget a connection."""
        self.peers = [each for each in self.peers if each is not peer]

    def tell(self, peer: Peer, report: Report) -> list[bytes]:
        """Return what a report is on a connection of its account, as the order is now."""
        raise NotImplementedError

    def trouble(self, what: str, status: int, message: dict[str, Any] | None) -> tuple[int, bytes]:
        """Return status and body of an answer that is no success, in the venue's words.

        Parameters
        ----------
        what
            ``status``: refused with this status; ``maintenance``; or a form as the script names it,
            where an empty one is the venue's usual way to say that an outcome is unknown.
        message
            Of a WebSocket, which is answered by the body alone; None: a request.
        """
        raise NotImplementedError

    def beat(self) -> None:
        """Let time pass, a few times a second."""
        self.desk.beat()

    def revoke(self) -> None:
        """Let no key be believed any more."""
        self.desk.accounts.revoke()

    def expire_keys(self) -> None:
        """Let what opens private streams end, where the venue has such keys."""

    def reset_nonces(self) -> None:
        """Let all nonces up to now be too low."""
        for account in self.desk.accounts.by_name.values():
            for key in account.keys:
                key.last_nonce = 2**63 - 1

    def _tell(self, report: Report) -> None:
        for peer in self.peers:
            if peer.account == report.account:
                peer.outbox += self.tell(peer, report)
