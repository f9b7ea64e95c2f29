"""What a venue itself says of an account: balances, positions and trades, asked with keys to read.

By the calls that the handler reads with. No command is ever made here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Sequence
from types import TracebackType
from typing import NamedTuple, Self

from alp.errors import VenueError
from alp.ledger.accounts import Account
from alp.ledger.assets import Asset, Assets
from alp.ledger.events import Event
from alp.services.position.accounts import BALANCE_DECIMALS, Product, VenueAccount
from alp.services.position.intake import Trades, events_of, told_by_fact
from alp.venues.account.calls import Calls
from alp.venues.account.clock_offset import VenueClock
from alp.venues.account.http import OrderHttp
from alp.venues.account.rates import CountsPerPair, CountsWithin, OrderRates
from alp.venues.account.state import Patience
from alp.venues.credentials import Credentials
from alp.venues.orders import Balance, Call, OrderAdapter, Outcome, PositionNews, Signer
from alp.venues.signing import Nonces

logger = logging.getLogger(__name__)

SECOND = 10**9
OVERLAP_NS = 60 * SECOND
"""Trades are asked for from so much earlier: a venue's list and its stream may differ in time."""
MOST_COMPARED = 5
RESERVE = 4
"""Venues count the requests of handler and position server together: of the budget this part is
left to the handler."""


class Reading(NamedTuple):
    """What a venue said within a moment.

    Attributes
    ----------
    amounts
        In the ledger's units: balances, and contracts.
    entry_quote
        What open contracts were entered for by the venue's average prices, by quote asset.
    entry_slack
        What one tick of those prices would be, and of each: averages are told in ticks.
    events, trades
        Trades since `since_ns`, and some before it.
    at_rest
        Nothing was traded between balances and trades.
    """

    amounts: dict[Account, int]
    entry_quote: dict[str, int]
    entry_slack: dict[str, int]
    events: list[Event]
    trades: Trades
    since_ns: int
    until_ns: int
    at_rest: bool


class VenueReader:
    """Asks one venue about one account."""

    def __init__(
        self, account: VenueAccount, assets: Assets, adapter: OrderAdapter, keys: Credentials
    ) -> None:
        self.account = account
        self._assets = assets
        self._clock = VenueClock()
        self._signer = Signer(
            keys,
            self._clock.now_ns,
            Nonces(self._clock.now_ns),
            lambda: secrets.token_hex(16),
        )
        self._adapter = adapter
        self._instruments = [each.traded.instrument for each in account.products]
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        adapter = self._adapter
        http = await self._stack.enter_async_context(
            OrderHttp(adapter.endpoints.rest, timeout_s=10.0)
        )
        rates = OrderRates(
            max(adapter.weight_per_minute - adapter.weight_per_minute // RESERVE, 1),
            adapter.orders_per_10s,
            adapter.counter if isinstance(adapter, CountsPerPair) else None,
            weight_window_s=adapter.weight_window_s if isinstance(adapter, CountsWithin) else 60,
        )
        self._calls = Calls(
            adapter,
            {each.symbol: each for each in self._instruments},
            http,
            rates,
            self._clock,
            self._signer,
            lambda *_: None,
            Patience(answer_ns=10 * SECOND),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def refuse_withdrawal(self) -> None:
        """Hold the key to what it is for.

        Raises
        ------
        VenueError
            If the venue says that it may withdraw, or does not answer.
        """
        if self._adapter.permissions(self._signer) is None:
            return
        outcome = await self._calls.ask(self._permissions)
        if "withdraw" in outcome.permissions:
            raise VenueError(f"{self.account.name}: the key may withdraw: give one that only reads")

    def _permissions(self) -> Call:
        found = self._adapter.permissions(self._signer)
        assert found is not None
        return found

    async def now_ns(self) -> int:
        """Compare the clocks and return the venue's.

        Raises
        ------
        VenueError
            If it does not tell it.
        """
        await self._calls.compare_clocks()
        return self._clock.now_ns()

    async def read(self, since_ns: int) -> Reading:
        """Read balances and trades until they belong together, or a few times.

        Raises
        ------
        VenueError
            If there is no answer.
        """
        before = await self._held()
        for _ in range(MOST_COMPARED):
            events = await self.trades(since_ns - OVERLAP_NS)
            until_ns = self._clock.now_ns()
            after = await self._held()
            if after == before:
                return self._reading(after, events, since_ns, until_ns, at_rest=True)
            before = after
            await asyncio.sleep(0.05)
        return self._reading(before, events, since_ns, until_ns, at_rest=False)

    async def trades(self, since_ns: int) -> list[Event]:
        """Return the trades that the venue lists since a time, the oldest first.

        Raises
        ------
        VenueError
            If there is no answer.
        """
        found: list[Event] = []
        for product in self.account.products:
            outcomes = await self._calls.ask_pages(
                lambda: self._adapter.trades(
                    product.traded.instrument,  # noqa: B023 - called now
                    max(since_ns, 1),
                    self._signer,
                )
            )
            found += _events(product, outcomes, self._assets, since_ns)
        # A fee stays behind its trade.
        return sorted(found, key=lambda each: each.at_ns)

    async def _held(self) -> tuple[dict[str, int], dict[str, PositionNews]]:
        outcomes = await self._calls.ask_all(
            lambda: self._adapter.account(self._instruments, self._signer)
        )
        balances: Sequence[Balance] = [each for one in outcomes for each in one.balances]
        positions = {each.symbol: each for one in outcomes for each in one.positions}
        totals: dict[str, int] = {}
        for each in balances:
            totals[each.asset] = totals.get(each.asset, 0) + each.total
        return totals, positions

    def _reading(
        self,
        held: tuple[dict[str, int], dict[str, PositionNews]],
        events: list[Event],
        since_ns: int,
        until_ns: int,
        *,
        at_rest: bool,
    ) -> Reading:
        balances, positions = held
        amounts = {
            self.account.account(name): self._known(name).scaled(total, BALANCE_DECIMALS)
            for name, total in balances.items()
        }
        entry: dict[str, int] = {}
        slack: dict[str, int] = {}
        for product in self.account.products if self.account.futures else ():
            market, said = product.market, positions.get(product.market.symbol)
            lots = said.quantity if said is not None else 0
            amounts[self.account.account(market.base.name)] = market.base.raw(
                market.lot_size * lots
            )
            price = said.entry_price if said is not None else 0
            tick = market.quote.raw(market.lot_size * market.tick_size)
            name = market.quote.name
            entry[name] = entry.get(name, 0) + lots * price * tick
            slack[name] = slack.get(name, 0) + abs(lots) * tick
        trades = Trades()
        trades.add(events)
        return Reading(amounts, entry, slack, events, trades, since_ns, until_ns, at_rest)

    def _known(self, name: str) -> Asset:
        return self._assets[name] if name in self._assets else Asset(name)


def _events(
    product: Product, outcomes: Sequence[Outcome], assets: Assets, since_ns: int
) -> list[Event]:
    found: list[Event] = []
    for outcome in outcomes:
        for fact in outcome.facts:
            told = told_by_fact(product, fact)
            if told is not None and told.at_ns >= since_ns:
                found += events_of(told, assets)
    return found
