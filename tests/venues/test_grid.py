"""Prices and quantities between integers and the venues' texts: exactly, or not at all."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alp.errors import VenueError
from alp.venues.instruments import Grid

GRIDS = st.builds(Grid, st.integers(0, 18), st.sampled_from([1, 2, 5, 10, 25, 100]))
COUNTS = st.integers(-(2**62), 2**62)


@given(GRIDS, COUNTS)
def test_a_text_is_the_number_and_comes_back(grid: Grid, count: int) -> None:
    text = grid.text(count)
    assert Decimal(text) == grid.value(count)
    assert grid.count(text) == count


@given(GRIDS, COUNTS, st.integers(1, 12))
def test_zeros_at_the_end_say_nothing(grid: Grid, count: int, zeros: int) -> None:
    text = grid.text(count)
    text += "0" * zeros if grid.decimals else "." + "0" * zeros
    assert grid.count(text) == count


@given(GRIDS, st.decimals(-(10**5), 10**5, places=20))
def test_what_is_not_on_the_grid_is_refused(grid: Grid, value: Decimal) -> None:
    text = f"{value:f}"
    steps = value / grid.increment
    if steps == steps.to_integral_value() and abs(steps) < 2**63:
        assert grid.count(text) * grid.increment == value
    else:
        with pytest.raises(VenueError):
            grid.count(text)


@pytest.mark.parametrize(
    "text", ["", "-", ".5", "5.", "1e3", "+1", " 1", "1_0", "٣", "NaN", "1.0\n", "0x1", "9" * 41]
)
def test_only_plain_decimals_are_numbers(text: str) -> None:
    with pytest.raises(VenueError, match=r"plain decimals"):
        Grid(2, 1).count(text)


def test_a_number_that_no_table_holds_is_refused() -> None:
    assert Grid(0, 1).count(str(2**63 - 1)) == 2**63 - 1
    with pytest.raises(VenueError):
        Grid(0, 1).count(str(2**63))


def test_texts_have_the_decimals_of_the_grid() -> None:
    assert Grid(2, 10).text(24_813) == "2481.30"
    assert Grid(3, 1).text(7) == "0.007"
    assert Grid(0, 100).text(-3) == "-300"
