"""The execution handler's figures for Prometheus, read when it is scraped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from alp._core.gate import REFUSALS
from alp.observe.loop import LoopWatch
from alp.observe.process import process_metrics
from alp.services.execution.session_metrics import SessionMetrics

if TYPE_CHECKING:
    from alp.services.execution.handler import ExecHandler

LABELS = ("strategy", "account")
_ACTIONS = ("new", "amend", "cancel")


class ExecMetrics(Collector):
    """Collects from a handler's parts."""

    def __init__(self, strategy: str, handler: ExecHandler, watch: LoopWatch) -> None:
        self._handler = handler
        self._watch = watch
        self._labels = (strategy, handler.name)

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        yield from self._gate()
        yield from self._orders()
        yield from SessionMetrics(LABELS, self._labels, self._handler.session).collect()
        yield from process_metrics(self._watch)

    def _gate(self) -> Iterator[Metric]:
        account = self._handler.account
        gate = account.gate
        yield self._gauge(
            "alp_gate_state", "1 active, 2 reducing, 3 halted.", {(): int(gate.state)}
        )
        yield self._gauge("alp_gate_killed", "1 while the kill switch is set.", {(): gate.killed})
        yield self._gauge(
            "alp_gate_halts",
            "1 for each part that lets nothing but cancels leave.",
            dict.fromkeys(((who,) for who in account.halts), 1),
            "by",
        )
        yield self._gauge(
            "alp_gate_restraints",
            "1 for each reason for which only what lowers the exposure may leave.",
            dict.fromkeys(((who,) for who in account.reductions), 1),
            "by",
        )
        yield self._gauge(
            "alp_trading_loss",
            "How far what trading won is below its highest, in quote.",
            {(): float(self._handler.caution.loss)},
        )
        yield self._counter("alp_gate_passed", "Commands that passed.", {(): gate.counts["PASSED"]})
        yield self._counter(
            "alp_gate_refused",
            "Commands that did not pass, by the first reason.",
            {(each.name,): account.counts[f"refused {each.name}"] for each in REFUSALS},
            "reason",
        )
        yield self._gauge("alp_gate_token", "Fencing token of this process.", {(): account.token})

    def _orders(self) -> Iterator[Metric]:
        handler, account = self._handler, self._handler.account
        names = {each.index: each.venue.symbol for each in account.products.values()}
        exposures = {index: account.table.exposure(index) for index in names}
        yield self._counter(
            "alp_orders_commands",
            "Commands that were approved and journalled, by action.",
            {(each,): account.counts[each] for each in _ACTIONS},
            "action",
        )
        yield self._gauge(
            "alp_orders_open",
            "Orders that may be open.",
            {(name,): len(account.table.open_orders(index)) for index, name in names.items()},
            "symbol",
        )
        yield self._gauge(
            "alp_orders_open_lots",
            "Lots that may still be filled at worst.",
            {
                (names[index], side): value
                for index, each in exposures.items()
                for side, value in (("buy", each.buy_quantity), ("sell", each.sell_quantity))
            },
            "symbol",
            "side",
        )
        yield self._gauge(
            "alp_position_lots",
            "Position by fills, held to the venue's.",
            {(names[index],): each.position for index, each in exposures.items()},
            "symbol",
        )
        yield self._counter(
            "alp_position_corrections",
            "Positions taken over from the venue.",
            {(): handler.positions.corrected},
        )
        yield self._counter(
            "alp_orders_facts",
            "What the venue said of orders.",
            {
                ("news",): account.counts["facts"],
                ("no-news",): account.counts["facts that were no news"],
                ("not-known",): account.counts["facts of orders not known"],
                ("foreign",): account.foreign,
            },
            "what",
        )
        yield self._counter(
            "alp_orders_adopted", "Own orders found at the venue.", {(): account.counts["adopted"]}
        )
        yield self._counter(
            "alp_journal_refused",
            "Records that the journal did not take.",
            {(): account.counts["journal refused"]},
        )
        yield self._counter(
            "alp_orders_wishes_refused",
            "Quotes with another token, or of a product that is not the account's.",
            {(): account.counts["wishes refused"]},
        )
        yield self._counter(
            "alp_commands_malformed",
            "Messages to the handler that were no commands.",
            {(): handler.bus.server.malformed},
        )
        yield self._counter(
            "alp_bus_refused",
            "Attempts to connect to an encrypted bus by those whose key is not known.",
            {(): handler.guard.refused if handler.guard else 0},
        )

    def _gauge(
        self, name: str, text: str, values: dict[tuple[str, ...], float], *labels: str
    ) -> Metric:
        family = GaugeMetricFamily(name, text, labels=(*LABELS, *labels))
        for more, value in values.items():
            family.add_metric((*self._labels, *more), value)
        return family

    def _counter(
        self, name: str, text: str, values: dict[tuple[str, ...], float], *labels: str
    ) -> Metric:
        family = CounterMetricFamily(name, text, labels=(*LABELS, *labels))
        for more, value in values.items():
            family.add_metric((*self._labels, *more), value)
        return family
