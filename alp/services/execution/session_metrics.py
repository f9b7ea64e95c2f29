"""An account session's figures for Prometheus, read when it is scraped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric

from alp.venues.account.calls import BOUNDS_MS, Durations
from alp.venues.account.private_socket import PrivateSocket
from alp.venues.account.session import AccountSession
from alp.venues.account.state import AccountState

SECOND = 10**9
_MILLISECONDS = 1000

Values = Iterable[tuple[tuple[str, ...], float]]


class SessionMetrics:
    """Makes the metrics of one session.

    Parameters
    ----------
    names, labels
        Given to each of them.
    """

    def __init__(
        self, names: Sequence[str], labels: Sequence[str], session: AccountSession
    ) -> None:
        self._names = tuple(names)
        self._labels = tuple(labels)
        self._session = session

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        yield from self._account()
        yield from self._calls()
        yield from self._budget()
        yield from self._clock()
        yield from self._sockets()

    def _account(self) -> Iterator[Metric]:
        session = self._session
        yield self._gauge(
            "state",
            "1 for the state in which the account is.",
            [((each,), each is session.state) for each in AccountState],
            "state",
        )
        yield self._gauge("unknown", "Orders that are being asked for.", [((), session.unknown)])
        yield self._gauge(
            "under_way", "Calls whose answer is awaited.", [((), len(session.journeys))]
        )
        inquiries = session.inquiries
        yield self._counter(
            "inquiries",
            "Orders of which something was unknown, and those that are known since.",
            [(("opened",), inquiries.opened), (("closed",), inquiries.closed)],
            "what",
        )
        yield self._counter(
            "facts",
            "What the venue said, by where and what.",
            session.facts.items(),
            "source",
            "kind",
        )
        yield self._counter(
            "policies",
            "Errors of the venue, by what they ask for.",
            [((name,), count) for name, count in session.policies.items()],
            "policy",
        )
        yield self._counter(
            "readings",
            "Readings of all that is open.",
            [((name,), count) for name, count in session.readings.items()],
            "result",
        )
        yield self._counter(
            "dead_man",
            "Refreshings of the venue's timer.",
            [((name,), count) for name, count in session.dead_man.counts.items()],
            "result",
        )

    def _calls(self) -> Iterator[Metric]:
        calls = self._session.calls
        yield self._counter(
            "calls", "Calls, by how they ended.", calls.results.items(), "call", "result"
        )
        family = HistogramMetricFamily(
            "alp_order_call_seconds",
            "From a call to its answer.",
            labels=(*self._names, "call"),
        )
        for name, durations in calls.durations.items():
            family.add_metric(
                (*self._labels, name), _buckets(durations), durations.total_ns / SECOND
            )
        yield family

    def _budget(self) -> Iterator[Metric]:
        rates = self._session.rates
        yield self._gauge(
            "budget_left",
            "What may be spent now; below zero: a debt of cancels.",
            [((name,), left) for name, left in rates.left().items()],
            "budget",
        )
        yield self._gauge(
            "budget_reported",
            "What is used by the venue's own counters.",
            [((name,), used) for name, used in rates.reported.items()],
            "budget",
        )
        yield self._gauge(
            "blocked_seconds",
            "How long nothing but cancels may leave.",
            [((), rates.blocked_ns / SECOND)],
        )

    def _clock(self) -> Iterator[Metric]:
        clock = self._session.clock
        reading = clock.reading()
        yield self._gauge("clock_valid", "1 while the venue's clock is known.", [((), clock.valid)])
        if reading is not None:
            yield self._gauge(
                "clock_offset_seconds",
                "How far the venue's clock is ahead.",
                [((), reading.offset_ns / SECOND)],
            )
            yield self._gauge(
                "clock_error_seconds",
                "The offset is not further off than this.",
                [((), reading.error_ns / SECOND)],
            )
        yield self._counter(
            "clock_steps",
            "How often a clock was set.",
            [(("local",), clock.steps), (("venue",), clock.jumps)],
            "clock",
        )

    def _sockets(self) -> Iterator[Metric]:
        sockets: dict[str, PrivateSocket] = {"stream": self._session.stream}
        if self._session.orders is not None:
            sockets["orders"] = self._session.orders
        connected = [((name,), each.connection is not None) for name, each in sockets.items()]
        yield self._gauge("socket_connected", "1 while there is a connection.", connected, "socket")
        connects = [((name,), each.connects) for name, each in sockets.items()]
        yield self._counter("socket_connects", "Connections opened.", connects, "socket")
        ends = [((name, why), n) for name, each in sockets.items() for why, n in each.ends.items()]
        yield self._counter("socket_ends", "Connections ended.", ends, "socket", "reason")
        messages = [
            ((name, what), n) for name, each in sockets.items() for what, n in each.counts().items()
        ]
        yield self._counter("socket_messages", "Messages.", messages, "socket", "what")

    def _gauge(self, name: str, text: str, values: Values, *labels: str) -> Metric:
        family = GaugeMetricFamily(f"alp_order_{name}", text, labels=(*self._names, *labels))
        for more, value in values:
            family.add_metric((*self._labels, *more), value)
        return family

    def _counter(self, name: str, text: str, values: Values, *labels: str) -> Metric:
        family = CounterMetricFamily(f"alp_order_{name}", text, labels=(*self._names, *labels))
        for more, value in values:
            family.add_metric((*self._labels, *more), value)
        return family


def _buckets(durations: Durations) -> list[tuple[str, float]]:
    """Return how many took no longer than each bound."""
    counts = durations.counts
    bounds = [str(each / _MILLISECONDS) for each in BOUNDS_MS] + ["+Inf"]
    return [(bound, sum(counts[: index + 1])) for index, bound in enumerate(bounds)]
