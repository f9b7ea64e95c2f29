"""The LP agent's figures for Prometheus, read when it is scraped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from alp.models.rebalance import RefusalReason
from alp.observe.loop import LoopWatch
from alp.observe.process import process_metrics
from alp.services.lp.saga import Stage

if TYPE_CHECKING:
    from alp.services.lp.service import LpService

WEI = 10**18

Values = Mapping[tuple[str, ...], float]


class LpMetrics(Collector):
    """Collects from an LP agent."""

    def __init__(self, strategy: str, service: LpService, watch: LoopWatch) -> None:
        self._strategy = strategy
        self._service = service
        self._watch = watch

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        yield from self._held()
        yield from self._plans()
        yield from self._chain()
        yield from process_metrics(self._watch)

    def _held(self) -> Iterator[Metric]:
        service = self._service
        agent = service.agent
        found, pair = agent.inventory, agent.pair
        held: dict[tuple[str, ...], float] = {}
        delta: dict[tuple[str, ...], float] = {}
        if found is not None:
            held = {
                ("base",): float(pair.from_raw_base(found.base)),
                ("quote",): float(pair.from_raw_quote(found.quote)),
            }
            delta = {(): found.delta / 10**pair.base_decimals}
        yield self._gauge(
            "held", "Whole tokens in wallet, positions and uncollected fees.", held, ("token",)
        )
        yield self._gauge("delta_base", "Whole base tokens held more than the target.", delta)
        positions = () if agent.view is None else agent.view.account.positions
        yield self._gauge("positions", "Open positions.", {(): len(positions)})
        yield self._gauge(
            "killed", "1 while the kill switch is set.", {(): service.kill_switch.is_set}
        )

    def _plans(self) -> Iterator[Metric]:
        agent = self._service.agent
        stage = agent.saga.stage if self._service.began else None
        yield self._gauge(
            "plan_stage",
            "1 at the stage of the plan under way.",
            {(each.value,): each is stage for each in Stage},
            ("stage",),
        )
        counts = agent.counts
        yield self._counter(
            "plans",
            "Plans, by what became of them; undone are those whose block was taken back.",
            {(each,): counts[each] for each in ("executed", "reverted", "undone")},
            ("result",),
        )
        yield self._counter(
            "refusals",
            "Rebalances that were due and not done.",
            {(each.value,): counts[f"held {each.value}"] for each in RefusalReason},
            ("reason",),
        )
        yield self._counter(
            "sends",
            "Transactions handed to the node, by its answer.",
            {
                ("refused",): counts["refused sends"],
                ("unanswered",): counts["unanswered sends"],
                ("taken",): counts["sends"] - counts["refused sends"] - counts["unanswered sends"],
            },
            ("answer",),
        )
        yield self._counter("raises", "Fees raised of what waited.", {(): counts["raised"]})
        yield self._counter(
            "gas_native", "Whole native tokens paid for gas.", {(): agent.gas_wei / WEI}
        )
        yield self._counter(
            "memory_writes", "Times the memory was written to the disk.", {(): self._service.writes}
        )

    def _chain(self) -> Iterator[Metric]:
        agent, silent_s = self._service.agent, self._service.silent_s
        yield self._gauge(
            "block",
            "The last block that was read.",
            {} if agent.view is None else {(): agent.view.block.number},
        )
        yield self._gauge(
            "silent_seconds",
            "Since the chain was read; none before it was.",
            {} if silent_s is None else {(): silent_s},
        )
        counts = agent.counts
        yield self._counter(
            "blocks",
            "Blocks heard, by whether they were added or taken back.",
            {("added",): counts["blocks"], ("removed",): counts["removed"]},
            ("how",),
        )
        yield self._counter("lost_chains", "Connections lost.", {(): counts["lost chains"]})

    def _gauge(self, name: str, text: str, values: Values, labels: Iterable[str] = ()) -> Metric:
        family = GaugeMetricFamily(f"alp_lp_{name}", text, labels=("strategy", *labels))
        for more, value in values.items():
            family.add_metric((self._strategy, *more), value)
        return family

    def _counter(self, name: str, text: str, values: Values, labels: Iterable[str] = ()) -> Metric:
        family = CounterMetricFamily(f"alp_lp_{name}", text, labels=("strategy", *labels))
        for more, value in values.items():
            family.add_metric((self._strategy, *more), value)
        return family
