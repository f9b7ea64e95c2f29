# cython: language_level=3, cdivision=True, boundscheck=False, annotation_typing=False
"""Loops around the market maker's decision, to time it without Python: built by ``maker.py``."""

from libc.time cimport CLOCKS_PER_SEC, clock, clock_t

from alp._core.arrivals cimport ArrivalEstimator, arrivals_sample
from alp._core.maker cimport MarketMaker, maker_decide
from alp._core.maker_prices cimport MakerInputs
from alp._core.uint256 cimport i64


cdef inline double _ns(clock_t start, i64 calls) noexcept nogil:
    return <double>(clock() - start) / CLOCKS_PER_SEC * 1e9 / calls


def decision_ns(MarketMaker maker, inputs, i64 calls, i64 fits):
    """CPU nanoseconds of a decision; price and inventory differ each time, sigma every `fits`."""
    cdef MakerInputs seen = inputs
    cdef i64 at, quoted = 0, limit = maker.maker.rule.most_inventory
    cdef i64 bid = seen.bid
    cdef double sigma = seen.sigma
    cdef clock_t start
    with nogil:
        start = clock()
        for at in range(calls):
            seen.now_ns += 1000
            seen.stamp_ns[0] = seen.stamp_ns[1] = seen.stamp_ns[3] = seen.now_ns
            seen.bid = bid + (at * 7 & 63)
            seen.ask = seen.bid + 1
            seen.inventory = at * 13 % (2 * limit + 1) - limit
            if fits and at % fits == 0:
                seen.sigma = sigma * (1.0 + <double>(at % 1024) / 1e6)
            quoted += maker_decide(&maker.maker, &seen)
    if quoted != calls:
        raise AssertionError("a decision quoted nothing")
    return _ns(start, calls)


def sample_ns(ArrivalEstimator arrivals, i64[::1] bids, i64[::1] reaches, i64 calls):
    """CPU nanoseconds of a sample, its share of the fits included."""
    cdef i64 at, count = bids.shape[0], bid, reach, fitted = 0
    cdef i64 interval = arrivals.state.rule.interval_ns
    cdef clock_t start
    with nogil:
        start = clock()
        for at in range(calls):
            bid = bids[at % count]
            reach = reaches[at % count]
            fitted += arrivals_sample(
                &arrivals.state, (at + 1) * interval, bid, bid + 1,
                bid + 1 + reach if reach > 0 else -1, bid + reach if reach < 0 else -1,
            )
    if fitted == 0:
        raise AssertionError("nothing was fitted")
    return _ns(start, calls)
