"""Digests and keyed ones against published vectors, and against Python's for every length."""

from __future__ import annotations

import copy
import ctypes
import hashlib
import hmac
import pickle
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alp._core import sha2
from alp._core.sha2 import HmacKey, digest_of

DIGESTS = ("sha256", "sha512")
WAYS = [("sha256", False), ("sha256", True), ("sha512", False)]

# FIPS 180-4 examples of NIST: message, SHA-256, SHA-512.
NIST = [
    (
        b"abc",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ),
    (
        b"",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
        "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
    ),
    (
        b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
        "204a8fc6dda82f0a0ced7beb8e08a41657c16ef468b228a8279be331a703c335"
        "96fd15c13b1b07f9aa1d3bea57789ca031ad85c7a71dd70354ec631238ca3445",
    ),
]
# RFC 4231: key, message, the beginnings of both signatures.
RFC_4231 = [
    (
        b"\x0b" * 20,
        b"Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b",
        "87aa7cdea5ef619d4ff0b4241a1d6cb0",
    ),
    (
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c7",
        "164b7a7bfcf819e2e395fbe73b56e0a3",
    ),
    (
        b"\xaa" * 20,
        b"\xdd" * 50,
        "773ea91e36800e46854db8ebd09181a7",
        "fa73b0089d56a284efb0f0756c890be9",
    ),
    (
        bytes(range(1, 26)),
        b"\xcd" * 50,
        "82558a389a443c0ea4cc819899f2083a",
        "b0ba465637458c6990e5a8c5f61d4af7",
    ),
    (
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f",
        "80b24263c7c1a3ebb71493c1dd7be8b4",
    ),
]


@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize(("message", "short", "long"), NIST)
def test_the_examples_of_the_standard(
    message: bytes, short: str, long: str, portable: bool
) -> None:
    assert digest_of(message, "sha256", portable=portable).hex() == short
    assert digest_of(message, "sha512", portable=portable).hex() == long


@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize(("key", "message", "short", "long"), RFC_4231)
def test_the_vectors_of_rfc_4231(
    key: bytes, message: bytes, short: str, long: str, portable: bool
) -> None:
    assert HmacKey(key, "sha256", portable=portable).sign(message).hex().startswith(short)
    assert HmacKey(key, "sha512", portable=portable).sign(message).hex().startswith(long)


@pytest.mark.parametrize(("digest", "portable"), WAYS)
def test_every_length_to_three_hundred_bytes(digest: str, portable: bool) -> None:
    key = HmacKey(b"a key", digest, portable=portable)
    for size in range(301):
        message = bytes((7 * i + size) & 255 for i in range(size))
        expected = hashlib.new(digest, message).digest()
        assert digest_of(message, digest, portable=portable) == expected, size
        assert key.sign(message) == hmac.digest(b"a key", message, digest), size


@pytest.mark.parametrize(("digest", "portable"), WAYS)
def test_keys_of_every_length_to_three_hundred_bytes(digest: str, portable: bool) -> None:
    for size in range(301):
        secret = bytes((11 * i + size) & 255 for i in range(size))
        signed = HmacKey(secret, digest, portable=portable).sign(b"message")
        assert signed == hmac.digest(secret, b"message", digest), size


@pytest.mark.parametrize("digest", DIGESTS)
@given(secret=st.binary(max_size=300), message=st.binary(max_size=1000))
def test_both_ways_agree_with_python(digest: str, secret: bytes, message: bytes) -> None:
    expected = hmac.digest(secret, message, digest)
    plain = hashlib.new(digest, message).digest()
    for portable in (False, True):
        assert HmacKey(secret, digest, portable=portable).sign(message) == expected
        assert digest_of(message, digest, portable=portable) == plain


def test_what_is_signed_may_be_any_buffer() -> None:
    key = HmacKey(bytearray(b"secret"), "sha256")
    expected = hmac.digest(b"secret", b"message", "sha256")
    assert key.sign(memoryview(b"a message")[2:]) == expected
    assert key.sign(bytearray(b"message")) == expected


def test_signing_leaves_the_key_as_it_was() -> None:
    key = HmacKey(b"secret", "sha256")
    assert [key.sign(b"one"), key.sign(b"two"), key.sign(b"one")] == [
        hmac.digest(b"secret", message, "sha256") for message in (b"one", b"two", b"one")
    ]


@pytest.mark.parametrize("digest", DIGESTS)
def test_a_key_shows_nothing_and_is_not_copied(digest: str) -> None:
    key = HmacKey(b"very secret", digest)
    assert "***" in repr(key)
    assert "secret" not in repr(key) + str(key)
    for copied in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="neither copied nor pickled"):
            copied(key)


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="looks into its memory")
@pytest.mark.parametrize("digest", DIGESTS)
def test_a_key_leaves_nothing_in_the_memory_of_its_object(digest: str) -> None:
    key = HmacKey(b"very secret", digest)
    place, size = id(key), key.__sizeof__()
    held = ctypes.string_at(place, size)
    words = {held[at : at + 8] for at in range(0, size - 7, 8)}
    telling = {word for word in words if len(set(word)) > 5 and word[-2:] != b"\0\0"}
    assert len(telling) >= 6, "the states of the hash are not where they were"
    del key
    left = ctypes.string_at(place, size)
    assert not [word for word in telling if word in left]


@pytest.mark.parametrize("digest", ["md5", "SHA256", ""])
def test_other_digests_are_refused(digest: str) -> None:
    with pytest.raises(ValueError, match="no digest"):
        HmacKey(b"secret", digest)
    with pytest.raises(ValueError, match="no digest"):
        digest_of(b"", digest)


def test_it_is_known_whether_the_processor_helps() -> None:
    listing = Path("/proc/cpuinfo")
    words = listing.read_text().split() if listing.is_file() else []
    if "flags" not in words:
        pytest.skip("another kind of system or processor")
    assert sha2.HARDWARE is ("sha_ni" in words)
