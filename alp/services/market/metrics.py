"""The quote server's figures for Prometheus, read when it is scraped; nothing is counted twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from alp.observe.loop import LoopWatch
from alp.observe.process import process_metrics
from alp.services.market.feeds import MarketData

SECOND = 10**9
_FEED = {
    "messages": "Messages received.",
    "bytes": "Bytes of messages received.",
    "snapshots": "Snapshots of books received.",
    "deltas": "Differences of books received.",
    "level_changes": "Levels of books changed.",
    "quotes": "Best quotes received.",
    "trades": "Trades received.",
    "heartbeats": "Heartbeats received.",
    "refused": "Requests that the venue refused.",
    "others": "Well-formed messages of a kind that alp does not know.",
    "unknown_symbols": "Updates of products that were not asked for.",
    "malformed": "Messages that could not be read.",
    "stale": "Updates dropped because they were older than the book.",
    "ignored": "Differences before a snapshot, where the venue's rule keeps none.",
    "lost_frames": "Messages missing by the connection's own numbers.",
}


class MarketMetrics(Collector):
    """Collects from the sessions and the publisher.

    Parameters
    ----------
    published, dropped
        Messages that went out on the bus by kind, and those that its socket did not take.
    """

    def __init__(
        self,
        strategy: str,
        data: MarketData,
        watch: LoopWatch,
        published: Callable[[], Mapping[str, int]],
        dropped: Callable[[], int],
    ) -> None:
        self._strategy = strategy
        self._data = data
        self._watch = watch
        self._published = published
        self._dropped = dropped

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        yield from self._feeds()
        yield from self._sessions()
        yield from self._books()
        yield from self._bus()
        yield from process_metrics(self._watch)

    def _feeds(self) -> Iterator[Metric]:
        names = ("strategy", "exchange", "socket")
        families = {
            name: CounterMetricFamily(f"alp_feed_{name}", text, labels=names)
            for name, text in _FEED.items()
        }
        invalid = CounterMetricFamily(
            "alp_book_invalidations", "Books given up.", labels=(*names, "reason")
        )
        for session in self._data.sessions:
            labels = (self._strategy, session.adapter.exchange, session.socket.name)
            for name, count in session.counts().items():
                if name.startswith("invalid: "):
                    invalid.add_metric((*labels, name.removeprefix("invalid: ")), count)
                elif name in families:
                    families[name].add_metric(labels, count)
        yield from families.values()
        yield invalid

    def _sessions(self) -> Iterator[Metric]:
        names = ("strategy", "exchange", "socket")
        connected = GaugeMetricFamily(
            "alp_session_connected", "1 while it has a connection that is not silent.", labels=names
        )
        idle = GaugeMetricFamily(
            "alp_session_idle_seconds", "Since anything at all came.", labels=names
        )
        connects = CounterMetricFamily("alp_session_connects", "Connections opened.", labels=names)
        ends = CounterMetricFamily(
            "alp_session_ends", "Connections ended.", labels=(*names, "reason")
        )
        asked = CounterMetricFamily(
            "alp_session_requests", "Snapshots and books asked for.", labels=(*names, "what")
        )
        for session in self._data.sessions:
            labels = (self._strategy, session.adapter.exchange, session.socket.name)
            connected.add_metric(labels, session.connected)
            if session.idle_ns is not None:
                idle.add_metric(labels, session.idle_ns / SECOND)
            connects.add_metric(labels, session.connects)
            for reason, count in session.ends.items():
                ends.add_metric((*labels, reason), count)
            for what, count in session.told.items():
                asked.add_metric((*labels, what), count)
        yield from (connected, idle, connects, ends, asked)

    def _books(self) -> Iterator[Metric]:
        names = ("strategy", "exchange", "symbol")
        live = GaugeMetricFamily("alp_book_live", "1 while the book is right.", labels=names)
        age = GaugeMetricFamily(
            "alp_book_age_seconds", "Since the last message about the book.", labels=names
        )
        for session in self._data.sessions:
            for book in session.books():
                labels = (self._strategy, book.instrument.exchange, book.instrument.symbol)
                live.add_metric(labels, book.live)
                if book.age_ns is not None:
                    age.add_metric(labels, book.age_ns / SECOND)
        yield from (live, age)

    def _bus(self) -> Iterator[Metric]:
        published = CounterMetricFamily(
            "alp_bus_published", "Messages of market data, by kind.", labels=("strategy", "kind")
        )
        for kind, count in self._published().items():
            published.add_metric((self._strategy, kind), count)
        dropped = CounterMetricFamily(
            "alp_bus_dropped", "Messages that the socket did not take.", labels=("strategy",)
        )
        dropped.add_metric((self._strategy,), self._dropped())
        yield from (published, dropped)
