"""The order desk of a simulated venue: what all venues do alike with orders and accounts.

A venue's protocol calls it and turns what it answers, a :class:`Refused` or a :class:`Report`, into
the venue's words::

    desk = Desk(markets, rules, accounts, futures=True)
    desk.listeners.append(tell)
    order = desk.place("first", Ticket("ETHUSDC", bid=True, price=199_900, quantity=50))

Reports are told in the order in which things happen, each before the next one does; the order in
a report is the living one, so what is written of it is written at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from alp._core.matching import Matcher, MatchKind, OrderMatch, Placed, QueueModel
from alp.paper.accounts import Account, Accounts
from alp.paper.book import ASK, BID
from alp.paper.filters import check_price, check_size, worst_price
from alp.paper.ledger import Ledger
from alp.paper.market import Market
from alp.paper.order_records import OrderRecords
from alp.paper.orders import (
    Kind,
    Order,
    Refusal,
    Refused,
    Rules,
    State,
    Ticket,
    Tif,
    Trade,
    Why,
)

MOST_AMENDS = 10_000
MOST_RESTING = 4000
"""Orders of all accounts in one market."""


class Desk(OrderRecords):
    """Orders of all accounts of one venue.

    Parameters
    ----------
    futures
        Whether positions are kept; otherwise assets change hands.
    fee_in_quote
        Whether all fees are in what prices are in; otherwise in what is received (spot).
    model, exponent
        Of the queues that resting orders wait in.
    clock_ns
        The venue's time, for what is told.
    steady_ns
        Another that nothing sets, for timers.

    Attributes
    ----------
    halted
        Whether only cancels are done, of all symbols.
    model, exponent
        As above; of markets in which nobody has ordered yet they can be changed.
    """

    def __init__(
        self,
        markets: Mapping[str, Market],
        rules: Mapping[str, Rules],
        accounts: Accounts,
        *,
        futures: bool,
        fee_in_quote: bool = False,
        model: QueueModel = QueueModel.CONSERVATIVE,
        exponent: int = 2,
        clock_ns: Callable[[], int] = time.time_ns,
        steady_ns: Callable[[], int] = time.monotonic_ns,
        first_number: int = 8_000_000_001,
    ) -> None:
        super().__init__(clock_ns)
        self.markets = markets
        self.rules = dict(rules)
        self.accounts = accounts
        self.halted = False
        self.ledger = Ledger(markets, self.rules, futures=futures, fee_in_quote=fee_in_quote)
        self.model, self.exponent = model, exponent
        self._steady_ns = steady_ns
        self._number = first_number
        self._trade = 0
        self._matchers: dict[str, Matcher] = {}
        self._decimals: dict[str, int] = {}
        self._dead_men: dict[tuple[str, str | None], int] = {}

    @property
    def traded(self) -> set[str]:
        """Markets in which there was an order."""
        return set(self._matchers)

    @property
    def futures(self) -> bool:
        """Whether positions are kept."""
        return self.ledger.futures

    def ahead(self, order: Order) -> int:
        """Return how many lots of the market an open order is expected to wait behind."""
        return self._matchers[order.symbol].ahead(order.place)

    def would_take(self, order: Order | Ticket, price: int) -> bool:
        """Whether an order would trade at once at this price."""
        return self._matcher(order.symbol).available(order.bid, price, 1) > 0

    def rule(self, symbol: str) -> Rules:
        """Return what is allowed in a market.

        Raises
        ------
        Refused
            If there is no such market.
        """
        found = self.rules.get(symbol)
        if found is None:
            raise Refused(Refusal.SYMBOL, f"no market {symbol:.40}")
        return found

    def place(self, account: str, ticket: Ticket) -> Order:
        """Take a new order; it may be filled, or ended, when this returns.

        Raises
        ------
        Refused
            If it is not taken; then nothing was told and nothing is remembered.
        """
        owner = self.accounts.by_name[account]
        limit = self._check(owner, ticket)
        matcher = self._matcher(ticket.symbol)
        price = ticket.price or 0
        order = Order(0, account, ticket, price, ticket.quantity, self._clock_ns(), 0)
        self.ledger.check(owner, order, limit, self.open_orders(account, ticket.symbol))
        self._number += 1
        order.number, order.updated_ns = self._number, order.created_ns
        self._remember(order)
        self.ledger.reserve(owner, order, limit)
        self._tell(Kind.NEW, order)
        self._tell_locked(order)
        if limit == 0:  # there is nobody to trade with
            self._end(order, State.EXPIRED, Why.IMMEDIATE)
            return order
        placed = matcher.place(
            self.accounts.number(account),
            ticket.bid,
            limit,
            order.quantity,
            prevention=ticket.prevention,
            rest=ticket.tif in (Tif.GTC, Tif.GTD) and ticket.price is not None,
        )
        self._placed(order, placed)
        return order

    def amend(
        self,
        order: Order,
        *,
        price: int | None = None,
        quantity: int | None = None,
        keep: bool = False,
    ) -> None:
        """Change an open order; it may be filled, or ended, when this returns.

        Parameters
        ----------
        quantity
            Of the whole order, what is filled included. As much as is filled already, or less,
            ends it; so does a price at which a post-only order would take.
        keep
            Whether less at the same price keeps its place in the queue.

        Raises
        ------
        Refused
            If it stays as it is.
        """
        if not order.is_open:
            raise Refused(Refusal.UNKNOWN_ORDER)
        owner = self.accounts.by_name[order.account]
        price = order.price if price is None else price
        quantity = order.quantity if quantity is None else quantity
        if (price, quantity) == (order.price, order.quantity):
            raise Refused(Refusal.UNCHANGED)
        if order.amends >= MOST_AMENDS:
            raise Refused(Refusal.TOO_MANY_AMENDS)
        self._check_trading(owner)
        self._check_filters(order.symbol, order.bid, price, price, quantity)
        if quantity <= order.filled:
            self._withdraw(order, State.CANCELED, Why.AMENDED)
            return
        matcher = self._matcher(order.symbol)
        if (
            order.ticket.post_only
            and price != order.price
            and matcher.available(order.bid, price, 1)
        ):
            self._withdraw(order, State.CANCELED, Why.POST_ONLY)
            return
        others = [
            each for each in self.open_orders(order.account, order.symbol) if each is not order
        ]
        before = order.price, order.quantity
        order.price, order.quantity = price, quantity
        try:
            self.ledger.check(owner, order, price, others)
        except Refused:
            order.price, order.quantity = before
            raise
        self.ledger.reserve(owner, order, price)
        order.amends += 1
        order.updated_ns = self._clock_ns()
        self._tell(Kind.AMENDED, order)
        self._tell_locked(order)
        old = self._resting.pop((order.symbol, order.place))
        placed = matcher.amend(old.place, price, order.left, keep=keep)
        self._placed(order, placed)

    def cancel(self, order: Order, why: Why = Why.REQUEST) -> None:
        """End an open order.

        Raises
        ------
        Refused
            If it has ended.
        """
        if not order.is_open:
            raise Refused(Refusal.UNKNOWN_ORDER)
        self._withdraw(order, State.CANCELED, why)

    def cancel_all(
        self, account: str, symbol: str | None = None, why: Why = Why.REQUEST
    ) -> list[Order]:
        """End all open orders, of one symbol or of all; return them."""
        found = self.open_orders(account, symbol)
        for order in found:
            self._withdraw(order, State.CANCELED, why)
        return found

    def stillborn(
        self,
        account: str,
        ticket: Ticket,
        why: Why = Why.POST_ONLY,
        state: State = State.CANCELED,
    ) -> Order:
        """Take an order that ends at once, where a venue says no by an event and not by an answer.

        It is told as new and then as ended.
        """
        now = self._clock_ns()
        self._number += 1
        price = ticket.price or 0
        order = Order(self._number, account, ticket, price, ticket.quantity, now, now)
        self._remember(order)
        self._tell(Kind.NEW, order)
        self._end(order, state, why)
        return order

    def dead_man(self, account: str, symbol: str | None, timeout_ns: int) -> None:
        """Cancel all of a symbol, or of the account, after this time unless set anew; 0: never."""
        self._dead_men.pop((account, symbol), None)
        if timeout_ns > 0:
            self._dead_men[account, symbol] = self._steady_ns() + timeout_ns

    def dead_man_left_ns(self, account: str, symbol: str | None) -> int:
        """Return how long a timer still runs; 0: it does not."""
        at = self._dead_men.get((account, symbol))
        return 0 if at is None else max(at - self._steady_ns(), 1)

    def transfer(self, account: str, asset: str, amount: int) -> None:
        """Put an amount into an account, or take it out."""
        self.accounts.by_name[account].change(asset, amount)
        self._tell(
            Kind.BALANCES,
            None,
            account=account,
            why=Why.TRANSFER,
            quantity=amount,
            assets=(asset,),
        )

    def coarsen(self, factor: int = 10) -> None:
        """Let ticks and lots be so many times what they were; open orders stay."""
        for symbol, rules in self.rules.items():
            self.rules[symbol] = replace(rules, tick=rules.tick * factor, lot=rules.lot * factor)

    def fund(self, symbol: str, rate_pips: int) -> None:
        """Let longs pay shorts 10⁻⁶ · rate of their positions at the touch's middle."""
        for account in self.accounts.by_name.values():
            if self.ledger.fund(account, symbol, rate_pips):
                assets = (self.rules[symbol].quote,)
                self._tell(
                    Kind.BALANCES,
                    None,
                    account=account.name,
                    why=Why.FUNDING,
                    assets=assets,
                    symbols=(symbol,),
                )

    def happened(self, market: Market) -> None:
        """Let a market's last event reach the orders that wait in it."""
        matcher = self._matchers.get(market.symbol)
        if matcher is None:
            return
        if self._decimals[market.symbol] != market.book.price_decimals:
            self._refine(market)
            return
        for _, bought, price, quantity in market.made:
            self._apply(market.symbol, matcher.trade(bought, price, quantity))
        for bid, price, quantity in market.changes:
            self._apply(market.symbol, matcher.level(bid, price, quantity))
        if market.depth:
            matcher.cut(market.depth)

    def beat(self) -> None:
        """Let time pass: timers that ran out, orders whose time is over."""
        now, steady = self._clock_ns(), self._steady_ns()
        for (account, symbol), at in list(self._dead_men.items()):
            if steady >= at:
                del self._dead_men[account, symbol]
                self.cancel_all(account, symbol, Why.DEAD_MAN)
        for order in list(self._resting.values()):
            if order.ticket.tif is Tif.GTD and order.is_open and now >= order.ticket.expires_ns:
                self._withdraw(order, State.EXPIRED, Why.TIME)

    def _check(self, owner: Account, ticket: Ticket) -> int:
        """Return the worst price at which an order may trade; 0: there is nobody to trade with."""
        self.rule(ticket.symbol)
        self._check_trading(owner)
        previous = self._by_client.get((owner.name, ticket.client_id))
        if ticket.client_id and previous is not None and previous.is_open:
            raise Refused(Refusal.DUPLICATE_ID)
        if ticket.tif is Tif.GTD and ticket.expires_ns <= self._clock_ns():
            raise Refused(Refusal.EXPIRY)
        book = self.markets[ticket.symbol].book
        limit = worst_price(book, ticket.bid) if ticket.price is None else ticket.price
        if ticket.quote and not ticket.quantity:
            ticket.quantity = self.ledger.affordable(ticket.symbol, ticket.bid, ticket.quote)
        worth = 0 if ticket.reduce_only else limit  # what only reduces may be as small as one likes
        self._check_filters(ticket.symbol, ticket.bid, ticket.price, worth, ticket.quantity)
        matcher = self._matcher(ticket.symbol)
        most_open = self.rules[ticket.symbol].most_open
        if len(self.open_orders(owner.name, ticket.symbol)) >= most_open:
            raise Refused(Refusal.TOO_MANY)
        if len(matcher) >= MOST_RESTING:
            raise Refused(Refusal.TOO_MANY)
        if ticket.post_only and matcher.available(ticket.bid, limit, 1):
            raise Refused(Refusal.POST_ONLY)
        number = self.accounts.number(owner.name)
        if ticket.tif is Tif.FOK and ticket.quantity > matcher.available(
            ticket.bid, limit or 1, ticket.quantity, number
        ):
            raise Refused(Refusal.FILL_OR_KILL)
        return limit

    def _check_trading(self, owner: Account) -> None:
        if self.halted:
            raise Refused(Refusal.HALTED)
        if owner.frozen:
            raise Refused(Refusal.PERMISSION)

    def _check_filters(
        self, symbol: str, bid: bool, price: int | None, limit: int, quantity: int
    ) -> None:
        rules, book = self.rules[symbol], self.markets[symbol].book
        if price is not None:
            check_price(rules, book, bid, price)
        check_size(rules, quantity)
        if limit and self.ledger.amount(symbol, limit, quantity) < rules.min_notional:
            raise Refused(Refusal.NOTIONAL_FILTER)

    def _matcher(self, symbol: str) -> Matcher:
        found = self._matchers.get(symbol)
        if found is None:
            found = self._matchers[symbol] = self._made(self.markets[symbol])
        return found

    def _made(self, market: Market) -> Matcher:
        """Return a matcher that knows the market's book, and none of our orders."""
        matcher = Matcher(self.model, exponent=self.exponent)
        self._decimals[market.symbol] = market.book.price_decimals
        for bid in (BID, ASK):
            for price, quantity in market.book.best(bid):
                matcher.level(bid, price, quantity)
        return matcher

    def _refine(self, market: Market) -> None:
        """Let prices have more decimals, as the market's now do; all queues begin anew."""
        factor = 10 ** (market.book.price_decimals - self._decimals[market.symbol])
        matcher = self._matchers[market.symbol] = self._made(market)
        mine = [each for each in self._resting.values() if each.symbol == market.symbol]
        for order in mine:
            del self._resting[order.symbol, order.place]
        for account in self.accounts.by_name.values():
            account.position(market.symbol).cost *= factor
        for order in mine:
            order.price, order.value = order.price * factor, order.value * factor
            number = self.accounts.number(order.account)
            self._placed(order, matcher.place(number, order.bid, order.price, order.left))

    def _placed(self, order: Order, placed: Placed) -> None:
        order.place = placed.place
        if placed.rests:
            self._resting[order.symbol, placed.place] = order
        self._apply(order.symbol, placed.matches, order)
        if order.is_open and not placed.rests:
            self._end(order, State.EXPIRED, Why.IMMEDIATE)

    def _apply(
        self, symbol: str, matches: Iterable[OrderMatch], taker: Order | None = None
    ) -> None:
        traded: set[str] = set()
        for match in matches:
            taking = taker is not None and not match.maker
            order = taker if taking else self._resting[symbol, match.place]
            assert order is not None
            if match.kind == MatchKind.FILL:
                self._fill(order, match)
                traded.add(order.account)
            elif match.kind == MatchKind.PREVENTED:
                order.quantity -= match.quantity
                order.updated_ns = self._clock_ns()
                if match.left:
                    self._tell(Kind.PREVENTED, order, quantity=match.quantity)
                else:
                    order.quantity += match.quantity
                    self._end(order, State.EXPIRED, Why.PREVENTION)
            else:
                self._end(order, State.EXPIRED, Why.PREVENTION)
        for account in sorted(traded) if self.futures else ():
            self._reduce(self.accounts.by_name[account], symbol)

    def _fill(self, order: Order, match: OrderMatch) -> None:
        owner = self.accounts.by_name[order.account]
        if not match.maker or match.other < 0:  # otherwise its taker's side was told just before
            self._trade += 1
        now = self._clock_ns()
        order.filled += match.quantity
        order.value += match.price * match.quantity
        order.updated_ns = now
        if not order.left:
            order.state = State.FILLED
        settled = self.ledger.settle(owner, order, match.price, match.quantity, maker=match.maker)
        order.fee += settled.fee
        order.trades += 1
        trade = Trade(
            self._trade,
            order,
            match.price,
            match.quantity,
            match.maker,
            settled.fee,
            settled.fee_asset,
            settled.realised,
            now,
        )
        self.trades.append(trade)
        if not order.is_open:
            self._forget(order)
        self._tell(Kind.TRADE, order, trade=trade)
        symbols = (order.symbol,) if self.futures else ()
        self._tell(Kind.BALANCES, order, assets=settled.assets, symbols=symbols)

    def _reduce(self, owner: Account, symbol: str) -> None:
        """End reduce-only orders of a position that has nothing left to reduce."""
        held = owner.position(symbol).quantity
        for order in self.open_orders(owner.name, symbol):
            if order.ticket.reduce_only and (held >= 0 if order.bid else held <= 0):
                self._withdraw(order, State.EXPIRED, Why.REDUCE_ONLY)

    def _withdraw(self, order: Order, state: State, why: Why) -> None:
        if self._rests(order):
            self._matchers[order.symbol].cancel(order.place)
        self._end(order, state, why)

    def _end(self, order: Order, state: State, why: Why) -> None:
        order.state, order.why, order.updated_ns = state, why, self._clock_ns()
        self.ledger.release(self.accounts.by_name[order.account], order)
        self._forget(order)
        self._tell(Kind.CANCELED if state is State.CANCELED else Kind.EXPIRED, order, why=why)
        self._tell_locked(order)

    def _tell_locked(self, order: Order) -> None:
        """Of spot, what an order locks has changed."""
        if not self.futures:
            self._tell(Kind.BALANCES, order, assets=(self.ledger.spends(order),))
