"""What was journalled is what a restart knows."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from journal_world import ETH, NOW, PERP, PROCESS, SMALL, Account, open_journal, picture

from alp._core.gate import GateState
from alp._core.journal import JournalError, JournalMode
from alp._core.order_life import OrderEvent as E
from alp.errors import ConfigError
from alp.journal.folder import CHECKPOINT, SEGMENT, Folder
from alp.journal.ids import ClientIds, parse_client_id
from alp.journal.journal import Journal, JournalOptions
from alp.journal.read import read_journal


def without_external(path: Path) -> object:
    state = read_journal(Folder(path))
    assert state is not None
    assert not state.damages
    return picture(state.orders)


@pytest.mark.parametrize("seed", range(8))
def test_a_restart_has_the_same_orders_positions_and_exposure(tmp_path: Path, seed: int) -> None:
    for opening in range(4):
        journal = open_journal(tmp_path)
        account = Account(journal, seed * 10 + opening)
        for _ in range(200):
            account.step()
        expected = picture(journal.orders)
        journal.close()
        assert without_external(tmp_path) == expected
        account.orders.set_external(0, 0)  # liquidity is told anew by whoever holds it
        again = open_journal(tmp_path)
        assert picture(again.orders) == picture(account.orders)
        assert again.before is not None
        assert again.before.closed
        again.close()


@pytest.mark.parametrize("seed", range(4))
def test_files_follow_each_other_and_checkpoints_lose_nothing(tmp_path: Path, seed: int) -> None:
    journal = open_journal(tmp_path, SMALL)
    account = Account(journal, seed)
    seen = set()
    for number in range(4_000):
        account.step()
        if number % 40 == 0:
            journal.writer.commit()
            journal.tend()
            seen |= {path.name for _, path in Folder(tmp_path).files(CHECKPOINT)}
    assert len(seen) > 3
    assert len(Folder(tmp_path).files(SEGMENT)) <= PROCESS.keep + 3
    expected = picture(journal.orders)
    journal.close()
    assert without_external(tmp_path) == expected


def test_instruments_may_be_listed_in_another_order_next_time(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    account = Account(journal, 3)
    for _ in range(300):
        account.step()
    journal.close()
    account.orders.set_external(0, 0)
    again = open_journal(tmp_path, instruments=(PERP, ETH))
    for mine, theirs in ((0, 1), (1, 0)):
        assert again.orders.exposure(mine) == account.orders.exposure(theirs)
        ids = {each.client_id for each in again.orders.open_orders(mine)}
        assert ids == {each.client_id for each in account.orders.open_orders(theirs)}
    again.close()


def one_open_order(path: Path) -> str:
    journal = open_journal(path)
    journal.orders.open("t-000001000001", 0, 1, 990, 5)
    journal.writer.adopted("t-000001000001", 0, 1, 990, 5, NOW)
    journal.close(journal.orders.open_orders(0))
    return "t-000001000001"


def test_an_instrument_with_open_orders_cannot_be_left_out(tmp_path: Path) -> None:
    client_id = one_open_order(tmp_path)
    with pytest.raises(ConfigError, match=client_id):
        open_journal(tmp_path, instruments=(PERP,))
    again = open_journal(tmp_path)
    assert client_id in again.orders
    again.close()


def test_orders_in_other_ticks_are_asked_about_and_not_guessed(tmp_path: Path) -> None:
    client_id = one_open_order(tmp_path)
    again = open_journal(tmp_path, instruments=(ETH._replace(price_step=5), PERP))
    assert client_id not in again.orders
    assert again.suspects == [client_id]
    again.close()


def test_too_little_room_is_said_before_an_order_is_forgotten(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    for number in range(3):
        journal.orders.open(f"t-{number}", 0, 1, 990, 5)
        journal.writer.adopted(f"t-{number}", 0, 1, 990, 5, NOW)
    journal.close()
    with pytest.raises(ConfigError, match="room for 2 orders"):
        open_journal(tmp_path, JournalOptions(mode=JournalMode.PROCESS, orders=2, trades=64))
    again = open_journal(tmp_path)
    assert len(again.orders.open_orders(0)) == 3
    again.close()


def test_what_was_left_at_the_stop_and_the_kill_switch_are_known_at_the_start(
    tmp_path: Path,
) -> None:
    journal = open_journal(tmp_path)
    journal.orders.open("t-1", 0, 1, 990, 5)
    journal.writer.adopted("t-1", 0, 1, 990, 5, NOW)
    journal.writer.gate(GateState.HALTED, True, "by a person", NOW)
    journal.writer.trades(1, "8812", NOW - 5, NOW)
    journal.close(journal.orders.open_orders(0))
    for _ in range(2):  # what nobody took back stays over any number of restarts
        again = open_journal(tmp_path)
        assert again.before is not None
        assert again.before.gate == (GateState.HALTED, True, "by a person")
        assert again.before.trades == {1: ("8812", NOW - 5)}
        assert again.before.closed
        again.close()
    first = read_journal(Folder(tmp_path))
    assert first is not None
    assert first.residue == []


def test_a_killed_writer_did_not_close(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    journal.orders.open("t-1", 0, 1, 990, 5)
    journal.writer.adopted("t-1", 0, 1, 990, 5, NOW)
    journal.writer.commit()
    state = read_journal(Folder(tmp_path))
    assert state is not None
    assert not state.closed
    journal.close(journal.orders.open_orders(0))
    state = read_journal(Folder(tmp_path))
    assert state is not None
    assert (state.closed, state.residue) == (True, ["t-1"])


def test_ids_are_never_used_twice_while_the_folder_is_there(tmp_path: Path) -> None:
    seen: set[str] = set()
    for _ in range(4):  # the clock stands still: what is stored tells epochs apart
        journal = open_journal(tmp_path)
        ids = ClientIds("t", journal.token)
        made = {ids.next() for _ in range(50)}
        assert not seen & made
        assert max(map(len, made)) <= 18
        seen |= made
        journal.close()


def opened_elsewhere(path: Path, now_ns: int, floor: int = 0) -> int:
    journal = Journal(path, "test", (ETH,), now_ns=lambda: now_ns, options=PROCESS, floor=floor)
    journal.close()
    return journal.token


def test_a_lost_folder_begins_with_a_newer_epoch_by_the_clock(tmp_path: Path) -> None:
    tokens = [opened_elsewhere(tmp_path / str(at), NOW + at * 2 * 10**9) for at in range(3)]
    assert tokens == sorted(set(tokens))


def test_what_the_venue_has_seen_outranks_a_clock_that_was_set_back(tmp_path: Path) -> None:
    first = opened_elsewhere(tmp_path / "first", NOW)
    seen = parse_client_id(ClientIds("t", first).next())
    assert seen is not None
    assert opened_elsewhere(tmp_path / "second", NOW - 10**15, seen.epoch) > first


@pytest.mark.parametrize("text", ["web_abc", "t-00000100001", "T-000001000001", "x" * 18, ""])
def test_foreign_ids_are_not_ours(text: str) -> None:
    assert parse_client_id(text) is None


@pytest.mark.parametrize("tag", ["", "toolong", "A", "a-b", "é"])
def test_a_tag_that_a_venue_could_refuse_is_refused(tag: str) -> None:
    with pytest.raises(ConfigError):
        ClientIds(tag, 1)


@pytest.mark.parametrize("mode", JournalMode)
@pytest.mark.parametrize("window_ns", [0, 200_000])
def test_waiting_ends_when_the_record_is_on_disk(
    tmp_path: Path, mode: JournalMode, window_ns: int
) -> None:
    journal = open_journal(tmp_path, JournalOptions(mode=mode, window_ns=window_ns))

    async def send(number: int) -> None:
        sequence = journal.writer.fact(f"t-{number}", E.SENT)
        await journal.durable(sequence)
        assert journal.writer.durable >= sequence

    async def all_at_once() -> None:
        for _ in range(5):
            await asyncio.gather(*(send(number) for number in range(64)))

    asyncio.run(all_at_once())
    asyncio.run(send(1))  # another event loop
    counts = journal.writer.counts
    assert counts["records"] == 321
    if mode is JournalMode.GROUP:
        assert counts["barriers"] < 100  # one for many
    journal.close()
    with pytest.raises(JournalError, match="closed"):
        journal.writer.fact("t-1", E.SENT)


def test_what_nobody_waits_for_is_written_all_the_same(tmp_path: Path) -> None:
    journal = open_journal(tmp_path, JournalOptions())
    sequence = journal.writer.fact("t-1", E.SENT)
    while journal.writer.durable < sequence:
        pass
    journal.close()


def test_one_who_stops_waiting_leaves_the_others(tmp_path: Path) -> None:
    journal = open_journal(tmp_path, JournalOptions())

    async def run() -> None:
        first = asyncio.ensure_future(journal.durable(journal.writer.fact("t-1", E.SENT)))
        second = asyncio.ensure_future(journal.durable(journal.writer.fact("t-2", E.SENT)))
        await asyncio.sleep(0)
        first.cancel()
        await second

    asyncio.run(run())
    journal.close()


def test_more_than_the_memory_holds_waits_for_the_disk(tmp_path: Path) -> None:
    journal = open_journal(tmp_path, JournalOptions())
    for _ in range(12_000):  # more than three times what fits
        journal.writer.fact("t-1", E.SENT)
    assert journal.writer.counts["waits"] > 0
    journal.close()
    state = read_journal(Folder(tmp_path))
    assert state is not None
    assert state.replay.sequence == 12_001
