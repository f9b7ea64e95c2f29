"""Widths of the two ranges from a quoting model: Avellaneda-Stoikov, GLFT closed and stationary.

The same formulas in the same order as :mod:`alp.models.avellaneda_stoikov`, :mod:`alp.models.glft`
and :func:`alp.models.ranges.model_widths`, so the same bits; there they are explained. Outside its
domain a model here just fails, and the Python one says why.
"""

from libc.math cimport INFINITY, exp, expm1, floor, isfinite, log, log1p, pow, sqrt

from alp._core.glft_lattice cimport lattice_log_values

# Inventory within this fraction of an order of a limit is at the limit.
cdef double LIMIT_TOLERANCE = 1e-9
# A variable, so that pow() is called as Python calls it: a product may round the other way.
cdef double SQUARED = 2.0

cdef struct Quote:
    double bid
    double ask


cdef inline double _markup(double aversion, double order_size, double decay) noexcept nogil:
    cdef double ratio = aversion * order_size / decay
    return (log1p(ratio) / ratio if ratio > 0.0 else 1.0) / decay


cdef inline double _cost(const QuotingRule* rule, const Market* market) noexcept nogil:
    return rule.execution_cost_bps * 1e-4 * market.price


cdef inline double _variance(const Market* market) noexcept nogil:
    return pow(market.sigma * market.price, SQUARED)


cdef Quote _avellaneda_stoikov(
    const QuotingRule* rule, const Market* market, double inventory
) noexcept nogil:
    cdef double margin = (
        _markup(rule.execution_aversion, rule.order_size, market.decay) + _cost(rule, market)
    )
    cdef double cost, half
    if rule.model == AVELLANEDA_STOIKOV_STATIONARY:
        return Quote(_discounted(rule, inventory) + margin, _discounted(rule, -inventory) + margin)
    cost = rule.risk_aversion * _variance(market) * rule.horizon_s
    half = rule.order_size / 2.0
    return Quote((inventory + half) * cost + margin, (half - inventory) * cost + margin)


cdef double _discounted(const QuotingRule* rule, double inventory) noexcept nogil:
    cdef double most = rule.max_inventory
    cdef double bound = most + rule.order_size
    cdef double held = min(max(inventory, -most), most)
    cdef double after = min(held + rule.order_size, most)
    cdef double ratio = (bound - after) * (bound + after) / ((bound - held) * (bound + held))
    return -log(ratio) / (rule.risk_aversion * rule.order_size)


cdef inline double _eta(const QuotingRule* rule, const Market* market) noexcept nogil:
    cdef double markup = _markup(rule.execution_aversion, rule.order_size, market.decay)
    cdef double ratio = rule.execution_aversion * rule.order_size / market.decay
    cdef double exponent = log1p(ratio) + market.decay * (markup + _cost(rule, market))
    return market.scale * exp(-exponent)


cdef inline double _curvature(const QuotingRule* rule, const Market* market) noexcept nogil:
    return market.decay * rule.risk_aversion * _variance(market) * rule.order_size / 2.0


cdef Quote _glft_closed(
    const QuotingRule* rule, const Market* market, double inventory
) noexcept nogil:
    cdef double margin = (
        _markup(rule.execution_aversion, rule.order_size, market.decay) + _cost(rule, market)
    )
    cdef double skew = (
        sqrt(_curvature(rule, market) / _eta(rule, market)) / (market.decay * rule.order_size)
    )
    cdef double half_spread = margin + rule.order_size / 2.0 * skew
    cdef double lean = inventory * skew
    return Quote(half_spread + lean, half_spread - lean)


cdef double _lattice_step(const Lattice* lattice, Py_ssize_t at) noexcept nogil:
    return lattice.log_values[at + 1] - lattice.log_values[at]


cdef double _interpolated(
    const Lattice* lattice, double margin, double decay, double position, Py_ssize_t first,
    double side,
) noexcept nogil:
    cdef Py_ssize_t count = 2 * lattice.levels
    cdef double index = floor(position) - first
    cdef Py_ssize_t low, high
    cdef double part = 0.0
    cdef double at_low, at_high
    if index < 0:
        low = high = 0
    elif index >= count - 1:
        low = high = count - 1
    else:
        low = <Py_ssize_t>index
        high = low + 1
        part = position - (first + low)
    at_low = margin + side * (_lattice_step(lattice, low) / decay)
    at_high = margin + side * (_lattice_step(lattice, high) / decay)
    return (at_high - at_low) * part + at_low


cdef Quote _glft_stationary(
    const QuotingRule* rule, Lattice* lattice, const Market* market, double inventory
) noexcept nogil:
    cdef double margin = (
        _markup(rule.execution_aversion, rule.order_size, market.decay) + _cost(rule, market)
    )
    cdef double stiffness = _curvature(rule, market) / _eta(rule, market)
    cdef double position = inventory / rule.order_size
    if not (0.0 <= stiffness < INFINITY):
        return Quote(INFINITY, INFINITY)
    if stiffness != lattice.stiffness:
        lattice_log_values(lattice.levels, stiffness, lattice.log_values)
        lattice.stiffness = stiffness
    return Quote(
        _interpolated(lattice, margin, market.decay, position, -lattice.levels, -1.0),
        _interpolated(lattice, margin, market.decay, position, 1 - lattice.levels, 1.0),
    )


cdef Quote _quote(
    const QuotingRule* rule, Lattice* lattice, const Market* market, double inventory
) noexcept nogil:
    if rule.model == GLFT_CLOSED:
        return _glft_closed(rule, market, inventory)
    if rule.model == GLFT_STATIONARY:
        return _glft_stationary(rule, lattice, market, inventory)
    return _avellaneda_stoikov(rule, market, inventory)


cdef inline bint _quotes_both_sides(const QuotingRule* rule, double inventory) noexcept nogil:
    cdef double room = rule.max_inventory - rule.order_size * (1.0 - LIMIT_TOLERANCE)
    return -room <= inventory <= room


cdef bint widths_of(
    const QuotingRule* rule, Lattice* lattice, const Market* market, double inventory,
    Widths* widths,
) noexcept nogil:
    cdef double reach = rule.two_sided_inventory
    cdef double half, scale
    cdef Quote neutral, quote
    if rule.model == OTHER_MODEL or not (0.0 <= market.sigma < INFINITY and reach >= 0.0):
        return False
    inventory = min(max(inventory, -reach), reach)
    if not (_quotes_both_sides(rule, 0.0) and _quotes_both_sides(rule, inventory)):
        return False
    neutral = _quote(rule, lattice, market, 0.0)
    quote = _quote(rule, lattice, market, inventory)
    half = (neutral.bid + neutral.ask) / 2.0
    scale = max(10_000.0 * expm1(market.sigma * sqrt(rule.interval_s)), rule.base_spread_bps)
    if not (half > 0.0 and isfinite(half) and isfinite(quote.bid) and isfinite(quote.ask)):
        return False
    if not isfinite(scale):
        return False
    widths.bid_bps = _clamped(rule, scale * quote.bid / half)
    widths.ask_bps = _clamped(rule, scale * quote.ask / half)
    return True


cdef inline double _clamped(const QuotingRule* rule, double width_bps) noexcept nogil:
    return min(max(width_bps, rule.min_width_bps), rule.max_width_bps)
