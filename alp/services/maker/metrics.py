"""The market maker's figures for Prometheus, read when it is scraped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from alp.models.quoting_desk import NOT_QUOTED, Lane, QuotingDesk
from alp.observe.loop import LoopWatch
from alp.observe.process import process_metrics

if TYPE_CHECKING:
    from alp.services.maker.service import MakerService

SECOND = 10**9
QUANTILES = (0.5, 0.99)

Values = Mapping[tuple[str, ...], float]


class MakerMetrics(Collector):
    """Collects from a market maker."""

    def __init__(self, strategy: str, service: MakerService, watch: LoopWatch) -> None:
        self._strategy = strategy
        self._service = service
        self._watch = watch

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        if self._service.desk is not None:
            yield from self._quotes(self._service.desk)
            yield from self._hedge(self._service.desk)
        yield from self._bus()
        yield from self._records()
        yield from process_metrics(self._watch)

    def _quotes(self, desk: QuotingDesk) -> Iterator[Metric]:
        lots: dict[tuple[str, ...], float] = {}
        bound: dict[tuple[str, ...], float] = {}
        leaned: dict[tuple[str, ...], float] = {}
        spread: dict[tuple[str, ...], float] = {}
        for lane in desk.lanes.values():
            name = lane.product.instrument.venue
            for side, levels in zip(("bid", "ask"), lane.said or ((), ()), strict=True):
                lots[name, side] = sum(each for _, each in levels)
            if lane.said and all(lane.said):
                spread[name,] = _bps(lane)
            if lane.view is not None:
                bound |= {(name, bit.name or ""): 1.0 for bit in lane.view.bound & NOT_QUOTED}
            if lane.terms is not None:
                leaned[name,] = lane.terms.combined.leaned_lots
        labels = ("venue",)
        yield self._gauge(
            "quoted_lots", "Lots wanted to rest, of all levels.", lots, ("venue", "side")
        )
        yield self._gauge(
            "not_quoted", "1 for each cause that nothing is quoted.", bound, ("venue", "cause")
        )
        yield self._gauge("leaned_lots", "Inventory that prices lean against.", leaned, labels)
        yield self._gauge("spread_bps", "Between the best of both sides.", spread, labels)

    def _hedge(self, desk: QuotingDesk) -> Iterator[Metric]:
        base = 10.0**-desk.rules.base_decimals
        known = [lane.terms for lane in desk.lanes.values() if lane.terms is not None]
        inventory: dict[tuple[str, ...], float] = {}
        if known:
            first = known[0].combined
            inventory = {
                ("venues",): first.cefi_raw * base,
                ("pool",): first.delta_raw * base,
                ("combined",): first.combined_raw * base,
            }
        yield self._gauge(
            "inventory_base", "Base tokens held more than what is neutral.", inventory, ("leg",)
        )
        ratios: dict[tuple[str, ...], float] = {}
        correlations: dict[tuple[str, ...], float] = {}
        for index, lane in desk.lanes.items():
            ratio, name = desk.guard.ratio(index), lane.product.instrument.venue
            if ratio.value is not None:
                ratios[name,] = ratio.value
            if ratio.correlation is not None:
                correlations[name,] = ratio.correlation
        yield self._gauge("hedge_ratio", "Of the pool's inventory.", ratios, ("venue",))
        yield self._gauge("correlation", "Of pool and venue.", correlations, ("venue",))
        readings = desk.guard.readings
        yield self._gauge(
            "caution",
            "What a monitor asks for: 0 nothing, 1 widen, 2 reduce, 3 suspend.",
            {(name,): int(each.level) for name, each in readings.items()},
            ("monitor",),
        )
        yield self._gauge(
            "deviation_bps",
            "What a monitor last saw.",
            {
                (name,): each.deviation_bps
                for name, each in readings.items()
                if each.deviation_bps is not None
            },
            ("monitor",),
        )
        met = desk.meter.metrics
        yield self._gauge("hedge_error_base", "Unhedged inventory, root mean square over time.",
                          {(): met.error_rms_raw * base})  # fmt: skip
        yield self._gauge(
            "hedge_lag_seconds",
            "How long it stood outside its tolerance, median of the last times.",
            {} if met.lag_median_ns is None else {(): met.lag_median_ns / SECOND},
        )
        yield self._gauge(
            "unhedged_seconds",
            "How long it has stood outside its tolerance now.",
            {(): met.outside_ns / SECOND},
        )
        yield self._gauge(
            "hedge_cost_quote",
            "Fees and what was paid beyond mid; negative where the spread earned more.",
            {(): met.cost_quote},
        )
        yield self._counter("fills", "Fills heard.", {(): met.trades})

    def _bus(self) -> Iterator[Metric]:
        service = self._service
        yield self._counter("events", "Events the desk was told.", {(): service.events})
        speakers = dict.fromkeys(service.speakers.values())
        yield self._counter(
            "wishes",
            "Wishes, by what became of them.",
            {
                (each.name, what): each.counts[what]
                for each in speakers
                for what in ("sent", "answered", "unanswered", "fenced", "over")
            },
            ("account", "result"),
        )
        delays = sorted(each for speaker in speakers for each in speaker.delays_ns)
        yield self._gauge(
            "event_to_wish_seconds",
            "From an event's time to its wish sent, of the last wishes.",
            {
                (f"{q:g}",): delays[min(int(q * len(delays)), len(delays) - 1)] / SECOND
                for q in QUANTILES
                if delays
            },
            ("quantile",),
        )
        followers = service.followers.items()
        yield self._counter(
            "gaps",
            "Messages missed.",
            {(name,): each.gaps for name, each in followers},
            ("source",),
        )
        yield self._counter(
            "superseded",
            "Prices replaced before they were looked at.",
            {(name,): each.superseded for name, each in followers},
            ("source",),
        )
        yield self._gauge(
            "killed", "1 while the kill switch is set.", {(): service.kill_switch.is_set}
        )

    def _records(self) -> Iterator[Metric]:
        log, memory = self._service.log, self._service.memory
        counts = {} if log is None else log.counts
        yield self._counter(
            "records", "Records of decisions.", {(what,): counts[what] for what in
             ("records", "lost") if counts}, ("result",)
        )  # fmt: skip
        yield self._gauge(
            "record_failed",
            "1 where decisions are recorded no more: the disk is full, or failed.",
            {(): bool(log is not None and log.failed)},
        )
        yield self._counter(
            "memory_writes",
            "Times the desk's memory was written, or could not be.",
            {("written",): memory.writes, ("failed",): memory.failures},
            ("result",),
        )

    def _gauge(self, name: str, text: str, values: Values, labels: Iterable[str] = ()) -> Metric:
        family = GaugeMetricFamily(f"alp_maker_{name}", text, labels=("strategy", *labels))
        for more, value in values.items():
            family.add_metric((self._strategy, *more), value)
        return family

    def _counter(self, name: str, text: str, values: Values, labels: Iterable[str] = ()) -> Metric:
        family = CounterMetricFamily(f"alp_maker_{name}", text, labels=("strategy", *labels))
        for more, value in values.items():
            family.add_metric((self._strategy, *more), value)
        return family


def _bps(lane: Lane) -> float:
    assert lane.said is not None
    bid, ask = lane.said[0][0][0], lane.said[1][0][0]
    return 2e4 * (ask - bid) / (ask + bid)
