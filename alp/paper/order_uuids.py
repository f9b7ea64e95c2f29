"""Names of orders and trades that are UUIDs, and tell their number to whoever made them."""

from __future__ import annotations

from uuid import UUID

_BITS = 122
_NAMES = 1 << _BITS
_SPREAD = 0x9E3779B97F4A7C15F39CC0605CEDC83
"""Odd, so that no two numbers become the same name."""
_BACK = pow(_SPREAD, -1, _NAMES)
_SALTS = {"order": 1, "trade": 2, "wallet": 3, "user": 4, "execution": 5, "preview": 6}
_KINDS = 8


def uuid_of(kind: str, number: int) -> str:
    """Return the name of a number; kinds are those of the table above."""
    rest = (number * _KINDS + _SALTS[kind]) * _SPREAD % _NAMES
    high, middle, low = rest >> 74, (rest >> 62) & 0xFFF, rest & ((1 << 62) - 1)
    return str(UUID(int=high << 80 | 4 << 76 | middle << 64 | 2 << 62 | low))


def number_of_uuid(kind: str, name: str) -> int | None:
    """Return the number of a name; None where it is none of this kind."""
    try:
        value = UUID(name).int
    except ValueError:
        return None
    rest = (value >> 80) << 74 | ((value >> 64) & 0xFFF) << 62 | value & ((1 << 62) - 1)
    number, salt = divmod(rest * _BACK % _NAMES, _KINDS)
    if salt != _SALTS[kind] or uuid_of(kind, number) != name.lower():
        return None
    return number
