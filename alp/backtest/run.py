"""One backtest from a manifest to its results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from alp.backtest.assemble import assemble
from alp.backtest.engine import Engine
from alp.backtest.results import Results
from alp.backtest.setup import prepare
from alp.backtest.tick_terms import TickPlan
from alp.strategy.desk import NEVER_OLD, desk_of
from alp.strategy.manifest import Strategy

Progress = Callable[[int, int, int | None], None]
"""Called with (start, reached, end) of the window, nanoseconds UTC; the end may not be known."""


def quoting(strategy: Strategy, ticks: TickPlan) -> TickPlan:
    """Return a plan in which the manifest's own market maker quotes."""
    return replace(
        ticks,
        make_desk=lambda instruments, price: desk_of(strategy, instruments, price, **NEVER_OLD),
    )


def run_backtest(
    strategy: Strategy,
    folder: Path,
    progress: Progress | None = None,
    ticks: TickPlan | None = None,
) -> Results:
    """Run a strategy's backtest section.

    Parameters
    ----------
    folder
        Where relative data paths begin: the manifest's own folder.
    progress
        Told how far the replay is.
    ticks
        Tapes for the venue leg, and its desk; None: what the manifest's data give.
        :func:`quoting` gives one the desk that also quotes on paper and live.

    Raises
    ------
    ConfigError
        If the manifest asks for what its data cannot give.
    DataError
        If a file cannot be trusted.
    DeskError
        If a desk's own code failed.
    Corrupt
        If the books do not balance, which would be a fault of alp.
    """
    setup = prepare(strategy.spec, strategy.spec.pool.pair(), folder)
    start_ns = setup.start_ns

    def reached(now_ns: int) -> None:
        if progress is not None:
            progress(start_ns, now_ns, setup.end_ns)

    engine = Engine(setup, reached, ticks)
    record = engine.run()
    return assemble(strategy, setup, engine, record)
