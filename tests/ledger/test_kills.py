"""A writer that is killed anywhere: what it was told is durable is there, exactly once.

``ALP_KILLS=200`` makes it the whole proof.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ledger_world import ASSETS, fill

from alp.ledger.database import open_engine
from alp.ledger.ledger import Ledger
from alp.ledger.verify import verify

KILLS = int(os.environ.get("ALP_KILLS", "4"))
WRITER = Path(__file__).with_name("ledger_writer.py")


@pytest.mark.timed
def test_nothing_acknowledged_is_lost_and_nothing_comes_twice(place: str) -> None:
    chance = random.Random(KILLS)
    acknowledged = 0
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for _ in range(KILLS):
        # It begins one batch early: what it does not know to be there it applies again.
        begin = str(max(0, acknowledged - 40))
        process = subprocess.Popen(
            [sys.executable, str(WRITER), place, begin],
            stdout=subprocess.PIPE,
            text=True,
            env=env,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        time.sleep(chance.uniform(0.0, 0.4))
        process.kill()
        told = [int(line) for line in process.stdout.read().splitlines() if line]
        process.wait()
        acknowledged = max([acknowledged, *told])
        engine = open_engine(place)
        found = verify(engine, place)
        assert found.faults == []
        assert found.entries >= acknowledged
        assert found.entries % 40 == 0
    with Ledger(place, ASSETS) as ledger:
        ledger.apply(fill(number, 1 if number % 40 % 3 else -1) for number in range(acknowledged))
        assert ledger.counts.booked == 0
        assert ledger.counts.duplicate == acknowledged
