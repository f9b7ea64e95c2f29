"""``alp paper`` quotes by itself: both sides, fills, a lean, a killed maker, an end in order."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from paper_world import SOON_S, Paper, get
from waits import run, until

pytestmark = pytest.mark.timed
QUOTE_AGE_S = 3.0
MANIFEST = """\
apiVersion: alp.dev/v1alpha1
kind: Strategy
metadata: {name: tried}
spec:
  pool: {chain: ethereum, base: WETH, quote: USDC, feeTier: 500}
  inventory: {base: "1", quote: "2500"}
  model:
    {riskAversion: 2, executionCostBps: 0, maxInventoryBase: "2", orderSizeBase: "0.1",
      intensity: {A: 2, k: 200}}
  venues:
  - {name: perp, exchange: binance-usdm, symbol: ETHUSDC, order: {maxBase: "2"}}
  limits: {maxNetBase: "20", maxVenueBase: "15", maxOrderNotional: "20000", maxDataAge: 3s}
  execution: {quoteAge: 3s, stopWithin: 20s, ordersPerSecond: 100, burst: 100, fillBurst: 64}
"""


@pytest.fixture
def paper(tmp_path: Path) -> Iterator[Paper]:
    made = Paper(tmp_path, MANIFEST)
    yield made
    made.kill()


class Seen:
    """What the exchange and the maker say."""

    def __init__(self, paper: Paper, parts: dict[str, dict[str, Any]]) -> None:
        self.paper = paper
        self.exchange = parts["exchange-binance-usdm"]["health"]

    def account(self) -> dict[str, Any]:
        status, found = get(f"{self.exchange}/-/state")
        assert status == 200
        account: dict[str, Any] = found["accounts"]["perp"]
        return account

    def sides(self) -> set[str]:
        return {each["side"] for each in self.account()["orders"] if each["state"] == "open"}

    def quotes(self) -> dict[str, Any]:
        _, found = get(self.paper.parts()["maker"]["health"] + "/quotes")
        return found[0] if found else {}

    @property
    def both(self) -> bool:
        return self.sides() == {"buy", "sell"}

    def lean(self) -> tuple[int, float]:
        """Inventory in lots, and by how many ticks the quotes' middle is off the book's."""
        found = self.quotes()
        prices = found["prices"]
        return found["inventory"]["leaned_lots"], prices["reservation"] - prices["fair"]


def test_it_quotes_is_filled_leans_survives_a_kill_and_ends_in_order(paper: Paper) -> None:
    async def test() -> None:
        paper.start("--rate", "5")
        seen = Seen(paper, await paper.ready())
        await until(lambda: seen.both, SOON_S)

        # Filled, and the quotes lean against what was filled.
        await until(lambda: seen.quotes()["inventory"]["leaned_lots"] != 0, SOON_S)
        leans: list[tuple[int, float]] = []

        def leaned() -> bool:
            lots, off = seen.lean()
            if lots:
                leans.append((lots, off))
            return len(leans) >= 5

        await until(leaned, SOON_S)
        assert all(lots * off < 0 for lots, off in leans)
        asked = ("explain", "quote", "last", "--state", str(paper.state / "state"))
        told = paper.alp(*asked)
        assert told.returncode == 0, told.stderr
        assert "reservation" in told.stdout
        assert "combined" in told.stdout

        # Killed: what rests ends by itself.
        maker = paper.parts()["maker"]
        os.kill(maker["pid"], signal.SIGSTOP)  # first, so that the next one is not there at once
        stopped = time.monotonic()
        await until(lambda: not seen.sides(), SOON_S)
        assert time.monotonic() - stopped < QUOTE_AGE_S + 2.0
        os.kill(maker["pid"], signal.SIGKILL)
        await until(lambda: paper.parts()["maker"]["starts"] == 2, SOON_S)
        await until(lambda: seen.both, SOON_S)

        assert paper.interrupt() == 0, paper.text
        assert "nothing is left" in (paper.folder / "out").read_text()
        told = paper.alp(*asked, "--json")
        assert json.loads(told.stdout)["hedge"]["gate"] == "ACTIVE"

        # The same desk, told the same, decides the same bytes.
        log = str(paper.state / "state" / "decisions")
        checked = paper.alp("replay", "--check", log, "--json")
        assert checked.returncode == 0, checked.stdout + checked.stderr
        (report,) = json.loads(checked.stdout)
        assert report["same"]
        assert report["wishes"] > 5

    run(test(), 6 * SOON_S)
