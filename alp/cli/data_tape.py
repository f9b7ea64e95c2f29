"""``alp data tape``: recorded market data as rows that the tick-level backtest maps into memory."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from alp.cli.data_options import decimal_value
from alp.cli.lazy import Command
from alp.cli.options import json_option, print_json, progress_option
from alp.cli.progress import row_counter
from alp.errors import DataError
from alp.recording.identify import VENUES

if TYPE_CHECKING:
    from alp.backtest.tick_file import TapeFacts
    from alp.data.inspect import FileReport


@click.command(
    cls=Command,
    examples={
        "alp data tape eth-1.alprec.zst eth.alptape": "a recording of one product",
        "alp data tape --symbol ETHUSDT day.jsonl.gz eth.alptape": "one product of a capture",
        "alp data tape --tick-size 0.01 --lot-size 0.001 day1.npz day2.npz eth.alptape": "events "
        "of hftbacktest",
    },
)
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--symbol", help="Product of the capture.  [default: the only one]")
@click.option("--venue", type=click.Choice(VENUES), help="Whose messages.  [default: found out]")
@click.option("--tick-size", callback=decimal_value, help="Step of prices, of event arrays.")
@click.option("--lot-size", callback=decimal_value, help="Step of quantities, of event arrays.")
@progress_option
@json_option
def tape(
    sources: tuple[Path, ...],
    target: Path,
    symbol: str | None,
    venue: str | None,
    tick_size: Decimal | None,
    lot_size: Decimal | None,
    progress: bool,
    as_json: bool,
) -> None:
    """Write SOURCES, which follow each other in time, as the tape TARGET.

    Captures of a venue's messages, alp's recordings among them, go through alp's feed handlers.
    Event arrays of hftbacktest (.npz) have prices as doubles: their grid is given, and an event
    that is off it is refused with its number.

    `alp data inspect` looks over a tape's rows.
    """
    from alp.backtest.tick_file import Grid
    from alp.backtest.tick_tape import tape_of_captures, tape_of_events
    from alp.recording.convert import refuse_own_source
    from alp.recording.npz import is_npz

    refuse_own_source(sources, target)
    if not is_npz(sources[0]):
        if tick_size is not None or lot_size is not None:
            raise click.UsageError("a capture tells its grid: no --tick-size, no --lot-size")
        with row_counter(progress, "converting", "messages") as advance:
            facts = tape_of_captures(sources, target, symbol=symbol, venue=venue, progress=advance)
    elif tick_size is None or lot_size is None:
        raise click.UsageError("an event array does not tell its grid: --tick-size, --lot-size")
    else:
        grid = Grid(tick_size, lot_size)
        facts = tape_of_events(sources, target, grid, venue=venue or "", symbol=symbol or "")
    _tell(target, facts, as_json)


def _tell(target: Path, facts: TapeFacts, as_json: bool) -> None:
    if as_json:
        row = {"path": target, "venue": facts.venue, "symbol": facts.symbol, "rows": facts.rows}
        print_json({**row, "counts": facts.counts, "notes": facts.notes, "sha256": facts.sha256})
        return
    counts = ", ".join(f"{count:,} {name}" for name, count in facts.counts.items())
    click.echo(f"{target}: {facts.rows:,} rows ({counts})")
    for note in facts.notes:
        click.echo(f"  {note}")


def tape_report(path: Path) -> FileReport:
    """Look over a tape as other files are."""
    from alp.backtest.tick_file import FORMAT, check_tape, open_tape
    from alp.data.findings import Finding
    from alp.data.inspect import FileReport

    report = FileReport(str(path), bytes=path.stat().st_size)
    try:
        held = open_tape(path)
    except DataError as error:
        message = str(error).removeprefix(f"{path}: ")
        report.error = Finding("error", "unreadable", message, None, error.hint)
        return report
    facts = held.facts
    report.format, report.kind, report.sha256 = FORMAT, "tape", facts.sha256
    report.rows, report.start_ns, report.end_ns = facts.rows, facts.first_ns, facts.last_ns
    named = {"venue": facts.venue, "symbol": facts.symbol}
    report.facts = {name: value for name, value in named.items() if value} | {
        "tick_size": str(facts.grid.tick_size),
        "lot_size": str(facts.grid.lot_size),
        "counts": facts.counts,
        "sources": ", ".join(facts.sources),
    }
    report.notes = list(facts.notes)
    report.findings = check_tape(held)
    return report
