#!/usr/bin/env python3
"""The market maker: what a decision costs, and a sample of the calibration, without Python.

    python benchmarks/maker.py
    python benchmarks/maker.py --quick    # few calls: does it run

CPU time of one core, best of n. Price and inventory differ at each decision, so that nothing is
the same as before but the fit. A whole strategy on ticks is in ``tick_backtest.py``. Below it is
what the desk takes in Python around a decision, event in to wish out, in one process without
sockets: the median and the 99th percentile, of CPU time as well.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from peers.kernel import build_kernel  # noqa: E402
from peers.measure import load, pin, write_report  # noqa: E402

from alp.models.desk import (  # noqa: E402
    BookState,
    DeskInstrument,
    Gated,
    GateState,
    Held,
    LpHeld,
    PoolPrice,
    Tick,
    Top,
)
from alp.models.maker import CalibrationParameters, MakerParameters  # noqa: E402
from alp.models.pair import TokenPair  # noqa: E402
from alp.models.quoting import Horizon, Intensity  # noqa: E402
from alp.models.quoting_desk import QuotingDesk  # noqa: E402
from alp.models.quoting_rules import HedgeRules, QuotedProduct, QuotingRules  # noqa: E402
from alp.models.recipe import ModelKind, QuotingRecipe  # noqa: E402

NOW = 1_700_000_000 * 10**9
TICK = Decimal("0.01")


def makers() -> dict[str, tuple[MakerParameters, int]]:
    """Makers by name, each with the number of decisions between two fits."""

    def maker(recipe: dict[str, Any], **changes: Any) -> MakerParameters:
        chosen = QuotingRecipe(
            **{"kind": ModelKind.GLFT, "exact": False, **recipe},
            risk_aversion=0.5,
            intensity=Intensity(0.9, 12.0),
            max_inventory_base=6.0,
            order_size_base=0.2,
        )
        sizes = changes.pop("level_lots", (200,))
        return MakerParameters(chosen, TICK, Decimal("0.001"), sizes, **changes)

    rolling = {"kind": ModelKind.AVELLANEDA_STOIKOV, "horizon": Horizon.ROLLING, "horizon_s": 60.0}
    five = {"level_lots": (200, 250, 300, 350, 400), "step_ticks": 3}
    every = {"price_hysteresis_ticks": 2, "inventory_hysteresis_lots": 100, "asymmetry_bps": 3000}
    cost = {"execution_cost_bps": 0.2}
    return {
        "GLFT closed form, a level a side": (maker({}), 50),
        "GLFT table of 61 inventories": (maker({"exact": True}), 50),
        "Avellaneda-Stoikov": (maker(rolling), 50),
        "GLFT closed form, five levels a side": (maker({}, **five), 50),
        "the same, everything on": (
            maker(cost, **five, **every, microprice_weight=0.5, maker_fee_bps=1.0), 50,
        ),
        "GLFT closed form, a new fit each time": (maker({}), 1),
        "GLFT table, a new fit each time": (maker({"exact": True}), 1),
    }  # fmt: skip


INPUTS = {
    "now_ns": NOW,
    "stamp_ns": [NOW] * 5,
    "bid": 260_000,
    "bid_lots": 1_200,
    "ask": 260_001,
    "ask_lots": 900,
    "inventory": 0,
    "room": [1 << 40, 1 << 40],
    "scale": 0.9,
    "decay": 0.12,
    "sigma": 8.0,
    "drift": 0.0,
    "widen": 1.0,
    "allowed": [True, True],
    "suspended": False,
}


def decisions(repeat: int, calls: int) -> dict[str, float]:
    """Nanoseconds of decisions and of samples."""
    random = np.random.default_rng(1)
    bids = 260_000 + np.cumsum(random.integers(-2, 3, 20_000))
    reaches = random.integers(-12, 13, 20_000)
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        kernel: Any = build_kernel("maker_kernel", Path(folder))
        for _ in range(repeat):
            for name, (parameters, fits) in makers().items():
                count = calls // 20 if fits == 1 else calls
                spent = kernel.decision_ns(parameters.build(), INPUTS, count, fits)
                found[name] = min(found.get(name, float("inf")), spent)
            estimator = CalibrationParameters().build()
            spent = kernel.sample_ns(estimator, bids, reaches, max(calls, 20_000))
            name = "sample of 100 ms, with its share of the fits"
            found[name] = min(found.get(name, float("inf")), spent)
    return found


def desk_of(products: int, *, hedged: bool) -> QuotingDesk:
    """A desk that is quoting, on as many products."""
    pair = TokenPair("WETH", "USDC", 18, 6, False, 500, 10)
    parameters = makers()["GLFT table of 61 inventories"][0]
    parameters = replace(parameters, ages=replace(parameters.ages, inventory=None))
    desk = QuotingDesk(
        QuotingRules(
            tuple(
                QuotedProduct(
                    DeskInstrument(at, f"v{at}", "", "", TICK, parameters.lot_size),
                    parameters,
                    CalibrationParameters(window=600, least_samples=20, refit_every=10),
                    measured=False,
                    share_ppm=1_000_000 // products,
                )
                for at in range(products)
            ),
            18,
            HedgeRules(pair, 1.0) if hedged else None,
            gate_age_ns=None,
        )
    )
    desk.on(LpHeld(NOW, 10**18, 10**9, 10**17, 1, 1))
    for at in range(products):
        desk.on(BookState(at, NOW, live=True))
        desk.on(Gated(at, NOW, GateState.ACTIVE))
        desk.on(Held(at, NOW, 0))
    price = pair.price_to_sqrt_x96(Decimal("2600"))
    for step in range(60):
        now = NOW + step * 10**8
        desk.on(PoolPrice(now, price))
        for at in range(products):
            desk.on(Top(at, now, 260_000 + step % 3, 1_200, 260_001 + step % 3, 900))
        desk.on(Tick(now))
    return desk


def event_to_wish(calls: int) -> dict[str, tuple[float, float]]:
    """Nanoseconds from an event to the wishes that follow, median and 99th percentile."""
    found = {}
    for name, products, hedged in (
        ("desk, a product, a price: a wish", 1, False),
        ("desk, a product and an LP leg, a price: a wish", 1, True),
        ("desk, two products, an LP leg, a position: two wishes", 2, True),
    ):
        desk = desk_of(products, hedged=hedged)
        spent = np.empty(calls, np.int64)
        wishes = 0
        for call in range(calls):
            now = NOW + 60 * 10**8 + call * 1000
            top = Top(0, now, 260_000 + call % 7, 1_200, 260_001 + call % 7, 900)
            event = Held(0, now, call % 7 * 400) if products > 1 else top
            begun = time.thread_time_ns()
            wishes += len(desk.on(event))
            spent[call] = time.thread_time_ns() - begun
        assert wishes > calls // 2, f"{name}: {wishes} wishes of {calls} events"
        found[name] = (float(np.median(spent)), float(np.quantile(spent, 0.99)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="few calls")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    given = parser.parse_args()
    print(
        f"{platform.machine()}, Python {platform.python_version()}, {pin()}, {load()}, "
        f"CPU time, best of {given.repeat}"
    )
    found = decisions(given.repeat, 20_000 if given.quick else 1_000_000)
    for name, spent in found.items():
        print(f"  {name:46} {spent:10.1f} ns")
    rows: list[dict[str, Any]] = [{"what": name, "ns": spent} for name, spent in found.items()]
    for name, (median, high) in event_to_wish(2_000 if given.quick else 50_000).items():
        print(f"  {name:54} p50 {median / 1000:6.1f} us  p99 {high / 1000:6.1f} us")
        rows.append({"what": name, "p50_ns": median, "p99_ns": high})
    write_report(given.json, "maker", rows)


if __name__ == "__main__":
    main()
