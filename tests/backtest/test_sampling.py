"""Rows of the attribution are all kept; the curve is thinned, evenly, for a long run."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alp._core.lp_books import Book
from alp._core.lp_ledger import MARK_SCALE
from alp.backtest.book import Snapshot, add_up
from alp.backtest.drive import SAMPLE
from alp.backtest.sampling import FINEST, MINUTE_NS, MOST_POINTS, Sampling
from alp.data.schema import Array, limbs
from alp.errors import Corrupt

HOUR_NS = 60 * MINUTE_NS
BALANCES = Book(mark=MARK_SCALE, wallet_base=5, wallet_quote=5).balances()


def at(*times: int, base: int = 0) -> Array:
    rows = np.zeros(len(times), SAMPLE)
    rows["ts_ns"] = times
    rows["mark"] = limbs([MARK_SCALE] * len(times), 4)
    rows["base"] = limbs([base] * len(times), 4)
    return rows


def moment(ts_ns: int) -> Snapshot:
    return add_up(BALANCES, (ts_ns, MARK_SCALE, 0, 0, 0, 0, 0, 0.0, 0.0))


def run(sampling: Sampling, hours: int, collect: int) -> None:
    """Take what a replay would: samples at the multiples of the step wanted at the time."""
    now_ns, end_ns = 0, hours * HOUR_NS
    sampling.begin(moment(0))
    while now_ns < end_ns:
        step_ns = sampling.step_ns
        first = (now_ns // step_ns + 1) * step_ns
        times = range(first, min(first + collect * step_ns, end_ns), step_ns)
        if times:
            sampling.add(at(*times), BALANCES)
        now_ns = times[-1] if times else end_ns
    sampling.end(moment(end_ns))


@settings(deadline=None)
@given(st.integers(1, 2000), st.integers(1, 200))
def test_every_row_is_kept_and_the_curve_stays_small_and_even(hours: int, collect: int) -> None:
    sampling = Sampling(HOUR_NS)
    run(sampling, hours, collect)
    assert [row.ts_ns for row in sampling.rows()] == [n * HOUR_NS for n in range(hours + 1)]
    times = [point.ts_ns for point in sampling.curve()]
    assert len(times) <= MOST_POINTS + 2
    assert (times[0], times[-1]) == (0, hours * HOUR_NS)
    steps = {later - earlier for earlier, later in itertools.pairwise(times[:-1])}
    assert len(steps) <= 1


def test_a_short_run_is_drawn_finer_than_its_rows() -> None:
    sampling = Sampling(HOUR_NS)
    run(sampling, 24, 50)
    assert len(sampling.curve()) == 24 * FINEST + 1


@pytest.mark.parametrize("every_ns", [MINUTE_NS, 7 * MINUTE_NS, HOUR_NS + 1])
def test_an_interval_that_cannot_be_split_is_drawn_as_it_is(every_ns: int) -> None:
    assert Sampling(every_ns).step_ns == every_ns


def test_the_end_of_a_run_replaces_a_sample_of_the_same_moment() -> None:
    sampling = Sampling(HOUR_NS)
    sampling.begin(moment(0))
    sampling.add(at(HOUR_NS), BALANCES)
    end = moment(HOUR_NS)._replace(cefi_base=9)
    sampling.end(end)
    assert sampling.rows() == sampling.curve() == [moment(0), end]


def test_a_run_shorter_than_a_step_has_its_ends() -> None:
    sampling = Sampling(HOUR_NS)
    sampling.begin(moment(0))
    sampling.end(moment(5))
    assert sampling.rows() == sampling.curve() == [moment(0), moment(5)]


def test_a_sample_at_which_the_books_do_not_balance_is_found_at_the_end() -> None:
    sampling = Sampling(HOUR_NS)
    sampling.add(at(HOUR_NS, base=1), BALANCES)
    with pytest.raises(Corrupt, match="do not balance"):
        sampling.rows()
