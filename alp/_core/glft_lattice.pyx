"""The stationary state of Guéant, Lehalle & Fernandez-Tapia on the inventory lattice.

On inventories ``i = -n..n`` it is the positive vector with
``stiffness * i^2 * v_i - v_{i-1} - v_{i+1} = (energy - 2) * v_i`` for the least energy. It is even,
so half of it is solved for, as ratios ``v_{i-1} / v_i`` that keep full relative precision where
``v`` itself spans thousands of decades.
"""

from libc.math cimport fabs, log
from libc.stdlib cimport free, malloc

cdef enum:
    MOST_ITERATIONS = 200

# Relative change of the energy below which it has converged.
cdef double CONVERGED = 4e-16


cdef bint _run_ratios(Py_ssize_t levels, double stiffness, double energy, double* ratios) noexcept nogil:
    """Run the recurrence from the edge, which is stable; false where the energy is too high."""
    cdef double outer = 0.0
    cdef double ratio
    cdef Py_ssize_t i
    for i in range(levels, 0, -1):
        ratio = 2.0 + (stiffness * <double>i * <double>i - energy) - outer
        if ratio <= 0.0:
            return False
        ratios[i - 1] = ratio
        outer = 1.0 / ratio
    return True


cdef double _rayleigh(Py_ssize_t levels, double stiffness, const double* ratios) noexcept nogil:
    """Rayleigh quotient of the vector, as a sum of squares that loses no digits."""
    cdef double value = 1.0
    cdef double norm = 0.5
    cdef double potential = 0.0
    cdef double slope = 0.0
    cdef double following
    cdef Py_ssize_t i
    for i in range(1, levels + 1):
        following = value / ratios[i - 1]
        slope += (value - following) * (value - following)
        potential += <double>(i * i) * following * following
        norm += following * following
        value = following
    slope += value * value
    return (slope + stiffness * potential) / norm


cdef double _ground_state(Py_ssize_t levels, double stiffness, double* ratios) noexcept nogil:
    """Leave the ratios of the ground state, and return its energy.

    The recurrence satisfies every row but the middle one; the Rayleigh quotient of such a vector
    converges quadratically to the energy. An energy too high is taken back half-way.
    """
    cdef double energy = 0.0
    cdef double solved_at = 0.0
    cdef double refined
    cdef bint solved = False
    for _ in range(MOST_ITERATIONS):
        solved = _run_ratios(levels, stiffness, energy, ratios)
        if not solved:
            energy = (solved_at + energy) / 2.0
            continue
        solved_at = energy
        refined = _rayleigh(levels, stiffness, ratios)
        if fabs(refined - energy) <= CONVERGED * refined:
            break
        energy = refined
    if not solved:
        _run_ratios(levels, stiffness, solved_at, ratios)
    return solved_at


cdef double lattice_log_values(Py_ssize_t levels, double stiffness, double* log_values) noexcept nogil:
    """Write ``ln v`` at -n..n, 0 in the middle, and return the energy."""
    cdef double* half = log_values + levels
    cdef double total = 0.0
    cdef double energy = _ground_state(levels, stiffness, half + 1)
    cdef Py_ssize_t i
    half[0] = 0.0
    for i in range(1, levels + 1):
        total += log(half[i])
        half[i] = -total
        log_values[levels - i] = -total
    return energy


def ground_state(double stiffness, double[::1] log_values):
    """Write ``ln v`` of the stationary state and return its energy, in units of the coupling.

    Parameters
    ----------
    stiffness
        Curvature over coupling, not negative.
    log_values
        Shape ``(2 n + 1,)`` for the lattice ``-n..n``: becomes symmetric, 0 in the middle.

    Raises
    ------
    ValueError
        If the lattice has not an odd number of at least three points.
    """
    cdef Py_ssize_t levels = (log_values.shape[0] - 1) // 2
    cdef double energy
    if levels < 1 or log_values.shape[0] != 2 * levels + 1:
        raise ValueError(f"{log_values.shape[0]} points are not a lattice -n..n with n >= 1")
    with nogil:
        energy = lattice_log_values(levels, stiffness, &log_values[0])
    return energy


def ground_state_steps(Py_ssize_t levels, double stiffness):
    """Return the differences of :func:`ground_state`'s values from point to point, ``2 n`` floats.

    Raises
    ------
    ValueError
        If `levels` is not positive.
    """
    cdef double* log_values
    if levels < 1:
        raise ValueError(f"a lattice of {levels} levels has no steps")
    log_values = <double*>malloc((2 * levels + 1) * sizeof(double))
    if log_values == NULL:
        raise MemoryError
    try:
        with nogil:
            lattice_log_values(levels, stiffness, log_values)
        return [log_values[i + 1] - log_values[i] for i in range(2 * levels)]
    finally:
        free(log_values)
