# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False, annotation_typing=False
"""A burst of best quotes over alp's bus, sent and received without the GIL: built by ``bus.py``."""

from libc.string cimport memset

from alp._core.outlet cimport Inlet, Outlet, monotonic_ns, realtime_ns
from alp._core.uint256 cimport i64
from alp._core.wire cimport KIND_BBO, Bbo, Header, fill_header

cdef extern from "sched.h" nogil:
    int sched_yield()

cdef extern from *:
    """
    #define alp_load(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
    #define alp_store(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
    """
    i64 load "alp_load"(i64*) noexcept nogil
    void store "alp_store"(i64*, i64) noexcept nogil


def send(Outlet outlet not None, i64[::1] shared, i64 first, i64 count, i64 gap_ns):
    """Send each message a gap after the last one, which must have arrived; ``first`` came before."""
    cdef Bbo message
    cdef i64 i, due
    cdef i64 failed = 0
    memset(&message, 0, sizeof(Bbo))
    with nogil:
        for i in range(count):
            due = monotonic_ns() + gap_ns
            while monotonic_ns() < due or load(&shared[1]) < first + i:
                sched_yield()
            fill_header(&message.header, KIND_BBO, 0, 1, 0, 5, 0)
            message.bid, message.ask = 200000 + i, 200001 + i
            message.bid_quantity = message.ask_quantity = 7
            failed += outlet.send(&message.header, sizeof(Bbo))
    return failed


def receive(
    Inlet inlet not None, i64[::1] shared, i64 first, i64[::1] latencies, bint spinning
):
    """Receive as many messages as there is room for latencies, in nanoseconds."""
    cdef Py_ssize_t size
    cdef i64 i = 0
    cdef i64 count = latencies.shape[0]
    with nogil:
        while i < count:
            if spinning:
                size = inlet.receive_spinning(1000000000)
            else:
                size = inlet.receive(True)
            if size <= 0:
                continue
            latencies[i] = realtime_ns() - (<const Header*>inlet.buffer).send_ns
            i += 1
            store(&shared[1], first + i)
