"""One page about the whole: is everything ready, which parts there are, and who runs it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from alp.errors import ConfigError
from alp.observe.loop import LoopWatch
from alp.observe.process import process_metrics
from alp.observe.web import Health, Web
from alp.system.supervisor import Supervisor

FILE = "system.json"
LOCK = "system.lock"


class SystemMetrics(Collector):
    """The parts in figures; their own metrics are on their own pages, see ``/targets``."""

    def __init__(self, supervisor: Supervisor, watch: LoopWatch) -> None:
        self._supervisor = supervisor
        self._watch = watch

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        labels = ("strategy", "part")
        name = self._supervisor.plan.strategy
        running = GaugeMetricFamily(
            "alp_part_running", "1 while the part has a process.", labels=labels
        )
        ready = GaugeMetricFamily("alp_part_ready", "1 while it can be used.", labels=labels)
        starts = CounterMetricFamily(
            "alp_part_starts", "How often its process was started.", labels=labels
        )
        for member in self._supervisor.members.values():
            each = (name, member.part.name)
            running.add_metric(each, member.child is not None)
            ready.add_metric(each, member.ready)
            starts.add_metric(each, member.starts)
        yield from (running, ready, starts)
        yield from process_metrics(self._watch)


def make_page(supervisor: Supervisor, watch: LoopWatch) -> Web:
    """Return the server of the page.

    ``/readyz`` and ``/metrics`` as every component has them; ``/parts`` tells of each part,
    ``/lines`` what they wrote last, and ``/targets`` where their metrics are, in the form of
    Prometheus's HTTP service discovery.
    """
    registry = CollectorRegistry()
    registry.register(SystemMetrics(supervisor, watch))
    return Web(
        supervisor.plan.page,
        alive=watch.alive,
        ready=lambda: health_of(supervisor),
        registry=registry,
        pages={
            "/parts": lambda: parts_of(supervisor),
            "/targets": lambda: targets_of(supervisor),
            "/lines": lambda: supervisor.recent_lines,
        },
    )


def health_of(supervisor: Supervisor) -> Health:
    """Return whether every part can be used, and which cannot."""
    reasons = ["it is being stopped"] if supervisor.stopping else []
    reasons += [
        f"{name}: {member.why_not}"
        for name, member in supervisor.members.items()
        if not member.ready
    ]
    stages = {name: str(member.stage) for name, member in supervisor.members.items()}
    return Health(not reasons, reasons, {"parts": stages})


def parts_of(supervisor: Supervisor) -> dict[str, Any]:
    """Return what is known of each part."""
    plan = supervisor.plan
    return {
        "strategy": plan.strategy,
        "mode": plan.mode,
        "manifest": plan.manifest,
        "state": plan.state,
        "pid": os.getpid(),
        "begun_ns": supervisor.begun_ns,
        "stopping": supervisor.stopping,
        "parts": [each.as_dict() for each in supervisor.members.values()],
    }


def targets_of(supervisor: Supervisor) -> list[dict[str, Any]]:
    """Return where Prometheus finds everything."""
    plan = supervisor.plan
    places = [("system", plan.page)]
    places += [(each.name, each.health) for each in plan.parts if each.metrics_url is not None]
    return [
        {"targets": [where], "labels": {"strategy": plan.strategy, "part": name}}
        for name, where in places
    ]


@contextmanager
def alone(folder: Path, strategy: str) -> Iterator[None]:
    """Hold a folder of sockets for one system.

    Raises
    ------
    ConfigError
        If another one runs there.
    """
    descriptor = os.open(
        folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
    )
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"{strategy} runs already: {folder} is taken",
                hint="`alp status` tells what it does; stop it, or give this one another name",
            ) from None
        yield
    finally:
        os.close(descriptor)


@contextmanager
def announced(folder: Path, web: Web, supervisor: Supervisor) -> Iterator[None]:
    """Leave a note in the folder of sockets that says where the page is.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    path = folder / FILE
    plan = supervisor.plan
    note = {
        "strategy": plan.strategy,
        "mode": plan.mode,
        "page": f"http://{plan.page.rpartition(':')[0]}:{web.port}",
        "pid": os.getpid(),
        "state": plan.state,
        "manifest": plan.manifest,
    }
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(note, indent=2) + "\n")
    beside.replace(path)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
