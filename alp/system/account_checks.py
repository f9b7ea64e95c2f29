"""Preflights of one account: what its venue says of products, clock, keys, balances and orders.

Everything is asked by the calls that the handler itself uses to read: what is right here is right
there. No command is ever made: nothing can be placed, amended or cancelled from here.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path

from alp.errors import AlpError, VenueError
from alp.journal.ids import parse_client_id
from alp.services.execution.limits import AccountVenue, instrument_rules, smallest_order
from alp.services.execution.setup import tag_of
from alp.strategy.manifest import Strategy
from alp.system.accounts import WATCHDOG, AccountPlace
from alp.system.checks import Check, fault, ok, skipped, warning
from alp.venues.account.calls import Calls
from alp.venues.account.clock_offset import VenueClock
from alp.venues.account.http import OrderHttp
from alp.venues.account.rates import CountsPerPair, CountsWithin, OrderRates
from alp.venues.account.state import Patience
from alp.venues.adapter import Endpoints
from alp.venues.credentials import Credentials, Secret, credentials_of, read_credentials
from alp.venues.http import Budget, Http
from alp.venues.instruments import Instrument, Trading
from alp.venues.orders import Capability, OrderAdapter, Outcome, Signer
from alp.venues.registry import adapter_for, check_credentials, orders_for
from alp.venues.signing import Nonces

SECOND = 10**9
MILLISECOND = 10**6
TIMEOUT_S = 20.0
COIN = Decimal("0.00000001")
CLOCK_TRIPS = 4
REACH = "look at the network, spec.venues[].endpoints and the venue's status page"
Look = Callable[[Calls], Awaitable[Check]]


class AccountDoctor:
    """Examines one account.

    Parameters
    ----------
    keyed
        Whether there is an account; otherwise only what is public is looked at.
    watched
        Whether a watchdog needs keys.
    """

    def __init__(
        self, strategy: Strategy, place: AccountPlace, *, keyed: bool, watched: bool
    ) -> None:
        self._strategy = strategy
        self._place = place
        self._keyed, self._watched = keyed, watched
        self._name = place.owner.account
        given = place.owner.endpoints
        self._endpoints = Endpoints(given.rest or "", given.stream or "", given.orders or "")
        self._products: list[AccountVenue] = []

    async def examine(self) -> list[Check]:
        """Return everything that was found."""
        found = await self._instruments()
        adapter = orders_for(self._place.owner.exchange, self._endpoints)
        found += await self._with(adapter, _nobody(), [self._clock])
        if not self._keyed:
            return [*found, skipped(self._name, "keys", "spec.mode is shadow: none are needed")]
        owner = self._place.owner.name
        mine = self._keys(owner, self._place.keys, "keys")
        found.append(mine[1])
        if mine[0] is not None:
            looks = [self._permissions, self._balances, self._orders]
            found += await self._with(adapter, mine[0], looks)
        if self._watched:
            other = self._keys(owner + WATCHDOG, self._place.watchdog_keys, "watchdog's keys")
            found.append(other[1])
            if other[0] is not None:
                found += self._same_keys(mine[0], other[0])
                found += await self._with(adapter, other[0], [self._watchdog_permissions])
        return found

    # public

    async def _instruments(self) -> list[Check]:
        market = adapter_for(self._place.owner.exchange, self._endpoints)
        venues = [
            (index, venue)
            for index, venue in enumerate(self._strategy.spec.venues)
            if venue in self._place.venues
        ]
        found: list[Check] = []
        async with Http(market.endpoints.rest, Budget(market.weight_per_minute)) as http:
            for index, venue in venues:
                try:
                    async with asyncio.timeout(TIMEOUT_S):
                        (said,) = await market.instruments(http, [venue.symbol])
                except (AlpError, TimeoutError) as error:
                    found.append(_unreached(venue.name, "product", error))
                    continue
                product = AccountVenue(index, venue, said)
                self._products.append(product)
                found += self._product(product)
        return found

    def _product(self, product: AccountVenue) -> Iterator[Check]:
        venue, said = product.venue, product.instrument
        name, where = venue.name, f"spec.venues[{product.index}]"
        if said.trading is Trading.OPEN:
            yield ok(name, "product", f"{said.exchange} {said.symbol} trades")
        else:
            yield warning(name, "product", f"{said.symbol} is {said.trading}", "wait, or leave it")
        for field, given, step in (
            ("tickSize", venue.tick_size, said.price.increment),
            ("lotSize", venue.lot_size, said.order_quantity.increment * said.contract_size),
        ):
            if given is not None and given != step:
                found = f"{where}.{field} is {given}, and the venue's is {step}"
                yield fault(name, field, found, "write the venue's, or leave it out")
            else:
                yield ok(name, field, f"{step}")
        try:
            instrument_rules(product, self._strategy)
            rules = ok(name, "limits", f"an order is at least {_least(product)} base")
        except AlpError as error:
            rules = fault(name, "limits", error.message, "raise the limit that is named")
        yield rules
        least = _least(product)
        if venue.order.min_base and venue.order.min_base < least:
            found = f"{where}.order.minBase is {venue.order.min_base}, the venue's least is {least}"
            yield warning(name, "order size", found, "nothing: the venue's own minimum holds too")

    async def _clock(self, calls: Calls) -> Check:
        for _ in range(CLOCK_TRIPS):
            await calls.compare_clocks()
        reading = calls.clock.reading()
        if reading is None:
            return fault(self._name, "clock", "the venue's clock is not known", REACH)
        most = self._strategy.spec.execution.max_clock_offset
        found = (
            f"the venue's is {reading.offset_ns / MILLISECOND:+.1f} ms from this one, "
            f"give or take {reading.error_ns / MILLISECOND:.1f} ms"
        )
        if abs(reading.offset_ns) - reading.error_ns > most:
            remedy = "let NTP or chrony set the clock; spec.execution.maxClockOffset is the bound"
            return fault(self._name, "clock", found, remedy)
        return ok(self._name, "clock", found)

    # with keys

    def _keys(self, name: str, folder: Path | None, what: str) -> tuple[Credentials | None, Check]:
        try:
            found = read_credentials(name, folder)
            check_credentials(self._place.owner.exchange, found)
        except AlpError as error:
            remedy = error.hint or "see docs/credentials.md"
            return None, fault(self._name, what, error.message, remedy)
        return found, ok(self._name, what, f"they sign by {found.kind}")

    def _same_keys(self, mine: Credentials | None, other: Credentials) -> list[Check]:
        if mine is None or mine.key != other.key:
            return []
        found = "the watchdog has the handler's key"
        remedy = "make one of its own: a key that is revoked or banned would silence both"
        return [warning(self._name, "watchdog's keys", found, remedy)]

    async def _permissions(self, calls: Calls) -> Check:
        return await self._allowed(calls, "permissions", {"trade"})

    async def _watchdog_permissions(self, calls: Calls) -> Check:
        return await self._allowed(calls, "watchdog's permissions", {"trade", "cancel"})

    async def _allowed(self, calls: Calls, name: str, one_of: set[str]) -> Check:
        adapter, signer = calls.adapter, calls.signer
        if adapter.permissions(signer) is None:
            return skipped(self._name, name, "the venue does not say what a key may do")

        def ask() -> object:
            return adapter.permissions(signer)

        outcome = await calls.ask(ask)  # type: ignore[arg-type]  # it was just seen not to be None
        allowed = outcome.permissions
        found = f"it may {', '.join(sorted(allowed)) or 'nothing'}"
        if "withdraw" in allowed:
            return fault(self._name, name, found, "make a key that may not withdraw")
        if not allowed & one_of:
            return fault(self._name, name, found, f"let it {' or '.join(sorted(one_of))}")
        if outcome.text:
            return warning(self._name, name, f"{found}; {outcome.text}", "look it up at the venue")
        return ok(self._name, name, found)

    async def _balances(self, calls: Calls) -> Check:
        known = list(calls.instruments.values())
        outcomes = await calls.ask_all(lambda: calls.adapter.account(known, calls.signer))
        wanted = {asset for each in known for asset in (each.base, each.quote)}
        held = {
            each.asset: each.total * COIN
            for outcome in outcomes
            for each in outcome.balances
            if each.asset in wanted and each.total
        }
        positions = [
            f"{each.symbol} {each.quantity} lots"
            for outcome in outcomes
            for each in outcome.positions
            if each.quantity
        ]
        texts = [f"{amount.normalize():,f} {asset}" for asset, amount in sorted(held.items())]
        found = ", ".join([*texts, *positions]) or "nothing is held"
        if not held:
            assets = ", ".join(sorted(wanted)) or "the products' assets"
            return fault(self._name, "balances", found, f"fund the account: it has no {assets}")
        over = self._over(outcomes, calls)
        if over:
            return warning(self._name, "balances", f"{found}; {over}", "reduce it, or raise it")
        return ok(self._name, "balances", found)

    def _over(self, outcomes: list[Outcome], calls: Calls) -> str:
        """Return what is beyond its limit already: only reducing orders would leave."""
        most = self._strategy.spec.limits.max_venue_base
        if most is None:
            return ""
        keeps = Capability.POSITIONS in calls.adapter.capabilities
        for product in self._products:
            said = product.instrument
            lot = said.order_quantity.increment * said.contract_size
            if keeps:
                amounts = [
                    each.quantity * lot
                    for outcome in outcomes
                    for each in outcome.positions
                    if each.symbol == said.symbol
                ]
            else:
                amounts = [
                    each.total * COIN
                    for outcome in outcomes
                    for each in outcome.balances
                    if each.asset == said.base
                ]
            if any(abs(each) > most for each in amounts):
                return f"more is held at {product.venue.name} than limits.maxVenueBase, {most}"
        return ""

    async def _orders(self, calls: Calls) -> Check:
        known = list(calls.instruments.values())
        outcomes = await calls.ask_all(lambda: calls.adapter.open_orders(known, calls.signer))
        orders = {each.venue_id: each for outcome in outcomes for each in outcome.orders}
        tag = tag_of(self._strategy, self._name)
        said = [parse_client_id(each.client_id) for each in orders.values()]
        ours = sum(each is not None and each.tag == tag for each in said)
        others = len(orders) - ours
        found = f"{ours} of this strategy, {others} of others"
        if ours:
            remedy = "nothing: its handler adopts them"
            return warning(self._name, "open orders", found, remedy)
        if others:
            remedy = "know them: they are left alone, and they use the same balance"
            return warning(self._name, "open orders", found, remedy)
        return ok(self._name, "open orders", found)

    # asking

    async def _with(
        self, adapter: OrderAdapter, keys: Credentials, looks: Sequence[Look]
    ) -> list[Check]:
        """Look at some things with these keys, on one clock: nonces may never go back."""
        clock = VenueClock()
        signer = Signer(keys, clock.now_ns, Nonces(clock.now_ns), lambda: secrets.token_hex(16))
        rates = OrderRates(
            adapter.weight_per_minute,
            adapter.orders_per_10s,
            adapter.counter if isinstance(adapter, CountsPerPair) else None,
            weight_window_s=adapter.weight_window_s if isinstance(adapter, CountsWithin) else 60,
        )
        instruments = {each.instrument.symbol: each.instrument for each in self._products}
        patience = Patience(answer_ns=10 * SECOND)
        async with OrderHttp(adapter.endpoints.rest, timeout_s=10.0) as http:
            calls = Calls(
                adapter, instruments, http, rates, clock, signer, lambda *_: None, patience
            )
            # What is signed by a clock that was not compared may be refused for that alone.
            with contextlib.suppress(AlpError, TimeoutError):
                async with asyncio.timeout(TIMEOUT_S):
                    await calls.compare_clocks()
            return [await self._looked(calls, look) for look in looks]

    async def _looked(self, calls: Calls, look: Look) -> Check:
        """Look at one thing; a venue that does not answer is a fault, not an end."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await look(calls)
        except (AlpError, TimeoutError) as error:
            name = getattr(look, "__name__", "").strip("_").replace("_", " ")
            return _unreached(self._name, name, error)


def _unreached(subject: str, name: str, error: Exception) -> Check:
    what = str(error) or f"no answer within {TIMEOUT_S:g} s"
    if isinstance(error, VenueError | TimeoutError):
        return fault(subject, name, what, REACH)
    return fault(subject, name, what, getattr(error, "hint", None) or "change it")


def _least(product: AccountVenue) -> Decimal:
    said: Instrument = product.instrument
    lot = said.order_quantity.increment * said.contract_size
    return Decimal(smallest_order(product) * lot)


def _nobody() -> Credentials:
    """Return keys for questions that are not signed."""
    return credentials_of("nobody", secret=Secret("nothing"))
