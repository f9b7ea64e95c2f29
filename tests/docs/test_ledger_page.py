"""The tables of docs/ledger.md say what the code says."""

from __future__ import annotations

import re
from pathlib import Path

from alp.ledger.accounts import CAPITAL, HEADINGS, OWN, Kind
from alp.ledger.events import KINDS
from alp.ledger.reconcile import Difference, Found

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "ledger.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """The cells of the table that begins so."""
    table = PAGE.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0]
    return [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in table.split("\n")[2:]
    ]


def test_every_account_is_there_with_its_heading() -> None:
    told = {row[0].strip("`"): (row[2] == "yes", row[3].strip("`")) for row in rows("kind")}
    assert told == {kind.value: (kind in OWN, HEADINGS.get(kind, "")) for kind in Kind}


def test_capital_is_told_from_profit() -> None:
    assert " and ".join(f"`{name}`" for name in CAPITAL) + " are\ncapital" in PAGE


def test_every_event_is_there() -> None:
    told = {name for row in rows("event") for name in re.findall(r"`(\w+)`", row[0])}
    assert told == {each.__name__ for each in KINDS.values()} | {"Mark", "Reorganisation"}


def test_every_difference_is_there_with_what_it_does_to_the_gate() -> None:
    told = {row[0].strip("`"): row[2] for row in rows("found")}
    closes = {each: Difference(each, "", "").closes_gate for each in Found}
    assert told == {each.name: "closes" if shut else "stays" for each, shut in closes.items()}
