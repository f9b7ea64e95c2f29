"""``alp verify``: hold the code to what the real contracts and venues did."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from alp.cli.lazy import Command, LazyGroup
from alp.cli.options import files_argument, json_option, print_json, progress_option
from alp.recording.identify import VENUES

if TYPE_CHECKING:
    from alp.chain.verify_pool import Report
    from alp.recording.verify_feed import BookReport, FeedReport
    from alp.venues.verify_signing import Report as SigningReport


@click.group(cls=LazyGroup)
def verify() -> None:
    """Hold the code to recordings of the chain and of the venues."""


@verify.command(
    cls=Command,
    examples={
        "alp verify pool tests/data/pool-trace.jsonl.gz": "replay a trace of the real contracts",
        "alp verify pool --json vectors.jsonl.gz trace.jsonl.gz": "several files, as data",
    },
)
@files_argument
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


def _print(report: Report | SigningReport) -> None:
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


@verify.command(
    cls=Command,
    examples={
        "alp verify signing tests/data/signed-vectors.jsonl": "make every signature again",
        "alp verify signing --json vectors.jsonl": "the same, as data",
    },
)
@files_argument
@json_option
def signing(files: tuple[Path, ...], as_json: bool) -> None:
    """Make published and recorded signatures of the venues again; compare each.

    A FILE is JSON lines, each with the secret (a test key; never one that is in use), `algo` and
    what it signs, or the headers, `url` and `body` of a request, and the signature. Printed for
    each: the signatures tried and equal of every kind, and the first difference. A way to sign that
    alp does not know is a fault, not skipped. Secrets are never printed.

    Exit status 1 where anything differs or is not known, 4 where a file is malformed.
    """
    from alp.errors import CheckFailed
    from alp.venues.verify_signing import verify_file

    reports = [verify_file(file) for file in files]
    if as_json:
        print_json([report.as_dict() for report in reports])
    else:
        for report in reports:
            _print(report)
    failed = [report.path.name for report in reports if not report.ok]
    if failed:
        raise CheckFailed(f"not the venues' signatures: {', '.join(failed)}")


@verify.command(
    cls=Command,
    examples={
        "alp verify feed ethusdt.jsonl.gz": "rebuild the books of a capture",
        "alp verify feed day1.jsonl.gz day2.jsonl.gz": "files that are one capture, in order",
        "alp verify feed --partial --symbol ETH-USD part.ndjson.zst": "one product, no snapshot",
    },
)
@files_argument
@click.option(
    "--venue",
    type=click.Choice(VENUES),
    help="Whose messages they are.  [default: found out]",
)
@click.option(
    "--symbol",
    "symbols",
    multiple=True,
    help="Product to look at; repeat for several.  [default: all]",
)
@click.option(
    "--partial",
    is_flag=True,
    help="Accept a capture without its snapshot: the book is what was seen since.",
)
@json_option
@progress_option
def feed(
    files: tuple[Path, ...],
    venue: str | None,
    symbols: tuple[str, ...],
    partial: bool,
    as_json: bool,
    progress: bool,
) -> None:
    """Rebuild the order books of a capture with the live feed handlers; name every fault.

    FILEs are one capture that goes on from file to file: raw messages, one a line, with or without
    receive times (hftbacktest, cryptofeed, or bare), plain, gzip or zstandard. Each book is built
    from its snapshot and every difference, under the venue's own rule of continuity; checksums are
    tried where the venue sends them.

    Exit status 1 where a message cannot be read, one is missing, a checksum differs, a book is
    crossed, or there is no snapshot; 4 where a file is no capture.
    """
    from alp.errors import CheckFailed

    report = _verified_feed(files, venue, symbols, partial, progress)
    if as_json:
        print_json(report.as_dict())
    else:
        _print_feed(report)
    if not report.ok:
        raise CheckFailed(
            "the books cannot be trusted: " + "; ".join(sorted(report.faults)),
            hint="see the counts above",
        )


def _verified_feed(
    files: tuple[Path, ...],
    venue: str | None,
    symbols: tuple[str, ...],
    partial: bool,
    progress: bool,
) -> FeedReport:
    from alp.recording.verify_feed import verify_feed

    if not progress:
        return verify_feed(files, venue=venue, symbols=symbols, partial=partial)
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn

    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} messages"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task("messages", total=None)
        return verify_feed(
            files,
            venue=venue,
            symbols=symbols,
            partial=partial,
            progress=lambda count: bars.update(bar, completed=count),
        )


def _print_feed(report: FeedReport) -> None:
    click.echo(f"{', '.join(report.files)}: {report.venue}, {report.messages:,} messages")
    for name, count in report.counts.items():
        click.echo(f"  {name.replace('_', ' '):<16}{count:>12,}")
    for book in report.books:
        click.echo(f"  {book.symbol:<16}{_book_line(book)}")
    for what, count in sorted(report.faults.items()):
        click.echo(f"  fault: {what}" + (f", {count:,} times" if count > 1 else ""))
    for excerpt in report.excerpts:
        click.echo(f"    {excerpt}")
    if report.ok:
        click.echo("  no fault")


def _book_line(book: BookReport) -> str:
    if not book.live or book.bid is None or book.ask is None:
        return "no book"
    sums = ""
    if book.checksums:
        sums = f", checksums {book.checksums_equal:,} of {book.checksums:,} equal"
    whole = ", partial: no snapshot" if book.partial else ""
    return (
        f"bid {book.bid[0]} x {book.bid[1]}, ask {book.ask[0]} x {book.ask[1]}; "
        f"{book.levels[0]:,} bids, {book.levels[1]:,} asks{sums}{whole}"
    )
