"""The rarer tokens of a feed's JSON: long numbers, times, and values nobody asked for."""

from libc.string cimport memchr, memcmp

from alp._core.uint256 cimport i64, u64, u128

cdef enum:
    MOST_EXPONENT = 400


cdef Text long_string(Cursor* c) noexcept nogil:
    """The rest of a string after its opening quote: long, or with an escape in it."""
    cdef Text text
    cdef const char* close = c.at
    cdef const char* back
    text.at = c.at
    text.length = 0
    while True:
        close = <const char*>memchr(close, 34, c.end - close)
        if close == NULL:
            refuse(c, FAULT_SYNTAX)
            return text
        back = close
        while back > text.at and (back - 1)[0] == 92:
            back -= 1
        if (close - back) % 2 == 0:
            break
        close += 1
    text.length = close - text.at
    c.at = close + 1
    return text


cdef i64 odd_integer(Cursor* c) noexcept nogil:
    """An integer with a sign, an exponent, or nothing but a zero; or none at all."""
    cdef Decimal number = bare_decimal(c)
    if number.exponent != 0 or number.digits >> 63:
        return refuse(c, FAULT_NUMBER)
    return -<i64>number.digits if number.negative else <i64>number.digits


cdef Decimal long_decimal(Cursor* c, const char* start) noexcept nogil:
    """A number with an exponent or with more than 18 digits, most of which must be zeros."""
    cdef Decimal number
    cdef const char* p = start
    cdef int shift = 0          # zeros not yet part of the digits
    cdef int fraction = 0
    cdef bint point = False
    cdef bint minus = False
    cdef int power = 0
    cdef unsigned int d
    number.digits = 0
    number.exponent = 0
    number.negative = p[0] == 45
    if number.negative:
        p += 1
    while True:
        d = digit_of(p[0])
        if d <= 9:
            if point:
                fraction += 1
            if d == 0:
                if number.digits:
                    shift += 1
            else:
                while shift >= 0:
                    if number.digits > <u64>0xFFFFFFFFFFFFFFFF // 10:
                        refuse(c, FAULT_PRECISION)
                        return number
                    number.digits *= 10
                    shift -= 1
                shift = 0
                if number.digits > <u64>0xFFFFFFFFFFFFFFFF - d:
                    refuse(c, FAULT_PRECISION)
                    return number
                number.digits += d
            if fraction > MOST_EXPONENT or shift > MOST_EXPONENT:
                refuse(c, FAULT_NUMBER)
                return number
        elif p[0] == 46 and not point:
            point = True
        else:
            break
        p += 1
    if p[0] == 101 or p[0] == 69:
        p += 1
        if p < c.end and (p[0] == 43 or p[0] == 45):
            minus = p[0] == 45
            p += 1
        if p >= c.end or digit_of(p[0]) > 9:
            refuse(c, FAULT_NUMBER)
            return number
        while digit_of(p[0]) <= 9:
            power = power * 10 + <int>digit_of(p[0])
            if power > MOST_EXPONENT:
                refuse(c, FAULT_NUMBER)
                return number
            p += 1
    number.exponent = shift - fraction + (-power if minus else power)
    if number.digits == 0:
        number.exponent = 0
    c.at = p
    return number


cdef i64 scale_decimal(Cursor* c, Decimal number, const Scale* scale) noexcept nogil:
    """``number`` over the scale's step, exactly."""
    cdef int missing = scale.decimals + number.exponent
    cdef u128 units = number.digits
    cdef u128 step = <u128>scale.step
    cdef u128 ten = 10
    cdef u128 quotient
    if number.digits == 0:
        return 0
    while missing < 0:
        if units % ten:
            return refuse(c, FAULT_PRECISION)
        units = units / ten
        missing += 1
    while missing > 0:
        units = units * ten
        missing -= 1
        if units >> 100:
            return refuse(c, FAULT_NUMBER)
    quotient = units / step
    if quotient * step != units:
        return refuse(c, FAULT_PRECISION)
    if quotient >> 62:
        return refuse(c, FAULT_NUMBER)
    return -<i64>quotient if number.negative else <i64>quotient


cdef void skip_value(Cursor* c) noexcept nogil:
    """Move past one value of any kind: well formed as far as brackets and strings go."""
    cdef char closing[MOST_NESTING]
    cdef int depth = 0
    cdef char here
    while c.fault == FAULT_NONE:
        skip_spaces(c)
        if c.at >= c.end:
            refuse(c, FAULT_SYNTAX)
            return
        here = c.at[0]
        if here == 123 or here == 91:
            if depth == MOST_NESTING:
                refuse(c, FAULT_DEPTH)
                return
            closing[depth] = 125 if here == 123 else 93
            depth += 1
            c.at += 1
            continue
        if here == 125 or here == 93:
            if depth == 0 or closing[depth - 1] != here:
                refuse(c, FAULT_SYNTAX)
                return
            depth -= 1
            c.at += 1
        elif here == 34:
            string(c)
        elif (here == 44 or here == 58) and depth > 0:
            c.at += 1
            continue
        else:
            _skip_scalar(c)
        if depth == 0:
            return


cdef inline void _skip_scalar(Cursor* c) noexcept nogil:
    """A number, true, false or null."""
    cdef const char* start = c.at
    while c.at < c.end and (
        digit_of(c.at[0]) <= 9 or 97 <= c.at[0] <= 122 or c.at[0] == 45 or c.at[0] == 43
        or c.at[0] == 46 or c.at[0] == 69
    ):
        c.at += 1
    if c.at == start:
        refuse(c, FAULT_SYNTAX)


cdef inline int _two(const char* p) noexcept nogil:
    """Two digits, or -1."""
    if digit_of(p[0]) > 9 or digit_of(p[1]) > 9:
        return -1
    return <int>(digit_of(p[0]) * 10 + digit_of(p[1]))


cdef i64 _days(int year, int month, int day) noexcept nogil:
    """Days from 1970-01-01 in the Gregorian calendar (Hinnant's days_from_civil)."""
    cdef int y = year - (month <= 2)
    cdef int era = y // 400
    cdef int of_era = y - era * 400
    cdef int of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    cdef int day_of_era = of_era * 365 + of_era // 4 - of_era // 100 + of_year
    return <i64>era * 146097 + day_of_era - 719468


cdef inline int _month_days(int year, int month) noexcept nogil:
    """Days of a month from 1 to 12."""
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 + ((month + (month >> 3)) & 1)


cdef i64 rfc3339_ns(Cursor* c, Text text) noexcept nogil:
    """``2026-09-30T02:39:53.862739917Z`` in nanoseconds since 1970; 0 to 9 digits of fraction.

    From 1900 to 2199, all of which 63 bits can hold; second 60 is the next minute's first.
    """
    cdef const char* p = text.at
    cdef int century, year, month, day, hour, minute, second
    cdef i64 fraction = 0
    cdef i64 unit = 1000000000
    cdef Py_ssize_t i
    if text.length < 20 or text.length > 30 or p[text.length - 1] != 90:
        return refuse(c, FAULT_VALUE)
    century, year, month, day = _two(p), _two(p + 2), _two(p + 5), _two(p + 8)
    hour, minute, second = _two(p + 11), _two(p + 14), _two(p + 17)
    if (
        century < 19 or century > 21 or year < 0 or month < 1 or month > 12
        or day < 1 or day > _month_days(century * 100 + year, month)
        or hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 60
        or p[4] != 45 or p[7] != 45 or (p[10] != 84 and p[10] != 32) or p[13] != 58 or p[16] != 58
    ):
        return refuse(c, FAULT_VALUE)
    if text.length > 20:
        if p[19] != 46 or text.length == 21:
            return refuse(c, FAULT_VALUE)
        for i in range(20, text.length - 1):
            if digit_of(p[i]) > 9:
                return refuse(c, FAULT_VALUE)
            unit //= 10
            fraction += unit * <i64>digit_of(p[i])
    return (
        ((_days(century * 100 + year, month, day) * 24 + hour) * 60 + minute) * 60 + second
    ) * 1000000000 + fraction


def read_steps(bytes text not None, int decimals, i64 step):
    """Read a whole text as one bare number; return its steps and the fault, for tests and tools."""
    cdef bytes padded = b"[" + text + b"]"
    cdef Cursor c = open_text(padded, len(padded))
    cdef Scale scale
    cdef i64 value
    scale.decimals = decimals
    scale.step = step
    expect(&c, 91)
    value = steps(&c, &scale)
    expect(&c, 93)
    if c.fault == FAULT_NONE and c.at != c.end:
        refuse(&c, FAULT_SYNTAX)
    return value, c.fault


def read_value(bytes text not None):
    """Skip one value; return how many bytes it has and the fault, for tests."""
    cdef Cursor c = open_text(text, len(text))
    cdef const char* start = c.at
    skip_value(&c)
    return c.at - start, c.fault


def read_time(bytes text not None):
    """Read an RFC 3339 time; return its nanoseconds and the fault, for tests and tools."""
    cdef Cursor c
    cdef Text whole
    c.fault = FAULT_NONE
    whole.at = text
    whole.length = len(text)
    return rfc3339_ns(&c, whole), c.fault
