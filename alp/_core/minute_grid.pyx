"""Prices on a one-minute grid, so that a busy minute and a quiet one weigh the same.

The last price of a minute counts, at the minute's end, once a price of a later minute has come: the
minute under way is not looked at.
"""

from libc.stdlib cimport free, realloc
from libc.math cimport log

from alp._core.estimators cimport floor_div, is_price
from alp._core.uint256 cimport i64

cdef enum:
    FIRST_ROOM = 1024

cdef i64 MINUTE_NS = 60_000_000_000

cdef enum Fault:
    NONE = 0
    BACKWARDS = 1
    NO_PRICE = 2
    NO_MEMORY = 3


cdef class MinuteGrid:
    """Feeds a volatility estimator and remembers the last price of every finished minute.

    Parameters
    ----------
    volatility
        Takes each finished minute's last price.
    every_price
        Let it take every price as it comes instead: an estimator of ranges needs them all.
    """

    def __init__(self, Volatility volatility not None, bint every_price) -> None:
        self.volatility = volatility
        self.every_price = every_price

    def __dealloc__(self) -> None:
        free(self.closes)

    cdef int _finish_minute(self) noexcept nogil:
        cdef Py_ssize_t room
        cdef double* grown
        if self.count == self.room:
            room = 2 * self.room if self.room else FIRST_ROOM
            grown = <double*>realloc(self.closes, room * sizeof(double))
            if grown == NULL:
                return NO_MEMORY
            self.closes = grown
            self.room = room
        self.closes[self.count] = self.last_price
        self.count += 1
        if not self.every_price:
            self.volatility.feed((self.minute + 1) * MINUTE_NS, log(self.last_price))
        return NONE

    cdef int offer(self, i64 ts_ns, double price) noexcept nogil:
        """Take one price; nonzero where it cannot be used, see `refuse`."""
        cdef i64 minute = floor_div(ts_ns, MINUTE_NS)
        cdef int fault = NONE
        if not is_price(price):
            return NO_PRICE
        if self.begun:
            if ts_ns < self.last_ts_ns:
                return BACKWARDS
            if minute != self.minute:
                fault = self._finish_minute()
        if self.every_price:
            self.volatility.feed(ts_ns, log(price))
        self.begun = True
        self.minute = minute
        self.last_ts_ns = ts_ns
        self.last_price = price
        return fault

    cdef int refuse(self, int fault, i64 ts_ns, double price) except -1:
        """Raise what is wrong with a price that was not taken."""
        if fault == BACKWARDS:
            raise ValueError(f"observation at {ts_ns} ns after one at {self.last_ts_ns} ns")
        if fault == NO_PRICE:
            raise ValueError(f"price {price!r} is not a positive number")
        raise MemoryError

    def take(self, const i64[:] ts_ns, const double[:] prices) -> None:
        """Take prices in time order.

        Parameters
        ----------
        ts_ns, prices
            Shape ``(n,)`` each.

        Raises
        ------
        ValueError
            Time runs backwards, or a price is not a positive number; those before it were taken.
        """
        cdef Py_ssize_t i, count = ts_ns.shape[0]
        cdef int fault = NONE
        if prices.shape[0] != count:
            raise ValueError("times and prices differ in length")
        with nogil:
            for i in range(count):
                fault = self.offer(ts_ns[i], prices[i])
                if fault != NONE:
                    break
        if fault != NONE:
            self.refuse(fault, ts_ns[i], prices[i])

    def finished(self) -> list:
        """Return the last price of every finished minute that had one."""
        return [self.closes[i] for i in range(self.count)]
