"""The private side of Kraken spot, put together: see :class:`alp.paper.private.PrivateSide`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alp.paper.accounts import Accounts, default_accounts, hmac_credentials
from alp.paper.desk import Desk
from alp.paper.kraken.names import old_name
from alp.paper.kraken.rates import INTERMEDIATE, Tier
from alp.paper.kraken.spot_private import KrakenSpotTrading, rules_of
from alp.paper.kraken.spot_private_rest import KrakenSpotRest
from alp.paper.kraken.spot_private_socket import KrakenSpotSocket
from alp.paper.orders import Report
from alp.paper.private import PrivateSide
from alp.paper.protocol import Peer, Reply, Request, compact

if TYPE_CHECKING:
    from alp.paper.kraken.spot import KrakenSpot

MAKER_PIPS, TAKER_PIPS = 2500, 4000
TIMEOUT = "EService:Timeout"
"""What the venue says when it does not know what became of a command."""


class KrakenSpotPrivate(PrivateSide):
    """Accounts of Kraken spot: REST with API-Sign, WebSocket with tokens.

    Attributes
    ----------
    trading
        Orders and counters.
    """

    def __init__(self, desk: Desk, protocol: KrakenSpot, tier: Tier = INTERMEDIATE) -> None:
        self.trading = KrakenSpotTrading(desk, protocol.markets, protocol.now_ns, tier)
        self._rest = KrakenSpotRest(self.trading, old_name)
        self._socket = KrakenSpotSocket(self.trading)
        desk.listeners.append(self._socket.remember)
        super().__init__(desk)

    def command_of(self, request: Request) -> str:
        """Return what a request is; empty: a public one."""
        return self._rest.command_of(request)

    def answer(self, request: Request) -> Reply | None:
        """Answer a request; None where it is a public one."""
        return self._rest.answer(request)

    def command_in(self, peer: Peer, message: dict[str, Any]) -> str:
        """Return what a message is; empty: it is no private one."""
        return self._socket.command_in(message)

    def take(self, peer: Peer, message: dict[str, Any], data: str) -> list[bytes]:
        """Answer a message."""
        return self._socket.take(peer, message)

    def tell(self, peer: Peer, report: Report) -> list[bytes]:
        """Return what a report is on a connection."""
        return self._socket.tell(peer, report)

    def trouble(self, what: str, status: int, message: dict[str, Any] | None) -> tuple[int, bytes]:
        """Return an answer that is no success.

        Parameters
        ----------
        what
            See :meth:`PrivateSide.trouble`; an error in the venue's words is told as it stands.
        """
        error = what if what.startswith("E") else TIMEOUT
        if what == "maintenance":
            error = "EService:Unavailable"
        elif what == "status":
            limited = "EOrder:Rate limit exceeded" if message else "EAPI:Rate limit exceeded"
            error = limited if status == 429 else "EService:Unavailable"
        if message is not None:
            return 200, self._socket.trouble(error, message)
        return (status if what == "status" else 200), compact({"error": [error]})


def private_side(
    protocol: KrakenSpot, accounts: Accounts | None = None, tier: Tier = INTERMEDIATE
) -> KrakenSpotPrivate:
    """Give a venue its private side, with the default accounts where there are no others."""
    rules = {symbol: rules_of(market, tier) for symbol, market in protocol.markets.items()}
    if accounts is None:
        assets = {asset for rule in rules.values() for asset in (rule.base, rule.quote)}
        accounts = default_accounts(
            hmac_credentials(base64=True),
            sorted(assets),
            maker_pips=MAKER_PIPS,
            taker_pips=TAKER_PIPS,
        )
    desk = Desk(
        protocol.markets,
        rules,
        accounts,
        futures=False,
        fee_in_quote=True,
        clock_ns=protocol.now_ns,
    )
    side = KrakenSpotPrivate(desk, protocol, tier)
    protocol.private = side
    return side
