"""``alp verify``: prove the compiled engine against what the real contracts did."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from alp.cli.lazy import Command, LazyGroup
from alp.cli.options import json_option, print_json, progress_option

if TYPE_CHECKING:
    from alp.chain.verify_pool import Report


@click.group(cls=LazyGroup)
def verify() -> None:
    """Prove the pool engine against recorded chain data."""


@verify.command(
    cls=Command,
    examples={
        "alp verify pool tests/data/pool-trace.jsonl.gz": "replay a trace of the real contracts",
        "alp verify pool --json vectors.jsonl.gz trace.jsonl.gz": "several files, as data",
    },
)
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE...",
)
@json_option
@progress_option
def pool(files: tuple[Path, ...], as_json: bool, progress: bool) -> None:
    """Replay traces and math vectors of the Uniswap V3 contracts; compare every value.

    A FILE is JSON lines, plain, gzip or zstandard. Printed for each: the operations tried and
    equal of every kind, and the first difference. Operations of a kind alp does not know are
    faults, not skipped.

    Exit status 1 where anything differs, 4 where a file is malformed.
    """
    from alp.errors import CheckFailed

    reports = [_verified(file, progress) for file in files]
    if as_json:
        print_json([report.as_dict() for report in reports])
    else:
        for report in reports:
            _print(report)
    failed = [report.path.name for report in reports if not report.ok]
    if failed:
        raise CheckFailed(f"not equal to the contracts: {', '.join(failed)}")


def _verified(path: Path, progress: bool) -> Report:
    from alp.chain.verify_pool import verify_file

    if not progress:
        return verify_file(path)
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task(path.name, total=path.stat().st_size)
        return verify_file(path, lambda position: bars.update(bar, completed=position))


def _print(report: Report) -> None:
    click.echo(f"{report.path}")
    width = max((len(kind) for kind in [*report.tried, *report.unknown]), default=0)
    for kind, tried in sorted(report.tried.items()):
        equal = report.equal[kind]
        note = "" if equal == tried else f"   {tried - equal} differ"
        click.echo(f"  {kind:<{width}}  {tried:>7} tried  {equal:>7} equal{note}")
    for kind, count in sorted(report.unknown.items()):
        click.echo(f"  {kind:<{width}}  {count:>7} of a kind alp does not know")
    tried, equal = sum(report.tried.values()), sum(report.equal.values())
    click.echo(f"  {tried} tried, {equal} equal" + (": all" if report.ok else ""))
    if not report.tried and not report.unknown:
        click.echo("  nothing to verify in this file")
    if report.first_difference is not None:
        click.echo(f"  first difference: {report.first_difference}")
