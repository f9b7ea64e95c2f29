"""What a desk was told and answered, as records: exact integers, any plain value, a CRC for each.

A record is a head of 18 bytes and its payload::

    u8 kind, u24 size of the payload, u16 check, u32 crc, i64 at_ns

The CRC begins at the record's number, so that one that is missing, doubled or moved is found; it
covers kind and size, time and payload. The check is its low half after kind and size: a size that
was damaged is told from a record that was torn.

An integer is a byte with its length and so many bytes of two's complement, as few as hold it; there
is one way to write each value, so equal bytes are equal values.
"""

from enum import IntEnum

import numpy as np

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_Check
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_Check
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.tuple cimport PyTuple_Check, PyTuple_GET_ITEM, PyTuple_GET_SIZE
from cpython.unicode cimport PyUnicode_Check
from libc.string cimport memcpy

from alp._core.checksum cimport crc32
from alp._core.uint256 cimport clz64, i64, u32, u64

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL
    bint PyIndex_Check(object value)

HEAD_SIZE = HEAD_BYTES
MOST_RECORD = MOST_PAYLOAD
WISH_KIND = WISH


class Appended(IntEnum):
    """What became of an event."""

    NO_ROOM = APPEND_NO_ROOM
    DONE = APPEND_DONE
    LONG_ENOUGH = APPEND_LONG_ENOUGH


cdef int _room(Sink* sink, i64 size) except -1:
    cdef i64 wanted = sink.fill + size
    cdef char* data
    if wanted <= sink.room:
        return 0
    wanted = max(wanted, 2 * sink.room)
    data = <char*>PyMem_Realloc(sink.data, wanted)
    if data == NULL:
        raise MemoryError
    sink.data, sink.room = data, wanted
    return 0


cdef inline int _put_byte(Sink* sink, int value) except -1:
    _room(sink, 1)
    sink.data[sink.fill] = <char>value
    sink.fill += 1
    return 0


cdef int _put_bytes(Sink* sink, const char* data, i64 size) except -1:
    _room(sink, size)
    memcpy(sink.data + sink.fill, data, size)
    sink.fill += size
    return 0


cdef inline int _put_i64(Sink* sink, i64 value) except -1:
    cdef u64 magnitude = <u64>(value ^ (value >> 63))
    cdef int length = 0
    if value != 0:
        length = 1 if magnitude == 0 else (64 - clz64(magnitude)) // 8 + 1
    _room(sink, 9)
    sink.data[sink.fill] = <char>length
    memcpy(sink.data + sink.fill + 1, &value, 8)  # little endian; what is beyond is overwritten
    sink.fill += 1 + length
    return 0


cdef int _put_int(Sink* sink, object value) except -1:
    """Write an integer of any size up to 2**2031."""
    cdef int overflow = 0
    cdef i64 small
    cdef bytes wide
    if not PyLong_Check(value):
        if not PyIndex_Check(value):
            raise TypeError(f"{value!r} is no integer")
        value = value.__index__()
    small = PyLong_AsLongLongAndOverflow(value, &overflow)
    if not overflow:
        return _put_i64(sink, small)
    length = (value if value >= 0 else ~value).bit_length() // 8 + 1
    if length > 255:
        raise ValueError(f"an integer of {length} bytes; 255 are the most")
    wide = value.to_bytes(length, "little", signed=True)
    _put_byte(sink, length)
    return _put_bytes(sink, PyBytes_AS_STRING(wide), length)


cdef int _put_text(Sink* sink, object text) except -1:
    cdef Py_ssize_t size = 0
    cdef const char* data = PyUnicode_AsUTF8AndSize(text, &size)
    _put_i64(sink, size)
    return _put_bytes(sink, data, size)


cdef int _put_plain(Sink* sink, object value, int depth) except -1:
    cdef double number
    if depth > MOST_DEPTH:
        raise ValueError(f"values are nested in more than {MOST_DEPTH} others")
    if value is None:
        return _put_byte(sink, TAG_NONE)
    if value is True or value is False:
        return _put_byte(sink, TAG_TRUE if value is True else TAG_FALSE)
    if PyUnicode_Check(value):
        _put_byte(sink, TAG_TEXT)
        return _put_text(sink, value)
    if PyFloat_Check(value):
        number = PyFloat_AS_DOUBLE(value)
        _put_byte(sink, TAG_FLOAT)
        return _put_bytes(sink, <const char*>&number, 8)
    if PyLong_Check(value) or PyIndex_Check(value):
        _put_byte(sink, TAG_INT)
        return _put_int(sink, value)
    if isinstance(value, (list, tuple)):
        _put_byte(sink, TAG_LIST)
        _put_i64(sink, len(value))
        for each in value:
            _put_plain(sink, each, depth + 1)
        return 0
    if isinstance(value, bytes):
        _put_byte(sink, TAG_BYTES)
        _put_i64(sink, len(value))
        return _put_bytes(sink, PyBytes_AS_STRING(value), len(value))
    if not hasattr(value, "items"):
        raise TypeError(f"{value!r} is no plain value")
    _put_byte(sink, TAG_MAPPING)
    _put_i64(sink, len(value))
    for name, each in value.items():
        if not PyUnicode_Check(name):
            raise TypeError(f"{name!r} names a member; only texts do")
        _put_text(sink, name)
        _put_plain(sink, each, depth + 1)
    return 0


cdef int _put_levels(Sink* sink, object levels) except -1:
    _put_i64(sink, len(levels))
    for price, lots in levels:
        _put_int(sink, price)
        _put_int(sink, lots)
    return 0


cdef i64 _put_wish(Sink* sink, object wish) except? -1:
    """Write all of a wish but its time, which is returned."""
    number, instrument, at, until, bids, asks, why = wish
    cdef i64 at_ns = at
    _put_int(sink, number)
    _put_int(sink, instrument)
    _put_int(sink, until - at)
    _put_levels(sink, bids)
    _put_levels(sink, asks)
    _put_plain(sink, why, 0)
    return at_ns


cdef class _Source:
    """Bytes, read from front to back."""

    cdef bytes held
    cdef const unsigned char* data
    cdef i64 at
    cdef i64 size

    def __cinit__(self, bytes data not None):
        self.held = data
        self.data = <const unsigned char*>PyBytes_AS_STRING(data)
        self.at, self.size = 0, PyBytes_GET_SIZE(data)

    cdef const unsigned char* take(self, i64 size) except NULL:
        if size < 0 or size > self.size - self.at:
            raise ValueError(f"the content ends after byte {self.size}")
        self.at += size
        return self.data + self.at - size

    cdef object integer(self):
        cdef int length = self.take(1)[0]
        cdef u64 value = 0
        cdef const unsigned char* data = self.take(length) if length else self.data
        if length > 8:
            return int.from_bytes(data[:length], "little", signed=True)
        if length == 0:
            return 0
        memcpy(&value, data, length)
        if length < 8 and data[length - 1] & 0x80:
            value |= ~<u64>0 << (8 * length)
        return <i64>value

    cdef i64 count(self) except -1:
        cdef object value = self.integer()
        if not 0 <= value <= self.size:
            raise ValueError(f"no length at byte {self.at}")
        return value

    cdef str text(self):
        cdef i64 size = self.count()
        if size == 0:
            return ""
        return self.take(size)[:size].decode("utf-8")

    cdef object levels(self):
        return tuple([(self.integer(), self.integer()) for _ in range(self.count())])

    cdef object plain(self, int depth):
        cdef int tag = self.take(1)[0]
        cdef double number
        cdef i64 size
        if depth > MOST_DEPTH:
            raise ValueError(f"values are nested in more than {MOST_DEPTH} others")
        if tag == TAG_NONE:
            return None
        if tag == TAG_FALSE or tag == TAG_TRUE:
            return tag == TAG_TRUE
        if tag == TAG_INT:
            return self.integer()
        if tag == TAG_FLOAT:
            memcpy(&number, self.take(8), 8)
            return number
        if tag == TAG_TEXT:
            return self.text()
        if tag == TAG_BYTES:
            size = self.count()
            return self.take(size)[:size] if size else b""
        if tag == TAG_LIST:
            return [self.plain(depth + 1) for _ in range(self.count())]
        if tag == TAG_MAPPING:
            found = {}
            for _ in range(self.count()):
                name = self.text()
                found[name] = self.plain(depth + 1)
            return found
        raise ValueError(f"no value at byte {self.at - 1}")

    cdef int finish(self) except -1:
        if self.at != self.size:
            raise ValueError(f"{self.size - self.at} bytes too many")
        return 0


cdef bytes _bytes_of(Sink* sink):
    return PyBytes_FromStringAndSize(sink.data, sink.fill)


def encode_plain(value):
    """Return a plain value's bytes: None, bool, int, float, str, bytes, lists, mappings by text.

    A tuple becomes a list. The order of a mapping's members is kept.

    Raises
    ------
    TypeError, ValueError
        If it holds anything else, or is nested too deeply.
    """
    cdef Sink sink
    sink.data, sink.fill, sink.room = NULL, 0, 0
    try:
        _put_plain(&sink, value, 0)
        return _bytes_of(&sink)
    finally:
        PyMem_Free(sink.data)


def decode_plain(bytes data not None):
    """Return the value that `encode_plain` wrote; ValueError where these are not its bytes."""
    cdef _Source source = _Source(data)
    value = source.plain(0)
    source.finish()
    return value


def encode_wish(wish not None):
    """Return the payload of a wish's record: all but its time."""
    cdef Sink sink
    sink.data, sink.fill, sink.room = NULL, 0, 0
    try:
        _put_wish(&sink, wish)
        return _bytes_of(&sink)
    finally:
        PyMem_Free(sink.data)


def decode_wish(bytes payload not None):
    """Return number, instrument, nanoseconds it holds, bids, asks and why."""
    cdef _Source source = _Source(payload)
    number, instrument, holds = source.integer(), source.integer(), source.integer()
    bids, asks = source.levels(), source.levels()
    why = source.plain(0)
    source.finish()
    return number, instrument, holds, bids, asks, why


def decode_numbers(bytes payload not None):
    """Return all integers of an event's payload."""
    cdef _Source source = _Source(payload)
    found = []
    while source.at < source.size:
        found.append(source.integer())
    return tuple(found)


cdef class DeskRecords:
    """Records on their way to the disk, in memory of a fixed size.

    The caller appends and another thread takes; both hold the interpreter's lock while they do.

    Parameters
    ----------
    kinds
        By the type of an event: its number, and which of its members is its time.
    room
        Bytes that may wait.
    number
        Of the first record.
    """

    def __cinit__(self, kinds, i64 room, u64 number=0):
        if room < HEAD_BYTES:
            raise ValueError(f"no room in {room} bytes")
        self.kinds = dict(kinds)
        self.room, self.fill, self._number = room, 0, number
        self.appended = self._first_ns = self._last_ns = 0
        self.most_bytes = self.most_ns = <i64>1 << 62
        self.waiting = <char*>PyMem_Malloc(room)
        self.scratch.data = <char*>PyMem_Malloc(4096)
        self.scratch.fill, self.scratch.room = 0, 4096
        if self.waiting == NULL or self.scratch.data == NULL:
            raise MemoryError

    def __dealloc__(self):
        PyMem_Free(self.waiting)
        PyMem_Free(self.scratch.data)

    def end_at(self, i64 size, i64 age_ns):
        """Begin a segment, which is long enough after so many bytes or nanoseconds."""
        self.appended, self._first_ns = 0, self._last_ns
        self.most_bytes, self.most_ns = size, age_ns

    cdef bint _append(self, int kind, i64 at_ns) noexcept:
        """Put a head and what is in the scratch behind the others; False where it has no room."""
        cdef i64 size = self.scratch.fill
        cdef char* head = self.waiting + self.fill
        cdef u32 word, crc
        if size > MOST_PAYLOAD or self.fill + HEAD_BYTES + size > self.room:
            return False
        word = <u32>kind | <u32>size << 8
        memcpy(head, &word, 4)
        crc = crc32(<u32>self._number, head, 4)
        memcpy(head + 4, &crc, 2)
        memcpy(head + 10, &at_ns, 8)
        memcpy(head + HEAD_BYTES, self.scratch.data, size)
        crc = crc32(crc, head + 10, 8 + size)
        memcpy(head + 6, &crc, 4)
        self.fill += HEAD_BYTES + size
        self.appended += HEAD_BYTES + size
        self._last_ns = at_ns
        self._number += 1
        return True

    def event(self, event not None):
        """Append an event; return an :class:`Appended` as a number."""
        cdef object known = self.kinds[type(event)]
        cdef Py_ssize_t time_at = <object>PyTuple_GET_ITEM(known, 1)
        cdef Py_ssize_t i
        cdef i64 at_ns
        if not PyTuple_Check(event):
            raise TypeError(f"{event!r} is no event")
        at_ns = <object>PyTuple_GET_ITEM(event, time_at)
        self.scratch.fill = 0
        for i in range(PyTuple_GET_SIZE(event)):
            if i != time_at:
                _put_int(&self.scratch, <object>PyTuple_GET_ITEM(event, i))
        if not self._append(<object>PyTuple_GET_ITEM(known, 0), at_ns):
            return APPEND_NO_ROOM
        if self._first_ns == 0:
            self._first_ns = at_ns
        if self.appended >= self.most_bytes or at_ns - self._first_ns >= self.most_ns:
            return APPEND_LONG_ENOUGH
        return APPEND_DONE

    def wish(self, wish not None):
        """Append a wish; False where there is no room for it."""
        self.scratch.fill = 0
        cdef i64 at_ns = _put_wish(&self.scratch, wish)
        return self._append(WISH, at_ns)

    def other(self, int kind, i64 at_ns, bytes payload not None):
        """Append a record of any kind; False where there is no room for it."""
        self.scratch.fill = 0
        _put_bytes(&self.scratch, PyBytes_AS_STRING(payload), PyBytes_GET_SIZE(payload))
        return self._append(kind, at_ns)

    def take(self):
        """Return all records that wait; they wait no longer."""
        cdef bytes taken = PyBytes_FromStringAndSize(self.waiting, self.fill)
        self.fill = 0
        return taken

    @property
    def number(self):
        """Of the next record."""
        return self._number

    @property
    def last_ns(self):
        """Time of the record before."""
        return self._last_ns

    @property
    def waiting_bytes(self):
        """Bytes that were not taken yet."""
        return self.fill


cdef class DeskRecordReader:
    """Reads records one after the other.

    Parameters
    ----------
    data
        What holds them: bytes, or a file that was mapped.
    offset, number
        Of the first record.
    """

    def __cinit__(self, data, i64 offset=0, u64 number=0):
        self.owner = data
        self.view = data
        self.size = self.view.shape[0]
        if not 0 <= offset <= self.size:
            raise ValueError(f"no byte {offset} in {self.size}")
        self.data = &self.view[0] if self.size else NULL
        self._offset, self._number, self._torn = offset, number, False

    cdef int _next(self, int* kind, i64* at_ns, i64* begin, i64* end) except -1:
        """Find the next record; 0 at the end of what is whole."""
        cdef i64 left = self.size - self._offset
        cdef const char* head = <const char*>self.data + self._offset
        cdef u32 word, crc, told = 0, check = 0
        cdef i64 size
        if left == 0:
            return 0
        if left < HEAD_BYTES:
            self._torn = True
            return 0
        memcpy(&word, head, 4)
        memcpy(&check, head + 4, 2)
        memcpy(&told, head + 6, 4)
        crc = crc32(<u32>self._number, head, 4)
        size = word >> 8
        if (crc & 0xFFFF) == check and HEAD_BYTES + size > left:
            self._torn = True
            return 0
        if (crc & 0xFFFF) != check or crc32(crc, head + 10, 8 + size) != told:
            if self._only_zeros():
                self._torn = True
                return 0
            raise ValueError(f"record {self._number} at byte {self._offset} is damaged")
        kind[0] = word & 0xFF
        memcpy(at_ns, head + 10, 8)
        begin[0] = self._offset + HEAD_BYTES
        end[0] = begin[0] + size
        self._offset = end[0]
        self._number += 1
        return 1

    cdef bint _only_zeros(self):
        """A power cut may leave a file longer than what was written into it."""
        cdef i64 i
        for i in range(self._offset, self.size):
            if self.data[i]:
                return False
        return True

    def next(self):
        """Return kind, number, time and payload; None at the end of what is whole.

        Raises
        ------
        ValueError
            If the next record is damaged.
        """
        cdef int kind = 0
        cdef i64 at_ns = 0, begin = 0, end = 0
        if not self._next(&kind, &at_ns, &begin, &end):
            return None
        payload = PyBytes_FromStringAndSize(<const char*>self.data + begin, end - begin)
        return kind, self._number - 1, at_ns, payload

    def wishes(self, i64 most=1 << 62):
        """Read to the end; return a row for each wish: its number, instrument, time, record, byte.

        After so many rows it is enough.
        A number or instrument beyond 64 bits is -1.
        """
        cdef int kind = 0
        cdef i64 at_ns = 0, begin = 0, end = 0, payload = 0
        rows = []
        while len(rows) < most and self._next(&kind, &at_ns, &begin, &end):
            if kind != WISH:
                continue
            payload = begin
            number = self._integer(&begin, end)
            instrument = self._integer(&begin, end)
            rows.append((number, instrument, at_ns, self._number - 1, payload - HEAD_BYTES))
        return np.array(rows, np.int64).reshape(-1, 5)

    cdef i64 _integer(self, i64* at, i64 end) except? -2:
        cdef u64 value = 0
        cdef int length
        if at[0] >= end:
            raise ValueError(f"record {self._number - 1} is no wish")
        length = self.data[at[0]]
        at[0] += 1 + length
        if at[0] > end:
            raise ValueError(f"record {self._number - 1} is no wish")
        if length == 0:
            return 0
        if length > 8:
            return -1
        memcpy(&value, self.data + at[0] - length, length)
        if length < 8 and self.data[at[0] - 1] & 0x80:
            value |= ~<u64>0 << (8 * length)
        return <i64>value

    @property
    def offset(self):
        """The byte where the next record begins, or what is torn."""
        return self._offset

    @property
    def number(self):
        """Of the next record."""
        return self._number

    @property
    def torn(self):
        """Whether bytes are left that are no whole record: the writer was killed."""
        return self._torn
