# A rate as a bucket of tokens, counted in nanoseconds: exact, and no division when one is taken.

from alp._core.uint256 cimport i64

cdef struct Bucket:
    i64 interval_ns             # a token's worth
    i64 burst
    i64 reserve                 # tokens that only cancels may have
    i64 credit_ns
    i64 at_ns
    bint used


cdef inline i64 bucket_credit(const Bucket* bucket, i64 now_ns) noexcept nogil:
    cdef i64 most = bucket.burst * bucket.interval_ns
    cdef i64 credit
    if not bucket.used:
        return most
    credit = bucket.credit_ns + (now_ns - bucket.at_ns if now_ns > bucket.at_ns else 0)
    return credit if credit < most else most


cdef inline bint bucket_has_token(const Bucket* bucket, i64 now_ns) noexcept nogil:
    return bucket.burst > bucket.reserve and bucket_credit(bucket, now_ns) >= (
        bucket.interval_ns * (1 + bucket.reserve)
    )


cdef inline void bucket_take_token(Bucket* bucket, i64 now_ns) noexcept nogil:
    """Take one, on credit if need be: a cancel leaves anyway, what comes after it waits longer."""
    cdef i64 credit = bucket_credit(bucket, now_ns) - bucket.interval_ns
    cdef i64 least = -bucket.burst * bucket.interval_ns
    bucket.credit_ns = credit if credit > least else least
    if not bucket.used or now_ns > bucket.at_ns:
        bucket.at_ns = now_ns
    bucket.used = True
