"""``alp replay``: a recording on the bus as if it happened now, or a desk's decisions again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from alp.cli.bus_options import bus_options, curve_keys
from alp.cli.lazy import Command
from alp.cli.options import json_option, print_json, progress_option, speed_option
from alp.cli.progress import row_counter, window_bar
from alp.recording.identify import VENUES

if TYPE_CHECKING:
    from alp.services.market.replay import ReplayReport


def _time_ns(_ctx: click.Context, _param: click.Parameter, text: str | None) -> int | None:
    if text is None:
        return None
    from alp._core.evmlog import parse_timestamp

    try:
        return parse_timestamp(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a time such as 2024-08-09T00:00:01.5Z") from None


@click.command(
    cls=Command,
    examples={
        "alp replay eth-*.alprec.zst": "at the speed it was recorded",
        "alp top --name replay": "in another terminal: look at its books",
        "alp replay ethusdt.gz --speed max --wait-for-subscribers 1": "all to one reader, at once",
        "alp replay day.alprec.zst --from 2024-08-09T12:00Z --speed 10": "from noon, ten times",
        "alp replay --check state/decisions": "does the code decide today as it did then?",
    },
)
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="FILE...",
)
@speed_option
@click.option("--from", "from_ns", callback=_time_ns, help="First moment to publish.")
@click.option("--to", "to_ns", callback=_time_ns, help="Moment to stop before.")
@click.option(
    "--symbol",
    "symbols",
    multiple=True,
    help="Product to publish; repeat for several.  [default: all]",
)
@click.option("--venue", type=click.Choice(VENUES), help="Whose messages.  [default: found out]")
@click.option(
    "--levels",
    type=click.IntRange(0, 1000),
    default=10,
    show_default=True,
    help="Levels of each side in a depth message; 0 publishes none.",
)
@click.option(
    "--wait-for-subscribers",
    "subscribers",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="Begin when so many have connected and asked for the last messages.",
)
@click.option(
    "--name",
    default="replay",
    show_default=True,
    help="Take the place of this strategy's quote server.",
)
@click.option(
    "--check",
    is_flag=True,
    help="FILEs are logs of decisions, or folders of them: decide again and compare; nothing is"
    " published.",
)
@click.option(
    "--desk", metavar="MODULE:NAME", help="With --check: what decides, as if the log named it."
)
@click.option(
    "--manifest",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With --check: the strategy, in place of the recorded one.",
)
@bus_options
@json_option
@progress_option
@click.pass_context
def replay(
    ctx: click.Context,
    files: tuple[Path, ...],
    speed: float | None,
    from_ns: int | None,
    to_ns: int | None,
    symbols: tuple[str, ...],
    venue: str | None,
    levels: int,
    subscribers: int,
    name: str,
    check: bool,
    desk: str | None,
    manifest: Path | None,
    publish: str | None,
    recall: str | None,
    curve: Path | None,
    as_json: bool,
    progress: bool,
) -> None:
    """Send FILEs, one recording that goes on from file to file, on the bus as if it were live.

    Every frame goes the way it goes live: the venue's feed handler, the book, the publisher, the
    bus; only its time of receipt is the recorded one. With --from, what is before is read too, so
    that the books are whole when they are first published.

    Unless the header lists its instruments, the files are read twice: first for the decimals of
    prices and quantities.

    With --check a market maker's desk is made anew from the manifest and the state in the log, is
    told the recorded events, and every wish has to have the recorded bytes. The first difference is
    printed with the event before it.

    Exit status 1 where decisions differ, 3 where the bus cannot be bound, 4 where a file is no
    capture, no log or is damaged, 130 after Ctrl-C, with the summary of what was sent.
    """
    _refuse_mixed(ctx, files, check)
    if check:
        from alp.cli.replay_check import check_decisions

        check_decisions(files, desk, manifest, as_json, progress)
        return
    from alp.bus.addresses import chosen_endpoints
    from alp.services.market.replay import Replay, ReplayWanted

    endpoint, recall_endpoint = chosen_endpoints(publish, recall, name, "quotes")
    wanted = ReplayWanted(
        endpoint,
        recall_endpoint,
        speed,
        from_ns,
        to_ns,
        symbols,
        venue,
        subscribers,
        levels,
        curve_keys(curve),
    )
    with row_counter(progress, "reading", "messages") as surveyed:
        one = Replay(files, wanted, surveyed=surveyed)
    click.echo(f"publishing on {endpoint}", err=True)
    try:
        with window_bar(progress, "replaying") as reached:
            one.run(reached)
    finally:
        if as_json:
            print_json(one.report.as_dict())
        else:
            _print(one.report)


def _refuse_mixed(ctx: click.Context, files: tuple[Path, ...], check: bool) -> None:
    """Refuse options of the other way to replay."""
    checking = {"check", "desk", "manifest"}
    either = {"files", "as_json", "progress"}
    for parameter in ctx.command.params:
        name = str(parameter.name)
        given = ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if given and name not in either and (name in checking) is not check:
            raise click.UsageError(
                f"{parameter.opts[0]} {'is not for' if check else 'needs'} --check"
            )
    if not check:
        for each in files:
            if each.is_dir():
                raise click.UsageError(f"{each} is a folder; a log of decisions needs --check")


def _print(report: ReplayReport) -> None:
    seconds = report.duration_ns / 1e9
    rate = f", {report.messages / seconds:,.0f} a second" if seconds > 0 else ""
    click.echo(f"{report.venue}: {report.messages:,} messages in {seconds:,.1f} s{rate}")
    if report.fed:
        click.echo(f"  {report.fed:,} before them, for the books")
    if report.first_ns is None and report.messages:
        click.echo("  without times of receipt: all were sent at once")
    sent = ", ".join(
        f"{count:,} {name.replace('_', ' ')}" for name, count in report.published.items() if count
    )
    click.echo(f"  published: {sent or 'nothing'}")
    if report.dropped:
        click.echo(f"  {report.dropped:,} could not be sent")
    if report.unreadable:
        click.echo(f"  {report.unreadable:,} messages could not be read")
    if report.late_ns > 10**6:
        click.echo(f"  late by at most {report.late_ns / 1e6:,.0f} ms")
    for each in report.torn:
        click.echo(f"  torn: {each.path}: {each.size:,} bytes after byte {each.offset:,}")
    for book in report.books:
        click.echo(f"  {book['symbol']:<16}{_book(book)}")


def _book(book: dict[str, object]) -> str:
    sides = []
    for side in ("bid", "ask"):
        touch = book[side]
        if isinstance(touch, list):
            sides.append(f"{side} {touch[0]} x {touch[1]}")
    if book["live"]:
        return ", ".join(sides) or "an empty book"
    why_not = f"no book: {book['why_not'] or 'nothing of it came'}"
    return f"{why_not}; before: {', '.join(sides)}" if sides else why_not
