"""The actions of a rebalance in integers: what is held, what is taken down, swapped and put up.

A position whose range stays is kept and added to; only the others are burned. Every burn, swap and
mint carries minimum amounts, so that a price moved against us between decision and inclusion
reverts the transaction instead of paying for it.
"""

from libc.math cimport ceil, expm1, log, log1p
from libc.stdlib cimport llabs

from alp._core.liquidity_amounts cimport amounts_for_liquidity, liquidity_for_amounts
from alp._core.reverts cimport OK, REVERT_EMPTY
from alp._core.tickmath cimport MAX_SQRT_RATIO, MAX_TICK, MIN_SQRT_RATIO, sqrt_ratio_at_tick
from alp._core.uint256 cimport (
    u256_add, u256_add_carry, u256_div, u256_from_limbs, u256_from_u128,
    u256_from_u64, u256_is_zero, u256_le, u256_lt, u256_mul_div, u256_mul_div_up,
    u256_mul_overflows, u256_neg, u256_sub, u128_max,
)
from alp._core.wide_ratios cimport nearest_double, scaled_root

cdef enum:
    BPS = 10_000
    PIPS = 1_000_000
    # A swap of less than one in so many of all we hold is not worth its gas and is left out:
    LEAST_SWAP = 200
    # nor is adding less than this part to a position that stays,
    LEAST_TOP_UP = 100
    # nor is a range for less than this part of the tokens to place.
    LEAST_MINT = 1_000

cdef double LOG_TICK = log(1.0001)
# A width that is a whole number of spacings up to float noise is not snapped to one more.
cdef double SNAP = 1e-9


cdef inline u256 _q96() noexcept nogil:
    return u256_from_limbs(0, <u64>1 << 32, 0, 0)


cdef inline u256 _smaller(u256 a, u256 b) noexcept nogil:
    return a if u256_lt(a, b) else b


cdef inline int _mark_of(u256 sqrt_price, bint base_is_token0, u256* mark) noexcept nogil:
    """TokenPair.mark_x96: in two floored steps where base is token1."""
    cdef u256 once = u256_from_limbs(0, 0, <u64>1 << 16, 0)
    cdef bint inexact
    if base_is_token0:
        return u256_mul_div(sqrt_price, sqrt_price, _q96(), mark)
    cdef int code = u256_mul_div(once, once, sqrt_price, &once)
    if code == OK:
        mark[0] = u256_div(once, sqrt_price, &inexact)
    return code


cdef inline int _values(
    u256 base, u256 quote, u256 mark, u256* of_base, u256* of_quote
) noexcept nogil:
    """In raw quote times 2**96."""
    if u256_mul_overflows(base, mark, of_base) or u256_mul_overflows(quote, _q96(), of_quote):
        return REVERT_EMPTY
    return OK


cdef int _value(u256 base, u256 quote, u256 mark, u256* value) noexcept nogil:
    cdef u256 of_base, of_quote
    cdef u64 carry
    cdef int code = _values(base, quote, mark, &of_base, &of_quote)
    if code != OK:
        return code
    value[0] = u256_add_carry(of_base, of_quote, &carry)
    return REVERT_EMPTY if carry else OK


cdef int _target_base(
    const Terms* terms, u256 base, u256 quote, u256 mark, u256* target
) noexcept nogil:
    """How much base makes the target share of the value, rounded down."""
    cdef u256 value, divisor
    cdef int code = _value(base, quote, mark, &value)
    if code == OK and u256_mul_overflows(mark, u256_from_u64(BPS), &divisor):
        code = REVERT_EMPTY
    if code != OK:
        return code
    return u256_mul_div(value, u256_from_u64(terms.target_share_bps), divisor, target)


cdef int _hedged(const Sight* seen, u256 base, u256 target, i256* combined) noexcept nogil:
    """``q_cefi + h * (base - target)``, the product rounded down, ``h`` in millionths."""
    cdef bint below = u256_lt(base, target)
    cdef u256 distance = u256_sub(target, base) if below else u256_sub(base, target)
    cdef bint negative = below != (seen.hedge_pips < 0)
    cdef u256 ratio = u256_from_u64(<u64>llabs(seen.hedge_pips))
    cdef u256 part
    cdef int code
    if negative:
        code = u256_mul_div_up(distance, ratio, u256_from_u64(PIPS), &part)
        part = u256_neg(part)
    else:
        code = u256_mul_div(distance, ratio, u256_from_u64(PIPS), &part)
    combined[0] = u256_add(seen.cefi_base, part)
    return code


cdef int take_stock(const Terms* terms, Sight* seen, Inventory* held) noexcept nogil:
    """Find what positions hold at the price seen, and what that makes with the wallet."""
    cdef u256 total[2]
    cdef Position* position
    cdef int code = OK
    cdef int i, token
    total[0] = seen.wallet[0]
    total[1] = seen.wallet[1]
    for i in range(seen.count):
        position = &seen.positions[i]
        code = amounts_for_liquidity(
            seen.sqrt_price, position.sqrt_lower, position.sqrt_upper, position.liquidity,
            &position.principal[0], &position.principal[1],
        )
        if code != OK:
            return code
        for token in range(2):
            total[token] = u256_add(total[token], position.principal[token])
            total[token] = u256_add(total[token], position.fees[token])
    held.base = total[terms.base]
    held.quote = total[1 - terms.base]
    code = _mark_of(seen.sqrt_price, terms.base == 0, &held.mark)
    if code == OK:
        code = _target_base(terms, held.base, held.quote, held.mark, &held.target_base)
    if code == OK:
        code = _hedged(seen, held.base, held.target_base, &held.combined_base)
    return code


cdef double distance_bps(int tick_a, int tick_b) noexcept nogil:
    """Upper over lower price minus one, in basis points."""
    return 10_000.0 * expm1(<double>(max(tick_a, tick_b) - min(tick_a, tick_b)) * LOG_TICK)


cdef int _ticks(double width_bps, int spacing) noexcept nogil:
    """A width in ticks, rounded up to whole spacings."""
    cdef double exact = log1p(width_bps / 10_000.0) / LOG_TICK
    return max(<int>ceil(exact / spacing - SNAP), 1) * spacing


cdef void _add_range(Draft* draft, bint is_bid, int lower, int upper, int tick) noexcept nogil:
    cdef Planned* planned = &draft.ranges[draft.count]
    if lower >= upper:
        return  # no usable tick is left on this side
    planned.is_bid = is_bid
    planned.tick_lower = lower
    planned.tick_upper = upper
    planned.sqrt_lower = sqrt_ratio_at_tick(lower)
    planned.sqrt_upper = sqrt_ratio_at_tick(upper)
    # Above the current tick a position takes token0 alone, at or below it token1 alone.
    planned.token = 0 if lower > tick else 1
    planned.liquidity = 0
    planned.minted = 0
    draft.count += 1


cdef void _choose_ranges(
    const Terms* terms, int tick, const Widths* widths, Draft* draft
) noexcept nogil:
    """alp.models.ranges.single_sided_ranges."""
    cdef int spacing = terms.tick_spacing
    cdef int edge = MAX_TICK // spacing * spacing
    cdef int beyond = tick % spacing
    cdef int below = tick - (beyond + spacing if beyond < 0 else beyond)
    cdef int above = below + spacing
    cdef int bid = _ticks(widths.bid_bps, spacing)
    cdef int ask = _ticks(widths.ask_bps, spacing)
    draft.count = 0
    if terms.base == 0:
        _add_range(draft, True, max(below - bid, -edge), below, tick)
        _add_range(draft, False, above, min(above + ask, edge), tick)
    else:
        _add_range(draft, True, above, min(above + bid, edge), tick)
        _add_range(draft, False, max(below - ask, -edge), below, tick)


cdef void _keep_what_stays(Sight* seen, Draft* draft) noexcept nogil:
    cdef Position* position
    cdef Planned* planned
    cdef int i, j
    draft.leaving = 0
    for i in range(seen.count):
        position = &seen.positions[i]
        position.leaves = True
        for j in range(draft.count):
            planned = &draft.ranges[j]
            if (
                planned.tick_lower == position.tick_lower
                and planned.tick_upper == position.tick_upper
            ):
                position.leaves = False
                planned.liquidity = position.liquidity
        draft.leaving += position.leaves


cdef int _take_down(Sight* seen, u256 low, u256 high, u256* amounts) noexcept nogil:
    """Find the minimums of the burns, and add what they and the collects pay to the amounts."""
    cdef Position* position
    cdef u256 other
    cdef int i, token
    cdef int code = OK
    for i in range(seen.count):
        position = &seen.positions[i]
        if not position.leaves:
            continue
        # token0 is least at the upper end of the prices allowed for, token1 at the lower end.
        code = amounts_for_liquidity(
            high, position.sqrt_lower, position.sqrt_upper, position.liquidity,
            &position.least[0], &other,
        )
        if code == OK:
            code = amounts_for_liquidity(
                low, position.sqrt_lower, position.sqrt_upper, position.liquidity,
                &other, &position.least[1],
            )
        if code != OK:
            return code
        for token in range(2):
            amounts[token] = u256_add(amounts[token], position.principal[token])
            amounts[token] = u256_add(amounts[token], position.fees[token])
    return OK


cdef int _put_up(
    const Terms* terms, u256 sqrt_price, u256 mark, const u256* amounts, Draft* draft
) noexcept nogil:
    """Find the mints; a range with neither a mint nor a position of before stays out."""
    cdef u256 worth[2]
    cdef u256 total, times
    cdef Planned* planned
    cdef int i
    cdef int code = _values(
        amounts[terms.base], amounts[1 - terms.base], mark,
        &worth[terms.base], &worth[1 - terms.base],
    )
    if code != OK:
        return code
    total = u256_add(worth[0], worth[1])
    for i in range(draft.count):
        planned = &draft.ranges[i]
        if u256_mul_overflows(worth[planned.token], u256_from_u64(LEAST_MINT), &times):
            return REVERT_EMPTY
        if u256_lt(times, total):
            continue
        code = _mint(planned, amounts[planned.token], sqrt_price)
        if code != OK:
            return code
    return OK


cdef int _mint(Planned* planned, u256 amount, u256 sqrt_price) noexcept nogil:
    """Plan the mint of one token into one range, unless it is too little."""
    cdef u256 nothing = u256_from_u64(0)
    cdef u256 times
    cdef u128 liquidity = 0
    cdef int code = liquidity_for_amounts(
        sqrt_price, planned.sqrt_lower, planned.sqrt_upper,
        amount if planned.token == 0 else nothing, amount if planned.token == 1 else nothing,
        &liquidity,
    )
    if code == OK:
        # Nothing less can be right: with the price still outside the range the whole amount goes
        # in, and with the price inside it the missing token makes the mint revert.
        code = amounts_for_liquidity(
            sqrt_price, planned.sqrt_lower, planned.sqrt_upper, liquidity,
            &planned.least[0], &planned.least[1],
        )
    if code != OK or (u256_is_zero(planned.least[0]) and u256_is_zero(planned.least[1])):
        return code
    u256_mul_overflows(u256_from_u128(liquidity), u256_from_u64(LEAST_TOP_UP), &times)
    if u256_lt(times, u256_from_u128(planned.liquidity)):
        return OK
    if planned.liquidity > u128_max() - liquidity:
        return REVERT_EMPTY
    planned.amount = amount
    planned.minted = liquidity
    planned.liquidity += liquidity
    return OK


cdef int _swap_to_target(
    const Terms* terms, const Sight* seen, u256 mark, const u256* amounts, Swap* swap
) noexcept nogil:
    cdef u256 total[2]
    cdef u256 target, excess, value, worth, out
    cdef u256 q96 = _q96()
    cdef int i, code
    swap.wanted = False
    total[0] = amounts[0]
    total[1] = amounts[1]
    for i in range(seen.count):
        if not seen.positions[i].leaves:
            total[0] = u256_add(total[0], seen.positions[i].principal[0])
            total[1] = u256_add(total[1], seen.positions[i].principal[1])
    code = _target_base(terms, total[terms.base], total[1 - terms.base], mark, &target)
    if code == OK:
        code = _value(total[terms.base], total[1 - terms.base], mark, &value)
    if code != OK:
        return code
    swap.sells_base = u256_lt(target, total[terms.base])
    if swap.sells_base:
        excess = u256_sub(total[terms.base], target)
    else:
        excess = u256_sub(target, total[terms.base])
    if u256_mul_overflows(excess, mark, &worth):
        return REVERT_EMPTY
    if u256_mul_overflows(worth, u256_from_u64(LEAST_SWAP), &worth):
        return REVERT_EMPTY
    if u256_lt(worth, value):
        return OK
    if swap.sells_base:
        swap.amount_in = _smaller(excess, amounts[terms.base])
        code = u256_mul_div(swap.amount_in, mark, q96, &out)
    else:
        code = u256_mul_div(excess, mark, q96, &swap.amount_in)
        swap.amount_in = _smaller(swap.amount_in, amounts[1 - terms.base])
        if code == OK:
            code = u256_mul_div(swap.amount_in, q96, mark, &out)
    if code != OK:
        return code
    u256_mul_div(out, u256_from_u64(PIPS - terms.fee_pips), u256_from_u64(PIPS), &out)
    u256_mul_div(
        out, u256_from_u64(BPS - terms.slippage_bps), u256_from_u64(BPS), &swap.amount_out_min
    )
    swap.wanted = not (u256_is_zero(swap.amount_in) or u256_is_zero(swap.amount_out_min))
    return OK


cdef double _swap_cost(const Terms* terms, const Swap* swap, u256 mark) noexcept nogil:
    """Fee and worst slippage in raw quote."""
    cdef u256 notional = swap.amount_in
    if swap.sells_base:
        u256_mul_div(notional, mark, _q96(), &notional)
    return nearest_double(notional) * (
        <double>terms.fee_pips * 1e-6 + <double>terms.slippage_bps * 1e-4
    )


cdef void _slippage_bounds(u256 price, u64 slippage_bps, u256* low, u256* high) noexcept nogil:
    """The sqrt prices at ``price * (1 -+ slippage)``, within the pool's domain."""
    low[0] = scaled_root(price, BPS - slippage_bps, BPS)
    high[0] = scaled_root(price, BPS + slippage_bps, BPS)
    if u256_lt(low[0], MIN_SQRT_RATIO):
        low[0] = MIN_SQRT_RATIO
    if u256_le(MAX_SQRT_RATIO, high[0]):
        high[0] = u256_sub(MAX_SQRT_RATIO, u256_from_u64(1))


cdef int draft_plan(
    const Terms* terms, Sight* seen, const Inventory* held, const Widths* widths, bint may_swap,
    Draft* draft,
) noexcept nogil:
    """Replace the open positions by ranges of these widths; `take_stock` has seen them."""
    cdef u256 amounts[2]
    cdef u256 low, high
    cdef Swap* swap = &draft.swap
    cdef bint asks = may_swap and terms.swaps_to_target
    cdef int given
    cdef int code = OK
    _choose_ranges(terms, seen.tick, widths, draft)
    _keep_what_stays(seen, draft)
    amounts[0] = seen.wallet[0]
    amounts[1] = seen.wallet[1]
    swap.wanted = False
    draft.swap_cost = 0.0
    if draft.leaving or asks:
        _slippage_bounds(seen.sqrt_price, terms.slippage_bps, &low, &high)
        code = _take_down(seen, low, high, amounts)
    if code == OK and asks:
        code = _swap_to_target(terms, seen, held.mark, amounts, swap)
    if code == OK and swap.wanted:
        given = terms.base if swap.sells_base else 1 - terms.base
        swap.sqrt_limit = low if given == 0 else high
        draft.swap_cost = _swap_cost(terms, swap, held.mark)
        amounts[given] = u256_sub(amounts[given], swap.amount_in)
        amounts[1 - given] = u256_add(amounts[1 - given], swap.amount_out_min)
    if code == OK:
        code = _put_up(terms, seen.sqrt_price, held.mark, amounts, draft)
    draft.gas_units = _gas_units(terms, draft)
    return code


cdef u64 _gas_units(const Terms* terms, const Draft* draft) noexcept nogil:
    cdef u64 units = <u64>draft.leaving * (terms.burn_gas + terms.collect_gas)
    cdef int i
    if draft.swap.wanted:
        units += terms.swap_gas
    for i in range(draft.count):
        if draft.ranges[i].minted:
            units += terms.mint_gas
    return units
