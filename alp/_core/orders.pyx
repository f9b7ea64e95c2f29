"""The table of an account's orders, and what those that are open may at worst do to its positions.

Python's way to what ``order_store`` keeps; the compiled gate and handlers go there directly.
"""

from typing import NamedTuple

from libc.string cimport memcmp, memcpy, memset

from alp._core.order_life cimport (
    NO_QUANTITY,
    LifeEvent,
    is_terminal,
    life_has_place,
    life_wants_query,
)
from alp._core.order_store cimport (
    BUY,
    ID_IN_USE,
    IMPOSSIBLE,
    MOST_VENUE_IDS,
    NEWS,
    NO_ROOM,
    REPEATED,
    SELL,
    STRANGER,
    TABLE_FULL,
    GroupBook,
    InstrumentBook,
    Order,
    Orders,
    VenueId,
    hash_bytes,
    largest,
    orders_apply,
    orders_by_client,
    orders_by_venue,
    orders_create,
    orders_destroy,
    orders_open,
    orders_release,
)
from alp._core.uint256 cimport i64, i128, u64
from alp._core.wire cimport CLIENT_ID, VENUE_ID

from alp._core.order_life import Contradiction, OrderState, RejectReason

OUTCOME_NEWS = NEWS
OUTCOME_REPEATED = REPEATED
OUTCOME_STRANGER = STRANGER
OUTCOME_IMPOSSIBLE = IMPOSSIBLE
OUTCOME_NO_ROOM = NO_ROOM
LARGEST = largest()

class OrderError(ValueError):
    """An order that cannot be kept, or one that is not there."""


class OrderFields(NamedTuple):
    """One order as it is known; ``open_quantity`` and ``open_price`` are the worst that may be."""

    client_id: str
    venue_id: str
    instrument: int
    side: int
    state: OrderState
    reason: RejectReason
    contradictions: Contradiction
    price: int
    quantity: int
    filled: int
    open_quantity: int
    open_price: int
    wants_query: bool


class ExposureFields(NamedTuple):
    """An instrument's position in lots, and what is open at worst; notional in ticks times lots."""

    position: int
    buy_quantity: int
    sell_quantity: int
    buy_notional: int
    sell_notional: int


class CombinedFields(NamedTuple):
    """A group's position, with what is held elsewhere, and what is open at worst, in its unit."""

    net: int
    buy_quantity: int
    sell_quantity: int


cdef object _wide(i128 value):
    return ((<object><i64>(value >> 64)) << 64) | <object><u64>value


cdef int _put_id(char* to, int room, object text) except -1:
    cdef bytes raw = text.encode("ascii")
    if len(raw) > room:
        raise OrderError(f"the id {text!r} is longer than {room} characters")
    memset(to, 0, room)
    memcpy(to, <const char*>raw, len(raw))
    return 0


cdef object _get_id(const char* at, int room):
    cdef int length = 0
    while length < room and at[length]:
        length += 1
    return at[:length].decode("ascii", "backslashreplace")


cdef object _fields(const Order* order):
    cdef const VenueId* now = NULL
    cdef int which
    for which in range(MOST_VENUE_IDS):
        if order.ids[which].hash and not order.ids[which].replaced and (
            now == NULL or memcmp(order.ids[which].text, now.text, VENUE_ID) > 0
        ):
            now = &order.ids[which]
    return OrderFields(
        _get_id(order.client_id, CLIENT_ID), "" if now == NULL else _get_id(now.text, VENUE_ID),
        order.instrument, order.life.side, OrderState(order.life.state),
        RejectReason(order.life.reason), Contradiction(order.life.flags), order.life.price_now,
        order.life.quantity_now, order.life.filled, order.life.open_quantity,
        order.life.open_price, bool(life_wants_query(&order.life)),
    )


cdef class OrderTable:
    """An account's orders and exposures.

    Parameters
    ----------
    instruments
        For each instrument by its index: its group, and how many of the group's units a lot is.
    capacity
        Orders at a time, ended ones that were not released included.
    trades
        Trades remembered of them, so that none counts twice.

    Raises
    ------
    OrderError
        If a number is out of range.
    """

    def __cinit__(self, instruments, int capacity=1024, int trades=16384):
        cdef Orders* orders = &self.orders
        cdef int i
        rows = [(int(group), int(unit)) for group, unit in instruments]
        if not rows or not 0 < capacity <= 1 << 20 or not 0 < trades <= 1 << 24:
            raise OrderError(f"{len(rows)} instruments, {capacity} orders, {trades} trades")
        for group, unit in rows:
            if not 0 <= group < 1 << 16 or not 0 < unit <= largest():
                raise OrderError(f"group {group} with {unit} units in a lot")
        groups = max([group for group, _ in rows]) + 1
        if orders_create(orders, capacity, trades, <int>len(rows), groups):
            raise MemoryError
        for i in range(orders.instruments):
            orders.books[i].group, orders.books[i].unit = rows[i]

    def __dealloc__(self):
        orders_destroy(&self.orders)

    cdef int _place(self, object client_id) except -1:
        cdef char text[CLIENT_ID]
        cdef int place
        _put_id(text, CLIENT_ID, client_id)
        place = orders_by_client(&self.orders, text)
        if place < 0:
            raise OrderError(f"there is no order {client_id!r}")
        return place

    def open(self, client_id, int instrument, int side, i64 price, i64 quantity):
        """Begin an order: it counts from now on, sent or not.

        Raises
        ------
        OrderError
            If its terms are out of range, its id is in use, or the table is full.
        """
        cdef char text[CLIENT_ID]
        cdef int place
        _put_id(text, CLIENT_ID, client_id)
        place = orders_open(&self.orders, text, instrument, side, price, quantity)
        if place == ID_IN_USE:
            raise OrderError(f"the id {client_id!r} is in use")
        if place == TABLE_FULL:
            raise OrderError(f"{self.orders.capacity} orders are all there is room for")
        if place < 0:
            raise OrderError(
                f"no order: instrument {instrument}, side {side}, {quantity} lots at {price}"
            )

    def apply(
        self, client_id, int kind, *, i64 at_ns=0, unsigned int command=0, i64 price=0,
        i64 quantity=0, i64 cumulative=NO_QUANTITY, trade_id="", int reason=0, venue_id="",
        replaced=""
    ):
        """Take in what happened to an order, and return what it was: one of ``OUTCOME_``.

        A fill names its trade by ``trade_id``; an amend's ``quantity`` is the new total.
        """
        cdef LifeEvent event
        cdef char text[CLIENT_ID]
        cdef bytes trade = trade_id.encode()
        cdef int outcome
        memset(&event, 0, sizeof(LifeEvent))
        _put_id(text, CLIENT_ID, client_id)
        _put_id(event.venue_id, VENUE_ID, venue_id)
        _put_id(event.replaced, VENUE_ID, replaced)
        event.kind, event.command, event.at_ns = kind, command, at_ns
        event.price, event.quantity, event.cumulative = price, quantity, cumulative
        event.reason = <unsigned char>reason
        if trade:
            event.trade = hash_bytes(trade, <int>len(trade))
        with nogil:
            outcome = orders_apply(&self.orders, orders_by_client(&self.orders, text), &event)
        return outcome

    def find(self, venue_id):
        """Return our id of the order that the venue calls so, or called so, or None."""
        cdef char text[VENUE_ID]
        cdef int place
        _put_id(text, VENUE_ID, venue_id)
        place = orders_by_venue(&self.orders, text)
        return None if place < 0 else _get_id(self.orders.orders[place].client_id, CLIENT_ID)

    def __contains__(self, client_id):
        cdef char text[CLIENT_ID]
        _put_id(text, CLIENT_ID, client_id)
        return orders_by_client(&self.orders, text) >= 0

    def get(self, client_id):
        """Return an order as it is known; raises OrderError where there is none."""
        return _fields(&self.orders.orders[self._place(client_id)])

    def next_command(self, client_id):
        """Return the number of the next amend or cancel of an order."""
        return self.orders.orders[self._place(client_id)].commands + 1

    def may_amend(self, client_id):
        """Return whether one more amend can be kept track of."""
        return bool(life_has_place(&self.orders.orders[self._place(client_id)].life))

    def open_orders(self, int instrument):
        """Return the orders of an instrument that are not proven to have ended, newest first."""
        cdef int side, at
        found = []
        if not 0 <= instrument < self.orders.instruments:
            raise OrderError(f"there is no instrument {instrument}")
        for side in range(2):
            at = self.orders.books[instrument].first[side]
            while at >= 0:
                found.append(_fields(&self.orders.orders[at]))
                at = self.orders.orders[at].next
        return found

    def ended(self):
        """Return the ids of orders that have ended and were not released."""
        cdef int place
        return [
            _get_id(self.orders.orders[place].client_id, CLIENT_ID)
            for place in range(self.orders.capacity)
            if self.orders.orders[place].used and is_terminal(self.orders.orders[place].life.state)
        ]

    def release(self, client_id):
        """Forget an order that has ended; raises OrderError where it has not."""
        if orders_release(&self.orders, self._place(client_id)):
            raise OrderError(f"the order {client_id!r} has not ended")

    def set_position(self, int instrument, i64 lots):
        """Say what the position is, as the venue's account tells at the start."""
        cdef InstrumentBook* book
        if not 0 <= instrument < self.orders.instruments or abs(lots) > largest():
            raise OrderError(f"instrument {instrument} with {lots} lots")
        book = &self.orders.books[instrument]
        self.orders.totals[book.group].net += (<i128>lots - book.position) * book.unit
        book.position = lots

    def set_external(self, int group, i64 units):
        """Say what a group holds elsewhere, as in liquidity; it counts in the combined exposure."""
        if not 0 <= group < self.orders.groups:
            raise OrderError(f"there is no group {group}")
        self.orders.totals[group].net += <i128>units - self.orders.totals[group].external
        self.orders.totals[group].external = units

    def exposure(self, int instrument):
        """Return position and worst open exposure of an instrument."""
        cdef const InstrumentBook* book
        if not 0 <= instrument < self.orders.instruments:
            raise OrderError(f"there is no instrument {instrument}")
        book = &self.orders.books[instrument]
        return ExposureFields(
            _wide(book.position), _wide(book.open_quantity[BUY]), _wide(book.open_quantity[SELL]),
            _wide(book.open_notional[BUY]), _wide(book.open_notional[SELL]),
        )

    def combined(self, int group):
        """Return what a group holds, here and elsewhere, and its worst open exposure."""
        cdef const GroupBook* total
        if not 0 <= group < self.orders.groups:
            raise OrderError(f"there is no group {group}")
        total = &self.orders.totals[group]
        return CombinedFields(
            _wide(total.net), _wide(total.open_quantity[BUY]), _wide(total.open_quantity[SELL])
        )

    @property
    def counts(self):
        """Events and what they were, contradictions raised, orders that have one, open orders."""
        return dict(self.orders.counts)
