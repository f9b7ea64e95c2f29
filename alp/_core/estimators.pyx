"""Volatility estimators: one object for a stream and for an array, with the same bits."""

from libc.math cimport NAN, exp2, isfinite, log, sqrt
from libc.stdlib cimport free, malloc

from alp._core.uint256 cimport i64

cdef enum:
    BUCKETS = 64

# Earlier than any bucket, and far enough from the end of int64 to be added to.
cdef i64 BEFORE_TIME = -(<i64>1 << 62)
cdef double SECONDS_PER_NS = 1e-9
# Parkinson (1980): E[(ln high - ln low)^2] = 4 ln 2 * sigma^2 * period.
cdef double PARKINSON = 4.0 * 0.6931471805599453


cdef class Volatility:
    """What all estimators share: time order, one observation per timestamp, arrays."""

    cdef void feed(self, i64 ts_ns, double log_price) noexcept nogil:
        if self.seen == 0:
            self.base_ts_ns = ts_ns
            self.base_log = log_price
            self.seen = 1
        elif ts_ns > self.last_ts_ns:
            if self.seen == 2:
                self.commit()
                self.base_ts_ns = self.last_ts_ns
            self.base_log = self.last_log
            self.seen = 2
        self.last_ts_ns = ts_ns
        self.last_log = log_price

    cdef void commit(self) noexcept nogil:
        """Make the return from base to last final; a later timestamp has come."""

    cdef double value(self) noexcept nogil:
        return NAN

    def update(self, ts_ns: int, price: float) -> None:
        """Take one observation.

        Parameters
        ----------
        ts_ns
            Not before the previous one; an equal timestamp replaces the previous price.
        price
            Any positive number; only ratios matter.

        Raises
        ------
        ValueError
            Time runs backwards or the price is not a positive number.
        """
        cdef i64 ts = ts_ns
        cdef double value = price
        if self.seen and ts < self.last_ts_ns:
            raise ValueError(f"observation at {ts} ns after one at {self.last_ts_ns} ns")
        if not is_price(value):
            raise ValueError(f"price {price!r} is not a positive number")
        self.feed(ts, log(value))

    def run(self, const i64[::1] ts_ns, const double[::1] prices, double[::1] out) -> None:
        """Take many observations and write the estimate after each; the same as calling `update`.

        Parameters
        ----------
        ts_ns, prices
            Shape ``(n,)`` each.
        out
            Shape ``(n,)``: per square-root second, NaN while there is no estimate.

        Raises
        ------
        ValueError
            As `update`, for the first observation at fault; those before it were taken.
        """
        cdef Py_ssize_t i, count = ts_ns.shape[0]
        cdef bint bad = False
        if prices.shape[0] != count or out.shape[0] != count:
            raise ValueError("times, prices and output differ in length")
        with nogil:
            for i in range(count):
                bad = (self.seen != 0 and ts_ns[i] < self.last_ts_ns) or not is_price(prices[i])
                if bad:
                    break
                self.feed(ts_ns[i], log(prices[i]))
                out[i] = self.value()
        if bad:
            self.update(ts_ns[i], prices[i])  # says what is wrong

    def sigma(self) -> float:
        """Return the volatility of the log-price per square-root second; NaN before `ready`."""
        return self.value()

    @property
    def ready(self) -> bool:
        """Whether there is an estimate."""
        return isfinite(self.value())

    def snapshot(self) -> list:
        """Return the state as plain numbers, for `restore` on an estimator made alike."""
        return [self.seen, self.last_ts_ns, self.last_log, self.base_ts_ns, self.base_log]

    def restore(self, state: list) -> None:
        """Take up the state that `snapshot` gave."""
        self.seen, self.last_ts_ns, self.last_log, self.base_ts_ns, self.base_log = state[:5]


cdef class EwmaVolatility(Volatility):
    """Squared returns over elapsed time, both forgotten with a half-life.

    ``sigma^2 = sum w r^2 / sum w dt`` with ``w = 2^(-age / half_life)``: unbiased from the second
    observation on, whatever the sampling.

    Parameters
    ----------
    half_life_ns
        Age at which a return counts half.
    """

    def __init__(self, half_life_ns: int) -> None:
        if half_life_ns <= 0:
            raise ValueError("half-life must be positive")
        self.half_life_ns = half_life_ns

    cdef void commit(self) noexcept nogil:
        cdef i64 elapsed = self.last_ts_ns - self.base_ts_ns
        cdef double change = self.last_log - self.base_log
        if elapsed != self.usual_ns:
            self.usual_ns = elapsed
            self.usually_kept = exp2(-(<double>elapsed) / <double>self.half_life_ns)
        self.variance = self.variance * self.usually_kept + change * change
        self.seconds = self.seconds * self.usually_kept + elapsed * SECONDS_PER_NS

    cdef double value(self) noexcept nogil:
        if self.seen < 2:
            return NAN
        cdef i64 elapsed = self.last_ts_ns - self.base_ts_ns
        cdef double change = self.last_log - self.base_log
        cdef double kept = exp2(-(<double>elapsed) / <double>self.half_life_ns)
        return sqrt(
            (self.variance * kept + change * change)
            / (self.seconds * kept + elapsed * SECONDS_PER_NS)
        )

    def snapshot(self) -> list:
        """Return the state as plain numbers, for `restore` on an estimator made alike."""
        return [*Volatility.snapshot(self), self.variance, self.seconds]

    def restore(self, state: list) -> None:
        """Take up the state that `snapshot` gave."""
        Volatility.restore(self, state)
        self.variance, self.seconds = state[5:]


cdef class RealisedVolatility(Volatility):
    """Squared returns over elapsed time within a moving window.

    The window moves in 64 steps, so memory does not depend on how many observations it holds, and
    sums are made anew instead of drifting.

    Parameters
    ----------
    window_ns
        Length of the window, at least 64 ns.
    """

    def __init__(self, window_ns: int) -> None:
        if window_ns < BUCKETS:
            raise ValueError(f"window must be at least {BUCKETS} ns")
        self.window_ns = window_ns
        self.bucket_ns = window_ns // BUCKETS
        self.newest = BEFORE_TIME

    cdef void advance(self, i64 bucket) noexcept nogil:
        cdef i64 i, first = self.newest + 1
        if bucket - first >= BUCKETS:
            first = bucket - BUCKETS + 1
        for i in range(first, bucket + 1):
            self.squares[i & (BUCKETS - 1)] = 0.0
            self.seconds[i & (BUCKETS - 1)] = 0.0
        self.newest = bucket

    cdef void commit(self) noexcept nogil:
        cdef i64 bucket = floor_div(self.last_ts_ns, self.bucket_ns)
        cdef double change = self.last_log - self.base_log
        if bucket > self.newest:
            self.advance(bucket)
        self.squares[bucket & (BUCKETS - 1)] += change * change
        self.seconds[bucket & (BUCKETS - 1)] += (
            self.last_ts_ns - self.base_ts_ns
        ) * SECONDS_PER_NS

    cdef double value(self) noexcept nogil:
        if self.seen < 2:
            return NAN
        cdef i64 i, newest = floor_div(self.last_ts_ns, self.bucket_ns)
        cdef double change = self.last_log - self.base_log
        cdef double squares = change * change
        cdef double seconds = (self.last_ts_ns - self.base_ts_ns) * SECONDS_PER_NS
        for i in range(newest - BUCKETS + 1, self.newest + 1):
            squares += self.squares[i & (BUCKETS - 1)]
            seconds += self.seconds[i & (BUCKETS - 1)]
        return sqrt(squares / seconds)

    def snapshot(self) -> list:
        """Return the state as plain numbers, for `restore` on an estimator made alike."""
        return [
            *Volatility.snapshot(self),
            self.newest,
            *[self.squares[i] for i in range(BUCKETS)],
            *[self.seconds[i] for i in range(BUCKETS)],
        ]

    def restore(self, state: list) -> None:
        """Take up the state that `snapshot` gave."""
        Volatility.restore(self, state)
        self.newest = state[5]
        for i in range(BUCKETS):
            self.squares[i] = state[6 + i]
            self.seconds[i] = state[6 + BUCKETS + i]


cdef class ParkinsonVolatility(Volatility):
    """High-low ranges of whole periods within a moving window (Parkinson 1980).

    A period's range begins at the last price before it, so that a jump between two observations
    belongs to one period and a period without observations counts as one without movement. The
    first, incomplete period is left out, and so is the running one.

    Parameters
    ----------
    period_ns
        Length of a period; periods start at its multiples.
    window_ns
        Length of the window, at least one period.
    """

    def __cinit__(self, period_ns: int, window_ns: int) -> None:
        if period_ns <= 0 or window_ns < period_ns:
            raise ValueError("period must be positive and the window at least one period")
        self.period_ns = period_ns
        self.bars = window_ns // period_ns
        self.ring = <double*>malloc(self.bars * sizeof(double))
        if self.ring == NULL:
            raise MemoryError

    def __dealloc__(self) -> None:
        free(self.ring)

    cdef void push(self, double square) noexcept nogil:
        cdef i64 i
        self.ring[self.head] = square
        self.head = (self.head + 1) % self.bars
        if self.filled < self.bars:
            self.filled += 1
        self.total = 0.0
        for i in range(self.filled):
            self.total += self.ring[(self.head - self.filled + i + self.bars) % self.bars]

    cdef void feed(self, i64 ts_ns, double log_price) noexcept nogil:
        cdef i64 bar = floor_div(ts_ns, self.period_ns)
        cdef i64 empty
        if self.seen == 0:
            self.seen = 1
            self.bar = bar
            self.partial = True
            self.high = self.low = log_price
        elif bar > self.bar:
            if not self.partial:
                self.push((self.high - self.low) * (self.high - self.low))
            self.partial = False
            empty = bar - self.bar - 1
            for _ in range(min(empty, self.bars)):
                self.push(0.0)
            self.bar = bar
            self.high = self.low = self.last_log
        self.high = max(self.high, log_price)
        self.low = min(self.low, log_price)
        self.last_ts_ns = ts_ns
        self.last_log = log_price

    cdef double value(self) noexcept nogil:
        if self.filled == 0:
            return NAN
        return sqrt(self.total / (PARKINSON * self.filled * (self.period_ns * SECONDS_PER_NS)))

    def update_bar(self, open_ts_ns: int, high: float, low: float) -> None:
        """Take one finished period as a candle; do not mix with `update`.

        Parameters
        ----------
        open_ts_ns
            Start of the period, after the previous one's. Periods in between were not seen and
            do not count.
        high, low
            Highest and lowest price.

        Raises
        ------
        ValueError
            The period is not after the last one, or the prices are not ``0 < low <= high``.
        """
        cdef i64 bar = floor_div(open_ts_ns, self.period_ns)
        cdef double width
        if not (isfinite(high) and 0.0 < low <= high):
            raise ValueError(f"high {high!r} and low {low!r} are not a price range")
        if self.seen and bar <= self.bar:
            raise ValueError(f"period at {open_ts_ns} ns is not after the last one")
        self.seen = 1
        self.bar = bar
        self.last_ts_ns = open_ts_ns
        width = log(high) - log(low)
        self.push(width * width)

    def snapshot(self) -> list:
        """Return the state as plain numbers, for `restore` on an estimator made alike."""
        ring = [self.ring[(self.head - self.filled + i + self.bars) % self.bars]
                for i in range(self.filled)]
        state = [self.bar, self.high, self.low, bool(self.partial), self.filled, *ring]
        return [*Volatility.snapshot(self), *state]

    def restore(self, state: list) -> None:
        """Take up the state that `snapshot` gave."""
        Volatility.restore(self, state)
        self.bar, self.high, self.low, self.partial = state[5:9]
        self.filled = self.head = 0
        self.total = 0.0
        for square in state[10:]:
            self.push(square)
