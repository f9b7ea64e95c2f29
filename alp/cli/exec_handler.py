"""``alp exec-handler``: owns one account, sends its orders and follows each to its end."""

from __future__ import annotations

from pathlib import Path

import click

from alp.cli.bus_options import bus_options, curve_keys, guarded
from alp.cli.lazy import Command
from alp.cli.options import state_option


@click.command(
    cls=Command,
    examples={
        "alp exec-handler examples/eth-usdc.yaml --venue binance --keys /run/secrets/binance": (
            "own the account of one venue, with mounted keys"
        ),
        "alp kill examples/eth-usdc.yaml --reason 'looks wrong'": (
            "in another terminal: cancel everything, and let nothing else leave"
        ),
    },
)
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--venue",
    required=True,
    metavar="NAME",
    help="The venue of the manifest whose account this process owns. Venues of one exchange with "
    "the same keys are one account.",
)
@click.option(
    "--keys",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Where the account's keys are mounted.  [default: the environment]",
)
@state_option
@click.option(
    "--commands",
    metavar="ENDPOINT",
    help="Where quotes and commands are taken.  [default: a socket of yours]",
)
@click.option(
    "--quotes",
    metavar="ENDPOINT",
    help="Where the quote server publishes.  [default: its socket]",
)
@click.option(
    "--quotes-recall",
    metavar="ENDPOINT",
    help="Where the quote server answers late subscribers.  [default: beside --quotes]",
)
@click.option(
    "--health",
    metavar="HOST:PORT",
    help="Serve /livez, /readyz and /metrics here.  [default: nowhere]",
)
@click.option(
    "--quotes-key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The quote server's public ZMQ certificate, with --curve.  [default: that of --curve]",
)
@click.option(
    "--clients",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Public ZMQ certificates, *.key, of those who may give commands and hear reports, with "
    "--curve.  [default: that of --curve]",
)
@bus_options
def exec_handler(
    manifest: Path,
    venue: str,
    keys: Path | None,
    state: Path | None,
    commands: str | None,
    quotes: str | None,
    quotes_recall: str | None,
    health: str | None,
    quotes_key: Path | None,
    clients: Path | None,
    publish: str | None,
    recall: str | None,
    curve: Path | None,
) -> None:
    """Own one account on a venue: send its orders, enforce the limits, follow every order.

    Reads what the venue says of the account before anything leaves, adopts its own orders that it
    finds there and leaves others alone. What shall rest comes by the bus; every command passes the
    risk gate and is in the journal before it is sent. While prices are stale, the private stream
    is not heard or the kill switch is set, what rests is cancelled.

    Runs until SIGTERM or Ctrl-C, then cancels what is open, the largest first, within
    spec.execution.stopWithin. Exit status 0 if nothing is left, 7 if orders may still be open:
    they are printed. SIGUSR1 sets the kill switch.
    """
    from alp.bus.addresses import chosen_endpoints, default_endpoints, recall_endpoint
    from alp.errors import ExitCode
    from alp.services.execution.handler import serve
    from alp.services.execution.kill_switch import state_folder
    from alp.services.execution.setup import Placement
    from alp.strategy.loading import load_manifest

    strategy = load_manifest(manifest)
    name = strategy.name
    published = chosen_endpoints(publish, recall, name, f"orders-{venue}")
    if quotes is None:
        heard = default_endpoints(name, "quotes")
    else:
        heard = quotes, quotes_recall or recall_endpoint(quotes)
    placement = Placement(
        venue,
        state_folder(name, state),
        commands or default_endpoints(name, f"commands-{venue}")[0],
        *published,
        heard,
        keys,
        health,
        guarded(curve_keys(curve, quotes_key), clients),
    )
    left = serve(strategy, placement)
    if left:
        click.echo(f"{len(left)} orders may still be open:", err=True)
        for order in left:
            side = "buy" if order.side > 0 else "sell"
            click.echo(
                f"  {order.client_id}  {order.venue_id or '-'}  {side} {order.open_quantity} lots "
                f"at {order.open_price} ticks  {order.state.name}",
                err=True,
            )
        raise click.exceptions.Exit(ExitCode.RESIDUE)
