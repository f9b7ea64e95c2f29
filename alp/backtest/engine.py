"""The event loop: data on one side, the pure LP core and the hedge on the other.

The compiled replay runs until something can happen that Python must decide: a price bound of the
core, its timer, the inclusion of a transaction, a candle of the venue, or a sample of the report.
Everything decided uses only what was replayed before.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from alp._core.lp_books import Balances, Book
from alp.backtest.book import LedgerSample, Snapshot, add_up
from alp.backtest.drive import Reason, Stop
from alp.backtest.estimates import Estimates
from alp.backtest.lp_leg import LpLeg
from alp.backtest.sampling import Sampling
from alp.backtest.setup import Setup
from alp.backtest.tick_leg import TickLeg
from alp.backtest.tick_terms import TickPlan
from alp.backtest.venue_leg import VenueLeg
from alp.data.schema import Array
from alp.errors import DataError
from alp.models.lp_core import LpCore
from alp.models.lp_types import ExecutionReport, Hold, Observation, Plan
from alp.models.ranges import PlannedRange
from alp.strategy.parameters import lp_parameters


class Decision(NamedTuple):
    """One decision about the ranges, and the pool it was made or carried out at."""

    ts_ns: int
    block: int
    decision: str
    reason: str
    sqrt_price_x96: int
    tick: int
    numbers: dict[str, float]
    ranges: tuple[PlannedRange, ...]
    detail: str = ""


class _Moment(NamedTuple):
    """The positions at one moment, and what was held outside them."""

    sample: LedgerSample
    balances: Balances

    def snapshot(self) -> Snapshot:
        return add_up(self.balances, self.sample)


@dataclass
class Record:
    """What a run leaves behind.

    Attributes
    ----------
    sampling
        The moments sampled; added up when asked for.
    executions
        The books at the start, after each executed plan, and at the end.
    decisions
        Everything decided about the ranges.
    """

    sampling: Sampling
    executions: list[_Moment] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)

    @cached_property
    def snapshots(self) -> list[Snapshot]:
        """At the start, every ``sampleEvery``, and at the end: the rows of the attribution."""
        return self.sampling.rows()

    @cached_property
    def rebalances(self) -> list[Snapshot]:
        """The executions added up: the rows of the attribution by rebalance."""
        return [moment.snapshot() for moment in self.executions]

    @cached_property
    def curve(self) -> list[Snapshot]:
        """Some hundred points however long the run: for drawing."""
        return self.sampling.curve()


@dataclass
class _InFlight:
    plan: Plan
    due_block: int


class Engine:
    """One run.

    Parameters
    ----------
    setup
        Data, driver and prices.
    progress
        Called with the time reached, nanoseconds UTC, at every sample.
    ticks
        Tapes for the venue leg, and its desk; None: candles or trades, where the hedge is on.
    """

    def __init__(
        self,
        setup: Setup,
        progress: Callable[[int], None] | None = None,
        ticks: TickPlan | None = None,
    ) -> None:
        self._setup = setup
        self._progress = progress
        spec, pair, driver = setup.spec, setup.pair, setup.driver
        if driver.ts_ns < setup.start_ns:
            warm = driver.advance(Stop(ts_ns=setup.start_ns))
            if warm is Reason.END:
                raise DataError(
                    "the data ends before spec.backtest.window.start",
                    hint="`alp data inspect` prints a file's own window",
                )
        price = pair.sqrt_x96_to_price(driver.sqrt_price_x96)
        self.core = LpCore(lp_parameters(spec, pair, price))
        self.book = Book(
            driver.mark,
            pair.to_raw_base(spec.inventory.base),
            pair.to_raw_quote(spec.inventory.quote),
        )
        self.lp = LpLeg(
            pair, driver, self.book, spec.backtest.gas.units, setup.gas_price, setup.native
        )
        self.estimates = Estimates(spec, pair, driver)
        self.venue: VenueLeg | TickLeg | None = (
            VenueLeg.build(setup, self.book)
            if ticks is None
            else TickLeg.build(setup, self.book, ticks)
        )
        if self.venue is not None:
            self.venue.skip_to(driver.ts_ns)
        self._sampling = Sampling(spec.backtest.sample_every)
        self.record = Record(self._sampling)
        self._twap_window_ns = spec.rebalance.twap_window
        self._in_flight: _InFlight | None = None

    def run(self) -> Record:
        """Replay everything and return what was recorded."""
        # What was there before the run outlives it: the collector need not walk it again.
        gc.freeze()
        try:
            self._run()
        finally:
            gc.unfreeze()
        return self.record

    def _run(self) -> None:
        driver = self._setup.driver
        self._sampling.begin(self._keep_books().snapshot())
        driver.sample_every(self._sampling.step_ns)
        self._decide()
        while True:
            reason = driver.advance(self._stop())
            now_ns = driver.ts_ns
            samples = driver.samples()
            if self.venue is not None and self.venue.due(now_ns):
                # What the venue did until now belongs into a sample of this moment.
                earlier = int(np.searchsorted(samples["ts_ns"], now_ns))
                self._take(samples[:earlier])
                samples = samples[earlier:]
                self._run_venue(self.venue)
            self._take(samples)
            if reason is Reason.END:
                break
            if reason is Reason.FULL:
                continue
            if self._in_flight is not None and (
                reason is Reason.BLOCK or driver.block >= self._in_flight.due_block
            ):
                self._include()
            elif self._in_flight is None and self._due(now_ns):
                self._decide()
        if isinstance(self.venue, TickLeg):
            self.venue.finish()
        self.lp.finish()
        self._sampling.end(self._keep_books().snapshot())

    def _run_venue(self, venue: VenueLeg | TickLeg) -> None:
        driver = self._setup.driver
        self.book.mark_to(driver.mark)
        venue.run_to(driver.ts_ns, *self.lp.holdings, self.estimates)

    def _take(self, samples: Array) -> None:
        """Keep samples together with the books as they are now."""
        if not len(samples):
            return
        step_ns = self._sampling.step_ns
        self._sampling.add(samples, self.book.balances())
        self.estimates.note_growth(samples)
        self.estimates.keep_up()
        if self._sampling.step_ns != step_ns:
            self._setup.driver.sample_every(self._sampling.step_ns)
        if self._progress is not None:
            self._progress(int(samples["ts_ns"][-1]))

    def _stop(self) -> Stop:
        stop = Stop()
        if self.venue is not None:
            stop.ts_ns = self.venue.next_ns
        if self._in_flight is not None:
            stop.block = self._in_flight.due_block
            return stop
        timer = self.core.next_timer_ns()
        if timer is not None and timer > self._setup.driver.ts_ns:
            stop.ts_ns = min(stop.ts_ns, timer)
        stop.sqrt_low_x96, stop.sqrt_high_x96 = self.core.trigger_bounds()
        return stop

    def _due(self, now_ns: int) -> bool:
        low, high = self.core.trigger_bounds()
        if not low < self._setup.driver.sqrt_price_x96 < high:
            return True
        timer = self.core.next_timer_ns()
        return timer is not None and now_ns >= timer

    def _observe(self) -> Observation:
        setup, driver = self._setup, self._setup.driver
        estimates = self.estimates
        now_ns, sqrt_price_x96 = driver.ts_ns, driver.sqrt_price_x96
        estimates.update()
        return Observation(
            ts_ns=now_ns,
            block=driver.block,
            sqrt_price_x96=sqrt_price_x96,
            tick=driver.tick,
            wallet_base=self.book.wallet_base,
            wallet_quote=self.book.wallet_quote,
            positions=self.lp.views(),
            twap_tick=driver.history.twap_tick(now_ns, self._twap_window_ns),
            cefi_inventory=self.book.venue_base,
            hedge_ratio=1.0,
            sigma=estimates.sigma,
            fees=estimates.fees,
            intensity=estimates.intensity,
            base_fee_wei=setup.gas_price.base_fee_at(now_ns),
            native_mark_x96=setup.native.mark_x96(setup.pair, sqrt_price_x96),
        )

    def _decide(self) -> None:
        seen = self._observe()
        answer = self.core.step(seen)
        if isinstance(answer, Hold):
            if answer.refusal is not None:
                refusal = answer.refusal
                self._note("refused", refusal.reason.value, refusal.numbers, (), refusal.due.value)
            return
        delay = self._setup.spec.backtest.latency.chain_blocks
        self._in_flight = _InFlight(answer, seen.block + delay)
        if delay == 0:
            self._include()

    def _include(self) -> None:
        """Execute the plan in flight at the pool's present state, or let it revert."""
        assert self._in_flight is not None
        plan = self._in_flight.plan
        self._in_flight = None
        driver = self._setup.driver
        outcome = self.lp.execute(plan)
        report = ExecutionReport(
            plan_id=plan.plan_id,
            ts_ns=driver.ts_ns,
            sqrt_price_x96=driver.sqrt_price_x96,
            wallet_base=self.book.wallet_base,
            wallet_quote=self.book.wallet_quote,
            positions=self.lp.views(),
        )
        numbers = plan.numbers | {"gas_paid_native": outcome.gas_wei / 10**18}
        if outcome.executed:
            self.core.on_executed(report)
            self._keep_books()
            self._note("executed", plan.reason.value, numbers, plan.ranges)
        else:
            self.core.on_reverted(report)
            self._note("reverted", outcome.reason, numbers, plan.ranges, plan.reason.value)
        if self._due(driver.ts_ns):
            self._decide()

    def _note(
        self,
        decision: str,
        reason: str,
        numbers: dict[str, float],
        ranges: tuple[PlannedRange, ...],
        detail: str = "",
    ) -> None:
        driver = self._setup.driver
        self.record.decisions.append(
            Decision(
                ts_ns=driver.ts_ns,
                block=driver.block,
                decision=decision,
                reason=reason,
                sqrt_price_x96=driver.sqrt_price_x96,
                tick=driver.tick,
                numbers=numbers,
                ranges=ranges,
                detail=detail,
            )
        )

    def _keep_books(self) -> _Moment:
        """Keep the books of this moment, to be added up at the end of the run."""
        moment = _Moment(self._setup.driver.sample(), self.book.balances())
        self.record.executions.append(moment)
        return moment
