"""``alp quote-server``: exact books of a strategy's venues, on the bus."""

from __future__ import annotations

from pathlib import Path

import click

from alp.cli.bus_options import bus_options, curve_keys
from alp.cli.lazy import Command


@click.command(
    cls=Command,
    examples={
        "alp quote-server examples/eth-usdc.yaml": "all venues of the manifest, in one process",
        "alp quote-server strategy.yaml --venue kraken --health 0.0.0.0:9464": (
            "one venue, with probes and metrics"
        ),
        "alp top examples/eth-usdc.yaml": "in another terminal: look at its books",
    },
)
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--venue",
    "venues",
    multiple=True,
    metavar="NAME",
    help="Serve this venue of the manifest only; repeat for several.  [default: all]",
)
@click.option(
    "--health",
    metavar="HOST:PORT",
    help="Serve /livez, /readyz and /metrics here.  [default: nowhere]",
)
@bus_options
def quote_server(
    manifest: Path,
    venues: tuple[str, ...],
    health: str | None,
    publish: str | None,
    recall: str | None,
    curve: Path | None,
) -> None:
    """Keep exact order books of a strategy's venues and publish them on the bus.

    Connects to the venues of MANIFEST, builds each book from its snapshot and every difference
    under the venue's own rule of continuity, and publishes best bid and ask, depth and trades as
    spec.marketData says. A book that cannot be proven right is published as not live, with the
    reason, until it has been rebuilt.

    Runs until SIGTERM or Ctrl-C, then says that its books are no longer live and exits with 0.
    Exit status 3 where the manifest or an address is wrong, or a venue does not know a product.
    """
    from alp.bus.addresses import chosen_endpoints
    from alp.services.market.quote_server import Placement, serve
    from alp.strategy.loading import load_manifest

    strategy = load_manifest(manifest)
    endpoints = chosen_endpoints(publish, recall, strategy.name, "quotes")
    placement = Placement(*endpoints, health, venues, curve_keys(curve))
    serve(strategy, placement)
