"""The basis and peg monitor: what it measures, what it asks for, and what does not fool it."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alp.errors import ConfigError, DataError
from alp.models.basis import (
    PEG_RULES,
    Cause,
    DeviationMonitor,
    MonitorRules,
    deviation_bps,
    in_pool_quote,
    verdict,
)
from alp.models.caution_ladder import Bounds, Level

SECOND = 1_000_000_000
RULES = MonitorRules(Bounds(20.0, 50.0, 100.0), bounds_z=Bounds(4.0, 6.0, 8.0))
AT_ONCE = replace(RULES, half_life_ns=0, bounds_z=None)


def _fed(deviations, rules=RULES, step_ns=SECOND, monitor=None, start_ns=0):
    monitor = DeviationMonitor("basis test", rules) if monitor is None else monitor
    readings = [
        monitor.observe(start_ns + i * step_ns, 2_000.0 * math.exp(each / 1e4), 2_000.0)
        for i, each in enumerate(deviations)
    ]
    return monitor, readings


@pytest.mark.parametrize(
    ("bps", "level"),
    [
        (0, Level.NORMAL),
        (19, Level.NORMAL),
        (21, Level.WIDEN),
        (51, Level.REDUCE),
        (101, Level.SUSPEND),
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_the_absolute_bounds_hold_in_both_directions(bps, level, sign):
    reading = _fed([sign * bps], AT_ONCE)[1][-1]
    assert reading.level is level
    assert reading.cause == (Cause.BOUND if level else Cause.WITHIN)
    assert reading.deviation_bps == pytest.approx(sign * bps)
    assert reading.widen == (2.0 if level else 1.0)


def test_a_deviation_between_both_ends_of_the_hysteresis_keeps_the_level():
    up, between, calm = [21.0], [17.0] * 600, [15.0] * 61
    readings = _fed(up + between + calm, AT_ONCE)[1]
    assert {each.level for each in readings[:-1]} == {Level.WIDEN}
    assert readings[-1].level is Level.NORMAL
    assert readings[-1].transition.cause == "CALM"


def test_one_false_print_moves_the_measure_by_little_and_a_real_jump_by_all():
    for jump in (23_026.0, -23_026.0):  # ten times the price
        readings = _fed([0.0] * 100 + [jump] + [0.0] * 100)[1]
        assert max(each.level for each in readings) is Level.NORMAL
        assert max(abs(each.smoothed_bps) for each in readings) < 15.0
    readings = _fed([0.0] * 100 + [150.0] * 30)[1]
    suspended = next(i for i, each in enumerate(readings) if each.level is Level.SUSPEND)
    # 150 bps pass the bound of 100 after log2(3) half-lives of ten seconds.
    assert suspended - 99 == math.ceil(10 * math.log2(3))


def test_a_jump_far_beyond_every_bound_suspends_within_a_half_life():
    readings = _fed([0.0] * 10 + [5_000.0] * 11)[1]
    assert readings[-1].level is Level.SUSPEND


def test_median_and_scale_are_those_of_the_window():
    random = np.random.default_rng(3)
    drawn = (40 + 2 * random.standard_normal(500)).tolist()
    rules = replace(RULES, window_ns=100 * SECOND, sample_ns=SECOND)
    monitor, _ = _fed(drawn, rules)
    window = np.array(drawn[-100:])
    low, high = np.quantile(window, [0.25, 0.75])
    assert monitor.median_bps == pytest.approx(np.median(window))
    assert monitor.scale_bps == pytest.approx((high - low) / 1.3489795)


def test_what_is_usual_for_a_pair_of_markets_is_not_its_absolute_size():
    # A basis of 15 bps that is always there; a move by 8 of its standard deviations is not.
    random = np.random.default_rng(4)
    rules = replace(RULES, half_life_ns=0, window_ns=600 * SECOND, sample_ns=SECOND)
    usual = (12.0 + random.uniform(-1.2, 1.2, 600)).tolist()
    monitor, readings = _fed(usual, rules)
    assert {each.level for each in readings} == {Level.NORMAL}
    got = monitor.observe(600 * SECOND, 2_000 * math.exp(1e-4), 2_000.0)
    assert (got.level, got.cause) == (Level.SUSPEND, Cause.UNUSUAL)
    assert got.z < -8
    assert "z" in got.transition.numbers


def test_before_thirty_samples_there_is_no_score():
    rules = replace(RULES, sample_ns=SECOND, window_ns=60 * SECOND)
    readings = _fed([0.0] * 31, rules)[1]
    assert [each.z is None for each in readings] == [True] * 30 + [False]


def test_a_quiet_market_does_not_make_a_basis_point_unusual():
    readings = _fed([0.0] * 400 + [3.0] * 10, replace(RULES, half_life_ns=0))[1]
    assert readings[-1].z == pytest.approx(3.0)
    assert readings[-1].level is Level.NORMAL


@pytest.mark.parametrize(
    ("price", "reference", "age", "cause"),
    [
        (None, 1.0, 0, Cause.STALE),
        (1.0, None, 0, Cause.STALE),
        (1.0, 1.0, RULES.max_age_ns + 1, Cause.STALE),
        (float("nan"), 1.0, 0, Cause.UNUSABLE),
        (1.0, float("inf"), 0, Cause.UNUSABLE),
        (0.0, 1.0, 0, Cause.UNUSABLE),
        (1.0, -1.0, 0, Cause.UNUSABLE),
    ],
)
def test_what_is_not_known_suspends_at_once(price, reference, age, cause):
    monitor, _ = _fed([0.0] * 10)
    got = monitor.observe(10 * SECOND, price, reference, age)
    assert (got.level, got.cause) == (Level.SUSPEND, cause)
    assert got.transition.before is Level.NORMAL
    assert (got.deviation_bps, got.z) == (None, None)
    later = [monitor.observe((11 + i) * SECOND, 1.0, 1.0, 0).level for i in range(3 * 60 + 1)]
    assert later[0] is Level.SUSPEND
    assert later[-1] is Level.NORMAL


def test_an_age_of_exactly_the_limit_is_fresh():
    got = DeviationMonitor("x", RULES).observe(0, 1.0, 1.0, RULES.max_age_ns)
    assert got.level is Level.NORMAL


def test_a_coin_off_its_peg_is_caught_and_its_median_never_becomes_the_peg():
    monitor = DeviationMonitor("peg USDC", PEG_RULES)
    rates = [1.0] * 60 + [0.97] * 7_200
    readings = [monitor.observe(i * SECOND, rate, 1.0) for i, rate in enumerate(rates)]
    first = next(i for i, each in enumerate(readings) if each.level is Level.SUSPEND)
    assert first - 59 <= 11
    assert readings[-1].level is Level.SUSPEND
    assert readings[-1].median_bps == pytest.approx(1e4 * math.log(0.97))
    assert sum(monitor.ladder.counts.values()) <= 4


def test_time_that_runs_backwards_is_an_error():
    monitor, _ = _fed([0.0, 0.0])
    with pytest.raises(DataError, match="went back"):
        monitor.observe(0, 1.0, 1.0)


@given(
    before=st.lists(st.floats(-200, 200), min_size=1, max_size=80),
    after=st.lists(st.floats(-200, 200), min_size=1, max_size=40),
)
def test_a_restart_changes_nothing(before, after):
    rules = replace(RULES, sample_ns=SECOND, window_ns=40 * SECOND, dwell_ns=5 * SECOND)
    one, _ = _fed(before, rules)
    other = DeviationMonitor("basis test", rules)
    other.restore(json.loads(json.dumps(one.snapshot())))
    start = len(before) * SECOND
    assert (
        _fed(after, rules, monitor=one, start_ns=start)[1]
        == _fed(after, rules, monitor=other, start_ns=start)[1]
    )


@given(st.lists(st.floats(-300, 300), min_size=1, max_size=120))
def test_no_reading_is_more_careless_than_its_own_numbers(deviations):
    rules = replace(RULES, sample_ns=SECOND, window_ns=40 * SECOND, dwell_ns=5 * SECOND)
    for reading in _fed(deviations, rules)[1]:
        assert reading.level >= rules.bounds_bps.level(abs(reading.smoothed_bps))
        if reading.z is not None:
            assert reading.level >= rules.bounds_z.level(abs(reading.z))


def test_together_the_most_careful_decides():
    calm = _fed([0.0], AT_ONCE)[1][-1]
    wide = _fed([30.0], AT_ONCE)[1][-1]._replace(name="basis kraken")
    off = _fed([60.0], AT_ONCE)[1][-1]._replace(name="peg USDT")
    assert verdict([calm]) == (Level.NORMAL, 1.0, False, ())
    assert verdict([calm, wide]) == (Level.WIDEN, 2.0, False, ("basis kraken: BOUND",))
    assert verdict([off, calm, wide]) == (Level.REDUCE, 2.0, True, ("peg USDT: BOUND",))
    assert verdict([]).level is Level.SUSPEND


def test_a_venues_price_is_turned_into_the_pools_quote():
    # 2,268 USDT at 0.999 USDC each.
    assert in_pool_quote(2_268.0, 0.999) == pytest.approx(2_265.732)
    assert in_pool_quote(None, 1.0) is in_pool_quote(1.0, None) is None
    assert deviation_bps(101.0, 100.0) == -deviation_bps(100.0, 101.0)


@pytest.mark.parametrize(
    "change",
    [
        {"hysteresis": 1.0},
        {"hysteresis": -0.1},
        {"window_ns": SECOND},
        {"sample_ns": 0},
        {"dwell_ns": -1},
        {"half_life_ns": -1},
        {"max_age_ns": -1},
        {"least_scale_bps": 0.0},
        {"clip_bps": 100.0},
        {"widen_factor": 0.9},
        {"widen_factor": float("nan")},
    ],
)
def test_rules_outside_their_domain_are_refused(change):
    with pytest.raises(ConfigError):
        replace(RULES, **change)
