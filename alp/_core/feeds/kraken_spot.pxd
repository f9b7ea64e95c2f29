# Kraken spot: WebSocket version 2.

from alp._core.feeds.frame cimport Frame, Symbols

cdef int parse_kraken_spot(
    Frame* frame, Symbols* symbols, const char* message, Py_ssize_t size
) noexcept nogil
