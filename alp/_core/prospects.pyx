"""What liquidity ranges are expected to earn, lose and turn over: floats in raw quote units.

Prices are roots of quote per base in raw units; their logarithm is a Brownian motion without drift.
A range holds ``L (1/root - 1/upper)`` of base inside its ends, as :mod:`alp.models.lvr` has it.
"""

from libc.math cimport erfc, exp, fabs, log, sqrt

cdef double SQRT_2 = sqrt(2.0)
cdef double SQRT_2_PI = sqrt(2.0 * 3.141592653589793)
# Beyond so many standard deviations the normal density underflows.
cdef double UNDERFLOW = 38.0

cdef Curve curve_of(double liquidity, double lower, double upper) noexcept nogil:
    cdef Curve curve
    curve.liquidity = liquidity
    curve.lower = lower
    curve.upper = upper
    curve.most_base = curve.liquidity * (1.0 / curve.lower - 1.0 / curve.upper)
    return curve


cdef inline double _base(const Curve* curve, double root) noexcept nogil:
    if root <= curve.lower:
        return curve.most_base
    if root >= curve.upper:
        return 0.0
    return curve.liquidity * (1.0 / root - 1.0 / curve.upper)


cdef double _base_of_all(const Curve* curves, int count, double root) noexcept nogil:
    cdef double total = 0.0
    cdef int i
    for i in range(count):
        total += _base(&curves[i], root)
    return total


cdef double _time_above(double level) noexcept nogil:
    """Expected share of time that a Brownian motion, standard at the horizon, is above a level."""
    cdef double height = fabs(level)
    cdef double above = 0.0
    if height <= UNDERFLOW:
        above = (
            (1.0 + height * height) * (0.5 * erfc(height / SQRT_2))
            - height * (exp(-0.5 * height * height) / SQRT_2_PI)
        )
        above = max(above, 0.0)
    return above if level >= 0.0 else 1.0 - above


cdef double _time_in_range(
    const Curve* curve, double root, double sigma, double horizon_s
) noexcept nogil:
    cdef double scale
    if sigma <= 0.0 or horizon_s <= 0.0:
        return 1.0 if curve.lower <= root < curve.upper else 0.0
    scale = sigma * sqrt(horizon_s)
    return (
        _time_above(2.0 * log(curve.lower / root) / scale)
        - _time_above(2.0 * log(curve.upper / root) / scale)
    )


cdef double _turnover(
    const Curve* curves, int count, double root, double scale,
    const Quadrature* normal,
) noexcept nogil:
    """Expected absolute change of base held, at today's price, in raw quote."""
    cdef double held = _base_of_all(curves, count, root)
    cdef double moved = 0.0
    cdef double there
    cdef int i
    for i in range(normal.count):
        there = _base_of_all(curves, count, root * exp(scale * normal.nodes[i]))
        moved += normal.weights[i] * fabs(there - held)
    return moved * root * root


cdef Outlook outlook_of(
    const Curve* curves, int count, double root, double sigma, double horizon_s,
    double income_per_s, double others, const Quadrature* normal,
) noexcept nogil:
    cdef Outlook found = Outlook(0.0, 0.0, 0.0, 0.0)
    cdef const Curve* curve
    cdef double seconds, total
    cdef int i
    for i in range(count):
        curve = &curves[i]
        seconds = _time_in_range(curve, root, sigma, horizon_s) * horizon_s
        found.inside_s += seconds
        total = others + curve.liquidity
        if total > 0.0:
            found.fees += income_per_s * curve.liquidity / total * seconds
        found.lvr += curve.liquidity * sigma * sigma * root / 4.0 * seconds
    found.turnover = _turnover(curves, count, root, sigma * sqrt(horizon_s) / 2.0, normal)
    return found


cdef Quadrature quadrature_of(const double[::1] nodes, const double[::1] weights) except *:
    cdef Quadrature normal
    cdef int i
    if nodes.shape[0] != weights.shape[0]:
        raise ValueError("nodes and weights differ in number")
    if nodes.shape[0] > MOST_NODES:
        raise ValueError(f"{nodes.shape[0]} nodes are more than {MOST_NODES}")
    normal.count = <int>nodes.shape[0]
    for i in range(normal.count):
        normal.nodes[i] = nodes[i]
        normal.weights[i] = weights[i]
    return normal


def outlook(
    curves, double root, double sigma, double horizon_s, double income_per_s, double others,
    const double[::1] nodes, const double[::1] weights,
):
    """Return ``(fees, lvr, turnover, seconds in range)`` of ranges over a horizon.

    Parameters
    ----------
    curves
        Rows ``(liquidity, root_lower, root_upper)``, at most 64.
    root
        Price root now.
    sigma
        Volatility of the log-price per square-root second.
    income_per_s, others
        Fee income of all liquidity in range, raw quote per second, and how much liquidity earns
        it.
    nodes, weights
        Quadrature of the standard normal distribution.

    Raises
    ------
    ValueError
        If there are more than 64 ranges or nodes, or nodes and weights differ in number.
    """
    cdef Quadrature normal = quadrature_of(nodes, weights)
    cdef Curve[MOST] known
    cdef Outlook found
    cdef int count = 0
    if len(curves) > MOST:
        raise ValueError(f"{len(curves)} ranges are more than {MOST}")
    for liquidity, lower, upper in curves:
        known[count] = curve_of(liquidity, lower, upper)
        count += 1
    with nogil:
        found = outlook_of(
            known, count, root, sigma, horizon_s, income_per_s, others, &normal
        )
    return found.fees, found.lvr, found.turnover, found.inside_s
