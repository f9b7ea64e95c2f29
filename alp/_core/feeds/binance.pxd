# Binance spot, USD-M and COIN-M public streams, and REST depth snapshots.

from alp._core.feeds.frame cimport Frame, Symbols

cdef int parse_binance(
    Frame* frame, Symbols* symbols, const char* message, Py_ssize_t size
) noexcept nogil
