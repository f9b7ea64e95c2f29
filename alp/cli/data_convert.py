"""``alp data convert``: recorded data to alp's own parquet form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from alp.cli.data_options import read_arguments, reading_options
from alp.cli.lazy import Command
from alp.cli.options import json_option, print_json, progress_option
from alp.cli.progress import row_counter


@click.command(
    cls=Command,
    examples={
        "alp data convert day.csv.gz day.parquet": "the same rows, smaller and faster",
        "alp data convert 2024-01-*.csv.gz january.parquet": "many files into one, in this order",
        "alp data convert --kind bars --period 5m day.csv.gz bars.parquet": "swaps to bars",
        "alp data convert --sort --drop-duplicates raw.csv clean.parquet": "mend what can be",
    },
)
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--sort", is_flag=True, help="Put the rows in order.")
@click.option("--drop-duplicates", is_flag=True, help="Leave out rows identical to another.")
@reading_options
@progress_option
@json_option
def convert(
    sources: tuple[Path, ...],
    target: Path,
    sort: bool,
    drop_duplicates: bool,
    progress: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Write SOURCES, which follow each other in time, as the parquet file TARGET.

    Nothing is lost: amounts, prices and liquidity keep every bit, and the file says which files it
    came from, with their checksums. The same sources give the same bytes every time. Transaction
    hashes and full addresses are not kept.

    --sort and --drop-duplicates are the only repairs, and TARGET says that they were done.
    """
    from alp.data.convert import convert as write

    with row_counter(progress, "converting") as advance:
        done = write(
            sources,
            target,
            sort=sort,
            drop_duplicates=drop_duplicates,
            progress=advance,
            **read_arguments(given),
        )
    if as_json:
        print_json({"path": target, "kind": done.kind, "rows": done.rows, "dropped": done.dropped})
        return
    left_out = f", {done.dropped:,} identical rows left out" if drop_duplicates else ""
    click.echo(f"{target}: {done.rows:,} rows of {done.kind}{left_out}")
