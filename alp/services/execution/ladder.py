"""From what rests to what shall rest, with as few messages as the venue allows."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from alp._core.ladder import AmendBits, Crossing, Ladder, LadderError, LadderOptions, QuoteFields
from alp._core.order_life import OrderEvent
from alp._core.orders import OrderError, OrderFields
from alp._core.wire import QuotesMessage
from alp.services.execution.account import Account
from alp.services.execution.limits import AccountVenue
from alp.services.execution.market_view import MarketView
from alp.services.execution.steps import Step
from alp.venues.kraken.rate_counter import cost
from alp.venues.orders import Action, Capability, Fact, OrderAdapter

logger = logging.getLogger(__name__)

SECOND = 10**9
AGES_S = (5, 10, 15, 45, 90, 300)
"""Where Kraken's cost of a command changes with the age of its order."""
Steps = tuple[tuple[int, int], ...]


def options_of(adapter: OrderAdapter, min_move_ticks: int) -> LadderOptions:
    """Return how quotes are followed at a venue."""
    can = adapter.capabilities
    amend = AmendBits(
        price=Capability.AMEND_PRICE in can,
        more=Capability.AMEND_MORE in can,
        less=Capability.AMEND_LESS in can,
        keeps_place=Capability.AMEND_KEEPS_PRIORITY in can,
    )
    options = LadderOptions(amend, Crossing.CLAMP, price_tolerance=min_move_ticks - 1)
    if adapter.exchange != "kraken-spot":
        return options
    return options._replace(
        new_cost=cost(Action.NEW, 0),
        amend_cost=_steps(Action.AMEND),
        cancel_cost=_steps(Action.CANCEL),
    )


def _steps(action: Action) -> Steps:
    """Return what a command costs below each age, and at last at any."""
    found = [(age * SECOND, cost(action, age * SECOND - 1)) for age in AGES_S]
    return (*found, (0, cost(action, AGES_S[-1] * SECOND)))


class LadderPlan:
    """Plans the steps of an account's products; quotes that would take are moved behind the touch.

    Attributes
    ----------
    refused
        Wishes that nobody can want: buys that meet sells, too many of them.
    """

    def __init__(
        self,
        account: Account,
        view: MarketView,
        options: LadderOptions,
        *,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.refused = 0
        self._refused: dict[int, list[QuoteFields]] = {}
        self._account = account
        self._view = view
        self._monotonic_ns = monotonic_ns
        self._ladder = Ladder(options, account.table)
        account.listen(self._heard)

    def _heard(self, order: OrderFields, fact: Fact) -> None:
        """Note when an order was placed or amended: its age is what commands cost by."""
        if fact.kind in (OrderEvent.ACKED, OrderEvent.AMEND_ACKED):
            try:
                self._ladder.since(order.client_id, self._monotonic_ns())
            except OrderError:
                return  # it is gone already

    def __call__(self, venue: AccountVenue, wanted: QuotesMessage | None) -> list[Step]:
        """Return what to do in a product so that a wish comes true; None wants nothing."""
        quotes = []
        if wanted is not None:
            quotes = [QuoteFields(1, *level) for level in wanted.bids]
            quotes += [QuoteFields(-1, *level) for level in wanted.asks]
        touch = self._view.touch(venue.index)
        try:
            answer = self._ladder.follow(
                venue.index,
                quotes,
                now_ns=self._monotonic_ns(),
                bid=touch.bid if touch else 0,
                ask=touch.ask if touch else 0,
            )
        except LadderError as error:
            self.refused += 1
            if self._refused.get(venue.index) != quotes:
                logger.warning("%s: quotes refused: %.200s", venue.venue.name, error)
                self._refused[venue.index] = quotes
            return self(venue, None)
        flags = wanted.flags if wanted is not None else 0
        return [
            Step(
                Action(each.action),
                str(each.order or ""),
                each.side,
                each.price,
                each.quantity,
                flags,
            )
            for each in answer.changes
        ]
