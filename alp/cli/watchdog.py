"""``alp watchdog``: cancels an account's orders when the handler that owns them is not heard."""

from __future__ import annotations

from pathlib import Path

import click

from alp.cli.bus_options import curve_keys, server_key_option
from alp.cli.lazy import Command
from alp.cli.options import state_option


def _after(_ctx: click.Context, _param: click.Parameter, text: str) -> int:
    """Return nanoseconds."""
    from alp.strategy.units import read_duration

    try:
        after_ns = read_duration(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} {error}") from error
    if after_ns < 10**9:
        raise click.BadParameter(f"{text!r} is too short: a handler is heard four times a second")
    return after_ns


@click.command(
    cls=Command,
    examples={
        "alp watchdog examples/eth-usdc.yaml --venue binance --keys /run/secrets/watchdog": (
            "watch over the account of one venue, with a key of the watchdog's own"
        ),
        "alp watchdog examples/eth-usdc.yaml --venue binance --orders tcp://execution:5560": (
            "over a handler on another machine"
        ),
    },
)
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--venue",
    required=True,
    metavar="NAME",
    help="The venue of the manifest whose account is watched.",
)
@click.option(
    "--keys",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Where the watchdog's own keys are mounted.  [default: the environment, "
    "ALP_<NAME>_WATCHDOG_KEY and so on]",
)
@state_option
@click.option(
    "--after",
    default="5s",
    show_default=True,
    callback=_after,
    metavar="DURATION",
    help="Cancel when the handler was not heard for so long.",
)
@click.option(
    "--orders",
    multiple=True,
    metavar="ENDPOINT",
    help="Where the handler publishes; may be repeated.  [default: its socket]",
)
@click.option(
    "--health",
    metavar="HOST:PORT",
    help="Serve /livez, /readyz and /metrics here.  [default: nowhere]",
)
@click.option(
    "--curve",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The watchdog's ZMQ certificate, for an encrypted bus.",
)
@server_key_option
def watchdog(
    manifest: Path,
    venue: str,
    keys: Path | None,
    state: Path | None,
    after: int,
    orders: tuple[str, ...],
    health: str | None,
    curve: Path | None,
    server_key: Path | None,
) -> None:
    """Cancel an account's orders when its execution handler is not heard.

    Hears the handler's heartbeats on the bus. While they come it only tries now and then whether
    its key works. When they stop, or never come, it lists what is open at the venue, cancels the
    orders of this strategy's account, the largest first, and goes on until none is left and for as
    long as the handler is silent. Orders of others stay. It does the same when the kill switch is
    set and something is still open after that time. It cannot place or amend anything.

    Runs until SIGTERM or Ctrl-C; then nothing is cancelled, and the exit status is 0.
    """
    from alp.bus.addresses import default_endpoints
    from alp.services.execution.kill_switch import state_folder
    from alp.services.execution.limits import account_venues
    from alp.services.execution.watchdog import WatchPlacement, serve
    from alp.strategy.loading import load_manifest

    strategy = load_manifest(manifest)
    name = strategy.name
    # The handler's socket bears the name of whichever venue of the account it was given.
    usual = [
        default_endpoints(name, f"orders-{each.name}")[0]
        for _, each in account_venues(strategy, venue)
    ]
    placement = WatchPlacement(
        venue,
        state_folder(name, state),
        orders or usual,
        after,
        keys,
        health,
        curve_keys(curve, server_key),
    )
    serve(strategy, placement)
