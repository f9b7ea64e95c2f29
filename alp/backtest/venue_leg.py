"""The venue leg: the pure hedge core's orders resting on a tape of candles or trades.

At the end of each interval its fills are booked, both prices are fed to the hedge-ratio estimate,
and every venue's core says which orders should rest during the next one. Nothing in an interval is
known before it is over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from alp._core.lp_books import Book
from alp.backtest.cefi import BUY, SELL, Fill, Instrument, PassiveTape, Print
from alp.backtest.drive import NEVER_NS, Driver
from alp.backtest.estimates import Estimates
from alp.backtest.hedge_record import HedgeRecord
from alp.backtest.markouts import Markouts, MarkoutSummary
from alp.backtest.setup import Setup
from alp.backtest.venue_terms import VenueTerms
from alp.data import Kind, Source
from alp.data.schema import Array
from alp.errors import ConfigError
from alp.models.hedge import (
    SUSPENDED,
    HedgeCore,
    HedgeDecision,
    HedgeObservation,
    PassiveQuote,
)
from alp.models.hedge_band import HedgeCost
from alp.models.hedge_timing import TimingResult
from alp.models.inventory import target_base
from alp.models.pair import TokenPair
from alp.strategy.manifest import Spec
from alp.strategy.venues import Venue

MOST_MARKED = 4_096
_NOTES = (
    "venue orders fill only where the market traded through their price, at that price, and at "
    "most by the manifest's share of an interval's volume",
    "the venue's quote currency is taken at par with the pool's",
    "funding and margin of the venue account are not simulated",
)


@dataclass
class _Account:
    """One venue: its tape, its core, and the steps its prices and sizes come in."""

    tape: PassiveTape
    core: HedgeCore
    price_step: int
    lot_step: int


@dataclass(frozen=True)
class VenueFill:
    """A fill and whose it was."""

    instrument: Instrument
    fill: Fill


class VenueLeg:
    """All venues of a run.

    Attributes
    ----------
    next_ns
        End of the next interval; the engine stops there.
    fills
        Every fill so far.
    """

    def __init__(
        self,
        pair: TokenPair,
        spec: Spec,
        driver: Driver,
        book: Book,
        source: Source,
        accounts: list[_Account],
    ) -> None:
        self._pair = pair
        self._spec = spec
        self._driver = driver
        self._book = book
        self._accounts = accounts
        self._tick_size = accounts[0].tape.instrument.tick_size
        self._prints = _prints(source)
        self._coming: Print | None = next(self._prints, None)
        self.fidelity = source.kind.value
        self.notes = _NOTES
        self.fills: list[VenueFill] = []
        self.volume_base_raw = self.funding_raw = 0
        self._ratios: list[float] = []
        self._residuals: list[int] = []
        self._suspended = 0
        self._decisions = 0
        self._lags: list[int] = []
        self._unhedged_since: int | None = None
        self._markouts = Markouts(spec.backtest.markouts)
        self._marked: list[tuple[int, float, float, float]] = []
        self._record = HedgeRecord(pair.base_decimals)

    @classmethod
    def build(cls, setup: Setup, book: Book) -> VenueLeg | None:
        """Return the leg, or None where the hedge is off.

        Raises
        ------
        ConfigError
            If the hedge is on and there is no recording to hedge on.
        """
        spec = setup.spec
        if not spec.hedge.enabled:
            return None
        source = setup.inputs.trades or setup.inputs.candles
        if source is None:
            raise ConfigError(
                "spec.hedge.enabled needs spec.backtest.data.candles or trades",
                hint="name a recording of the venue, or set spec.hedge.enabled: false",
            )
        shares = spec.venue_shares()
        accounts = [_account(setup, venue, source, shares[venue.name]) for venue in spec.venues]
        return cls(setup.pair, spec, setup.driver, book, source, accounts)

    def due(self, now_ns: int) -> bool:
        """Whether there is something that was over by now."""
        return now_ns >= self.next_ns

    @property
    def next_ns(self) -> int:
        """End of the next interval."""
        return NEVER_NS if self._coming is None else self._coming.close_ns

    def skip_to(self, now_ns: int) -> None:
        """Let what was over before the run began pass by; only its last price is kept."""
        while self._coming is not None and self._coming.close_ns <= now_ns:
            for account in self._accounts:
                account.tape.on_print(self._coming)
            self._coming = next(self._prints, None)

    def run_to(self, now_ns: int, lp_base: int, lp_quote: int, estimates: Estimates) -> None:
        """Apply every interval that is over by ``now_ns`` and set the orders anew after each."""
        while self._coming is not None and self._coming.close_ns <= now_ns:
            tape = self._coming
            self._coming = next(self._prints, None)
            self._fill(tape)
            estimates.update()
            self._quote(tape, lp_base, lp_quote, estimates)

    def _fill(self, tape: Print) -> None:
        price = tape.last_ticks * float(self._tick_size)
        self._marked.append((tape.close_ns, price, 0.0, 0.0))
        for account in self._accounts:
            for fill in account.tape.on_print(tape):
                self._book.hedge_fill(fill.base_raw, fill.quote_raw, fill.fee_raw)
                self.fills.append(VenueFill(account.tape.instrument, fill))
                self.volume_base_raw += abs(fill.base_raw)
                base = fill.base_raw * 10.0**-self._pair.base_decimals
                quote = fill.quote_raw * 10.0**-self._pair.quote_decimals
                self._marked.append((tape.close_ns, price, base, quote))
                paid = fill.price_ticks * float(self._tick_size)
                fee = fill.fee_raw * 10.0**-self._pair.quote_decimals
                self._record.fill(fill.base_raw, paid, price, fee)
        if len(self._marked) >= MOST_MARKED:
            self._mark_out()

    def _mark_out(self) -> None:
        if self._marked:
            times, prices, bases, quotes = zip(*self._marked, strict=True)
            columns = (np.array(column) for column in (prices, bases, quotes))
            self._markouts.add(np.array(times, np.int64), *columns)
            self._marked.clear()

    def markouts(self) -> list[MarkoutSummary]:
        """Return what the fills were worth a while later, at the venue's own price.

        Counted from the end of the interval they happened in; nothing may run afterwards.
        """
        self._mark_out()
        return self._markouts.summaries()

    def _quote(self, tape: Print, lp_base: int, lp_quote: int, estimates: Estimates) -> None:
        price = self._driver.sqrt_price_x96
        target = target_base(
            lp_base,
            lp_quote,
            self._pair.mark_x96(price),
            self._spec.inventory.target_base_share_bps,
        )
        seen = HedgeObservation(
            ts_ns=tape.close_ns,
            lp_base=lp_base,
            target_base=target,
            cefi_base=self._book.venue_base,
            bid_ticks=tape.last_ticks,
            ask_ticks=tape.last_ticks,
            sigma=estimates.sigma,
            intensity=estimates.intensity,
        )
        pool_price = self._pair.sqrt_x96_to_price(price)
        venue_price = tape.last_ticks * float(self._tick_size)
        for account in self._accounts:
            account.core.observe(tape.close_ns, pool_price, venue_price)
            decision = account.core.decide(seen)
            self._rest(account, tape.close_ns, decision)
        self._note(decision, tape.close_ns)
        self._record.observe(
            tape.close_ns,
            venue_price,
            decision.combined_raw - seen.cefi_base,
            decision.combined_raw,
            decision.band_raw + self._accounts[0].core.parameters.sizes.least_raw,
        )

    def _rest(self, account: _Account, now_ns: int, decision: HedgeDecision) -> None:
        for side, quote in ((BUY, decision.bid), (SELL, decision.ask)):
            order = self._sized(account, side, quote)
            if order is None:
                account.tape.cancel(side)
            else:
                account.tape.place(now_ns, side, order.price_ticks, order.lots)

    def _sized(
        self, account: _Account, side: int, quote: PassiveQuote | None
    ) -> PassiveQuote | None:
        """Round a quote to the venue's steps, away from the market, within the account's limit."""
        if quote is None:
            return None
        step = account.price_step
        price = quote.price_ticks // step * step
        if side == SELL and price < quote.price_ticks:
            price += step
        lots = quote.lots
        most = self._spec.limits.max_venue_base
        if most is not None:
            room = self._pair.to_raw_base(most) - side * self._book.venue_base
            lots = min(lots, max(0, room) // account.tape.instrument.base_raw_per_lot)
        lots = lots // account.lot_step * account.lot_step
        if price <= 0 or lots < account.tape.instrument.min_lots:
            return None
        return replace(quote, price_ticks=price, lots=lots)

    def _note(self, decision: HedgeDecision, now_ns: int) -> None:
        self._decisions += 1
        self._suspended += decision.state in SUSPENDED
        self._residuals.append(abs(decision.combined_raw))
        if decision.ratio is not None:
            self._ratios.append(decision.ratio)
        if decision.unhedged_ns > 0 and self._unhedged_since is None:
            self._unhedged_since = now_ns - decision.unhedged_ns
        elif decision.unhedged_ns == 0 and self._unhedged_since is not None:
            self._lags.append(now_ns - self._unhedged_since)
            self._unhedged_since = None

    def timings(self) -> tuple[TimingResult, ...]:
        """Return error, lag and cost of what was done, and of other ways of timing the hedge.

        Takers pay the first venue's fee; the recording does not know its spread.
        """
        model, core = self._spec.model, self._accounts[0].core
        return self._record.timings(
            HedgeCost(fee_bps=float(self._spec.venues[0].taker_fee_bps)),
            core.parameters.sizes,
            float(model.risk_aversion) + float(model.inventory_penalty),
        )

    @property
    def summary(self) -> dict[str, float | int | None]:
        """Means over all decisions: ratio, correlation, residuals (raw base), lag, suspension."""
        residuals = self._residuals
        lags = sorted(self._lags)
        return {
            "ratio": sum(self._ratios) / len(self._ratios) if self._ratios else None,
            "correlation": self._accounts[0].core.estimator.correlation,
            "residual_mean": sum(residuals) / len(residuals) if residuals else None,
            "residual_max": max(residuals, default=None),
            "lag_ns": lags[len(lags) // 2] if lags else None,
            "suspended": self._suspended / self._decisions if self._decisions else None,
        }


def _account(setup: Setup, venue: Venue, source: Source, share: Decimal) -> _Account:
    spec = setup.spec
    assert source.tick_size is not None
    assert source.lot_size is not None
    terms = VenueTerms.build(setup, venue, source.tick_size, source.lot_size)
    tape = PassiveTape(
        terms.instrument,
        participation_bps=int(spec.backtest.participation_bps * share),
        latency_ns=spec.backtest.latency.venue,
    )
    core = terms.hedge(setup, share, max(source.period_ns or 0, 60_000_000_000))
    return _Account(tape, core, terms.price_step, terms.lot_step)


def _prints(source: Source) -> Iterator[Print]:
    """Yield what the venue did, interval by interval."""
    for batch in source.batches():
        yield from _candles(batch) if source.kind is Kind.CANDLES else _trades(batch)


def _candles(batch: Array) -> Iterator[Print]:
    columns = ("ts_ns", "period_ns", "high", "low", "close", "volume")
    for start, period, high, low, close, volume in zip(
        *(batch[name].tolist() for name in columns), strict=True
    ):
        yield Print(start, start + period, high, low, close, volume)


def _trades(batch: Array) -> Iterator[Print]:
    columns = ("ts_ns", "price", "quantity")
    for ts_ns, price, quantity in zip(*(batch[name].tolist() for name in columns), strict=True):
        yield Print(ts_ns, ts_ns, price, price, price, quantity)
