"""CRC-32 in eight tables, and the checksum that Kraken sends with every change of a book.

For the best ten asks, low to high, then the best ten bids, high to low: the digits of the price and
of the quantity as the venue wrote them, without the point and without leading zeros. An integer in
units of the last decimal place has just these digits.
"""

from alp._core.book cimport BookState, Level, Side, side_depth
from alp._core.feeds.scan cimport Scale
from alp._core.uint256 cimport i64, u32, u64

cdef enum:
    TABLES = 8
    CHECKED_LEVELS = 10
    MOST_TEXT = 1024            # 2 sides * 10 levels * 2 numbers * at most 20 digits, and more

cdef u32 TABLE[TABLES][256]


cdef void _fill() noexcept nogil:
    cdef int i, k
    cdef u32 crc
    for i in range(256):
        crc = <u32>i
        for k in range(8):
            crc = (crc >> 1) ^ (<u32>0xEDB88320 if crc & 1 else <u32>0)
        TABLE[0][i] = crc
    for i in range(256):
        for k in range(1, TABLES):
            TABLE[k][i] = (TABLE[k - 1][i] >> 8) ^ TABLE[0][TABLE[k - 1][i] & 255]


_fill()


cdef u32 crc32(u32 crc, const char* data, Py_ssize_t size) noexcept nogil:
    """Continue a CRC-32 over more bytes; 0 begins one."""
    cdef const unsigned char* p = <const unsigned char*>data
    cdef u32 low, high
    crc = ~crc
    while size >= 8:
        low = crc ^ (p[0] | <u32>p[1] << 8 | <u32>p[2] << 16 | <u32>p[3] << 24)
        high = p[4] | <u32>p[5] << 8 | <u32>p[6] << 16 | <u32>p[7] << 24
        crc = (
            TABLE[7][low & 255] ^ TABLE[6][(low >> 8) & 255]
            ^ TABLE[5][(low >> 16) & 255] ^ TABLE[4][low >> 24]
            ^ TABLE[3][high & 255] ^ TABLE[2][(high >> 8) & 255]
            ^ TABLE[1][(high >> 16) & 255] ^ TABLE[0][high >> 24]
        )
        p += 8
        size -= 8
    while size > 0:
        crc = (crc >> 8) ^ TABLE[0][(crc ^ p[0]) & 255]
        p += 1
        size -= 1
    return ~crc


cdef inline char* _write(char* at, u64 value) noexcept nogil:
    """Its decimal digits; nothing for zero, whose digits are all leading zeros."""
    cdef char digits[20]
    cdef int n = 0
    while value:
        digits[n] = <char>(48 + value % 10)
        value //= 10
        n += 1
    while n:
        n -= 1
        at[0] = digits[n]
        at += 1
    return at


cdef char* _write_side(
    char* at, const Side* side, const Scale* price, const Scale* quantity
) noexcept nogil:
    cdef Level levels[CHECKED_LEVELS]
    cdef Py_ssize_t i
    cdef Py_ssize_t count = side_depth(side, levels, CHECKED_LEVELS)
    for i in range(count):
        at = _write(at, <u64>levels[i].price * <u64>price.step)
        at = _write(at, <u64>levels[i].quantity * <u64>quantity.step)
    return at


cdef u32 kraken_checksum(
    const BookState* book, const Scale* price, const Scale* quantity
) noexcept nogil:
    """Of a settled book whose scales have the venue's decimals."""
    cdef char text[MOST_TEXT]
    cdef char* end = _write_side(text, &book.asks, price, quantity)
    end = _write_side(end, &book.bids, price, quantity)
    return crc32(0, text, end - text)


def crc32_of(bytes data not None):
    """Return the CRC-32 of some bytes, as ``zlib.crc32`` does; for tests."""
    return crc32(0, data, len(data))
