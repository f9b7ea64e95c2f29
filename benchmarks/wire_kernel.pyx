# cython: language_level=3, cdivision=True, boundscheck=False, annotation_typing=False
"""Loops around the bus's best-quote message, to time it without Python: built by ``wire.py``."""

from libc.string cimport memset
from libc.time cimport CLOCKS_PER_SEC, clock, clock_t

from alp._core.uint256 cimport i64, u64
from alp._core.wire cimport KIND_BBO, Bbo, check_message, fill_header

cdef extern from *:
    """
    /* The compiler must take all memory for changed: nothing is hoisted out of a loop. */
    #define alp_fence() __asm__ volatile("" ::: "memory")
    """
    void fence "alp_fence"() noexcept nogil

cdef enum:
    MESSAGES = 64

SIZE = sizeof(Bbo)


def encode_ns(i64 calls):
    """CPU nanoseconds of filling one message in memory that the caller owns."""
    cdef Bbo messages[MESSAGES]
    cdef Bbo* message
    cdef i64 i
    cdef clock_t start
    memset(messages, 0, sizeof(messages))
    with nogil:
        start = clock()
        for i in range(calls):
            message = &messages[i % MESSAGES]
            fill_header(&message.header, KIND_BBO, 3, 7, <u64>i, i + 5, i + 9)
            message.bid, message.bid_quantity = 200000 + i, 17
            message.ask, message.ask_quantity = 200001 + i, 23
            fence()
        start = clock() - start
    return <double>start * 1e9 / CLOCKS_PER_SEC / calls


def decode_ns(i64 calls):
    """CPU nanoseconds of checking one message and reading each of its fields; and their sum."""
    cdef Bbo messages[MESSAGES]
    cdef Bbo* message
    cdef i64 i
    cdef i64 total = 0
    cdef i64 wrong = 0
    cdef clock_t start
    memset(messages, 0, sizeof(messages))
    for i in range(MESSAGES):
        fill_header(&messages[i].header, KIND_BBO, 3, 7, <u64>i, i + 5, i + 9)
        messages[i].bid = i
    with nogil:
        start = clock()
        for i in range(calls):
            message = &messages[i % MESSAGES]
            wrong |= check_message(<const char*>message, sizeof(Bbo))
            total += message.header.source + message.header.instrument
            total += <i64>message.header.sequence + message.header.exchange_ns
            total += message.header.send_ns + message.bid + message.bid_quantity
            total += message.ask + message.ask_quantity
            fence()
        start = clock() - start
    if wrong:
        raise ValueError("a message that was just written is refused")
    return <double>start * 1e9 / CLOCKS_PER_SEC / calls, total
