#!/usr/bin/env python3
"""The router: how long it takes to say which account gets what of an order, or of a ladder.

    python benchmarks/routing.py
    python benchmarks/routing.py --quick    # few calls: does it run

Books have ten levels a side. Figures are of Python calls, as a market maker makes them.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from peers.measure import load, pin, write_report  # noqa: E402

from alp._core.gate import GateState  # noqa: E402
from alp.services.execution.limits import UNITS, AccountVenue  # noqa: E402
from alp.services.execution.route_terms import VenueState, Want  # noqa: E402
from alp.services.execution.router import Router  # noqa: E402
from alp.strategy.loading import load_manifest  # noqa: E402
from alp.venues.instruments import Grid, Instrument  # noqa: E402

EXCHANGES = ("binance-usdm", "binance-spot", "coinbase-spot", "kraken-spot")
ACCOUNTS = (1, 3, 8)
BATCH = 50
LIVE = VenueState(
    tuple((267_990 - at, 500) for at in range(10)),
    tuple((268_010 + at, 500) for at in range(10)),
    fresh=True,
    gate=GateState.ACTIVE,
    orders_left=50,
)
REST = Want(1, 3 * UNITS, 2_680 * UNITS)
TAKE = REST._replace(price=0, takes=True)
LADDER = [
    Want(side, UNITS // 2, (2_680 - side * step) * UNITS) for side in (1, -1) for step in (1, 2, 3)
]


def router_of(accounts: int) -> Router:
    names = [EXCHANGES[at % len(EXCHANGES)] for at in range(accounts)]
    strategy = load_manifest(
        {
            "apiVersion": "alp.dev/v1alpha1",
            "kind": "Strategy",
            "metadata": {"name": "routed"},
            "spec": {
                "pool": {"chain": "ethereum", "base": "WETH", "quote": "USDC", "feeTier": 500},
                "inventory": {"base": "1", "quote": "2500"},
                "venues": [
                    {"name": f"v{at}", "exchange": name, "symbol": "ETHUSDC"}
                    for at, name in enumerate(names)
                ],
                "limits": {"maxVenueBase": "6", "maxOrderNotional": "20000"},
            },
        }
    )
    products = []
    for at, venue in enumerate(strategy.spec.venues):
        grids = Grid(2, 1), Grid(3, 1), Grid(3, 1)
        least = Decimal("0.001")
        names = venue.symbol, venue.symbol, "ETH", "USDC"
        products.append(AccountVenue(at, venue, Instrument(venue.exchange, *names, *grids, least)))
    return Router(strategy, products)


def best_us(call: Callable[[], object], batches: int) -> float:
    found = float("inf")
    for _ in range(batches):
        start = time.process_time_ns()
        for _ in range(BATCH):
            call()
        found = min(found, (time.process_time_ns() - start) / BATCH / 1_000)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="few calls")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    given = parser.parse_args()
    batches = 5 if given.quick else 300
    print(
        f"{platform.machine()}, Python {platform.python_version()}, {pin()}, {load()}, "
        f"best CPU time of {batches} times {BATCH}"
    )
    rows = []
    for accounts in ACCOUNTS:
        router = router_of(accounts)
        states = dict.fromkeys(range(accounts), LIVE)
        row = {
            "accounts": accounts,
            "rests us": best_us(lambda: router.route(REST, states), batches),  # noqa: B023
            "takes us": best_us(lambda: router.route(TAKE, states), batches),  # noqa: B023
            "ladder of six us": best_us(
                lambda: router.ladder(LADDER, states),  # noqa: B023
                batches,
            ),
        }
        rows.append(row)
        text = "".join(f"{name[:-3]:>18}{row[name]:>8.1f} us" for name in list(row)[1:])
        print(f"  {accounts} accounts{text}")
    write_report(given.json, "routing", rows)


if __name__ == "__main__":
    main()
