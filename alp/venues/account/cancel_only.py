"""An account of which one can see what is open, and cancel it; there is no way to add to it."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from random import Random

from alp.errors import ConfigError, VenueError
from alp.venues.account.calls import Calls
from alp.venues.account.clock_keeper import ClockKeeper
from alp.venues.account.clock_offset import ClockReading, VenueClock
from alp.venues.account.http import OrderHttp
from alp.venues.account.rates import CountsPerPair, CountsWithin, OrderRates
from alp.venues.account.state import Patience
from alp.venues.credentials import Credentials
from alp.venues.instruments import Instrument
from alp.venues.orders import (
    Action,
    Call,
    Command,
    LiveOrder,
    OrderAdapter,
    Outcome,
    Policy,
    Signer,
)
from alp.venues.signing import Nonces

logger = logging.getLogger(__name__)

SECOND = 10**9
AT_ONCE = 8
"""Calls under way at the same time, where a venue takes several."""
PATIENCE = Patience(answer_ns=5 * SECOND, clock_ns=60 * SECOND)


class CancelOnly:
    """Lists and cancels orders of one account by REST, within the venue's rates.

    Its owner gets at no adapter, signer or connection, so that nothing but what is public here can
    be sent in the account's name.

    Parameters
    ----------
    instruments
        Whose orders are meant; those of others are not seen.

    Attributes
    ----------
    cancels
        Orders by how the call that was to cancel them ended: ``answered`` or ``failed``.
    """

    def __init__(
        self,
        adapter: OrderAdapter,
        credentials: Credentials,
        instruments: Sequence[Instrument],
        random: Random,
        *,
        patience: Patience = PATIENCE,
        random_hex: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        self.exchange = adapter.exchange
        self.cancels: Counter[str] = Counter()
        self._instruments = {each.symbol: each for each in instruments}
        self._most = adapter.most_in_batch.get(Action.CANCEL, 1)
        self._clock = VenueClock()
        self._rates = OrderRates(
            adapter.weight_per_minute,
            adapter.orders_per_10s,
            adapter.counter if isinstance(adapter, CountsPerPair) else None,
            weight_window_s=adapter.weight_window_s if isinstance(adapter, CountsWithin) else 60,
        )
        now_ns = self._clock.now_ns
        self._signer = Signer(credentials, now_ns, Nonces(now_ns), random_hex)
        self._http = OrderHttp(adapter.endpoints.rest, timeout_s=patience.answer_ns / SECOND)
        self._calls = Calls(
            adapter,
            self._instruments,
            self._http,
            self._rates,
            self._clock,
            self._signer,
            self._judge,
            patience,
        )
        self._keeper = ClockKeeper(
            self._calls, random, patience, was_set=lambda: None, compared=lambda _: None
        )

    @property
    def results(self) -> Counter[tuple[str, str]]:
        """How calls ended, see :class:`alp.venues.account.calls.Calls`."""
        return self._calls.results

    @property
    def clock(self) -> ClockReading | None:
        """What is known of the venue's clock; None: nothing."""
        return self._clock.reading()

    async def run(self) -> None:
        """Compare clocks now and then, until cancelled."""
        await self._keeper.run()

    async def close(self) -> None:
        """Close its connections."""
        await self._http.close()

    async def permissions(self) -> frozenset[str] | None:
        """Return what the key may do; None where the venue does not say.

        Raises
        ------
        VenueError
            If there is no answer, or the key is not taken.
        """
        adapter = self._calls.adapter
        if adapter.permissions(self._signer) is None:
            return None

        def ask() -> Call:
            call = adapter.permissions(self._signer)
            assert call is not None
            return call

        return (await self._calls.ask(ask)).permissions

    async def open_orders(self) -> list[LiveOrder]:
        """Return what is open, the largest value first.

        Raises
        ------
        VenueError
            If there is no answer, or the key is not taken.
        """
        known = list(self._instruments.values())
        outcomes = await self._calls.ask_all(
            lambda: self._calls.adapter.open_orders(known, self._signer)
        )
        orders = {
            each.venue_id: each
            for outcome in outcomes
            for each in outcome.orders
            if each.symbol in self._instruments
        }
        return sorted(orders.values(), key=self._value, reverse=True)

    async def cancel(self, orders: Sequence[LiveOrder]) -> str:
        """Ask for the end of orders, each at most once; only the list tells what became of them.

        Those that come first leave first, in batches where the venue takes them. Where a venue
        answers nothing the others do not leave.

        Returns
        -------
        str
            What went wrong, as far as something did.
        """
        trouble = ""
        calls = self._batches(orders)
        for first in range(0, len(calls), AT_ONCE):
            together = [self._cancel(each) for each in calls[first : first + AT_ONCE]]
            answers = await asyncio.gather(*together)
            trouble = next((said for _, said in answers if said), trouble)
            if not any(answered for answered, _ in answers):
                break
        return trouble

    async def _cancel(self, commands: Sequence[Command]) -> tuple[bool, str]:
        """Return whether there was an answer, and what was wrong with it."""
        try:
            outcome = await self._calls.ask(
                lambda: self._calls.adapter.commands(commands, self._signer, socket=False)
            )
        except (VenueError, ConfigError) as error:
            self.cancels["failed"] += len(commands)
            logger.warning("%s: cancel: %s", self.exchange, error)
            return False, str(error)
        self.cancels["answered"] += len(commands)
        return True, "" if outcome.policy is None else f"{outcome.policy}: {outcome.text}"

    def _batches(self, orders: Sequence[LiveOrder]) -> list[list[Command]]:
        """Return what goes together: of one product, in the order of the first of each."""
        batches: list[list[Command]] = []
        filling: dict[str, list[Command]] = {}
        for order in orders:
            batch = filling.get(order.symbol)
            if batch is None or len(batch) >= self._most:
                batch = filling[order.symbol] = []
                batches.append(batch)
            batch.append(self._command(order))
        return batches

    def _command(self, order: LiveOrder) -> Command:
        return Command(
            Action.CANCEL,
            self._instruments[order.symbol],
            order.client_id,
            order.venue_id,
            order.side,
            order.price,
            order.quantity,
            filled=order.filled,
            sent_ns=order.at_ns,
        )

    def _value(self, order: LiveOrder) -> Decimal:
        """Return what may still be traded, in the money of its product."""
        instrument = self._instruments[order.symbol]
        lot = instrument.order_quantity.increment * instrument.contract_size
        return (order.quantity - order.filled) * order.price * lot * instrument.price.increment

    def _judge(self, _: Call, outcome: Outcome) -> None:
        """Do what an error asks for, beside what :class:`Calls` does."""
        if outcome.policy is Policy.RESYNC_CLOCK:
            self._keeper.hurry()
        elif outcome.policy is Policy.HALT and outcome.retry_ns:
            self._rates.ban(outcome.retry_ns)
