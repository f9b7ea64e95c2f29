"""``alp lp-agent``: keeps the ranges of a strategy's pool."""

from __future__ import annotations

from pathlib import Path

import click

from alp.cli.bus_options import bus_options, curve_keys, guarded
from alp.cli.lazy import Command
from alp.cli.options import state_option


@click.command(
    cls=Command,
    examples={
        "alp lp-agent examples/eth-usdc.yaml": "on the simulated chain of `alp chain`",
        "alp lp-agent examples/eth-usdc.yaml --chain paper:///run/chain.sock --confirmations 3": (
            "on one that is elsewhere, and a plan is believed three blocks deep"
        ),
    },
)
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--chain",
    "address",
    metavar="ADDRESS",
    help="The chain: paper://PATH is the socket of a simulated one.  [default: that of `alp chain` "
    "with this manifest]",
)
@state_option
@click.option(
    "--confirmations",
    type=click.IntRange(1, 64),
    default=2,
    show_default=True,
    metavar="N",
    help="A plan has ended when its block and those on top of it are so many.",
)
@click.option(
    "--block-time",
    type=click.FloatRange(min=0, min_open=True),
    default=12.0,
    show_default=True,
    metavar="SECONDS",
    help="Real time between blocks; after five of them without any, /readyz says so.",
)
@click.option(
    "--health",
    metavar="HOST:PORT",
    help="Serve /livez, /readyz and /metrics here.  [default: nowhere]",
)
@click.option(
    "--clients",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="With --curve: let those connect whose public ZMQ certificates are here.  [default: "
    "whoever has the same certificate]",
)
@bus_options
def lp_agent(
    manifest: Path,
    address: str | None,
    state: Path | None,
    confirmations: int,
    block_time: float,
    health: str | None,
    clients: Path | None,
    publish: str | None,
    recall: str | None,
    curve: Path | None,
) -> None:
    """Keep the ranges of a strategy's pool, and say on the bus what they hold.

    Reads the pool and the account after every block, decides as `alp backtest` does, sends one plan
    at a time and follows it until its block is deep enough. What it must not forget is on the disk
    before a transaction leaves. While the kill switch is set no new plan begins; positions stay.

    Runs until SIGTERM or Ctrl-C. A plan under way has spec.execution.stopWithin to end; one that
    has not is printed, the exit status is 7, and the next start goes on with it. Exit status 3
    where the manifest or an address is wrong, 6 where the memory is damaged.
    """
    from alp.bus.addresses import chosen_endpoints
    from alp.cli.chain import chain_socket
    from alp.errors import ExitCode
    from alp.services.execution.kill_switch import state_folder
    from alp.services.lp.service import Placement, serve
    from alp.strategy.loading import load_manifest

    strategy = load_manifest(manifest)
    name = strategy.name
    left = serve(
        strategy,
        Placement(
            address or f"paper://{chain_socket(name)}",
            state_folder(name, state),
            *chosen_endpoints(publish, recall, name, "lp"),
            health,
            guarded(curve_keys(curve), clients) if clients else curve_keys(curve),
            confirmations,
            block_time,
        ),
    )
    if left is not None:
        click.echo(f"plan {left.plan_id} is under way: {left.stage.value}", err=True)
        for attempt in left.attempts:
            click.echo(f"  {attempt.tx}  nonce {left.nonce}", err=True)
        raise click.exceptions.Exit(ExitCode.RESIDUE)
