"""Disks that are full or fail, and two who would write: nothing unsafe is acknowledged."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from journal_world import ETH, NOW, PERP, Account, open_gate, open_journal, order

from alp._core.gate import GateState, Refusal, RiskApproved
from alp._core.journal import JournalError, JournalMode
from alp._core.order_life import OrderEvent as E
from alp.errors import ConfigError
from alp.journal.folder import SEGMENT, Folder
from alp.journal.journal import Journal, JournalOptions
from alp.journal.read import read_journal

MODES = list(JournalMode)


def put_in_place(journal: Journal, device: str) -> Callable[[], None]:
    """Let the journal's descriptor be that of a device from now on; returns the way back.

    /dev/full refuses every write with "no space left"; /dev/null takes it, and refuses to sync.
    """
    fd = journal.writer.files[0]
    kept = os.dup(fd)
    other = os.open(device, os.O_RDWR)
    os.dup2(other, fd)
    os.close(other)

    def back() -> None:
        os.dup2(kept, fd)
        os.close(kept)

    return back


FAULTS = [("/dev/full", mode) for mode in MODES] + [
    ("/dev/null", mode) for mode in (JournalMode.GROUP, JournalMode.SYNC)
]


@pytest.mark.parametrize(("device", "mode"), FAULTS)
def test_a_disk_that_fails_closes_the_gate_before_an_order_leaves(
    tmp_path: Path, device: str, mode: JournalMode
) -> None:
    told: list[JournalError] = []
    journal = Journal(
        tmp_path,
        "test",
        (ETH, PERP),
        now_ns=lambda: NOW,
        options=JournalOptions(mode=mode),
        on_broken=lambda error: (gate.set_state(GateState.HALTED), told.append(error)),
    )
    gate = open_gate(journal.orders, journal.token)
    sent: list[str] = []

    async def send(client_id: str) -> None:
        price = 980 + int(client_id.removeprefix("t-"))
        approved = gate.approve(order(journal.token, client_id, 1, 0, 1, price, 5), NOW)
        if approved is Refusal.HALTED:
            raise JournalError(0, "the gate is closed already")
        assert isinstance(approved, RiskApproved)
        await journal.durable(journal.writer.intent(approved, NOW))
        sent.append(client_id)

    async def run() -> None:
        await send("t-1")
        back = put_in_place(journal, device)
        results = await asyncio.gather(
            *(send(f"t-{number}") for number in range(2, 6)), return_exceptions=True
        )
        assert all(isinstance(each, JournalError) for each in results), results
        back()  # the disk is good again: what failed once is not tried again
        with pytest.raises(JournalError):
            journal.writer.fact("t-1", E.SENT)
        with pytest.raises(JournalError):
            await journal.durable(2)
        while not told:
            await asyncio.sleep(0.001)

    asyncio.run(run())
    assert sent == ["t-1"]
    assert len(told) == 1
    assert gate.state == GateState.HALTED
    assert gate.check(order(journal.token, "t-9", 1, 0, 1, 980, 5), NOW) is Refusal.HALTED
    with pytest.raises(JournalError):
        journal.close()
    state = read_journal(Folder(tmp_path))
    assert state is not None
    assert "t-1" in state.orders
    assert not state.closed
    again = open_journal(tmp_path)
    assert "t-1" in again.orders
    again.close()


LIMITED = """
import resource, sys
sys.path[:0] = {path!r}
from pathlib import Path
from journal_world import Account, open_journal
from alp._core.journal import JournalError, JournalMode
from alp.journal.journal import JournalOptions
size = 1 << 14
journal = open_journal(
    Path({folder!r}), JournalOptions(JournalMode.PROCESS, orders=64, trades=512, segment_bytes=size)
)
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 4096, size + 4096))
account = Account(journal, 1)
journal.tend = lambda: None  # no file follows: the one there is must grow, and cannot
journal._ahead = True
try:
    while True:
        account.step()
        journal.writer.commit()
        print(journal.writer.durable, flush=True)
except JournalError as error:
    print("broken", error.errno)
"""


def test_a_file_that_may_not_grow_breaks_the_journal_and_not_its_content(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    script = LIMITED.format(path=list(filter(None, sys.path)), folder=str(folder))
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    *safe, last = done.stdout.split("\n")[:-1]
    assert last.startswith("broken")
    state = read_journal(Folder(folder))
    assert state is not None
    assert not state.lost
    assert state.replay.sequence >= int(safe[-1])


def test_without_room_for_the_next_file_it_says_so_while_the_present_one_lasts(
    tmp_path: Path,
) -> None:
    journal = open_journal(
        tmp_path, JournalOptions(mode=JournalMode.PROCESS, segment_bytes=1 << 15)
    )
    journal.tend()
    taken = Folder(tmp_path).path_of(SEGMENT, journal._index + 1)
    taken.write_bytes(b"")  # in the way of the file after next
    account = Account(journal, 1)
    while not journal.trouble:
        account.step()
        journal.writer.commit()
    assert "next file" in journal.trouble
    assert journal.writer.broken is None
    taken.unlink()
    while journal.trouble:
        journal.tend()
        account.step()
    journal.close()


HOLDER = """
import sys
sys.path[:0] = {path!r}
from pathlib import Path
from journal_world import open_journal
journal = open_journal(Path({folder!r}))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.timed
def test_two_processes_cannot_have_one_journal(tmp_path: Path) -> None:
    script = HOLDER.format(path=list(filter(None, sys.path)), folder=str(tmp_path))
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ConfigError, match=f"held by process {holder.pid}"):
            open_journal(tmp_path)
        holder.kill()
    open_journal(tmp_path).close()  # a lock dies with its process


@pytest.mark.parametrize("mode", MODES)
def test_who_was_replaced_is_told_nothing_is_safe_any_more(
    tmp_path: Path, mode: JournalMode
) -> None:
    """As where a shared disk does not know of the lock: the fence does."""
    options = JournalOptions(mode=mode)
    first = open_journal(tmp_path, options)
    first.writer.commit(first.writer.fact("t-1", E.SENT))
    (tmp_path / "lock").unlink()
    second = open_journal(tmp_path, options)
    assert second.token > first.token
    with pytest.raises(JournalError, match="another writer"):
        first.writer.commit(first.writer.fact("t-2", E.SENT))
    with pytest.raises(JournalError, match="another writer"):
        asyncio.run(first.durable(2))
    second.writer.commit(second.writer.fact("t-3", E.SENT))
    second.close()
    with pytest.raises(JournalError):
        first.close()
    state = read_journal(Folder(tmp_path))
    assert state is not None
    assert not state.damages


def test_a_folder_that_cannot_be_written_is_an_error_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="file"):
        open_journal(tmp_path / "file" / "journal")
    journal = open_journal(tmp_path / "good")  # what failed holds no lock
    journal.close()
    journal.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of half a megabyte, where this process may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(disk)]
    if (
        not shutil.which("mount")
        or subprocess.run(command, capture_output=True, check=False).returncode
    ):
        pytest.skip("this process may not mount a file system")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_disk_that_really_is_full_takes_nothing_that_was_acknowledged(small_disk: Path) -> None:
    options = JournalOptions(mode=JournalMode.SYNC, orders=64, trades=512, segment_bytes=1 << 16)
    journal = open_journal(small_disk / "journal", options)
    account = Account(journal, 1)
    (small_disk / "somebody's").write_bytes(bytes(300_000))

    def until_full() -> None:
        while True:
            account.step()
            journal.writer.commit()

    with pytest.raises(JournalError, match="No space left"):
        until_full()
    safe = journal.writer.durable
    with pytest.raises(JournalError):
        journal.close()
    state = read_journal(Folder(small_disk / "journal"))
    assert state is not None
    assert not state.lost
    assert state.replay.sequence >= safe
    (small_disk / "somebody's").unlink()
    again = open_journal(small_disk / "journal", options)
    assert again.before is not None
    assert again.before.replay.sequence >= safe
    again.close()
