#!/usr/bin/env python3
"""Speed and memory of ``alp backtest``, beside the seed's engine and zelos-demeter.

    python benchmarks/backtest.py                        # everything that is at hand
    python benchmarks/backtest.py --seed CHECKOUT/python # the seed's own engine measured too
    python benchmarks/backtest.py --quick                # a few seconds, no peers: does it run

One run, CPU seconds (user and system) of child processes on one core; only ratios inside one run
mean anything. The best of n is what a shared machine disturbs least; medians are printed beside it.
Peers get environments of their own in the cache folder. Recorded data comes from the folder of
shared data beside the project; what is not there is generated or skipped, and said.
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
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from peers import generate, seed_case, seed_model  # noqa: E402
from peers.measure import (  # noqa: E402
    MEGABYTE,
    ChildFailed,
    child,
    environment_python,
    number,
    pin,
    spread,
)

DRIVERS = ROOT / "benchmarks" / "peers"
SEED_PACKAGES = ("pandas==2.1.4", "numpy==1.24.3")
DEMETER_PACKAGES = ("zelos-demeter==1.3.0",)
DEMETER_POOL = "0x45dda9cb7c25131df268515131f647d726f50608"
DEMETER_DAYS = ("2023-08-13", "2023-08-14", "2023-08-15")
# Published with the floor of the same run: bars a second of the seed's engine and of floor_lp.
PUBLISHED_SEED, PUBLISHED_FLOOR = 29_700, 160_000_000
MEMORY_LIMIT = 500 * MEGABYTE


@dataclass
class Bench:
    """What is asked for, and where things are."""

    quick: bool
    repeat: int
    seed: Path | None
    shared: Path | None
    cache: Path
    work: Path
    rows: list[tuple[str, str, str]] = field(default_factory=list)

    def say(self, what: str, figure: str, remark: str = "") -> None:
        """Print one row."""
        print(f"{what:<58} {figure:>26}  {remark}", flush=True)

    def skip(self, what: str, reason: str) -> None:
        """Say that something was not measured, and why."""
        self.say(what, "skipped", reason)

    def write(self, name: str, manifest: dict[str, Any]) -> Path:
        """Write a manifest (JSON is YAML) and return its path."""
        path = self.work / f"{name}.yaml"
        path.write_text(json.dumps(manifest))
        return path

    def alp(self, task: str, *manifests: Path, repeat: int = 1) -> Any:
        """Run alp's driver in a process of its own."""
        command = [sys.executable, DRIVERS / "alp_driver.py", task, *manifests]
        command += ["--repeat", repeat]
        return child(command, environment={"PYTHONPATH": str(ROOT)})


def ratio(ours: list[float], theirs: list[float], bars: tuple[int, int]) -> str:
    """Write how many times more bars a second `ours` does: the best of each, and the medians."""
    found = []
    for pick in (min, statistics.median):
        found.append(bars[0] / pick(ours) / (bars[1] / pick(theirs)))
    return f"alp {number(found[0])}x best, {number(found[1])}x median"


def ohlc(bench: Bench) -> None:
    """The seed's 21 published runs, each with its own parameters, then a month of minutes."""
    if bench.shared is not None:
        _published_runs(bench)
    else:
        bench.skip("the seed's published runs", "needs the shared folder of recorded data")
    count = 2_000 if bench.quick else 43_200
    month = generate.minutes_csv(bench.cache / f"minutes-{count}.csv", count, seed=3)
    _bars(bench, month, f"{count:,} generated minutes")


def _published_runs(bench: Bench) -> None:
    assert bench.shared is not None
    cases = seed_case.cases(bench.shared)[: 2 if bench.quick else None]
    manifests = []
    for number_, case in enumerate(cases):
        plain = bench.work / case["csv"]
        if not plain.exists():
            packed = seed_case.file_of(bench.shared, case).read_bytes()
            plain.write_bytes(gzip.decompress(packed))
        first = seed_model.read_bars(plain)[0]
        settings = seed_model.Settings.of(case)
        manifests.append(bench.write(f"seed-{number_}", seed_case.manifest(settings, first, plain)))
    ours = bench.alp("bars", *manifests, repeat=bench.repeat).record
    python = None if bench.quick else _seed_python(bench)
    print(f"the seed's {len(cases)} published runs: bars/s of the engine, best of {bench.repeat}")
    print(f"  {'':<24}{'bars':>6}{'moves':>7}{'seed':>7}{'alp':>10}{'seed':>10}{'times':>8}")
    ratios, spent, read, theirs_spent = [], 0.0, 0.0, 0.0
    for case, run in zip(cases, ours, strict=True):
        seconds = min(run["run_s"])
        spent += seconds
        read += min(run["load_s"])
        line = f"  {case['case']:<24}{run['bars']:>6}{run['rebalances']:>7}"
        line += f"{case['rebalances']:>7}{number(run['bars'] / seconds):>10}"
        if python is not None:
            peer = _seed_run(bench, python, case)
            theirs_seconds = min(peer["run_s"])
            theirs_spent += theirs_seconds
            rate, peer_rate = run["bars"] / seconds, peer["bars"] / theirs_seconds
            ratios.append(rate / peer_rate)
            line += f"{number(peer_rate):>10}{number(ratios[-1]):>8}"
        print(line, flush=True)
    bars = sum(run["bars"] for run in ours)
    bench.say("  alp, all runs", number(bars / spent), "bars/s")
    bench.say("  alp, all runs and reading their files", number(bars / (spent + read)), "bars/s")
    if ratios:
        bench.say(
            "  times the seed's engine",
            f"{number(statistics.median(ratios))} median",
            f"{number(min(ratios))} to {number(max(ratios))}, {number(theirs_spent / spent)} of "
            "all runs together (target 100)",
        )


def _seed_python(bench: Bench) -> Path | None:
    if bench.seed is None:
        bench.skip("  the seed's engine", "--seed DIR measures it")
        return None
    try:
        return environment_python(bench.cache, "seed", SEED_PACKAGES)
    except ChildFailed as error:
        bench.skip("  the seed's engine", str(error)[:300])
        return None


def _seed_run(bench: Bench, python: Path, case: dict[str, Any]) -> dict[str, Any]:
    settings = seed_model.Settings.of(case)
    command = [python, DRIVERS / "seed_driver.py", bench.seed, bench.work / case["csv"]]
    command += ["--token0", settings.token0, "--repeat", bench.repeat]
    environment = {name: str(value) for name, value in case["env"].items()}
    return child(command, environment=environment).record


def _bars(bench: Bench, plain: Path, name: str) -> None:
    """Time alp and the seed's engine on one file."""
    settings = seed_model.Settings()
    with plain.open() as lines:
        lines.readline()
        close = float(lines.readline().split(",")[4])
    first = seed_model.Bar(0, close, close, close, close)
    manifest = bench.write(plain.stem, seed_case.manifest(settings, first, plain))
    [ours] = bench.alp("bars", manifest, repeat=bench.repeat).record
    bars = ours["bars"]
    loaded = [load + run for load, run in zip(ours["load_s"], ours["run_s"], strict=True)]
    print(f"{name}: {bars:,} bars, alp rebalanced {ours['rebalances']} times")
    bench.say("  alp, engine", spread(ours["run_s"], per=bars), "bars/s")
    bench.say("  alp, engine and reading the file", spread(loaded, per=bars), "bars/s")
    bench.say(
        "  alp, compiled replay alone, two ranges held",
        spread(ours["kernel_s"], per=bars),
        "bars/s",
    )
    if bench.quick:
        bench.skip("  the seed's engine", "--quick")
    else:
        _seed(bench, plain, ours, loaded)


def _seed(bench: Bench, plain: Path, ours: dict[str, Any], loaded: list[float]) -> None:
    floor = _floor(bench, plain)
    if bench.seed is None:
        remark = "published, another run on another machine; --seed DIR measures it here"
        bench.say("  the seed's engine (published)", number(PUBLISHED_SEED), remark)
        if floor is not None:
            related = floor * PUBLISHED_SEED / PUBLISHED_FLOOR
            times = ours["bars"] / statistics.median(ours["run_s"]) / related
            bench.say(
                "  the seed's engine (published, scaled by the floor)",
                number(related),
                f"not measured; alp {number(times)}x",
            )
        return
    python = _seed_python(bench)
    if python is None:
        return
    command = [python, DRIVERS / "seed_driver.py", bench.seed, plain, "--repeat", bench.repeat]
    theirs = child(command).record
    whole = [load + run for load, run in zip(theirs["load_s"], theirs["run_s"], strict=True)]
    counts = (ours["bars"], theirs["bars"])
    bench.say(
        f"  the seed's engine ({theirs['versions']})",
        spread(theirs["run_s"], per=theirs["bars"]),
        ratio(ours["run_s"], theirs["run_s"], counts) + " (target 100x)",
    )
    bench.say(
        "  the seed's engine and reading the file",
        spread(whole, per=theirs["bars"]),
        ratio(loaded, whole, counts),
    )


def _floor(bench: Bench, plain: Path) -> float | None:
    """Build and run the C++ bar loop of the shared folder; bars a second."""
    compiler = shutil.which("g++")
    if bench.shared is None or compiler is None:
        bench.skip("  C++ floor", "needs g++ and the shared folder")
        return None
    binary = bench.work / "floor_lp"
    source = bench.shared / "bench" / "floor_lp.cpp"
    child([compiler, "-O3", "-march=native", "-w", source, "-o", binary])
    figure = float(child([binary, plain]).record["bars_s"])
    bench.say("  C++ floor (doubles, two ranges, no models)", number(figure), "bars/s")
    return figure


def minutes(bench: Bench) -> None:
    """Three days of pool minutes: two ranges held, and moved every hour."""
    if bench.shared is None:
        bench.skip("minutes and zelos-demeter", "needs the shared folder of recorded data")
        return
    folder = bench.work / "minutes"
    folder.mkdir()
    for day in DEMETER_DAYS:
        name = f"polygon-0x45dd-5bps-{day}.minute.csv.gz"
        packed = bench.shared / "data" / "A_uniswap_minute" / name
        plain = folder / f"polygon-{DEMETER_POOL}-{day}.minute.csv"
        plain.write_bytes(gzip.decompress(packed.read_bytes()))
    files = sorted(str(path) for path in folder.iterdir())
    ours = {}
    for moved in (False, True):
        manifest = bench.write(f"minutes-{moved}", minute_manifest(files, moved=moved))
        [record] = bench.alp("bars", manifest, repeat=bench.repeat).record
        ours[moved] = record
        what = f"ranges moved {record['rebalances'] - 1} times" if moved else "ranges held"
        bench.say(
            f"alp, engine, {record['bars']} minutes, {what}",
            spread(record["run_s"], per=record["bars"]),
            "bars/s",
        )
    if bench.quick:
        bench.skip("zelos-demeter", "--quick")
        return
    try:
        python = environment_python(bench.cache, "demeter", DEMETER_PACKAGES)
    except ChildFailed as error:
        bench.skip("zelos-demeter", str(error)[:300])
        return
    for moved in (False, True):
        command = [
            python,
            DRIVERS / "demeter_driver.py",
            "speed",
            "--data",
            folder,
            "--repeat",
            "3",
        ]
        command += ["--days", DEMETER_DAYS[0], DEMETER_DAYS[-1], *(["--hourly"] if moved else [])]
        # It caches what it loads under the home folder.
        theirs = child(command, environment={"HOME": str(bench.work)}).record
        bench.say(
            f"{theirs['versions']}, {'ranges moved hourly' if moved else 'ranges held'}",
            spread(theirs["run_s"], per=theirs["bars"]),
            ratio(ours[moved]["run_s"], theirs["run_s"], (ours[moved]["bars"], theirs["bars"]))
            + " (target 500x)",
        )


def minute_manifest(files: list[str], *, moved: bool) -> dict[str, Any]:
    """Return a strategy of two ranges on a Polygon pool's minutes."""
    settings = seed_model.Settings(model="GLFTModel", base_spread=0.02, min_range_pct=1.0)
    first = seed_model.Bar(0, 0.0, 0.0, 0.0, 1.0 / 1850.0)
    manifest = seed_case.manifest(settings, first, Path(files[0]))
    spec = manifest["spec"]
    spec["pool"]["chain"] = "polygon"
    spec["backtest"]["data"]["pool"] = {"paths": files}
    spec["backtest"]["fees"] = "share"
    spec["backtest"]["gas"]["nativePriceQuote"] = "0.6"
    threshold = 5 if moved else 10_000
    spec["rebalance"] |= {
        "inventoryDeviationBps": threshold,
        "priceMoveBps": threshold if moved else 0,
        "cooldown": "1h" if moved else "0s",
    }
    return manifest


def day(bench: Bench) -> None:
    """The recorded mainnet day through the command, from process start to process end."""
    example = ROOT / "examples" / "eth-usdc.yaml"
    command = [sys.executable, "-m", "alp", "backtest", example, "--no-report"]
    command += ["--output", bench.work / "day"]
    _command(command)  # compiles what has changed
    runs = [_command(command) for _ in range(1 if bench.quick else bench.repeat)]
    seconds = statistics.median(each.cpu_s for each in runs)
    wall = statistics.median(each.wall_s for each in runs)
    bench.say(
        "day of 6,046 swaps, two ranges, hedge on, whole process",
        f"{seconds:.3f} s CPU",
        f"{wall:.3f} s wall, {runs[0].peak_bytes / MEGABYTE:.0f} MB (target 1 s)",
    )


def start_up(bench: Bench) -> None:
    """``alp --help`` against an interpreter that does nothing."""
    count = 3 if bench.quick else 15
    bare = [_command([sys.executable, "-c", "pass"]).cpu_s for _ in range(count)]
    ours = [_command([sys.executable, "-m", "alp", "--help"]).cpu_s for _ in range(count)]
    low, high = statistics.median(bare), statistics.median(ours)
    bench.say("python -c pass", f"{1e3 * low:.1f} ms CPU")
    bench.say("alp --help", f"{1e3 * high:.1f} ms CPU", f"{high / low:.1f}x bare (target 4x)")


def _command(command: list[Any]) -> Any:
    # Compiled modules are kept, as an installation has them, whatever this shell is set to.
    kept = {"PYTHONDONTWRITEBYTECODE": ""}
    return child(command, environment={"PYTHONPATH": str(ROOT), "NO_COLOR": "1", **kept})


def memory(bench: Bench) -> None:
    """Peak memory of a year of minutes and of ten million swaps."""
    count = 5_000 if bench.quick else 525_600
    plain = generate.minutes_csv(bench.cache / f"minutes-{count}.csv", count, seed=7)
    first = seed_model.read_bars(plain)[0] if bench.quick else seed_model.Bar(0, 0, 0, 0, 5e-4)
    settings = seed_model.Settings(model="GLFTModel", base_spread=0.1)
    manifest = bench.write("year", seed_case.manifest(settings, first, plain))
    _peak(bench, f"{count:,} generated minutes, streamed", bench.alp("run", manifest))
    count = 20_000 if bench.quick else 10_000_000
    swaps, liquidity = generate.swaps_store(bench.cache, count, seed=11)
    spec = seed_case.manifest(settings, first, swaps)
    spec["spec"]["backtest"]["data"]["liquidity"] = {"path": str(liquidity)}
    del spec["spec"]["backtest"]["fees"]
    used = bench.alp("run", bench.write("swaps", spec))
    _peak(bench, f"{count:,} generated swaps, streamed", used)
    counters = used.record["counters"]
    bench.say(
        "  of them replayed bit for bit", str(counters["exact_in"]), f"of {counters['swaps']}"
    )


def _peak(bench: Bench, what: str, used: Any) -> None:
    peak = f"{used.peak_bytes / MEGABYTE:.0f} MB peak"
    bench.say(what, peak, f"{used.cpu_s:.1f} s CPU (target {MEMORY_LIMIT / MEGABYTE:.0f} MB)")


PARTS: dict[str, Callable[[Bench], None]] = {
    "start": start_up,
    "day": day,
    "ohlc": ohlc,
    "minutes": minutes,
    "memory": memory,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    caches = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    parser.add_argument("--quick", action="store_true", help="small, without peers")
    parser.add_argument("--repeat", type=int, default=9, help="runs of each figure")
    parser.add_argument("--seed", type=Path, help="python folder of a checkout of the seed")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--cache", type=Path, default=caches / "alp-benchmarks")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    given = parser.parse_args()

    import tempfile

    given.cache.mkdir(parents=True, exist_ok=True)
    shared = given.shared if (given.shared / "seed" / "golden.json").is_file() else None
    print(f"{platform.machine()}, Python {platform.python_version()}, {pin()}", flush=True)
    with tempfile.TemporaryDirectory() as work:
        repeat = 1 if given.quick else given.repeat
        bench = Bench(given.quick, repeat, given.seed, shared, given.cache, Path(work))
        for name in given.only:
            PARTS[name](bench)


if __name__ == "__main__":
    main()
