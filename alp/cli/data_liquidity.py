"""``alp data liquidity``: what a pool held before its recorded events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from alp.cli.data_options import read_arguments, reading_options
from alp.cli.lazy import Command


@click.command(
    cls=Command,
    examples={
        "alp data liquidity --tokens USDC:6/WETH:18 day.csv.gz open.csv": "derived from a day",
    },
)
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@reading_options
def liquidity(sources: tuple[Path, ...], target: Path, **given: Any) -> None:
    """Derive the liquidity per tick spacing at the start of SOURCES and write it as CSV to TARGET.

    Each swap reports the liquidity it ended with. Less what was minted and burned around its tick
    since the start, it is the liquidity before: exact, over the range the price went through. A
    bucket in which no swap ended stays empty.
    """
    from alp.data import open_source
    from alp.data.derive import derive_liquidity, write_buckets
    from alp.errors import ConfigError

    arguments = read_arguments(given)
    pair = arguments.get("pair")
    if pair is None:
        raise ConfigError(
            "the pool's tick spacing must be known",
            hint="give --manifest, or --tokens and --fee-tier",
        )
    source = open_source(sources, **{**arguments, "kind": "pool_events"})
    buckets = derive_liquidity(source.batches(), pair.tick_spacing)
    write_buckets(target, buckets)
    known = sum(bucket.liquidity is not None for bucket in buckets)
    click.echo(f"{target}: {known} of {len(buckets)} buckets known, from {source.path.name}")
