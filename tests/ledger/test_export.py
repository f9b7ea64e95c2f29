"""Parquet files that say the same as the ledger, to the last unit."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ledger_world import ASSETS, KRAKEN, NOW, history

from alp.ledger.accounts import Account, Kind
from alp.ledger.database import open_engine
from alp.ledger.events import Flow, venue_proof
from alp.ledger.export import export
from alp.ledger.ledger import Ledger


def test_the_tables_say_what_the_ledger_says(place: str, tmp_path: Path) -> None:
    large = Flow(venue_proof("kraken", "ledger", "large"), NOW, KRAKEN, "ETH", 10**38 - 1)
    with Ledger(place, ASSETS) as ledger:
        ledger.load([*history(3, 300), large])
        seen = ledger.snapshot()
    rows = export(open_engine(place), place, tmp_path / "tables")
    tables = {name: pq.read_table(tmp_path / "tables" / f"{name}.parquet") for name in rows}
    assert {name: table.num_rows for name, table in tables.items()} == rows
    assert tables["postings"].schema.field("amount").type == pa.decimal128(38, 0)
    sums: dict[Account, int] = {}
    for row in tables["postings"].to_pylist():
        account = Account(Kind(row["kind"]), row["owner"], row["asset"])
        sums[account] = sums.get(account, 0) + int(row["amount"])
    assert {account: each for account, each in sums.items() if each} == seen.balances
    assert Decimal(10**38 - 1) in tables["postings"]["amount"].to_pylist()
    entries, marks = tables["entries"], tables["marks"]
    sequences = entries["sequence"].to_pylist() + marks["sequence"].to_pylist()
    assert sorted(sequences) == list(range(1, seen.sequence + 1))
    assert entries["at"].cast(pa.int64()).to_pylist()[0] >= NOW
    assert tables["assets"].to_pylist()[0] == {"name": "BNB", "decimals": 12}


def test_an_empty_ledger_has_empty_tables(place: str, tmp_path: Path) -> None:
    Ledger(place, ASSETS).close()
    rows = export(open_engine(place), place, tmp_path / "tables")
    assert rows == {"entries": 0, "postings": 0, "marks": 0, "assets": len(ASSETS)}
    assert pq.read_table(tmp_path / "tables" / "postings.parquet").num_rows == 0


def test_a_file_is_there_whole_or_not_at_all(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Ledger(place, ASSETS) as ledger:
        ledger.load(history(3, 100))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_batch", full)
    with pytest.raises(OSError, match="No space"):
        export(open_engine(place), place, tmp_path / "tables")
    assert list((tmp_path / "tables").iterdir()) == []
