"""Cancelling everything, also where a venue has no command for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from alp.errors import ConfigError, VenueError
from alp.venues.account.calls import Calls
from alp.venues.account.recovery import Reader
from alp.venues.instruments import Instrument
from alp.venues.orders import Action, Call, Capability, Command, Fact, LiveOrder

logger = logging.getLogger(__name__)

LOOKS_S = (0.1, 0.2, 0.4, 0.8)
"""Pauses between the looks at what is still open."""


async def cancel_all(
    calls: Calls,
    reader: Reader,
    instruments: Sequence[Instrument],
    only: Instrument | None,
    deliver: Callable[[Sequence[Fact]], None],
) -> tuple[LiveOrder, ...]:
    """Cancel everything that is open and return what still is.

    The venue's own command comes first, then a cancel for each order that its list still has.

    Parameters
    ----------
    instruments
        Whose orders are meant.
    only
        The one product that is meant; None: the account.

    Raises
    ------
    VenueError
        If the venue does not say what is open.
    """
    for target in _targets(calls.adapter.capabilities, instruments, only):
        try:
            outcome = await calls.ask(_everything(calls, target), urgent=True)
            deliver(outcome.facts)
        except VenueError as error:
            logger.warning("%s: cancel-all: %s", calls.adapter.exchange, error)
    by_symbol = {each.symbol: each for each in instruments}
    for instrument, orders in _by_instrument(await reader.open_orders(urgent=True), by_symbol):
        most = calls.adapter.most_in_batch.get(Action.CANCEL, 1)
        for first in range(0, len(orders), most):
            batch = [_cancel(each, instrument) for each in orders[first : first + most]]
            try:
                outcome = await calls.ask(_each(calls, batch), urgent=True)
                deliver(outcome.facts)
            except (VenueError, ConfigError) as error:
                logger.warning("%s: cancel: %s", calls.adapter.exchange, error)
    return await _residue(reader, by_symbol)


async def _residue(reader: Reader, by_symbol: Mapping[str, Instrument]) -> tuple[LiveOrder, ...]:
    """Return what is still open; some venues only queue a cancel."""
    for pause_s in (*LOOKS_S, None):
        orders = await reader.open_orders(urgent=True)
        found = tuple(each for each in orders if each.symbol in by_symbol)
        if not found or pause_s is None:
            break
        await asyncio.sleep(pause_s)
    return found


def _targets(
    capabilities: Capability, instruments: Sequence[Instrument], only: Instrument | None
) -> Sequence[Instrument | None]:
    """Return what the venue's own command is given, once for each."""
    if only is None and Capability.CANCEL_ALL_ACCOUNT in capabilities:
        return [None]
    return instruments if Capability.CANCEL_ALL_SYMBOL in capabilities else []


def _by_instrument(
    orders: Sequence[LiveOrder], by_symbol: Mapping[str, Instrument]
) -> list[tuple[Instrument, list[LiveOrder]]]:
    found: dict[str, list[LiveOrder]] = {}
    for order in orders:
        if order.symbol in by_symbol:
            found.setdefault(order.symbol, []).append(order)
    return [(by_symbol[symbol], rows) for symbol, rows in found.items()]


def _cancel(order: LiveOrder, instrument: Instrument) -> Command:
    return Command(
        Action.CANCEL,
        instrument,
        order.client_id,
        order.venue_id,
        order.side,
        order.price,
        order.quantity,
        filled=order.filled,
    )


def _everything(calls: Calls, instrument: Instrument | None) -> Callable[[], Call]:
    return lambda: calls.adapter.cancel_all(instrument, calls.signer)


def _each(calls: Calls, commands: Sequence[Command]) -> Callable[[], Call]:
    return lambda: calls.adapter.commands(commands, calls.signer, socket=False)
