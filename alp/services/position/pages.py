"""What the position server shows people: what is held where, and what it earned and why."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from alp.ledger.accounts import OWN
from alp.ledger.assets import Asset, Assets
from alp.ledger.books import Snapshot

if TYPE_CHECKING:
    from alp.services.position.account import KeptAccount

X96 = 1 << 96


def positions_page(
    snapshot: Snapshot | None, assets: Assets | None, kept: Sequence[KeptAccount]
) -> dict[str, Any]:
    """Return what is held, exact decimals as text, and what does not agree."""
    if snapshot is None or assets is None:
        return {}
    return {
        "entry": snapshot.sequence,
        "at_ns": snapshot.at_ns,
        "places": [
            {
                "kind": str(account.kind),
                "owner": account.owner,
                "asset": account.asset,
                "amount": _asset(assets, account.asset).text(amount),
                "entry": snapshot.last_entries.get(account),
            }
            for account, amount in snapshot.balances.items()
            if account.kind in OWN and amount
        ],
        "accounts": {
            each.account.name: {
                "trouble": each.trouble,
                "readings": each.readings,
                "closes_gate": each.closing,
                "doubts": [str(doubt) for doubt in each.drop_copy.doubts],
                "handler": {"token": each.link.token, "reports": each.link.known},
            }
            for each in kept
        },
    }


def pnl_page(snapshot: Snapshot | None, assets: Assets | None) -> dict[str, Any]:
    """Return the net asset value, its attribution, which sums to it, and each asset's cost."""
    if snapshot is None or assets is None:
        return {}
    return {
        "entry": snapshot.sequence,
        "at_ns": snapshot.at_ns,
        "quote": snapshot.quote,
        "nav": _money(snapshot.nav_x96, assets.quote),
        "profit": _money(snapshot.profit_x96, assets.quote),
        "realised": _money(snapshot.realised_x96, assets.quote),
        "unrealised": _money(snapshot.unrealised_x96, assets.quote),
        "attribution": {
            name: _money(part, assets.quote) for name, part in snapshot.attribution_x96.items()
        },
        "attribution_x96": {k: str(v) for k, v in snapshot.attribution_x96.items()},
        "nav_x96": str(snapshot.nav_x96),
        "unpriced": list(snapshot.unpriced),
        "holdings": [
            {
                "asset": each.asset,
                "quantity": _asset(assets, each.asset).text(each.quantity),
                "cost": None if each.cost_x96 is None else _money(each.cost_x96, assets.quote),
                "basis_known": each.basis_known,
                "realised": _money(each.realised_x96, assets.quote),
                "unrealised": None
                if each.unrealised_x96 is None
                else _money(each.unrealised_x96, assets.quote),
            }
            for each in snapshot.holdings
        ],
    }


def _asset(assets: Assets, name: str) -> Asset:
    return assets[name] if name in assets else Asset(name)


def _money(value_x96: int, quote: Asset) -> str:
    """Return a value as a decimal, down to the ledger's unit."""
    return quote.text(int(Fraction(value_x96, X96) // 1))
