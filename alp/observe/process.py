"""What every component says of its own process to Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from alp._version import __version__
from alp.observe.loop import LoopWatch

SECOND = 10**9


def process_metrics(watch: LoopWatch) -> Iterator[Metric]:
    """Yield how late the event loop is, how often the clock was set, and the version."""
    lag = GaugeMetricFamily(
        "alp_loop_lag_seconds", "Largest delay of a timer since the last scrape."
    )
    lag.add_metric((), watch.take_lag() / SECOND)
    jumps = CounterMetricFamily("alp_clock_jumps", "How often the wall clock was set.")
    jumps.add_metric((), watch.clock_jumps)
    build = GaugeMetricFamily("alp_build_info", "1; the version.", labels=("version",))
    build.add_metric((__version__,), 1)
    yield from (lag, jumps, build)
