"""CRC-32 (IEEE 802.3, as zlib's), and Kraken's checksum of a book's best ten levels."""

from alp._core.book cimport BookState
from alp._core.feeds.scan cimport Scale
from alp._core.uint256 cimport u32

cdef u32 crc32(u32 crc, const char* data, Py_ssize_t size) noexcept nogil
cdef u32 kraken_checksum(
    const BookState* book, const Scale* price, const Scale* quantity
) noexcept nogil
