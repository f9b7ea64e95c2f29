"""CSV text to columns of numbers: plain lines only, every cell vouched for or marked.

A plain line is ASCII without quotes. What the bytes of a line hold that is not plain (quotes,
other letters, a wrong number of fields) stops :func:`read_columns` at that line; a cell of a plain
line that it cannot read to the last bit is marked. Python reads both its own way.
"""

from libc.string cimport memchr, memset

from alp._core.decimal_text cimport Decimal, decimal_to_double, read_decimal, read_integer
from alp._core.evmlog cimport any_time, hex_digits
from alp._core.uint256 cimport i64, u64, u256, u256_fits_128, u256_fits_160, u256_neg

cdef enum:
    MOST_FIELDS = 256           # of a line
    MOST_COLUMNS = 32           # that are wanted
    LONGEST_LINE = 1 << 17      # bytes; the csv module has a limit like it

cdef enum Cell:
    TIME = 1
    FLOAT = 2
    INT64 = 3
    UINT128 = 4
    UINT160 = 5
    INT256 = 6
    HEX_TAIL = 7
    WORD = 8

CELL_CODES = {
    "time": TIME, "float": FLOAT, "int64": INT64, "uint128": UINT128, "uint160": UINT160,
    "int256": INT256, "hex_tail": HEX_TAIL, "word": WORD,
}
cdef struct Column:
    int field                   # of the line
    int cell
    int size
    unsigned char* out

cdef enum Letter:
    PLAIN = 0
    COMMA = 1
    LINE_FEED = 2
    RETURN = 3
    ODD = 4

cdef unsigned char LETTERS[256]


cdef void _fill_table() except *:
    for letter in range(256):
        LETTERS[letter] = ODD if letter >= 128 or letter in b'"\0' else PLAIN
    LETTERS[ord(",")] = COMMA
    LETTERS[ord("\n")] = LINE_FEED
    LETTERS[ord("\r")] = RETURN


_fill_table()


cdef const unsigned char* split_plain(
    const unsigned char* at, Text* fields, int width, int* count
) noexcept nogil:
    """Split the line at `at`, which a line feed ends, and return what follows it.

    NULL where the line is not plain or has more than `width` fields; an empty line has none.
    """
    cdef const unsigned char* start = at
    cdef const unsigned char* line = at
    cdef unsigned char letter
    count[0] = 0
    while True:
        letter = LETTERS[at[0]]
        if letter == PLAIN:
            at += 1
            continue
        if letter == ODD or (letter == RETURN and at[1] != 10) or count[0] == width:
            return NULL
        fields[count[0]].start = start
        fields[count[0]].size = at - start
        count[0] += 1
        if letter != COMMA:
            break
        at += 1
        start = at
    if count[0] == 1 and at == line:
        count[0] = 0
    at += 1 if letter == LINE_FEED else 2
    return NULL if at - line > LONGEST_LINE else at


cdef inline Text trimmed(Text text) noexcept nogil:
    while text.size > 0 and (text.start[0] == 32 or text.start[0] == 9):
        text.start += 1
        text.size -= 1
    while text.size > 0 and (
        text.start[text.size - 1] == 32 or text.start[text.size - 1] == 9
    ):
        text.size -= 1
    return text


cdef bint read_whole(Text text, int cell, unsigned char* out) noexcept nogil:
    """Read a whole number of the size that `cell` stands for."""
    cdef u256 value
    cdef bint negative = False
    cdef u64* limbs = <u64*>out
    if not read_integer(text.start, text.size, &value, &negative):
        return False
    if cell == INT256:
        if value.w[3] >> 63:
            return False
        if negative:
            value = u256_neg(value)
    elif cell == INT64:
        if value.w[0] >> 63 or value.w[1] | value.w[2] | value.w[3]:
            return False
        (<i64*>out)[0] = -<i64>value.w[0] if negative else <i64>value.w[0]
        return True
    elif negative:
        return False
    elif cell == UINT128:
        if not u256_fits_128(value):
            return False
        limbs[0] = value.w[0]
        limbs[1] = value.w[1]
        return True
    elif not u256_fits_160(value):
        return False
    limbs[0] = value.w[0]
    limbs[1] = value.w[1]
    limbs[2] = value.w[2]
    limbs[3] = value.w[3]
    return True


cdef bint read_word(Text text, unsigned char* out) noexcept nogil:
    """Read at most 8 letters, as capitals."""
    cdef Py_ssize_t at
    if text.size > 8:
        return False
    for at in range(8):
        out[at] = text.start[at] if at < text.size else 0
        if 97 <= out[at] <= 122:
            out[at] -= 32
    return True


cdef bint read_cell(int cell, Text raw, unsigned char* out) noexcept nogil:
    """Read one cell as one of ``CELL_CODES``; false where that is not vouched for."""
    cdef Decimal value
    cdef Text text = trimmed(raw)
    if cell == HEX_TAIL:
        return raw.size >= 16 and hex_digits(raw.start + raw.size - 16, 16, <u64*>out)
    if cell == TIME:
        return any_time(text.start, text.size, <long long*>out)
    if cell == FLOAT:
        return (
            read_decimal(text.start, text.size, &value)
            and decimal_to_double(&value, <double*>out)
        )
    if cell == WORD:
        return read_word(text, out)
    if text.size != raw.size and memchr(text.start, 46, text.size) != NULL:
        return False  # int() takes spaces, and what follows a point is not for int()
    return read_whole(text, cell, out)


def read_columns(
    const unsigned char[::1] text,
    Py_ssize_t used,
    Py_ssize_t end,
    int width,
    list fields not None,
    list cells not None,
    list targets not None,
    i64[::1] rows,
    i64[::1] starts,
    u64[::1] marks,
    Py_ssize_t filled,
    i64 first_row,
):
    """Read the cells of complete CSV lines into columns.

    Parameters
    ----------
    text, used, end
        Lines, where to begin, and where the last line has ended with its line feed.
    width
        How many fields a line has.
    fields, cells
        The wanted columns: place in the line and code of `CELL_CODES`; at most 32.
    targets
        For each of them the bytes to fill, as many for each row as the cell needs.
    rows, starts, marks
        Receive the line number, the place in `text` and the cells that could not be read (bit by
        column) of each row.
    filled
        How many rows are filled already.
    first_row
        Line number of the first line.

    Returns
    -------
    tuple of (int, int, int, bool)
        (rows filled, bytes used, lines used, whether the next line is not plain).
    """
    cdef Py_ssize_t capacity = rows.shape[0]
    cdef Py_ssize_t begun
    cdef i64 lines = 0
    cdef int count = 0, index, wanted = <int>len(fields)
    cdef u64 mark
    cdef bint odd = False
    cdef Column columns[MOST_COLUMNS]
    cdef Text split[MOST_FIELDS]
    cdef const unsigned char* base
    cdef const unsigned char* following
    cdef unsigned char[::1] target
    if width > MOST_FIELDS or wanted > MOST_COLUMNS:
        return filled, used, 0, True
    for index in range(wanted):
        target = targets[index]
        columns[index].field = fields[index]
        columns[index].cell = cells[index]
        columns[index].size = <int>(target.shape[0] // capacity)
        columns[index].out = &target[0]
        if not 0 <= columns[index].field < width or columns[index].size < 8:
            raise ValueError("read_columns: columns do not fit the line")
    if capacity != starts.shape[0] or capacity != marks.shape[0] or not (
        0 <= used <= end <= text.shape[0]
    ):
        raise ValueError("read_columns: buffers do not fit together")
    if end == 0 or text[end - 1] != 10:
        raise ValueError("read_columns: the last line is not complete")
    with nogil:
        base = &text[0]
        while filled < capacity and used < end:
            following = split_plain(base + used, split, width, &count)
            odd = following == NULL or (count != width and count != 0)
            if odd:
                break
            if count:
                mark = 0
                for index in range(wanted):
                    if not read_cell(
                        columns[index].cell,
                        split[columns[index].field],
                        columns[index].out + filled * columns[index].size,
                    ):
                        mark |= <u64>1 << index
                        memset(
                            columns[index].out + filled * columns[index].size,
                            0,
                            columns[index].size,
                        )
                rows[filled] = first_row + lines
                starts[filled] = used
                marks[filled] = mark
                filled += 1
            used = following - base
            lines += 1
    return filled, used, lines, odd
