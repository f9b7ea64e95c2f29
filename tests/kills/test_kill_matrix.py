"""A seeded tenth of the kill matrix; tests/kills/README.md says what is asked of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timed]
KILLS = 20
VENUES = ("binance-usdm",)
"""The others are run by hand: `python tests/kills/matrix.py --venue NAME`."""


@pytest.mark.parametrize("venue", VENUES)
def test_nothing_is_lost_however_the_handler_dies(venue: str, root: Path) -> None:
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
    assert f"{venue}: " in done.stdout
    assert "violations                                         0" in done.stdout
