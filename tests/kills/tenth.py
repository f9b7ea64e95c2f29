"""A seeded tenth of one venue's kill matrix, as a process of its own.

Each venue has a module of tests: they run side by side, and take a minute each, mostly of waiting.
What was lost once was lost: there is a second go only where the play did not come to its end.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

KILLS = 20
NOT_PLAYED = 2


def nothing_is_lost(venue: str, root: Path) -> None:
    """Kill a venue's handler so often, and hold what is left to the exchange's books."""
    done = _played(venue, root)
    if done.returncode == NOT_PLAYED:
        print(done.stdout[-3000:])
        done = _played(venue, root)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert f"{venue}: {KILLS} kills, " in done.stdout
    assert "violations                                         0" in done.stdout


def _played(venue: str, root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, str(root / "tests" / "kills" / "matrix.py")),
            *("--venue", venue, "--kills", str(KILLS), "--seed", "1"),
        ],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
