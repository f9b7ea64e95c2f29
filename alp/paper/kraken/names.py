"""Names that Kraken spot gives: to assets by REST, and to orders, trades and the like.

The latter are letters and digits in three groups. Such a name says its number to whoever made it
and nothing to others; no two are the same.
"""

from __future__ import annotations

OLD_NAMES = {"BTC": "XBT", "DOGE": "XDG"}
"""What REST calls some assets."""
DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_LENGTH = 16
_NAMES = len(DIGITS) ** _LENGTH
_SPREAD = 0x9E3779B97F4A7C15F39D
"""Odd, so that no two numbers become the same name."""
_BACK = pow(_SPREAD, -1, _NAMES)


def old_name(asset: str) -> str:
    """Return what REST calls an asset."""
    return OLD_NAMES.get(asset, asset)


def name_of(kind: str, number: int) -> str:
    """Return the name of a number: ``OXZPAJ-ONWQU-KMAMPL``; the kind is its first letter."""
    rest = number * _SPREAD % _NAMES
    text = kind
    for _ in range(_LENGTH):
        rest, digit = divmod(rest, len(DIGITS))
        text += DIGITS[digit]
    return f"{text[:6]}-{text[6:11]}-{text[11:]}"


def number_of(kind: str, name: str) -> int | None:
    """Return the number of a name; None where it is none of this kind."""
    text = name.replace("-", "")
    if len(text) != _LENGTH + 1 or text[:1] != kind or not set(text[1:]) <= set(DIGITS):
        return None
    value = 0
    for letter in reversed(text[1:]):
        value = value * len(DIGITS) + DIGITS.index(letter)
    number: int = value * _BACK % _NAMES
    return number
