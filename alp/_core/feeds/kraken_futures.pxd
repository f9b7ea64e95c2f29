# Kraken Futures: WebSocket version 1.

from alp._core.feeds.frame cimport Frame, Symbols

cdef int parse_kraken_futures(
    Frame* frame, Symbols* symbols, const char* message, Py_ssize_t size
) noexcept nogil
