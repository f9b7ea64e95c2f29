#!/usr/bin/env python3
"""Fuzz the compiled feed handlers under clang's address and undefined-behaviour sanitizers.

    python tests/fuzz/run.py --seconds 600            # all venues, ten minutes in all
    python tests/fuzz/run.py --seconds 600 --keep     # and keep what reached new code
    python tests/fuzz/run.py --runs 20000 --seed 1    # so many inputs of each, not seconds
    python tests/fuzz/run.py --venue kraken --input F # one input, as after a crash

What is asked of every input is in tests/fuzz/target.pyx; what the parsers then took is compared
with Python's json and Decimal. Ends with status 1 where anything was found.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "fuzz"))

from fuzz_build import CannotBuild, build  # noqa: E402
from fuzz_inputs import PARSERS, dictionary, keep, kept, seeds  # noqa: E402

FOLDER = ROOT / "build" / "fuzz"
LONGEST = 6000  # bytes of an input
MOST_KEPT = 40_000  # bytes of one venue's archive
MOST_COMPARED = 20_000
SETTLE_SECONDS = 120
LONGEST_RUN_SECONDS = 900  # where inputs are counted, not seconds


@dataclass
class Outcome:
    """What fuzzing one venue came to."""

    venue: str
    runs: int = 0
    edges: int = 0
    corpus: int = 0
    seconds: float = 0.0
    failure: str = ""
    counts: dict[str, int] = field(default_factory=dict)


def environment(venue: str) -> dict[str, str]:
    return {
        **os.environ,
        "ALP_FUZZ_VENUE": venue,
        "PYTHONHOME": sys.base_prefix,
        "PYTHONPATH": os.pathsep.join([str(FOLDER / "bin" / "tree"), str(ROOT / "tests" / "fuzz")]),
        "PYTHONMALLOC": "malloc",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        # The embedded Python is never taken down, and a .so's constructors leak by design.
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }


def fuzzer(program: Path, venue: str, options: list[str], limit_s: int) -> tuple[int, str]:
    """Run libFuzzer; its status and what it printed."""
    done = subprocess.run(
        [program, *options],
        env=environment(venue),
        capture_output=True,
        timeout=limit_s,
        check=False,
    )
    return done.returncode, done.stderr.decode(errors="replace")


def fuzz(program: Path, venue: str, given: argparse.Namespace, seconds: int) -> Outcome:
    """Fuzz one venue from its kept inputs and seeds."""
    began = time.monotonic()
    folder = FOLDER / venue
    shutil.rmtree(folder, ignore_errors=True)
    corpus = folder / "corpus"
    corpus.mkdir(parents=True)
    for number, each in enumerate([*seeds(venue), *kept(venue).values()]):
        (corpus / f"seed{number}").write_bytes(each)
    words = folder / "words"
    words.write_text(dictionary(venue))
    options = [f"-runs={given.runs}"] if given.runs else [f"-max_total_time={seconds}"]
    options += [f"-seed={given.seed}", f"-max_len={LONGEST}"]
    options += [f"-dict={words}", f"-artifact_prefix={folder}/", "-timeout=10"]
    options += ["-print_final_stats=1", str(corpus)]
    limit_s = LONGEST_RUN_SECONDS if given.runs else seconds + SETTLE_SECONDS
    status, output = fuzzer(program, venue, options, limit_s)
    outcome = Outcome(venue, corpus=len(list(corpus.iterdir())))
    outcome.seconds = time.monotonic() - began
    if found := re.findall(r"number_of_executed_units: (\d+)", output):
        outcome.runs = int(found[-1])
    if found := re.findall(r"cov: (\d+)", output):
        outcome.edges = int(found[-1])
    if status:
        inputs = [str(path) for path in folder.iterdir() if path.name[:5] in {"crash", "timeo"}]
        outcome.failure = f"{output[-3000:]}\nthe input: {', '.join(inputs) or 'not written'}"
    elif given.keep:
        settle(program, venue, folder, given.seed)
    return outcome


def settle(program: Path, venue: str, folder: Path, seed: int) -> None:
    """Keep the smallest inputs that reach all that the corpus reaches, as far as there is room."""
    least = folder / "least"
    least.mkdir()
    options = ["-merge=1", f"-seed={seed}", str(least), str(folder / "corpus")]
    fuzzer(program, venue, options, 10 * SETTLE_SECONDS)
    inputs: dict[str, bytes] = {}
    for path in sorted(least.iterdir(), key=lambda each: (each.stat().st_size, each.name)):
        inputs[path.name] = path.read_bytes()
    while keep(venue, inputs) > MOST_KEPT:
        inputs = dict(list(inputs.items())[: len(inputs) * 9 // 10])


def compare(outcome: Outcome) -> None:
    """Hold the parser against the plain one on what the fuzzer found."""
    try:
        from differential import differences
    except ImportError as error:
        outcome.counts = {f"not compared: {error}": 0}
        return
    paths = sorted((FOLDER / outcome.venue / "corpus").iterdir())
    lines = (line for path in paths for line in path.read_bytes().split(b"\n"))
    messages = list(dict.fromkeys(line for line in lines if line))
    step = max(1, len(messages) // MOST_COMPARED)
    outcome.counts, apart = differences(outcome.venue, messages[::step])
    if apart:
        outcome.failure += f"\nread otherwise than by json: {apart[0]!r} and {len(apart) - 1} more"


def report(outcome: Outcome) -> None:
    rate = int(outcome.runs / max(outcome.seconds, 1))
    said = ", ".join(f"{count} {name}" for name, count in outcome.counts.items() if count)
    print(
        f"  {outcome.venue:<18}{outcome.runs:>10,} runs {rate:>7,}/s{outcome.edges:>7,} edges"
        f"{outcome.corpus:>7,} inputs; beside json: {said}",
        flush=True,
    )


def one_input(program: Path, venue: str, path: Path) -> int:
    """Run one input and show what the sanitizers say."""
    status, output = fuzzer(program, venue, [str(path)], SETTLE_SECONDS)
    print(output)
    return 1 if status else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seconds", type=int, default=60, help="of all venues together")
    parser.add_argument("--runs", type=int, default=0, help="inputs of each venue, not seconds")
    parser.add_argument("--venue", choices=list(PARSERS), action="append")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="write tests/fuzz/corpus anew")
    parser.add_argument("--input", type=Path, help="only this one, of one venue")
    given = parser.parse_args()
    venues = given.venue or list(PARSERS)
    try:
        program = build(FOLDER / "bin")
    except CannotBuild as failure:
        print(f"cannot build the fuzz target: {failure}", file=sys.stderr)
        return 2
    if given.input is not None:
        return one_input(program, venues[0], given.input)
    each = max(1, given.seconds * given.jobs // len(venues))
    length = f"{given.runs:,} inputs" if given.runs else f"{each} s"
    print(f"{len(venues)} venues, {length} each, {given.jobs} at a time, seed {given.seed}")
    outcomes = []
    with ThreadPoolExecutor(given.jobs) as pool:
        running = [pool.submit(fuzz, program, v, given, each) for v in venues]
        for one in running:
            outcome = one.result()
            compare(outcome)
            report(outcome)
            outcomes.append(outcome)
    failed = [outcome for outcome in outcomes if outcome.failure]
    for outcome in failed:
        print(f"\n{outcome.venue}:\n{outcome.failure}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
