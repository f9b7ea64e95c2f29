"""The venue leg on levels and trades: a desk's orders in recorded markets, booked to the last unit.

The engine lets the pool's time pass row by row while this leg's markets are played up to each; what
happened in the pool is told to the desk after the chain's latency, and what was filled is booked at
the pool's price of its time.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np

from alp._core.lp_books import Book
from alp._core.tick_replay import FillCause
from alp.backtest.cefi import BUY, SELL, Fill, Instrument
from alp.backtest.desk_orders import DeskOrders
from alp.backtest.desk_world import DeskFill, DeskProduct, DeskWorld
from alp.backtest.estimates import Estimates
from alp.backtest.hedge_desk import HedgeDesk
from alp.backtest.hedge_record import HedgeRecord
from alp.backtest.markouts import Markouts, MarkoutSummary
from alp.backtest.provenance import DataFacts
from alp.backtest.sampling import Sampling
from alp.backtest.setup import Setup
from alp.backtest.tick_account import FeeMeter, FeeSchedule, Funding, why_filled
from alp.backtest.tick_file import FORMAT, Tape, open_tape
from alp.backtest.tick_terms import BPS, SECOND_NS, TickPlan, TickTerms
from alp.backtest.venue_leg import MOST_MARKED, VenueFill
from alp.backtest.venue_terms import VenueTerms
from alp.errors import ConfigError, DataError
from alp.models.desk import DeskInstrument, LpHeld, PoolPrice
from alp.models.hedge import lots_of
from alp.models.hedge_band import HedgeCost, OrderSizes
from alp.models.hedge_timing import TimingResult
from alp.models.inventory import hedged_inventory, target_base
from alp.strategy.venues import Venue

FIDELITY = "ticks"
BEATS = 4
"""In the age at which data is too old, as the quote server's heartbeats."""
_NOTES = (
    "venue orders wait in the queues of the recorded books and each fill says why; the recorded "
    "market does not know of them",
    "the venue's quote currency is taken at par with the pool's",
    "margin of the venue account is not simulated",
)


@dataclass
class _Account:
    """One venue: its product, what it charges, and funding that is still to be paid."""

    product: DeskProduct
    instrument: Instrument
    meter: FeeMeter
    tape: Tape
    answer_ns: int
    funding: deque[Funding]
    held: int = 0
    """Lots by the fills at the exchange, as far as funding was paid."""


@dataclass
class _Residuals:
    """How far the combined inventory was from none."""

    total: int = 0
    count: int = 0
    most: int = 0
    outside_since: int | None = None
    lags: list[int] = field(default_factory=list)

    def add(self, now_ns: int, combined: int, tolerance: int) -> None:
        size = abs(combined)
        self.total += size
        self.count += 1
        self.most = max(self.most, size)
        if size > tolerance and self.outside_since is None:
            self.outside_since = now_ns
        elif size <= tolerance and self.outside_since is not None:
            self.lags.append(now_ns - self.outside_since)
            self.outside_since = None


class TickLeg:
    """All venues of a run on their tapes.

    Attributes
    ----------
    fills
        Every fill so far.
    volume_base_raw
        Base traded.
    funding_raw
        Received less paid, raw quote.
    """

    fidelity = FIDELITY

    def __init__(
        self, setup: Setup, book: Book, world: DeskWorld, accounts: list[_Account], plan: TickPlan
    ) -> None:
        self._setup = setup
        self._book = book
        self._pair = setup.pair
        self._world = world
        self._accounts = accounts
        self._chain_ns = plan.chain_ns
        self._step_ns = Sampling(setup.spec.backtest.sample_every).step_ns
        self._reached = setup.driver.ts_ns
        self._told: tuple[int, int, int] | None = None
        self.fills: list[VenueFill] = []
        self.volume_base_raw = self.funding_raw = 0
        ratio = setup.spec.hedge.ratio
        self._ratio = 1.0 if isinstance(ratio, str) else float(ratio)
        self._delta = 0
        self._residuals = _Residuals()
        self._markouts = Markouts(setup.spec.backtest.markouts)
        self._marked: list[tuple[int, float, float, float]] = []
        self._record = HedgeRecord(setup.pair.base_decimals)
        first = accounts[0].instrument
        self._sizes = OrderSizes(first.base_raw_per_lot, first.min_lots, first.max_lots)
        self._tolerance = (
            self._pair.to_raw_base(setup.spec.hedge.no_trade_band_base) + self._sizes.least_raw
        )

    @classmethod
    def build(cls, setup: Setup, book: Book, plan: TickPlan) -> TickLeg:
        """Return the leg at the beginning of the run.

        Raises
        ------
        ConfigError
            If a tape is for no venue of the manifest, or its grid does not fit.
        DataError
            If a file is no tape.
        """
        venues = {venue.name: venue for venue in setup.spec.venues}
        terms = {each.venue: each for each in plan.venues}
        for name in terms:
            if name not in venues:
                raise ConfigError(
                    f"there is no venue {name} for a tape",
                    hint=f"spec.venues has {', '.join(venues) or 'none'}",
                )
        if plan.make_desk is None and not setup.spec.hedge.enabled:
            raise ConfigError(
                "tapes are given, and spec.hedge.enabled is false: nobody trades on them",
                hint="name a desk with --desk, or set spec.hedge.enabled: true",
            )
        accounts, hedging = [], []
        for index, venue in enumerate(setup.spec.venues):
            if venue.name not in terms:
                continue
            tape = open_tape(_existing(terms[venue.name]))
            own = VenueTerms.build(
                setup, venue, tape.facts.grid.tick_size, tape.facts.grid.lot_size
            )
            hedging.append(own)
            accounts.append(_account(setup, index, venue, terms[venue.name], tape, own))
        instruments = tuple(each.product.instrument for each in accounts)
        desk = (
            HedgeDesk.build(setup, dict(zip(instruments, hedging, strict=True)))
            if plan.make_desk is None
            else plan.make_desk(
                instruments, setup.pair.sqrt_x96_to_price(setup.driver.sqrt_price_x96)
            )
        )
        by_index = {each.product.instrument.index: each for each in accounts}
        world = DeskWorld(
            desk,
            [each.product for each in accounts],
            setup.driver.ts_ns,
            lambda product, fill: leg.filled(by_index[product.instrument.index], fill),
            min(SECOND_NS, setup.spec.limits.max_data_age // BEATS),
        )
        leg = cls(setup, book, world, accounts, plan)
        return leg

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the results has to know."""
        found = list(_NOTES)
        start, end = self._setup.start_ns, self._reached
        for each in self._accounts:
            name, facts = each.instrument.venue, each.tape.facts
            if facts.first_ns is not None and facts.first_ns > start:
                found.append(f"{name}: nothing rests before its tape begins")
            if facts.last_ns is not None and facts.last_ns < end:
                found.append(f"{name}: nothing rests after its tape ends")
            counts = each.product.orders.counts
            if counts.refused:
                found.append(f"{name}: {counts.refused} orders refused, they would have taken")
            if counts.impossible:
                found.append(f"{name}: {counts.impossible} times a wish was one nobody can want")
        return tuple(found)

    @property
    def data(self) -> tuple[DataFacts, ...]:
        """The tapes."""
        return tuple(
            DataFacts(
                role=f"tape {each.instrument.venue}",
                path=each.tape.path.name,
                sha256=each.tape.facts.sha256,
                format=FORMAT,
                rows=each.tape.facts.rows,
                start_ns=each.tape.facts.first_ns,
                end_ns=each.tape.facts.last_ns,
                notes=each.tape.facts.notes,
            )
            for each in self._accounts
        )

    @property
    def next_ns(self) -> int:
        """Where the pool has to wait for the markets: before its next row, or at a sample."""
        sample = (self._reached // self._step_ns + 1) * self._step_ns
        return min(self._setup.driver.row_after(self._reached), sample)

    def due(self, now_ns: int) -> bool:
        """Whether the markets are behind."""
        return now_ns > self._reached

    def skip_to(self, now_ns: int) -> None:
        """Begin here: the books were played up to it when the leg was built."""
        self._reached = now_ns

    def run_to(self, now_ns: int, lp_base: int, lp_quote: int, estimates: Estimates) -> None:
        """Play the markets up to a time; the pool has been as it is since the last one."""
        estimates.keep_up()
        self._tell_pool(lp_base, lp_quote)
        self._world.run_to(now_ns)
        self._reached = now_ns
        for account in self._accounts:
            self._pay_until(account, now_ns - account.answer_ns)
        self._observe(now_ns)

    def finish(self) -> None:
        """Let the desk hear that this was all."""
        for account in self._accounts:
            self._pay_until(account, self._reached)
        self._world.close()

    def _tell_pool(self, lp_base: int, lp_quote: int) -> None:
        driver, spec = self._setup.driver, self._setup.spec
        price = driver.sqrt_price_x96
        state = price, lp_base, lp_quote
        if state == self._told:
            return
        at_ns = self._reached + (0 if self._told is None else self._chain_ns)
        target = target_base(
            lp_base, lp_quote, self._pair.mark_x96(price), spec.inventory.target_base_share_bps
        )
        self._delta = lp_base - target
        if self._told is None or self._told[0] != price:
            self._world.tell_later(PoolPrice(at_ns, price))
        self._world.tell_later(LpHeld(at_ns, lp_base, lp_quote, self._delta, driver.block, 0))
        self._told = state

    def filled(self, account: _Account, fill: DeskFill) -> None:
        """Book a fill that was heard."""
        self._pay_until(account, fill.venue_ns)
        own, cause = account.instrument, FillCause(fill.cause)
        side = BUY if fill.bid else SELL
        taker = cause is FillCause.TAKEN
        rate, words = account.meter.charge(fill.venue_ns, fill.price * fill.lots, taker=taker)
        notional = own.notional_raw(fill.price, fill.lots)
        # We pay the ceiling and receive the floor: rounding is never in our favour.
        cash = -_ceil(notional) if fill.bid else int(notional)
        made = Fill(
            ts_ns=fill.at_ns,
            side=side,
            price_ticks=fill.price,
            lots=fill.lots,
            base_raw=side * fill.lots * own.base_raw_per_lot,
            quote_raw=cash,
            fee_raw=_ceil(notional * Fraction(rate)),
            why=f"{why_filled(cause, fill.ahead, fill.joined)}; {words}; wish {fill.tag}",
        )
        account.held += side * fill.lots
        self._book.hedge_fill(made.base_raw, made.quote_raw, made.fee_raw)
        self.fills.append(VenueFill(own, made))
        self.volume_base_raw += abs(made.base_raw)
        self._count(account, made)

    def _count(self, account: _Account, made: Fill) -> None:
        tick = float(account.instrument.tick_size)
        mid = self._mid(account)
        mid = made.price_ticks * tick if mid is None else mid
        base = made.base_raw * 10.0**-self._pair.base_decimals
        quote = made.quote_raw * 10.0**-self._pair.quote_decimals
        self._mark(made.ts_ns, mid, base, quote)
        fee = made.fee_raw * 10.0**-self._pair.quote_decimals
        self._record.fill(made.base_raw, made.price_ticks * tick, mid, fee)

    def _pay_until(self, account: _Account, at_ns: int) -> None:
        """Pay funding that was due by a time; all fills before it are known."""
        while account.funding and account.funding[0].at_ns <= at_ns:
            payment = account.funding.popleft()
            lots = account.held * Fraction(account.instrument.lot_size)
            received = -lots * Fraction(payment.mark) * Fraction(payment.rate)
            raw = received * 10**self._pair.quote_decimals
            exact = raw.numerator // raw.denominator
            if exact:
                self._book.hedge_fill(0, exact, 0)
                self.funding_raw += exact

    def _mid(self, account: _Account) -> float | None:
        if not account.product.two_sided:
            return None
        touch = account.product.touch
        return (touch[0] + touch[2]) / 2.0 * float(account.instrument.tick_size)

    def _observe(self, now_ns: int) -> None:
        mid = self._mid(self._accounts[0])
        if mid is None:
            return
        self._mark(now_ns, mid, 0.0, 0.0)
        combined = hedged_inventory(self._book.venue_base, self._delta, self._ratio)
        self._residuals.add(now_ns, combined, self._tolerance)
        self._record.observe(
            now_ns, mid, combined - self._book.venue_base, combined, self._tolerance
        )

    def _mark(self, ts_ns: int, price: float, base: float, quote: float) -> None:
        self._marked.append((ts_ns, price, base, quote))
        if len(self._marked) >= MOST_MARKED:
            self._mark_out()

    def _mark_out(self) -> None:
        if self._marked:
            times, prices, bases, quotes = zip(*self._marked, strict=True)
            columns = (np.array(column) for column in (prices, bases, quotes))
            self._markouts.add(np.array(times, np.int64), *columns)
            self._marked.clear()

    def markouts(self) -> list[MarkoutSummary]:
        """Return what the fills were worth a while later, at the mid; nothing runs afterwards."""
        self._mark_out()
        return self._markouts.summaries()

    def timings(self) -> tuple[TimingResult, ...]:
        """Return error, lag and cost of what was done, and of other ways of timing the hedge."""
        spec = self._setup.spec
        name = self._accounts[0].instrument.venue
        fee = next(venue.taker_fee_bps for venue in spec.venues if venue.name == name)
        return self._record.timings(
            HedgeCost(fee_bps=float(fee)),
            self._sizes,
            float(spec.model.risk_aversion) + float(spec.model.inventory_penalty),
        )

    @property
    def summary(self) -> dict[str, float | int | None]:
        """The ratio that inventory was counted with, and how far it was from none."""
        own = self._residuals
        lags = sorted(own.lags)
        return {
            "ratio": self._ratio,
            "correlation": None,
            "residual_mean": own.total / own.count if own.count else None,
            "residual_max": own.most if own.count else None,
            "lag_ns": lags[len(lags) // 2] if lags else None,
            "suspended": None,
        }


def _existing(terms: TickTerms) -> Path:
    if not terms.path.is_file():
        raise DataError("no such file", path=terms.path, hint=f"it is the tape of {terms.venue}")
    return terms.path


def _account(
    setup: Setup, index: int, venue: Venue, terms: TickTerms, tape: Tape, own: VenueTerms
) -> _Account:
    if own.price_step != 1:
        raise ConfigError(
            f"spec.venues {venue.name}: tickSize {venue.tick_size} is not the tape's, "
            f"{own.instrument.tick_size}",
            hint="leave the venue's tickSize out, or make the tape on its grid",
        )
    latency_ns = setup.spec.backtest.latency.venue
    most = setup.spec.limits.max_venue_base
    instrument = DeskInstrument(
        index=index,
        venue=venue.name,
        exchange=venue.exchange,
        symbol=venue.symbol,
        tick_size=own.instrument.tick_size,
        lot_size=own.instrument.lot_size,
        min_lots=max(own.instrument.min_lots, 1),
        max_lots=own.instrument.max_lots,
        lot_step=own.lot_step,
    )
    replay = terms.replay(tape, latency_ns)
    orders = DeskOrders(
        instrument,
        replay,
        terms.amends,
        None if most is None else lots_of(most, own.instrument.lot_size),
    )
    fees = terms.fees or FeeSchedule.flat(
        Decimal(venue.maker_fee_bps) / BPS, Decimal(venue.taker_fee_bps) / BPS
    )
    return _Account(
        DeskProduct(instrument, replay, orders),
        own.instrument,
        FeeMeter(fees, tape.facts.grid),
        tape,
        terms.longest_answer_ns(latency_ns),
        deque(sorted(terms.funding, key=lambda each: each.at_ns)),
    )


def _ceil(value: Fraction) -> int:
    return -((-value.numerator) // value.denominator)
