"""``alp market-maker``: quotes a strategy's venues."""

from __future__ import annotations

from pathlib import Path

import click

from alp.cli.lazy import Command
from alp.cli.options import state_option


@click.command(
    cls=Command,
    examples={
        "alp market-maker examples/eth-usdc.yaml": (
            "beside `alp quote-server`, `alp exec-handler` and `alp lp-agent` of this manifest"
        ),
        "alp market-maker examples/eth-usdc.yaml --without-lp": (
            "on the venues' inventory alone: nobody tells what the pool's ranges hold"
        ),
    },
)
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@state_option
@click.option(
    "--quotes",
    metavar="ENDPOINT",
    help="Where the quote server publishes.  [default: its socket]",
)
@click.option(
    "--handler",
    "handlers",
    multiple=True,
    metavar="VENUE=COMMANDS,ORDERS",
    help="Where the handler of a venue's account takes commands and publishes; may be repeated.  "
    "[default: its sockets]",
)
@click.option(
    "--lp",
    metavar="ENDPOINT",
    help="Where it is published what the LP leg holds.  [default: the LP agent's socket]",
)
@click.option("--without-lp", is_flag=True, help="Count the venues' inventory alone.")
@click.option(
    "--health",
    metavar="HOST:PORT",
    help="Serve /livez, /readyz, /quotes and /metrics here.  [default: nowhere]",
)
@click.option(
    "--curve",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Encrypt the bus with the keys of this ZMQ certificate.",
)
def market_maker(
    manifest: Path,
    state: Path | None,
    quotes: str | None,
    handlers: tuple[str, ...],
    lp: str | None,
    without_lp: bool,
    health: str | None,
    curve: Path | None,
) -> None:
    """Quote a strategy's venues on the combined inventory of both legs.

    Hears books, positions, gates and what the LP leg holds, decides at each of them, and tells the
    handlers what shall rest until when. It quotes only on inputs that are fresh, and each wish says
    why it is so: `alp explain quote`. Every event and wish is recorded below the folder of state.

    Runs until SIGTERM or Ctrl-C, then wants nothing to rest. Exit status 0 if every handler heard
    that, 7 if one did not: what rests there ends with spec.execution.quoteAge. Exit status 3 where
    the manifest or an address is wrong.
    """
    from alp.bus.addresses import chosen_endpoints, default_endpoints
    from alp.cli.bus_options import curve_keys
    from alp.errors import ExitCode
    from alp.services.execution.kill_switch import state_folder
    from alp.services.maker.service import serve
    from alp.services.maker.setup import Handlers, Placement
    from alp.strategy.loading import load_manifest

    strategy = load_manifest(manifest)
    name = strategy.name
    given = dict(_handler(each) for each in handlers)
    known = {}
    for venue in strategy.spec.venues:
        commands, orders = given.get(venue.name, (None, None))
        known[venue.name] = Handlers(
            commands or default_endpoints(name, f"commands-{venue.name}")[0],
            chosen_endpoints(orders, None, name, f"orders-{venue.name}"),
        )
    has_lp = strategy.spec.hedge.enabled and not without_lp
    heard = serve(
        strategy,
        Placement(
            state_folder(name, state),
            chosen_endpoints(quotes, None, name, "quotes"),
            known,
            chosen_endpoints(lp, None, name, "lp") if has_lp else None,
            health,
            curve_keys(curve),
        ),
    )
    if not heard:
        click.echo("a handler did not hear that nothing shall rest", err=True)
        raise click.exceptions.Exit(ExitCode.RESIDUE)


def _handler(text: str) -> tuple[str, tuple[str, str]]:
    venue, equals, where = text.partition("=")
    commands, comma, orders = where.partition(",")
    if not (venue and equals and commands and comma and orders):
        raise click.BadParameter(f"{text!r} is not VENUE=COMMANDS,ORDERS", param_hint="--handler")
    return venue, (commands, orders)
