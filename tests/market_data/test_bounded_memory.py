"""A long history is read in little memory: what is held does not grow with the file."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pytest

# Not ru_maxrss where the kernel tells better: a child's begins at the size of the process that
# started it, and that is a test runner.
READ = """
import resource, sys
from pathlib import Path
from alp.data import open_source
source = open_source(sys.argv[1], strict=False)
rows = sum(len(batch) for batch in source.batches())
status = Path("/proc/self/status")
if status.exists():
    (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
    peak = int(line.split()[1]) * 1024
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(rows, peak)
"""
DAYS = 40


@pytest.fixture(scope="module")
def long_history(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample day again and again, a quarter of a million events, 160 MB of text."""
    source = root / "examples" / "data" / "ethereum-usdc-weth-5bps-2024-01-05.raw.csv.gz"
    header, *rows = gzip.decompress(source.read_bytes()).decode().splitlines(keepends=True)
    split = [row.split(",", 2) for row in rows]
    path = tmp_path_factory.mktemp("long") / "history.csv"
    with path.open("w", encoding="utf-8") as stream:
        stream.write(header)
        for day in range(DAYS):
            date = f"2024-{2 + day // 28:02}-{1 + day % 28:02}"
            stream.writelines(
                f"{int(block) + day * 7200},{date}{time[10:]},{rest}" for block, time, rest in split
            )
    return path


def rows_and_bytes(path: Path) -> tuple[int, int]:
    command = [sys.executable, "-c", READ, str(path)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    rows, peak = map(int, result.stdout.split())
    return rows, peak


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(long_history: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.csv"
    with long_history.open(encoding="utf-8") as stream:
        short.write_text("".join(next(stream) for _ in range(70_001)))
    few, small = rows_and_bytes(short)
    many, large = rows_and_bytes(long_history)
    assert (few, many) == (70_000, 6234 * DAYS)
    assert long_history.stat().st_size > 150_000_000
    assert large < small * 1.2
    assert large < 250_000_000
