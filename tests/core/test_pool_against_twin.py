"""The compiled pool and the plain-Python one live through the same random histories."""

from __future__ import annotations

import pytest
from histories import Operation, Twins, histories
from hypothesis import HealthCheck, given, settings

PATIENT = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def live_through(operations: list[Operation], fee: int, spacing: int) -> None:
    twins = Twins(fee, spacing)
    for operation in operations:
        twins.do(operation)


@PATIENT
@given(histories(60))
def test_every_answer_and_state_of_a_3000_pool_is_the_twins(operations: list[Operation]) -> None:
    live_through(operations, 3000, 60)


@PATIENT
@given(histories(200))
def test_every_answer_and_state_of_a_10000_pool_is_the_twins(operations: list[Operation]) -> None:
    live_through(operations, 10000, 200)


@PATIENT
@given(histories(60, ghosts=True))
def test_ghosts_live_as_the_twins_ghosts(operations: list[Operation]) -> None:
    live_through(operations, 500, 60)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(histories(60, ghosts=True))
def test_ghosts_never_move_what_the_real_pool_does(operations: list[Operation]) -> None:
    haunted, plain = Twins(3000, 60), Twins(3000, 60)
    for name, arguments in operations:
        if name in ("burn", "burn_part", "collect_part", "flash"):
            continue  # these name positions or pay fees, which ghosts rightly share
        haunted_result = None
        if name == "mint" and arguments[-1] is True:
            haunted._call(haunted.pool, name, (arguments[0] + 10, *arguments[1:]))
            continue
        if name == "wait":
            haunted.time += arguments[0]
            plain.time += arguments[0]
            continue
        call = plain._concrete(name, arguments)
        haunted_result = haunted._call(haunted.pool, *call)
        assert haunted_result == plain._call(plain.pool, *call)
        for field in ("sqrt_price_x96", "tick", "real_liquidity", "balance0", "balance1"):
            assert getattr(haunted.pool, field) == getattr(plain.pool, field), field
        assert haunted.pool.bitmap() == plain.pool.bitmap()


def test_the_twins_would_notice_a_difference() -> None:
    twins = Twins(3000, 60)
    twins.do(("initialize", (2**96,)))
    twins.twin.growth0 = 1
    with pytest.raises(AssertionError, match="after"):
        twins.do(("mint", (1, -60, 60, 10**18, False)))
