"""Whatever is changed behind the ledger's back is found, and the entry is named."""

from __future__ import annotations

import pytest
from ledger_world import ASSETS, NOW, block, fill, lp, mark

from alp.ledger.database import open_engine
from alp.ledger.events import LpMint, Reorganisation, chain_proof
from alp.ledger.ledger import Ledger
from alp.ledger.verify import verify

TAMPERED = {
    "a posting's amount": (
        "UPDATE postings SET amount = '7' WHERE sequence = 3 AND line = 0",
        "entry 3 (kraken|trade||2): entry 3: its postings of ETH sum to",
    ),
    "an event's content": (
        """UPDATE entries SET content = replace(content, '"side":1', '"side":-1')
        WHERE sequence = 3""",
        "entry 3 (kraken|trade||2): its postings are not those of its event",
    ),
    "an entry that is gone": (
        "DELETE FROM entries WHERE sequence = 2; DELETE FROM postings WHERE sequence = 2",
        "entry 3: the one before it has 1",
    ),
    "its postings that are gone": (
        "DELETE FROM postings WHERE sequence = 2",
        "entry 2 (kraken|trade||1): its postings are not those",
    ),
    "an entry's postings that stayed": (
        "DELETE FROM entries WHERE sequence = 2",
        "posting of 2: there is no such entry",
    ),
    "a mark": (
        "UPDATE marks SET mark_x96 = '5'",
        "the state at 6 is not what the entries up to 6 lead to",
    ),
    "the state": (
        "UPDATE state SET body = replace(body, '\"sequence\":6', '\"sequence\":5')",
        "the state at 5 is not what the entries up to 6 lead to",
    ),
    "an end that is gone": (
        "DELETE FROM entries WHERE sequence > 3; DELETE FROM postings WHERE sequence > 3",
        "the state at 6 is not what the entries up to 3 lead to",
    ),
    "a state that cannot be read": (
        "UPDATE state SET body = 'nothing'",
        "the ledger's state cannot be read",
    ),
    "an account of an unknown kind": (
        "UPDATE accounts SET kind = 'purse' WHERE id = 1",
        "a posting of entry 2 cannot be read",
    ),
    "a reversal's postings": (
        "UPDATE postings SET account = 1 WHERE sequence = 6",
        "entry 6 (reversal|5)",
    ),
    "an orphan's reversal": (
        "INSERT INTO orphans (block, at_ns) SELECT block, 1 FROM entries WHERE sequence = 4",
        f"entry 4 (1|{block(1)}|log|1): its block is not canonical",
    ),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_what_was_changed_is_found(place: str, what: str) -> None:
    statements, expected = TAMPERED[what]
    with Ledger(place, ASSETS) as ledger:
        ledger.apply([mark("ETH", "2000"), fill(1), fill(2, fee="1")])
        for number in (1, 2):
            ledger.apply([LpMint(chain_proof(1, block(number), 1), NOW, *lp(1), 10, 20)])
        ledger.apply([Reorganisation(1, NOW, orphaned=(block(2),))])
    engine = open_engine(place)
    assert verify(engine, place).faults == []
    with engine.begin() as connection:
        for statement in statements.split(";"):
            connection.exec_driver_sql(statement)
    found = verify(engine, place)
    assert not found.whole
    assert any(expected in fault for fault in found.faults), found.faults
