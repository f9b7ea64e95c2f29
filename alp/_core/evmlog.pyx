"""Raw pool logs to fixed records: CSV lines, hex words and timestamps, without Python objects.

One call of :func:`decode_rows` takes a piece of decompressed CSV text and fills an array of
``POOL_EVENT`` records. It stops at the first row it cannot vouch for and says why by a code; the
caller, who knows the file, makes the sentence. Sources of the event layouts: the Uniswap V3 core
interface ``IUniswapV3PoolEvents`` and ``IUniswapV3PoolOwnerActions``.
"""

from libc.string cimport memchr, memcmp, memset

cdef enum Role:
    SKIP = 0
    BLOCK = 1
    TIME = 2
    LOG_INDEX = 3
    TOPICS = 4
    DATA = 5
    ADDRESS = 6

cdef enum Fault:
    NONE = 0
    COLUMNS = 1
    NUMBER = 2
    TIMESTAMP = 3
    TOPIC_FORM = 4
    FOREIGN = 5
    TOPIC_COUNT = 6
    DATA_LENGTH = 7
    DATA_HEX = 8
    OVERFLOW = 9
    OTHER_POOL = 10
    ADDRESS_FORM = 11

ROLE_CODES = {
    "block": BLOCK, "time": TIME, "log_index": LOG_INDEX, "topics": TOPICS, "data": DATA,
    "address": ADDRESS,
}
FAULTS = {
    COLUMNS: "columns", NUMBER: "number", TIMESTAMP: "timestamp", TOPIC_FORM: "topic_form",
    FOREIGN: "foreign", TOPIC_COUNT: "topic_count", DATA_LENGTH: "data_length",
    DATA_HEX: "data_hex", OVERFLOW: "overflow", OTHER_POOL: "other_pool",
    ADDRESS_FORM: "address_form",
}

cdef enum Event:
    SWAP = 0
    MINT = 1
    BURN = 2
    COLLECT = 3
    FLASH = 4
    INITIALIZE = 5
    CARDINALITY = 6
    FEE_PROTOCOL = 7
    COLLECT_PROTOCOL = 8

EVENT_TOPICS = {
    "Swap(address,address,int256,int256,uint160,uint128,int24)":
        "c42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67",
    "Mint(address,address,int24,int24,uint128,uint256,uint256)":
        "7a53080ba414158be7ec69b987b5fb7d07dee101fe85488f0853ae16239d0bde",
    "Burn(address,int24,int24,uint128,uint256,uint256)":
        "0c396cd989a39f4459b5fa1aed6a9a8dcdbc45908acfd67e028cd568da98982c",
    "Collect(address,address,int24,int24,uint128,uint128)":
        "70935338e69775456a85ddef226c395fb668b63fa0115f5f20610b388e6ca9c0",
    "Flash(address,address,uint256,uint256,uint256,uint256)":
        "bdbdb71d7860376ba52b25a5028beea23581364a40522f6bcfb86bb1f2dca633",
    "Initialize(uint160,int24)":
        "98636036cb66a9c19a37435efc1e90142190214e8abeb821bdba3f2990dd4c95",
    "IncreaseObservationCardinalityNext(uint16,uint16)":
        "ac49e518f90a358f652e4400164f05a5d8f7e35e7747279bc3a93dbf584e125a",
    "SetFeeProtocol(uint8,uint8,uint8,uint8)":
        "973d8d92bb299f4af6ce49b52a8adb85ae46b9f214c4c4fc06ac77401237b133",
    "CollectProtocol(address,address,uint128,uint128)":
        "596b573906218d3411850b26a6b437d6c4522fdb43d2d2386263f86d50b8b151",
}

cdef struct Shape:
    u64 topic[4]
    int topics
    int words
    unsigned char kind
    int other

cdef struct Field:
    const unsigned char* start
    Py_ssize_t size

cdef signed char HEX[256]
cdef Shape SHAPES[9]


cdef void _fill_tables() except *:
    memset(HEX, -1, sizeof(HEX))
    for digit in range(16):
        HEX[ord("0123456789abcdef"[digit])] = digit
        HEX[ord("0123456789ABCDEF"[digit])] = digit
    topics = (3, 4, 4, 4, 3, 1, 1, 1, 3)
    words = (5, 4, 3, 3, 4, 2, 2, 4, 2)
    for index, text in enumerate(EVENT_TOPICS.values()):
        raw = bytes.fromhex(text)
        for limb in range(4):
            SHAPES[index].topic[limb] = int.from_bytes(raw[24 - 8 * limb:32 - 8 * limb], "big")
        SHAPES[index].topics = topics[index]
        SHAPES[index].words = words[index]
        SHAPES[index].kind = min(index + 1, 6)
        SHAPES[index].other = max(index - 4, 0)


_fill_tables()
assert sizeof(PoolEvent) == 160, "PoolEvent differs from alp.data.schema.POOL_EVENT"


cdef inline bint hex_word(const unsigned char* text, u64* word) noexcept nogil:
    """Read 64 hex digits into four limbs, lowest first; false if one is no hex digit."""
    cdef int limb, digit, bad = 0
    cdef signed char value
    cdef u64 part
    for limb in range(3, -1, -1):
        part = 0
        for digit in range(16):
            value = HEX[text[0]]
            bad |= value
            part = (part << 4) | <u64>(value & 15)
            text += 1
        word[limb] = part
    return bad >= 0


cdef bint hex_digits(const unsigned char* text, int count, u64* value) noexcept nogil:
    """Read up to 16 hex digits; false if one is none."""
    cdef int at
    cdef u64 total = 0
    for at in range(count):
        if HEX[text[at]] < 0:
            return False
        total = (total << 4) | <u64>HEX[text[at]]
    value[0] = total
    return True


cdef inline bint fits(const u64* word, int bits) noexcept nogil:
    """Whether an unsigned word needs no more than `bits` bits (a multiple of 32)."""
    cdef int limb = bits >> 6
    cdef int index
    if bits & 63:
        if word[limb] >> (bits & 63):
            return False
        limb += 1
    for index in range(limb, 4):
        if word[index]:
            return False
    return True


cdef inline bint int24(const u64* word, int* value) noexcept nogil:
    """Read a sign-extended int24; false if the word is not one."""
    cdef long long low = <long long>word[0]
    cdef u64 sign = 0 if low >= 0 else <u64>0xFFFFFFFFFFFFFFFF
    value[0] = <int>low
    return (
        word[1] == sign and word[2] == sign and word[3] == sign and -8388608 <= low <= 8388607
    )


cdef inline void copy4(u64* target, const u64* source) noexcept nogil:
    target[0] = source[0]
    target[1] = source[1]
    target[2] = source[2]
    target[3] = source[3]


cdef inline bint digits(const unsigned char* text, Py_ssize_t size, long long* value) noexcept nogil:
    """Read 1 to 18 decimal digits; false for anything else."""
    cdef Py_ssize_t index
    cdef long long total = 0
    if size < 1 or size > 18:
        return False
    for index in range(size):
        if text[index] < 48 or text[index] > 57:
            return False
        total = total * 10 + (text[index] - 48)
    value[0] = total
    return True


cdef inline long long days_from_civil(long long year, long long month, long long day) noexcept nogil:
    """Days since 1970-01-01 of a proleptic Gregorian date, years counted from March."""
    cdef long long era, of_era, of_year
    if month <= 2:
        year -= 1
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


cdef inline long long month_length(long long year, long long month) noexcept nogil:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month == 4 or month == 6 or month == 9 or month == 11 else 31


cdef bint fraction_ns(const unsigned char* text, Py_ssize_t size, long long unit,
                      long long* value) noexcept nogil:
    """Read the digits after a decimal point of a count of `unit` ns; at most down to 1 ns."""
    cdef Py_ssize_t index
    cdef long long total = 0
    for index in range(size):
        if text[index] < 48 or text[index] > 57:
            return False
        unit //= 10
        if unit == 0 and text[index] != 48:
            return False
        total += unit * (text[index] - 48)
    value[0] = total
    return size > 0


cdef bint unix_time(const unsigned char* text, Py_ssize_t size, long long* ns) noexcept nogil:
    """Read Unix time; its unit follows from the number of digits before the point."""
    cdef const unsigned char* point = <const unsigned char*>memchr(text, 46, size)
    cdef Py_ssize_t whole = size if point == NULL else point - text
    cdef long long value = 0, part = 0, unit
    if whole == 19:  # nanoseconds: one digit more than digits() takes
        if point != NULL or not (49 <= text[0] <= 56) or not digits(text + 1, 18, &part):
            return False
        unit = 1000000000
        ns[0] = (text[0] - 48) * unit * unit + part
        return True
    if not digits(text, whole, &value):
        return False
    if whole <= 10:
        unit = 1000000000
    elif 12 <= whole <= 13:
        unit = 1000000
    elif 15 <= whole <= 16:
        unit = 1000
    elif whole == 18:
        unit = 1
    else:
        return False
    if point != NULL and not fraction_ns(point + 1, size - whole - 1, unit, &part):
        return False
    ns[0] = value * unit + part
    return True


cdef bint zone_offset(const unsigned char* text, Py_ssize_t size, long long* seconds) noexcept nogil:
    """Read ``Z``, `` UTC`` or ``+HH[:]MM`` behind a clock time."""
    cdef long long hours = 0, minutes = 0
    seconds[0] = 0
    if size == 0 or (size == 1 and text[0] == 90):
        return True
    if size == 4 and memcmp(text, b" UTC", 4) == 0:
        return True
    if text[0] != 43 and text[0] != 45:
        return False
    if not (size >= 3 and digits(text + 1, 2, &hours)):
        return False
    if size == 6 and text[3] == 58:
        if not digits(text + 4, 2, &minutes):
            return False
    elif size == 5:
        if not digits(text + 3, 2, &minutes):
            return False
    elif size != 3:
        return False
    if hours > 14 or minutes > 59:
        return False
    seconds[0] = (hours * 60 + minutes) * 60 * (1 if text[0] == 43 else -1)
    return True


cdef bint iso_time(const unsigned char* text, Py_ssize_t size, long long* ns) noexcept nogil:
    """Read ``YYYY-MM-DD[ T]HH:MM[:SS[.fraction]][zone]`` or a bare date."""
    cdef long long year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0
    cdef long long part = 0, offset = 0
    cdef Py_ssize_t at = 10, end
    if size < 10 or text[4] != 45 or text[7] != 45:
        return False
    if not (digits(text, 4, &year) and digits(text + 5, 2, &month) and digits(text + 8, 2, &day)):
        return False
    if not (1970 <= year <= 2200 and 1 <= month <= 12 and 1 <= day <= month_length(year, month)):
        return False
    if size > 10:
        if size < 16 or (text[10] != 32 and text[10] != 84) or text[13] != 58:
            return False
        if not (digits(text + 11, 2, &hour) and digits(text + 14, 2, &minute)):
            return False
        at = 16
        if at < size and text[at] == 58:
            if size < 19 or not digits(text + 17, 2, &second):
                return False
            at = 19
            if at < size and text[at] == 46:
                end = at + 1
                while end < size and 48 <= text[end] <= 57:
                    end += 1
                if not fraction_ns(text + at + 1, end - at - 1, 1000000000, &part):
                    return False
                at = end
        if hour > 23 or minute > 59 or second > 59:
            return False
        if not zone_offset(text + at, size - at, &offset):
            return False
    second += ((days_from_civil(year, month, day) * 24 + hour) * 60 + minute) * 60 - offset
    ns[0] = second * 1000000000 + part
    return True


cdef bint any_time(const unsigned char* text, Py_ssize_t size, long long* ns) noexcept nogil:
    """Read a timestamp as `parse_timestamp` does; false if it is none."""
    if size > 4 and text[4] == 45:
        return iso_time(text, size, ns)
    return unix_time(text, size, ns)


cdef int read_topics(const Field* field, u64 words[4][4], int* count) noexcept nogil:
    """Find every 0x-word in a list of topics, however it is quoted."""
    cdef const unsigned char* at = field.start
    cdef const unsigned char* end = at + field.size
    count[0] = 0
    while at + 1 < end:
        if at[0] != 48 or (at[1] != 120 and at[1] != 88):
            at += 1
            continue
        if end - at < 66 or count[0] == 4 or not hex_word(at + 2, words[count[0]]):
            return TOPIC_FORM
        at += 66
        if at < end and HEX[at[0]] >= 0:
            return TOPIC_FORM
        count[0] += 1
    return NONE if count[0] else TOPIC_FORM


cdef int decode_event(PoolEvent* event, u64 topic[4][4], const u64* word,
                      int which) noexcept nogil:
    """Fill the fields that event number `which` has; the shapes were checked before."""
    cdef int wanted
    event.kind = SHAPES[which].kind
    if which == SWAP:
        if not (fits(word + 8, 160) and fits(word + 12, 128) and int24(word + 16, &event.tick)):
            return OVERFLOW
        copy4(event.amount0, word)
        copy4(event.amount1, word + 4)
        copy4(event.sqrt_price_x96, word + 8)
        event.liquidity[0] = word[12]
        event.liquidity[1] = word[13]
    elif which == MINT or which == BURN or which == COLLECT:
        if not (int24(topic[2], &event.tick_lower) and int24(topic[3], &event.tick_upper)):
            return OVERFLOW
        wanted = 4 if which != BURN else 0  # Mint and Collect start with an address
        if not fits(word + wanted, 128):
            return OVERFLOW
        if which == COLLECT:
            if not fits(word + 8, 128):
                return OVERFLOW
            copy4(event.amount0, word + 4)
            copy4(event.amount1, word + 8)
        else:
            event.liquidity[0] = word[wanted]
            event.liquidity[1] = word[wanted + 1]
            copy4(event.amount0, word + wanted + 4)
            copy4(event.amount1, word + wanted + 8)
    elif which == FLASH:
        if not fits(word + 4, 128):
            return OVERFLOW
        copy4(event.sqrt_price_x96, word)
        event.liquidity[0] = word[4]
        event.liquidity[1] = word[5]
        copy4(event.amount0, word + 8)
        copy4(event.amount1, word + 12)
    else:
        event.tick_lower = SHAPES[which].other
        if which == INITIALIZE:
            if not (fits(word, 160) and int24(word + 4, &event.tick)):
                return OVERFLOW
            copy4(event.sqrt_price_x96, word)
        elif which == FEE_PROTOCOL:
            copy4(event.amount0, word + 8)
            copy4(event.amount1, word + 12)
        else:
            copy4(event.amount0, word)
            copy4(event.amount1, word + 4)
    if SHAPES[which].topics > 1:
        event.owner = topic[1][0]
    return NONE


cdef int decode_log(PoolEvent* event, const Field* topics, const Field* data) noexcept nogil:
    """Decode one log from its topics and data."""
    cdef u64 topic[4][4]
    cdef u64 word[20]
    cdef int count = 0, which, index
    cdef int fault = read_topics(topics, topic, &count)
    if fault:
        return fault
    for which in range(9):
        if memcmp(topic[0], SHAPES[which].topic, 32) == 0:
            break
    else:
        return FOREIGN
    if count != SHAPES[which].topics:
        return TOPIC_COUNT
    if data.size != 2 + 64 * SHAPES[which].words or data.start[0] != 48 or data.start[1] != 120:
        return DATA_LENGTH
    for index in range(SHAPES[which].words):
        if not hex_word(data.start + 2 + 64 * index, word + 4 * index):
            return DATA_HEX
    return decode_event(event, topic, word, which)


cdef int match_pool(const Field* field, unsigned char* pool) noexcept nogil:
    """Compare a contract address with the one of the rows before; learn it from the first."""
    cdef int index
    cdef unsigned char letter
    cdef bint first = pool[0] == 0
    if field.size != 42 or field.start[0] != 48 or field.start[1] != 120:
        return ADDRESS_FORM
    for index in range(2, 42):
        if HEX[field.start[index]] < 0:
            return ADDRESS_FORM
    for index in range(42):
        letter = field.start[index]
        if 65 <= letter <= 70:
            letter += 32
        if first:
            pool[index] = letter
        elif pool[index] != letter:
            return OTHER_POOL
    return NONE


cdef int split_line(const unsigned char* line, Py_ssize_t size, Field* fields,
                    int width) noexcept nogil:
    """Split a CSV line into exactly `width` fields; quotes are taken off, doubled ones stay."""
    cdef const unsigned char* at = line
    cdef const unsigned char* end = line + size
    cdef const unsigned char* start
    cdef int count = 0
    while True:
        if count == width:
            return COLUMNS
        if at < end and at[0] == 34:
            at += 1
            start = at
            while at < end:
                if at[0] == 34:
                    if at + 1 < end and at[1] == 34:
                        at += 1
                    else:
                        break
                at += 1
            if at == end:
                return COLUMNS
            fields[count].start = start
            fields[count].size = at - start
            at += 1
        else:
            start = at
            at = <const unsigned char*>memchr(at, 44, end - at)
            if at == NULL:
                at = end
            fields[count].start = start
            fields[count].size = at - start
        count += 1
        if at == end:
            return NONE if count == width else COLUMNS
        if at[0] != 44:
            return COLUMNS
        at += 1


cdef int decode_line(const Field* fields, const unsigned char* roles, int width, PoolEvent* event,
                     unsigned char* pool, int* column) noexcept nogil:
    """Decode one split line; on a fault `column` is where it was met."""
    cdef int index, fault = NONE, topics = -1, data = -1
    cdef long long value = 0
    memset(event, 0, sizeof(PoolEvent))
    for index in range(width):
        column[0] = index
        if roles[index] == BLOCK:
            if not digits(fields[index].start, fields[index].size, &event.block):
                return NUMBER
        elif roles[index] == TIME:
            if not any_time(fields[index].start, fields[index].size, &event.ts_ns):
                return TIMESTAMP
        elif roles[index] == LOG_INDEX:
            if not digits(fields[index].start, fields[index].size, &value) or value > 2147483647:
                return NUMBER
            event.log_index = <int>value
        elif roles[index] == TOPICS:
            topics = index
        elif roles[index] == DATA:
            data = index
        elif roles[index] == ADDRESS:
            fault = match_pool(&fields[index], pool)
            if fault:
                return fault
    fault = decode_log(event, &fields[topics], &fields[data])
    column[0] = data if fault >= DATA_LENGTH else topics
    return fault


def decode_rows(
    const unsigned char[::1] text,
    const unsigned char[::1] roles,
    unsigned char[::1] out,
    long long[::1] rows,
    long long first_row,
    unsigned char[::1] pool,
    bint only_pool,
):
    """Decode complete CSV lines of pool logs.

    Parameters
    ----------
    text
        Lines, each ended by a line feed; what follows the last line feed is not touched.
    roles
        One code of `ROLE_CODES` (or 0) for each CSV column; at most 64 columns.
    out
        Bytes of an array of ``POOL_EVENT`` (160 bytes a record) to fill.
    rows
        Receives the 1-based line number of each record.
    first_row
        Line number of the first line of `text`.
    pool
        42 bytes: the pool's address in lower case, or zeros to learn it from the first row.
    only_pool
        Leave out the rows of other addresses instead of refusing them.

    Returns
    -------
    tuple of int
        (records, bytes used, lines used, rows of other pools left out, fault code, column). With
        a fault other than 0, the line after the lines used is the one at fault.
    """
    cdef Py_ssize_t size = text.shape[0], capacity = rows.shape[0], used = 0, length
    cdef long long count = 0, lines = 0, skipped = 0
    cdef int width = <int>roles.shape[0], fault = NONE, column = -1
    cdef Field fields[64]
    cdef const unsigned char* base
    cdef const unsigned char* stop
    cdef PoolEvent* event
    if width > 64 or out.shape[0] < capacity * <Py_ssize_t>sizeof(PoolEvent) or pool.shape[0] != 42:
        raise ValueError("decode_rows: buffers do not fit together")
    if bytes(roles).count(TOPICS) != 1 or bytes(roles).count(DATA) != 1:
        raise ValueError("decode_rows: one column of topics and one of data are needed")
    if size == 0 or capacity == 0:
        return 0, 0, 0, 0, 0, -1
    with nogil:
        base = &text[0]
        event = <PoolEvent*>&out[0]
        while count < capacity and used < size:
            stop = <const unsigned char*>memchr(base + used, 10, size - used)
            if stop == NULL:
                break
            length = stop - base - used
            if length and base[used + length - 1] == 13:
                length -= 1
            if length:
                column = -1
                fault = split_line(base + used, length, fields, width)
                if not fault:
                    fault = decode_line(fields, &roles[0], width, event + count, &pool[0], &column)
                if fault == OTHER_POOL and only_pool:
                    fault = NONE
                    skipped += 1
                elif fault:
                    break
                else:
                    rows[count] = first_row + lines
                    count += 1
            used = stop - base + 1
            lines += 1
    return count, used, lines, skipped, fault, column


def parse_timestamp(str text not None):
    """Return a timestamp in ns UTC: ISO 8601, or Unix time in s, ms, us or ns by its digits.

    A clock time without a zone is read as UTC.

    Raises
    ------
    ValueError
        If the text is none of these.
    """
    cdef bytes raw = text.strip().encode("utf-8", "replace")
    cdef const unsigned char* data = raw
    cdef long long ns = 0
    if not any_time(data, len(raw), &ns):
        raise ValueError(f"not a timestamp: {text!r}")
    return ns
