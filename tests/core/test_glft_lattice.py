"""The stationary state of the inventory lattice: the plain recurrence's bits, whatever the size."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alp._core.glft_lattice import ground_state, ground_state_steps


def ratios_at(levels: int, stiffness: float, energy: float) -> list[float] | None:
    """Run the recurrence from the edge to the middle; None where the energy is too high."""
    ratios, outer = [0.0] * levels, 0.0
    for i in range(levels, 0, -1):
        ratio = 2.0 + (stiffness * i * i - energy) - outer
        if ratio <= 0.0:
            return None
        ratios[i - 1], outer = ratio, 1.0 / ratio
    return ratios


def rayleigh(ratios: list[float], stiffness: float) -> float:
    value, norm, potential, slope = 1.0, 0.5, 0.0, 0.0
    for i, ratio in enumerate(ratios, start=1):
        following = value / ratio
        slope += (value - following) * (value - following)
        potential += i * i * following * following
        norm += following * following
        value = following
    slope += value * value
    return (slope + stiffness * potential) / norm


def plainly(levels: int, stiffness: float) -> tuple[list[float], float]:
    """Log values from the middle outwards, and the energy, by lists and loops."""
    energy, solved_at = 0.0, 0.0
    solved: list[float] = []
    for _ in range(200):
        ratios = ratios_at(levels, stiffness, energy)
        if ratios is None:
            energy = (solved_at + energy) / 2.0
            continue
        solved, solved_at = ratios, energy
        refined = rayleigh(ratios, stiffness)
        if abs(refined - energy) <= 4e-16 * refined:
            break
        energy = refined
    total, half = 0.0, [0.0]
    for ratio in solved:
        total += math.log(ratio)
        half.append(-total)
    return half, solved_at


@settings(deadline=None)
@given(
    levels=st.integers(1, 300),
    stiffness=st.sampled_from([0.0, 1e-12, 1e-5]) | st.floats(0.0, 1e3, allow_subnormal=False),
)
def test_it_is_what_the_plain_recurrence_gives(levels: int, stiffness: float) -> None:
    log_values = np.full(2 * levels + 1, np.nan)
    energy = ground_state(stiffness, log_values)
    half, expected = plainly(levels, stiffness)
    assert energy == expected
    assert log_values[levels:].tolist() == half
    assert log_values[: levels + 1].tolist() == half[::-1]
    assert ground_state_steps(levels, stiffness) == np.diff(log_values).tolist()


def test_the_vector_satisfies_every_row_of_the_system() -> None:
    levels, stiffness = 20, 0.03
    log_values = np.empty(2 * levels + 1)
    energy = ground_state(stiffness, log_values)
    index, values = np.arange(-levels, levels + 1), np.exp(log_values)
    rows = (stiffness * index * index + 2.0 - energy) * values
    rows[1:] -= values[:-1]
    rows[:-1] -= values[1:]
    np.testing.assert_allclose(rows / values, 0.0, atol=1e-12)


@pytest.mark.parametrize("points", [0, 1, 2, 4])
def test_a_lattice_has_an_odd_number_of_points(points: int) -> None:
    with pytest.raises(ValueError, match="not a lattice"):
        ground_state(0.1, np.empty(points))
    with pytest.raises(ValueError, match="no steps"):
        ground_state_steps(0, 0.1)
