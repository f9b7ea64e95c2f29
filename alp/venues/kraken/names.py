"""What Kraken's REST calls assets and pairs, which is not what its WebSocket calls them."""

from __future__ import annotations

from collections.abc import Mapping

from alp.venues.instruments import Instrument
from alp.venues.kraken.spot_market import NEW_NAMES, OLD_NAMES

_OLDEST = {
    f"{kind}{name}": NEW_NAMES.get(name, name)
    for kind, names in (
        ("X", ("ETC", "ETH", "LTC", "MLN", "REP", "XBT", "XDG", "XLM", "XMR", "XRP", "ZEC")),
        ("Z", ("AUD", "CAD", "EUR", "GBP", "JPY", "USD")),
    )
    for name in names
}
_OLDEST_OF = {new: oldest for oldest, new in _OLDEST.items()}


def asset_name(name: str) -> str:
    """Return ``BTC`` for ``XXBT`` and ``XBT``; earning and held balances keep their suffix."""
    return _OLDEST.get(name) or NEW_NAMES.get(name, name)


def pair_name(instrument: Instrument) -> str:
    """Return what REST is asked by: ``XBTUSD``."""
    return "".join(OLD_NAMES.get(each, each) for each in (instrument.base, instrument.quote))


def by_pair(instruments: Mapping[str, Instrument]) -> dict[str, Instrument]:
    """Return products by all names that REST answers with."""
    return {
        base + between + quote: each
        for each in instruments.values()
        for base in _names(each.base)
        for quote in _names(each.quote)
        for between in ("", "/")
    }


def _names(asset: str) -> set[str]:
    return {asset, OLD_NAMES.get(asset, asset), _OLDEST_OF.get(asset, asset)}
