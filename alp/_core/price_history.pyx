"""The prices replayed so far: what is new since a reader last asked, and a trailing mean tick."""

from libc.math cimport floor, log

from alp._core.minute_grid cimport MinuteGrid
from alp._core.uint256 cimport i64

cdef double PER_TICK = 2.0 / log(1.0001)


cdef class _Batch:
    """The columns of one batch, and how much of them was reached and read."""

    def __cinit__(self, times, roots):
        self.times = times
        self.roots = roots
        self.ts_ns = times
        self.root = roots
        if self.ts_ns.shape[0] != self.root.shape[0]:
            raise ValueError("times and prices differ in length")


cdef Py_ssize_t _last_at(_Batch batch, i64 when_ns) noexcept:
    """Index of the last time not after ``when_ns``; the first is not after it."""
    cdef Py_ssize_t low = 0, high = batch.reached, middle
    while high - low > 1:
        middle = (low + high) // 2
        if batch.ts_ns[middle] <= when_ns:
            low = middle
        else:
            high = middle
    return low


cdef double _tick_time(_Batch batch, i64 start_ns, i64 end_ns) noexcept:
    """Integral of the tick over time between two moments, from the batch's first time on."""
    cdef Py_ssize_t i
    cdef double total = 0.0
    cdef i64 since_ns, until_ns
    for i in range(_last_at(batch, start_ns), batch.reached):
        since_ns = batch.ts_ns[i] if batch.ts_ns[i] > start_ns else start_ns
        until_ns = batch.ts_ns[i + 1] if i + 1 < batch.reached else end_ns
        total += PER_TICK * log(batch.root[i]) * <double>(until_ns - since_ns)
    return total


cdef class PriceHistory:
    """Prices replayed so far, as columns of batches.

    A driver shows it the columns of each batch once and then how far the replay is. Memory is
    bounded by ``keep_ns`` of the past plus one batch, and what was not read yet.

    Parameters
    ----------
    keep_ns
        How much of the past the mean tick may ask for.
    """

    def __cinit__(self, i64 keep_ns):
        self.keep_ns = keep_ns
        self.past = []
        self.unread_past = []

    def begin(self, ts_ns, roots):
        """Go on to another batch.

        Parameters
        ----------
        ts_ns, roots
            Shape ``(n,)``, in time order after the batch before: square roots of raw token1 per
            token0. A row must be there, and stay, once it is reached.

        Raises
        ------
        ValueError
            If the columns differ in length.
        """
        cdef _Batch following = _Batch(ts_ns, roots)
        cdef i64 horizon_ns
        if self.batch is not None and self.batch.reached:
            self.past.append(self.batch)
            if self.batch.read < self.batch.reached:
                self.unread_past.append(self.batch)
        self.batch = following
        if following.ts_ns.shape[0]:
            horizon_ns = following.ts_ns[0] - self.keep_ns
            while len(self.past) > 1 and (<_Batch>self.past[1]).ts_ns[0] <= horizon_ns:
                del self.past[0]

    def reach(self, Py_ssize_t row):
        """Say that the rows of the batch before ``row`` were replayed.

        Raises
        ------
        ValueError
            If the batch has no such rows.
        """
        if self.batch is None or not self.batch.reached <= row <= self.batch.ts_ns.shape[0]:
            raise ValueError(f"no row {row} to reach")
        self.batch.reached = row

    cdef list _waiting(self):
        if self.batch is None or self.batch.reached == self.batch.read:
            return self.unread_past
        return [*self.unread_past, self.batch]

    @property
    def waiting(self):
        """Prices not read yet."""
        cdef _Batch batch
        cdef Py_ssize_t count = 0
        for batch in self._waiting():
            count += batch.reached - batch.read
        return count

    def unread(self):
        """Return the (ts_ns, roots) reached and not read yet, in slices; they are read now."""
        cdef _Batch batch
        found = []
        for batch in self._waiting():
            rows = slice(batch.read, batch.reached)
            found.append((batch.times[rows], batch.roots[rows]))
            batch.read = batch.reached
        self.unread_past = []
        return found

    def feed(self, MinuteGrid minutes not None, bint inverse, double scale):
        """Give what was not read yet to a grid, as prices; it is read now.

        Parameters
        ----------
        inverse, scale
            A price is the square of a root, or one over it, times ``scale``.

        Raises
        ------
        ValueError
            As the grid does.
        """
        cdef _Batch batch
        cdef double ratio
        cdef int fault = 0
        for batch in self._waiting():
            while batch.read < batch.reached:
                ratio = batch.root[batch.read] * batch.root[batch.read]
                if inverse:
                    ratio = 1.0 / ratio
                fault = minutes.offer(batch.ts_ns[batch.read], ratio * scale)
                if fault:
                    minutes.refuse(fault, batch.ts_ns[batch.read], ratio * scale)
                batch.read += 1
        self.unread_past = []

    def twap_tick(self, i64 now_ns, i64 window_ns):
        """Return the time-weighted mean tick over the past window.

        As the contract's oracle: the mean of log price, floored to a tick. None where the past
        seen is shorter than the window.
        """
        cdef i64 start_ns = now_ns - window_ns, until_ns = now_ns
        cdef double total = 0.0
        cdef _Batch batch = self.batch
        cdef Py_ssize_t older = len(self.past)
        while batch is not None:
            if batch.reached:
                total += _tick_time(batch, start_ns, until_ns)
                until_ns = batch.ts_ns[0]
                if until_ns <= start_ns:
                    return <i64>floor(total / <double>window_ns)
            older -= 1
            batch = self.past[older] if older >= 0 else None
        return None
