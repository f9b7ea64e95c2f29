"""``alp ledger`` says what we have, whether it is whole, and gives it away as tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from ledger_world import ASSETS, KRAKEN, NOW, fill, mark

from alp.cli.app import root
from alp.errors import ExitCode
from alp.ledger.database import open_engine
from alp.ledger.events import Adoption, own_proof
from alp.ledger.ledger import Ledger


def run(*arguments: str) -> Result:
    return CliRunner().invoke(root, ["ledger", *arguments])


@pytest.fixture
def filled(place: str) -> str:
    adopted = Adoption(own_proof("adoption", "1"), NOW, KRAKEN, "ETH", 10**18)
    with Ledger(place, ASSETS) as ledger:
        ledger.apply([mark("ETH", "2000"), adopted, fill(1, -1, "0.5", "1010", fee="1.5")])
    return place


def test_show_prints_balances_profit_and_its_headings(filled: str) -> None:
    done = run("show", "--entries", "1", filled)
    assert done.exit_code == ExitCode.OK, done.output
    for text in (
        "venue:kraken:ETH",
        "its true cost is unknown",
        "net asset value 2008.5 USDC, profit 8.5",
        "kraken|trade||1",
    ):
        assert text in done.output
    found = json.loads(run("show", "--json", filled).output)
    assert found["nav"] == "2008.5"
    assert found["profit"] == "8.5"
    assert found["attribution"]["fees"] == "-1.5"
    assert found["attribution"]["trading"] == "10"
    assert found["attribution"]["opening"] == "2000"
    total = sum(int(each) for each in found["attribution_x96"].values())
    assert round(total / 2**96) == 20085 * 10**11
    assert found["balances"][-1]["amount"] == "1008500000000000"
    assert "entries" not in found


def test_verify_has_an_exit_code(filled: str) -> None:
    done = run("verify", filled)
    assert done.exit_code == ExitCode.OK, done.output
    assert "2 entries of 8 postings and 1 marks, up to 3" in done.output
    with open_engine(filled).begin() as connection:
        connection.exec_driver_sql("UPDATE postings SET line = 9 WHERE sequence = 2 AND line = 0")
    done = run("verify", "--json", filled)
    assert done.exit_code == ExitCode.CHECK_FAILED
    assert '"whole": false' in done.output
    assert "entry 2 (own|adoption|1)" in done.output


def test_export_writes_tables(filled: str, tmp_path: Path) -> None:
    done = run("export", "--json", filled, str(tmp_path / "tables"))
    rows = {name: each["rows"] for name, each in json.loads(done.output).items()}
    assert rows == {"entries": 2, "postings": 8, "marks": 1, "assets": 5}
    assert len(list((tmp_path / "tables").glob("*.parquet"))) == 4


def test_migrate_makes_a_ledger_and_is_idempotent(place: str) -> None:
    assert "no ledger -> 0001" in run("migrate", place).output
    assert "nothing to do" in run("migrate", place).output
    assert json.loads(run("migrate", "--json", place).output)["before"] == "0001"
    done = run("show", place)
    assert done.exit_code == ExitCode.CONFIG
    assert "the ledger is empty" in done.output


def test_where_there_is_no_ledger_none_is_made(tmp_path: Path) -> None:
    for command in ("show", "verify"):
        done = run(command, str(tmp_path / "none.db"))
        assert done.exit_code == ExitCode.CONFIG
        assert "there is no ledger" in done.output
    assert list(tmp_path.iterdir()) == []
