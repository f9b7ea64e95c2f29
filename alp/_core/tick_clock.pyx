"""Several replayed markets on one clock, as whoever decides on them hears of them.

No market is ever ahead of another by more than nothing can happen in: a command that is sent at a
moment finds every exchange as it was then.
"""

from enum import IntFlag
from typing import NamedTuple

from libc.stdlib cimport calloc, free

from alp._core.book cimport side_best
from alp._core.tape cimport TAPE_BID, TAPE_BITS, TAPE_CLEAR, TAPE_LOCAL, TAPE_TRADE, TapeRow
from alp._core.tick_replay cimport TickReplay
from alp._core.tick_world cimport tick_advance

cdef enum:
    HEARD_TOUCH = 1
    HEARD_TRADE = 2
    HEARD_CLEAR = 4
    HEARD_ANSWER = 8
    HEARD_ENDED = 16

cdef i64 NEVER = 0x7FFFFFFFFFFFFFFF


class HeardBit(IntFlag):
    """What was heard of a market at a moment."""

    TOUCH = HEARD_TOUCH
    TRADE = HEARD_TRADE
    CLEAR = HEARD_CLEAR
    ANSWER = HEARD_ANSWER
    ENDED = HEARD_ENDED


class TapeTrade(NamedTuple):
    """A trade of others: price in ticks, lots; 1 where somebody bought, -1 sold."""

    price: int
    lots: int
    aggressor: int
    exchange_ns: int


class Heard(NamedTuple):
    """What was heard of one market at a moment: which, what, its touch and its trades."""

    market: int
    bits: int
    bid: int
    bid_lots: int
    ask: int
    ask_lots: int
    exchange_ns: int
    trades: tuple[TapeTrade, ...]


cdef inline bint _over(const TickWorld* world) noexcept nogil:
    return world.venue_at == world.count and world.local_at == world.count


cdef inline i64 _moment(const TickWorld* world) noexcept nogil:
    """The earliest time at which anything can be heard, or a command of ours arrives."""
    cdef i64 at = NEVER
    if _over(world):
        return NEVER
    if world.answer_count:
        at = world.answers[world.answer_first].at_ns
    if world.request_count:
        at = min(at, world.requests[world.request_first].at_ns)
    if world.removal_at < world.removal_count:
        at = min(at, world.removals[world.removal_at].exchange_ns)
    if world.local_at < world.count:
        at = min(at, world.rows[world.local_at].local_ns)
    # What happens at an exchange without an order of ours is nothing until it is received.
    if world.venue_at < world.count and (world.venue.engaged or world.local_at == world.count):
        at = min(at, world.rows[world.venue_at].exchange_ns)
    return at


cdef void _listen(TickWorld* world, Listened* own, i64 at_ns) noexcept nogil:
    """Let a market's time pass, and note what was heard."""
    cdef i64 bid = 0, bid_lots = 0, ask = 0, ask_lots = 0
    cdef int answer = world.answer_first
    cdef Py_ssize_t row
    own.first = world.local_at
    tick_advance(world, at_ns)
    own.end = world.local_at
    if world.answer_first != answer:
        own.heard |= HEARD_ANSWER
    for row in range(own.first, own.end):
        if world.rows[row].size & TAPE_LOCAL == 0:
            continue
        if world.rows[row].size & TAPE_TRADE:
            own.heard |= HEARD_TRADE
        elif world.rows[row].size & TAPE_CLEAR:
            own.heard |= HEARD_CLEAR
    if own.end > own.first:
        if not side_best(&world.book.bids, &bid, &bid_lots):
            bid = bid_lots = 0
        if not side_best(&world.book.asks, &ask, &ask_lots):
            ask = ask_lots = 0
        if (
            bid != own.bid or bid_lots != own.bid_lots
            or ask != own.ask or ask_lots != own.ask_lots
        ):
            own.heard |= HEARD_TOUCH
            own.bid, own.bid_lots = bid, bid_lots
            own.ask, own.ask_lots = ask, ask_lots
    if _over(world):
        own.heard |= HEARD_ENDED


cdef class TickClock:
    """One time for several markets.

    Parameters
    ----------
    replays
        The markets; nobody else may let their time pass. One that begins later is silent until
        then.
    now_ns
        Where the clock begins; what was received before is known and not told. By default where
        the earliest begins.

    Raises
    ------
    ValueError
        If there is no market.
    """

    def __cinit__(self, replays, now_ns=None):
        cdef Py_ssize_t at
        self._replays = tuple(replays)
        self.count = len(self._replays)
        if self.count == 0:
            raise ValueError("a clock of no market")
        self.worlds = <TickWorld**>calloc(self.count, sizeof(TickWorld*))
        self.listened = <Listened*>calloc(self.count, sizeof(Listened))
        if self.worlds == NULL or self.listened == NULL:
            raise MemoryError
        for at in range(self.count):
            self.worlds[at] = &(<TickReplay?>self._replays[at]).world
        self.now_ns = min([each.now_ns for each in self._replays]) if now_ns is None else now_ns
        for at in range(self.count):
            if self.worlds[at].now_ns < self.now_ns:
                _listen(self.worlds[at], self.listened + at, self.now_ns)
            self.listened[at].heard = 0

    def __dealloc__(self):
        free(self.worlds)
        free(self.listened)

    cdef bint _play(self, i64 until_ns) noexcept nogil:
        """Let time pass until something is heard; false if nothing was."""
        cdef Py_ssize_t market
        cdef bint heard = False
        cdef i64 at
        cdef TickWorld* world
        while not heard:
            at = NEVER
            for market in range(self.count):
                at = min(at, _moment(self.worlds[market]))
            if at > until_ns:
                break
            at = max(at, self.now_ns)
            self.now_ns = at
            for market in range(self.count):
                world = self.worlds[market]
                if _moment(world) <= at:
                    _listen(world, self.listened + market, max(at, world.now_ns))
                    heard = heard or self.listened[market].heard != 0 or world.failed
        if not heard:
            self.now_ns = max(self.now_ns, until_ns)
        for market in range(self.count):
            world = self.worlds[market]
            if world.now_ns < self.now_ns:
                tick_advance(world, self.now_ns)
        return heard

    def next(self, i64 until_ns):
        """Let time pass until something is heard, at most until then; return what.

        Raises
        ------
        MemoryError
            If memory ran out, or more is on its way than there is room for.
        """
        cdef Py_ssize_t market
        cdef Listened* own
        cdef bint heard
        with nogil:
            heard = self._play(until_ns)
        if not heard:
            return []
        found = []
        for market in range(self.count):
            own = self.listened + market
            if self.worlds[market].failed:
                raise MemoryError("no room for what is on its way")
            if own.heard:
                found.append(self._tell(market, own))
                own.heard = 0
        return found

    cdef object _tell(self, Py_ssize_t market, Listened* own):
        cdef const TickWorld* world = self.worlds[market]
        cdef const TapeRow* row
        cdef Py_ssize_t at
        cdef i64 exchange_ns = 0
        trades = ()
        if own.end > own.first:
            exchange_ns = world.rows[own.end - 1].exchange_ns
        if own.heard & HEARD_TRADE:
            found = []
            for at in range(own.first, own.end):
                row = world.rows + at
                if row.size & TAPE_TRADE and row.size & TAPE_LOCAL:
                    found.append(
                        TapeTrade(
                            row.price, <i64>(row.size >> TAPE_BITS),
                            1 if row.size & TAPE_BID else -1, row.exchange_ns,
                        )
                    )
            trades = tuple(found)
        return Heard(
            market, own.heard, own.bid, own.bid_lots, own.ask, own.ask_lots, exchange_ns, trades
        )
