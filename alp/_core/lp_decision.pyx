"""A decision of the liquidity agent, from what is seen to a verdict with all its numbers.

One call does the arithmetic of :class:`alp.models.lp_core.LpCore`: inventory and target, the price
guard, widths, actions and minimums, gas, and what the new ranges are expected to earn against the
old ones. When to decide, and what becomes of it, is the core's own business.
"""

from libc.math cimport INFINITY, NAN, fabs, isfinite, ldexp
from libc.stdlib cimport free, malloc

from alp._core.lp_draft cimport Planned, Position, distance_bps, draft_plan, take_stock
from alp._core.holdings cimport MOST
from alp._core.prospects cimport Curve, curve_of, outlook_of, quadrature_of
from alp._core.quote_widths cimport (
    AVELLANEDA_STOIKOV, AVELLANEDA_STOIKOV_STATIONARY, GLFT_CLOSED, GLFT_STATIONARY, OTHER_MODEL,
    QuotingModel, widths_of,
)
from alp._core.reverts cimport OK, REVERT_EMPTY, REVERT_T, raise_revert
from alp._core.tickmath cimport MAX_TICK, MIN_TICK, sqrt_ratio_at_tick
from alp._core.uint256 cimport (
    c_int, c_u64, i256, i256_from_int, i256_is_negative, u64, u128, u128_from_int, u128_to_int,
    u160_from_int, u256_add, u256_from_int, u256_from_limbs, u256_from_u64, u256_lt, u256_mul_div,
    u256_mul_overflows, u256_neg, u256_to_int,
)
from alp._core.wide_ratios cimport nearest_double, nearest_ratio

# Names of the models that have a compiled form.
_MODELS = {
    "AvellanedaStoikov": AVELLANEDA_STOIKOV,
    "AvellanedaStoikov stationary": AVELLANEDA_STOIKOV_STATIONARY,
    "GLFT closed": GLFT_CLOSED,
    "GLFT stationary": GLFT_STATIONARY,
    "": OTHER_MODEL,
}


cdef inline u256 _q96() noexcept nogil:
    return u256_from_limbs(0, <u64>1 << 32, 0, 0)


cdef inline double _whole(i256 amount, u256 unit) noexcept nogil:
    """Raw units, signed, as whole tokens."""
    if i256_is_negative(amount):
        return -nearest_ratio(u256_neg(amount), unit)
    return nearest_ratio(amount, unit)


cdef inline double _price_root(u256 sqrt_price, bint base_is_token0) noexcept nogil:
    """``sqrt(raw quote per raw base)``."""
    if base_is_token0:
        return ldexp(nearest_double(sqrt_price), -96)
    return nearest_ratio(_q96(), sqrt_price)


cdef int _gas_cost(
    u64 gas_units, u256 wei_per_unit, u256 native_mark, u256* wei, u256* quote
) noexcept nogil:
    """In wei, and in raw quote rounded down."""
    if u256_mul_overflows(u256_from_u64(gas_units), wei_per_unit, wei):
        return REVERT_EMPTY
    return u256_mul_div(wei[0], native_mark, _q96(), quote)


cdef class Decision:
    """What came of one call: a plan's rows, or why there is none.

    Attributes
    ----------
    needs_widths
        Nothing was decided: the model has no compiled form here, or the market is outside its
        domain. To be called again with widths.
    refusal
        A value of :class:`alp.models.rebalance.RefusalReason`; None for a plan.
    numbers
        All numbers known so far, in whole tokens, basis points and ticks.
    burns, swap, mints
        Fields of the actions of :mod:`alp.models.lp_types`, in their order.
    ranges
        Rows ``(is bid, tick_lower, tick_upper)`` that will be open in the end.
    complete
        Whether the actions open them all; after a swap another plan does.
    gas_wei, gas_quote_raw
        Cost of all actions, the mints after a swap included.
    """


cdef class DecisionKernel:
    """The arithmetic of decisions under one set of parameters.

    Raises
    ------
    OverflowError
        If a parameter does not fit its C type.
    """

    def __cinit__(self):
        self.lattice.log_values = NULL
        self.quoting.model = OTHER_MODEL

    def __dealloc__(self):
        free(self.lattice.log_values)

    def __init__(
        self, *, base_is_token0, base_decimals, quote_decimals, fee_pips, tick_spacing,
        target_base_share_bps, slippage_bps, swap_to_target, gas_units, priority_fee_wei,
        max_gas_quote_raw, twap_guard_bps,
    ):
        mint, burn, collect, swap = gas_units
        self.terms = Terms(
            base=0 if base_is_token0 else 1,
            fee_pips=c_u64(fee_pips),
            tick_spacing=c_int(tick_spacing),
            target_share_bps=c_u64(target_base_share_bps),
            slippage_bps=c_u64(slippage_bps),
            swaps_to_target=swap_to_target,
            mint_gas=c_u64(mint),
            burn_gas=c_u64(burn),
            collect_gas=c_u64(collect),
            swap_gas=c_u64(swap),
        )
        self.units.base = u256_from_int(10**base_decimals)
        self.units.quote = u256_from_int(10**quote_decimals)
        self.units.price_scale = 10.0 ** (base_decimals - quote_decimals)
        self.units.quote_scale = 10.0**quote_decimals
        self.limits.guards_twap = twap_guard_bps is not None
        self.limits.twap_guard_bps = 0.0 if twap_guard_bps is None else twap_guard_bps
        self.limits.limits_gas = max_gas_quote_raw is not None
        self.limits.max_gas_quote = u256_from_int(max_gas_quote_raw or 0)
        self.limits.priority_fee_wei = u256_from_int(priority_fee_wei)

    def set_economics(
        self, *, double horizon_s, min_benefit_quote, double margin_bps, double hedge_cost_bps,
        double hedge_ratio, double lvr_weight, nodes, weights,
    ):
        """Weigh rebalances as :class:`alp.models.rebalance.EconomicsRule` says.

        Parameters
        ----------
        nodes, weights
            Quadrature of the standard normal distribution.
        """
        self.economics.horizon_s = horizon_s
        self.economics.weighs = min_benefit_quote is not None
        self.economics.min_benefit_quote = min_benefit_quote or 0.0
        self.economics.margin_bps = margin_bps
        self.economics.hedge_cost_bps = hedge_cost_bps
        self.economics.hedge_ratio = hedge_ratio
        self.economics.lvr_weight = lvr_weight
        self.economics.normal = quadrature_of(nodes, weights)

    def set_quoting(
        self, model, *, double risk_aversion, double execution_aversion, double order_size,
        double max_inventory, double two_sided_inventory, Py_ssize_t levels,
        double execution_cost_bps, double horizon_s, double scale, double decay,
        double interval_s, double base_spread_bps, double min_width_bps, double max_width_bps,
    ):
        """Find widths by a model of :mod:`alp.models.recipe`.

        Parameters
        ----------
        model
            ``AvellanedaStoikov``, ``AvellanedaStoikov stationary``, ``GLFT closed``,
            ``GLFT stationary``, or empty where every decision brings its widths.
        levels
            Orders between zero and the inventory limit; for the lattice of stationary GLFT.
        scale, decay
            Intensity where an observation has none.
        """
        cdef QuotingModel kind = _MODELS[model]
        self.quoting = QuotingRule(
            model=kind,
            risk_aversion=risk_aversion,
            execution_aversion=execution_aversion,
            order_size=order_size,
            max_inventory=max_inventory,
            two_sided_inventory=two_sided_inventory,
            execution_cost_bps=execution_cost_bps,
            horizon_s=horizon_s,
            interval_s=interval_s,
            base_spread_bps=base_spread_bps,
            min_width_bps=min_width_bps,
            max_width_bps=max_width_bps,
        )
        self.scale = scale
        self.decay = decay
        if kind == GLFT_STATIONARY:
            free(self.lattice.log_values)
            self.lattice.levels = levels
            self.lattice.stiffness = NAN
            self.lattice.log_values = <double*>malloc((2 * levels + 1) * sizeof(double))
            if self.lattice.log_values == NULL:
                raise MemoryError

    def decide(
        self, seen, widths=None, bint forbidden=False, bint is_rebalance=False, bint may_swap=True
    ):
        """Return the decision on one observation.

        Parameters
        ----------
        seen
            As :class:`alp.models.lp_types.Observation` has it; every position has liquidity.
        widths
            Bid and ask width in basis points; None for the model's.
        forbidden
            The caller already refuses: only the numbers of the situation are wanted.
        is_rebalance
            Whether this is a choice between new ranges and open ones, not an obligation.
        may_swap
            False to mint with what is there although the parameters ask for a swap: it was done.

        Raises
        ------
        Revert
            An amount or price is out of the contracts' domain or does not fit 256 bits.
        """
        cdef Decision decision = Decision.__new__(Decision)
        cdef Widths chosen
        cdef u256 wei, gas_quote
        cdef Verdict verdict
        cdef dict numbers
        self._read(seen)
        raise_revert(take_stock(&self.terms, &self.seen, &self.held))
        numbers = self._situation(seen)
        decision.needs_widths = False
        decision.numbers = numbers
        if forbidden:
            return decision
        if self.limits.guards_twap:
            decision.refusal = self._guard(seen.twap_tick, numbers)
            if decision.refusal is not None:
                return decision
        if widths is not None:
            chosen.bid_bps, chosen.ask_bps = widths
        elif not widths_of(
            &self.quoting, &self.lattice, &self.market,
            _whole(self.held.combined_base, self.units.base), &chosen,
        ):
            decision.needs_widths = True
            return decision

        raise_revert(
            draft_plan(&self.terms, &self.seen, &self.held, &chosen, may_swap, &self.draft)
        )
        raise_revert(
            _gas_cost(
                self.draft.gas_units, u256_add(self.base_fee_wei, self.limits.priority_fee_wei),
                self.native_mark_x96, &wei, &gas_quote,
            )
        )
        numbers["bid_width_bps"] = chosen.bid_bps
        numbers["ask_width_bps"] = chosen.ask_bps
        numbers["gas_units"] = <double>self.draft.gas_units
        numbers["gas"] = nearest_ratio(gas_quote, self.units.quote)
        verdict.known = is_rebalance and self.has_estimates
        if verdict.known:
            verdict = self._weigh(gas_quote)
            _write_verdict(&verdict, self.units.quote_scale, numbers)
        decision.refusal = self._judge(is_rebalance, gas_quote, &verdict)
        if decision.refusal is None:
            decision.gas_wei = u256_to_int(wei)
            decision.gas_quote_raw = u256_to_int(gas_quote)
            self._write_actions(decision)
        return decision

    cdef int _read(self, seen) except -1:
        cdef Position* position
        cdef int i = 0
        cdef int quote = 1 - self.terms.base
        fees, intensity, sigma = seen.fees, seen.intensity, seen.sigma
        self.seen.sqrt_price = u160_from_int(seen.sqrt_price_x96)
        self.seen.tick = c_int(seen.tick)
        self.seen.wallet[self.terms.base] = u256_from_int(seen.wallet_base)
        self.seen.wallet[quote] = u256_from_int(seen.wallet_quote)
        self.seen.cefi_base = i256_from_int(seen.cefi_inventory)
        self.seen.hedge_pips = round(seen.hedge_ratio * 1_000_000)
        positions = seen.positions
        if len(positions) > MOST:
            raise ValueError(f"{len(positions)} positions are more than {MOST}")
        for each in positions:
            position = &self.seen.positions[i]
            position.tick_lower = c_int(each.tick_lower)
            position.tick_upper = c_int(each.tick_upper)
            if not MIN_TICK <= position.tick_lower < position.tick_upper <= MAX_TICK:
                raise_revert(REVERT_T)
            position.sqrt_lower = sqrt_ratio_at_tick(position.tick_lower)
            position.sqrt_upper = sqrt_ratio_at_tick(position.tick_upper)
            position.liquidity = u128_from_int(each.liquidity)
            position.fees[0] = u256_from_int(each.fees0)
            position.fees[1] = u256_from_int(each.fees1)
            i += 1
        self.seen.count = i
        self.market.sigma = NAN if sigma is None else sigma
        self.market.scale = self.scale if intensity is None else intensity.scale
        self.market.decay = self.decay if intensity is None else intensity.decay
        self.has_estimates = fees is not None and sigma is not None
        if self.has_estimates:
            self.income_per_s = fees.income_quote_per_s
            self.other_liquidity = fees.active_liquidity
        self.base_fee_wei = u256_from_int(seen.base_fee_wei)
        self.native_mark_x96 = u256_from_int(seen.native_mark_x96)
        return 0

    cdef dict _situation(self, seen):
        cdef double root = ldexp(nearest_double(self.seen.sqrt_price), -96)
        cdef double ratio = root * root
        cdef dict numbers
        if self.terms.base == 1:
            ratio = 1.0 / ratio
        self.market.price = ratio * self.units.price_scale
        numbers = {
            "held_base": nearest_ratio(self.held.base, self.units.base),
            "held_quote": nearest_ratio(self.held.quote, self.units.quote),
            "target_base": nearest_ratio(self.held.target_base, self.units.base),
            "cefi_base": _whole(self.seen.cefi_base, self.units.base),
            "combined_inventory_base": _whole(self.held.combined_base, self.units.base),
            "price": self.market.price,
            "tick": <double>self.seen.tick,
        }
        if seen.sigma is not None:
            numbers["sigma_per_sqrt_s"] = self.market.sigma
        return numbers

    cdef str _guard(self, twap_tick, dict numbers):
        """Return what the price's distance from its average forbids."""
        cdef double deviation
        if twap_tick is None:
            return "TWAP_UNAVAILABLE"
        deviation = distance_bps(self.seen.tick, c_int(twap_tick))
        numbers["twap_deviation_bps"] = deviation
        return "TWAP_DEVIATION" if deviation > self.limits.twap_guard_bps else None

    cdef Prospect _prospect(self, bint new, double root) noexcept nogil:
        """What the planned ranges, or the open ones, are expected to do over the horizon."""
        cdef Economics* rule = &self.economics
        cdef bint base_is_token0 = self.terms.base == 0
        cdef Curve[MOST] curves
        cdef Outlook outlook
        cdef Prospect found
        cdef int i, count = 0
        if new:
            for i in range(self.draft.count):
                if self.draft.ranges[i].liquidity:
                    curves[count] = _curve(
                        self.draft.ranges[i].sqrt_lower, self.draft.ranges[i].sqrt_upper,
                        self.draft.ranges[i].liquidity, base_is_token0,
                    )
                    count += 1
        else:
            for i in range(self.seen.count):
                curves[count] = _curve(
                    self.seen.positions[i].sqrt_lower, self.seen.positions[i].sqrt_upper,
                    self.seen.positions[i].liquidity, base_is_token0,
                )
                count += 1
        outlook = outlook_of(
            curves, count, root, self.market.sigma, rule.horizon_s, self.income_per_s,
            self.other_liquidity, &rule.normal,
        )
        found.fees = outlook.fees
        found.lvr = outlook.lvr
        found.hedge = outlook.turnover * fabs(rule.hedge_ratio) * rule.hedge_cost_bps / 10_000.0
        found.in_range = outlook.inside_s / rule.horizon_s if rule.horizon_s > 0.0 else 0.0
        return found

    cdef Verdict _weigh(self, u256 gas_quote) noexcept nogil:
        cdef Economics* rule = &self.economics
        cdef double root = _price_root(self.seen.sqrt_price, self.terms.base == 0)
        cdef double unit = self.units.quote_scale
        cdef double gain, costs
        cdef Verdict verdict
        verdict.known = True
        verdict.new = self._prospect(True, root)
        verdict.stay = self._prospect(False, root)
        verdict.gas = nearest_double(gas_quote)
        verdict.swap = self.draft.swap_cost
        gain = (
            (verdict.new.fees - rule.lvr_weight * verdict.new.lvr - verdict.new.hedge)
            - (verdict.stay.fees - rule.lvr_weight * verdict.stay.lvr - verdict.stay.hedge)
        )
        costs = verdict.gas + verdict.swap
        verdict.benefit = (gain - costs) / unit
        verdict.required = -INFINITY
        if rule.weighs:
            verdict.required = rule.min_benefit_quote + costs / unit * rule.margin_bps / 1e4
        verdict.worth_it = verdict.benefit >= verdict.required
        return verdict

    cdef str _judge(self, bint is_rebalance, u256 gas_quote, const Verdict* verdict):
        """Return what makes this plan not worth doing."""
        cdef int opened = 0
        cdef int actions = self.draft.leaving + self.draft.swap.wanted
        cdef int i
        for i in range(self.draft.count):
            opened += self.draft.ranges[i].liquidity != 0
            actions += self.draft.ranges[i].minted != 0
        if opened == 0:
            return "NO_LIQUIDITY"
        if actions == 0 or (is_rebalance and not self._changes()):
            return "SAME_RANGES"
        if self.limits.limits_gas and u256_lt(self.limits.max_gas_quote, gas_quote):
            return "GAS_ABOVE_MAX"
        if verdict.known and not verdict.worth_it:
            return "BELOW_MIN_BENEFIT"
        return None

    cdef bint _changes(self) noexcept nogil:
        """Whether any open range goes; topping up the open ones alone is not a rebalance."""
        cdef int opened = 0
        cdef int i
        for i in range(self.draft.count):
            opened += self.draft.ranges[i].liquidity != 0
        return (
            self.draft.leaving > 0 or self.draft.swap.wanted or opened > self.seen.count
        )

    cdef int _write_actions(self, Decision decision) except -1:
        cdef Position* position
        cdef Planned* planned
        cdef int i
        decision.burns = []
        decision.mints = []
        decision.ranges = []
        decision.swap = None
        decision.complete = not self.draft.swap.wanted
        for i in range(self.seen.count):
            position = &self.seen.positions[i]
            if position.leaves:
                decision.burns.append((
                    position.tick_lower, position.tick_upper, u128_to_int(position.liquidity),
                    u256_to_int(position.least[0]), u256_to_int(position.least[1]),
                ))
        if self.draft.swap.wanted:
            decision.swap = (
                self.draft.swap.sells_base == (self.terms.base == 0),
                u256_to_int(self.draft.swap.amount_in),
                u256_to_int(self.draft.swap.amount_out_min),
                u256_to_int(self.draft.swap.sqrt_limit),
            )
        for i in range(self.draft.count):
            planned = &self.draft.ranges[i]
            if planned.liquidity:
                decision.ranges.append((planned.is_bid, planned.tick_lower, planned.tick_upper))
            if planned.minted and not self.draft.swap.wanted:
                amount = u256_to_int(planned.amount)
                decision.mints.append((
                    planned.tick_lower, planned.tick_upper,
                    amount if planned.token == 0 else 0, amount if planned.token == 1 else 0,
                    u128_to_int(planned.minted),
                    u256_to_int(planned.least[0]), u256_to_int(planned.least[1]),
                ))
        return 0


cdef Curve _curve(
    u256 sqrt_lower, u256 sqrt_upper, u128 liquidity, bint base_is_token0
) noexcept nogil:
    cdef double lower = _price_root(sqrt_lower, base_is_token0)
    cdef double upper = _price_root(sqrt_upper, base_is_token0)
    if lower > upper:
        lower, upper = upper, lower
    return curve_of(<double>liquidity, lower, upper)


cdef int _write_verdict(const Verdict* verdict, double unit, dict numbers) except -1:
    """Add the finite numbers, in whole quote tokens."""
    _write(numbers, "fees_new", verdict.new.fees / unit)
    _write(numbers, "fees_stay", verdict.stay.fees / unit)
    _write(numbers, "lvr_new", verdict.new.lvr / unit)
    _write(numbers, "lvr_stay", verdict.stay.lvr / unit)
    _write(numbers, "hedge_new", verdict.new.hedge / unit)
    _write(numbers, "hedge_stay", verdict.stay.hedge / unit)
    _write(numbers, "in_range_new", verdict.new.in_range)
    _write(numbers, "in_range_stay", verdict.stay.in_range)
    _write(numbers, "gas", verdict.gas / unit)
    _write(numbers, "swap", verdict.swap / unit)
    _write(numbers, "benefit", verdict.benefit)
    _write(numbers, "required", verdict.required)
    return 0


cdef inline int _write(dict numbers, str name, double value) except -1:
    if isfinite(value):
        numbers[name] = value
    return 0
