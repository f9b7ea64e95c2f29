"""A progress display on stderr, imported only when it is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def row_counter(shown: bool, what: str, unit: str = "rows") -> Iterator[Callable[[int], None]]:
    """Show a running count of rows, or of another unit; yields the function to add to it."""
    if not shown:
        yield lambda _rows: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.completed:,.0f} " + unit),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda rows: progress.advance(task, rows)


@contextmanager
def bar(shown: bool, what: str, total: int) -> Iterator[Callable[[int, str], None]]:
    """Show a bar up to `total`; yields the function that sets how far, and a remark."""
    if not shown:
        yield lambda _done, _remark: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(what),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.description}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=total)
        yield lambda done, remark: progress.update(task, completed=done, description=remark)


@contextmanager
def window_bar(shown: bool, what: str) -> Iterator[Callable[[int, int, int | None], None]]:
    """Show how far into a window of time (nanoseconds UTC) a run is; the end may not be known.

    Yields the function to call with (start, reached, end).
    """
    if not shown:
        yield lambda _start, _reached, _end: None
        return
    from datetime import UTC, datetime

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn(what), BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)

        def reached(start_ns: int, now_ns: int, end_ns: int | None) -> None:
            moment = datetime.fromtimestamp(now_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M")
            total = None if end_ns is None else end_ns - start_ns
            progress.update(task, completed=now_ns - start_ns, total=total, description=moment)

        yield reached
