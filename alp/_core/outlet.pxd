# Where a component's messages leave and arrive: libzmq's own send and receive, without the GIL.

from alp._core.uint256 cimport i64, u64
from alp._core.wire cimport Header, u16

cdef extern from "time.h" nogil:
    ctypedef int clockid_t
    cdef struct timespec:
        long tv_sec
        long tv_nsec
    enum:
        CLOCK_REALTIME
        CLOCK_MONOTONIC
    int clock_gettime(clockid_t, timespec*)


cdef inline i64 realtime_ns() noexcept nogil:
    cdef timespec t
    clock_gettime(CLOCK_REALTIME, &t)
    return <i64>t.tv_sec * 1000000000 + t.tv_nsec


cdef inline i64 monotonic_ns() noexcept nogil:
    cdef timespec t
    clock_gettime(CLOCK_MONOTONIC, &t)
    return <i64>t.tv_sec * 1000000000 + t.tv_nsec


cdef enum:
    MOST_INSTRUMENTS = 256
    KIND_COUNT = 12             # kinds begin at 1
    MOST_MESSAGE = 65536        # bytes of a message that is kept for late subscribers
    MOST_TOPICS = 4096

ctypedef int (*SendFunction)(void*, const void*, size_t, int) noexcept nogil
ctypedef int (*ReceiveFunction)(void*, void*, size_t, int) noexcept nogil
ctypedef int (*ErrnoFunction)() noexcept nogil

cdef struct Kept:
    char* bytes
    Py_ssize_t size
    Py_ssize_t room

cdef class Outlet:
    cdef SendFunction zmq_send
    cdef ErrnoFunction zmq_errno
    cdef void* socket
    cdef u16 source
    cdef u64 sequences[KIND_COUNT][MOST_INSTRUMENTS]
    cdef Kept kept[KIND_COUNT][MOST_INSTRUMENTS]
    cdef readonly i64 sent
    cdef readonly i64 dropped       # the socket would have blocked, or is gone
    # Number, stamp, keep and send; nonzero where the socket did not take it.
    cdef int send(self, Header* message, Py_ssize_t size) noexcept nogil
    cdef int _keep(self, const Header* message, Py_ssize_t size) noexcept nogil

cdef struct Topic:
    u64 key                     # kind, source, instrument; 0 is free
    u64 sequence
    i64 send_ns

cdef class Inlet:
    cdef ReceiveFunction zmq_recv
    cdef ErrnoFunction zmq_errno
    cdef void* socket
    cdef char* buffer
    cdef Topic topics[MOST_TOPICS]
    cdef readonly i64 received
    cdef readonly i64 lost          # messages missing by the sequence numbers
    cdef readonly i64 gaps          # how often some were
    cdef readonly i64 restarts      # a source began again
    cdef readonly i64 repeated
    cdef readonly i64 refused       # bytes that are no message of this version
    # Bytes of the next message in `buffer`; 0 where none waits, negative where it is to be ignored.
    cdef Py_ssize_t receive(self, bint wait) noexcept nogil
    # The same without ever sleeping: asks again until something comes or the time is over.
    cdef Py_ssize_t receive_spinning(self, i64 most_ns) noexcept nogil
    cdef Topic* _find(self, u64 key) noexcept nogil
    cdef bint _is_news(self, const Header* header) noexcept nogil
