"""The manifest's limits in ticks and lots: what the gate of an account is set to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from alp._core.gate import NO_LIMIT, AccountRules, Gate, InstrumentRules
from alp._core.orders import OrderTable
from alp.errors import ConfigError
from alp.journal.read import JournalInstrument
from alp.strategy.manifest import Strategy
from alp.strategy.venues import Limits, Venue
from alp.venues.instruments import Instrument

SECOND = 10**9
UNITS = 10**12
"""Of the combined position: so many are one base token, so that lots of all venues are whole."""
CLOCK_AGE_NS = 300 * SECOND
"""A comparison of the clocks counts for so long."""
REFERENCE_AGES = 4
"""The second source of prices may be so many times older than the venue's own book."""


@dataclass(frozen=True, slots=True)
class AccountVenue:
    """One product that an account trades.

    Attributes
    ----------
    index
        Its venue's place in the manifest: the instrument's number on the bus and in the gate.
    """

    index: int
    venue: Venue
    instrument: Instrument


def account_venues(strategy: Strategy, name: str) -> list[tuple[int, Venue]]:
    """Return the venues of the manifest that are the same account as the one called `name`.

    One account has one writer: venues of one exchange with the same keys belong together.

    Raises
    ------
    ConfigError
        If there is no such venue, or it is not said which of several accounts is meant.
    """
    venues = list(enumerate(strategy.spec.venues))
    chosen = [venue for _, venue in venues if venue.name == name]
    if not chosen:
        names = ", ".join(venue.name for _, venue in venues) or "none"
        raise ConfigError(f"the manifest has no venue {name!r}", hint=f"spec.venues has {names}")
    return [(index, venue) for index, venue in venues if venue.is_account_of(chosen[0])]


def units_of_lot(instrument: Instrument) -> int:
    """Return how many units of the combined position a lot is.

    Raises
    ------
    ConfigError
        If it is no whole number of them.
    """
    units = instrument.order_quantity.increment * instrument.contract_size * UNITS
    if units != int(units) or units < 1:
        raise ConfigError(
            f"{instrument.exchange} {instrument.symbol}: a lot of {units / UNITS} base is not a "
            f"multiple of 1/{UNITS}"
        )
    return int(units)


def journal_instruments(
    strategy: Strategy, products: Sequence[AccountVenue]
) -> list[JournalInstrument]:
    """Return what journal and order table need of each venue of the manifest, by its place there.

    Those of other accounts only keep their places.
    """
    rows = [
        JournalInstrument("other account", str(index), 0, 1, 0, 1, 0, 1)
        for index in range(len(strategy.spec.venues))
    ]
    for each in products:
        price, quantity = each.instrument.price, each.instrument.order_quantity
        rows[each.index] = JournalInstrument(
            each.instrument.exchange,
            each.instrument.symbol,
            0,
            units_of_lot(each.instrument),
            price.decimals,
            price.step,
            quantity.decimals,
            quantity.step,
        )
    return rows


def instrument_rules(product: AccountVenue, strategy: Strategy) -> InstrumentRules:
    """Return the limits of one product, never looser than the manifest's: rounded towards zero.

    Raises
    ------
    ConfigError
        If a limit lets nothing through that the venue would take.
    """
    instrument, limits = product.instrument, strategy.spec.limits
    execution = strategy.spec.execution
    lot_base = instrument.order_quantity.increment * instrument.contract_size
    lot_quote = instrument.price.increment * lot_base
    most = product.venue.order.max_base
    rules = InstrumentRules(
        allowed=True,
        size_max=_most(most if most is not None else limits.max_venue_base, lot_base),
        notional_max=_most(limits.max_order_notional, lot_quote),
        open_notional_max=NO_LIMIT,
        position_max=_most(limits.max_venue_base, lot_base),
        collar_bps=limits.price_collar_bps,
        collar_ticks=NO_LIMIT,
        reference_age_ns=REFERENCE_AGES * limits.max_data_age,
        book_age_ns=limits.max_data_age,
        fills_max=execution.fill_burst,
        fill_window_ns=execution.fill_window,
    )
    _check(product, limits, rules, lot_base)
    return rules


def _check(
    product: AccountVenue, limits: Limits, rules: InstrumentRules, lot_base: Decimal
) -> None:
    """Refuse limits under which no order could ever leave: a slip, not a wish."""
    field = f"spec.venues[{product.index}].order.maxBase"
    if product.venue.order.max_base is None:
        field = "spec.limits.maxVenueBase"
    least = smallest_order(product)
    if rules.size_max < least:
        raise ConfigError(f"{field}: less than the venue's smallest order, {least * lot_base} base")
    if not rules.notional_max:
        raise ConfigError(
            f"spec.limits.maxOrderNotional: {limits.max_order_notional} is less than one lot "
            f"at one tick"
        )


def smallest_order(product: AccountVenue) -> int:
    """Return how many lots the venue wants of an order at least."""
    lots = product.instrument.min_quantity / product.instrument.order_quantity.increment
    return max(int(lots.to_integral(ROUND_CEILING)), 1)


def combined_limit(strategy: Strategy) -> int:
    """Return how many units all venues may hold together, long or short."""
    return _most(strategy.spec.limits.max_net_base, Decimal(1) / UNITS)


def _most(limit: Decimal | None, unit: Decimal) -> int:
    if limit is None:
        return NO_LIMIT
    return min(int((limit / unit).to_integral(ROUND_FLOOR)), NO_LIMIT)


def account_rules(strategy: Strategy) -> AccountRules:
    """Return the limits of the account as a whole."""
    execution = strategy.spec.execution
    return AccountRules(
        strategy_interval_ns=SECOND // execution.orders_per_second,
        strategy_burst=execution.burst,
        duplicate_window_ns=execution.duplicate_window,
        clock_offset_ns=execution.max_clock_offset,
        clock_age_ns=CLOCK_AGE_NS,
    )


def make_gate(strategy: Strategy, products: Sequence[AccountVenue], table: OrderTable) -> Gate:
    """Return the gate of an account's orders, closed.

    Raises
    ------
    ConfigError
        If the limits do not fit the products.
    """
    gate = Gate(table)
    gate.set_account(account_rules(strategy))
    execution = strategy.spec.execution
    # What the venue allows is kept by the session; here cancels only get what is theirs.
    gate.set_venue(0, SECOND // execution.orders_per_second, execution.burst, 0)
    gate.set_combined(0, combined_limit(strategy))
    set_rules(gate, strategy, products)
    return gate


def set_rules(gate: Gate, strategy: Strategy, products: Sequence[AccountVenue]) -> None:
    """Set the limits of products, again when a venue has changed its grids."""
    for product in products:
        gate.set_instrument(product.index, instrument_rules(product, strategy))
