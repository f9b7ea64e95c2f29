"""A seeded tenth of one venue's kill matrix, as a process of its own.

Each venue has a module of tests: they run side by side, and take a minute each, mostly of waiting.
They are not among the tests that CI gives a second go: what was lost once was lost.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

KILLS = 20


def nothing_is_lost(venue: str, root: Path) -> None:
    """Kill a venue's handler so often, and hold what is left to the exchange's books."""
    done = subprocess.run(
        [
            *(sys.executable, str(root / "tests" / "kills" / "matrix.py")),
            *("--venue", venue, "--kills", str(KILLS), "--seed", "1"),
        ],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert f"{venue}: {KILLS} kills, " in done.stdout
    assert "violations                                         0" in done.stdout
