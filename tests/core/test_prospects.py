"""What ranges are expected to earn and lose: the same bits as the formulas written out plainly."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.polynomial.hermite_e import hermegauss

from alp._core.prospects import outlook

Curve = tuple[float, float, float]

NODES, WEIGHTS = hermegauss(32)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def base(curve: Curve, root: float) -> float:
    liquidity, lower, upper = curve
    if root <= lower:
        return liquidity * (1.0 / lower - 1.0 / upper)
    return 0.0 if root >= upper else liquidity * (1.0 / root - 1.0 / upper)


def base_of_all(curves: list[Curve], root: float) -> float:
    total = 0.0
    for curve in curves:  # not sum(): from Python 3.12 on that rounds differently
        total += base(curve, root)
    return total


def time_above(level: float) -> float:
    height = abs(level)
    if height > 38.0:
        above = 0.0
    else:
        tail = 0.5 * math.erfc(height / math.sqrt(2.0))
        density = math.exp(-0.5 * height * height) / math.sqrt(2.0 * math.pi)
        above = max((1.0 + height * height) * tail - height * density, 0.0)
    return above if level >= 0.0 else 1.0 - above


def time_in_range(curve: Curve, root: float, sigma: float, horizon_s: float) -> float:
    _, lower, upper = curve
    if sigma <= 0.0 or horizon_s <= 0.0:
        return 1.0 if lower <= root < upper else 0.0
    scale = sigma * math.sqrt(horizon_s)
    below, above = (2.0 * math.log(end / root) / scale for end in (lower, upper))
    return time_above(below) - time_above(above)


def plainly(
    curves: list[Curve], root: float, sigma: float, horizon_s: float, income: float, others: float
) -> tuple[float, float, float, float]:
    earned = lost = inside = 0.0
    for curve in curves:
        seconds = time_in_range(curve, root, sigma, horizon_s) * horizon_s
        inside += seconds
        total = others + curve[0]
        earned += (income * curve[0] / total if total > 0 else 0.0) * seconds
        lost += curve[0] * sigma * sigma * root / 4.0 * seconds
    held, moved = base_of_all(curves, root), 0.0
    scale = sigma * math.sqrt(horizon_s) / 2.0
    for node, weight in zip(NODES.tolist(), WEIGHTS.tolist(), strict=True):
        there = root * math.exp(scale * node)
        moved += weight * abs(base_of_all(curves, there) - held)
    return earned, lost, moved * root * root, inside


roots = st.floats(1e-6, 1e-3)
curves_around = st.lists(
    st.tuples(st.floats(0.0, 1e24), roots, st.floats(1.0001, 3.0)).map(
        lambda row: (row[0], row[1], row[1] * row[2])
    ),
    max_size=4,
)


@settings(deadline=None)
@given(
    curves=curves_around,
    root=roots,
    sigma=st.just(0.0) | st.floats(1e-6, 1e-2),
    horizon_s=st.just(0.0) | st.floats(1.0, 1e6),
    income=st.floats(0.0, 1e9),
    others=st.floats(0.0, 1e24),
)
def test_it_is_what_the_formulas_say(
    curves: list[Curve], root: float, sigma: float, horizon_s: float, income: float, others: float
) -> None:
    got = outlook(curves, root, sigma, horizon_s, income, others, NODES, WEIGHTS)
    assert got == plainly(curves, root, sigma, horizon_s, income, others)


def test_too_many_ranges_and_uneven_quadratures_are_refused() -> None:
    with pytest.raises(ValueError, match="more than 64"):
        outlook([(1.0, 1.0, 2.0)] * 65, 1.5, 0.1, 1.0, 1.0, 1.0, NODES, WEIGHTS)
    with pytest.raises(ValueError, match="differ"):
        outlook([], 1.5, 0.1, 1.0, 1.0, 1.0, NODES, np.ones(3))
