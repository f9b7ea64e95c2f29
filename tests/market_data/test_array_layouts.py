"""The arrays readers yield are a contract with compiled code: sizes and offsets never move."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alp.data.schema import (
    BAR,
    BASE_FEE,
    CANDLE,
    LIQUIDITY,
    POOL_EVENT,
    TRADE,
    is_negative,
    is_zero,
    limbs,
    signed_list,
    to_float,
    unsigned_list,
)

POOL_EVENT_OFFSETS = {
    "ts_ns": 0, "block": 8, "log_index": 16, "kind": 20, "pad": 21, "tick_lower": 24,
    "tick_upper": 28, "tick": 32, "pad2": 36, "owner": 40, "amount0": 48, "amount1": 80,
    "sqrt_price_x96": 112, "liquidity": 144,
}  # fmt: skip
BAR_OFFSETS = {
    "ts_ns": 0, "period_ns": 8, "open_x96": 16, "high_x96": 48, "low_x96": 80, "close_x96": 112,
    "in0": 144, "in1": 160, "liquidity": 176,
}  # fmt: skip
CANDLE_OFFSETS = {
    "ts_ns": 0, "period_ns": 8, "open": 16, "high": 24, "low": 32, "close": 40, "volume": 48,
}  # fmt: skip
TRADE_OFFSETS = {"ts_ns": 0, "price": 8, "quantity": 16, "side": 24, "pad": 25}
LIQUIDITY_OFFSETS = {"tick": 0, "pad": 4, "liquidity_net": 8}
BASE_FEE_OFFSETS = {"ts_ns": 0, "block": 8, "base_fee_wei": 16}


@pytest.mark.parametrize(
    ("dtype", "size", "offsets"),
    [
        (POOL_EVENT, 160, POOL_EVENT_OFFSETS),
        (BAR, 192, BAR_OFFSETS),
        (CANDLE, 56, CANDLE_OFFSETS),
        (TRADE, 32, TRADE_OFFSETS),
        (LIQUIDITY, 24, LIQUIDITY_OFFSETS),
        (BASE_FEE, 24, BASE_FEE_OFFSETS),
    ],
)
def test_fields_are_where_they_were(dtype: np.dtype, size: int, offsets: dict[str, int]) -> None:
    assert dtype.itemsize == size
    assert {name: dtype.fields[name][1] for name in dtype.names} == offsets


@given(st.lists(st.integers(-(2**255), 2**255 - 1)))
def test_signed_integers_survive_limbs(values: list[int]) -> None:
    rows = limbs(values, 4)
    assert signed_list(rows) == values
    assert is_negative(rows).tolist() == [value < 0 for value in values]
    assert is_zero(rows).tolist() == [value == 0 for value in values]


@given(st.lists(st.integers(0, 2**128 - 1), min_size=1))
def test_unsigned_integers_survive_limbs(values: list[int]) -> None:
    rows = limbs(values, 2)
    assert unsigned_list(rows) == values
    np.testing.assert_allclose(to_float(rows), [float(value) for value in values], rtol=1e-15)


@pytest.mark.parametrize(("value", "width"), [(1 << 128, 2), (-(1 << 127) - 1, 2), (1 << 256, 4)])
def test_an_integer_that_does_not_fit_is_refused(value: int, width: int) -> None:
    with pytest.raises(OverflowError):
        limbs([value], width)
