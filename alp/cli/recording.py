"""``alp recording``: captures of market data, looked at, converted and mended."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from alp.cli.lazy import Command, LazyGroup
from alp.cli.options import iso_time, json_option, print_json, progress_option
from alp.cli.progress import row_counter
from alp.recording.convert import FORMS, NPZ
from alp.recording.identify import VENUES

if TYPE_CHECKING:
    from alp.recording.convert import Conversion
    from alp.recording.info import RecordingInfo
    from alp.recording.npz import NpzInfo, NpzReport

FILES = click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE...",
)


@click.group(
    cls=LazyGroup,
    examples={
        "alp recording info eth-*.alprec.zst": "what do these files hold?",
        "alp recording convert eth-1.alprec.zst -o eth.npz": "for a backtest with hftbacktest",
    },
)
def recording() -> None:
    """Look at, convert and mend recordings of market data.

    \b
    Files are recognised by their content, compressed with gzip or zstandard or not:
      alp          recordings of `alp record`: every byte, receive times, connections
      hftbacktest  lines of nanoseconds, a blank, the message
      cryptofeed   its raw data collection, JSON lines or the older text
      messages     nothing but messages, one a line
    """  # noqa: D301


@recording.command(
    cls=Command,
    examples={
        "alp recording convert ethusdt.gz -o ethusdt.alprec.zst": "somebody's capture to alp's",
        "alp recording convert a.alprec.zst b.alprec.zst -o day.jsonl.gz --to hftbacktest": "back",
        "alp recording convert day.jsonl.gz --symbol ETHUSDT -o eth.npz": "events of one product",
    },
)
@FILES
@click.option(
    "-o",
    "--output",
    "target",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write; a text form is packed if it ends in .gz or .zst.",
)
@click.option(
    "--to",
    "form",
    type=click.Choice(FORMS),
    help="Form to write.  [default: by the name, .alprec.zst or .npz]",
)
@click.option("--venue", type=click.Choice(VENUES), help="Whose messages.  [default: found out]")
@click.option("--symbol", help="Product to write, hftbacktest-npz only.  [default: the only one]")
@json_option
@progress_option
def convert(
    files: tuple[Path, ...],
    target: Path,
    form: str | None,
    venue: str | None,
    symbol: str | None,
    as_json: bool,
    progress: bool,
) -> None:
    """Write FILEs, one capture that goes on from file to file, as one file of another form.

    \b
    What each form holds:
      alp              everything: bytes, times, connections opened and closed, answers by REST
      cryptofeed       the same; texts must be UTF-8, and cryptofeed itself reads times as floats
      hftbacktest      messages and receive times; no connections, no product of a REST answer
      messages         messages alone
      hftbacktest-npz  not the messages but what they say: one product's book and trades as
                       hftbacktest 2's array of events, through alp's feed handlers

    What was lost is counted and printed. Nothing sent to a venue, and no comment, is kept by any.
    """  # noqa: D301
    from alp.recording.convert import convert as write
    from alp.recording.convert import form_of, refuse_own_source
    from alp.recording.npz import write_npz

    form = form or form_of(target)
    if symbol is not None and form != NPZ:
        raise click.UsageError(f"--symbol is for --to {NPZ}; other forms keep whole messages")
    with row_counter(progress, "converting", "messages") as advance:
        if form == NPZ:
            refuse_own_source(files, target)
            report = write_npz(files, target, symbol=symbol, venue=venue, progress=advance)
            _told_npz(report, as_json)
        else:
            done = write(files, target, form, venue=venue, progress=advance)
            _told(done, as_json)


def _told(done: Conversion, as_json: bool) -> None:
    torn = [{"path": each.path, "offset": each.offset, "bytes": each.size} for each in done.torn]
    if as_json:
        row = {"path": done.path, "form": done.form, "messages": done.messages}
        print_json({**row, "events": done.events, "losses": +done.losses, "torn": torn})
        return
    click.echo(f"{done.path}: {done.messages:,} messages, {done.events:,} events, {done.form}")
    for what, count in (+done.losses).items():
        click.echo(f"  lost: {what}, {count:,}")
    for each in torn:
        click.echo(f"  torn: {each['path']}: {each['bytes']:,} bytes after byte {each['offset']:,}")


def _told_npz(report: NpzReport, as_json: bool) -> None:
    if as_json:
        print_json(vars(report))
        return
    click.echo(f"{report.path}: {report.symbol} of {report.venue}, {report.rows:,} events")
    for name, count in report.counts.items():
        click.echo(f"  {name:<12}{count:>12,}")
    for count, what in (
        (report.unreadable, "messages could not be read"),
        (report.late, "events arrived after younger ones: each is there for either side"),
        (
            report.early,
            "events were received before the exchange's time of them, by at most "
            f"{report.earliest_ns / 1e6:g} ms: the clocks differed",
        ),
        (report.backwards, "receive times ran backwards: written as the one before"),
    ):
        if count:
            click.echo(f"  {count:,} {what}")
    if report.touch is not None:
        click.echo(f"  at the end: bid {report.touch[0]!r}, ask {report.touch[1]!r}")


@recording.command(
    cls=Command,
    examples={
        "alp recording info eth-*.alprec.zst": "each file on its own",
        "alp recording info --json day.jsonl.gz | jq '.[0].messages'": "as data",
    },
)
@FILES
@json_option
@progress_option
def info(files: tuple[Path, ...], as_json: bool, progress: bool) -> None:
    """Say of each FILE what it holds: header, times, messages by connection, blocks, a torn end.

    An event array of hftbacktest (.npz) is counted by kind and side.
    """
    from alp.recording.info import recording_info

    with row_counter(progress, "reading", "messages") as advance:
        infos = [recording_info(file, advance) for file in files]
    if as_json:
        print_json([each.as_dict() for each in infos])
        return
    for each in infos:
        _print(each)


def _print(info: RecordingInfo) -> None:
    click.secho(str(info.path), bold=True)
    _line("form", f"{info.form}, {info.size:,} bytes")
    if info.events is not None:
        _print_events(info.events)
        return
    _line("venue", info.venue or "none that alp knows")
    _line("products", ", ".join(info.products) or "no book in the first messages")
    if info.header is not None:
        for name, value in info.header.items():
            if name not in {"format", "venue"}:
                _line(f"header {name}", str(value))
    _line("messages", f"{info.messages:,}")
    _line("received", _window(info.first_ns, info.last_ns))
    if info.backwards:
        _line("backwards", f"{info.backwards:,} receive times before the one in front")
    for name, each in info.connections.items():
        text = f"{each.messages:,} messages, {each.bytes:,} bytes"
        if each.opened or each.closed:
            text += f"; opened {each.opened}, closed {each.closed}"
        _line(f"connection {name}".rstrip(), text)
    if info.blocks is not None:
        _line("blocks", f"{info.blocks:,}")
    if info.torn is not None:
        _line("torn", f"{info.torn.size:,} bytes after byte {info.torn.offset:,}")
        _line("", "its writer was killed; `alp recording mend` cuts them off")


def _print_events(events: NpzInfo) -> None:
    _line("events", f"{events.rows:,}")
    for name, count in events.counts.items():
        _line(name, f"{count:,}")
    _line("exchange", _window(events.first_exchange_ns, events.last_exchange_ns))
    _line("received", _window(events.first_local_ns, events.last_local_ns))
    if not events.in_order:
        _line("order", "the times of one side fall: hftbacktest would refuse it")


def _window(first_ns: int | None, last_ns: int | None) -> str:
    if first_ns is None or last_ns is None:
        return "no times"
    seconds = (last_ns - first_ns) / 1e9
    return f"{iso_time(first_ns)} to {iso_time(last_ns)}, {seconds:,.1f} s"


def _line(name: str, text: str) -> None:
    click.echo(f"  {name:<24}{text}")


@recording.command(
    cls=Command,
    examples={"alp recording mend eth-1.alprec.zst": "after its writer was killed"},
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
def mend(file: Path, as_json: bool) -> None:
    """Cut a torn block off the end of FILE, a recording of alp.

    A recording that ends in a torn block is read up to it anyway by `info`, `convert` and `replay`;
    mending lets every other reader accept it. Whole blocks are never touched.
    """
    from alp.recording.records import header_of
    from alp.recording.records import mend as cut

    header_of(file)
    torn = cut(file)
    if as_json:
        print_json(None if torn is None else {"offset": torn.offset, "bytes": torn.size})
    elif torn is None:
        click.echo(f"{file}: whole, nothing to mend")
    else:
        click.echo(f"{file}: cut {torn.size:,} bytes after byte {torn.offset:,}")
