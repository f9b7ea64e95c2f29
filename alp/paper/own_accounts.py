"""Accounts made for somebody, in place of those that everybody knows."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric import ec

from alp.paper.accounts import Account, ApiKey, pem_of
from alp.paper.desk import Desk
from alp.venues.credentials import Credentials, Kind, Secret, credentials_of

KEYS = 3
"""Of each account: the second is for its watchdog, the third for who counts what it has."""
SECRET_BYTES = 48


def open_accounts(desk: Desk, names: Sequence[str]) -> None:
    """Put accounts with these names, and with new keys, in place of those that a desk has.

    Each has what the first one had, and signs as it does.
    """
    usual = next(iter(desk.accounts.by_name.values()))
    like = usual.keys[0].credentials
    desk.accounts.replace(
        Account(
            name,
            [ApiKey(_new(like, f"{name}-{number}")) for number in range(1, KEYS + 1)],
            dict(usual.balances),
            maker_pips=usual.maker_pips,
            taker_pips=usual.taker_pips,
        )
        for name in names
    )


def hold_base(desk: Desk, amount: int) -> None:
    """Let every account begin with so much, 10⁻⁸ each, of whatever its markets trade.

    On futures, where nothing is held, nothing changes.
    """
    if desk.futures:
        return
    for account in desk.accounts.by_name.values():
        for rules in desk.rules.values():
            account.balances[rules.base] = amount


def _new(like: Credentials, name: str) -> Credentials:
    if like.kind is Kind.HMAC:
        # Some venues' secrets are base64, and the others take any text.
        secret = base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
        return credentials_of(f"paper-{name}", secret=Secret(secret))
    # Keys that are not HMAC's are those of Coinbase, which names them by organization.
    private = pem_of(ec.generate_private_key(ec.SECP256R1()))
    return credentials_of(f"organizations/paper/apiKeys/{name}", private_key=private)
