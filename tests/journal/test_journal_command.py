"""``alp journal`` says what a restart would know."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from journal_world import NOW, Account, open_journal

from alp._core.gate import GateState
from alp._core.journal_records import FILE_HEAD_BYTES
from alp.cli.app import root
from alp.errors import ExitCode
from alp.journal.folder import SEGMENT, Folder


def run(*arguments: str) -> Result:
    return CliRunner().invoke(root, ["journal", *arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    journal = open_journal(tmp_path)
    journal.orders.open("t-1", 0, 1, 990, 5)
    journal.writer.adopted("t-1", 0, 1, 990, 5, NOW)
    journal.writer.gate(GateState.HALTED, True, "by a person", NOW)
    account = Account(journal, 2)
    for _ in range(60):
        account.step()
    journal.close(journal.orders.open_orders(0))
    return tmp_path


def test_show_prints_orders_positions_and_what_was_left(folder: Path) -> None:
    done = run("show", str(folder))
    assert done.exit_code == ExitCode.OK, done.output
    for text in (
        "account test",
        "stopped in order",
        "kraken-spot ETH/USD",
        "left at the stop: t-1",
    ):
        assert text in done.output
    found = json.loads(run("show", "--json", str(folder)).output)
    assert "t-1" in {each["client_id"] for each in found["orders"]}
    assert found["gate"] == {"state": 3, "killed": True, "why": "by a person"}


def test_every_record_can_be_seen(folder: Path) -> None:
    lines = run("show", "--records", str(folder)).output.splitlines()
    found = json.loads(run("show", "--records", "--json", str(folder)).output)
    assert len(lines) == len(found["records"]) > 50
    assert any("ADOPTED" in line and "client_id=t-1" in line for line in lines)
    assert found["records"][-1]["kind"] == "CLOSED"
    facts = [each["members"] for each in found["records"] if each["kind"] == "FACT"]
    assert {each["source"] for each in facts} == {"STREAM"}
    assert any("source=STREAM" in each for each in lines)


def test_verify_tells_a_torn_end_from_a_loss(folder: Path) -> None:
    assert run("verify", str(folder)).exit_code == ExitCode.OK
    ((_, segment),) = Folder(folder).files(SEGMENT)
    whole = segment.read_bytes()
    segment.write_bytes(whole[:-3])
    torn = run("verify", str(folder))
    assert torn.exit_code == ExitCode.OK
    assert "torn end" in torn.output
    # every record here was written by the barrier of the close; what a later one knew to be safe:
    segment.write_bytes(whole)
    journal = open_journal(folder)
    for number in range(3):
        journal.writer.commit(journal.writer.released(f"t-{number}", NOW))
    journal.close()
    _, segment = Folder(folder).files(SEGMENT)[-1]
    data = bytearray(segment.read_bytes())
    data[FILE_HEAD_BYTES + 20] ^= 1
    segment.write_bytes(data)
    lost = run("verify", "--json", str(folder))
    assert lost.exit_code == ExitCode.CHECK_FAILED
    assert '"lost": true' in lost.output


def test_a_folder_without_a_journal_is_said_to_be_none(tmp_path: Path) -> None:
    done = run("show", str(tmp_path))
    assert done.exit_code == ExitCode.DATA
