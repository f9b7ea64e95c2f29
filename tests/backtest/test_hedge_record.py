"""What the venue leg did beside other ways of timing it: counted alike, and bounded."""

import numpy as np
import pytest

from alp.backtest.hedge_record import AT_ONCE, BAND, QUOTED, HedgeRecord
from alp.errors import ConfigError
from alp.models.hedge_band import HedgeCost, OrderSizes

MINUTE = 60_000_000_000
ETHER = 10**18
SIZES = OrderSizes(10**15, 1, 10**9)
COST = HedgeCost(5.0)


def _recorded(points, most=8_192, step_ns=MINUTE):
    """An inventory that follows a random price, of which nothing is hedged."""
    record = HedgeRecord(18, most)
    mids = 2_268 + np.cumsum(np.random.default_rng(1).standard_normal(points))
    for i, mid in enumerate(mids.tolist()):
        held = int((2_268 - mid) * 2 * 10**16)
        record.observe(i * step_ns, mid, held, held, 0)
    return record


def test_the_three_ways_are_of_one_inventory():
    quoted, at_once, band = _recorded(3_000).timings(COST, SIZES, 0.01)
    assert [each.name for each in (quoted, at_once, band)] == [QUOTED, AT_ONCE, BAND]
    wanted = {each.hedged_raw + each.unhedged_raw for each in (quoted, at_once, band)}
    assert len(wanted) == 1
    assert quoted.metrics.trades == quoted.metrics.cost_quote == 0
    assert at_once.metrics.error_rms_raw < band.metrics.error_rms_raw < quoted.metrics.error_rms_raw
    assert band.charge_quote < min(at_once.charge_quote, quoted.charge_quote)


def test_fills_are_counted_against_the_intervals_price():
    record = _recorded(3)
    record.fill(ETHER, 2_270.0, 2_268.0, 0.5)
    quoted = record.timings(COST, SIZES, 0.01)[0]
    assert quoted.metrics.cost_quote == pytest.approx(2.5)
    assert quoted.metrics.volume_raw == ETHER


def test_a_long_run_keeps_a_bounded_path():
    record = _recorded(5_000, most=64)
    at_once = record.timings(COST, SIZES, 0.01)[1]
    assert at_once.metrics.trades <= 64
    assert len(record._points) < 64
    gaps = np.diff([point.ts_ns for point in record._points])
    assert gaps.min() == gaps.max() == record._step_ns


def test_within_a_minute_one_point_is_enough():
    assert len(_recorded(600, step_ns=MINUTE // 60)._points) == 10


def test_with_nothing_to_compare_there_is_no_comparison():
    assert HedgeRecord(18).timings(COST, SIZES, 0.01) == ()
    assert _recorded(1).timings(COST, SIZES, 0.01) == ()
    assert _recorded(9).timings(COST, SIZES, 0.0) == ()


@pytest.mark.parametrize("most", [2, 5])
def test_a_path_that_cannot_be_thinned_is_refused(most):
    with pytest.raises(ConfigError):
        HedgeRecord(18, most)
