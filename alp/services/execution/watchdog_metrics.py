"""The watchdog's figures for Prometheus, read when it is scraped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from alp.observe.loop import LoopWatch
from alp.observe.process import process_metrics

if TYPE_CHECKING:
    from alp.services.execution.watchdog import Watchdog

SECOND = 10**9
LABELS = ("strategy", "account")
REASONS = ("silent", "killed")

Values = Mapping[tuple[str, ...], float]


class WatchdogMetrics(Collector):
    """Collects from a watchdog."""

    def __init__(self, strategy: str, watchdog: Watchdog, watch: LoopWatch) -> None:
        self._watchdog = watchdog
        self._watch = watch
        self._labels = (strategy, watchdog.name)

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        yield from self._handler()
        yield from self._account()
        yield from process_metrics(self._watch)

    def _handler(self) -> Iterator[Metric]:
        dog = self._watchdog
        yield self._gauge(
            "silent_seconds",
            "How long the handler was not heard; since the start where it never was.",
            {(): dog.silent_ns / SECOND},
        )
        yield self._counter("heartbeats", "Heartbeats heard.", {(): dog.heartbeats})
        yield self._gauge(
            "acting",
            "1 while orders are cancelled from here, by why.",
            {(why,): dog.acting == why for why in REASONS},
            ("why",),
        )
        yield self._counter(
            "takeovers",
            "How often orders were to be cancelled from here.",
            {(why,): dog.counts[f"takeover {why}"] for why in REASONS},
            ("why",),
        )

    def _account(self) -> Iterator[Metric]:
        dog = self._watchdog
        yield self._gauge("ready", "1 while it could cancel.", {(): dog.ready().ok})
        yield self._gauge(
            "open_orders",
            "Open orders in the last list, by whose they are.",
            {("ours",): dog.ours, ("others",): dog.foreign},
            ("whose",),
        )
        yield self._counter(
            "lists",
            "Lists of open orders that were asked for.",
            {(result,): dog.counts[result] for result in ("listed", "failed")},
            ("result",),
        )
        cancels = {} if dog.account is None else dog.account.cancels
        yield self._counter(
            "cancels",
            "Orders whose end was asked for, by whether the venue answered.",
            {(result,): cancels.get(result, 0) for result in ("answered", "failed")},
            ("result",),
        )
        yield self._counter(
            "calls",
            "Calls to the venue, by how they ended.",
            {} if dog.account is None else {(*each,): n for each, n in dog.account.results.items()},
            ("call", "result"),
        )

    def _gauge(self, name: str, text: str, values: Values, labels: Iterable[str] = ()) -> Metric:
        family = GaugeMetricFamily(f"alp_watchdog_{name}", text, labels=(*LABELS, *labels))
        for more, value in values.items():
            family.add_metric((*self._labels, *more), value)
        return family

    def _counter(self, name: str, text: str, values: Values, labels: Iterable[str] = ()) -> Metric:
        family = CounterMetricFamily(f"alp_watchdog_{name}", text, labels=(*LABELS, *labels))
        for more, value in values.items():
            family.add_metric((*self._labels, *more), value)
        return family
