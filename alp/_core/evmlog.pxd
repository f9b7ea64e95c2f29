# One decoded log of a Uniswap V3 pool, as alp.data.schema.POOL_EVENT lays it out (160 bytes).

ctypedef unsigned long long u64

cdef struct PoolEvent:
    long long ts_ns
    long long block
    int log_index
    unsigned char kind
    unsigned char pad[3]
    int tick_lower
    int tick_upper
    int tick
    unsigned char pad2[4]
    u64 owner
    u64 amount0[4]
    u64 amount1[4]
    u64 sqrt_price_x96[4]
    u64 liquidity[2]

cdef bint any_time(const unsigned char* text, Py_ssize_t size, long long* ns) noexcept nogil
cdef bint hex_digits(const unsigned char* text, int count, u64* value) noexcept nogil
