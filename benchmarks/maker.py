#!/usr/bin/env python3
"""The market maker: what a decision costs, and a whole strategy on ticks beside hftbacktest.

    python benchmarks/maker.py                        # decisions, without Python
    python benchmarks/maker.py --events EVENTS.npz    # and GLFT on hftbacktest's event array
    python benchmarks/maker.py --quick                # few calls, no peer: does it run

CPU time of one core, best of n. Both sides of the comparison get the same events, parameters,
latencies and queue model, take turns in one run, and must send, cancel and fill the same orders.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from peers.kernel import build_kernel  # noqa: E402
from peers.measure import (  # noqa: E402
    child,
    environment_python,
    load,
    number,
    pin,
    spread,
    write_report,
)

from alp._core.arrivals import FitUnit  # noqa: E402
from alp._core.maker import Rounding, Touch  # noqa: E402
from alp._core.matching import QueueModel  # noqa: E402
from alp._core.tape import LOTS_SHIFT, TAPE_ROW, TapeBit  # noqa: E402
from alp._core.tick_maker import TickMarketMaker  # noqa: E402
from alp._core.tick_replay import TickReplay  # noqa: E402
from alp.models.maker import CalibrationParameters, InputAges, MakerParameters  # noqa: E402
from alp.models.quoting import Horizon, Intensity  # noqa: E402
from alp.models.recipe import ModelKind, QuotingRecipe  # noqa: E402
from alp.recording.npz import EVENT  # noqa: E402

NOW = 1_700_000_000 * 10**9
STEP = 100_000_000
LATENCY = 10_000_000
LOTS = 1_000
TICK = Decimal("0.01")
PEER = ("hftbacktest==2.4.4",)

# One tick of one order is a hundredth of the quote: 5 of it are 0.05 a tick and order.
NOTEBOOK = MakerParameters(
    QuotingRecipe(ModelKind.GLFT, 5.0, Intensity(1.0, 1.0), 20.0, 1.0, exact=False),
    TICK,
    Decimal("0.001"),
    (LOTS,),
    min_lots=LOTS,
    least_spread_ticks=0.0,
    skew_factor=0.05,
    rounding=Rounding.NEAREST,
    touch=Touch.JOIN,
    ages=InputAges(None, None, None, None, None),
)
NOTEBOOK_FIT = CalibrationParameters(
    least_arrivals=0, least_hits=1, sides=1, unit=FitUnit.BINS, weighted=False
)


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
            estimator = NOTEBOOK_FIT.build()
            spent = kernel.sample_ns(estimator, bids, reaches, max(calls, 20_000))
            name = "sample of 100 ms, with its share of the fits"
            found[name] = min(found.get(name, float("inf")), spent)
    return found


def read_events(path: Path) -> np.ndarray:
    """Read hftbacktest's array, in its archive or bare."""
    if path.suffix == ".npz":
        with np.load(path) as archive:
            return archive["data"]
    return np.fromfile(path, dtype=EVENT)


def tape_of(events: np.ndarray) -> np.ndarray:
    """Rows of the same events; a time that falls counts as the one before it."""
    flags = events["ev"]
    kind = flags & np.uint64(0xFF)
    bits = np.select(
        [kind == 2, kind == 3], [int(TapeBit.TRADE), int(TapeBit.CLEAR)], int(TapeBit.LEVEL)
    ).astype(np.uint64)
    for place, bit in ((29, TapeBit.BID), (31, TapeBit.EXCHANGE), (30, TapeBit.LOCAL)):
        bits |= (flags >> np.uint64(place) & np.uint64(1)) * np.uint64(int(bit))
    rows = np.zeros(len(events), dtype=list(TAPE_ROW))
    rows["exchange_ns"] = np.maximum.accumulate(events["exch_ts"])
    rows["local_ns"] = np.maximum.accumulate(events["local_ts"])
    rows["price"] = np.rint(events["px"] / float(TICK))
    lots = np.rint(events["qty"] * LOTS).astype(np.uint64)
    rows["size"] = lots << np.uint64(LOTS_SHIFT) | bits
    return rows


def played(rows: np.ndarray) -> tuple[float, dict[str, Any]]:
    """One run of the strategy: CPU seconds, and what came of it."""
    replay = TickReplay(
        rows, model=QueueModel.POWER, exponent=2, entry_ns=LATENCY, answer_ns=LATENCY, whole=True
    )
    maker = TickMarketMaker(NOTEBOOK.build(), NOTEBOOK_FIT.build(), stands=True)
    start = time.process_time()
    maker.run(replay, STEP)
    spent = time.process_time() - start
    sent, canceled, _, fills = replay.counts
    return spent, {
        "sent": sent,
        "canceled": canceled,
        "fills": fills,
        "position": replay.position / LOTS,
        "balance": round(replay.cash * float(TICK) / LOTS, 6),
    }


def strategy(path: Path, python: Path | None, repeat: int) -> list[dict[str, Any]]:
    """Play it here and there in turns, and compare what came of it."""
    events = read_events(path)
    rows = tape_of(events)
    steps = int(rows["local_ns"][-1] - rows["local_ns"][0]) // STEP + 10
    ours: list[float] = []
    theirs: list[float] = []
    record: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "events.npz"
        if python is not None:
            np.savez(archive, data=events)
        for _ in range(repeat):
            spent, result = played(rows)
            ours.append(spent)
            if python is not None:
                script = ROOT / "benchmarks" / "peers" / "glft_hftbacktest.py"
                command = [python, script, archive, str(TICK), str(steps), "3"]
                record = child(command).record
                theirs += record["cpu_s"]
                other = {name: record[name] for name in result}
                if other != result:
                    raise AssertionError(f"hftbacktest: {other}; alp: {result}")
    print(f"\nGLFT on {len(rows)} events: {json.dumps(result)}")
    print(f"  alp          {spread(ours, per=len(rows))} events/s")
    if theirs:
        print(f"  hftbacktest  {spread(theirs, per=len(rows))} events/s, the same orders and fills")
        print(f"  its first run, which compiles: {number(record['first_s'])} s")
        ratio = statistics.median(theirs) / statistics.median(ours)
        print(f"  alp is {ratio:.1f} times as fast")
    return [{"what": "strategy", "alp_s": ours, "hftbacktest_s": theirs, **result}]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="few calls, no peer")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--events", type=Path, help="event array of hftbacktest 2, .npz or bare")
    parser.add_argument("--python", type=Path, help="a Python that has hftbacktest")
    parser.add_argument("--cache", type=Path, default=ROOT / "build" / "peers")
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
    if given.events is not None:
        python = given.python
        if python is None and not given.quick:
            python = environment_python(given.cache, "hftbacktest", PEER)
        rows += strategy(given.events, python, given.repeat)
    write_report(given.json, "maker", rows)


if __name__ == "__main__":
    main()
