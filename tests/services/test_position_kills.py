"""A seeded tenth of the kills of the position server; ``position_kills.py`` is the whole."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from position_kills import Late, play
from position_world import played


@pytest.mark.slow
@pytest.mark.parametrize("venue", ["binance-usdm", "binance-spot"])
@played
async def test_no_trade_is_lost_or_doubled_however_it_dies(tmp_path: Path, venue: str) -> None:
    counts = await _played_to_the_end(tmp_path, venue, kills=20, seed=1)
    assert counts["rounds"] == 20
    assert counts["trades"]


@pytest.mark.slow
@played
async def test_nor_in_postgresql(tmp_path: Path, postgres_url: str) -> None:
    counts = await play(tmp_path, "binance-usdm", kills=5, seed=2, ledger=postgres_url)
    assert counts["rounds"] == 5


async def _played_to_the_end(folder: Path, venue: str, kills: int, seed: int) -> Counter[str]:
    """Play; there is a second go only where the machine was too slow for the first."""
    try:
        return await play(_made(folder / "one"), venue, kills, seed)
    except Late as late:
        print(late)
        return await play(_made(folder / "two"), venue, kills, seed)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
