# Records of what a desk was told and what it answered; docs/desk-log.md shows every byte.

from alp._core.uint256 cimport i64, u64

cdef enum:
    HEAD_BYTES = 18             # kind u8, size u24, check u16, crc u32, at_ns i64
    MOST_PAYLOAD = (1 << 24) - 1
    MOST_DEPTH = 64             # of lists and mappings in one another
    WISH = 64                   # kinds above 63 are no events
    APPEND_NO_ROOM = 0
    APPEND_DONE = 1
    APPEND_LONG_ENOUGH = 2      # there, and the segment should end
    TAG_NONE = 0
    TAG_FALSE = 1
    TAG_TRUE = 2
    TAG_INT = 3
    TAG_FLOAT = 4
    TAG_TEXT = 5
    TAG_BYTES = 6
    TAG_LIST = 7
    TAG_MAPPING = 8

cdef struct Sink:
    char* data
    i64 fill
    i64 room

cdef class DeskRecords:
    cdef Sink scratch
    cdef char* waiting
    cdef i64 fill
    cdef i64 room
    cdef dict kinds
    cdef u64 _number
    cdef i64 appended           # bytes of the segment
    cdef i64 most_bytes
    cdef i64 most_ns
    cdef i64 _first_ns
    cdef i64 _last_ns
    cdef bint _append(self, int kind, i64 at_ns) noexcept

cdef class DeskRecordReader:
    cdef object owner
    cdef const unsigned char[::1] view
    cdef const unsigned char* data
    cdef i64 size
    cdef i64 _offset
    cdef u64 _number
    cdef bint _torn
    cdef int _next(self, int* kind, i64* at_ns, i64* begin, i64* end) except -1
    cdef bint _only_zeros(self)
    cdef i64 _integer(self, i64* at, i64 end) except? -2
