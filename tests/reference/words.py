"""Solidity's fixed-width arithmetic and FullMath."""

from __future__ import annotations

from alp._core.errors import Revert

U128 = 2**128 - 1
U160 = 2**160 - 1
U256 = 2**256 - 1
Q96 = 2**96
Q128 = 2**128


def require(condition: bool, reason: str = "") -> None:
    if not condition:
        raise Revert(reason)


def int56(value: int) -> int:
    return (value + 2**55) % 2**56 - 2**55


def to_int256(value: int) -> int:
    require(value < 2**255)
    return value


def int256_sum(value: int) -> int:
    """The result of LowGasSafeMath's signed add or sub."""
    require(-(2**255) <= value < 2**255)
    return value


def to_int128(value: int) -> int:
    require(-(2**127) <= value < 2**127)
    return value


def divide(a: int, b: int) -> int:
    require(b != 0)
    return a // b


def ceil_divide(a: int, b: int) -> int:
    """UnsafeMath.divRoundingUp: dividing by zero gives zero."""
    return 0 if b == 0 else -(-a // b)


def mul_div(a: int, b: int, denominator: int) -> int:
    require(denominator != 0)
    quotient = a * b // denominator
    require(quotient <= U256)
    return quotient


def mul_div_up(a: int, b: int, denominator: int) -> int:
    quotient = mul_div(a, b, denominator)
    if a * b % denominator:
        require(quotient < U256)
        quotient += 1
    return quotient


def add_delta(liquidity: int, delta: int) -> int:
    require(liquidity + delta >= 0, "LS")
    require(liquidity + delta <= U128, "LA")
    return liquidity + delta
