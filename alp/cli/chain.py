"""``alp chain``: a simulated chain with the strategy's pool."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from alp.cli.lazy import Command
from alp.cli.options import json_option

if TYPE_CHECKING:
    from alp.paper.pool.served import Served


def chain_socket(name: str) -> Path:
    """Return where the simulated chain of a strategy is, unless told otherwise."""
    from alp.bus.addresses import IPC, default_endpoints

    return Path(default_endpoints(name, "chain")[0].removeprefix(IPC))


@click.command(
    cls=Command,
    examples={
        "alp chain examples/eth-usdc.yaml": "the recording that the manifest names, in real time",
        "alp chain examples/eth-usdc.yaml --rate 60": "sixty times as fast",
        "alp chain examples/eth-usdc.yaml --made-up --price 2250 --seed 7": (
            "arbitrage and noise from a seed"
        ),
        "alp chain examples/eth-usdc.yaml --faults chain-faults.yaml": "with reorganisations",
    },
)
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--socket",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="PATH",
    help="Where to listen.  [default: a socket of yours]",
)
@click.option(
    "--rate",
    type=click.FloatRange(0, 100_000),
    default=1.0,
    show_default=True,
    metavar="N",
    help="A block every 12 s divided by this; 0: only when told to.",
)
@click.option("--made-up", is_flag=True, help="Make the market up, whatever recording there is.")
@click.option(
    "--price",
    type=Decimal,
    metavar="QUOTE",
    help="Of one base token at the start of a made-up market.  [default: the first of --quotes]",
)
@click.option(
    "--quotes",
    metavar="ENDPOINT",
    help="A quote server, whose first instrument's mid a made-up market follows.  [default: the "
    "price wanders by the seed]",
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, metavar="N")
@click.option(
    "--faults",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Script of what goes wrong, and when.  [default: nothing does]",
)
@click.option(
    "--health",
    metavar="HOST:PORT",
    help="Serve /livez and /readyz here.  [default: nowhere]",
)
@json_option
def chain(
    manifest: Path,
    socket: Path | None,
    rate: float,
    made_up: bool,
    price: Decimal | None,
    quotes: str | None,
    seed: int,
    faults: Path | None,
    health: str | None,
    as_json: bool,
) -> None:
    """Run a chain on this machine with the pool of a strategy and its wallet.

    The pool is the contracts' own arithmetic. Others do in it what spec.backtest.data.pool
    recorded, block by block, and after its end nothing; or a made-up market: arbitrage to a price
    that wanders or is told, within the fee, and trades that do not look at the price. The
    strategy's account has spec.inventory, and spec.backtest.gas says what gas costs. What it holds
    is lost when this ends.

    Runs until SIGTERM or Ctrl-C and exits with 0 then. Exit status 3 where the manifest, the script
    of faults or an address is wrong, 4 where a recording is.
    """
    from alp.bus.addresses import recall_endpoint
    from alp.paper.pool.served import Wanted, serve
    from alp.strategy.loading import load_manifest

    heard = None if quotes is None else (quotes, recall_endpoint(quotes))
    strategy = load_manifest(manifest)
    path = (socket or chain_socket(strategy.name)).absolute()
    served = serve(
        strategy,
        Wanted(path, rate, made_up, price, seed, faults, heard, health),
        lambda: _tell(path, strategy.name, as_json),
    )
    _end(served, as_json)


def _tell(path: Path, name: str, as_json: bool) -> None:
    import json
    import sys

    if as_json:
        click.echo(json.dumps({"strategy": name, "chain": f"paper://{path}"}))
    else:
        click.echo(f"chain of {name}\n  alp lp-agent --chain paper://{path} MANIFEST")
    sys.stdout.flush()


def _end(served: Served, as_json: bool) -> None:
    import json

    if as_json:
        click.echo(json.dumps({"block": served.block, "waiting": served.waiting, **served.counts}))
        return
    counts = ", ".join(f"{count:,} {name}" for name, count in served.counts.items())
    click.echo(f"block {served.block}; transactions: {counts}, {served.waiting:,} waiting")
