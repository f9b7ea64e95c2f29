#!/usr/bin/env python3
"""Tick-level backtests: alp beside a C++ floor and hftbacktest, over the same events.

    python benchmarks/tick_backtest.py                         # everything that is at hand
    python benchmarks/tick_backtest.py --hftbacktest PYTHON    # of an environment that has it
    python benchmarks/tick_backtest.py --quick                 # a second, no peers: does it run

CPU time of one core, best of n rounds in turn and of six plays in a round; only ratios inside one
run mean anything. An event is one change of a level or one trade; everybody plays it on two sides,
at the exchange and as received. Read-only reads the touch every 100 ms. The market maker is
hftbacktest's own example: GLFT whose A, k and volatility are measured anew every 5 s, a quote a
side every 100 ms, 10 ms each way; both must end with the same orders, fills, position and balance.
The floor knows no latency and no order in a queue. hftbacktest compiles its loop at the first run;
that is told apart. The desk is one in Python, told each touch and each trade, that wishes a quote a
side behind the touch every 100 ms; nobody else has its like.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from peers.measure import (  # noqa: E402
    ChildFailed,
    child,
    environment_python,
    load,
    number,
    pin,
    write_report,
)
from peers.tick_events import generated, shared_events  # noqa: E402

from alp._core.matching import QueueModel  # noqa: E402
from alp._core.tick_replay import AmendRule, TickReplay  # noqa: E402
from alp.backtest.desk_orders import DeskOrders  # noqa: E402
from alp.backtest.desk_world import DeskProduct, DeskWorld  # noqa: E402
from alp.backtest.tick_file import Grid, Tape, open_tape  # noqa: E402
from alp.backtest.tick_tape import tape_of_array  # noqa: E402
from alp.models.desk import Desk, DeskInstrument, Event, Tick, Top, Wish  # noqa: E402
from alp.recording.npz import EVENT  # noqa: E402

GRID = Grid(Decimal("0.01"), Decimal("0.001"))
STEP_NS = 100_000_000
LATENCY_NS = 10_000_000
PLAYS = 6  # in one round; the floor's own number
MAKER_FEE = Decimal("-0.00005")
Outcome = tuple[Any, ...]


@dataclass
class Runner:
    """One program in one mode: what a round gives is nanoseconds an event, and an outcome."""

    name: str
    mode: str
    run: Callable[[], tuple[float, Outcome | None]]
    taken: list[float] = field(default_factory=list)
    outcome: Outcome | None = None
    note: str = ""

    @property
    def best(self) -> float:
        return min(self.taken)


def replay(tape: Tape) -> TickReplay:
    return TickReplay(
        tape.rows,
        model=QueueModel.POWER,
        exponent=2,
        entry_ns=LATENCY_NS,
        answer_ns=LATENCY_NS,
        whole=True,
        check=False,
    )


def read_only(tape: Tape) -> tuple[float, Outcome | None]:
    taken = []
    for _ in range(PLAYS):
        world = replay(tape)
        start = time.process_time()
        world.touches(STEP_NS)
        taken.append(time.process_time() - start)
    return min(taken) * 1e9 / tape.facts.rows, None


def compiled_maker() -> Callable[[TickReplay], None] | str:
    """Return what plays the market maker over a replay, or why it cannot."""
    try:
        from alp._core.arrivals import FitUnit
        from alp._core.maker import Rounding, Touch
        from alp._core.tick_maker import TickMarketMaker
        from alp.models.maker import CalibrationParameters, InputAges, MakerParameters
        from alp.models.quoting import Intensity
        from alp.models.recipe import ModelKind, QuotingRecipe
    except ImportError as missing:
        return f"this build has no compiled market maker ({missing})"
    parameters = MakerParameters(
        QuotingRecipe(ModelKind.GLFT, 5.0, Intensity(1, 1), 20.0, 1.0, exact=False),
        GRID.tick_size,
        GRID.lot_size,
        (1000,),
        min_lots=1000,
        skew_factor=0.05,
        least_spread_ticks=0.0,
        rounding=Rounding.NEAREST,
        touch=Touch.JOIN,
        ages=InputAges(None, None, None, None, None),
    )
    calibration = CalibrationParameters(
        least_arrivals=0, least_hits=1, sides=1, unit=FitUnit.BINS, weighted=False
    )

    def play(world: TickReplay) -> None:
        TickMarketMaker(parameters.build(), calibration.build(), stands=True).run(world, STEP_NS)

    return play


def market_maker(tape: Tape, play: Callable[[TickReplay], None]) -> tuple[float, Outcome]:
    taken = []
    for _ in range(PLAYS):
        world = replay(tape)
        start = time.process_time()
        play(world)
        taken.append(time.process_time() - start)
    sent, cancels, _, fills = world.counts
    unit = GRID.tick_size * GRID.lot_size
    outcome = (
        sent,
        cancels,
        fills,
        round(float(world.position * GRID.lot_size), 6),
        round(float(world.cash * unit), 4),
        round(float(world.turnover[0] * unit * MAKER_FEE), 4),
    )
    return min(taken) * 1e9 / tape.facts.rows, outcome


class TouchDesk(Desk):
    """A quote a side two ticks behind the touch, in Python: what being told and asked costs."""

    interval_ns = STEP_NS

    def __init__(self) -> None:
        self.top: Top | None = None
        self.number = 0

    def on(self, event: Event) -> Sequence[Wish]:
        if isinstance(event, Top):
            self.top = event
        elif isinstance(event, Tick) and self.top is not None:
            self.number += 1
            bid, ask = self.top.bid - 2, self.top.ask + 2
            until_ns = event.at_ns + 10 * STEP_NS
            wish = Wish(self.number, 0, event.at_ns, until_ns, ((bid, 1000),), ((ask, 1000),), {})
            return (wish,)
        return ()

    def snapshot(self) -> dict[str, Any]:
        return {"top": self.top, "number": self.number}

    def restore(self, state: dict[str, Any]) -> None:
        self.top, self.number = state["top"], state["number"]


def desk(tape: Tape, runner: Runner) -> tuple[float, None]:
    """Play a desk once: it takes long enough."""
    grid = tape.facts.grid
    eth = DeskInstrument(0, "venue", "binance-usdm", "ETHUSDT", grid.tick_size, grid.lot_size)
    world = replay(tape)
    product = DeskProduct(eth, world, DeskOrders(eth, world, AmendRule.KEEPS))
    played = DeskWorld(TouchDesk(), [product])
    last = int(tape.rows[-1]["local_ns"])
    start = time.process_time()
    played.run_to(last)
    taken = time.process_time() - start
    runner.note = (
        f"{number(played.events / taken)} events of the desk/s; told {played.events:,}, "
        f"wished {played.wishes:,}, filled {product.fills:,}"
    )
    return taken * 1e9 / tape.facts.rows, None


def floor(binary: Path, events: Path) -> tuple[float, None]:
    text = child([binary, events]).output.splitlines()[0]  # two ladders
    return 1e9 / field_of(text, "hi"), None


def field_of(text: str, name: str) -> float:
    return float(json.loads(text)[name])


def hftbacktest(
    python: Path, script: Path, events: Path, mode: str, runner: Runner
) -> tuple[float, Outcome | None]:
    record = child([python, script, events, mode, -1, PLAYS]).record
    runner.note = f"first run, which compiles: {record['first_run_with_jit']:.1f} s"
    outcome = None
    if mode == "glft":
        _, sent, cancels, state = ast.literal_eval(record["extra"])
        outcome = (
            sent,
            cancels,
            state["trades"],
            round(state["pos"], 6),
            round(state["bal"], 4),
            round(state["fee"], 4),
        )
    return 1e9 / record["hi"], outcome


def runners(given: argparse.Namespace, tape: Tape, events: Path, folder: Path) -> list[Runner]:
    """Return everybody who is at hand; who is not is said."""
    found = [Runner("alp", "read-only", lambda: read_only(tape))]
    play = compiled_maker()
    if isinstance(play, str):
        print(f"  alp, market maker: skipped, {play}")
    else:
        found.append(Runner("alp", "market maker", lambda: market_maker(tape, play)))
    told = Runner("alp", "Python desk", lambda: (0.0, None))
    told.run = lambda: desk(tape, told)
    found.append(told)
    if given.quick:
        return found
    bench = given.shared / "bench"
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None or not (bench / "floor_bt.cpp").is_file():
        print("  C++ floor: skipped, no C++ compiler or no shared folder")
    else:
        binary = folder / "floor"
        child(
            [compiler, "-O3", "-march=native", "-std=c++17", bench / "floor_bt.cpp", "-o", binary]
        )
        found.append(Runner("C++ floor", "read-only", lambda: floor(binary, events)))
    script = bench / "bench_hbt.py"
    if not script.is_file():
        print("  hftbacktest: skipped, no shared folder with its driver")
        return found
    try:
        python = given.hftbacktest or environment_python(
            given.cache, "hftbacktest", ("hftbacktest==2.4.4",)
        )
    except (ChildFailed, OSError) as failure:
        print(f"  hftbacktest: skipped, {str(failure)[-200:]}")
        return found
    for name, mode in (("read-only", "ro"), ("market maker", "glft")):
        runner = Runner("hftbacktest 2.4.4", name, lambda: (0.0, None))
        runner.run = lambda mode=mode, runner=runner: hftbacktest(
            python, script, events, mode, runner
        )
        found.append(runner)
    return found


def compare(everybody: list[Runner], rounds: int) -> list[dict[str, Any]]:
    """Let everybody play in turn; print and return a row for each."""
    for _ in range(rounds):  # in turn, so that all meet the same neighbours
        for runner in everybody:
            taken, runner.outcome = runner.run()
            runner.taken.append(taken)
    rows = []
    for mode in ("read-only", "market maker", "Python desk"):
        group = [runner for runner in everybody if runner.mode == mode]
        ours = next((runner for runner in group if runner.name == "alp"), None)
        for runner in group:
            ratio = runner.best / ours.best if ours else float("nan")
            said = "" if runner is ours else f"alp at {ratio:.2f} x its rate"
            median = statistics.median(runner.taken)
            rate = f"{number(1e9 / runner.best)} events/s"
            print(
                f"  {mode:<14}{runner.name:<20}{runner.best:>8.1f} ns/event (median {median:.1f})"
                f"  {rate:<16}{said}  {runner.note}",
                flush=True,
            )
            rows.append(
                {
                    "mode": mode,
                    "name": runner.name,
                    "ns_per_event": runner.best,
                    "median_ns_per_event": median,
                    "alp_rate_of_this": ratio,
                    "outcome": runner.outcome,
                }
            )
        outcomes = {runner.outcome for runner in group if runner.outcome is not None}
        if len(outcomes) > 1:
            raise SystemExit(f"the market makers end apart: {outcomes}")
        if outcomes:
            [same] = outcomes
            print(
                "  {} orders, {} cancels, {} fills, position {}, balance {}, fee {}".format(*same)
            )
    return rows


def main() -> None:
    default = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "alp-benchmarks"
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="few events and no peers")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--bursts", type=int, default=200_000, help="about 17 events each")
    parser.add_argument("--hftbacktest", type=Path, help="a Python that has hftbacktest 2.4.4")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--cache", type=Path, default=default)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    given = parser.parse_args()
    print(f"{platform.machine()}, Python {platform.python_version()}, {pin()}, {load()}")
    bursts = 2_000 if given.quick else given.bursts
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        events = None
        if not given.quick:
            events = shared_events(folder / "events.bin", given.shared / "bench", bursts, folder)
        events = events or generated(folder / "events.bin", bursts, seed=43)
        target = folder / "events.alptape"
        tape_of_array(np.fromfile(events, EVENT), target, GRID)
        tape = open_tape(target)
        rounds = 1 if given.quick else given.rounds
        print(f"{tape.facts.rows:,} events, best of {rounds} rounds")
        rows = compare(runners(given, tape, events, folder), rounds)
    write_report(given.json, "tick_backtest", rows)


if __name__ == "__main__":
    main()
