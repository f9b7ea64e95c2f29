"""Kills of the execution handler at kraken-spot; see README.md."""

from __future__ import annotations

from pathlib import Path

import pytest
from tenth import nothing_is_lost

pytestmark = pytest.mark.slow


def test_nothing_is_lost_however_the_handler_dies(root: Path) -> None:
    nothing_is_lost("kraken-spot", root)
