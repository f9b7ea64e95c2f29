"""The liquidity agent's decisions: observations in, plans out, no clock and no I/O.

The backtest and the live agent drive this very object. It sees an :class:`Observation`, answers
with a :class:`Plan` or a :class:`Hold`, and is told how each plan ended. Between observations
nothing happens as long as the price stays inside :meth:`LpCore.trigger_bounds` and the time before
:meth:`LpCore.next_timer_ns`, so a replay only needs to call it then.

A trigger fires once per crossing. If the rebalance is refused, the crossing stays due and is looked
at again after a pause, until it is executed, or the price has come back far enough to arm the
trigger anew. Ranges taken down and not put up again are an obligation, retried until done.
"""

from __future__ import annotations

from dataclasses import replace

from alp.errors import Corrupt
from alp.models.lp_planner import (
    Draft,
    Inventory,
    choose_widths,
    draft_plan,
    gas_cost,
    inventory_of,
)
from alp.models.lp_state import LpState
from alp.models.lp_types import (
    ExecutionReport,
    Hold,
    LpParameters,
    Observation,
    Plan,
    PlanReason,
    PositionView,
    Refusal,
)
from alp.models.lvr import PositionCurve, price_root
from alp.models.ranges import Widths, width_bps
from alp.models.rebalance import RefusalReason, Verdict, prospect, weigh
from alp.models.triggers import (
    NEVER_ABOVE,
    NEVER_BELOW,
    Baseline,
    Cause,
    Crossing,
    Holdings,
    armed_bounds,
    cause_of,
    crossing_of,
    rearm_bounds,
)

# Pauses between looks at something due double up to this power of two.
_MOST_DOUBLINGS = 4
_NOTHING = Hold()


class LpCore:
    """Decides when the ranges are refreshed, and how.

    Parameters
    ----------
    parameters
        How to decide.
    state
        Where an earlier run left off; a fresh start by default.
    """

    def __init__(self, parameters: LpParameters, state: LpState | None = None) -> None:
        self.parameters = parameters
        self._state = LpState() if state is None else state.copy()
        self._bounds: tuple[int, int] | None = None

    @property
    def state(self) -> LpState:
        """The memory to restart from, as it is now."""
        return self._state.copy()

    def trigger_bounds(self) -> tuple[int, int]:
        """Return sqrt prices ``(low, high)``: call `step` once the price is ``<= low, >= high``.

        They are exact: one unit inside them nothing would be decided. Recomputed after a step or
        report that changed the state.
        """
        if self._bounds is None:
            self._bounds = self._find_bounds()
        return self._bounds

    def next_timer_ns(self) -> int | None:
        """Return when to call `step` whatever the price does; None for never."""
        return None if self._state.pending_plan is not None else self._state.next_evaluation_ns

    def step(self, seen: Observation) -> Plan | Hold:
        """Decide on one observation."""
        state = self._state
        if state.pending_plan is not None:
            return _NOTHING
        if not all(each.liquidity > 0 for each in seen.positions):
            seen = replace(seen, positions=tuple(p for p in seen.positions if p.liquidity > 0))
        due = self._what_is_due(seen)
        if due is None:
            return _NOTHING
        pause_until = state.next_evaluation_ns
        if pause_until is not None and seen.ts_ns < pause_until:
            return _NOTHING
        return self._decide(seen, due)

    def on_executed(self, report: ExecutionReport) -> None:
        """Take note that the pending plan was executed; its outcome is the new baseline.

        Raises
        ------
        Corrupt
            If the report is not about the pending plan.
        """
        state = self._state
        holdings = self._settle(report)
        opened = bool(holdings.positions)
        state.owed = not state.pending_complete
        state.minted = state.minted or opened
        state.baseline = holdings.baseline(report.sqrt_price_x96) if opened else None
        state.triggered = None
        state.last_rebalance_ns = report.ts_ns
        # After a swap the ranges are still to be put up: due at once.
        state.next_evaluation_ns = report.ts_ns if state.owed else None
        state.attempts = 0

    def on_reverted(self, report: ExecutionReport) -> None:
        """Take note that the pending plan failed; what was due stays due, after a pause.

        Raises
        ------
        Corrupt
            If the report is not about the pending plan.
        """
        before = self._state.holdings
        holdings = self._settle(report)
        # Part of the plan may have gone through: then the rest is owed.
        changed = before is None or holdings.positions != before.positions
        self._state.owed = self._state.owed or changed
        self._pause(report.ts_ns)

    def _settle(self, report: ExecutionReport) -> Holdings:
        if report.plan_id != self._state.pending_plan:
            raise Corrupt(
                f"report on plan {report.plan_id}, but plan {self._state.pending_plan} is pending"
            )
        holdings = self._holdings(report.wallet_base, report.wallet_quote, report.positions)
        self._state.pending_plan = None
        self._state.holdings = holdings
        self._bounds = None
        return holdings

    def _what_is_due(self, seen: Observation) -> PlanReason | None:
        """Update the trigger and return why something should be done, if it should."""
        state = self._state
        holdings = self._holdings(seen.wallet_base, seen.wallet_quote, seen.positions)
        if holdings != state.holdings:
            state.holdings = holdings
            self._bounds = None
        if state.owed:
            return PlanReason.REOPEN
        if not seen.positions:
            if seen.wallet_base == 0 and seen.wallet_quote == 0:
                return None
            return PlanReason.REOPEN if state.minted else PlanReason.FIRST_MINT
        if state.baseline is None:
            # Positions found at a start without memory are adopted as they are.
            state.minted = True
            state.baseline = holdings.baseline(seen.sqrt_price_x96)
            state.next_evaluation_ns = None
            state.attempts = 0
            self._bounds = None
        return self._trigger(state.baseline, holdings, seen.sqrt_price_x96, seen.ts_ns)

    def _trigger(
        self, baseline: Baseline, holdings: Holdings, sqrt_price_x96: int, ts_ns: int
    ) -> PlanReason | None:
        state, rule = self._state, self.parameters.trigger
        fired = crossing_of(rule, baseline, holdings, sqrt_price_x96)
        if fired is not None:
            crossing, cause = fired
            if crossing is not state.triggered:
                self._set_triggered(crossing, ts_ns)
            return self._reason(crossing, cause)
        if state.triggered is None:
            return None
        still = cause_of(rule, baseline, holdings, sqrt_price_x96, state.triggered, to_rearm=True)
        if still is None:
            self._set_triggered(None, None)
        elif state.next_evaluation_ns is None or ts_ns >= state.next_evaluation_ns:
            # Between re-arming and firing again nothing is due, but the crossing is not over.
            state.next_evaluation_ns = ts_ns + self.parameters.retry_ns
        return None

    def _set_triggered(self, crossing: Crossing | None, evaluation_ns: int | None) -> None:
        self._state.triggered = crossing
        self._state.next_evaluation_ns = evaluation_ns
        self._state.attempts = 0
        self._bounds = None

    def _reason(self, crossing: Crossing, cause: Cause) -> PlanReason:
        # An upward crossing sells token0; it is a price rise exactly where base is token0.
        base_side = (crossing is Crossing.UP) == self.parameters.pair.base_is_token0
        if cause is Cause.DEPLETED:
            return PlanReason.BASE_DEPLETED if base_side else PlanReason.QUOTE_DEPLETED
        return PlanReason.PRICE_UP if base_side else PlanReason.PRICE_DOWN

    def _decide(self, seen: Observation, due: PlanReason) -> Plan | Hold:
        inventory = inventory_of(self.parameters, seen)
        numbers = self._situation(seen, inventory)
        refused = self._guard(seen, numbers)
        if refused is not None:
            return self._refuse(seen, due, refused, numbers)

        widths = choose_widths(self.parameters, seen, inventory, first=not self._state.minted)
        draft = draft_plan(self.parameters, seen, widths, may_swap=not self._state.owed)
        gas_wei, gas_quote = gas_cost(self.parameters, seen, draft.gas_units)
        numbers |= self._shape(widths, draft)
        numbers["gas"] = self.parameters.pair.whole_quote(gas_quote)
        verdict = self._weigh(seen, draft, gas_quote) if self._is_rebalance(seen) else None
        if verdict is not None:
            numbers |= verdict.numbers()
        refused = self._judge(seen, draft, gas_quote, verdict)
        if refused is not None:
            return self._refuse(seen, due, refused, numbers)

        plan_id = self._state.plans + 1
        self._state.plans = self._state.pending_plan = plan_id
        self._state.pending_complete = draft.complete
        self._bounds = None
        return Plan(
            plan_id=plan_id,
            ts_ns=seen.ts_ns,
            reason=due,
            actions=draft.actions,
            ranges=draft.ranges,
            complete=draft.complete,
            gas_wei=gas_wei,
            gas_quote_raw=gas_quote,
            numbers=numbers,
        )

    def _guard(self, seen: Observation, numbers: dict[str, float]) -> RefusalReason | None:
        """Return what forbids acting on this observation at all."""
        rules = self.parameters
        if seen.pending:
            return RefusalReason.PENDING
        if rules.max_data_age_ns is not None and seen.data_age_ns > rules.max_data_age_ns:
            return RefusalReason.DATA_STALE
        rebalancing = self._is_rebalance(seen)
        if rebalancing and seen.ts_ns < self._cooled_down_ns():
            return RefusalReason.COOLDOWN
        if self._state.minted and seen.sigma is None:
            return RefusalReason.NO_ESTIMATE
        if rebalancing and seen.fees is None and rules.economics.min_benefit_quote is not None:
            return RefusalReason.NO_ESTIMATE
        if rules.twap_guard_bps is not None:
            if seen.twap_tick is None:
                return RefusalReason.TWAP_UNAVAILABLE
            deviation = width_bps(min(seen.tick, seen.twap_tick), max(seen.tick, seen.twap_tick))
            numbers["twap_deviation_bps"] = deviation
            if deviation > rules.twap_guard_bps:
                return RefusalReason.TWAP_DEVIATION
        return None

    def _judge(
        self, seen: Observation, draft: Draft, gas_quote_raw: int, verdict: Verdict | None
    ) -> RefusalReason | None:
        """Return what makes this plan not worth doing."""
        if not draft.placed:
            return RefusalReason.NO_LIQUIDITY
        if not draft.actions or (self._is_rebalance(seen) and not self._changes(draft)):
            return RefusalReason.SAME_RANGES
        limit = self.parameters.max_gas_quote_raw
        if limit is not None and gas_quote_raw > limit:
            return RefusalReason.GAS_ABOVE_MAX
        if verdict is not None and not verdict.worth_it:
            return RefusalReason.BELOW_MIN_BENEFIT
        return None

    def _changes(self, draft: Draft) -> bool:
        """Whether any open range goes; topping up the open ones alone is not a rebalance."""
        holdings = self._state.holdings
        assert holdings is not None
        wanted = {planned.ticks for planned in draft.ranges}
        leaving = [1 for lower, upper, _ in holdings.positions if (lower, upper) not in wanted]
        return bool(leaving) or not draft.complete or len(wanted) > len(holdings.positions)

    def _is_rebalance(self, seen: Observation) -> bool:
        """Whether this is a choice between new ranges and open ones, not an obligation."""
        return bool(seen.positions) and not self._state.owed

    def _weigh(self, seen: Observation, draft: Draft, gas_quote_raw: int) -> Verdict | None:
        pair, rule = self.parameters.pair, self.parameters.economics
        if seen.fees is None or seen.sigma is None:
            return None
        holdings = self._state.holdings
        assert holdings is not None
        root = price_root(pair, seen.sqrt_price_x96)
        new, stay = [
            prospect(
                [PositionCurve.of(pair, lower, upper, held) for lower, upper, held in rows],
                root=root,
                sigma=seen.sigma,
                fees=seen.fees,
                rule=rule,
            )
            for rows in (draft.placed, holdings.positions)
        ]
        return weigh(
            new,
            stay,
            gas_quote=float(gas_quote_raw),
            swap_quote=draft.swap_cost_quote,
            quote_unit=10.0**pair.quote_decimals,
            rule=rule,
        )

    def _refuse(
        self,
        seen: Observation,
        due: PlanReason,
        reason: RefusalReason,
        numbers: dict[str, float],
    ) -> Hold:
        self._pause(seen.ts_ns)
        if reason is RefusalReason.COOLDOWN:
            self._state.next_evaluation_ns = self._cooled_down_ns()
            self._state.attempts = 0
        return Hold(Refusal(seen.ts_ns, due, reason, numbers))

    def _pause(self, ts_ns: int) -> None:
        doublings = min(self._state.attempts, _MOST_DOUBLINGS)
        self._state.next_evaluation_ns = ts_ns + (self.parameters.retry_ns << doublings)
        self._state.attempts += 1

    def _cooled_down_ns(self) -> int:
        last = self._state.last_rebalance_ns
        return 0 if last is None else last + self.parameters.cooldown_ns

    def _situation(self, seen: Observation, inventory: Inventory) -> dict[str, float]:
        pair = self.parameters.pair
        numbers = {
            "held_base": pair.whole_base(inventory.base),
            "held_quote": pair.whole_quote(inventory.quote),
            "target_base": pair.whole_base(inventory.target_base),
            "cefi_base": pair.whole_base(seen.cefi_inventory),
            "combined_inventory_base": pair.whole_base(inventory.combined),
            "price": pair.sqrt_x96_to_price(seen.sqrt_price_x96),
            "tick": float(seen.tick),
        }
        if seen.sigma is not None:
            numbers["sigma_per_sqrt_s"] = seen.sigma
        return numbers

    @staticmethod
    def _shape(widths: Widths, draft: Draft) -> dict[str, float]:
        return {
            "bid_width_bps": widths.bid_bps,
            "ask_width_bps": widths.ask_bps,
            "gas_units": float(draft.gas_units),
        }

    def _holdings(
        self, wallet_base: int, wallet_quote: int, positions: tuple[PositionView, ...]
    ) -> Holdings:
        wallet0, wallet1 = self.parameters.pair.split(wallet_base, wallet_quote)
        rows = [
            (each.tick_lower, each.tick_upper, each.liquidity)
            for each in positions
            if each.liquidity > 0
        ]
        return Holdings(wallet0, wallet1, tuple(rows))

    def _find_bounds(self) -> tuple[int, int]:
        state, rule = self._state, self.parameters.trigger
        if state.pending_plan is not None or state.owed or state.baseline is None:
            return NEVER_BELOW, NEVER_ABOVE
        if state.holdings is None or not state.holdings.positions:
            return NEVER_BELOW, NEVER_ABOVE
        if state.triggered is not None:
            return rearm_bounds(rule, state.baseline, state.holdings, state.triggered)
        return armed_bounds(rule, state.baseline, state.holdings)
