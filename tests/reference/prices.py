"""TickMath, SqrtPriceMath, SwapMath and LiquidityAmounts, after the contracts' text."""

from __future__ import annotations

from reference.words import (
    Q96,
    U128,
    U160,
    U256,
    ceil_divide,
    divide,
    mul_div,
    mul_div_up,
    require,
    to_int256,
)

MIN_TICK = -887272
MAX_TICK = 887272
MIN_SQRT_RATIO = 4295128739
MAX_SQRT_RATIO = 1461446703485210103287273052203988822378723970342

FACTORS = (
    0xFFFCB933BD6FAD37AA2D162D1A594001,
    0xFFF97272373D413259A46990580E213A,
    0xFFF2E50F5F656932EF12357CF3C7FDCC,
    0xFFE5CACA7E10E4E61C3624EAA0941CD0,
    0xFFCB9843D60F6159C9DB58835C926644,
    0xFF973B41FA98C081472E6896DFB254C0,
    0xFF2EA16466C96A3843EC78B326B52861,
    0xFE5DEE046A99A2A811C461F1969C3053,
    0xFCBE86C7900A88AEDCFFC83B479AA3A4,
    0xF987A7253AC413176F2B074CF7815E54,
    0xF3392B0822B70005940C7A398E4B70F3,
    0xE7159475A2C29B7443B29C7FA6E889D9,
    0xD097F3BDFD2022B8845AD8F792AA5825,
    0xA9F746462D870FDF8A65DC1F90E061E5,
    0x70D869A156D2A1B890BB3DF62BAF32F7,
    0x31BE135F97D08FD981231505542FCFA6,
    0x9AA508B5B7A84E1C677DE54F3E99BC9,
    0x5D6AF8DEDB81196699C329225EE604,
    0x2216E584F5FA1EA926041BEDFE98,
    0x48A170391F7DC42444E8FA2,
)


def sqrt_ratio_at_tick(tick: int) -> int:
    require(abs(tick) <= MAX_TICK, "T")
    ratio = 2**128
    for bit, factor in enumerate(FACTORS):
        if abs(tick) >> bit & 1:
            ratio = ratio * factor >> 128
    if tick > 0:
        ratio = U256 // ratio
    return (ratio >> 32) + (1 if ratio % 2**32 else 0)


def tick_at_sqrt_ratio(sqrt_price_x96: int) -> int:
    """The contract's logarithm: fourteen squarings, then a choice between two ticks."""
    require(MIN_SQRT_RATIO <= sqrt_price_x96 < MAX_SQRT_RATIO, "R")
    ratio = sqrt_price_x96 << 32
    msb = ratio.bit_length() - 1
    r = ratio >> (msb - 127) if msb >= 128 else ratio << (127 - msb)
    log_2 = (msb - 128) << 64
    for bit in range(63, 49, -1):
        r = r * r >> 127
        high = r >> 128
        log_2 |= high << bit
        r >>= high
    log_sqrt10001 = log_2 * 255738958999603826347141
    low = (log_sqrt10001 - 3402992956809132418596140100660247210) >> 128
    high = (log_sqrt10001 + 291339464771989622907027621153398088495) >> 128
    if low == high:
        return low
    return high if sqrt_ratio_at_tick(high) <= sqrt_price_x96 else low


def next_price_from_amount0(price: int, liquidity: int, amount: int, add: bool) -> int:
    if amount == 0:
        return price
    numerator = liquidity << 96
    product = amount * price
    if add:
        if product <= U256 and numerator + product <= U256:
            return mul_div_up(numerator, price, numerator + product) & U160
        denominator = divide(numerator, price) + amount
        require(denominator <= U256)
        return ceil_divide(numerator, denominator) & U160
    require(product <= U256 and numerator > product)
    moved = mul_div_up(numerator, price, numerator - product)
    require(moved <= U160)
    return moved


def next_price_from_amount1(price: int, liquidity: int, amount: int, add: bool) -> int:
    if add:
        if amount <= U160:
            quotient = divide(amount << 96, liquidity)
        else:
            quotient = mul_div(amount, Q96, liquidity)
        require(price + quotient <= U160)
        return price + quotient
    if amount <= U160:
        quotient = ceil_divide(amount << 96, liquidity)
    else:
        quotient = mul_div_up(amount, Q96, liquidity)
    require(price > quotient)
    return price - quotient


def next_price_from_input(price: int, liquidity: int, amount: int, zero_for_one: bool) -> int:
    require(price > 0)
    require(liquidity > 0)
    move = next_price_from_amount0 if zero_for_one else next_price_from_amount1
    return move(price, liquidity, amount, True)


def next_price_from_output(price: int, liquidity: int, amount: int, zero_for_one: bool) -> int:
    require(price > 0)
    require(liquidity > 0)
    move = next_price_from_amount1 if zero_for_one else next_price_from_amount0
    return move(price, liquidity, amount, False)


def amount0_delta(a: int, b: int, liquidity: int, up: bool) -> int:
    low, high = min(a, b), max(a, b)
    require(low > 0)
    if up:
        return ceil_divide(mul_div_up(liquidity << 96, high - low, high), low)
    return mul_div(liquidity << 96, high - low, high) // low


def amount1_delta(a: int, b: int, liquidity: int, up: bool) -> int:
    low, high = min(a, b), max(a, b)
    return (mul_div_up if up else mul_div)(liquidity, high - low, Q96)


def signed_delta(delta: object, a: int, b: int, liquidity: int) -> int:
    """The int128 overloads: what a liquidity change costs, negative for what it frees."""
    assert callable(delta)
    if liquidity < 0:
        return -to_int256(delta(a, b, -liquidity, False))
    return to_int256(delta(a, b, liquidity, True))


def compute_swap_step(
    current: int, target: int, liquidity: int, remaining: int, fee_pips: int
) -> tuple[int, int, int, int]:
    zero_for_one = current >= target
    exact_in = remaining >= 0
    taken, given = (
        (amount0_delta, amount1_delta) if zero_for_one else (amount1_delta, amount0_delta)
    )
    amount_in = amount_out = 0
    if exact_in:
        less_fee = mul_div(remaining, 10**6 - fee_pips, 10**6)
        amount_in = taken(current, target, liquidity, True)
        if less_fee >= amount_in:
            reached = target
        else:
            reached = next_price_from_input(current, liquidity, less_fee, zero_for_one)
    else:
        amount_out = given(current, target, liquidity, False)
        if -remaining >= amount_out:
            reached = target
        else:
            reached = next_price_from_output(current, liquidity, -remaining, zero_for_one)
    if not (reached == target and exact_in):
        amount_in = taken(current, reached, liquidity, True)
    if not (reached == target and not exact_in):
        amount_out = given(current, reached, liquidity, False)
    if not exact_in:
        amount_out = min(amount_out, -remaining)
    if exact_in and reached != target:
        fee = remaining - amount_in
    else:
        fee = mul_div_up(amount_in, fee_pips, 10**6 - fee_pips)
    return reached, amount_in, amount_out, fee


def liquidity_for_amounts(price: int, a: int, b: int, amount0: int, amount1: int) -> int:
    low, high = min(a, b), max(a, b)

    def from0(lower: int, upper: int) -> int:
        return to_uint128(mul_div(amount0, mul_div(lower, upper, Q96), upper - lower))

    def from1(lower: int, upper: int) -> int:
        return to_uint128(mul_div(amount1, Q96, upper - lower))

    if price <= low:
        return from0(low, high)
    if price < high:
        return min(from0(price, high), from1(low, price))
    return from1(low, high)


def amounts_for_liquidity(price: int, a: int, b: int, liquidity: int) -> tuple[int, int]:
    low, high = min(a, b), max(a, b)

    def amount0(lower: int, upper: int) -> int:
        return divide(mul_div(liquidity << 96, upper - lower, upper), lower)

    def amount1(lower: int, upper: int) -> int:
        return mul_div(liquidity, upper - lower, Q96)

    if price <= low:
        return amount0(low, high), 0
    if price < high:
        return amount0(price, high), amount1(low, price)
    return 0, amount1(low, high)


def to_uint128(value: int) -> int:
    require(value <= U128)
    return value


def max_liquidity_per_tick(tick_spacing: int) -> int:
    return U128 // (2 * (MAX_TICK // tick_spacing) + 1)
