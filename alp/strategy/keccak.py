"""Keccak-256 and what Ethereum builds on it: checksummed and CREATE2 addresses.

The standard library has SHA-3, which pads differently; the permutation is short, and a manifest
needs a handful of hashes, so no library is imported for it.
"""

from __future__ import annotations

_MASK = (1 << 64) - 1
_RATE = 136


def _round_constants() -> tuple[int, ...]:
    """Return the 24 iota constants, by the linear feedback register of FIPS 202, algorithm 5."""
    constants, register = [], 1
    for _ in range(24):
        constant = 0
        for exponent in range(7):
            if register & 1:
                constant |= 1 << ((1 << exponent) - 1)
            register <<= 1
            if register & 0x100:
                register ^= 0x171
        constants.append(constant)
    return tuple(constants)


def _walk() -> tuple[tuple[int, int], ...]:
    """Return destination lane and rotation of rho and pi together, starting from lane (1, 0)."""
    steps, x, y = [], 1, 0
    for t in range(24):
        x, y = y, (2 * x + 3 * y) % 5
        steps.append((x + 5 * y, (t + 1) * (t + 2) // 2 % 64))
    return tuple(steps)


_IOTA = _round_constants()
_RHO_PI = _walk()


def _rotate(lane: int, count: int) -> int:
    return (lane << count | lane >> (64 - count)) & _MASK


def _permute(lanes: list[int]) -> None:
    """Apply keccak-f[1600] to 25 lanes in place; lane (x, y) is at x + 5 y."""
    for constant in _IOTA:
        columns = [
            lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20]
            for x in range(5)
        ]
        for x in range(5):
            change = columns[x - 1] ^ _rotate(columns[(x + 1) % 5], 1)
            for y in range(0, 25, 5):
                lanes[x + y] ^= change
        carried = lanes[1]
        for target, count in _RHO_PI:
            carried, lanes[target] = lanes[target], _rotate(carried, count)
        for y in range(0, 25, 5):
            row = lanes[y : y + 5]
            for x in range(5):
                lanes[x + y] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5])
        lanes[0] ^= constant


def keccak256(data: bytes, *, suffix: int = 0x01) -> bytes:
    """Return the 32-byte Keccak-256 of ``data``; ``suffix`` 0x06 makes it SHA3-256."""
    padded = bytearray(data)
    padded += bytes(_RATE - len(padded) % _RATE)
    padded[len(data)] ^= suffix
    padded[-1] ^= 0x80
    lanes = [0] * 25
    for start in range(0, len(padded), _RATE):
        for index in range(_RATE // 8):
            offset = start + 8 * index
            lanes[index] ^= int.from_bytes(padded[offset : offset + 8], "little")
        _permute(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])


def checksum_address(address: str) -> str:
    """Return ``address`` (0x and 40 hexadecimal digits) in EIP-55 mixed case."""
    digits = address[2:].lower()
    nibbles = keccak256(digits.encode()).hex()
    return "0x" + "".join(
        digit.upper() if int(nibble, 16) >= 8 else digit
        for digit, nibble in zip(digits, nibbles, strict=False)
    )


def create2_address(deployer: str, salt: bytes, init_code_hash: bytes) -> str:
    """Return the EIP-55 address that ``deployer`` creates with a 32-byte salt (EIP-1014)."""
    preimage = b"\xff" + bytes.fromhex(deployer[2:]) + salt + init_code_hash
    return checksum_address("0x" + keccak256(preimage)[12:].hex())
