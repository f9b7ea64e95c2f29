"""``alp data inspect``: what files are, what they hold and what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alp.cli.data_options import read_arguments, reading_options
from alp.cli.lazy import Command
from alp.cli.options import json_option, print_json, progress_option
from alp.cli.progress import row_counter
from alp.errors import ExitCode

if TYPE_CHECKING:
    from alp.data.findings import Finding
    from alp.data.inspect import FileReport


@click.command(
    cls=Command,
    examples={
        "alp data inspect examples/data/*": "each file on its own",
        "alp data inspect --tokens USDC:6/WETH:18 pool.csv.gz": "prices in USDC per WETH",
        "alp data inspect --together 2024-01-0*.csv.gz": "do these files follow each other?",
        "alp data inspect --json day.csv.gz | jq '.[0].findings'": "what is wrong, as data",
    },
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--together", is_flag=True, help="The files follow each other as one source.")
@reading_options
@progress_option
@json_option
@click.pass_context
def inspect(
    ctx: click.Context,
    /,
    files: tuple[Path, ...],
    together: bool,
    progress: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Say of each FILE its format, window, counts, price range, gaps and faults.

    Faults (repeated rows, wrong order, amounts of the same sign, a tick that contradicts its price,
    a price that moves against what was paid) make a run refuse the file; they are shown with the
    first row at fault and a remedy. Warnings (jumps of the price, just-in-time liquidity) are worth
    a look.

    The exit status is 0 if every file is sound and 4 otherwise.
    """
    from alp.backtest.tick_file import is_tape
    from alp.cli.data_tape import tape_report
    from alp.data.inspect import inspect_files

    tapes = {path for path in files if path.is_file() and is_tape(path)}
    others = [path for path in files if path not in tapes]
    with row_counter(progress, "reading") as advance:
        looked = inspect_files(others, together=together, progress=advance, **read_arguments(given))
    found = iter(looked)
    reports = [tape_report(path) if path in tapes else next(found) for path in files]
    if as_json:
        print_json([report.as_dict() for report in reports])
    else:
        for report in reports:
            _print(report)
    if not all(report.sound for report in reports):
        ctx.exit(ExitCode.DATA)


def _print(report: FileReport) -> None:
    from alp.data.inspect import iso

    click.secho(report.path, bold=True)
    if report.format is not None:
        rounded = ", rounded by its source" if report.approximate else ""
        _line("format", f"{report.format}, {report.kind}{rounded}")
        _line("rows", f"{report.rows:,}")
        if report.start_ns is not None:
            _line("window", f"{iso(report.start_ns)} to {iso(report.end_ns)}")
    for name, value in report.facts.items():
        _line(name.replace("_", " "), _shown(value))
    for gap in report.gaps[:3]:
        _line(
            "pause", f"{gap['seconds']:g} s after {iso(gap['after_ns'])}, before row {gap['row']}"
        )
    for note in report.notes:
        _line("note", note)
    for finding in (*report.findings, *([report.error] if report.error else [])):
        _print_finding(finding)
    click.echo()


def _print_finding(finding: Finding) -> None:
    where = "" if finding.row is None else f"row {finding.row}: "
    count = f" ({finding.count:,} rows)" if finding.count > 1 else ""
    color = "red" if finding.severity == "error" else "yellow"
    name = click.style(f"{finding.severity:<24}", fg=color)
    click.echo(f"  {name}{where}{finding.message}{count}")
    if finding.hint:
        _line("", finding.hint)


def _line(name: str, text: str) -> None:
    click.echo(f"  {name:<24}{text}")


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{count:,} {name}" for name, count in value.items())
    if isinstance(value, float):
        return f"{value:.8g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
