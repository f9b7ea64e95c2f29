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
@click.option("--only-observed", is_flag=True, help="Leave buckets in which no swap ended empty.")
@reading_options
def liquidity(sources: tuple[Path, ...], target: Path, only_observed: bool, **given: Any) -> None:
    """Derive the liquidity per tick spacing at the start of SOURCES and write it as CSV to TARGET.

    Each swap reports the liquidity it ended with. Less what was minted and burned around its tick
    since the start, it is the liquidity before: exact, over the range the price went through. A
    bucket in which no swap ended is solved from what the swaps that crossed it paid out; it has no
    observations in TARGET. With --only-observed it stays empty.
    """
    from alp.data import open_source
    from alp.data.derive import derive_liquidity, write_buckets
    from alp.data.solve import open_liquidity
    from alp.errors import ConfigError

    arguments = read_arguments(given)
    pair = arguments.get("pair")
    if pair is None:
        raise ConfigError(
            "the pool's tick spacing must be known",
            hint="give --manifest, or --tokens and --fee-tier",
        )
    source = open_source(sources, **{**arguments, "kind": "pool_events"})
    if only_observed:
        buckets = derive_liquidity(source.batches(), pair.tick_spacing)
    else:
        buckets = open_liquidity(source.batches, pair.tick_spacing)
    write_buckets(target, buckets)
    known = sum(bucket.liquidity is not None for bucket in buckets)
    seen = sum(bucket.observations > 0 for bucket in buckets)
    solved = f", {known - seen} solved" if known > seen else ""
    click.echo(f"{target}: {seen} of {len(buckets)} buckets observed{solved}")
