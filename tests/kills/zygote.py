"""Forks processes that have alp imported already, so that a kill costs no second of imports.

Each line of standard input is JSON: arguments of ``alp``, environment, a file for the output, and a
point at which the process shall kill itself. Each is answered with the new process's id. A process
that ends by itself leaves its exit status in a file beside its output.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

import kill_points

from alp.cli import main
from alp.services.execution import handler
from alp.services.position import service as position_service
from alp.venues.kraken.rate_counter import Tier


def quickly(orders_for: Any) -> Any:
    """Let nothing wait that only waits: a window in which orders are on their way, and budgets.

    At a venue on this machine nothing is long on its way; Kraken's counters allow so few requests
    that a kill would cost a minute. ``kill_venues.py`` makes the venue as generous.
    """

    def patched(*arguments: Any) -> Any:
        adapter = orders_for(*arguments)
        adapter.not_found_ns = 10**9
        if adapter.exchange == "kraken-spot":
            adapter.counter = Tier(10_000, 1_000_000, 1000)
            adapter.weight_per_minute, adapter.orders_per_10s = 6000, 1000
        return adapter

    return patched


def run(order: dict[str, Any]) -> int:
    """Be the process that was asked for; only its first thread is there."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    out = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (out, 1), (out, 2)):
        os.dup2(source, target)
    os.environ.update(order["environment"])
    for each in (handler, position_service):
        each.orders_for = quickly(each.orders_for)
    if order["point"]:
        kill_points.install(order["point"], order["passes"])
    try:
        sys.argv = ["alp", *order["arguments"]]
        status = main()
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    Path(order["output"] + ".status").write_text(str(int(status or 0)))
    return int(status or 0)


def serve() -> None:
    """Fork for each line."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            status = 1
            try:
                status = run(json.loads(line))
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(status)
        print(child, flush=True)


if __name__ == "__main__":
    serve()
