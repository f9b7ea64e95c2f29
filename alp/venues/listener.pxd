# A WebSocket's frames, handed to a feed where they stand in the socket's buffer.

from picows.picows cimport WSFrame, WSListener, WSTransport

from alp._core.feed cimport Feed
from alp._core.market_publisher cimport Lane
from alp._core.uint256 cimport i64

cdef class MarketListener(WSListener):
    cdef readonly Feed feed
    cdef readonly Lane lane         # None: nothing is published
    cdef object events
    cdef object tap
    cdef char* parts                # of a message that comes in several frames
    cdef Py_ssize_t parts_size
    cdef Py_ssize_t parts_room
    cdef readonly i64 frame_ns      # when the last frame of any kind came, CLOCK_MONOTONIC
    cdef readonly i64 frames
    cdef int _collect(self, const char* part, Py_ssize_t size) except -1
    cdef int _message(self, const char* message, Py_ssize_t size) except -1
    cpdef on_ws_connected(self, WSTransport transport)
    cpdef on_ws_frame(self, WSTransport transport, WSFrame frame)
    cpdef on_ws_disconnected(self, WSTransport transport)
