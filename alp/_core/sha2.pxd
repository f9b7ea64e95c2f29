# SHA-256, SHA-512 and their HMACs, by bytes that are all there; nothing is allocated.

from alp._core.uint256 cimport u32, u64
from alp._core.wire cimport u8

cdef enum:
    BLOCK_256 = 64              # bytes
    BLOCK_512 = 128
    DIGEST_256 = 32
    DIGEST_512 = 64

ctypedef void (*Compress256)(u32* state, const u8* data, Py_ssize_t blocks) noexcept nogil

# A key's part of the work, done once: what is left of either half after its first block.
cdef struct Key256:
    Compress256 compress
    u32 inner[8]
    u32 outer[8]

cdef struct Key512:
    u64 inner[8]
    u64 outer[8]

cdef void sha256(const u8* data, Py_ssize_t size, u8* digest) noexcept nogil
cdef void sha512(const u8* data, Py_ssize_t size, u8* digest) noexcept nogil
cdef void sign256(const Key256* key, const u8* data, Py_ssize_t size, u8* digest) noexcept nogil
cdef void sign512(const Key512* key, const u8* data, Py_ssize_t size, u8* digest) noexcept nogil

cdef class HmacKey:
    cdef Key256 key256
    cdef Key512 key512
    cdef readonly bint long_digest
