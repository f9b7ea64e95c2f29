"""The tables of docs/orders.md say what the code says."""

from __future__ import annotations

import random
import re
from pathlib import Path

from alp._core.gate import REFUSALS
from alp._core.order_life import CONTRADICTIONS, OrderEvent, OrderState
from alp._core.orders import OrderTable

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "orders.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """The cells of the table that begins so."""
    table = PAGE.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0]
    return [
        [cell.strip() for cell in line.strip("| ").split("|")] for line in table.split("\n")[2:]
    ]


def names(cell: str) -> list[str]:
    return re.findall(r"`([A-Z_]+)`", cell)


def test_every_refusal_is_in_the_table_with_its_number_and_meaning() -> None:
    assert rows("code | number") == [
        [f"`{code.name}`", str(code.value), meaning] for code, meaning in REFUSALS.items()
    ]


def test_every_contradiction_is_in_the_table() -> None:
    assert rows("flag") == [[f"`{flag.name}`", text] for flag, text in CONTRADICTIONS.items()]


def test_every_state_is_described() -> None:
    assert [names(row[0])[0] for row in rows("state")] == [state.name for state in OrderState]
    assert [names(row[0])[0] for row in rows("from")] == [state.name for state in OrderState]


def any_event(chance: random.Random) -> dict[str, object]:
    kind = chance.choice(list(OrderEvent))
    numbered = OrderEvent.CANCEL_REQUESTED <= kind <= OrderEvent.AMEND_UNKNOWN
    terms = kind in (
        OrderEvent.FILL,
        OrderEvent.AMEND_REQUESTED,
        OrderEvent.AMEND_ACKED,
        OrderEvent.FOUND,
    )
    told = kind == OrderEvent.CUMULATIVE or (not numbered and chance.random() < 0.5)
    return {
        "kind": kind,
        "command": chance.randint(1, 2) if numbered else 0,
        "price": 100 if terms else 0,
        "quantity": chance.randint(1, 12) if terms else 0,
        "cumulative": chance.randint(0, 10) if told else -1,
        "trade_id": chance.choice("xyz") if kind is OrderEvent.FILL else "",
    }


def test_no_order_leaves_a_state_but_as_the_table_says() -> None:
    legal = {names(row[0])[0]: (names(row[1]), names(row[2])) for row in rows("from")}
    chance = random.Random(7)
    seen = set()
    for _ in range(10_000):
        table = OrderTable([(0, 1)], capacity=1, trades=16)
        table.open("a", 0, 1, 100, 10)
        before = table.get("a")
        for _ in range(chance.randint(1, 9)):
            table.apply("a", **any_event(chance))
            after = table.get("a")
            if after.state is not before.state:
                clean, contradictory = legal[before.state.name]
                allowed = clean + contradictory if after.contradictions else clean
                assert after.state.name in allowed, (before, after)
                seen.add((before.state, after.state))
            before = after
    assert len(seen) > 40


def test_every_event_is_mapped() -> None:
    mapped = {name for row in rows("event") for name in names(row[0])}
    assert mapped == {event.name for event in OrderEvent}
