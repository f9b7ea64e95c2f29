"""The supervisor with real, small processes: order, deaths, ends, and that nothing is left."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from small_system import PROGRAM, SCRIPT, SOON_S, Small, alive
from waits import until

from alp.errors import ExitCode
from alp.system.member import Stage
from alp.system.parts import Restart, Role

pytestmark = pytest.mark.timed
FAST = ("--die-after", "0.05")


@pytest.fixture
def small(tmp_path: Path) -> Small:
    return Small(tmp_path)


async def stop_when_ready(here: Small) -> None:
    await here.ready()
    here.stop()


def test_parts_start_when_what_they_need_is_ready_and_stop_in_the_order_of_their_roles(
    small: Small,
) -> None:
    small.add("exchange", Role.EXCHANGE, "--slow", "0.6")
    small.add("quotes", Role.QUOTES, needs=("exchange",))
    small.add("watchdog", Role.WATCHDOG, needs=("exchange",))
    small.add("handler", Role.HANDLER, needs=("quotes", "watchdog"))
    small.add("maker", Role.MAKER, needs=("handler",))

    async def while_it_is_slow(here: Small) -> None:
        await until(lambda: here.order("begin") == ["exchange"], SOON_S)
        assert here.supervisor is not None
        members = here.supervisor.members
        await until(lambda: members["exchange"].reasons == ["it is slow"], SOON_S)
        assert members["quotes"].stage is Stage.WAITING
        await stop_when_ready(here)

    outcome = small.run(while_it_is_slow)
    assert (outcome.status, outcome.failed, outcome.residue) == (0, "", [])
    begun = small.order("begin")
    assert begun[0] == "exchange"
    assert set(begun[1:3]) == {"quotes", "watchdog"}
    assert begun[3:] == ["handler", "maker"]
    assert small.order("end") == ["maker", "handler", "quotes", "watchdog", "exchange"]


def test_it_ends_so_many_seconds_after_everything_is_ready(small: Small) -> None:
    small.add("quotes", Role.QUOTES, "--slow", "0.5")
    assert small.run(seconds=0.2).status == 0
    assert small.order("end") == ["quotes"]


def test_what_is_to_run_for_a_while_and_is_never_ready_ends_as_unavailable(small: Small) -> None:
    small.add("quotes", Role.QUOTES, "--slow", "3600")
    outcome = small.run(seconds=1.0, begin_s=2.0)
    assert outcome.status == ExitCode.UNAVAILABLE
    assert outcome.failed == "quotes was not ready within 2 s"
    assert small.order("end") == ["quotes"]


def test_a_part_that_dies_is_started_again_without_the_others(small: Small) -> None:
    small.add("quotes", Role.QUOTES)
    small.add("handler", Role.HANDLER, *FAST, "--die-times", "2", needs=("quotes",))

    async def until_it_lives(here: Small) -> None:
        await until(lambda: here.order("begin").count("handler") == 3, SOON_S)
        await stop_when_ready(here)

    assert small.run(until_it_lives).status == 0
    assert small.order("begin") == ["quotes", "handler", "handler", "handler"]
    assert "handler ended with exit status 1; it is started again in 0.05 s" in small.text()
    assert "again in 0.1 s" in small.text()


def test_a_part_that_keeps_dying_stops_everything_what_wants_orders_first(small: Small) -> None:
    small.add("quotes", Role.QUOTES, *FAST, "--status", "9")
    small.add("watchdog", Role.WATCHDOG)
    small.add("handler", Role.HANDLER)
    small.add("maker", Role.MAKER)
    outcome = small.run()
    assert outcome.status == ExitCode.UNEXPECTED
    assert outcome.failed == "quotes ended with exit status 9"
    assert small.order("begin").count("quotes") == 4
    assert small.order("end") == ["maker", "handler", "watchdog"]


@pytest.mark.parametrize("status", [2, 3, 4, 6])
def test_a_part_that_would_end_the_same_way_again_is_not_started_again(
    small: Small, status: int
) -> None:
    small.add("quotes", Role.QUOTES, *FAST, "--status", str(status))
    assert small.run().status == status
    assert small.order("begin") == ["quotes"]


def test_an_exchange_that_dies_takes_its_accounts_with_it_so_everything_ends(small: Small) -> None:
    small.add("exchange", Role.EXCHANGE, "--die-after", "1", restart=Restart(most=0))
    small.add("quotes", Role.QUOTES)
    outcome = small.run()
    assert outcome.failed.startswith("exchange")
    assert small.order("begin").count("exchange") == 1


def test_what_ignores_the_signal_to_stop_is_killed_with_its_children(small: Small) -> None:
    small.add("quotes", Role.QUOTES, "--stubborn", "--grandchild", stop_s=0.3)
    small.add("watchdog", Role.WATCHDOG)
    before = sleepers()
    outcome = small.run(stop_when_ready)
    assert outcome.status == ExitCode.UNEXPECTED
    assert "quotes does not stop: killed" in small.text()
    assert small.order("end") == ["watchdog"]
    assert sleepers() <= before


def sleepers() -> set[int]:
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and alive(int(entry.name)):
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if line == b"sleep\x001000\x00":
                found.add(int(entry.name))
    return found


def test_asked_again_it_hurries_and_asked_a_third_time_it_kills(small: Small) -> None:
    small.add("maker", Role.MAKER, "--stubborn", stop_s=600)
    small.add("quotes", Role.QUOTES, "--stubborn", stop_s=600)

    async def impatient(here: Small) -> None:
        await here.ready()
        here.stop()
        await until(lambda: "stopping in order" in here.text(), SOON_S)
        here.stop()
        here.stop()

    assert small.run(impatient).status == ExitCode.UNEXPECTED
    assert small.order("end") == []


def test_orders_that_a_handler_left_are_told_and_are_the_exit_status(small: Small) -> None:
    words = "2 orders may still be open:\\n  a-1  buy 3 lots\\n  a-2  sell 4 lots"
    small.add("handler", Role.HANDLER, "--end-status", "7", "--end-words", words)
    outcome = small.run(stop_when_ready)
    assert outcome.status == ExitCode.RESIDUE
    (left,) = outcome.residue
    assert left.text().splitlines() == [
        "account: 2 orders may still be open:",
        "  a-1  buy 3 lots",
        "  a-2  sell 4 lots",
    ]


def test_after_a_handler_that_died_the_watchdog_stays_until_it_saw_that_nothing_is_open(
    small: Small,
) -> None:
    small.add("handler", Role.HANDLER, "--stubborn", stop_s=0.3)
    acting = '{"acting": "silent", "lists": 4, "open orders": {"ours": 1}}'
    small.add("watchdog", Role.WATCHDOG, "--detail", acting)

    async def it_clears(here: Small) -> None:
        await stop_when_ready(here)
        await until(lambda: "shall cancel what account has open" in here.text(), SOON_S)
        assert here.supervisor is not None
        watchdog = here.supervisor.members["watchdog"]
        assert not here.order("end")
        # From here on it says what a watchdog does that has listed the account again.
        watchdog.heard = lambda ok, body: type(watchdog).heard(  # type: ignore[method-assign]
            watchdog, ok, {**body, "lists": 5, "open orders": {"ours": 0}}
        )

    outcome = small.run(it_clears)
    assert outcome.residue == []
    assert "watchdog: nothing of account is open" in small.text()
    assert small.order("end") == ["watchdog"]


def test_where_no_watchdog_sees_to_it_a_handler_that_was_killed_counts_as_residue(
    small: Small,
) -> None:
    small.add("handler", Role.HANDLER, "--stubborn", stop_s=0.3)
    small.add("watchdog", Role.WATCHDOG)
    outcome = small.run(stop_when_ready, clearing_s=1.0)
    assert outcome.status == ExitCode.RESIDUE
    assert outcome.residue[0].text() == "account: its handler did not say what is still open"


def test_a_part_that_does_not_answer_any_more_is_killed_and_started_again(small: Small) -> None:
    small.add("quotes", Role.QUOTES, "--hang-after", "1")

    async def until_again(here: Small) -> None:
        await until(lambda: here.order("begin").count("quotes") == 2, SOON_S)
        await stop_when_ready(here)

    small.run(until_again, hung_s=1.0)
    assert "quotes has not answered" in small.text()
    assert "quotes was ended by SIGKILL; it is started again" in small.text()


def test_what_cannot_be_started_at_all_is_told_and_given_up(small: Small) -> None:
    small.add("quotes", Role.QUOTES, "bad\0argument")
    with pytest.raises(ValueError, match="null byte"):
        small.run()


def test_each_part_sees_its_own_keys_and_no_line_shows_one(small: Small) -> None:
    small.add("one", Role.QUOTES, "--show-keys", environment=("ALP_A_KEY",))
    small.add("two", Role.WATCHDOG, "--show-keys", "--say", "the key is hunter22")
    keys = {"ALP_A_KEY": "hunter22", "ALP_B_SECRET": "xxxxxxxx", "ALP_B_PRIVATE_KEY_FILE": "/x"}
    small.run(stop_when_ready, environment={**os.environ, **keys}, secrets=["hunter22"])
    assert "one | ['ALP_A_KEY']" in small.text()
    assert "two | []" in small.text()
    assert "the key is ***" in small.text()
    assert "hunter22" not in small.text()


def test_a_full_disk_below_the_log_stops_nobody(small: Small) -> None:
    small.add("quotes", Role.QUOTES, "--spam")
    full = os.open("/dev/full", os.O_WRONLY)
    assert small.run(stop_when_ready, descriptor=full).status == 0
    assert small.lines.dropped > 0


def test_a_reader_that_reads_nothing_stops_nobody(small: Small) -> None:
    small.add("quotes", Role.QUOTES, "--spam")
    reading, writing = os.pipe()
    try:
        assert small.run(stop_when_ready, descriptor=writing).status == 0
    finally:
        os.close(reading)


KILLED = """\
import asyncio, os, sys
sys.path[:0] = {path!r}
from pathlib import Path
from small_system import Small
from alp.system.parts import Role
small = Small(Path({folder!r}))
small.add("quotes", Role.QUOTES, "--stubborn", "--grandchild", stop_s=1)
small.add("watchdog", Role.WATCHDOG, stop_s=1)
small.run()
"""


def test_nothing_outlives_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    before = sleepers()
    folder = str(SCRIPT.parent)
    code = KILLED.format(path=[folder, str(SCRIPT.parents[1] / "venues")], folder=str(tmp_path))
    process = subprocess.Popen([sys.executable, "-c", code], cwd=SCRIPT.parents[2])
    log = tmp_path / "log"

    async def test() -> None:
        def begun() -> list[int]:
            return [int(line.split()[2]) for line in log.read_text().splitlines()]

        await until(lambda: log.exists() and len(begun()) == 2, SOON_S)
        process.send_signal(signal.SIGKILL)
        process.wait()
        await until(lambda: not any(map(alive, begun())), SOON_S)
        await until(lambda: sleepers() <= before, SOON_S)

    asyncio.run(test())
    # What could obey did: it was not killed.
    assert any(line.startswith("end watchdog") for line in log.read_text().splitlines())
    assert PROGRAM[-1] == str(SCRIPT)
