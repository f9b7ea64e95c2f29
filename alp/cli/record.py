"""``alp record``: keep what venues send."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from alp.cli.lazy import Command
from alp.cli.options import progress_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from alp.services.market.feeds import Product
    from alp.services.market.recorder import RecorderService, Status
    from alp.venues.adapter import Channel

CHANNELS = ("book", "quote", "trade")
MEGABYTE = 1_000_000


@click.command(
    cls=Command,
    examples={
        "alp record strategy.yaml -o recordings": "every venue of a manifest, until Ctrl-C",
        "alp record --product kraken-spot:ETH/USDC -o recordings --for 1h": "an hour of one book",
        "alp replay recordings/*.alprec.zst": "and send it on the bus again",
    },
)
@click.argument(
    "manifest", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--product",
    "products",
    multiple=True,
    metavar="EXCHANGE:SYMBOL",
    help="Record this product; repeat for several.  [default: those of MANIFEST]",
)
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Where files go; it is made if need be.",
)
@click.option(
    "--channel",
    "channels",
    multiple=True,
    type=click.Choice(CHANNELS),
    help="Record only this; repeat for several.  [default: all]",
)
@click.option("--for", "duration", metavar="TIME", help="Stop after this: 30s, 10m, 24h.")
@click.option(
    "--rotate", metavar="TIME", default="1h", show_default=True, help="A new file so often."
)
@click.option(
    "--rotate-size",
    metavar="MB",
    type=click.IntRange(1, 100_000),
    default=256,
    show_default=True,
    help="A new file at this size, packed.",
)
@click.option(
    "--least-free",
    metavar="MB",
    type=click.IntRange(0),
    default=1_000,
    show_default=True,
    help="Stop when less of the disk is free.",
)
@progress_option
def record(
    manifest: Path | None,
    products: tuple[str, ...],
    out: Path,
    channels: tuple[str, ...],
    duration: str | None,
    rotate: str,
    rotate_size: int,
    least_free: int,
    progress: bool,
) -> None:
    """Record what venues send, byte for byte, with the time of its receipt.

    Files are rows of zstandard blocks, each written and synced as a whole: whatever kills the
    recorder costs the last second at most. They hold snapshots and the connections' beginnings and
    ends, so that `alp verify feed` and `alp replay` rebuild every book. The recorder itself keeps
    the books and asks for a new snapshot whenever one was needed.

    Runs until Ctrl-C, SIGTERM, the end of --for, or a disk that is nearly full; exits with 0 then,
    with 74 where a file could not be written.
    """
    import uvloop

    from alp.services.market.recorder import RecorderService, Wanted

    wanted = Wanted(
        out,
        rotate_size * MEGABYTE,
        _nanoseconds("--rotate", rotate),
        _nanoseconds("--for", duration) if duration else 0,
        least_free * MEGABYTE,
    )
    chosen = _products(manifest, products)
    watched = _channels(channels)

    async def run(report: Callable[[Status], None] | None) -> RecorderService:
        service = RecorderService(chosen, watched, wanted, report)
        await service.run()
        return service

    if progress:
        service = _with_progress(lambda report: uvloop.run(run(report)))
    else:
        service = uvloop.run(run(None))
    status = service.status()
    click.echo(f"{status.messages:,} messages, {status.written_bytes:,} bytes packed")
    for path in service.files:
        click.echo(str(path))


def _products(manifest: Path | None, given: tuple[str, ...]) -> list[Product]:
    from alp.services.market.feeds import Product, products_of
    from alp.strategy.loading import load_manifest
    from alp.venues.adapter import Endpoints
    from alp.venues.registry import adapter_for

    found = []
    if manifest is not None:
        found = products_of(load_manifest(manifest))
    if given:
        known = {(each.exchange, each.symbol): each.endpoints for each in found}
        found = []
        for index, text in enumerate(given):
            exchange, colon, symbol = text.partition(":")
            if not colon or not symbol:
                raise click.BadParameter(f"{text!r} is not EXCHANGE:SYMBOL")
            adapter_for(exchange)
            endpoints = known.get((exchange, symbol), Endpoints("", ""))
            found.append(Product(index, exchange, symbol, endpoints))
    if not found:
        raise click.UsageError("nothing to record: give a manifest with venues, or --product")
    return found


def _channels(names: tuple[str, ...]) -> Channel:
    from functools import reduce
    from operator import or_

    from alp.venues.adapter import Channel

    wanted = [Channel[name.upper()] for name in names or CHANNELS]
    return reduce(or_, wanted)


def _nanoseconds(option: str, text: str) -> int:
    from alp.strategy.units import read_duration

    try:
        nanoseconds = read_duration(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} {error}", param_hint=option) from error
    if nanoseconds <= 0:
        raise click.BadParameter("must be longer than nothing", param_hint=option)
    return nanoseconds


def _with_progress(
    run: Callable[[Callable[[Status], None]], RecorderService],
) -> RecorderService:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task("connecting", total=None)

        def report(status: Status) -> None:
            bars.update(
                bar,
                description=f"{status.messages:,} messages, {status.written_bytes:,} bytes, "
                f"{status.files} files, {status.live} of {status.books} books live",
            )

        return run(report)
