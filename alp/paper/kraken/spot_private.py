"""What Kraken's clients may do with an account, spot: the same by REST and by WebSocket.

Who asks is found out by the callers; here orders are placed, changed and ended by the venue's rules
and counted by its counters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from alp.paper.accounts import ApiKey
from alp.paper.asked import steps, whether
from alp.paper.desk import Desk
from alp.paper.kraken.names import name_of, number_of
from alp.paper.kraken.rates import INTERMEDIATE, Decaying, PairCounters, Tier
from alp.paper.kraken.spot_executions import AMEND, ORDER
from alp.paper.kraken.spot_requests import (
    FEWEST_IN_BATCH,
    MOST_IN_BATCH,
    check_deadline,
    price_of,
    quantity_of,
    ticket_of,
)
from alp.paper.market import MILLISECOND, Market
from alp.paper.orders import COIN, Order, Refusal, Refused, Rules, Said, Ticket, Why
from alp.paper.protocol import stamp

ORDER_MINIMUM, ORDER_MINIMUM_DECIMALS = 2, 3
"""In the base currency: 0.002."""
COST_MINIMUM = COIN // 2
SECOND = 10**9
TOKEN_NS = 900 * SECOND
"""Within which a token must be used."""
MOST_TIMEOUT_S = 86_400


def rules_of(market: Market, tier: Tier = INTERMEDIATE) -> Rules:
    """Return what is allowed in a market."""
    base, _, quote = market.symbol.partition("/")
    decimals = market.book.quantity_decimals
    least = -(-ORDER_MINIMUM * 10**decimals // 10**ORDER_MINIMUM_DECIMALS)
    return Rules(
        base,
        quote,
        min_quantity=max(1, least),
        min_notional=COST_MINIMUM,
        most_open=tier.open_orders,
    )


class KrakenSpotTrading:
    """Orders and counters of all accounts.

    Parameters
    ----------
    now_ns
        The venue's time.

    Attributes
    ----------
    post_only_in_reply
        Whether a post-only order that would take is refused in the answer; otherwise it is accepted
        and then canceled, as the venue mostly does.
    """

    def __init__(
        self,
        desk: Desk,
        markets: Mapping[str, Market],
        now_ns: Callable[[], int],
        tier: Tier = INTERMEDIATE,
    ) -> None:
        self.desk = desk
        self.markets = markets
        self.now_ns = now_ns
        self.post_only_in_reply = False
        self._tier = tier
        self._counters: dict[str, PairCounters] = {}
        self._requests: dict[str, Decaying] = {}
        self._tokens: dict[str, tuple[str, ApiKey, int]] = {}
        self._amends = 0

    @property
    def most_rate(self) -> int:
        """What no counter of orders may pass."""
        return self._tier.orders

    def counters(self, account: str) -> PairCounters:
        """Return an account's counters of orders."""
        return self._counters.setdefault(account, PairCounters(self._tier))

    def request_allowed(self, key: str, points: int) -> bool:
        """Count a request by REST that is no order; return whether it may go on."""
        if key not in self._requests:
            self._requests[key] = Decaying(self._tier.requests, self._tier.requests_fall)
        return self._requests[key].take(100 * points, self.now_ns())

    # Tokens

    def issue(self, account: str, key: ApiKey) -> str:
        """Return a new token of a key."""
        token = f"T{len(self._tokens):04}{name_of('T', self.now_ns()).replace('-', '')}"
        self._tokens[token] = account, key, self.now_ns()
        return token

    def owner(self, token: object, used: set[str]) -> tuple[str, ApiKey]:
        """Return whose token it is, and of which key.

        Parameters
        ----------
        used
            Tokens that this connection has used: they stay good.

        Raises
        ------
        Refused
            If it is nobody's, was not used in time, or its key was revoked.
        """
        found = self._tokens.get(token) if isinstance(token, str) else None
        if found is None or found[1].revoked:
            raise Said("ESession:Invalid session")
        account, key, issued_ns = found
        if token not in used and self.now_ns() - issued_ns > TOKEN_NS:
            raise Said("ESession:Invalid session")
        used.add(str(token))
        return account, key

    # Orders

    def place(self, account: str, params: Mapping[str, Any], *, of_batch: bool = False) -> Order:
        """Take a new order.

        Raises
        ------
        Refused
            If the venue does not.
        """
        ticket = self.ticket(account, params)
        if not of_batch and not self.counters(account).place(ticket.symbol, self.now_ns()):
            raise Refused(Refusal.RATE)
        return self._placed(account, ticket)

    def ticket(self, account: str, params: Mapping[str, Any]) -> Ticket:
        """Read an order without taking it, as a client does who wants it validated.

        Raises
        ------
        Refused
            If the venue would not take it.
        """
        ticket = ticket_of(params, self.markets, self.now_ns())
        previous = self.desk.order(account, client_id=ticket.client_id)
        if ticket.client_id and previous is not None and previous.is_open:
            raise Refused(Refusal.DUPLICATE_ID)
        if ticket.quantity > self.desk.rule(ticket.symbol).max_quantity:
            raise Said("EGeneral:Invalid arguments:volume")
        ticket.notes["stood_ns"] = self.now_ns()
        return ticket

    def _placed(self, account: str, ticket: Ticket) -> Order:
        try:
            return self.desk.place(account, ticket)
        except Refused as refused:
            ends = {Refusal.POST_ONLY: Why.POST_ONLY, Refusal.FILL_OR_KILL: Why.IMMEDIATE}
            why = ends.get(refused.reason)
            if why is None or (why is Why.POST_ONLY and self.post_only_in_reply):
                raise
        ticket.notes["stillborn"] = True
        return self.desk.stillborn(account, ticket, why)

    def place_batch(
        self, account: str, symbol: object, rows: object, validate: bool
    ) -> list[Order | Refused | None]:
        """Take orders of one product; each is taken or not by itself.

        Raises
        ------
        Refused
            If one of them could not be an order, or there are too many or too few: none is taken.
        """
        if not isinstance(rows, list) or not FEWEST_IN_BATCH <= len(rows) <= MOST_IN_BATCH:
            raise Said("EGeneral:Invalid arguments:orders")
        wanted = [{**each, "symbol": symbol} for each in rows if isinstance(each, dict)]
        if len(wanted) != len(rows):
            raise Said("EGeneral:Invalid arguments:orders")
        tickets = [self.ticket(account, each) for each in wanted]
        if validate:
            return [None] * len(tickets)
        if not self.counters(account).place(str(symbol), self.now_ns(), orders=len(tickets)):
            raise Refused(Refusal.RATE)
        return [self._tried(account, each) for each in tickets]

    def _tried(self, account: str, ticket: Ticket) -> Order | Refused:
        try:
            return self._placed(account, ticket)
        except Refused as refused:
            return refused

    def find(self, account: str, kind: str, name: str) -> Order:
        """Return an order by one of its names.

        Raises
        ------
        Refused
            If it is none of the account's.
        """
        found: Order | None = None
        if kind == "order_id":
            number = number_of(ORDER, name)
            found = self.desk.order(account, number=number) if number is not None else None
        elif kind == "cl_ord_id":
            found = self.desk.order(account, client_id=name)
        if found is None:
            raise Refused(Refusal.UNKNOWN_ORDER)
        return found

    def named(self, account: str, kind: str, name: str) -> list[Order]:
        """Return orders of a name; a number of its owner's may be of several that are open.

        Raises
        ------
        Refused
            If there is none.
        """
        if kind != "order_userref":
            return [self.find(account, kind, name)]
        opened = self.desk.open_orders(account)
        found = [each for each in opened if str(each.ticket.notes.get("userref", 0)) == name]
        if not found:
            raise Refused(Refusal.UNKNOWN_ORDER)
        return found

    def amend(self, account: str, order: Order, params: Mapping[str, Any]) -> str:
        """Change an order in its place; return the amend's name.

        Raises
        ------
        Refused
            If it stays as it is.
        """
        now = self.now_ns()
        check_deadline(params.get("deadline"), now)
        if not order.is_open:
            raise Refused(Refusal.UNKNOWN_ORDER)
        market = self.markets[order.symbol]
        price, quantity = params.get("limit_price"), params.get("order_qty")
        if price is None and quantity is None:
            raise Said("EGeneral:Invalid arguments")
        new_price = order.price if price is None else price_of(price, market)
        new_quantity = order.quantity if quantity is None else quantity_of(quantity, market)
        if not self.counters(account).amend(order.symbol, self.age_ns(order), now):
            raise Refused(Refusal.RATE)
        post_only = whether(params.get("post_only"))
        if post_only and self.desk.would_take(order, new_price):
            raise Refused(Refusal.POST_ONLY)
        if (new_price, new_quantity) != (order.price, order.quantity):
            self._amended(order, new_price, new_quantity)
        order.ticket.notes["stood_ns"] = now
        self._amends += 1
        return name_of(AMEND, self._amends)

    def _amended(self, order: Order, price: int, quantity: int) -> None:
        """Amend; whether it may take is said by the amend and not by what the order was once."""
        was, order.ticket.post_only = order.ticket.post_only, False
        try:
            self.desk.amend(order, price=price, quantity=quantity, keep=True)
        finally:
            order.ticket.post_only = was

    def age_ns(self, order: Order) -> int:
        """Return how long an order has stood since it was placed or amended."""
        return self.now_ns() - int(order.ticket.notes["stood_ns"])

    def edit(self, account: str, order: Order, params: Mapping[str, Any]) -> Order:
        """End an order and place another like it; return that.

        Raises
        ------
        Refused
            If the old one stays; or the new one is not taken, and the old one is gone.
        """
        now = self.now_ns()
        if not order.is_open:
            raise Refused(Refusal.UNKNOWN_ORDER)
        market, old = self.markets[order.symbol], order.ticket
        asked = {
            "symbol": order.symbol,
            "side": "buy" if order.bid else "sell",
            "order_type": "limit",
            "order_qty": market.book.quantity(order.quantity),
            "limit_price": market.book.price(order.price),
            "post_only": old.post_only,
            "order_userref": old.notes.get("userref", 0),
        }
        ticket = self.ticket(
            account, asked | {name: params[name] for name in asked if name in params}
        )
        if not self.counters(account).edit(order.symbol, self.age_ns(order), now):
            raise Refused(Refusal.RATE)
        self.desk.cancel(order)
        return self._placed(account, ticket)

    def cancel(self, account: str, order: Order) -> None:
        """End an order.

        Raises
        ------
        Refused
            If it has ended.
        """
        if not order.is_open:
            raise Refused(Refusal.UNKNOWN_ORDER)
        self.counters(account).cancel(order.symbol, self.age_ns(order), self.now_ns())
        self.desk.cancel(order)

    def dead_man(self, account: str, timeout: object) -> dict[str, str]:
        """Set the account's timer, seconds, or end it with 0; return what the venue says of it.

        Raises
        ------
        Refused
            If it is none.
        """
        seconds = steps(timeout, 0)
        if seconds is None or not 0 <= seconds <= MOST_TIMEOUT_S:
            raise Said("EGeneral:Invalid arguments:timeout")
        self.desk.dead_man(account, None, seconds * SECOND)
        now = self.now_ns()
        ends = _seconds(now + seconds * SECOND) if seconds else "0"
        return {"currentTime": _seconds(now), "triggerTime": ends}


def _seconds(at_ns: int) -> str:
    return stamp(at_ns // MILLISECOND)[:19] + "Z"
