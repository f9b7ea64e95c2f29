# Where in the queue of a price level an order of ours stands: pure functions over integers.
#
# Venues with a book by level do not say whose quantity left it. `ahead` is the expected quantity
# before ours, in 1/4096 of a lot, so that two runs agree to the last bit; nothing is drawn.

from alp._core.uint256 cimport i64, u64, u128

cdef enum:
    QUEUE_CONSERVATIVE = 1      # what leaves without a trade was behind us, as far as it can be
    QUEUE_POWER = 2             # it was ahead with a probability by power of the two quantities
    QUEUE_LOG = 3               # the same by their logarithm
    QUEUE_FIFO = 4              # the venue names each order that leaves
    AHEAD_BITS = 12
    LARGEST_EXPONENT = 3


cdef inline i64 largest_quantity() noexcept nogil:
    """Lots of a level or of an order; more counts as this much."""
    return (<i64>1 << 48) - 1


cdef inline u64 log2_q24(u64 value) noexcept nogil:
    """Return log2 of a positive integer, in 2^-24, rounded down."""
    cdef int whole = 0, step = 0
    cdef u128 power
    cdef u64 found, shifted = value
    while shifted > 1:
        shifted >>= 1
        whole += 1
    # the mantissa in [1, 2) with 62 bits, squared once for each bit of the fraction
    power = (<u128>value << 62) >> whole
    found = <u64>whole
    while step < 24:
        step += 1
        power = (power * power) >> 62
        found <<= 1
        if power >= <u128>1 << 63:
            power >>= 1
            found |= 1
    return found


cdef inline u128 queue_weight(int model, int exponent, u64 quantity) noexcept nogil:
    """Return f of a quantity: x, x^2, x^3 or log(1 + x); less than 2^96 for x below 2^32."""
    cdef u128 weight = quantity
    if model == QUEUE_LOG:
        return log2_q24(quantity + 1)
    if exponent > 1:
        weight *= quantity
    if exponent > 2:
        weight *= quantity
    return weight


cdef inline i64 queue_ahead_share(int model, int exponent, i64 ahead, i64 behind) noexcept nogil:
    """Return the probability that what left the queue was ahead: f(a) / (f(a) + f(b)), in 2^-30.

    The quantities are in any one unit; for the logarithm they count in lots. Rounded down, which
    is against us.
    """
    cdef u128 of_ahead, of_behind
    if ahead <= 0:
        return 0
    if behind <= 0:
        return <i64>1 << 30
    if model == QUEUE_POWER:
        while ahead >= <i64>1 << 31 or behind >= <i64>1 << 31:
            ahead >>= 1
            behind >>= 1
    of_ahead = queue_weight(model, exponent, <u64>ahead)
    of_behind = queue_weight(model, exponent, <u64>behind)
    if of_ahead + of_behind == 0:
        return <i64>1 << 29
    return <i64>((of_ahead << 30) // (of_ahead + of_behind))


cdef inline i64 queue_at_end(i64 visible) noexcept nogil:
    """Return what is ahead of an order that joins a level with so many lots."""
    if visible > largest_quantity():
        visible = largest_quantity()
    return (visible if visible > 0 else 0) << AHEAD_BITS


cdef inline i64 queue_after_trade(i64 ahead, i64 lots) noexcept nogil:
    """Return what is ahead after a trade of so many lots at the price: trades take the front."""
    if lots >= largest_quantity() or (lots << AHEAD_BITS) >= ahead:
        return 0
    return ahead - (lots << AHEAD_BITS)


cdef inline i64 queue_trade_reaches(i64 ahead, i64 lots) noexcept nogil:
    """Return how many lots of a trade at the price are left for us."""
    cdef i64 whole = (ahead + ((<i64>1 << AHEAD_BITS) - 1)) >> AHEAD_BITS
    return lots - whole if lots > whole else 0


cdef inline i64 queue_after_change(
    int model, int exponent, i64 ahead, i64 before, i64 after, i64 traded
) noexcept nogil:
    """Return what is ahead after the level became `after` lots.

    `before` is what it was at its last change, `traded` what was traded at the price since: that
    much of a decrease is known already. More than the level cannot be ahead in any model.
    """
    cdef i64 gone = before - traded - after
    cdef i64 behind, from_ahead
    if gone > 0 and (model == QUEUE_POWER or model == QUEUE_LOG):
        behind = ((before - traded) << AHEAD_BITS) - ahead
        if behind < 0:
            behind = 0
        if model == QUEUE_LOG:
            from_ahead = queue_ahead_share(
                model, exponent, ahead >> AHEAD_BITS, behind >> AHEAD_BITS
            )
        else:
            from_ahead = queue_ahead_share(model, exponent, ahead, behind)
        from_ahead = <i64>((<u128>(gone << AHEAD_BITS) * <u128>from_ahead) >> 30)
        if (gone << AHEAD_BITS) - from_ahead > behind:
            from_ahead = (gone << AHEAD_BITS) - behind
        ahead -= from_ahead
    if ahead > after << AHEAD_BITS:
        ahead = after << AHEAD_BITS
    return ahead if ahead > 0 else 0


cdef inline i64 queue_after_removal(
    i64 ahead, i64 lots, u64 entered, u64 own_entered
) noexcept nogil:
    """Return what is ahead after a named order gave up so many lots; its entry says where it was."""
    if entered >= own_entered:
        return ahead
    return queue_after_trade(ahead, lots)
