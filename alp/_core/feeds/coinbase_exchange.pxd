# Coinbase Exchange: the older WebSocket feed.

from alp._core.feeds.frame cimport Frame, Symbols

cdef int parse_coinbase_exchange(
    Frame* frame, Symbols* symbols, const char* message, Py_ssize_t size
) noexcept nogil
