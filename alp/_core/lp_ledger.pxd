# The exact ledger of our own positions during a replay.
#
# Every value is an integer in units of quote raw * 10**-28. With an integer mark price on the same
# scale nothing is ever rounded: value(base, quote) = base * mark + quote * 10**28. Accumulators
# are two's complement in 256 bits.
#
# One step from (mark M0, principal b0 q0, fees fb0 fq0) to (M1, b1 q1, fb1 fq1) splits the change
# of V = (b + fb) * M + (q + fq) * 10**28 exactly into
#     price += (b0 + fb0) * (M1 - M0)                   inventory held before the step, repriced
#     lvr   += (b1 - b0) * M1 + (q1 - q0) * 10**28       what the pool's trade with us was worth
#     fees  += (fb1 - fb0) * M1 + (fq1 - fq0) * 10**28   what takers paid us
# so V1 - V0 = price + lvr + fees to the last unit, whatever the path.

#
# Samples are what a report asks for at fixed times: all live positions together. They are taken
# without leaving the replay; Python collects them when it stops anyway, or when the room is used up.

from alp._core.prepared_price cimport Price
from alp._core.uint256 cimport i64, limbs_multiply, u64, u128, u256, u256_from_limbs

cdef enum:
    MAX_OWN = 16
    SAMPLE_ROOM = 512

cdef struct OwnPosition:
    bint live
    int tick_lower
    int tick_upper
    Price lower
    Price upper
    u128 liquidity
    u128 base           # principal at the last step, raw, rounded down as a burn pays
    u128 quote
    u128 fee_base       # uncollected fees at the last step, raw
    u128 fee_quote
    u256 price          # accumulators, see above
    u256 lvr
    u256 fees
    i64 in_range_ns

cdef struct Ledger:
    bint base_is_token0
    u128 mark
    i64 ts_ns
    Price price          # at the last step
    int count            # slots in use, live or not
    OwnPosition own[MAX_OWN]

cdef struct Sample:
    i64 ts_ns
    double growth0       # fees of one unit of liquidity in range all along, raw
    double growth1
    u256 mark
    u256 base            # of all live positions, uncollected fees included
    u256 quote
    u256 price           # their accumulators, summed
    u256 lvr
    u256 fees

cdef struct Sampler:
    i64 next_ns
    i64 every_ns
    int count
    Sample rows[SAMPLE_ROOM]


cdef inline u128 ledger_scale() noexcept nogil:
    """10**28."""
    return (<u128>0x204FCE5EULL << 64) | <u128>0x3E25026110000000ULL


cdef inline u256 ledger_product(u128 a, u128 b) noexcept nogil:
    cdef u64 left[2]
    cdef u64 right[2]
    cdef u64 out[4]
    left[0], left[1] = <u64>a, <u64>(a >> 64)
    right[0], right[1] = <u64>b, <u64>(b >> 64)
    limbs_multiply(out, left, 2, right, 2)
    return u256_from_limbs(out[0], out[1], out[2], out[3])


cdef class PositionBooks:
    cdef OwnPosition own
    cdef dict values            # the same for Python, once it was asked

    cdef dict _decoded(self)

cdef int ledger_mark(Price* price, bint base_is_token0, u128* mark) noexcept nogil
cdef void ledger_principal(const Ledger* ledger, OwnPosition* own, Price* price,
                           u128* base, u128* quote) noexcept nogil
cdef void ledger_step(Ledger* ledger, OwnPosition* own, Price* price, u128 mark,
                      u128 fee0, u128 fee1) noexcept nogil
cdef int ledger_open(Ledger* ledger, int tick_lower, int tick_upper, u128 liquidity) noexcept nogil
cdef PositionBooks ledger_read(const OwnPosition* own)
cdef tuple ledger_amounts(const Ledger* ledger, const OwnPosition* own)
cdef tuple ledger_holdings(const Ledger* ledger)
cdef Sample ledger_sample(const Ledger* ledger, i64 ts_ns, double growth0,
                          double growth1) noexcept nogil
cdef void sampler_take(Sampler* sampler, const Ledger* ledger, double growth0,
                       double growth1) noexcept nogil
cdef void sampler_start(Sampler* sampler, i64 every_ns, i64 ts_ns)
cdef bytes sampler_drain(Sampler* sampler)
cdef tuple sample_read(const Sample* sample)
