"""A bounded cursor over one JSON text, and the few tokens a feed handler needs of it.

Nothing here raises or allocates. A function that meets what it does not expect sets ``fault`` and
returns; every other function does nothing once a fault is set, so a handler may check once at the
end. The text need not end in a zero byte; it must not be empty.

The last byte of an acceptable text closes an object, an array or a string. A run of digits
therefore ends before the text does, which spares the hot loops a check; `open_text` sees to it.
"""

from libc.string cimport memchr, memcmp

from alp._core.uint256 cimport i64, u64, u128

cdef enum Fault:
    FAULT_NONE = 0
    FAULT_SYNTAX = 1            # not the JSON that was expected
    FAULT_NUMBER = 2            # no number, or one beyond 63 bits
    FAULT_PRECISION = 3         # not a whole multiple of the instrument's step
    FAULT_MISSING = 4           # a field that the message needs is not there
    FAULT_DEPTH = 5             # nested too deeply
    FAULT_VALUE = 6             # a known field with a value that cannot be
    FAULT_MEMORY = 7

cdef enum:
    MOST_NESTING = 32
    MOST_DIGITS = 18            # always fit 63 bits
    SHORT_STRING = 24           # as most names and numbers are

cdef struct Cursor:
    const char* at
    const char* end
    int fault

cdef struct Text:
    const char* at
    Py_ssize_t length

# How an instrument's numbers become integers: multiples of step * 10**-decimals.
cdef struct Scale:
    int decimals
    i64 step


cdef inline bint is_space(char c) noexcept nogil:
    return c == 32 or c == 10 or c == 13 or c == 9


cdef inline bint _closes(char c) noexcept nogil:
    return c == 125 or c == 93 or c == 34


cdef inline Cursor open_text(const char* at, Py_ssize_t length) noexcept nogil:
    cdef Cursor c
    c.at = at
    c.end = at + length
    c.fault = FAULT_NONE
    while c.end > at and is_space((c.end - 1)[0]):
        c.end -= 1
    if c.end == at or not _closes((c.end - 1)[0]):
        c.fault = FAULT_SYNTAX
        c.end = c.at
    return c


cdef inline int refuse(Cursor* c, int fault) noexcept nogil:
    if c.fault == FAULT_NONE:
        c.fault = fault
    return 0


cdef inline void skip_spaces(Cursor* c) noexcept nogil:
    while c.at < c.end and is_space(c.at[0]):
        c.at += 1


cdef inline bint take(Cursor* c, char wanted) noexcept nogil:
    """Move past a character if it is the next one, spaces aside."""
    if c.fault:
        return False
    if c.at < c.end and c.at[0] == wanted:
        c.at += 1
        return True
    skip_spaces(c)
    if c.at < c.end and c.at[0] == wanted:
        c.at += 1
        return True
    return False


cdef inline bint expect(Cursor* c, char wanted) noexcept nogil:
    """Move past a character that must come next."""
    if take(c, wanted):
        return True
    return refuse(c, FAULT_SYNTAX)


cdef Text long_string(Cursor* c) noexcept nogil


cdef inline Text string(Cursor* c) noexcept nogil:
    """The characters between quotes as they stand, escapes included."""
    cdef Text text
    cdef const char* p
    cdef const char* soon
    text.at = c.at
    text.length = 0
    if not expect(c, 34):
        return text
    text.at = p = c.at
    soon = p + SHORT_STRING if c.end - p > SHORT_STRING else c.end
    while p < soon and p[0] != 92:
        if p[0] == 34:
            text.length = p - text.at
            c.at = p + 1
            return text
        p += 1
    return long_string(c)


cdef inline bint text_is(Text text, const char* wanted, Py_ssize_t length) noexcept nogil:
    return text.length == length and memcmp(text.at, wanted, length) == 0


cdef inline Text key(Cursor* c) noexcept nogil:
    """A member's name and the colon after it."""
    cdef Text name = string(c)
    expect(c, 58)
    return name


cdef inline bint more(Cursor* c, char close) noexcept nogil:
    """After a member or an element: whether another follows; otherwise moves past ``close``."""
    if c.fault:
        return False
    if take(c, 44):
        return True
    return expect(c, close) and False


cdef inline bint begin(Cursor* c, char opening, char close) noexcept nogil:
    """Move into an object or array; false where it is empty (and past it) or not there."""
    if not expect(c, opening):
        return False
    return not take(c, close)


cdef extern from *:
    """
    static const unsigned long long alp_pow10[20] = {
        1ULL, 10ULL, 100ULL, 1000ULL, 10000ULL, 100000ULL, 1000000ULL, 10000000ULL, 100000000ULL,
        1000000000ULL, 10000000000ULL, 100000000000ULL, 1000000000000ULL, 10000000000000ULL,
        100000000000000ULL, 1000000000000000ULL, 10000000000000000ULL, 100000000000000000ULL,
        1000000000000000000ULL, 10000000000000000000ULL
    };
    """
    const u64 POW10 "alp_pow10"[20]


cdef inline unsigned int digit_of(char c) noexcept nogil:
    """Its value, or 10 and more for what is no digit."""
    return <unsigned int><unsigned char>c - 48


# A number as written: digits * 10**exponent, before any scale.
cdef struct Decimal:
    u64 digits
    int exponent
    bint negative


cdef Decimal long_decimal(Cursor* c, const char* start) noexcept nogil
cdef i64 scale_decimal(Cursor* c, Decimal number, const Scale* scale) noexcept nogil
cdef void skip_value(Cursor* c) noexcept nogil
cdef i64 rfc3339_ns(Cursor* c, Text text) noexcept nogil


cdef inline Decimal decimal(Cursor* c) noexcept nogil:
    """A number where the cursor stands; what follows it is the caller's business."""
    cdef Decimal number
    cdef const char* start = c.at
    cdef const char* p = c.at
    cdef const char* point = NULL
    cdef unsigned int d
    number.digits = 0
    number.exponent = 0
    number.negative = False
    if c.fault or p >= c.end:
        refuse(c, FAULT_NUMBER)
        return number
    if p[0] == 45:
        number.negative = True
        p += 1
    start = p
    while True:
        d = digit_of(p[0])
        if d > 9:
            break
        number.digits = number.digits * 10 + d
        p += 1
    if p == start:
        refuse(c, FAULT_NUMBER)
        return number
    if p[0] == 46:
        point = p
        p += 1
        while True:
            d = digit_of(p[0])
            if d > 9:
                break
            number.digits = number.digits * 10 + d
            p += 1
        number.exponent = <int>(point + 1 - p)
        if number.exponent == 0:
            refuse(c, FAULT_NUMBER)
            return number
    if p - start > MOST_DIGITS or p[0] == 101 or p[0] == 69:
        return long_decimal(c, c.at)
    c.at = p
    return number


cdef inline i64 steps_of(Cursor* c, Decimal number, const Scale* scale) noexcept nogil:
    """The number as a whole multiple of the scale's step."""
    cdef int missing = scale.decimals + number.exponent
    cdef u64 units
    if missing == 0 and scale.step == 1 and not number.negative:
        return <i64>number.digits
    if missing >= 0 and missing < 9 and not number.negative and number.digits < 1000000000:
        units = number.digits * POW10[missing]
        if scale.step == 1:
            return <i64>units
        if units % <u64>scale.step:
            return refuse(c, FAULT_PRECISION)
        return <i64>(units // <u64>scale.step)
    return scale_decimal(c, number, scale)


cdef inline bint quick_steps(const char** at, const Scale* scale, i64* value) noexcept nogil:
    """A number in quotes with just the scale's decimals, from its first digit to the quote after it.

    False where it is written otherwise; nothing is moved then.
    """
    cdef const char* start = at[0]
    cdef const char* p = start
    cdef const char* last
    cdef u64 digits = 0
    cdef unsigned int d
    while True:
        d = digit_of(p[0])
        if d > 9:
            break
        digits = digits * 10 + d
        p += 1
    if scale.decimals:
        if p == start or p[0] != 46:
            return False
        p += 1
        last = p + scale.decimals
        while p < last:
            d = digit_of(p[0])
            if d > 9:
                return False
            digits = digits * 10 + d
            p += 1
    if p[0] != 34 or p == start or p - start > MOST_DIGITS or scale.step != 1:
        return False
    value[0] = <i64>digits
    at[0] = p
    return True


cdef inline Decimal bare_decimal(Cursor* c) noexcept nogil:
    """A number as JSON has it: no zero leads another digit."""
    cdef const char* p
    skip_spaces(c)
    p = c.at
    if c.end - p > 2 and p[p[0] == 45] == 48 and digit_of(p[1 + (p[0] == 45)]) <= 9:
        refuse(c, FAULT_NUMBER)
    return decimal(c)


cdef inline i64 steps(Cursor* c, const Scale* scale) noexcept nogil:
    """A bare number, as Kraken writes prices."""
    return steps_of(c, bare_decimal(c), scale)


cdef inline i64 quoted_steps(Cursor* c, const Scale* scale) noexcept nogil:
    """A number in quotes, as Binance and Coinbase write prices; zeros may lead it."""
    cdef Decimal number
    if not expect(c, 34):
        return 0
    number = decimal(c)
    if c.fault:
        return 0
    if c.at >= c.end or c.at[0] != 34:
        return refuse(c, FAULT_NUMBER)
    c.at += 1
    return steps_of(c, number, scale)


cdef inline i64 amount(Cursor* c, const Scale* scale, bint quoted) noexcept nogil:
    """A price or a quantity: not negative."""
    cdef i64 value = quoted_steps(c, scale) if quoted else steps(c, scale)
    if value < 0:
        return refuse(c, FAULT_VALUE)
    return value


cdef inline Cursor at_value(const Cursor* c, const char* where) noexcept nogil:
    """A second cursor, for a value that was passed over before it could be understood."""
    cdef Cursor there = c[0]
    there.at = where
    return there


cdef inline void adopt_fault(Cursor* c, const Cursor* there) noexcept nogil:
    if there.fault and c.fault == FAULT_NONE:
        c.at = there.at
        c.fault = there.fault


cdef inline void value_ends(Cursor* c) noexcept nogil:
    """A value that was passed over must be read to its end: something closes or parts it there."""
    skip_spaces(c)
    if c.at >= c.end or (c.at[0] != 44 and c.at[0] != 125 and c.at[0] != 93):
        refuse(c, FAULT_SYNTAX)


cdef inline i64 amount_at(
    Cursor* c, const char* where, const Scale* scale, bint quoted
) noexcept nogil:
    """A price or a quantity that was passed over; ``where`` is NULL if the message has none."""
    cdef Cursor there
    cdef i64 value
    if where == NULL:
        return refuse(c, FAULT_MISSING)
    there = at_value(c, where)
    value = amount(&there, scale, quoted)
    value_ends(&there)
    adopt_fault(c, &there)
    return value


cdef inline const char* pass_over(Cursor* c) noexcept nogil:
    """Move past a value; returns where it begins."""
    cdef const char* where
    skip_spaces(c)
    where = c.at
    skip_value(c)
    return where


cdef inline bint is_nothing(const char* where) noexcept nogil:
    """Whether a value that was passed over is not there, null or an empty string."""
    if where == NULL:
        return True
    if where[0] == 110 and where[1] == 117 and where[2] == 108 and where[3] == 108:
        return is_space(where[4]) or where[4] == 44 or _closes(where[4])
    return where[0] == 34 and where[1] == 34


cdef i64 odd_integer(Cursor* c) noexcept nogil


cdef inline i64 integer(Cursor* c) noexcept nogil:
    """A bare integer of at most 63 bits."""
    cdef const char* start
    cdef const char* p
    cdef u64 value = 0
    cdef unsigned int d
    if c.fault:
        return 0
    skip_spaces(c)
    start = p = c.at
    while p < c.end:
        d = digit_of(p[0])
        if d > 9:
            break
        value = value * 10 + d
        p += 1
    if p == start or p - start > MOST_DIGITS or start[0] == 48 or p[0] == 46 or p[0] | 32 == 101:
        return odd_integer(c)
    c.at = p
    return <i64>value


cdef inline i64 natural(Cursor* c) noexcept nogil:
    """A bare integer that is not negative."""
    cdef i64 value = integer(c)
    if value < 0:
        return refuse(c, FAULT_VALUE)
    return value


cdef inline i64 milliseconds(Cursor* c) noexcept nogil:
    """A time in milliseconds since 1970, few enough that 63 bits hold it in nanoseconds."""
    cdef i64 value = natural(c)
    if value > <i64>9000000000000:
        return refuse(c, FAULT_VALUE)
    return value


cdef inline i64 natural_at(Cursor* c, const char* where) noexcept nogil:
    """An integer that was passed over; ``where`` is NULL if the message has none."""
    cdef Cursor there
    cdef i64 value
    if where == NULL:
        return refuse(c, FAULT_MISSING)
    there = at_value(c, where)
    value = natural(&there)
    value_ends(&there)
    adopt_fault(c, &there)
    return value


cdef inline i64 text_integer(Cursor* c, Text text) noexcept nogil:
    """An integer written as the whole of a string, without a sign."""
    cdef u64 value = 0
    cdef Py_ssize_t i
    if text.length == 0 or text.length > MOST_DIGITS:
        return refuse(c, FAULT_NUMBER)
    for i in range(text.length):
        if digit_of(text.at[i]) > 9:
            return refuse(c, FAULT_NUMBER)
        value = value * 10 + digit_of(text.at[i])
    return <i64>value


cdef inline bint boolean(Cursor* c) noexcept nogil:
    skip_spaces(c)
    if c.end - c.at > 4 and memcmp(c.at, b"true", 4) == 0:
        c.at += 4
        return True
    if c.end - c.at > 5 and memcmp(c.at, b"false", 5) == 0:
        c.at += 5
        return False
    return refuse(c, FAULT_VALUE)
