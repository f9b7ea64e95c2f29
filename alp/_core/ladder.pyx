"""The difference between the quotes that are wanted and the orders that rest.

Python's way to ``ladder_diff``; a compiled handler goes there directly.
"""

from enum import IntEnum
from typing import NamedTuple

from libc.stdlib cimport calloc, free

from alp._core.ladder_diff cimport (
    CROSSING_CLAMP,
    CROSSING_SKIP,
    LADDER_TOO_MANY,
    LESS_KEEPS_PLACE,
    MAY_LESS,
    MAY_MORE,
    MAY_PRICE,
    MOST_COST,
    MOST_QUOTES,
    MOST_RESTING,
    MOST_STEPS,
    Change,
    CostSteps,
    LadderMarket,
    LadderRules,
    LadderWork,
    Quote,
    Resting,
    ladder_diff,
)
from alp._core.order_life cimport (
    MOST_AMENDS,
    STATE_ACKED,
    STATE_PARTIALLY_FILLED,
    Amend,
    OrderLife,
    life_has_place,
)
from alp._core.order_store cimport BUY, SELL, Order, Orders, largest
from alp._core.orders cimport OrderTable
from alp._core.uint256 cimport i64

from alp._core.orders import OrderError

class Crossing(IntEnum):
    """What becomes of a quote that would take liquidity, since post-only would be refused."""

    CLAMP = CROSSING_CLAMP
    SKIP = CROSSING_SKIP


class AmendBits(NamedTuple):
    """What the venue's amend may do; ``keeps_place`` is of an amend to less at the same price."""

    price: bool = False
    more: bool = False
    less: bool = False
    keeps_place: bool = False


class LadderOptions(NamedTuple):
    """How quotes are followed.

    ``amend_cost`` and ``cancel_cost`` are ``(age_ns, cost)`` with rising ages: what a message costs
    of the venue's counter for an order younger than that, the last for any older one (its age does
    not count). A cost is at most 255.
    """

    amend: AmendBits = AmendBits()
    crossing: Crossing = Crossing.CLAMP
    price_tolerance: int = 0
    quantity_tolerance: int = 0
    new_cost: int = 0
    amend_cost: tuple[tuple[int, int], ...] = ()
    cancel_cost: tuple[tuple[int, int], ...] = ()


class QuoteFields(NamedTuple):
    """A quote that is wanted: side 1 buys, -1 sells; ticks, and lots that shall rest."""

    side: int
    price: int
    quantity: int


class RestingFields(NamedTuple):
    """An order that rests, or may: with a command under way it may be from ``low`` to ``high``."""

    side: int
    price: int
    rest: int
    filled: int = 0
    age_ns: int = 0
    blocked: bool = False
    amendable: bool = True
    low: int = 0
    high: int = 0


class ChangeFields(NamedTuple):
    """A command to be sent: of which order, by its index or client id; None for a new one."""

    action: int
    order: int | str | None
    side: int
    price: int
    quantity: int


class LadderAnswer(NamedTuple):
    """The commands in the order to be sent, and what they cost."""

    changes: list[ChangeFields]
    messages: int
    places_lost: int
    cost: int
    deferred: int
    skipped: int


class LadderError(ValueError):
    """Quotes that nobody can want, or more than there is room for."""


cdef int _read_steps(CostSteps* steps, object given) except -1:
    cdef int at
    cdef i64 last = -1
    if len(given) > MOST_STEPS + 1:
        raise LadderError(f"{len(given)} steps of a cost; {MOST_STEPS + 1} at most")
    steps.count = max(<int>len(given) - 1, 0)
    for at, (age_ns, cost) in enumerate(given):
        if not 0 <= cost <= MOST_COST or (at < steps.count and age_ns <= last):
            raise LadderError(f"no cost by age: {given}")
        if at < steps.count:
            last = steps.below_ns[at] = age_ns
            steps.cost[at] = cost
        else:
            steps.after = cost
    return 0


cdef void _span(const OrderLife* life, i64* low, i64* high) noexcept nogil:
    """The lowest and the highest price that an order may rest at."""
    cdef int at
    cdef const Amend* amend
    low[0] = min(min(life.open_price, life.touch_price), life.price_now)
    high[0] = max(max(life.open_price, life.touch_price), life.price_now)
    for at in range(MOST_AMENDS):
        amend = &life.amends[at]
        if (
            amend.command > life.found_command and amend.price
            and not amend.acked and not amend.refused
        ):
            low[0] = min(low[0], amend.price)
            high[0] = max(high[0], amend.price)


cdef class Ladder:
    """Finds the commands that lead from what rests to what is wanted, of one account.

    Parameters
    ----------
    options
        A ``LadderOptions``.
    orders
        The account's table, for :meth:`follow`.

    Raises
    ------
    LadderError
        If the options cannot be.
    """

    def __cinit__(self, options, OrderTable orders=None):
        cdef LadderRules* rules = &self.rules
        bits = (MAY_PRICE, MAY_MORE, MAY_LESS, LESS_KEEPS_PLACE)
        rules.amend = sum([bit for bit, may in zip(bits, options.amend, strict=True) if may])
        rules.crossing = Crossing(options.crossing)
        rules.price_tolerance = options.price_tolerance
        rules.quantity_tolerance = options.quantity_tolerance
        rules.new_cost = options.new_cost
        if (
            not 0 <= rules.price_tolerance <= largest()
            or not 0 <= rules.quantity_tolerance <= largest()
            or not 0 <= rules.new_cost <= MOST_COST
        ):
            raise LadderError(f"no options: {options}")
        _read_steps(&rules.amend_cost, options.amend_cost)
        _read_steps(&rules.cancel_cost, options.cancel_cost)
        self.orders = orders
        self.work = <LadderWork*>calloc(1, sizeof(LadderWork))
        self.since_ns = <i64*>calloc(1 if orders is None else orders.orders.capacity, sizeof(i64))
        if self.work == NULL or self.since_ns == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.work)
        free(self.since_ns)

    cdef int gather(self, int instrument, i64 now_ns) noexcept nogil:
        cdef Orders* orders = &self.orders.orders
        cdef const Order* order
        cdef Resting* rest
        cdef int side, at
        cdef int count = 0
        for side in range(2):
            at = orders.books[instrument].first[side]
            while at >= 0:
                if count == 2 * MOST_RESTING:
                    return LADDER_TOO_MANY
                order = &orders.orders[at]
                rest = &self.found[count]
                rest.price, rest.filled = order.life.price_now, order.life.filled
                rest.side, rest.place, rest.age_ns = order.life.side, at, now_ns - self.since_ns[at]
                rest.blocked = (
                    order.life.state != STATE_ACKED and order.life.state != STATE_PARTIALLY_FILLED
                )
                rest.low = rest.high = rest.price
                if rest.blocked:
                    _span(&order.life, &rest.low, &rest.high)
                rest.rest = order.life.open_quantity
                rest.amendable = life_has_place(&order.life)
                count += 1
                at = order.next
        return count

    def since(self, client_id, i64 at_ns):
        """Say when an order was placed or amended: what it costs depends on its age."""
        if self.orders is None:
            raise LadderError("this ladder has no table of orders")
        self.since_ns[self.orders._place(client_id)] = at_ns

    def follow(
        self, int instrument, quotes, *, i64 now_ns, i64 bid=0, i64 ask=0,
        i64 room_buy=1 << 60, i64 room_sell=1 << 60, i64 budget=1 << 60
    ):
        """Return the commands for the orders of an instrument in the table; see :meth:`diff`."""
        cdef int count
        if self.orders is None:
            raise LadderError("this ladder has no table of orders")
        if not 0 <= instrument < self.orders.orders.instruments:
            raise OrderError(f"there is no instrument {instrument}")
        count = self.gather(instrument, now_ns)
        answer = self._answer(quotes, count, bid, ask, room_buy, room_sell, budget)
        places = [self.found[at].place for at in range(count)]
        ids = [
            self.orders.orders.orders[<int>place].client_id[:24].rstrip(b"\0").decode()
            for place in places
        ]
        return answer._replace(
            changes=[
                change if change.order is None else change._replace(order=ids[change.order])
                for change in answer.changes
            ]
        )

    def diff(
        self, quotes, resting, *, i64 bid=0, i64 ask=0, i64 room_buy=1 << 60,
        i64 room_sell=1 << 60, i64 budget=1 << 60
    ):
        """Return the commands that lead from the orders that rest to the quotes.

        Parameters
        ----------
        quotes, resting
            Rows of ``QuoteFields`` and of ``RestingFields``.
        bid, ask
            The best prices of others, 0 where there are none.
        room_buy, room_sell
            Lots that may be open at most on each side, orders with an unknown end included.
        budget
            What may be spent on changes that do not lower the risk.

        Raises
        ------
        LadderError
            If a quote cannot be, buys meet sells, or there are too many.
        """
        cdef int count = 0
        cdef Resting* order
        if len(resting) > 2 * MOST_RESTING:
            raise LadderError(f"{len(resting)} orders are too many")
        for each in resting:
            order = &self.found[count]
            order.side, order.price, order.rest, order.filled, order.age_ns = each[:5]
            order.blocked, order.amendable = each.blocked, each.amendable
            order.low, order.high = each.low or each.price, each.high or each.price
            order.place = -1
            count += 1
        return self._answer(quotes, count, bid, ask, room_buy, room_sell, budget)

    def _answer(
        self, quotes, int count, i64 bid, i64 ask, i64 room_buy, i64 room_sell, i64 budget
    ):
        cdef Quote wanted[2 * MOST_QUOTES]
        cdef LadderMarket market
        cdef int quoted = 0
        cdef int found
        cdef int at
        cdef const Change* change
        if len(quotes) > 2 * MOST_QUOTES or count < 0:
            raise LadderError(f"{len(quotes)} quotes, {count} orders: too many")
        for side, price, quantity in quotes:
            wanted[quoted].side, wanted[quoted].price = side, price
            wanted[quoted].quantity = quantity
            quoted += 1
        market.bid, market.ask, market.budget = bid, ask, budget
        market.room[BUY], market.room[SELL] = room_buy, room_sell
        with nogil:
            found = ladder_diff(
                self.work, &self.rules, &market, wanted, quoted, self.found, count
            )
        if found < 0:
            raise LadderError(
                "more than one side has room for" if found == LADDER_TOO_MANY
                else f"quotes that cannot be: {list(quotes)}"
            )
        changes = []
        for at in range(found):
            change = &self.work.changes[at]
            changes.append(
                ChangeFields(
                    change.action, None if change.resting < 0 else change.resting, change.side,
                    change.price, change.quantity,
                )
            )
        counts = self.work.counts
        return LadderAnswer(
            changes, counts.messages, counts.lost, counts.cost, counts.deferred, counts.skipped
        )
