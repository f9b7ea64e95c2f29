"""Accounts of a simulated venue: who signs for them, what they have, and what they may do.

Everybody knows the default ones, so that tests and other people's clients can use them; they are
worth nothing anywhere. :func:`default_accounts` makes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from alp.paper.orders import COIN
from alp.venues.credentials import Credentials, Secret, credentials_of

KEY = "probe-key"
SECRET = "probe-secret"  # noqa: S105 - known to everybody
SECRET_BASE64 = "cHJvYmUtc2VjcmV0LXByb2JlLXNlY3JldC1wcm9iZS1zZWNyZXQ="  # noqa: S105
"""Where a venue's secrets are base64."""
OTHER_KEY = "other-key"
OTHER_SECRET = "other-secret"  # noqa: S105
OTHER_SECRET_BASE64 = "b3RoZXItc2VjcmV0LW90aGVyLXNlY3JldC1vdGhlci1zZWNyZXQ="  # noqa: S105
WITHDRAW_KEY = "withdraw-key"
WITHDRAW_SECRET = "withdraw-secret"  # noqa: S105
WITHDRAW_SECRET_BASE64 = "d2l0aGRyYXctc2VjcmV0LXdpdGhkcmF3LXNlY3JldC13aXRoZHJhdw=="  # noqa: S105
ED25519_KEY = "probe-ed25519"
_ED25519_SEED = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
"""Of RFC 8032, test 1."""
TRADE, WITHDRAW, READ = "trade", "withdraw", "read"


@dataclass
class ApiKey:
    """One key of an account.

    Attributes
    ----------
    revoked
        Nothing signed by it is believed any more.
    last_nonce
        Above it the next one must be, where there are nonces.
    """

    credentials: Credentials
    permissions: frozenset[str] = frozenset({READ, TRADE})
    revoked: bool = False
    last_nonce: int = 0

    @property
    def name(self) -> str:
        """By which the venue knows it."""
        return self.credentials.key


@dataclass
class Position:
    """A position: signed lots, and the prices times lots that it was opened at."""

    quantity: int = 0
    cost: int = 0
    realised: int = 0

    def trade(self, quantity: int, price: int) -> int:
        """Add signed lots; return what the part that was closed has earned, in price times lots."""
        earned = 0
        if self.quantity * quantity < 0:
            closed = min(abs(quantity), abs(self.quantity))
            part = self.cost * closed // abs(self.quantity)
            sign = 1 if self.quantity > 0 else -1
            earned = sign * (price * closed - part)
            self.cost -= part
            self.quantity -= sign * closed
            quantity += sign * closed
        self.cost += abs(quantity) * price
        self.quantity += quantity
        return earned


@dataclass
class Account:
    """Who trades.

    Attributes
    ----------
    keys
        Any of them signs for it.
    balances, locked
        By asset; what open orders would spend is locked, and part of the balance.
    positions
        By symbol, of futures.
    maker_pips, taker_pips
        Fees, 10⁻⁶ of what is traded.
    fee_token, fee_token_price
        Another asset that fees are paid in, and what one of it is worth, an amount of the quote.
    frozen
        It may read and cancel, nothing else.
    leverage
        By symbol, of futures.
    """

    name: str
    keys: list[ApiKey]
    balances: dict[str, int] = field(default_factory=dict)
    locked: dict[str, int] = field(default_factory=dict)
    positions: dict[str, Position] = field(default_factory=dict)
    maker_pips: int = 200
    taker_pips: int = 500
    fee_token: str = ""
    fee_token_price: int = COIN
    frozen: bool = False
    leverage: dict[str, int] = field(default_factory=dict)

    def free(self, asset: str) -> int:
        """Return what no order has locked."""
        return self.balances.get(asset, 0) - self.locked.get(asset, 0)

    def position(self, symbol: str) -> Position:
        """Return the position, which may be none."""
        return self.positions.setdefault(symbol, Position())

    def change(self, asset: str, amount: int) -> None:
        """Add to a balance."""
        self.balances[asset] = self.balances.get(asset, 0) + amount

    def lock(self, asset: str, amount: int) -> None:
        """Lock more, or less."""
        self.locked[asset] = self.locked.get(asset, 0) + amount


class Accounts:
    """The accounts of a venue, found by their keys and names."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        self.by_name: dict[str, Account] = {}
        self._numbers: dict[str, int] = {}
        self.replace(accounts)

    def replace(self, accounts: Iterable[Account]) -> None:
        """Have these accounts and no others; before anybody trades."""
        self.by_name = {each.name: each for each in accounts}
        self._numbers = {name: number for number, name in enumerate(self.by_name)}

    def find(self, key: str | None) -> tuple[Account, ApiKey] | None:
        """Return whose key it is; None where it is nobody's, or was revoked."""
        for account in self.by_name.values():
            for each in account.keys:
                if each.name == key and not each.revoked:
                    return account, each
        return None

    def number(self, name: str) -> int:
        """Return an account's number, for the matcher."""
        return self._numbers[name]

    def revoke(self) -> None:
        """Let no key be believed any more."""
        for account in self.by_name.values():
            for each in account.keys:
                each.revoked = True


class RateWindow:
    """Counts what was used within windows of a fixed length, as venues' counters do."""

    def __init__(self, limit: int, span_ns: int) -> None:
        self.limit = limit
        self.span_ns = span_ns
        self.used = 0
        self._window = -1

    def add(self, now_ns: int, count: int = 1) -> int:
        """Count some; return what is used of the window."""
        window = now_ns // self.span_ns
        if window != self._window:
            self._window, self.used = window, 0
        self.used += count
        return self.used

    def rest_ns(self, now_ns: int) -> int:
        """Return how long the window still is."""
        return self.span_ns - now_ns % self.span_ns


def pem_of(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> Secret:
    """Return a private key in PEM form (PKCS#8)."""
    data = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Secret(data.decode())


def default_accounts(
    credentials: Sequence[Credentials],
    assets: Iterable[str],
    *,
    maker_pips: int = 200,
    taker_pips: int = 500,
    amount: int = 1_000_000 * COIN,
) -> Accounts:
    """Return two accounts, with a million of each asset.

    Parameters
    ----------
    credentials
        The first account's key, the second's, and another of the first that may withdraw as well,
        which nothing live should accept.
    assets
        What they have.
    """
    names = ("first", "second")
    has = dict.fromkeys(assets, amount)
    keys = [[ApiKey(each)] for each in credentials[:2]]
    for each in credentials[2:]:
        keys[0].append(ApiKey(each, frozenset({READ, TRADE, WITHDRAW})))
    return Accounts(
        Account(name, mine, dict(has), maker_pips=maker_pips, taker_pips=taker_pips)
        for name, mine in zip(names, keys, strict=False)
    )


def hmac_credentials(*, base64: bool = False) -> list[Credentials]:
    """Return the default keys of venues that sign by HMAC."""
    texts = [
        (KEY, SECRET_BASE64 if base64 else SECRET),
        (OTHER_KEY, OTHER_SECRET_BASE64 if base64 else OTHER_SECRET),
        (WITHDRAW_KEY, WITHDRAW_SECRET_BASE64 if base64 else WITHDRAW_SECRET),
    ]
    return [credentials_of(key, secret=Secret(secret)) for key, secret in texts]


def ed25519_credentials() -> Credentials:
    """Return the default Ed25519 key, which is the first test key of RFC 8032."""
    private = ed25519.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(_ED25519_SEED))
    return credentials_of(ED25519_KEY, private_key=pem_of(private))
