"""``alp position-server``: one ledger of all that a strategy has, and what it earned."""

from __future__ import annotations

from pathlib import Path

import click

from alp.cli.bus_options import bus_options, curve_keys, guarded
from alp.cli.lazy import Command
from alp.cli.options import state_option


@click.command(
    cls=Command,
    examples={
        "alp position-server examples/eth-usdc.yaml --keys binance=/run/secrets/reads": (
            "keep its ledger in the folder of state"
        ),
        "ALP_LEDGER=postgresql://host/alp alp position-server examples/eth-usdc.yaml": (
            "in PostgreSQL"
        ),
    },
)
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@state_option
@click.option(
    "--ledger",
    envvar="ALP_LEDGER",
    metavar="LEDGER",
    help="SQLite file or URL of PostgreSQL; ALP_LEDGER.  [default: ledger.db in --state]",
)
@click.option(
    "--keys",
    multiple=True,
    metavar="VENUE=FOLDER",
    help="Where an account's keys to read are mounted; repeat it.  [default: the environment]",
)
@click.option(
    "--commands",
    multiple=True,
    metavar="VENUE=ENDPOINT",
    help="Where an account's handler takes commands; repeat it.  [default: its socket]",
)
@click.option(
    "--orders",
    multiple=True,
    metavar="VENUE=ENDPOINT",
    help="Where it publishes; repeat it.  [default: its socket]",
)
@click.option(
    "--quotes",
    metavar="ENDPOINT",
    help="Where the quote server publishes.  [default: its socket]",
)
@click.option(
    "--chain",
    metavar="ENDPOINT",
    help="Where the LP agent publishes.  [default: its socket]",
)
@click.option(
    "--period",
    type=click.FloatRange(min=0.5),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="How often ledger, handler and venue are compared.",
)
@click.option(
    "--accept",
    default="",
    metavar="REASON",
    help="Book what a venue has more or less than the ledger at this start, for this reason.",
)
@click.option(
    "--health",
    metavar="HOST:PORT",
    help="Serve /livez, /readyz, /metrics, /positions and /pnl here.  [default: nowhere]",
)
@click.option(
    "--clients",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="With --curve: let those connect whose public ZMQ certificates are here.  [default: "
    "whoever has the same certificate]",
)
@bus_options
def position_server(
    manifest: Path,
    state: Path | None,
    ledger: str | None,
    keys: tuple[str, ...],
    commands: tuple[str, ...],
    orders: tuple[str, ...],
    quotes: str | None,
    chain: str | None,
    period: float,
    accept: str,
    health: str | None,
    clients: Path | None,
    publish: str | None,
    recall: str | None,
    curve: Path | None,
) -> None:
    """Keep one ledger of all accounts of a strategy, and say on the bus what they hold.

    Books what handlers tell of trades, each once, and what the LP agent tells of the pool's leg.
    Where the ledger is empty, what venues and chain hold is adopted. Handlers, the venues' lists of
    trades and their balances are compared again and again; what differs twice closes the handler's
    gate until it agrees, and is named with its entry.

    Keys are those of VENUE-positions: keys of its own, which only have to read. Runs until SIGTERM
    or Ctrl-C. Exit status 3 where the manifest, an address or the ledger is wrong, or another
    process has taken the ledger over.
    """
    from alp.bus.addresses import chosen_endpoints, default_endpoints
    from alp.services.execution.kill_switch import state_folder
    from alp.services.position.drop_copy import DropRules
    from alp.services.position.service import HandlerPlace, Placement, serve
    from alp.strategy.loading import load_manifest
    from alp.system.accounts import accounts_of

    strategy = load_manifest(manifest)
    name = strategy.name
    folder = state_folder(name, state)
    where = {"keys": _pairs(keys), "commands": _pairs(commands), "orders": _pairs(orders)}
    handlers = {}
    for owner, _ in accounts_of(strategy):
        mounted = where["keys"].get(owner.name)
        handlers[owner.name] = HandlerPlace(
            where["commands"].get(owner.name)
            or default_endpoints(name, f"commands-{owner.name}")[0],
            where["orders"].get(owner.name) or default_endpoints(name, f"orders-{owner.name}")[0],
            None if mounted is None else Path(mounted),
        )
    serve(
        strategy,
        Placement(
            ledger or str(folder / "ledger.db"),
            *chosen_endpoints(publish, recall, name, "positions"),
            quotes or default_endpoints(name, "quotes")[0],
            chain or default_endpoints(name, "lp")[0],
            handlers,
            health,
            guarded(curve_keys(curve), clients) if clients else curve_keys(curve),
            DropRules(period_ns=int(period * 10**9)),
            accept,
        ),
    )


def _pairs(given: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for each in given:
        name, separator, value = each.partition("=")
        if not separator or not name or not value:
            raise click.BadParameter(f"{each!r} is not VENUE=VALUE")
        found[name] = value
    return found
