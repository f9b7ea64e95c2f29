"""The WebSocket listener: frames go to the feed from the socket's own buffer, then to the bus.

Between the socket and the bus no Python object is made of a message. Python hears of the rare:
answers to subscriptions, books that came or went, messages that cannot be read, the end.
"""

from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from picows.picows cimport WSFrame, WSListener, WSMsgType, WSTransport

from alp._core.feed cimport Feed
from alp._core.feeds.frame cimport FRAME_DATA, FRAME_HEARTBEAT
from alp._core.market_publisher cimport Lane
from alp._core.outlet cimport monotonic_ns, realtime_ns
from alp._core.uint256 cimport i64

MOST_BYTES = 64 * 1024 * 1024
"""Bytes of one message; more is an error of the venue."""


cdef class MarketListener(WSListener):
    """Takes one connection's messages.

    Parameters
    ----------
    events
        Is told what is rare: ``opened()``, ``turned(symbols)`` with the bits of products whose
        book came or went, ``control(message)``, ``unreadable(fault)``, ``closed(code)``.
    tap
        Called with (realtime nanoseconds, bytes) of every message before it is parsed, or None.
    """

    def __cinit__(self, Feed feed, Lane lane, events, tap=None):
        self.feed, self.lane, self.events, self.tap = feed, lane, events, tap
        self.parts = NULL
        self.frame_ns = monotonic_ns()

    def __init__(self, feed, lane, events, tap=None):
        super().__init__()

    def __dealloc__(self):
        free(self.parts)

    cdef int _collect(self, const char* part, Py_ssize_t size) except -1:
        cdef char* larger
        if self.parts_size + size > MOST_BYTES:
            raise ValueError(f"a message of more than {MOST_BYTES} bytes")
        if self.parts_size + size > self.parts_room:
            larger = <char*>realloc(self.parts, 2 * (self.parts_size + size))
            if larger == NULL:
                raise MemoryError
            self.parts = larger
            self.parts_room = 2 * (self.parts_size + size)
        memcpy(self.parts + self.parts_size, part, size)
        self.parts_size += size
        return 0

    cdef int _message(self, const char* message, Py_ssize_t size) except -1:
        cdef int fault
        cdef Feed feed = self.feed
        if self.tap is not None:
            self.tap(realtime_ns(), message[:size])
        fault = feed.take(message, size, self.frame_ns)
        if self.lane is not None:
            self.lane.publish(self.frame_ns)
        if fault:
            self.events.unreadable(fault)
        elif feed.frame.kind != FRAME_DATA and feed.frame.kind != FRAME_HEARTBEAT:
            self.events.control(message[:size])
        if feed.turned:
            turned, feed.turned = feed.turned, 0
            self.events.turned(turned)
        return 0

    cpdef on_ws_connected(self, WSTransport transport):
        """Begin."""
        self.frame_ns = monotonic_ns()
        self.events.opened(transport)

    cpdef on_ws_frame(self, WSTransport transport, WSFrame frame):
        """Take one frame."""
        self.frame_ns = monotonic_ns()
        self.frames += 1
        if frame.msg_type == WSMsgType.TEXT and frame.fin:
            self._message(frame.payload_ptr, frame.payload_size)
        elif frame.msg_type == WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
        elif frame.msg_type == WSMsgType.CLOSE:
            self.events.closed(<int>frame.get_close_code(), frame.get_close_message())
            if not transport.is_close_frame_sent:
                transport.send_close()
            transport.disconnect()
        elif frame.msg_type != WSMsgType.PONG:
            # In parts; and whatever is binary is read as text, which it is or is not.
            self._collect(frame.payload_ptr, frame.payload_size)
            if frame.fin:
                size, self.parts_size = self.parts_size, 0
                self._message(self.parts, size)

    cpdef on_ws_disconnected(self, WSTransport transport):
        """End."""
        self.events.gone()

    def idle_ns(self):
        """Return how long nothing at all has come."""
        return monotonic_ns() - self.frame_ns
