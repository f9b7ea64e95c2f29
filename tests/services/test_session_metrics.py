"""The figures of an account session, as Prometheus reads them."""

from __future__ import annotations

import pytest
from plain_owner import trading
from plain_venue import EVERYTHING, PlainVenue
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.registry import Collector
from waits import run, until

from alp.services.execution.session_metrics import SessionMetrics
from alp.venues.orders import Capability

pytestmark = pytest.mark.timed

LABELS = 'account="main"'
CLOSED = 'reason="closed with 1000",socket="orders"'


def test_what_a_session_counts_is_what_is_scraped() -> None:
    async def test() -> None:
        capabilities = EVERYTHING | Capability.SOCKET_ORDERS
        async with (
            PlainVenue(answer_headers={"x-orders": "7"}) as venue,
            trading(venue, capabilities=capabilities, orders_per_10s=100) as (session, book),
        ):
            assert session.orders is not None
            await until(lambda: session.orders.connection is not None)
            session.send([book.new("a")])
            await until(lambda: book.state("a") == "ACKED")
            await venue.sockets[0].close()
            await until(lambda: session.orders.connection is None)
            venue.be_rude("/orders", "lose")
            session.send([book.new("b")])
            await until(lambda: book.state("b") == "ACKED")
            metrics = SessionMetrics(("account",), ("main",), session)

            class Scraped(Collector):
                def collect(self):
                    return metrics.collect()

            registry = CollectorRegistry()
            registry.register(Scraped())
            text = generate_latest(registry).decode()
            for line in (
                f'alp_order_state{{{LABELS},state="live"}} 1.0',
                f'alp_order_state{{{LABELS},state="lost"}} 0.0',
                f'alp_order_calls_total{{call="new",{LABELS},result="answered"}} 1.0',
                f'alp_order_calls_total{{call="new",{LABELS},result="no-answer"}} 1.0',
                f'alp_order_inquiries_total{{{LABELS},what="closed"}} 1.0',
                f'alp_order_facts_total{{{LABELS},kind="acked",source="answer"}} 1.0',
                f'alp_order_call_seconds_bucket{{{LABELS},call="new",le="+Inf"}} 1.0',
                f'alp_order_budget_reported{{{LABELS},budget="orders-10s"}} 7.0',
                f"alp_order_unknown{{{LABELS}}} 0.0",
                f"alp_order_clock_valid{{{LABELS}}} 1.0",
                f'alp_order_socket_connects_total{{{LABELS},socket="stream"}} 1.0',
                f"alp_order_socket_ends_total{{{LABELS},{CLOSED}}} 1.0",
            ):
                assert has(text, line), line

    run(test())


def has(text: str, line: str) -> bool:
    """Whether a line is there, in whatever order its labels are."""
    name, _, rest = line.partition("{")
    labels, _, value = rest.partition("} ")
    wanted = (name, frozenset(labels.split(",")), value)
    for each in text.splitlines():
        head, _, tail = each.partition("{")
        found, _, number = tail.partition("} ")
        if (head, frozenset(found.split(",")), number) == wanted:
            return True
    return False
