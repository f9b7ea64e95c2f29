#!/usr/bin/env python3
"""A best quote into the bus's bytes and back: alp beside a copy of the bytes, and Python's codecs.

    python benchmarks/wire.py            # with struct, msgspec and orjson
    python benchmarks/wire.py --quick    # a second, no peers: does it run

CPU time of one core, best of n, one run; only ratios inside it mean anything. alp's loops hold no
GIL and make no object, as where the quote server sends; "from Python" are its named tuples. The
floor is memcpy called with the message's size; beside it what the compiler makes of a copy whose
size it knows.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from peers.kernel import build_kernel  # noqa: E402
from peers.measure import (  # noqa: E402
    ChildFailed,
    child,
    environment_python,
    load,
    pin,
    write_report,
)

from alp._core.wire import BboMessage, HeaderFields, decode, encode  # noqa: E402

PEER_PACKAGES = ("msgspec==0.19.0", "orjson==3.11.4")
TARGET = 5.0

Row = dict[str, Any]


def ours(folder: Path, calls: int, repeat: int) -> Row:
    """The compiled loops."""
    kernel = build_kernel("wire_kernel", folder)
    encoded = min(kernel.encode_ns(calls) for _ in range(repeat))
    decoded = min(kernel.decode_ns(calls)[0] for _ in range(repeat))
    return {"name": "alp, compiled", "encode": encoded, "decode": decoded, "bytes": kernel.SIZE}


def ours_from_python(calls: int, repeat: int) -> Row:
    message = BboMessage(HeaderFields(3, 7, 12_345, 1, 2), 268_162, 1_234, 268_163, 2_234)
    data = encode(message)
    best = [float("inf"), float("inf")]
    for _ in range(repeat):
        for at, (function, value) in enumerate(((encode, message), (decode, data))):
            start = time.process_time_ns()
            for _ in range(calls):
                function(value)
            best[at] = min(best[at], (time.process_time_ns() - start) / calls)
    return {"name": "alp, from Python", "encode": best[0], "decode": best[1], "bytes": len(data)}


def floor(folder: Path, size: int, calls: int, repeat: int) -> list[Row]:
    """A copy of as many bytes; none where there is no compiler."""
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        print("  memcpy: skipped, no C++ compiler")
        return []
    binary = folder / "wire_floor"
    source = ROOT / "benchmarks" / "wire_floor.cpp"
    child([compiler, "-O3", "-march=native", "-std=c++17", source, "-o", binary])
    found = child([binary, size, calls, repeat]).record
    names = {"memcpy": "ns", "memcpy, inlined": "inlined_ns"}
    return [
        {"name": name, "encode": found[key], "decode": found[key], "bytes": size}
        for name, key in names.items()
    ]


def peers(cache: Path, calls: int, repeat: int) -> list[Row]:
    try:
        python = environment_python(cache, "wire", PEER_PACKAGES)
        found = child([python, ROOT / "benchmarks/peers/wire_codecs.py", calls, repeat]).record
    except (ChildFailed, OSError) as failure:
        print(f"  struct, msgspec, orjson: skipped, {str(failure)[-200:]}")
        return []
    return [
        {"name": name, "encode": encoded, "decode": decoded, "bytes": size}
        for name, (encoded, decoded, size) in found.items()
    ]


def main() -> None:
    default = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "alp-benchmarks"
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="few calls and no peers")
    parser.add_argument("--repeat", type=int, default=15)
    parser.add_argument("--cache", type=Path, default=default)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    given = parser.parse_args()
    calls = 200_000 if given.quick else 5_000_000
    print(
        f"{platform.machine()}, Python {platform.python_version()}, {pin()}, {load()}, "
        f"best CPU time of {given.repeat}"
    )
    with tempfile.TemporaryDirectory() as name:
        own = ours(Path(name), calls, given.repeat)
        rows = [*floor(Path(name), own["bytes"], calls, given.repeat), own]
    rows.append(ours_from_python(calls // 50, given.repeat))
    if not given.quick:
        rows += peers(given.cache, calls // 50, given.repeat)
    for each in rows:
        each["encode_ratio"] = each["encode"] / own["encode"]
        each["decode_ratio"] = each["decode"] / own["decode"]
        print(
            f"  {each['name']:<22}{each['bytes']:>5} bytes"
            f"{each['encode']:>9.1f} ns to encode{each['decode']:>9.1f} ns to decode"
            f"{each['encode_ratio']:>9.2f} x and {each['decode_ratio']:>6.2f} x alp's"
        )
    if rows[0]["name"] == "memcpy":
        slower = max(own["encode"], own["decode"]) / rows[0]["encode"]
        print(f"alp takes {slower:.2f} x a memcpy (to be at most {TARGET:.0f} x)")
    write_report(given.json, "wire", rows)


if __name__ == "__main__":
    main()
