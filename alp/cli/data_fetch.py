"""``alp data fetch``: a pool's events from an Ethereum node."""

from __future__ import annotations

from pathlib import Path

import click

from alp.cli.lazy import Command
from alp.cli.options import json_option, print_json, progress_option
from alp.cli.progress import bar
from alp.errors import ConfigError


def _time_ns(_ctx: click.Context, _param: click.Parameter, text: str | None) -> int | None:
    if text is None:
        return None
    from alp._core.evmlog import parse_timestamp

    try:
        return parse_timestamp(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is not a time such as 2024-01-05 or 2024-01-05T12:00:00Z"
        ) from None


def _address(_ctx: click.Context, _param: click.Parameter, text: str) -> str:
    digits = text[2:]
    if text[:2] != "0x" or len(digits) != 40 or not set(digits) <= set("0123456789abcdefABCDEF"):
        raise click.BadParameter(f"{text!r} is not an address: 0x and 40 hex digits")
    return text


@click.command(
    cls=Command,
    examples={
        "export ALP_RPC_URL=https://...": "the endpoint; it is never printed or stored",
        "alp data fetch --pool 0x88e6A0c2dDD26FEEb64F039a2c41296FcB3f5640 \\\n"
        "      --from 2024-01-05 --to 2024-01-06 day.csv.gz": "one day",
        "alp data fetch --pool 0x88e6... --from-block 18937381 day.csv.gz": "up to the newest safe "
        "block; the same command later goes on from there",
    },
)
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--rpc",
    envvar="ALP_RPC_URL",
    required=True,
    metavar="URL",
    help="The node. Better set ALP_RPC_URL: a command line can be seen by others.",
)
@click.option(
    "--pool", required=True, callback=_address, metavar="0x...", help="The pool's address."
)
@click.option("--from-block", type=click.IntRange(0), help="First block.")
@click.option("--to-block", type=click.IntRange(0), help="Last block.  [default: the newest safe]")
@click.option("--from", "from_time", callback=_time_ns, help="First moment, instead of a block.")
@click.option("--to", "to_time", callback=_time_ns, help="Moment to stop before.")
@click.option(
    "--confirmations",
    type=click.IntRange(0),
    help="Stay this many blocks behind the newest.  [default: stop at the finalized block]",
)
@click.option("--restart", is_flag=True, help="Throw away what was fetched under this name.")
@progress_option
@json_option
def fetch(
    target: Path,
    rpc: str,
    pool: str,
    from_block: int | None,
    to_block: int | None,
    from_time: int | None,
    to_time: int | None,
    confirmations: int | None,
    restart: bool,
    progress: bool,
    as_json: bool,
) -> None:
    """Get all events of a pool and write them as raw logs to TARGET (.csv or .csv.gz).

    The download can be stopped at any time (Ctrl-C) and goes on with the same command; TARGET
    appears when it is complete. Beside it, TARGET.fetch.json remembers which blocks are done and
    their hashes: if the chain was reorganised meanwhile, what is no longer true is fetched again.

    The number of blocks asked for at once follows what the node can give.
    """
    from alp.chain.rpc import Rpc
    from alp.data.fetch import Fetcher

    if (from_block is None) == (from_time is None):
        raise click.UsageError("give --from-block or --from")
    if to_block is not None and to_time is not None:
        raise click.UsageError("give --to-block or --to, not both")
    fetcher = Fetcher(Rpc(rpc), pool, target, confirmations=confirmations)
    if from_time is not None or to_time is not None:
        newest = fetcher.safe_block()
        if from_time is not None:
            from_block = fetcher.block_at(from_time, newest)
        if to_time is not None:
            to_block = fetcher.block_at(to_time, newest) - 1
            if to_block == newest and fetcher.time_ns(newest) < to_time:
                raise ConfigError(
                    "the chain has not safely reached the end of the time asked for",
                    hint="leave out --to to get everything that is safe",
                )
    assert from_block is not None
    last = fetcher.safe_block() if to_block is None else to_block
    with bar(progress, target.name, max(0, last - from_block + 1)) as show:
        start = from_block
        fetcher.progress = lambda block, rows: show(block - start + 1, f"{rows:,} events")
        done = fetcher.run(from_block, last, restart=restart)
    if as_json:
        print_json(
            {
                "path": target,
                "pool": fetcher.pool,
                "from_block": done.from_block,
                "to_block": done.to_block,
                "rows": done.rows,
                "requests": done.requests,
                "rewound": done.rewound,
            }
        )
        return
    again = f", {done.rewound} chunks again after a reorganisation" if done.rewound else ""
    click.echo(
        f"{target}: {done.rows:,} events of blocks {done.from_block} to {done.to_block}{again}"
    )
