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

from alp.errors import Corrupt
from alp.models.lp_planner import actions_of, choose_widths, kernel_of, ranges_of
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
from alp.models.ranges import first_widths
from alp.models.rebalance import RefusalReason
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
_REFUSALS = {reason.value: reason for reason in RefusalReason}


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
        self._parameters = parameters
        self._state = LpState() if state is None else state.copy()
        self._bounds: tuple[int, int] | None = None
        self._kernel = kernel_of(parameters)
        self._first_widths = first_widths(parameters.ranges)

    @property
    def parameters(self) -> LpParameters:
        """How this core decides, for as long as it lives."""
        return self._parameters

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
        holdings = self._holdings(seen.wallet_base, seen.wallet_quote, seen.positions)
        if len(holdings.positions) != len(seen.positions):
            seen = seen._replace(positions=tuple(p for p in seen.positions if p.liquidity > 0))
        due = self._what_is_due(seen, holdings)
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

    def _what_is_due(self, seen: Observation, holdings: Holdings) -> PlanReason | None:
        """Update the trigger and return why something should be done, if it should."""
        state = self._state
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
        state, rule = self._state, self._parameters.trigger
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
            state.next_evaluation_ns = ts_ns + self._parameters.retry_ns
        return None

    def _set_triggered(self, crossing: Crossing | None, evaluation_ns: int | None) -> None:
        self._state.triggered = crossing
        self._state.next_evaluation_ns = evaluation_ns
        self._state.attempts = 0
        self._bounds = None

    def _reason(self, crossing: Crossing, cause: Cause) -> PlanReason:
        # An upward crossing sells token0; it is a price rise exactly where base is token0.
        base_side = (crossing is Crossing.UP) == self._parameters.pair.base_is_token0
        if cause is Cause.DEPLETED:
            return PlanReason.BASE_DEPLETED if base_side else PlanReason.QUOTE_DEPLETED
        return PlanReason.PRICE_UP if base_side else PlanReason.PRICE_DOWN

    def _decide(self, seen: Observation, due: PlanReason) -> Plan | Hold:
        state = self._state
        # A choice between new ranges and open ones, not an obligation.
        is_rebalance = bool(seen.positions) and not state.owed
        forbidden = self._forbidden(seen, is_rebalance=is_rebalance)
        widths = None if state.minted else self._first_widths
        decision = self._kernel.decide(
            seen, widths, forbidden is not None, is_rebalance, not state.owed
        )
        if decision.needs_widths:
            inventory = decision.numbers["combined_inventory_base"]
            widths = choose_widths(self._parameters, seen, inventory)
            decision = self._kernel.decide(seen, widths, False, is_rebalance, not state.owed)
        if forbidden is not None:
            return self._refuse(seen, due, forbidden, decision.numbers)
        if decision.refusal is not None:
            return self._refuse(seen, due, _REFUSALS[decision.refusal], decision.numbers)

        plan_id = state.plans + 1
        state.plans = state.pending_plan = plan_id
        state.pending_complete = decision.complete
        self._bounds = None
        return Plan(
            plan_id=plan_id,
            ts_ns=seen.ts_ns,
            reason=due,
            actions=actions_of(decision),
            ranges=ranges_of(decision),
            complete=decision.complete,
            gas_wei=decision.gas_wei,
            gas_quote_raw=decision.gas_quote_raw,
            numbers=decision.numbers,
        )

    def _forbidden(self, seen: Observation, *, is_rebalance: bool) -> RefusalReason | None:
        """Return what forbids acting on this observation, before any arithmetic."""
        rules = self._parameters
        if seen.pending:
            return RefusalReason.PENDING
        if rules.max_data_age_ns is not None and seen.data_age_ns > rules.max_data_age_ns:
            return RefusalReason.DATA_STALE
        if is_rebalance and seen.ts_ns < self._cooled_down_ns():
            return RefusalReason.COOLDOWN
        if self._state.minted and seen.sigma is None:
            return RefusalReason.NO_ESTIMATE
        if is_rebalance and seen.fees is None and rules.economics.min_benefit_quote is not None:
            return RefusalReason.NO_ESTIMATE
        return None

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
        self._state.next_evaluation_ns = ts_ns + (self._parameters.retry_ns << doublings)
        self._state.attempts += 1

    def _cooled_down_ns(self) -> int:
        last = self._state.last_rebalance_ns
        return 0 if last is None else last + self._parameters.cooldown_ns

    def _holdings(
        self, wallet_base: int, wallet_quote: int, positions: tuple[PositionView, ...]
    ) -> Holdings:
        rows = [
            (each.tick_lower, each.tick_upper, each.liquidity)
            for each in positions
            if each.liquidity > 0
        ]
        return Holdings(*self._parameters.pair.split(wallet_base, wallet_quote), tuple(rows))

    def _find_bounds(self) -> tuple[int, int]:
        state, rule = self._state, self._parameters.trigger
        if state.pending_plan is not None or state.owed or state.baseline is None:
            return NEVER_BELOW, NEVER_ABOVE
        if state.holdings is None or not state.holdings.positions:
            return NEVER_BELOW, NEVER_ABOVE
        if state.triggered is not None:
            return rearm_bounds(rule, state.baseline, state.holdings, state.triggered)
        return armed_bounds(rule, state.baseline, state.holdings)
