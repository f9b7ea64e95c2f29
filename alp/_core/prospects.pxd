# What liquidity ranges are expected to earn, lose and turn over, in raw quote units.

cdef enum:
    MOST = 64                   # ranges
    MOST_NODES = 64

cdef struct Curve:
    double liquidity
    double lower                # price roots of the ends, quote per base
    double upper
    double most_base            # held at and below the lower end

# Nodes and weights of the standard normal distribution.
cdef struct Quadrature:
    int count
    double nodes[MOST_NODES]
    double weights[MOST_NODES]

cdef struct Outlook:
    double fees
    double lvr
    double turnover
    double inside_s

cdef Curve curve_of(double liquidity, double lower, double upper) noexcept nogil
cdef Quadrature quadrature_of(const double[::1] nodes, const double[::1] weights) except *
cdef Outlook outlook_of(
    const Curve* curves, int count, double root, double sigma, double horizon_s,
    double income_per_s, double others, const Quadrature* normal,
) noexcept nogil
