"""Replays a recorded market on levels and trades, with orders of ours in it.

Every row is applied twice: at the exchange when it happened, here when it was received. Orders
reach the exchange after one latency and answers come back after another; what arrives together
with a row comes after it. Whoever decides sees only this side.
"""

from enum import IntEnum
from typing import NamedTuple

from libc.string cimport memcpy

import numpy as np

from alp._core.book cimport Level, side_at, side_best, side_depth
from alp._core.queue_models cimport AHEAD_BITS, LARGEST_EXPONENT, largest_quantity
from alp._core.tape cimport LatencyRow, RemovalRow, TapeRow
from alp._core.tick_venue cimport (
    FILL_AT_TURN,
    FILL_CROSSED,
    FILL_TAKEN,
    FILL_TRADED_THROUGH,
    NO_ORDER,
    Waiting,
    tick_venue_find,
)
from alp._core.tick_world cimport (
    AMEND_AS_NEW,
    AMEND_KEEPS,
    AMEND_NONE,
    MOST_ORDERS,
    PHASE_ENDED,
    PHASE_LIVE,
    PHASE_SENT,
    FillRow,
    TickOrder,
    TickWorld,
    Traded,
    tick_advance,
    tick_amend,
    tick_cancel,
    tick_look_away,
    tick_next,
    tick_send,
    tick_sweep,
    tick_world_create,
    tick_world_destroy,
)
from alp._core.uint256 cimport i64

from alp._core.matching import QueueModel
from alp._core.tape import LATENCY_ROW as _LATENCY_ROW
from alp._core.tape import REMOVAL_ROW as _REMOVAL_ROW
from alp._core.tape import TAPE_ROW as _TAPE_ROW
from alp._core.tape import tape_fault

cdef enum:
    MOST_LEVELS = 1024          # that one look at the book gives

AHEAD_UNIT = 1 << AHEAD_BITS
"""What a queue is counted in: so much is a lot."""


class FillCause(IntEnum):
    """Why an order of ours was filled."""

    AT_TURN = FILL_AT_TURN
    TRADED_THROUGH = FILL_TRADED_THROUGH
    CROSSED = FILL_CROSSED
    TAKEN = FILL_TAKEN


class OrderPhase(IntEnum):
    """What is known of an order here."""

    SENT = PHASE_SENT
    LIVE = PHASE_LIVE
    ENDED = PHASE_ENDED


class AmendRule(IntEnum):
    """What a venue does with an amended order: nothing, a new place, or the old one if smaller."""

    NONE = AMEND_NONE
    AS_NEW = AMEND_AS_NEW
    KEEPS = AMEND_KEEPS


class TickOrderView(NamedTuple):
    """An order of ours as known here: price in ticks, quantities in lots."""

    place: int
    tag: int
    bid: bool
    price: int
    lots: int
    left: int
    phase: OrderPhase
    canceling: bool
    amending: int


FILL_ROW = np.dtype(
    [
        ("at_ns", "<i8"),
        ("venue_ns", "<i8"),
        ("price", "<i8"),
        ("lots", "<i8"),
        ("left", "<i8"),
        ("tag", "<i8"),
        ("ahead", "<i8"),
        ("joined", "<i8"),
        ("cause", "<i4"),
        ("bid", "<i4"),
    ]
)
"""A fill: when it was known here and when it happened, in ticks and lots; what was left of the
order, and its tag; why. ``ahead`` is what stood before it when it was reached, in 1/4096 of a lot,
``joined`` when it came, in lots; both 0 for an order that took."""


cdef object _rows(rows, form, str what):
    """Return rows as the kernel reads them."""
    if rows.dtype != np.dtype(list(form)) or rows.ndim != 1 or not rows.flags.c_contiguous:
        raise ValueError(f"{what} is of other rows")
    return rows


cdef const unsigned char* _start(rows) except? NULL:
    cdef const unsigned char[::1] view
    if not len(rows):
        return NULL
    view = rows.view(np.uint8)
    return &view[0]


cdef class TickReplay:
    """One market, and one account in it.

    Parameters
    ----------
    tape
        Rows of :data:`alp._core.tape.TAPE_ROW`, an array or a memory map.
    model, exponent
        How queues move, see :class:`alp._core.matching.QueueModel`.
    entry_ns, answer_ns
        How long a command takes to the exchange, and an answer back.
    latency
        The same as recorded, rows of :data:`alp._core.tape.LATENCY_ROW`: a row holds from its time
        on, the first one before it too; for a command by the time it is sent, for an answer by the
        time it leaves the exchange.
    removals
        Orders that left, rows of :data:`alp._core.tape.REMOVAL_ROW`; for queues first in, first out.
    amends
        What the venue does with an amended order.
    whole
        An order that is reached is filled as a whole, however little traded: what hftbacktest
        calls no partial fill.
    check
        Look over the whole tape first; false where its file was looked over.

    Raises
    ------
    ValueError
        If an array is of other rows or out of order, or a number is out of its bounds.
    """

    def __cinit__(
        self,
        tape,
        *,
        model=QueueModel.CONSERVATIVE,
        int exponent=2,
        i64 entry_ns=0,
        i64 answer_ns=0,
        latency=None,
        removals=None,
        amends=AmendRule.KEEPS,
        bint whole=False,
        bint check=True,
    ):
        cdef TickWorld* world = &self.world
        if not 1 <= exponent <= LARGEST_EXPONENT:
            raise ValueError(f"exponent is 1 to {LARGEST_EXPONENT}")
        if latency is None:
            latency = np.zeros(0, list(_LATENCY_ROW))
        if removals is None:
            removals = np.zeros(0, list(_REMOVAL_ROW))
        _rows(tape, _TAPE_ROW, "the tape")
        _rows(latency, _LATENCY_ROW, "the latency")
        _rows(removals, _REMOVAL_ROW, "what was removed")
        waits = (latency[name].min(initial=0) for name in ("entry_ns", "answer_ns"))
        if min(entry_ns, answer_ns, *waits) < 0:
            raise ValueError("a latency is not negative")
        if (np.diff(latency["at_ns"]) < 0).any() or (np.diff(removals["exchange_ns"]) < 0).any():
            raise ValueError("times of latencies and of removals do not fall")
        if check:
            fault = tape_fault(tape)
            if fault is not None:
                raise ValueError(f"row {fault.row} of the tape: {fault.why}")
        self._held = tape, latency, removals
        world.rows = <const TapeRow*>_start(tape)
        world.count = len(tape)
        world.latency = <const LatencyRow*>_start(latency)
        world.latency_count = len(latency)
        world.removals = <const RemovalRow*>_start(removals)
        world.removal_count = len(removals)
        world.entry_ns = entry_ns
        world.answer_ns = answer_ns
        world.amends = AmendRule(amends)
        if tick_world_create(world, QueueModel(model), exponent, whole):
            raise MemoryError
        if world.count:
            world.now_ns = min(world.rows[0].exchange_ns, world.rows[0].local_ns)

    def __dealloc__(self):
        tick_world_destroy(&self.world)

    def advance(self, i64 duration_ns):
        """Let time pass; false at the end of the tape.

        Raises
        ------
        ValueError
            If it would run backwards.
        MemoryError
            If memory ran out, or more is on its way than there is room for.
        """
        cdef bint more
        if duration_ns < 0:
            raise ValueError("time does not run backwards")
        with nogil:
            more = tick_advance(&self.world, self.world.now_ns + duration_ns)
        return self._unless_failed(more)

    def next(self, i64 most_ns):
        """Let time pass until a row or an answer comes, at most so long; false at the end.

        Raises
        ------
        ValueError
            If it would run backwards.
        MemoryError
            As :meth:`advance`.
        """
        cdef bint more
        if most_ns < 0:
            raise ValueError("time does not run backwards")
        with nogil:
            more = tick_next(&self.world, self.world.now_ns + most_ns)
        return self._unless_failed(more)

    def _unless_failed(self, bint more):
        if self.world.failed:
            raise MemoryError("no room for what is on its way")
        return more

    def send(
        self, bint bid, i64 price, i64 lots, i64 tag=0, *, bint post_only=True, bint rests=True
    ):
        """Send a new order; return its place.

        Raises
        ------
        ValueError
            If it has no price or no quantity.
        MemoryError
            If too many are on their way or open.
        """
        self._check(price, lots)
        cdef int place = tick_send(&self.world, bid, price, lots, tag, post_only, rests)
        if place == NO_ORDER:
            raise MemoryError("no room for one more order")
        return place

    def _check(self, i64 price, i64 lots):
        if price <= 0 or not 0 < lots <= largest_quantity():
            raise ValueError("an order has a price and a quantity")

    def amend(self, int place, i64 price, i64 lots):
        """Send a change of an order that has not ended; the lots are of the whole order.

        At the exchange it ends if no more than it has filled is asked for, or if it is post-only
        and would take.

        Raises
        ------
        KeyError
            If there is none at the place.
        ValueError
            If it would have no price or no quantity, or the venue amends nothing.
        MemoryError
            If too many commands are on their way.
        """
        self._open(place)
        self._check(price, lots)
        if self.world.amends == AMEND_NONE:
            raise ValueError("this venue amends no orders")
        if not tick_amend(&self.world, place, price, lots):
            raise MemoryError("no room for one more command")

    def cancel(self, int place):
        """Send a cancel of an order that has not ended.

        Raises
        ------
        KeyError
            If there is none at the place.
        MemoryError
            If too many commands are on their way.
        """
        self._open(place)
        if not tick_cancel(&self.world, place):
            raise MemoryError("no room for one more command")

    def _open(self, int place):
        if not 0 <= place < MOST_ORDERS or self.world.orders[place].phase not in (
            PHASE_SENT, PHASE_LIVE,
        ):
            raise KeyError(place)

    def sweep(self):
        """Forget orders that ended; their places are given to others."""
        tick_sweep(&self.world)

    def look_away(self):
        """Forget what was traded since the last time."""
        tick_look_away(&self.world)

    def orders(self):
        """Return the orders that were not swept, in the order they were sent."""
        cdef int at
        cdef TickOrder* order
        found = []
        for at in range(self.world.active_count):
            order = self.world.orders + self.world.active[at]
            found.append(
                TickOrderView(
                    self.world.active[at], order.tag, order.bid != 0, order.price, order.lots,
                    order.left, OrderPhase(order.phase), order.canceling != 0, order.amending,
                )
            )
        return found

    def ahead(self, int place):
        """Return lots expected before an order at the exchange, a float; None if it is not there.

        For reports and tests: nobody who trades is told.
        """
        if not 0 <= place < MOST_ORDERS:
            raise KeyError(place)
        cdef Waiting* waiting = tick_venue_find(
            &self.world.venue, place, self.world.orders[place].bid
        )
        return None if waiting == NULL else <double>waiting.ahead / (1 << AHEAD_BITS)

    def touches(self, i64 step_ns):
        """Play to the end; return time, best bid and best ask after each step, shape (n, 3).

        Raises
        ------
        MemoryError
            If memory ran out.
        """
        cdef i64 bid, ask, lots
        cdef Py_ssize_t at = 0, most = 0
        cdef i64[:, ::1] seen
        cdef TickWorld* world = &self.world
        if step_ns <= 0:
            raise ValueError("a step takes time")
        if world.count:
            last = world.rows[world.count - 1]
            most = max(0, max(last.exchange_ns, last.local_ns) - world.now_ns) // step_ns + 2
        found = np.zeros((most, 3), np.int64)
        seen = found
        with nogil:
            while at < most and tick_advance(world, world.now_ns + step_ns):
                bid = ask = 0
                side_best(&world.book.bids, &bid, &lots)
                side_best(&world.book.asks, &ask, &lots)
                seen[at, 0] = world.now_ns
                seen[at, 1] = bid
                seen[at, 2] = ask
                at += 1
        self._unless_failed(True)
        return found[:at]

    @property
    def touch(self):
        """Best bid, its lots, best ask, its lots, as known here; None while a side is empty."""
        cdef i64 bid, bid_lots, ask, ask_lots
        if side_best(&self.world.book.bids, &bid, &bid_lots) and side_best(
            &self.world.book.asks, &ask, &ask_lots
        ):
            return bid, bid_lots, ask, ask_lots
        return None

    def depth(self, bint bid, Py_ssize_t most):
        """Return up to ``most`` levels of one side as known here, best first, at most 1024."""
        cdef Level levels[MOST_LEVELS]
        cdef Py_ssize_t found = side_depth(
            &self.world.book.bids if bid else &self.world.book.asks, levels,
            min(max(most, 0), <Py_ssize_t>MOST_LEVELS),
        )
        if found < 0:
            raise MemoryError
        return [(levels[at].price, levels[at].quantity) for at in range(found)]

    def lots_at(self, bint bid, i64 price):
        """Return what is known here to wait at a price."""
        return side_at(&self.world.book.bids if bid else &self.world.book.asks, price)

    @property
    def traded(self):
        """Count, lots bought and sold, highest price bought at, lowest sold at; or -1."""
        cdef Traded* seen = &self.world.traded
        return (
            seen.count, seen.bought_lots, seen.sold_lots, seen.highest_bought, seen.lowest_sold
        )

    @property
    def now_ns(self):
        """The time here."""
        return self.world.now_ns

    @property
    def position(self):
        """Lots held, by the fills that arrived."""
        return self.world.position

    @property
    def cash(self):
        """Ticks times lots received less paid."""
        return self.world.cash

    @property
    def counts(self):
        """Orders sent, cancels sent, amends sent, fills that arrived."""
        cdef TickWorld* world = &self.world
        return world.sent, world.cancels, world.amended, world.fill_count

    @property
    def turnover(self):
        """Ticks times lots traded, and of it by orders that took."""
        return self.world.turnover, self.world.taken

    def fills(self, Py_ssize_t since=0):
        """Return the fills that arrived, rows of :data:`FILL_ROW`; without the first ``since``."""
        cdef unsigned char[::1] view
        cdef Py_ssize_t count = max(self.world.fill_count - max(since, 0), 0)
        found = np.zeros(count, FILL_ROW)
        if count:
            view = found.view(np.uint8)
            memcpy(
                &view[0], self.world.fills + self.world.fill_count - count, count * sizeof(FillRow)
            )
        return found
