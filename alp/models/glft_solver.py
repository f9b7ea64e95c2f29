"""The linear system behind Guéant, Lehalle & Fernandez-Tapia, solved in the log domain.

On inventories ``q = i * Delta``, ``i = -n..n``, the value is ``v`` with
``v' = curvature * i^2 * v_i - coupling * (v_{i-1} + v_{i+1})`` in time to the end, ``v = 1`` at the
end. Across a wide inventory range ``v`` spans thousands of decades, so a plain eigenvector is
noise in its tails, just where the quotes matter most. Here every term that is added is positive
and only logarithms leave the functions: each ratio ``v_i / v_{i+1}`` has full relative precision.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from alp._core.glft_lattice import ground_state, ground_state_steps
from alp.errors import ConfigError

FloatArray = npt.NDArray[np.float64]

# Terms of the exponential series this far (in log) below the sum cannot change it.
_NEGLIGIBLE = 45.0
# Beyond this many relaxation times the time-dependent solution is the stationary one.
_RELAXED = 45.0
# Series terms times lattice points: some seconds of work.
_MAX_WORK = 2e8


def log_steps(levels: int, curvature: float, coupling: float, time_left_s: float) -> list[float]:
    """Return ``ln v_{i+1} - ln v_i`` for i = -n..n-1.

    Parameters
    ----------
    levels
        ``n``, at least 1: the lattice is ``-n..n``.
    curvature
        ``alpha * Delta^2``, per second, >= 0.
    coupling
        ``eta``, per second, > 0.
    time_left_s
        Seconds before the end, not negative; infinite for the stationary state.

    Raises
    ------
    ConfigError
        As `finite_log_values`.
    """
    if math.isinf(time_left_s):
        return ground_state_steps(levels, curvature / coupling)
    if time_left_s == 0.0:
        return [0.0] * (2 * levels)
    log_values = finite_log_values(levels, curvature, coupling, time_left_s)
    steps: list[float] = np.diff(log_values).tolist()
    return steps


def finite_log_values(
    levels: int, curvature: float, coupling: float, time_left_s: float
) -> FloatArray:
    """Return ``ln v`` at `time_left_s` before the end, up to a constant; shape ``(2 n + 1,)``.

    The matrix exponential is summed by uniformisation: with ``c`` the largest diagonal element,
    ``exp(-M t) = exp(-c t) * sum_m ((c - M) t)^m / m!`` and ``c - M`` has no negative element.

    Raises
    ------
    ConfigError
        If the series would take many seconds to sum.
    """
    stationary = np.empty(2 * levels + 1)
    energy = ground_state(curvature / coupling, stationary)
    if coupling * time_left_s * _gap(curvature / coupling, energy) > _RELAXED:
        return stationary
    index = np.arange(-levels, levels + 1, dtype=np.float64)
    diagonal = curvature * (float(levels * levels) - index * index)
    weight = (curvature * levels * levels + 2.0 * coupling) * time_left_s
    if weight * len(index) > _MAX_WORK:
        raise ConfigError(
            f"the finite-horizon quoting problem is too stiff ({weight:.3g} terms)",
            hint="raise orderSizeBase, lower maxInventoryBase or use the stationary horizon",
        )
    with np.errstate(divide="ignore"):
        log_diagonal = np.log(diagonal * time_left_s)
        log_coupling = float(np.log(coupling * time_left_s))
    term = np.zeros(2 * levels + 1)
    total = term.copy()
    order = 0
    while True:
        order += 1
        neighbours = np.full_like(term, -np.inf)
        neighbours[1:] = term[:-1]
        neighbours[:-1] = np.logaddexp(neighbours[:-1], term[1:])
        term = np.logaddexp(log_diagonal + term, log_coupling + neighbours) - math.log(order)
        total = np.logaddexp(total, term)
        if order > weight and float(np.max(term - total)) < -_NEGLIGIBLE:
            break
    result: FloatArray = total - total[levels]
    return result


def _gap(stiffness: float, energy: float) -> float:
    """Return a lower bound of the distance to the next even eigenvalue, in units of coupling.

    The value at the end is even, so only even states matter. The gap is 8 energies in a box, 4
    in an oscillator and never less than 2.8 between them; in a stiff lattice it is the first
    step of the diagonal less the width of a band.
    """
    return max(2.0 * energy, stiffness - 2.0)
