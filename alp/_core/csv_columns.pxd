"""A cell of CSV text to a number, at C level."""

cdef struct Text:
    const unsigned char* start
    Py_ssize_t size

cdef bint read_cell(int cell, Text raw, unsigned char* out) noexcept nogil
