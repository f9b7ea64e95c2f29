"""SHA-256, SHA-512 and their HMACs (FIPS 180-4, RFC 2104), without Python and without allocation.

Why not OpenSSL: a wheel would have to link or carry it, and its calls cost more than the few blocks
that an order has. SHA-256 uses the processor's instructions for it where it has them, which is found
out when this module is imported; everything else is portable, and both are held to the same tests.

A key is kept as what its two padded blocks leave behind: those are hashed once, not once a message.
"""

cimport cython
from libc.string cimport memcpy, memset

from alp._core.uint256 cimport u32, u64
from alp._core.wire cimport u8

cdef extern from *:
    """
    #include <stddef.h>
    #include <stdint.h>
    #include <string.h>

    /* A memset that the compiler may not drop, although nobody reads what it wrote. */
    static void alp_wipe(void *memory, size_t size) {
        memset(memory, 0, size);
        __asm__ volatile("" : : "r"(memory) : "memory");
    }

    #if defined(__x86_64__)
    #include <cpuid.h>
    #include <immintrin.h>

    static int alp_sha_instructions(void) {
        unsigned a, b, c, d;
        if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSSE3) || !(c & bit_SSE4_1)) return 0;
        return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1);
    }

    __attribute__((target("sha,sse4.1,ssse3")))
    static void alp_sha256_blocks(uint32_t *state, const unsigned char *data, ptrdiff_t blocks,
                                  const uint32_t *constants) {
        const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
        __m128i low = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xB1);
        __m128i high = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1B);
        __m128i abef = _mm_alignr_epi8(low, high, 8);
        __m128i cdgh = _mm_blend_epi16(high, low, 0xF0);
        for (; blocks > 0; blocks--, data += 64) {
            const __m128i abef_before = abef, cdgh_before = cdgh;
            __m128i w[4];
            for (int i = 0; i < 4; i++)
                w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(data + 16 * i)), swap);
            #pragma GCC unroll 16
            for (int i = 0; i < 16; i++) {  /* four rounds each */
                __m128i words = _mm_add_epi32(
                    w[i & 3], _mm_loadu_si128((const __m128i *)(constants + 4 * i)));
                cdgh = _mm_sha256rnds2_epu32(cdgh, abef, words);
                if (i < 12)  /* the words of the four rounds sixteen further on */
                    w[i & 3] = _mm_sha256msg2_epu32(
                        _mm_add_epi32(_mm_sha256msg1_epu32(w[i & 3], w[(i + 1) & 3]),
                                      _mm_alignr_epi8(w[(i + 3) & 3], w[(i + 2) & 3], 4)),
                        w[(i + 3) & 3]);
                abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(words, 0x0E));
            }
            abef = _mm_add_epi32(abef, abef_before);
            cdgh = _mm_add_epi32(cdgh, cdgh_before);
        }
        low = _mm_shuffle_epi32(abef, 0x1B);
        high = _mm_shuffle_epi32(cdgh, 0xB1);
        _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(low, high, 0xF0));
        _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(high, low, 8));
    }
    #else
    static int alp_sha_instructions(void) { return 0; }
    static void alp_sha256_blocks(uint32_t *state, const unsigned char *data, ptrdiff_t blocks,
                                  const uint32_t *constants) {}
    #endif
    """
    void alp_wipe(void* memory, size_t size) noexcept nogil
    bint alp_sha_instructions() noexcept nogil
    void alp_sha256_blocks(
        u32* state, const u8* data, Py_ssize_t blocks, const u32* constants
    ) noexcept nogil

cdef u32 ROUND_256[64]
cdef u64 ROUND_512[80]
cdef u32 START_256[8]
cdef u64 START_512[8]
cdef Compress256 FASTEST


def _root_digits(prime, degree):
    """Return the first 64 bits behind the point of a root of a prime."""
    target = prime << (64 * degree)
    low, high = 0, 1 << 70
    while high - low > 1:
        middle = (low + high) >> 1
        if middle**degree <= target:
            low = middle
        else:
            high = middle
    return low & ((1 << 64) - 1)


cdef void _fill_tables() except *:
    """The standard's constants: roots of the first primes, cubic for rounds, square at the start."""
    primes = [n for n in range(2, 410) if 0 not in [n % d for d in range(2, n)]]
    assert len(primes) == 80
    for i, prime in enumerate(primes):
        ROUND_512[i] = _root_digits(prime, 3)
        if i < 64:
            ROUND_256[i] = <u32>(ROUND_512[i] >> 32)
        if i < 8:
            START_512[i] = _root_digits(prime, 2)
            START_256[i] = <u32>(START_512[i] >> 32)


cdef inline u32 _turned32(u32 word, int bits) noexcept nogil:
    return (word >> bits) | (word << (32 - bits))


cdef inline u64 _turned64(u64 word, int bits) noexcept nogil:
    return (word >> bits) | (word << (64 - bits))


cdef void _portable256(u32* state, const u8* data, Py_ssize_t blocks) noexcept nogil:
    cdef u32 w[64]
    cdef u32 v[8]
    cdef u32 first, second
    cdef int i
    while blocks > 0:
        for i in range(16):
            w[i] = (
                <u32>data[4 * i] << 24 | <u32>data[4 * i + 1] << 16
                | <u32>data[4 * i + 2] << 8 | data[4 * i + 3]
            )
        for i in range(16, 64):
            first, second = w[i - 15], w[i - 2]
            w[i] = (
                w[i - 16] + w[i - 7]
                + (_turned32(first, 7) ^ _turned32(first, 18) ^ (first >> 3))
                + (_turned32(second, 17) ^ _turned32(second, 19) ^ (second >> 10))
            )
        memcpy(v, state, sizeof(v))
        for i in range(64):
            first = (
                v[7] + (_turned32(v[4], 6) ^ _turned32(v[4], 11) ^ _turned32(v[4], 25))
                + ((v[4] & v[5]) ^ (~v[4] & v[6])) + ROUND_256[i] + w[i]
            )
            second = (
                (_turned32(v[0], 2) ^ _turned32(v[0], 13) ^ _turned32(v[0], 22))
                + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]))
            )
            v[7], v[6], v[5] = v[6], v[5], v[4]
            v[4] = v[3] + first
            v[3], v[2], v[1] = v[2], v[1], v[0]
            v[0] = first + second
        for i in range(8):
            state[i] += v[i]
        data += BLOCK_256
        blocks -= 1


cdef void _hardware256(u32* state, const u8* data, Py_ssize_t blocks) noexcept nogil:
    alp_sha256_blocks(state, data, blocks, ROUND_256)


cdef void _compress512(u64* state, const u8* data, Py_ssize_t blocks) noexcept nogil:
    cdef u64 w[80]
    cdef u64 v[8]
    cdef u64 first, second
    cdef int i, k
    while blocks > 0:
        for i in range(16):
            w[i] = 0
            for k in range(8):
                w[i] = w[i] << 8 | data[8 * i + k]
        for i in range(16, 80):
            first, second = w[i - 15], w[i - 2]
            w[i] = (
                w[i - 16] + w[i - 7]
                + (_turned64(first, 1) ^ _turned64(first, 8) ^ (first >> 7))
                + (_turned64(second, 19) ^ _turned64(second, 61) ^ (second >> 6))
            )
        memcpy(v, state, sizeof(v))
        for i in range(80):
            first = (
                v[7] + (_turned64(v[4], 14) ^ _turned64(v[4], 18) ^ _turned64(v[4], 41))
                + ((v[4] & v[5]) ^ (~v[4] & v[6])) + ROUND_512[i] + w[i]
            )
            second = (
                (_turned64(v[0], 28) ^ _turned64(v[0], 34) ^ _turned64(v[0], 39))
                + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]))
            )
            v[7], v[6], v[5] = v[6], v[5], v[4]
            v[4] = v[3] + first
            v[3], v[2], v[1] = v[2], v[1], v[0]
            v[0] = first + second
        for i in range(8):
            state[i] += v[i]
        data += BLOCK_512
        blocks -= 1


cdef inline void _big_endian(u8* to, u64 value) noexcept nogil:
    cdef int i
    for i in range(8):
        to[i] = <u8>(value >> (56 - 8 * i))


cdef void _finish256(
    Compress256 compress, u32* state, const u8* data, Py_ssize_t size, Py_ssize_t before,
    u8* digest
) noexcept nogil:
    """Hash what is left, after whole blocks of `before` bytes, and write the digest."""
    cdef u8 tail[2 * BLOCK_256]
    cdef Py_ssize_t whole = size // BLOCK_256
    cdef Py_ssize_t rest = size - whole * BLOCK_256
    cdef int blocks = 1 if rest < BLOCK_256 - 8 else 2
    cdef int i
    if whole:
        compress(state, data, whole)
    memcpy(tail, data + whole * BLOCK_256, rest)
    memset(tail + rest, 0, blocks * BLOCK_256 - rest)
    tail[rest] = 0x80
    _big_endian(tail + blocks * BLOCK_256 - 8, <u64>(before + size) * 8)
    compress(state, tail, blocks)
    for i in range(4):
        _big_endian(digest + 8 * i, <u64>state[2 * i] << 32 | state[2 * i + 1])


cdef void _finish512(
    u64* state, const u8* data, Py_ssize_t size, Py_ssize_t before, u8* digest
) noexcept nogil:
    cdef u8 tail[2 * BLOCK_512]
    cdef Py_ssize_t whole = size // BLOCK_512
    cdef Py_ssize_t rest = size - whole * BLOCK_512
    cdef int blocks = 1 if rest < BLOCK_512 - 16 else 2
    cdef int i
    if whole:
        _compress512(state, data, whole)
    memcpy(tail, data + whole * BLOCK_512, rest)
    memset(tail + rest, 0, blocks * BLOCK_512 - rest)
    tail[rest] = 0x80
    _big_endian(tail + blocks * BLOCK_512 - 8, <u64>(before + size) * 8)
    _compress512(state, tail, blocks)
    for i in range(8):
        _big_endian(digest + 8 * i, state[i])


cdef void _hash256(
    Compress256 compress, const u8* data, Py_ssize_t size, u8* digest
) noexcept nogil:
    cdef u32 state[8]
    memcpy(state, START_256, sizeof(state))
    _finish256(compress, state, data, size, 0, digest)


cdef void sha256(const u8* data, Py_ssize_t size, u8* digest) noexcept nogil:
    _hash256(FASTEST, data, size, digest)


cdef void sha512(const u8* data, Py_ssize_t size, u8* digest) noexcept nogil:
    cdef u64 state[8]
    memcpy(state, START_512, sizeof(state))
    _finish512(state, data, size, 0, digest)


cdef void sign256(const Key256* key, const u8* data, Py_ssize_t size, u8* digest) noexcept nogil:
    cdef u32 state[8]
    memcpy(state, key.inner, sizeof(state))
    _finish256(key.compress, state, data, size, BLOCK_256, digest)
    memcpy(state, key.outer, sizeof(state))
    _finish256(key.compress, state, digest, DIGEST_256, BLOCK_256, digest)


cdef void sign512(const Key512* key, const u8* data, Py_ssize_t size, u8* digest) noexcept nogil:
    cdef u64 state[8]
    memcpy(state, key.inner, sizeof(state))
    _finish512(state, data, size, BLOCK_512, digest)
    memcpy(state, key.outer, sizeof(state))
    _finish512(state, digest, DIGEST_512, BLOCK_512, digest)


cdef void _prepare256(
    Key256* key, Compress256 compress, const u8* secret, Py_ssize_t size
) noexcept nogil:
    cdef u8 padded[BLOCK_256]
    cdef int i
    memset(padded, 0, BLOCK_256)
    if size > BLOCK_256:
        _hash256(compress, secret, size, padded)
    else:
        memcpy(padded, secret, size)
    for i in range(BLOCK_256):
        padded[i] ^= 0x36
    memcpy(key.inner, START_256, sizeof(START_256))
    compress(key.inner, padded, 1)
    for i in range(BLOCK_256):
        padded[i] ^= 0x36 ^ 0x5C
    memcpy(key.outer, START_256, sizeof(START_256))
    compress(key.outer, padded, 1)
    key.compress = compress
    alp_wipe(padded, BLOCK_256)


cdef void _prepare512(Key512* key, const u8* secret, Py_ssize_t size) noexcept nogil:
    cdef u8 padded[BLOCK_512]
    cdef int i
    memset(padded, 0, BLOCK_512)
    if size > BLOCK_512:
        sha512(secret, size, padded)
    else:
        memcpy(padded, secret, size)
    for i in range(BLOCK_512):
        padded[i] ^= 0x36
    memcpy(key.inner, START_512, sizeof(START_512))
    _compress512(key.inner, padded, 1)
    for i in range(BLOCK_512):
        padded[i] ^= 0x36 ^ 0x5C
    memcpy(key.outer, START_512, sizeof(START_512))
    _compress512(key.outer, padded, 1)
    alp_wipe(padded, BLOCK_512)


_fill_tables()
FASTEST = _hardware256 if alp_sha_instructions() else _portable256

HARDWARE = bool(alp_sha_instructions())
"""Whether this processor has instructions for SHA-256."""

_LONG = {"sha256": False, "sha512": True}


cdef bint _is_long(str digest) except -1:
    if digest not in _LONG:
        raise ValueError(f"no digest {digest!r}: {', '.join(_LONG)}")
    return _LONG[digest]


cdef const u8* _start(const unsigned char[::1] data) noexcept:
    return &data[0] if data.shape[0] else <const u8*>b""


def digest_of(const unsigned char[::1] data not None, str digest not None, *, bint portable=False):
    """Return the digest of bytes: ``sha256`` or ``sha512``; `portable` without instructions for it.

    Raises
    ------
    ValueError
        If it is another digest.
    """
    cdef u8 result[DIGEST_512]
    if _is_long(digest):
        sha512(_start(data), data.shape[0], result)
        return result[:DIGEST_512]
    _hash256(_portable256 if portable else FASTEST, _start(data), data.shape[0], result)
    return result[:DIGEST_256]


@cython.final
cdef class HmacKey:
    """A key that is ready to sign, by HMAC-SHA256 or HMAC-SHA512; it is wiped when it goes.

    Parameters
    ----------
    secret
        Its bytes, of which no copy is kept.
    digest
        ``sha256`` or ``sha512``.
    portable
        Whether to do without the processor's instructions for it.

    Raises
    ------
    ValueError
        If it is another digest.
    """

    def __cinit__(
        self, const unsigned char[::1] secret not None, str digest not None, *,
        bint portable=False
    ):
        self.long_digest = _is_long(digest)
        if self.long_digest:
            _prepare512(&self.key512, _start(secret), secret.shape[0])
        else:
            _prepare256(
                &self.key256, _portable256 if portable else FASTEST, _start(secret),
                secret.shape[0]
            )

    def __dealloc__(self):
        alp_wipe(&self.key256, sizeof(Key256))
        alp_wipe(&self.key512, sizeof(Key512))

    def __repr__(self):
        return f"HmacKey({'sha512' if self.long_digest else 'sha256'}, ***)"

    def __reduce_ex__(self, protocol):
        raise TypeError("a key is neither copied nor pickled")

    def sign(self, const unsigned char[::1] data not None):
        """Return the signature of bytes: 32 of them, or 64."""
        cdef u8 result[DIGEST_512]
        if self.long_digest:
            sign512(&self.key512, _start(data), data.shape[0], result)
            return result[:DIGEST_512]
        sign256(&self.key256, _start(data), data.shape[0], result)
        return result[:DIGEST_256]
