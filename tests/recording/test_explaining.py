"""An order is led back to the wish it came from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from desk_world import SECOND, World
from gate_world import NOW
from journal_world import open_gate, open_journal, order

from alp._core.gate import RiskApproved
from alp.cli.app import root
from alp.errors import DataError, ExitCode
from alp.journal.ids import ClientIds
from alp.models.desk import Event, Wish
from alp.recording.decisions import DeskLog, RecordedDesk
from alp.recording.decisions_file import DeskHeader
from alp.recording.explaining import LOG, find


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A desk whose decisions were recorded, up to a moment before now."""
    made = World()
    made.now = NOW - 10 * SECOND
    made.delta = 10**17
    instruments = tuple(each.instrument for each in made.desk.rules.products)
    log = DeskLog(tmp_path / LOG, DeskHeader(b"", "", {}, instruments))
    recorded = RecordedDesk(made.desk, log)

    def tell(*events: Event) -> list[Wish]:
        found = [wish for event in events for wish in recorded.on(event)]
        made.said += found
        return found

    made.tell = tell  # type: ignore[method-assign]
    made.begin()
    recorded.close()
    return made


def sent(folder: Path, wish: Wish) -> str:
    """A handler sends an order for the best bid of a wish."""
    journal = open_journal(folder / "account")
    gate = open_gate(journal.orders, journal.token)
    price, lots = wish.bids[0]
    gate.see_reference(wish.instrument, price, price + 2, NOW)
    client_id = ClientIds("t", journal.token).next()
    data = order(journal.token, client_id, 1, wish.instrument, 1, price, min(lots, 5))
    approved = gate.approve(data, NOW)
    assert isinstance(approved, RiskApproved), approved
    journal.writer.intent(approved, NOW)
    journal.close([])
    return client_id


def explained(*arguments: str) -> Result:
    return CliRunner().invoke(root, ["explain", "quote", *arguments])


def test_a_wish_is_found_by_its_number_and_the_newest_without(tmp_path: Path, world: World) -> None:
    assert find(tmp_path, "last").wish == world.said[-1]
    for wish in (world.said[0], world.said[7]):
        assert find(tmp_path, str(wish.number)).wish == wish
    with pytest.raises(DataError, match="wish 9999 is not in the log"):
        find(tmp_path, "9999")


def test_an_order_is_led_back_to_the_newest_wish_before_it_with_its_price(
    tmp_path: Path, world: World
) -> None:
    client_id = sent(tmp_path, world.last(0))
    found = find(tmp_path, client_id)
    price = world.last(0).bids[0][0]
    with_it = [w for w in world.said if w.instrument == 0 and price in dict(w.bids)]
    assert found.wish == with_it[-1]
    assert found.order is not None
    assert (found.order.side, found.order.price) == (1, price)
    text = explained(client_id, "--state", str(tmp_path)).output
    assert f"order        {client_id}, to buy at {price}" in text


def test_it_says_inputs_terms_and_what_bound(tmp_path: Path, world: World) -> None:
    told = explained("last", "--state", str(tmp_path))
    assert told.exit_code == ExitCode.OK, told.output
    for words in (
        "fair value",
        "reservation",
        "half spread",
        "combined     +0.100000 base = venues +0.000000 + 1 x pool +0.100000",
        "hedge ratio  1 (fixed",
        "caution      NORMAL; gate ACTIVE",
    ):
        assert words in told.output, told.output
    first = explained("1", "--state", str(tmp_path)).output
    assert "UNCALIBRATED" in first or "NO_BOOK" in first
    data = json.loads(explained("last", "--state", str(tmp_path), "--json").output)
    assert data["wish"] == world.said[-1].number
    assert data["hedge"]["combined_raw"] == str(10**17)
    assert data["terms"]["reservation"] < data["terms"]["mid"]


@pytest.mark.parametrize(
    ("sought", "words"),
    [("no-such-id", "neither a wish's number"), ("t-000001000001", "no journal knows order")],
)
def test_what_is_not_there_is_named(tmp_path: Path, world: World, sought: str, words: str) -> None:
    assert world.said
    with pytest.raises(DataError, match=words):
        find(tmp_path, sought)


def test_a_folder_without_a_log_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no log of decisions"):
        find(tmp_path, "last")
    assert explained("last").exit_code == ExitCode.USAGE
