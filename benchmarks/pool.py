#!/usr/bin/env python3
"""Speed of the pool engine beside uniswap_v3_math (Rust), degenbot and the real bytecode in revm.

    python benchmarks/pool.py            # everything that is at hand
    python benchmarks/pool.py --quick    # a few seconds, no peers: does it run

CPU time of one core, one run; only ratios inside one run mean anything. Every peer is first held to
the recorded contracts, so the table also says who is right how often. Peers get an environment of
their own in ``--peers-dir``: crates (needs cargo), a Python venv, node modules (needs npm). What
cannot be had is skipped, and said.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from peers.kernel import build_kernel  # noqa: E402
from peers.measure import ChildFailed, child, environment_python, pin  # noqa: E402

from alp._core.pool import Pool  # noqa: E402
from alp._core.tick_table import next_initialized_tick_within_one_word  # noqa: E402
from alp._core.tickmath import get_sqrt_ratio_at_tick  # noqa: E402
from alp.chain.pool_trace import TraceReplay  # noqa: E402
from alp.chain.verify_pool import verify_file  # noqa: E402

PEER_PACKAGES = ("degenbot==0.3.0", "pyrevm==0.3.7")
NODE_PACKAGES = ("@uniswap/v3-core@1.0.1", "@uniswap/v3-periphery@1.4.4")
SWAPS = ("swap", "router_in", "router_out")
SHORT = {"computeSwapStep": "step", "getTickAtSqrtRatio": "tick", "getSqrtRatioAtTick": "ratio"}
START = 1_700_000_000
ROUNDS = 15
CALLS = 20_000
COPIES = 16


@dataclass(frozen=True)
class Scenario:
    """One swap of a USDC-WETH 5 bps pool at about 3,443 USDC, inside constant liquidity."""

    name: str
    zero_for_one: bool
    amount: int
    to_limit: bool = False


# Price, limit and liquidity as on mainnet (USDC is token0 with 6 decimals, WETH has 18).
PRICE = 1350174849792634181862360983626536
LIMIT = 1349499896410400000000000000000000
LIQUIDITY = 18_000_000_000_000_000_000
FEE, SPACING = 500, 10
SCENARIOS = (
    Scenario("sell-1-eth", False, 10**18),
    Scenario("sell-3400-usdc", True, 3400 * 10**6),
    Scenario("buy-3400-usdc", False, -3400 * 10**6),
    Scenario("buy-1-eth", True, -(10**18)),
    Scenario("reach-a-price", True, 10**18, to_limit=True),
)


@dataclass
class Bench:
    """Where things are, and what was found."""

    trace: Path
    vectors: Path
    cache: Path
    quick: bool
    swaps: list[dict[str, Any]] = field(default_factory=list)
    ours_mean_us: float = 0.0
    ours_median_us: float = 0.0

    @property
    def calls(self) -> int:
        """Calls in one round."""
        return CALLS // 20 if self.quick else CALLS


def say(what: str, figure: str, remark: str = "") -> None:
    print(f"{what:<46} {figure:>24}  {remark}", flush=True)


def skip(what: str, reason: object) -> None:
    say(what, "skipped", str(reason).strip().splitlines()[-1])


def pool_at_price() -> Pool:
    pool = Pool(FEE, SPACING)
    pool.initialize(PRICE, START)
    tick = pool.tick // SPACING * SPACING
    pool.mint(1, tick - 100_000, tick + 100_000, LIQUIDITY, START)
    return pool


def target_of(scenario: Scenario) -> int:
    """The price the pool's step aims at: the limit, or the end of the bitmap's word."""
    if scenario.to_limit:
        return LIMIT
    ticks = [tick.tick for tick in pool_at_price().ticks()]
    down = scenario.zero_for_one
    at, _ = next_initialized_tick_within_one_word(ticks, pool_at_price().tick, SPACING, down)
    return get_sqrt_ratio_at_tick(at)


Figures = dict[str, tuple[float, ...]]


def build_rust(bench: Bench, folder: Path) -> Path | None:
    """Compile the Rust side; None where it cannot be had."""
    if shutil.which("cargo") is None:
        skip("uniswap_v3_math (Rust)", "cargo is not installed")
        return None
    target = bench.cache / "univ3_rust"
    copied = folder / "univ3_rust"
    shutil.copytree(ROOT / "benchmarks" / "univ3_rust", copied, dirs_exist_ok=True)
    try:
        child(
            ["cargo", "build", "--release", "--quiet", "--manifest-path", copied / "Cargo.toml"],
            environment={"CARGO_TARGET_DIR": str(target)},
        )
    except ChildFailed as failure:
        skip("uniswap_v3_math (Rust)", failure)
        return None
    return target / "release" / "univ3-bench"


def hold_rust_to_the_contracts(bench: Bench, program: Path, folder: Path) -> None:
    with gzip.open(bench.vectors, "rt") as lines:
        records = [json.loads(line) for line in lines]
    inputs = folder / "vectors.txt"
    inputs.write_text(
        "\n".join(
            " ".join([SHORT[record["fn"]], *record["in"], *record["out"]])
            for record in records
            if record["fn"] in SHORT and "out" in record
        )
    )
    for line in child([program, inputs]).output.splitlines():
        _, name, *counts = line.split()
        say(f"  uniswap_v3_math {name}", " ".join(counts), "equal to the contracts")


def rust_figures(program: Path, folder: Path) -> Figures:
    """Nanoseconds of a step and of a tick in Rust, by scenario, once."""
    inputs = folder / "bench.txt"
    inputs.write_text(
        "\n".join(
            f"bench {s.name} {PRICE} {target_of(s)} {LIQUIDITY} {s.amount} {FEE}" for s in SCENARIOS
        )
    )
    lines = (line.split() for line in child([program, inputs]).output.splitlines())
    return {f[1]: (float(f[2]), float(f[3])) for f in lines if f[0] == "bench"}


def our_figures(bench: Bench, kernel: Any) -> Figures:
    """Nanoseconds of a step, of a tick and of a whole swap with all it changes, once."""
    figures: Figures = {}
    for scenario in SCENARIOS:
        limit = LIMIT if scenario.to_limit else PRICE // 2 if scenario.zero_for_one else 2 * PRICE
        pool = pool_at_price()
        # the loop puts the price back but the balances run on: give the pool enough of both
        pool.flash(0, 0, 2**120, 2**120)
        figures[scenario.name] = (
            kernel.step_ns(
                PRICE, target_of(scenario), LIQUIDITY, scenario.amount, FEE, bench.calls
            )[0],
            kernel.tick_ns(PRICE, bench.calls)[0],
            kernel.swap_ns(
                pool, scenario.zero_for_one, scenario.amount, limit, START + 1, bench.calls
            ),
        )
    return figures


def best(rounds: list[Figures], name: str) -> tuple[float, ...]:
    """The least of every figure over the rounds."""
    return tuple(min(values) for values in zip(*(figures[name] for figures in rounds), strict=True))


def compare_with_rust(bench: Bench, folder: Path) -> None:
    print("\nOne swap inside constant liquidity, CPU ns (best of interleaved rounds)")
    kernel = build_kernel("pool_kernel", folder / "kernel")
    program = None if bench.quick else build_rust(bench, folder)
    if program is not None:
        hold_rust_to_the_contracts(bench, program, folder)
    ours: list[Figures] = []
    rust: list[Figures] = []
    for _ in range(1 if bench.quick else ROUNDS):
        ours.append(our_figures(bench, kernel))
        if program is not None:
            rust.append(rust_figures(program, folder))
    print(f"{'':<18}{'alp':>8}{'alp':>8}{'alp':>12}{'rust':>8}{'rust':>8}   rust step + tick")
    print(
        f"{'':<18}{'step':>8}{'tick':>8}{'whole swap':>12}{'step':>8}{'tick':>8}   / alp whole swap"
    )
    for scenario in SCENARIOS:
        step, tick, swap = best(ours, scenario.name)
        line = f"{scenario.name:<18}{step:>8.0f}{tick:>8.0f}{swap:>12.0f}"
        if rust:
            rust_step, rust_tick = best(rust, scenario.name)
            ratio = (rust_step + rust_tick) / swap
            line += f"{rust_step:>8.0f}{rust_tick:>8.0f}   {ratio:.1f}x"
        print(line, flush=True)


def replay_trace(bench: Bench) -> None:
    """Our engine over the trace: equality of every operation, time of every swap in Python."""
    report = verify_file(bench.trace)
    say(
        "  alp, operations of the trace",
        f"{sum(report.equal.values())} of {sum(report.tried.values())}",
        "equal",
    )
    report = verify_file(bench.vectors)
    say(
        "  alp, math vectors",
        f"{sum(report.equal.values())} of {sum(report.tried.values())}",
        "equal",
    )
    with gzip.open(bench.trace, "rt") as lines:
        records = [json.loads(line) for line in lines]
    replay = TraceReplay()
    micros, equal = [], 0
    for record in records:
        if record["op"] == "header":
            replay.start(record)
        elif record["op"] == "pool":
            replay.open_pool(record)
        else:
            if record["op"] in SWAPS and record["ok"]:
                spent, same = timed_swap(replay.pool, record)
                micros.append(spent)
                equal += same
                bench.swaps.append(swap_input(replay.pool, record))
            replay.perform(record)
    bench.ours_mean_us, bench.ours_median_us = statistics.mean(micros), statistics.median(micros)
    row("alp, Pool.swap from Python", len(micros), equal, bench.ours_mean_us, bench.ours_median_us)


def timed_swap(pool: Pool, record: dict[str, Any]) -> tuple[float, bool]:
    """CPU microseconds of one call, over copies of the pool: each swap starts from the record's."""
    args = record["args"]
    call = (
        args["zeroForOne"],
        int(args["amountSpecified"]),
        int(args["sqrtPriceLimitX96"]),
        record["ts"],
    )
    copies = [pool.copy() for _ in range(COPIES)]
    start = time.process_time_ns()
    for copy in copies:
        amounts = copy.swap(*call)
    spent = (time.process_time_ns() - start) / 1000 / COPIES
    return spent, amounts == (int(record["out"]["amount0"]), int(record["out"]["amount1"]))


def swap_input(pool: Pool, record: dict[str, Any]) -> dict[str, Any]:
    """A swap and the state before it, for a peer that has no history."""
    args = record["args"]
    return {
        "fee": pool.fee,
        "tick_spacing": pool.tick_spacing,
        "sqrt_price_x96": str(pool.sqrt_price_x96),
        "tick": pool.tick,
        "liquidity": str(pool.liquidity),
        "ticks": [
            [tick.tick, str(tick.liquidity_net), str(tick.liquidity_gross)] for tick in pool.ticks()
        ],
        "zero_for_one": args["zeroForOne"],
        "amount": args["amountSpecified"],
        "limit": args["sqrtPriceLimitX96"],
        "amounts": [record["out"]["amount0"], record["out"]["amount1"]],
    }


def row(name: str, swaps: int, equal: int, mean: float, median: float, remark: str = "") -> None:
    print(
        f"{name:<30}{equal:>6} of {swaps:<6}{mean:>12.2f}{median:>12.2f}   {remark}",
        flush=True,
    )


def compare_with_python_peers(bench: Bench, folder: Path) -> None:
    try:
        python = environment_python(bench.cache, "python", PEER_PACKAGES)
    except (ChildFailed, OSError) as failure:
        skip("degenbot, pyrevm", failure)
        return
    inputs = folder / "swaps.jsonl"
    inputs.write_text("".join(json.dumps(swap) + "\n" for swap in bench.swaps))
    drivers = ROOT / "benchmarks" / "peers"
    peer_row(
        bench, "degenbot 0.3.0", [python, drivers / "pool_degenbot.py", inputs], "amounts only"
    )
    modules = node_modules(bench)
    if modules is not None:
        command = [python, drivers / "pool_pyrevm.py", bench.trace, modules]
        peer_row(bench, "pyrevm 0.3.7, real bytecode", command, "all state")


def peer_row(bench: Bench, name: str, command: list[Any], remark: str) -> None:
    try:
        found = child(command, environment={"PYTHONWARNINGS": "ignore"}).record
    except (ChildFailed, ValueError) as failure:
        skip(name, failure)
        return
    mean, median = found["mean_us"], found["median_us"]
    ratios = f"{mean / bench.ours_mean_us:.0f}x mean, {median / bench.ours_median_us:.0f}x median"
    row(name, found["swaps"], found["equal"], mean, median, f"{ratios}; {remark}")


def node_modules(bench: Bench) -> Path | None:
    """The contracts' compiled artifacts, fetched with npm once."""
    folder = bench.cache / "node"
    if not (folder / "node_modules" / "@uniswap" / "v3-core").is_dir():
        if shutil.which("npm") is None:
            skip("pyrevm, real bytecode", "npm is not installed")
            return None
        folder.mkdir(parents=True, exist_ok=True)
        try:
            child(["npm", "install", "--silent", "--prefix", folder, *NODE_PACKAGES])
        except ChildFailed as failure:
            skip("pyrevm, real bytecode", failure)
            return None
    return folder / "node_modules"


def recordings(shared: Path | None) -> tuple[Path, Path]:
    """The full recordings where they are, otherwise the excerpts of the tests."""
    if shared is not None and (shared / "univ3" / "trace_public.jsonl.gz").is_file():
        folder = shared / "univ3"
        return folder / "trace_public.jsonl.gz", folder / "vectors_public.jsonl.gz"
    folder = ROOT / "tests" / "data"
    return folder / "pool-trace.jsonl.gz", folder / "pool-vectors.jsonl.gz"


def main() -> None:
    default = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "alp-benchmarks"
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer calls and no peers")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--peers-dir", type=Path, default=default / "pool")
    options = parser.parse_args()
    trace, vectors = recordings(options.shared)
    bench = Bench(trace, vectors, options.peers_dir, options.quick)
    bench.cache.mkdir(parents=True, exist_ok=True)
    print(f"{platform.machine()}, Python {platform.python_version()}, {pin()}")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        compare_with_rust(bench, work)
        print("\nSwaps of the recorded trace, CPU us per call")
        replay_trace(bench)
        if not bench.quick:
            compare_with_python_peers(bench, work)


if __name__ == "__main__":
    main()
