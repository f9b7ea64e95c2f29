"""The simulated venues of the kill matrix: how each is made, and how its books are read."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from alp.paper.accounts import hmac_credentials, pem_of
from alp.paper.coinbase.private import known_credentials
from alp.paper.desk import Desk
from alp.paper.exchange import Exchange
from alp.paper.kraken.rates import Tier
from alp.paper.kraken.spot import KrakenSpot
from alp.paper.kraken.spot_accounts import private_side
from alp.paper.venues import VENUES, made_up
from alp.venues.credentials import Credentials

COIN = 10**8
RATE = 60.0
SPOT = 1000
GENEROUS = Tier(10**5, 10**7, 1000, 10**5, 10**7)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Scene:
    """One venue.

    Attributes
    ----------
    lots_per_base
        Of the order table.
    """

    name: str
    symbol: str
    feed_symbol: str
    lots_per_base: int
    credentials: Callable[[], Credentials]
    futures: bool = False
    port: int = field(default_factory=free_port)

    @property
    def flat(self) -> int:
        """The position that counts as none: on spot an account begins with some."""
        return 0 if self.futures else SPOT * self.lots_per_base

    def most_venue_base(self, most: int) -> int:
        """The manifest's limit for so much beside what the account begins with."""
        return most if self.futures else SPOT + most

    def exchange(self) -> Exchange:
        protocol = VENUES[self.name].make(made_up(self.name, [self.feed_symbol]))
        if isinstance(protocol, KrakenSpot):
            private_side(protocol, tier=GENEROUS)
        assert protocol.private is not None
        # Without fees: those in the base asset would move the position beside the fills.
        for account in protocol.private.desk.accounts.by_name.values():
            account.maker_pips = account.taker_pips = 0
            if not self.futures:
                account.balances["ETH"] = SPOT * COIN
        return Exchange(protocol, rate=RATE)

    def keys(self, folder: Path) -> dict[str, str]:
        """The environment with the account's keys."""
        given = self.credentials()
        keys = {"ALP_VENUE_KEY": given.key}
        if given.secret is not None:
            return keys | {"ALP_VENUE_SECRET": given.secret.reveal()}
        assert given.private_key is not None
        path = folder / "private-key.pem"
        path.write_text(pem_of(given.private_key).reveal())
        return keys | {"ALP_VENUE_PRIVATE_KEY_FILE": str(path)}

    def position(self, desk: Desk) -> int:
        account = desk.accounts.by_name["first"]
        if self.futures:
            found = account.positions.get(self.symbol)
            return found.quantity if found else 0
        return account.balances["ETH"] * self.lots_per_base // COIN


SCENES = {
    each.name: each
    for each in (
        Scene(
            "binance-usdm",
            "ETHUSDC",
            "ETHUSDC",
            1000,
            lambda: hmac_credentials()[0],
            futures=True,
        ),
        Scene("binance-spot", "ETHUSDC", "ETHUSDC", 10_000, lambda: hmac_credentials()[0]),
        Scene("coinbase-spot", "ETH-USDC", "ETH-USD", COIN, lambda: known_credentials()[0]),
        Scene(
            "kraken-spot",
            "ETH/USDC",
            "ETH/USDC",
            COIN,
            lambda: hmac_credentials(base64=True)[0],
        ),
        Scene(
            "kraken-futures",
            "PF_ETHUSD",
            "PF_ETHUSD",
            1000,
            lambda: hmac_credentials(base64=True)[0],
            futures=True,
        ),
    )
}
