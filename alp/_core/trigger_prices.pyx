"""When a rebalance is due, and the sqrt prices at which it becomes so; exact.

What the ranges hold is a monotone function of the price, so each condition of
:mod:`alp.models.triggers` is true beyond exactly one sqrt price.
"""

from alp._core.holdings cimport held_by, price_holding_at_most, read_ranges
from alp._core.tickmath cimport MAX_SQRT_RATIO, MIN_SQRT_RATIO
from alp._core.uint256 cimport (
    c_u64, limbs_multiply, u160_from_int, u256_add, u256_add_u64, u256_from_int, u256_from_u64,
    u256_lt, u256_mul_div_up, u256_sub, u256_to_int,
)
from alp._core.wide_ratios cimport scaled_root, square_exceeds

# Thresholds in basis points times a part of them in basis points.
cdef u64 SCALE = 100_000_000


cdef inline bint _product_lt(u256 a, u64 times_a, u256 b, u64 times_b) noexcept nogil:
    """``a * times_a < b * times_b``, in full width."""
    cdef u64 left[5]
    cdef u64 right[5]
    cdef int i
    limbs_multiply(left, a.w, 4, &times_a, 1)
    limbs_multiply(right, b.w, 4, &times_b, 1)
    for i in range(4, -1, -1):
        if left[i] != right[i]:
            return left[i] < right[i]
    return False


cdef Cause cause_at(
    const Thresholds* rule, const Stand* stand, u256 sqrt_price, bint up
) noexcept nogil:
    """An upward crossing sells token0, a downward one token1."""
    cdef int sold = 0 if up else 1
    cdef u256 held = u256_add(stand.wallet[sold], held_by(&stand.ranges, sqrt_price, up))
    cdef u256 higher = sqrt_price if up else stand.base_sqrt_price
    cdef u256 lower = stand.base_sqrt_price if up else sqrt_price
    if _product_lt(held, SCALE, stand.base_amount[sold], rule.left):
        return DEPLETED
    if rule.moved and square_exceeds(higher, SCALE, lower, rule.moved):
        return PRICE_MOVED
    return NO_CAUSE


cdef inline bint _most_in_ranges(
    const Thresholds* rule, const Stand* stand, int token, u256* most
) noexcept nogil:
    """The most the ranges hold of a token that counts as depleted; false where nothing does."""
    cdef u256 enough
    # It cannot overflow: the threshold is at most the whole.
    u256_mul_div_up(
        stand.base_amount[token], u256_from_u64(rule.left), u256_from_u64(SCALE), &enough
    )
    if not u256_lt(stand.wallet[token], enough):
        return False
    most[0] = u256_sub(u256_sub(enough, u256_from_u64(1)), stand.wallet[token])
    return True


cdef u256 first_above(const Thresholds* rule, const Stand* stand) noexcept nogil:
    """The least price with a cause upwards; MAX_SQRT_RATIO, which no pool reaches, for none."""
    cdef u256 due = MAX_SQRT_RATIO
    cdef u256 most, moved
    if _most_in_ranges(rule, stand, 0, &most):
        due = price_holding_at_most(&stand.ranges, most, True)
    if rule.moved:
        # The least p with p * p * SCALE > base * base * moved.
        moved = u256_add_u64(scaled_root(stand.base_sqrt_price, rule.moved, SCALE), 1)
        if u256_lt(moved, due):
            due = moved
    return MIN_SQRT_RATIO if u256_lt(due, MIN_SQRT_RATIO) else due


cdef u256 last_below(const Thresholds* rule, const Stand* stand) noexcept nogil:
    """The greatest price with a cause downwards; MIN_SQRT_RATIO - 1 for none."""
    cdef u256 one = u256_from_u64(1)
    cdef u256 due = u256_sub(MIN_SQRT_RATIO, one)
    cdef u256 most, moved
    if _most_in_ranges(rule, stand, 1, &most):
        due = price_holding_at_most(&stand.ranges, most, False)
    if rule.moved:
        # The greatest p with base * base * SCALE > p * p * moved.
        moved = scaled_root(stand.base_sqrt_price, SCALE, rule.moved)
        if not square_exceeds(stand.base_sqrt_price, SCALE, moved, rule.moved):
            moved = u256_sub(moved, one)
        if u256_lt(due, moved):
            due = moved
    return due if u256_lt(due, MAX_SQRT_RATIO) else u256_sub(MAX_SQRT_RATIO, one)


cdef int _read(
    Stand* stand, Thresholds* rule, baseline, holdings, depletion_bps,
    price_move_bps, part_bps,
) except -1:
    cdef u64 part = c_u64(part_bps)
    cdef u64 move = c_u64(price_move_bps)
    sqrt_price_x96, amount0, amount1 = baseline
    wallet0, wallet1, positions = holdings
    rule.left = SCALE - c_u64(depletion_bps) * part
    rule.moved = SCALE + move * part if move else 0
    stand.base_sqrt_price = u160_from_int(sqrt_price_x96)
    stand.base_amount[0] = u256_from_int(amount0)
    stand.base_amount[1] = u256_from_int(amount1)
    stand.wallet[0] = u256_from_int(wallet0)
    stand.wallet[1] = u256_from_int(wallet1)
    read_ranges(positions, &stand.ranges)
    return 0


def due_at(baseline, holdings, sqrt_price_x96, depletion_bps, price_move_bps, part_bps):
    """Return why a rebalance is due upwards, and why downwards.

    Parameters
    ----------
    baseline
        Sqrt price, token0 and token1 held in all right after the last rebalance.
    holdings
        token0 and token1 in the wallet, and rows ``(tick_lower, tick_upper, liquidity)``.
    depletion_bps, price_move_bps
        As :class:`alp.models.triggers.TriggerRule` has them; at most 10**4 and 10**12.
    part_bps
        Which part of the thresholds counts.

    Returns
    -------
    tuple of int
        0 for no cause, 1 for a token depleted, 2 for a price moved.
    """
    cdef Stand stand
    cdef Thresholds rule
    cdef u256 price = u160_from_int(sqrt_price_x96)
    _read(&stand, &rule, baseline, holdings, depletion_bps, price_move_bps, part_bps)
    return <int>cause_at(&rule, &stand, price, True), <int>cause_at(&rule, &stand, price, False)


def due_prices(baseline, holdings, depletion_bps, price_move_bps, part_bps):
    """Return the sqrt prices at which `due_at` first has a cause: ``(downwards, upwards)``.

    It has one at every price up to the first and from the second on, and none between them. A side
    without any has MIN_SQRT_RATIO - 1 or MAX_SQRT_RATIO, which no pool reaches.
    """
    cdef Stand stand
    cdef Thresholds rule
    cdef u256 low, high
    _read(&stand, &rule, baseline, holdings, depletion_bps, price_move_bps, part_bps)
    with nogil:
        low = last_below(&rule, &stand)
        high = first_above(&rule, &stand)
    return u256_to_int(low), u256_to_int(high)
