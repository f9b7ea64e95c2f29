from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alp.strategy.keccak import checksum_address, create2_address, keccak256


@given(st.binary(max_size=600))
def test_the_permutation_is_sha3s_with_another_padding(data: bytes) -> None:
    assert keccak256(data, suffix=0x06) == hashlib.sha3_256(data).digest()


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
    ],
)
def test_known_digests(data: bytes, digest: str) -> None:
    assert keccak256(data).hex() == digest


@pytest.mark.parametrize(
    "address",
    [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0xde709f2102306220921060314715629080e2fb77",
    ],
)
def test_eip_55_examples_keep_their_case(address: str) -> None:
    assert checksum_address(address.lower()) == address


@pytest.mark.parametrize(
    ("deployer", "salt", "code", "address"),
    [
        ("00" * 20, "00" * 32, "00", "0x4D1A2e2bB4F88F0250f26Ffff098B0b30B26BF38"),
        ("deadbeef" + "00" * 16, "00" * 32, "00", "0xB928f69Bb1D91Cd65274e3c79d8986362984fDA3"),
        ("00" * 20, "00" * 32, "deadbeef", "0x70f2b2914A2a4b783FaEFb75f459A580616Fcb5e"),
    ],
)
def test_eip_1014_examples(deployer: str, salt: str, code: str, address: str) -> None:
    code_hash = keccak256(bytes.fromhex(code))
    assert create2_address("0x" + deployer, bytes.fromhex(salt), code_hash) == address
