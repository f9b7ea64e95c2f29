"""Numbers, ids and times of answers: exactly, or not at all."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from order_kit import SPOT

from alp.errors import VenueError
from alp.venues.fields import Fields
from alp.venues.instruments import Grid
from alp.venues.order_facts import (
    balance_units,
    client_id,
    fee_units,
    lots,
    milliseconds_ns,
    nearest_step,
    seconds_ns,
    steps,
    ticks,
    time_ns,
    venue_id,
)

GRIDS = st.builds(Grid, st.integers(0, 12), st.sampled_from([1, 2, 5, 10, 25]))


def row(value: object) -> Fields:
    return Fields("venue", "a row", {"member": value})


@given(GRIDS, st.integers(0, 2**40))
def test_a_number_of_json_is_the_steps_that_it_was_written_from(grid: Grid, count: int) -> None:
    for number in (Decimal(grid.text(count)), grid.value(count).normalize()):
        assert steps(grid, number) == count


@given(GRIDS, st.integers(0, 2**40), st.integers(1, 9))
def test_what_lies_between_two_steps_is_refused(grid: Grid, count: int, digit: int) -> None:
    between = Decimal(f"{grid.text(count)}{'' if grid.decimals else '.'}{digit}")
    with pytest.raises(VenueError):
        steps(grid, between)


def test_prices_and_quantities_are_never_negative() -> None:
    assert (ticks(SPOT, row("2650.10"), "member"), lots(SPOT, row(0), "member")) == (265_010, 0)
    for read in (ticks, lots):
        with pytest.raises(VenueError, match="negative"):
            read(SPOT, row("-0.01"), "member")


@given(st.decimals(-(10**9), 10**9, places=11))
def test_money_finer_than_counted_is_rounded_against_the_owner(amount: Decimal) -> None:
    exact = amount * 10**8
    assert 0 <= fee_units(amount) - exact < 1
    assert 0 <= exact - balance_units(amount) < 1


@given(st.decimals(-(10**6), 10**6, places=9))
def test_an_average_is_told_to_the_nearest_step(price: Decimal) -> None:
    grid = Grid(2, 5)
    assert abs(grid.value(nearest_step(grid, price)) - price) <= grid.increment / 2


def test_money_beyond_all_counting_is_refused() -> None:
    for read in (fee_units, balance_units):
        with pytest.raises(VenueError):
            read(Decimal(10) ** 20)


def test_a_clients_id_that_alp_did_not_make_is_none() -> None:
    assert client_id(row("alp-1-1"), "member") == "alp-1-1"
    for other in ("x" * 25, "é", "", None, 7):
        assert client_id(row(other), "member") == ""


def test_a_venues_id_that_cannot_be_kept_is_refused() -> None:
    assert venue_id(row("x" * 48), "member") == "x" * 48
    for other in ("x" * 49, "é", "", None, 7):
        with pytest.raises(VenueError):
            venue_id(row(other), "member")


@pytest.mark.parametrize(
    ("text", "at_ns"),
    [
        ("1970-01-01T00:00:01Z", 10**9),
        ("2026-09-21T14:13:20.5Z", 1_790_000_000_500_000_000),
        ("2026-09-21T14:13:20.123456789Z", 1_790_000_000_123_456_789),
        ("0001-01-01T00:00:00Z", 0),
        ("9999-12-31T23:59:59Z", 0),
        ("2026-13-01T00:00:00Z", 0),
        ("yesterday", 0),
        (None, 0),
    ],
)
def test_times_have_any_number_of_decimals(text: str | None, at_ns: int) -> None:
    assert time_ns(row(text), "member") == at_ns


def test_times_in_numbers_are_exact() -> None:
    assert seconds_ns(row(Decimal("1790000000.4808")), "member") == 1_790_000_000_480_800_000
    assert milliseconds_ns(row("1790000000123"), "member") == 1_790_000_000_123_000_000
    assert (seconds_ns(row(None), "member"), seconds_ns(row(10**20), "member")) == (0, 0)
