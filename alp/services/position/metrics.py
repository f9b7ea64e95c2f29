"""The position server's figures for Prometheus, read when it is scraped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from alp.ledger.accounts import OWN
from alp.observe.loop import LoopWatch
from alp.observe.process import process_metrics
from alp.services.position.booking import BOUNDS_MS

if TYPE_CHECKING:
    from alp.services.position.service import PositionService

X96 = 1 << 96
Values = Mapping[tuple[str, ...], float]


class PositionMetrics(Collector):
    """Collects from a position server."""

    def __init__(self, strategy: str, service: PositionService, watch: LoopWatch) -> None:
        self._strategy = strategy
        self._service = service
        self._watch = watch

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        yield from self._value()
        yield from self._entries()
        yield from self._accounts()
        yield from process_metrics(self._watch)

    def _value(self) -> Iterator[Metric]:
        snapshot, assets = self._service.snapshot, self._service.assets
        nav: dict[tuple[str, ...], float] = {}
        headings: dict[tuple[str, ...], float] = {}
        held: dict[tuple[str, ...], float] = {}
        unpriced = 0
        if snapshot is not None and assets is not None:
            unit = X96 * 10**assets.quote.decimals
            nav = {(): snapshot.nav_x96 / unit}
            headings = {(each,): part / unit for each, part in snapshot.attribution_x96.items()}
            unpriced = len(snapshot.unpriced)
            for account, amount in snapshot.balances.items():
                if account.kind in OWN:
                    decimals = assets[account.asset].decimals if account.asset in assets else 12
                    held[str(account.kind), account.owner, account.asset] = amount / 10**decimals
        yield self._gauge("nav", "Net asset value, whole units of the quote token.", nav)
        yield self._gauge(
            "pnl", "What the net asset value came from, by heading.", headings, ("heading",)
        )
        yield self._gauge("held", "Whole units at each place.", held, ("kind", "owner", "asset"))
        yield self._gauge("unpriced", "Assets that are held without a mark.", {(): unpriced})

    def _entries(self) -> Iterator[Metric]:
        booker = self._service.booker
        yield self._counter("entries", "Entries booked.", {(): booker.counts["booked"]})
        yield self._counter(
            "duplicates", "Events whose proof was booked before.", {(): booker.counts["duplicate"]}
        )
        yield self._counter("marks", "Marks booked.", {(): booker.counts["marks"]})
        yield self._gauge("waiting", "Events that are not booked yet.", {(): booker.waiting})
        yield self._gauge("refused", "Events that cannot be booked.", {(): len(booker.refusals)})
        family = HistogramMetricFamily(
            "alp_position_apply_seconds", "How long transactions took.", labels=("strategy",)
        )
        total, buckets = 0, []
        for most, count in zip((*BOUNDS_MS, None), booker.latencies, strict=True):
            total += count
            buckets.append(("+Inf" if most is None else f"{most / 1000:g}", float(total)))
        family.add_metric((self._strategy,), buckets, booker.latency_ns / 1e9)
        yield family

    def _accounts(self) -> Iterator[Metric]:
        kept = self._service.kept
        yield self._gauge(
            "differences",
            "Differences of the drop copy, in the last reading and confirmed.",
            {
                (each.account.name, what): len(found)
                for each in kept
                for what, found in (
                    ("doubt", each.drop_copy.doubts),
                    ("confirmed", each.drop_copy.confirmed),
                )
            },
            ("account", "state"),
        )
        for name, text, attribute in (
            ("readings", "Readings that were compared.", "readings"),
            ("mismatches", "Differences that were confirmed.", "mismatches"),
        ):
            yield self._counter(
                name, text, {(e.account.name,): getattr(e, attribute) for e in kept}, ("account",)
            )
        yield self._counter(
            "trades",
            "What handlers told of trades.",
            {
                (each.account.name, what): each.intake.counts[what]
                for each in kept
                for what in ("trades", "fees", "repeated", "earlier")
            },
            ("account", "what"),
        )
        yield self._counter(
            "recalls",
            "Questions for what handlers told.",
            {
                (each.account.name, what): count
                for each in kept
                for what, count in (
                    ("answered", each.link.counts["recalls"] - each.link.counts["unanswered"]),
                    ("unanswered", each.link.counts["unanswered"]),
                )
            },
            ("account", "result"),
        )
        yield self._counter(
            "missed",
            "How often a handler could not tell what was missed, and the venue's list was read.",
            {(each.account.name,): each.link.missed for each in kept},
            ("account",),
        )

    def _gauge(self, name: str, text: str, values: Values, labels: Iterable[str] = ()) -> Metric:
        family = GaugeMetricFamily(f"alp_position_{name}", text, labels=("strategy", *labels))
        for more, value in values.items():
            family.add_metric((self._strategy, *more), value)
        return family

    def _counter(self, name: str, text: str, values: Values, labels: Iterable[str] = ()) -> Metric:
        family = CounterMetricFamily(f"alp_position_{name}", text, labels=("strategy", *labels))
        for more, value in values.items():
            family.add_metric((self._strategy, *more), value)
        return family
