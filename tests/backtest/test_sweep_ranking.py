"""Which trial is best, by one number or by several."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alp.backtest.sweep.objectives import MEASURES, read_objectives
from alp.backtest.sweep.ranking import rank

NUMBERS = st.integers(0, 4).map(float)


def test_the_largest_gain_is_first_and_equal_ones_stand_by_index() -> None:
    places = rank({3: (1.0,), 1: (2.0,), 2: (2.0,), 0: (-1.0,)}, read_objectives(["fees"]))
    assert list(places) == [1, 2, 3, 0]
    assert [place.rank for place in places.values()] == [1, 2, 3, 4]


def test_a_drawdown_is_better_when_it_is_small() -> None:
    objectives = read_objectives(["max_drawdown_bps"])
    assert list(rank({0: (30.0,), 1: (10.0,)}, objectives)) == [1, 0]
    other = read_objectives(["max_drawdown_bps:maximize"])
    assert list(rank({0: (30.0,), 1: (10.0,)}, other)) == [0, 1]


def test_of_two_objectives_only_what_is_worse_in_both_falls_behind() -> None:
    objectives = read_objectives(["nav_change_bps", "max_drawdown_bps"])
    values = {0: (10.0, 5.0), 1: (20.0, 50.0), 2: (9.0, 6.0), 3: (8.0, 7.0)}
    places = rank(values, objectives)
    assert {index: place.front for index, place in places.items()} == {1: 1, 0: 1, 2: 2, 3: 3}
    assert list(places) == [1, 0, 2, 3]


@given(st.dictionaries(st.integers(0, 20), st.tuples(NUMBERS, NUMBERS, NUMBERS), max_size=20))
def test_a_front_holds_what_only_earlier_fronts_beat(
    values: dict[int, tuple[float, float, float]],
) -> None:
    objectives = read_objectives(["fees", "lvr", "volatility"])
    places = rank(values, objectives)

    def beats(one: int, other: int) -> bool:
        better = [
            (a >= b) if objective.direction == "maximize" else (a <= b)
            for objective, a, b in zip(objectives, values[one], values[other], strict=True)
        ]
        return all(better) and values[one] != values[other]

    for index, place in places.items():
        beaten_in = [places[other].front for other in values if beats(other, index)]
        assert place.front == max(beaten_in, default=0) + 1
    assert sorted(place.rank for place in places.values()) == list(range(1, len(values) + 1))


def test_every_objective_has_a_name_that_reads_back() -> None:
    assert [each.name for each in read_objectives(list(MEASURES))] == list(MEASURES)
