"""``alp top``: the markets on the bus, in a terminal."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from alp.cli.bus_options import curve_keys, server_key_option
from alp.cli.lazy import Command
from alp.cli.options import json_option, print_json

if TYPE_CHECKING:
    from alp.bus.listener import Listener
    from alp.bus.sockets import CurveKeys
    from alp.observe.top import Board, Losses

SECOND = 10**9
GRACE_S = 0.3
"""After the first message, what else there is comes in so long."""


@click.command(
    cls=Command,
    examples={
        "alp top strategy.yaml": "the quote server of this strategy, on this machine",
        "alp top --name replay --symbol ETHUSDT": "a replay, with the depth of one product",
        "alp top --connect tcp://quotes:5555": "somewhere else",
        "alp top strategy.yaml --once --json": "as data, for a script",
    },
)
@click.argument(
    "manifest", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--name", help="The strategy's name, instead of its manifest.")
@click.option("--connect", metavar="ENDPOINT", help="Where messages come from, instead of a name.")
@click.option(
    "--recall",
    metavar="ENDPOINT",
    help="Where to ask for the last messages.  [default: beside --connect]",
)
@click.option("--symbol", help="Product whose depth is drawn.  [default: the first]")
@click.option(
    "--levels",
    type=click.IntRange(0, 1000),
    default=10,
    show_default=True,
    help="Levels of each side; as many as are published at most.",
)
@click.option(
    "--interval",
    type=click.FloatRange(0.05, 60),
    default=0.5,
    show_default=True,
    metavar="SECONDS",
    help="Between two frames.",
)
@click.option("--once", is_flag=True, help="Print one frame and exit.")
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 3600),
    default=10,
    show_default=True,
    metavar="SECONDS",
    help="How long --once and --json wait for the first message.",
)
@click.option(
    "--curve",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="This reader's ZMQ certificate, for an encrypted bus.",
)
@server_key_option
@json_option
def top(
    manifest: Path | None,
    name: str | None,
    connect: str | None,
    recall: str | None,
    symbol: str | None,
    levels: int,
    interval: float,
    once: bool,
    timeout: float,
    curve: Path | None,
    server_key: Path | None,
    as_json: bool,
) -> None:
    """Show the books, quotes and trades that a quote server or a replay publishes.

    For each product: whether its book is right and if not why, best bid and ask with quantities,
    the spread in ticks and basis points, the last trade and who took, updates a second and how long
    ago the last one was; messages lost on the way here; and the depth of one product. It may be
    started before its source, and goes on when the source comes back. Ctrl-C ends it.

    --once and --json print one frame and exit; with status 1 if nothing came in time.
    """
    endpoint, recall_endpoint = _source(manifest, name, connect, recall)
    if not (once or as_json) and not sys.stdout.isatty():
        raise click.UsageError("stdout is no terminal: say --once or --json")
    watch = _Watch(endpoint, recall_endpoint, curve_keys(curve, server_key))
    try:
        if once or as_json:
            _print_once(watch, timeout, as_json, symbol, levels)
        else:
            _show(watch, interval, symbol, levels)
    except KeyboardInterrupt:
        if once or as_json:
            raise
    finally:
        watch.close()


def _source(
    manifest: Path | None, name: str | None, connect: str | None, recall: str | None
) -> tuple[str, str]:
    from alp.bus.addresses import chosen_endpoints

    if sum(each is not None for each in (manifest, name, connect)) != 1:
        raise click.UsageError("say what to look at: a MANIFEST, --name or --connect")
    if manifest is not None:
        from alp.strategy.loading import load_manifest

        name = load_manifest(manifest).name
    return chosen_endpoints(connect, recall, name or "", "quotes")


class _Watch:
    """What was heard of one source, by its listener."""

    def __init__(self, endpoint: str, recall_endpoint: str, keys: CurveKeys | None) -> None:
        import zmq

        from alp.bus.listener import Listener
        from alp.observe.top import Board

        self.endpoint = endpoint
        self.board: Board = Board()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._bus: Listener = Listener(self._context, endpoint, recall_endpoint, curve=keys)
        self._take()

    def close(self) -> None:
        self._bus.close()
        self._context.term()

    def losses(self) -> Losses:
        from alp.observe.top import Losses

        inlet = self._bus.inlet
        return Losses(inlet.received, inlet.lost, inlet.gaps, inlet.restarts)

    def look(self, wait_s: float) -> None:
        """Take what comes within a time."""
        end = time.monotonic_ns() + int(wait_s * SECOND)
        while True:
            left_ms = max(end - time.monotonic_ns(), 0) // 1_000_000
            if not self._bus.wait(left_ms):
                return
            self._take()
            time.sleep(min(0.02, left_ms / 1e3))  # what comes meanwhile is drained at once

    def _take(self) -> None:
        for message in self._bus.news(time.monotonic_ns()):
            self.board.take(message, time.monotonic_ns())


def _print_once(
    watch: _Watch, timeout: float, as_json: bool, symbol: str | None, levels: int
) -> None:
    from alp.errors import CheckFailed
    from alp.observe.top import draw

    end = time.monotonic() + timeout
    while not watch.board.markets and time.monotonic() < end:
        watch.look(min(0.1, timeout))
    if not watch.board.markets:
        raise CheckFailed(
            f"nothing came from {watch.endpoint} in {timeout:g} s",
            hint="does its quote server, or a replay, run?",
        )
    watch.look(GRACE_S)
    now = time.monotonic_ns()
    if as_json:
        print_json(watch.board.as_dict(now, watch.losses(), levels))
        return
    from rich.console import Console

    frame = draw(watch.board, watch.losses(), watch.endpoint, now, symbol, levels)
    Console(width=None if sys.stdout.isatty() else 160).print(frame)


def _show(watch: _Watch, interval: float, symbol: str | None, levels: int) -> None:
    from rich.live import Live

    from alp.observe.top import draw

    with Live(screen=True, auto_refresh=False) as live:
        while True:
            now = time.monotonic_ns()
            frame = draw(watch.board, watch.losses(), watch.endpoint, now, symbol, levels)
            live.update(frame, refresh=True)
            watch.look(interval)
