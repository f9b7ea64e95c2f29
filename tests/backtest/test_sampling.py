"""Rows of the attribution are all kept; the curve is thinned, evenly, as it grows."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alp._core.lp_ledger import MARK_SCALE, LedgerSample
from alp.backtest.book import Book
from alp.backtest.sampling import FINEST, MINUTE_NS, MOST_POINTS, Sampling
from alp.errors import Corrupt

HOUR_NS = 60 * MINUTE_NS
BALANCES = Book(mark=MARK_SCALE, wallet_base=5, wallet_quote=5).balances()


def at(ts_ns: int) -> LedgerSample:
    return (ts_ns, MARK_SCALE, 0, 0, 0, 0, 0, 0.0, 0.0)


def run(sampling: Sampling, hours: int) -> None:
    """Take what a replay would: a sample at each multiple of the step wanted at the time."""
    now_ns, end_ns = 0, hours * HOUR_NS
    sampling.add_end(at(0), BALANCES)
    while (now_ns := (now_ns // sampling.step_ns + 1) * sampling.step_ns) < end_ns:
        sampling.add([at(now_ns)], BALANCES)
    sampling.add_end(at(end_ns), BALANCES)


@given(st.integers(1, 2000))
def test_every_row_is_kept_and_the_curve_stays_small_and_even(hours: int) -> None:
    sampling = Sampling(HOUR_NS)
    run(sampling, hours)
    assert [row.ts_ns for row in sampling.rows()] == [n * HOUR_NS for n in range(hours + 1)]
    times = [point.ts_ns for point in sampling.curve()]
    assert len(times) <= MOST_POINTS + 1
    assert (times[0], times[-1]) == (0, hours * HOUR_NS)
    steps = {later - earlier for earlier, later in itertools.pairwise(times[:-1])}
    assert len(steps) <= 1


def test_a_short_run_is_drawn_finer_than_its_rows() -> None:
    sampling = Sampling(HOUR_NS)
    run(sampling, 24)
    assert len(sampling.curve()) == 24 * FINEST + 1


@pytest.mark.parametrize("every_ns", [MINUTE_NS, 7 * MINUTE_NS, HOUR_NS + 1])
def test_an_interval_that_cannot_be_split_is_drawn_as_it_is(every_ns: int) -> None:
    assert Sampling(every_ns).step_ns == every_ns


def test_the_end_of_a_run_replaces_a_sample_of_the_same_moment() -> None:
    sampling = Sampling(HOUR_NS)
    sampling.add([at(HOUR_NS)], BALANCES)
    richer = Book(mark=MARK_SCALE, wallet_base=9, wallet_quote=5).balances()
    sampling.add_end(at(HOUR_NS), richer)
    assert [row.lp_base for row in sampling.rows()] == [9]


def test_a_sample_at_which_the_books_do_not_balance_is_found_at_the_end() -> None:
    sampling = Sampling(HOUR_NS)
    sampling.add([(HOUR_NS, MARK_SCALE, 1, 0, 0, 0, 0, 0.0, 0.0)], BALANCES)
    with pytest.raises(Corrupt, match="do not balance"):
        sampling.rows()
