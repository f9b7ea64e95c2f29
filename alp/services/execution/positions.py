"""An account's positions: counted from fills, and held to what the venue says.

At the start the venue's word is taken. Later a difference counts once it is the same in two
readings with no fill between them: a reading may be older than a fill that was heard meanwhile.
Such a difference is something that happened outside of alp, a deposit or a fee in the base asset;
it is taken over, counted and logged.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from alp._core.order_life import OrderEvent
from alp._core.orders import OrderError, OrderFields
from alp.services.execution.account import Account
from alp.services.execution.limits import AccountVenue
from alp.venues.account.state import AccountReport
from alp.venues.orders import Fact

logger = logging.getLogger(__name__)

BALANCE = 10**8
"""Balances are in parts of this of an asset."""


class Positions:
    """Keeps the order table's positions right.

    Parameters
    ----------
    has_positions
        Whether the venue keeps positions; otherwise they are balances of the base asset.
    note
        Puts a position that was taken over into the journal: index and lots.

    Attributes
    ----------
    corrected
        How often a position was taken over after the start.
    """

    def __init__(
        self, account: Account, has_positions: bool, note: Callable[[int, int], object]
    ) -> None:
        self.corrected = 0
        self._account = account
        self._has_positions = has_positions
        self._note = note
        self._fills = 0
        self._begun = False
        self._doubts: dict[int, tuple[int, int]] = {}
        account.listen(self._heard)

    def _heard(self, _: OrderFields, fact: Fact) -> None:
        if fact.kind in (OrderEvent.FILL, OrderEvent.CUMULATIVE, OrderEvent.FILLED):
            self._fills += 1

    def heard(self, report: AccountReport) -> list[int]:
        """Compare; return the products whose position was taken over."""
        if not report.whole:
            return []
        taken = []
        for index, product in self._account.products.items():
            told = self._told(product, report)
            if told is None:
                continue
            counted = self._account.table.exposure(index).position
            if told == counted:
                self._doubts.pop(index, None)
            elif not self._begun or self._doubts.get(index) == (told - counted, self._fills):
                self._take_over(index, product, counted, told)
                taken.append(index)
            else:
                self._doubts[index] = (told - counted, self._fills)
        self._begun = True
        return taken

    def _take_over(self, index: int, product: AccountVenue, counted: int, told: int) -> None:
        if self._begun:
            self.corrected += 1
            logger.error(
                "%s: a position of %d lots by fills is %d by the venue, which is taken",
                product.venue.name,
                counted,
                told,
            )
        self._doubts.pop(index, None)
        try:
            self._account.table.set_position(index, told)
        except OrderError as error:
            self._account.halt(f"position-{index}", f"{product.venue.name}: {error}")
            return
        self._account.resume(f"position-{index}")
        self._note(index, told)

    def _told(self, product: AccountVenue, report: AccountReport) -> int | None:
        """Return what the venue says, in lots; None where it says nothing of it."""
        if self._has_positions:
            found = [
                each.quantity
                for each in report.positions
                if each.symbol == product.instrument.symbol
            ]
            return found[0] if found else 0
        total: int = sum(
            each.total for each in report.balances if each.asset == product.instrument.base
        )
        grid = product.instrument.order_quantity
        # Exact: what is less than a lot cannot be sold.
        return total * int(10**grid.decimals) // (BALANCE * grid.step)
