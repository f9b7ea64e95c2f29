"""The chain's part of the books: levels that the LP agent tells, one position for the whole leg.

The bus tells what wallet, positions and uncollected fees hold together. So the leg is one position
of the ledger; what changes in it comes under ``lvr``, fees and gas in tokens included.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from alp._core.wire import InventoryMessage
from alp.ledger.accounts import Account, Kind, Place
from alp.ledger.assets import Assets
from alp.ledger.events import Adoption, Event, LpLevel, own_proof
from alp.models.pair import TokenPair


class ChainLeg:
    """Makes events of inventories.

    Attributes
    ----------
    newest
        The last one heard; None before the first.
    begun
        Whether what there was at the beginning is booked.
    """

    def __init__(self, name: str, pair: TokenPair, assets: Assets) -> None:
        self.newest: InventoryMessage | None = None
        self.begun = False
        self._pair = pair
        self._assets = assets
        self._place = Place(Kind.LP, name)

    @property
    def name(self) -> str:
        """Of the position in the ledger."""
        return self._place.owner

    def heard(self, message: InventoryMessage) -> None:
        """Take in an inventory; it replaces the one before it."""
        self.newest = message

    def amounts(self) -> dict[Account, int]:
        """Return what the leg holds in the ledger's units."""
        if self.newest is None:
            return {}
        pair, assets = self._pair, self._assets
        base, quote = assets[pair.base_symbol], assets[pair.quote_symbol]
        return {
            Account(*self._place, base.name): base.scaled(self.newest.base, pair.base_decimals),
            Account(*self._place, quote.name): quote.scaled(self.newest.quote, pair.quote_decimals),
        }

    def events(
        self, balances: Mapping[Account, int], last_entries: Mapping[Account, int]
    ) -> list[Event]:
        """Return what brings the books to the newest inventory; nothing where they are there.

        The proof names the entry before it, so that a level which comes again, as blocks are
        taken back, is a further event.
        """
        amounts = self.amounts()
        if self.newest is None:
            return []
        at_ns = self.newest.header.exchange_ns or self.newest.header.send_ns
        if not self.begun:
            made: list[Event] = [
                Adoption(own_proof("begun", f"{self.name}:{account.asset}"), at_ns, self._place,
                         account.asset, amount)
                for account, amount in amounts.items()
            ]  # fmt: skip
            return made
        if all(balances.get(account, 0) == amount for account, amount in amounts.items()):
            return []
        (base, held_base), (quote, held_quote) = amounts.items()
        before = [last_entries.get(each, 0) for each in amounts]
        stated = f"{self.newest.block}|{held_base}|{held_quote}|{before}"
        proof = own_proof("level", f"{self.name}:{sha256(stated.encode()).hexdigest()[:32]}")
        return [
            LpLevel(proof, at_ns, self.name, self.name, base.asset, quote.asset, held_base,
                    held_quote, 0, 0)
        ]  # fmt: skip
