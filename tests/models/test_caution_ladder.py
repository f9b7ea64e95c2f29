"""The levels of caution: every state, every demand, every history of a few steps."""

import json
from itertools import product

import pytest

from alp.errors import ConfigError
from alp.models.caution_ladder import CALM, Bounds, CautionLadder, Demand, Level

DWELL = 10
DEMANDS = [(enter, hold) for enter, hold in product(Level, Level) if hold >= enter]


def _at(level, calm_since):
    ladder = CautionLadder(DWELL)
    state = ladder.snapshot() | {"level": level.name, "seen": True, "calm_since_ns": calm_since}
    ladder.restore(state)
    return ladder


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("calm_for", [None, 0, DWELL - 1, DWELL, 5 * DWELL])
@pytest.mark.parametrize(("enter", "hold"), DEMANDS)
def test_every_step_from_every_state(level, calm_for, enter, hold):
    now = 1_000
    ladder = _at(level, None if calm_for is None else now - calm_for)
    got = ladder.step(now, Demand(enter, hold, "WHY"))
    if enter > level:
        expected = enter
    elif hold < level and calm_for is not None and calm_for >= DWELL:
        expected = Level(level - 1)
    else:
        expected = level
    assert ladder.level is expected
    assert (got is None) == (expected is level)
    if got is not None:
        assert (got.ts_ns, got.before, got.after) == (now, level, expected)
        assert got.cause == ("WHY" if expected > level else CALM)
        assert ladder.counts == {f"{level.name}_{expected.name}_{got.cause}": 1}


def _levels_of(history):
    """The same rule said otherwise: looking back over the whole history at each step."""
    level, since, levels = None, 0, []
    for i, (now, enter, _) in enumerate(history):
        if level is None or enter > level:
            level, since = enter, i + 1
        else:
            start = i
            while start >= since and history[start][2] < level:
                start -= 1
            calm = history[start + 1 : i + 1]
            if calm and now - calm[0][0] >= DWELL:
                level, since = Level(level - 1), i
        levels.append(level)
    return levels


@pytest.mark.parametrize("first", DEMANDS)
def test_every_history_of_four_steps(first):
    steps = [(gap, *demand) for gap in (0, DWELL) for demand in DEMANDS]
    for rest in product(steps, repeat=3):
        now, history = 0, [(0, *first)]
        for gap, enter, hold in rest:
            now += gap
            history.append((now, enter, hold))
        ladder, got = CautionLadder(DWELL), []
        for now, enter, hold in history:
            ladder.step(now, Demand(enter, hold, ""))
            got.append(ladder.level)
        assert got == _levels_of(history)
        for before, after, (_, enter, _) in zip(got, got[1:], history[1:], strict=False):
            assert after >= enter
            assert after >= before - 1


def test_before_anything_is_seen_it_is_suspended():
    ladder = CautionLadder(DWELL)
    assert (ladder.level, ladder.cause) == (Level.SUSPEND, "UNSEEN")
    got = ladder.step(0, Demand(Level.NORMAL, Level.NORMAL, "WITHIN"))
    assert (got.before, got.after) == (Level.SUSPEND, Level.NORMAL)


def test_a_measure_that_crosses_a_bound_to_and_fro_changes_the_level_once():
    ladder = CautionLadder(DWELL)
    changes = [ladder.step(i, Demand(Level(i % 2), Level.WIDEN, "BOUND")) for i in range(100)]
    assert [change.after for change in changes if change] == [Level.NORMAL, Level.WIDEN]


def test_all_the_way_down_takes_a_dwell_for_each_level():
    ladder = CautionLadder(DWELL)
    ladder.step(0, Demand(Level.SUSPEND, Level.SUSPEND, "STALE"))
    calm = Demand(Level.NORMAL, Level.NORMAL, "WITHIN")
    times = [i for i in range(1, 60) if ladder.step(i, calm)]
    assert times == [11, 21, 31]


def test_a_change_explains_itself():
    got = _at(Level.NORMAL, None).step(7, Demand(Level.REDUCE, Level.REDUCE, "BOUND", "63.1 bps"))
    assert got.explain() == "NORMAL -> REDUCE: BOUND (63.1 bps)"
    assert _at(Level.WIDEN, 0).step(99, Demand(Level(0), Level(0), "")).explain().endswith(CALM)


def test_a_restart_changes_nothing():
    one = CautionLadder(DWELL)
    steps = [
        (i * 3, Level(i * i % 4), Level.SUSPEND if i % 5 else Level(i * i % 4)) for i in range(40)
    ]
    for step in steps[:20]:
        one.step(step[0], Demand(*step[1:], "x"))
    other = CautionLadder(DWELL)
    other.restore(json.loads(json.dumps(one.snapshot())))
    for step in steps[20:]:
        demand = Demand(*step[1:], "x")
        assert one.step(step[0], demand) == other.step(step[0], demand)
    assert one.counts == other.counts


@pytest.mark.parametrize("bounds", [(0, 1, 2), (2, 1, 3), (1, 3, 2), (-1, 1, 2)])
def test_bounds_that_do_not_rise_are_refused(bounds):
    with pytest.raises(ConfigError):
        Bounds(*bounds)


def test_a_bound_begins_above_itself_and_no_number_suspends():
    bounds = Bounds(1.0, 2.0, 3.0)
    found = [bounds.level(each) for each in (0, 1, 1.1, 2, 2.1, 3, 3.1, float("nan"))]
    assert found == [Level(each) for each in (0, 0, 1, 1, 2, 2, 3, 3)]
    assert bounds.level(0.9, 0.8) is Level.WIDEN


def test_a_negative_dwell_is_refused():
    with pytest.raises(ConfigError):
        CautionLadder(-1)
