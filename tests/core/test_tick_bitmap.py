"""The bitmap's search within one word, against looking at every tick."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alp._core.tick_table import next_initialized_tick_within_one_word


def by_looking(initialized: set[int], tick: int, spacing: int, lte: bool) -> tuple[int, bool]:
    place = tick // spacing + (0 if lte else 1)
    end = place & ~255 if lte else place | 255
    for candidate in range(place, end + (-1 if lte else 1), -1 if lte else 1):
        if candidate * spacing in initialized:
            return candidate * spacing, True
    return end * spacing, False


@settings(max_examples=800, deadline=None)
@given(
    st.sampled_from([1, 10, 60, 200]),
    st.integers(-4000, 4000),
    st.lists(st.integers(-600, 600), max_size=8, unique=True),
    st.integers(-99, 99),
    st.booleans(),
)
def test_next_tick_within_a_word(
    spacing: int, centre: int, offsets: list[int], inside: int, lte: bool
) -> None:
    initialized = [(centre + offset) * spacing for offset in offsets]
    tick = centre * spacing + inside
    assert next_initialized_tick_within_one_word(initialized, tick, spacing, lte) == by_looking(
        set(initialized), tick, spacing, lte
    )


@pytest.mark.parametrize("place", [-513, -512, -257, -256, -255, -1, 0, 1, 255, 256, 257, 511])
@pytest.mark.parametrize("lte", [True, False])
def test_at_the_ends_of_words(place: int, lte: bool) -> None:
    for initialized in ([], [place * 10], [place * 10 + 10], [place * 10 - 10]):
        assert next_initialized_tick_within_one_word(
            initialized, place * 10, 10, lte
        ) == by_looking(set(initialized), place * 10, 10, lte)


@pytest.mark.parametrize(("initialized", "spacing"), [([5], 10), ([], 0), ([], -10)])
def test_ticks_off_the_grid_are_refused(initialized: list[int], spacing: int) -> None:
    with pytest.raises(ValueError, match="multiples"):
        next_initialized_tick_within_one_word(initialized, 0, spacing, lte=True)
