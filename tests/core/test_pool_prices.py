"""Exact sqrt prices at ticks, and the promises of the compiled columns."""

from __future__ import annotations

import numpy as np
import pytest

from alp._core.pool_prices import pool_bars, tick_prices
from alp._core.tickmath import get_sqrt_ratio_at_tick


def test_prices_at_ticks_are_the_contracts() -> None:
    ticks = np.array([0, 1, -1, 887272, -887272, 200000, 200000], np.int64)
    limbs = np.empty((len(ticks), 4), np.uint64)
    tick_prices(ticks, limbs)
    found = [int.from_bytes(row.tobytes(), "little") for row in limbs]
    assert found == [get_sqrt_ratio_at_tick(tick) for tick in ticks.tolist()]


def test_a_tick_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="tick 887273 is out of range"):
        tick_prices(np.array([887273], np.int64), np.empty((1, 4), np.uint64))


def test_columns_of_different_lengths_are_refused() -> None:
    column, out, declined = np.ones(2), np.zeros(2 * 192, np.uint8), np.zeros(2, np.uint8)
    with pytest.raises(ValueError, match="differ in length"):
        pool_bars(
            column,
            column,
            column,
            column,
            np.ones(3),
            out,
            declined,
            inverted=False,
            base_is_token0=True,
            base_decimals=18,
            quote_decimals=6,
            raw_volume=False,
        )
