"""Prices of a market maker: fair value, reservation price, half spread, either side's price.

The models are those of :mod:`alp.models.glft` and :mod:`alp.models.avellaneda_stoikov`, for orders
of one size. A side's distance from the fair value is the model's at no inventory, times the spread
factor, plus what inventory adds to it, times the skew factor. Neither part of the bid's ever falls
with inventory, nor rises of the ask's, in floating point as well; floors keep that order.
"""

from libc.math cimport (
    INFINITY,
    NAN,
    exp,
    fabs,
    floor,
    frexp,
    isfinite,
    isnan,
    ldexp,
    log1p,
    rint,
    sqrt,
)
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from alp._core.glft_lattice cimport lattice_log_values

# The last whole numbers of a double that differ by one half: prices stop there.
cdef double LARGEST_PRICE = 4503599627370496.0


cdef int pricing_create(Pricing* pricing, const MakerRule* rule) noexcept nogil:
    """Take memory; -1 where there is none."""
    memset(pricing, 0, sizeof(Pricing))
    pricing.stiffness = pricing.fit.scale = NAN
    if rule.model == MAKER_GLFT_TABLE:
        pricing.levels_each_way = rule.most_inventory // rule.order_lots
        pricing.log_values = <double*>malloc((2 * pricing.levels_each_way + 1) * sizeof(double))
        pricing.steps = <double*>malloc(2 * pricing.levels_each_way * sizeof(double))
        if pricing.log_values == NULL or pricing.steps == NULL:
            pricing_destroy(pricing)
            return -1
    return 0


cdef void pricing_destroy(Pricing* pricing) noexcept nogil:
    free(pricing.log_values)
    free(pricing.steps)
    pricing.log_values = pricing.steps = NULL


cdef void _solve(Pricing* pricing, double stiffness) noexcept nogil:
    """Fill the table of ``ln(v_q / v_{q+1})``, rising by construction."""
    cdef i64 at
    cdef double most = -INFINITY
    if stiffness == pricing.stiffness:
        return
    lattice_log_values(pricing.levels_each_way, stiffness, pricing.log_values)
    for at in range(2 * pricing.levels_each_way):
        most = max(most, pricing.log_values[at] - pricing.log_values[at + 1])
        pricing.steps[at] = most
    pricing.stiffness = stiffness


cdef void _fit(
    Pricing* pricing, const MakerRule* rule, double scale, double decay, double sigma, double cost
) noexcept nogil:
    """Work out what depends on the calibration alone."""
    cdef MakerFit* fit = &pricing.fit
    cdef double ratio = rule.execution_aversion / decay
    cdef double markup = (log1p(ratio) / ratio if ratio > 0.0 else 1.0) / decay
    cdef double eta, curvature
    cdef i64 middle = pricing.levels_each_way
    fit.scale = scale
    fit.decay = decay
    fit.sigma = sigma
    fit.cost = cost
    fit.margin = markup + cost
    if rule.model == MAKER_AVELLANEDA_STOIKOV:
        fit.skew = rule.risk_aversion * (sigma * sigma) * rule.horizon_s
        fit.neutral_half = fit.margin + fit.skew / 2.0
    else:
        eta = scale * exp(-(log1p(ratio) + decay * (markup + cost)))
        curvature = decay * rule.risk_aversion * (sigma * sigma) / 2.0
        fit.skew = sqrt(curvature / eta) / decay
        fit.neutral_half = fit.margin + fit.skew / 2.0
        if rule.model == MAKER_GLFT_TABLE and curvature / eta < INFINITY:
            _solve(pricing, curvature / eta)
            fit.neutral_half = (
                fit.margin + (pricing.steps[middle] - pricing.steps[middle - 1]) / (2.0 * decay)
            )
    fit.sound = isfinite(fit.neutral_half) and isfinite(fit.skew)


cdef double _step_at(const Pricing* pricing, double position, i64 first) noexcept nogil:
    """Interpolate the table, whose first point is at `first` orders; beyond it ends are flat."""
    cdef i64 count = 2 * pricing.levels_each_way
    cdef double index = floor(position) - first
    cdef double low, high
    cdef i64 at
    if index < 0:
        return pricing.steps[0]
    if index >= count - 1:
        return pricing.steps[count - 1]
    at = <i64>index
    low = pricing.steps[at]
    high = pricing.steps[at + 1]
    # Clamped, because the sum may round past the next point, where the next interval begins.
    return min((high - low) * (position - (first + at)) + low, high)


cdef inline double _nearby(double price) noexcept nogil:
    """The price to a thousandth, so that costs do not make a new table at every tick."""
    cdef int power
    cdef double part = frexp(price, &power)
    return ldexp(rint(part * 2048.0) / 2048.0, power)


cdef u64 maker_unfit(const MakerRule* rule, const MakerInputs* given) noexcept nogil:
    cdef u64 bound = 0
    cdef i64 age
    cdef int at
    for at in range(MAKER_INPUTS):
        if rule.most_age_ns[at] == NOT_NEEDED:
            continue
        age = given.now_ns - given.stamp_ns[at]
        if given.stamp_ns[at] <= 0 or age > rule.most_age_ns[at] or -age > rule.most_age_ns[at]:
            bound |= <u64>BOUND_STALE_BOOK << at
    if given.bid <= 0 or given.ask <= 0 or given.bid_lots <= 0 or given.ask_lots <= 0:
        bound |= BOUND_NO_BOOK
    elif given.bid >= given.ask:
        bound |= BOUND_CROSSED_BOOK
    if not (
        0.0 < given.scale < INFINITY and 0.0 < given.decay < INFINITY
        and 0.0 <= given.sigma < INFINITY
    ):
        bound |= BOUND_UNCALIBRATED
    if not (isfinite(given.drift) and 1.0 <= given.widen < INFINITY):
        bound |= BOUND_OUT_OF_DOMAIN
    if given.suspended:
        bound |= BOUND_SUSPENDED
    return bound


cdef u64 _fair_value(const MakerRule* rule, const MakerInputs* given, MakerTerms* terms) noexcept nogil:
    """Mid, and where the queues and the drift say that it is going."""
    cdef double lots = <double>given.bid_lots + <double>given.ask_lots
    cdef double spread = <double>(given.ask - given.bid)
    terms.mid = (given.bid + given.ask) / 2.0
    terms.imbalance = (<double>given.bid_lots - <double>given.ask_lots) / lots
    terms.microprice = terms.mid + terms.imbalance * spread / 2.0
    terms.shift = (
        rule.microprice_weight * (terms.microprice - terms.mid)
        + rule.drift_weight_s * given.drift
    )
    terms.fair = terms.mid + min(max(terms.shift, -rule.most_shift), rule.most_shift)
    if fabs(terms.shift) > rule.most_shift:
        terms.shift = terms.fair - terms.mid
        return BOUND_SHIFT_CAPPED
    return 0


cdef u64 _quotes(
    Pricing* pricing, const MakerRule* rule, const MakerInputs* given, MakerTerms* terms
) noexcept nogil:
    """Both sides' prices before rounding."""
    cdef const MakerFit* fit = &pricing.fit
    cdef double model_cost = rule.cost * _nearby(terms.mid) if rule.cost != 0.0 else 0.0
    cdef double base, bid_lean, ask_lean, at_none, extra
    cdef u64 bound = 0
    cdef int side
    if (
        given.scale != fit.scale or given.decay != fit.decay or given.sigma != fit.sigma
        or model_cost != fit.cost
    ):
        _fit(pricing, rule, given.scale, given.decay, given.sigma, model_cost)
    if not fit.sound:
        return BOUND_OUT_OF_DOMAIN
    terms.position = <double>given.inventory / <double>rule.order_lots
    terms.fee = rule.fee * terms.mid
    terms.margin = fit.margin
    terms.neutral_half = fit.neutral_half
    if rule.model == MAKER_GLFT_TABLE:
        at_none = fit.neutral_half - fit.margin
        bid_lean = _step_at(pricing, terms.position, -pricing.levels_each_way) / fit.decay - at_none
        ask_lean = _step_at(pricing, terms.position, 1 - pricing.levels_each_way) / fit.decay + at_none
        bid_lean *= rule.skew_factor
        ask_lean *= rule.skew_factor
        terms.skew = (bid_lean + ask_lean) / 2.0 / terms.position if terms.position else 0.0
    else:
        bid_lean = ask_lean = terms.position * (fit.skew * rule.skew_factor)
        terms.skew = fit.skew * rule.skew_factor
    base = fit.neutral_half * rule.spread_factor
    extra = (given.widen - 1.0) * max(base, 0.0)
    terms.least_half = max(
        rule.least_spread / 2.0, max(terms.fee + rule.least_edge * terms.mid, 0.0)
    )
    terms.reservation = terms.fair - (bid_lean + ask_lean) / 2.0
    terms.model_half = base + (bid_lean - ask_lean) / 2.0
    terms.raw[SIDE_BID] = terms.fair - (base + bid_lean)
    terms.raw[SIDE_ASK] = terms.fair + (base - ask_lean)
    terms.half = terms.model_half
    if terms.model_half < terms.least_half:
        terms.half = terms.least_half
        bound |= BOUND_MIN_SPREAD
    terms.raw[SIDE_BID] = min(terms.raw[SIDE_BID], terms.reservation - terms.least_half) - extra
    terms.raw[SIDE_ASK] = max(terms.raw[SIDE_ASK], terms.reservation + terms.least_half) + extra
    terms.half += extra
    if extra > 0.0:
        bound |= BOUND_WIDENED
    if isnan(terms.raw[SIDE_BID]) or isnan(terms.raw[SIDE_ASK]):
        bound |= BOUND_OUT_OF_DOMAIN
    for side in range(2):
        terms.raw[side] = min(max(terms.raw[side], -LARGEST_PRICE), LARGEST_PRICE)
    return bound


cdef u64 maker_prices(
    Pricing* pricing, const MakerRule* rule, const MakerInputs* given, MakerTerms* terms
) noexcept nogil:
    cdef u64 bound = _fair_value(rule, given, terms)
    return bound | _quotes(pricing, rule, given, terms)
