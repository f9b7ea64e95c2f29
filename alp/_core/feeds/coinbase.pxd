# Coinbase Advanced Trade: the market data WebSocket.

from alp._core.feeds.frame cimport Frame, Symbols

cdef int parse_coinbase(
    Frame* frame, Symbols* symbols, const char* message, Py_ssize_t size
) noexcept nogil
