"""Arrival intensity and volatility of one book, measured as it goes.

In every interval it is noted how far from the mid before it anybody bought and sold, and how far
the mid moved. Over the last `window` of them, the share of intervals whose trades reached a
distance gives ``lambda(delta) = A exp(-k delta)`` by a straight line through its logarithm, and
the moves' standard deviation gives sigma. What is in the window is kept as integers: nothing
drifts, and what was restored goes on with the same bits.
"""

from enum import IntEnum, IntFlag
from typing import NamedTuple

from libc.math cimport exp, isfinite, log, sqrt
from libc.stdlib cimport calloc, free
from libc.string cimport memset

cdef extern from *:
    """
    static inline double alp_u128_to_double(unsigned __int128 value) { return (double)value; }
    """
    double u128_to_double "alp_u128_to_double"(u128 value) noexcept nogil

cdef double NS_PER_S = 1e9


class FitUnit(IntEnum):
    """What a distance is measured in."""

    TICKS = UNIT_TICKS
    """Ticks: a distance is hit by whatever reaches at least it, as in ``alp.models.intensity``."""
    BINS = UNIT_BINS
    """Number of the bin and a half, hit by what reaches beyond it, as in hftbacktest's notebook."""


class Readiness(IntFlag):
    """What the last fit lacked."""

    FEW_SAMPLES = LACKS_SAMPLES
    FEW_ARRIVALS = LACKS_ARRIVALS
    FEW_DISTANCES = LACKS_DISTANCES
    NOT_FALLING = LACKS_FALL
    FEW_MOVES = LACKS_MOVES


class CalibrationView(NamedTuple):
    """What was measured; NaN where nothing was yet. Units are those of :class:`FitUnit`."""

    scale: float
    decay: float
    sigma: float
    r_squared: float
    drift: float
    sigma_ns: int
    fitted_ns: int
    arrivals: int
    moves: int
    distances: int
    lacking: Readiness


cdef int arrivals_create(Arrivals* arrivals, const ArrivalRule* rule) noexcept nogil:
    """Take memory; -1 where there is none."""
    memset(arrivals, 0, sizeof(Arrivals))
    arrivals.rule = rule[0]
    arrivals.depths = <int*>calloc(2 * rule.window, sizeof(int))
    arrivals.moves = <int*>calloc(rule.window, sizeof(int))
    if arrivals.depths == NULL or arrivals.moves == NULL:
        arrivals_destroy(arrivals)
        return -1
    arrivals_clear(arrivals)
    return 0


cdef void arrivals_destroy(Arrivals* arrivals) noexcept nogil:
    free(arrivals.depths)
    free(arrivals.moves)
    arrivals.depths = NULL
    arrivals.moves = NULL


cdef void arrivals_clear(Arrivals* arrivals) noexcept nogil:
    """Forget everything."""
    arrivals.at = arrivals.filled = arrivals.sampled = 0
    arrivals.last_ns = arrivals.mid = 0
    memset(arrivals.counts, 0, sizeof(arrivals.counts))
    arrivals.arrivals = arrivals.seen_moves = arrivals.sum_moves = arrivals.sum_drift = 0
    arrivals.sum_squares = 0
    memset(&arrivals.fit, 0, sizeof(Calibration))
    arrivals.fit.lacking = LACKS_SAMPLES


cdef inline void _count(Arrivals* arrivals, int depth, int times) noexcept nogil:
    if depth:
        arrivals.counts[depth] += times
        arrivals.arrivals += times


cdef inline void _add_move(Arrivals* arrivals, int move, int times) noexcept nogil:
    if move != NOT_SEEN:
        arrivals.seen_moves += times
        arrivals.sum_moves += times * <i64>move
        arrivals.sum_squares += <u128>(times * (<i64>move * move))


cdef inline int _seen(int move) noexcept nogil:
    return 0 if move == NOT_SEEN else move


cdef void _push(Arrivals* arrivals, int bought, int sold, int move) noexcept nogil:
    """Let one sample into the window, and the oldest out of it."""
    cdef i64 window = arrivals.rule.window
    cdef i64 at = arrivals.at
    cdef i64 leaving = at - arrivals.rule.drift_samples
    if leaving < 0:
        leaving += window
    if arrivals.filled >= arrivals.rule.drift_samples:
        arrivals.sum_drift -= _seen(arrivals.moves[leaving])
    if arrivals.filled == window:
        _count(arrivals, arrivals.depths[2 * at], -1)
        _count(arrivals, arrivals.depths[2 * at + 1], -1)
        _add_move(arrivals, arrivals.moves[at], -1)
    else:
        arrivals.filled += 1
    arrivals.depths[2 * at] = bought
    arrivals.depths[2 * at + 1] = sold
    arrivals.moves[at] = move
    _count(arrivals, bought, 1)
    _count(arrivals, sold, 1)
    _add_move(arrivals, move, 1)
    arrivals.sum_drift += _seen(move)
    arrivals.at = at + 1 if at + 1 < window else 0


cdef inline int _depth(i64 half_ticks) noexcept nogil:
    return <int>min(max(half_ticks, 0), MOST_BINS)


cdef inline double _interval_s(const Arrivals* arrivals) noexcept nogil:
    return arrivals.rule.interval_ns / NS_PER_S


cdef int _fit_moves(Arrivals* arrivals) noexcept nogil:
    """The population's standard deviation of moves, from exact sums; what it lacks."""
    cdef i64 count = arrivals.seen_moves
    cdef i64 total = arrivals.sum_moves if arrivals.sum_moves >= 0 else -arrivals.sum_moves
    cdef u128 spread
    arrivals.fit.moves = count
    if count < 2:
        return LACKS_MOVES
    spread = <u128>count * arrivals.sum_squares - <u128>total * <u128>total
    arrivals.fit.sigma = (
        sqrt(u128_to_double(spread)) / count / 2.0 * sqrt(1.0 / _interval_s(arrivals))
    )
    arrivals.fit.sigma_ns = arrivals.last_ns
    return 0


cdef int _fit_line(Arrivals* arrivals, const i64* hits, int count) noexcept nogil:
    """The line through the logarithm of the rates; what it lacks."""
    cdef const ArrivalRule* rule = &arrivals.rule
    cdef double step = 1.0 if rule.unit == UNIT_BINS else rule.bin_half_ticks / 2.0
    cdef double first = 0.5 if rule.unit == UNIT_BINS else step
    cdef double seconds = arrivals.filled * _interval_s(arrivals) * rule.sides
    cdef double weights = 0.0, x_mean = 0.0, y_mean = 0.0
    cdef double x_spread = 0.0, y_spread = 0.0, together = 0.0
    cdef double weight, x, slope
    cdef double[MOST_BINS] y
    cdef int i
    for i in range(count):
        weight = <double>hits[i] if rule.weighted else 1.0
        y[i] = log(hits[i] / seconds)
        weights += weight
        x_mean += weight * (first + i * step)
        y_mean += weight * y[i]
    x_mean /= weights
    y_mean /= weights
    for i in range(count):
        weight = <double>hits[i] if rule.weighted else 1.0
        x = first + i * step - x_mean
        x_spread += weight * x * x
        y_spread += weight * (y[i] - y_mean) * (y[i] - y_mean)
        together += weight * x * (y[i] - y_mean)
    slope = together / x_spread
    if not slope < 0.0:
        return LACKS_FALL
    arrivals.fit.decay = -slope
    arrivals.fit.scale = exp(y_mean - slope * x_mean)
    arrivals.fit.r_squared = together * together / (x_spread * y_spread)
    arrivals.fit.distances = count
    return 0


cdef int _fit_depths(Arrivals* arrivals) noexcept nogil:
    """How many reached each distance, and the line through it; what it lacks."""
    cdef const ArrivalRule* rule = &arrivals.rule
    cdef i64[MOST_BINS] hits
    cdef i64 reached = 0
    cdef int skipped = 2 if rule.unit == UNIT_BINS else 1
    cdef int depth, bin_at, count = 0
    cdef int bins = min(rule.most_bins, MOST_BINS // rule.bin_half_ticks - skipped + 1)
    arrivals.fit.arrivals = arrivals.arrivals
    if arrivals.arrivals < rule.least_arrivals:
        return LACKS_ARRIVALS
    bin_at = MOST_BINS // rule.bin_half_ticks
    for depth in range(MOST_BINS, 0, -1):
        reached += arrivals.counts[depth]
        if depth == bin_at * rule.bin_half_ticks:
            if 0 <= bin_at - skipped < bins:
                hits[bin_at - skipped] = reached
            bin_at -= 1
    while count < bins and hits[count] >= rule.least_hits:
        count += 1
    if count < 3:
        return LACKS_DISTANCES
    return _fit_line(arrivals, hits, count)


cdef bint _refit(Arrivals* arrivals) noexcept nogil:
    """Fit anew; what cannot be measured now keeps its value, and the fit its time."""
    cdef int lacking = _fit_moves(arrivals) | _fit_depths(arrivals)
    arrivals.fit.lacking = lacking
    if lacking:
        return False
    arrivals.fit.fitted_ns = arrivals.last_ns
    return True


cdef bint arrivals_sample(
    Arrivals* arrivals, i64 now_ns, i64 bid, i64 ask, i64 highest_bought, i64 lowest_sold
) noexcept nogil:
    cdef const ArrivalRule* rule = &arrivals.rule
    cdef i64 before = arrivals.mid
    cdef i64 mid = bid + ask if 0 < bid <= ask else 0
    cdef bint refit = arrivals.sampled % rule.refit_every == 0
    cdef int bought = 0, sold = 0, move = NOT_SEEN
    if arrivals.sampled and 2 * (now_ns - arrivals.last_ns) > 3 * rule.interval_ns:
        before = 0              # it was away: what happened took longer than an interval
    if before:
        if highest_bought >= 0:
            bought = _depth(2 * highest_bought - before)
        if lowest_sold >= 0:
            sold = _depth(before - 2 * lowest_sold)
        if rule.sides == 1:
            bought, sold = max(bought, sold), 0
        if mid:
            move = <int>min(max(mid - before, -LARGEST_MOVE), LARGEST_MOVE)
    _push(arrivals, bought, sold, move)
    arrivals.mid = mid
    arrivals.last_ns = now_ns
    arrivals.sampled += 1
    arrivals.fit.drift = (
        arrivals.sum_drift / (2.0 * rule.drift_samples * _interval_s(arrivals))
        if arrivals.filled >= rule.drift_samples else 0.0
    )
    return refit and arrivals.sampled >= rule.least_samples and _refit(arrivals)


cdef void _warm_up(
    Arrivals* arrivals, const i64* times, const i64* prices, const unsigned char* bought,
    Py_ssize_t count,
) noexcept nogil:
    """Sample trades as if they were the book: the last bought at is the ask, the last sold the bid."""
    cdef i64 interval = arrivals.rule.interval_ns
    cdef i64 bid = 0, ask = 0, highest = -1, lowest = -1
    cdef i64 until
    cdef Py_ssize_t at
    if count == 0:
        return
    until = times[0] + interval
    for at in range(count):
        while times[at] >= until:
            arrivals_sample(arrivals, until, bid, ask, highest, lowest)
            highest = lowest = -1
            until += interval
        if bought[at]:
            ask = prices[at]
            highest = max(highest, ask)
            bid = min(bid, ask)
        else:
            bid = prices[at]
            lowest = bid if lowest < 0 else min(lowest, bid)
            ask = max(ask, bid) if ask else 0
    arrivals_sample(arrivals, until, bid, ask, highest, lowest)


cdef class ArrivalEstimator:
    """Calibration of one instrument.

    Parameters
    ----------
    interval_ns
        Time between samples; whoever owns it samples that often. A gap of half as much again is
        left out: neither its trades nor its move count.
    window, refit_every, least_samples
        Samples that count, between two fits, and before the first; None is the window.
    least_arrivals, least_hits
        In the window, and at a distance that is fitted.
    drift_samples
        Last samples the drift of the mid is taken over.
    bin_half_ticks, most_bins
        Step of the distances, and how many are fitted at most.
    sides
        1 counts the deeper side of an interval once; 2 counts both, and rates are per side.
    unit
        See :class:`FitUnit`.
    weighted
        By hits, for ``ln`` of a Poisson count has a variance of one over the count.

    Raises
    ------
    ValueError
        If a number is out of its bounds.
    """

    def __cinit__(
        self,
        *,
        i64 interval_ns=100_000_000,
        i64 window=6000,
        i64 refit_every=50,
        least_samples=None,
        i64 least_arrivals=100,
        i64 least_hits=10,
        i64 drift_samples=10,
        int bin_half_ticks=1,
        int most_bins=70,
        int sides=2,
        unit=FitUnit.TICKS,
        bint weighted=True,
    ):
        cdef ArrivalRule rule
        rule.interval_ns = interval_ns
        rule.window = window
        rule.refit_every = refit_every
        rule.least_samples = window if least_samples is None else least_samples
        rule.least_arrivals = least_arrivals
        rule.least_hits = least_hits
        rule.drift_samples = drift_samples
        rule.bin_half_ticks = bin_half_ticks
        rule.most_bins = most_bins
        rule.sides = sides
        rule.unit = FitUnit(unit)
        rule.weighted = weighted
        if interval_ns <= 0 or not 2 <= window <= LARGEST_WINDOW:
            raise ValueError(f"a window is of 2 to {LARGEST_WINDOW} intervals, which take time")
        if refit_every < 1 or rule.least_samples < 2 or least_arrivals < 0 or least_hits < 1:
            raise ValueError("fits need samples, and distances hits")
        if not 1 <= drift_samples <= window or sides not in (1, 2):
            raise ValueError("a drift is over samples of the window, and a market has two sides")
        if bin_half_ticks < 1 or not 3 <= most_bins <= MOST_BINS // bin_half_ticks:
            raise ValueError(f"at least 3 bins, within {MOST_BINS} half ticks")
        if arrivals_create(&self.state, &rule):
            raise MemoryError

    def __dealloc__(self):
        arrivals_destroy(&self.state)

    def sample(
        self, i64 now_ns, i64 bid, i64 ask, i64 highest_bought=-1, i64 lowest_sold=-1
    ):
        """End an interval; return whether it was fitted anew.

        Parameters
        ----------
        now_ns
            Its end.
        bid, ask
            Best prices at its end, ticks; 0 for a side that is empty.
        highest_bought, lowest_sold
            How far trades of the interval reached, ticks; -1: nobody bought, or sold.
        """
        return bool(arrivals_sample(&self.state, now_ns, bid, ask, highest_bought, lowest_sold))

    def warm_up(
        self, const i64[::1] ts_ns, const i64[::1] prices, const unsigned char[::1] bought
    ):
        """Sample trades of the past, oldest first, without their book.

        The last price somebody bought at stands for the ask and the last somebody sold at for the
        bid. Sampling goes on later with the book itself; the gap in between does not count.

        Raises
        ------
        ValueError
            If arrays differ in length, time runs backwards, or a price is not positive.
        """
        cdef Py_ssize_t at, count = ts_ns.shape[0]
        if prices.shape[0] != count or bought.shape[0] != count:
            raise ValueError("times, prices and sides differ in length")
        for at in range(count):
            if prices[at] <= 0 or (at and ts_ns[at] < ts_ns[at - 1]):
                raise ValueError(f"trade {at} has no price, or is older than the one before it")
        if count:
            with nogil:
                _warm_up(&self.state, &ts_ns[0], &prices[0], &bought[0], count)

    @property
    def ready(self):
        """Whether there was a fit."""
        return bool(arrivals_ready(&self.state))

    @property
    def calibration(self):
        """What was measured last."""
        cdef Calibration* fit = &self.state.fit
        cdef double nan = float("nan")
        known = fit.fitted_ns != 0
        return CalibrationView(
            fit.scale if known else nan, fit.decay if known else nan,
            fit.sigma if fit.sigma_ns else nan, fit.r_squared if known else nan, fit.drift,
            fit.sigma_ns, fit.fitted_ns, fit.arrivals, fit.moves,
            fit.distances, Readiness(fit.lacking),
        )

    @property
    def samples(self):
        """Samples since the beginning."""
        return self.state.sampled

    @property
    def last_ns(self):
        """The last sample's time; 0 before it."""
        return self.state.last_ns

    def snapshot(self):
        """Return the state as plain numbers, for `restore` on an estimator made alike."""
        cdef Arrivals* state = &self.state
        cdef i64 first = state.at - state.filled
        places = [(first + at + state.rule.window) % state.rule.window for at in range(state.filled)]
        return {
            "bought": [state.depths[2 * place] for place in places],
            "sold": [state.depths[2 * place + 1] for place in places],
            "moves": [
                None if state.moves[place] == NOT_SEEN else state.moves[place] for place in places
            ],
            "sampled": state.sampled,
            "last_ns": state.last_ns,
            "mid": state.mid,
            "fit": state.fit,
        }

    def restore(self, state):
        """Take up the state that `snapshot` gave.

        Raises
        ------
        ValueError
            If it is of another window, or damaged.
        """
        rows = list(zip(state["bought"], state["sold"], state["moves"], strict=True))
        if len(rows) > self.state.rule.window:
            raise ValueError(f"{len(rows)} samples are more than the window")
        for bought, sold, move in rows:
            if not (0 <= bought <= MOST_BINS and 0 <= sold <= MOST_BINS):
                raise ValueError(f"depths of {bought} and {sold} half ticks")
            if move is not None and not -LARGEST_MOVE <= move <= LARGEST_MOVE:
                raise ValueError(f"a move of {move} half ticks")
        fit = state["fit"]
        if not all(isfinite(fit[name]) for name in ("scale", "decay", "sigma", "drift")):
            raise ValueError("a fit of numbers that are none")
        arrivals_clear(&self.state)
        for bought, sold, move in rows:
            _push(&self.state, bought, sold, NOT_SEEN if move is None else move)
        self.state.sampled = state["sampled"]
        self.state.last_ns = state["last_ns"]
        self.state.mid = state["mid"]
        self.state.fit = fit
