"""A writer killed at any moment: all that was acknowledged is there, and nothing is there by half.

Every kill is of a real process, at a seeded moment: while it opens, writes, syncs, begins a file or
writes a checkpoint. ``ALP_KILLS`` says how many; a tenth of the full proof is the default.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from journal_world import SMALL, Account, open_journal, picture

from alp._core.journal import JournalMode
from alp.journal.folder import Folder
from alp.journal.journal import JournalOptions
from alp.journal.read import read_journal

KILLS = int(os.environ.get("ALP_KILLS", "20"))
HERE = Path(__file__).parent


class Life:
    """What a writer said until it was killed."""

    def __init__(self, folder: Path, seed: int, mode: JournalMode) -> None:
        moment = random.Random(seed)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        process = subprocess.Popen(
            [sys.executable, str(HERE / "writer.py"), str(folder), str(seed), mode.name],
            stdout=subprocess.PIPE,
            env=environment,
        )
        assert process.stdout is not None
        lines: list[bytes] = []
        if seed % 5:  # else at any moment, also while it opens
            for _ in range(moment.randint(1, 300)):
                lines.append(process.stdout.readline())
            time.sleep(moment.random() * 0.004)
        else:
            time.sleep(moment.random() * 0.5)
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.readlines()
        process.stdout.close()
        assert process.wait() == -signal.SIGKILL, lines
        whole = [line.split() for line in lines if line.endswith(b"\n")]
        self.token = self.first = self.safe = 0
        for word, *numbers in whole:
            if word == b"open":
                self.token, self.first = int(numbers[0]), int(numbers[1])
            else:
                self.safe = int(numbers[0])


def rerun(path: Path, before: Path, life: Life, seed: int, sequence: int) -> object:
    """What the table of that life was when it had appended so many records.

    The same orders and the same seed make the same history: `before` is a copy of the folder.
    """
    journal = open_journal(before, JournalOptions(mode=JournalMode.PROCESS, orders=64, trades=512))
    account = Account(journal, seed)
    while journal.writer.appended < sequence:
        account.step()
    assert journal.writer.appended == sequence
    found = picture(journal.orders)
    journal.close()
    return found


@pytest.mark.timed
@pytest.mark.slow
@pytest.mark.parametrize("mode", [JournalMode.GROUP, JournalMode.PROCESS, JournalMode.SYNC])
def test_after_every_kill_what_was_acknowledged_is_there(tmp_path: Path, mode: JournalMode) -> None:
    folder = tmp_path / "journal"
    safe = openings = records = 0
    tokens: list[int] = []
    for kill in range(-(-KILLS // 3)):
        seed = kill * 3 + mode
        life = Life(folder, seed, mode)
        if not folder.is_dir():
            continue
        safe = max(safe, life.safe, life.first)
        state = read_journal(Folder(folder))
        if state is None:
            assert safe == 0
            continue
        assert not state.lost
        assert state.replay.sequence >= safe
        if life.token:
            openings += 1
            tokens.append(life.token)
            records += state.replay.sequence - life.first
    assert tokens == sorted(set(tokens))
    print(f"{mode.name}: {-(-KILLS // 3)} kills, {openings} openings, {records} records")
    if KILLS >= 20:
        assert records > 0


@pytest.mark.timed
@pytest.mark.parametrize("seed", [1, 2])
def test_the_orders_after_a_kill_are_those_of_the_last_whole_record(
    tmp_path: Path, seed: int
) -> None:
    folder = tmp_path / "journal"
    life = Life(folder, seed, JournalMode.PROCESS)
    state = read_journal(Folder(folder))
    assert state is not None
    expected = tmp_path / "expected"
    # the same token makes the same ids: the clock stands still in both
    found = rerun(folder, expected, life, seed, state.replay.sequence)
    assert picture(state.orders) == found


def test_a_draft_of_a_checkpoint_is_nothing(tmp_path: Path) -> None:
    journal = open_journal(tmp_path, SMALL)
    account = Account(journal, 1)
    for _ in range(50):
        account.step()
    journal.close()
    (tmp_path / "checkpoint-0000000009.draft").write_bytes(b"half of it")
    state = read_journal(Folder(tmp_path))
    assert state is not None
    assert not state.damages
