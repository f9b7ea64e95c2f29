"""What the view knows of a system, by messages and pages alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from watch_world import (
    BOOK,
    FACTS,
    LP,
    SECOND,
    T0,
    beat,
    gate,
    head,
    held,
    listed,
    pages,
    part,
    report,
    running,
    tell,
)

from alp._core.order_life import OrderState
from alp._core.wire import QuotesMessage, encode
from alp.bus.sources import Source
from alp.watch.orders import MOST_ENDED, MOST_OPEN, MOST_TRADES, Orders
from alp.watch.state import WatchState


def book(state: WatchState, now_ns: int = T0) -> dict[str, Any]:
    [found] = state.as_json(now_ns)["books"]
    return found


def accounts(*orders: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**pages()["accounts"][0], "open_orders": list(orders)}]


def test_a_look_is_plain_data() -> None:
    look = running().as_json(T0)
    assert json.loads(json.dumps(look)) == look
    assert look["schema"] == "alp.watch/1"
    assert look["system"]["ready"]
    assert look["system"]["fresh"]


def test_a_book_has_touch_spread_and_imbalance_in_the_venues_own_units() -> None:
    found = book(running())
    assert (found["venue"], found["live"]) == ("perp", True)
    assert found["bid"] == ["2000.00", "3.000"]
    assert found["ask"] == ["2000.02", "1.000"]
    assert (found["spread_ticks"], found["imbalance"]) == (2, 0.5)


def test_own_orders_are_marked_in_the_ladder_also_beyond_what_is_published() -> None:
    state = running()
    tell(
        state,
        "handler-perp",
        report("one", OrderState.ACKED),
        report("two", OrderState.ACKED, side=-1, price=201_000),
    )
    found = book(state)
    assert [(each["price"], each["own"]) for each in found["bids"]] == [
        ("2000.00", None),
        ("1999.99", "0.050"),
    ]
    beyond = found["asks"][-1]
    assert (beyond["price"], beyond["quantity"]) == ("2010.00", None)
    assert beyond["ids"] == ["two"]


def test_a_book_whose_source_is_silent_is_not_live_and_says_since_when() -> None:
    state = running()
    later = T0 + 12 * SECOND
    found = book(state, later)
    assert not found["live"]
    assert found["stale"]
    assert found["why_not"] == "silent for 12 s"
    system = state.as_json(later)["system"]
    assert not system["fresh"]
    assert not system["ready"]
    assert "quotes: silent for 12 s" in system["stale"]


def test_a_quiet_book_of_a_source_that_beats_stays_live() -> None:
    state = running()
    later = T0 + 12 * SECOND
    tell(state, "quotes", beat(Source.QUOTES), now_ns=later)
    found = book(state, later)
    assert found["live"]
    assert found["age_s"] == 12.0


def test_a_part_that_was_never_heard_is_stale_from_the_beginning() -> None:
    state = WatchState(FACTS)
    state.read(pages(), T0, T0)
    state.listens("quotes", T0)
    look = state.as_json(T0)
    assert look["sources"][0]["stale"]
    assert look["sources"][0]["age_s"] is None


@pytest.mark.parametrize(
    ("said", "word"),
    [
        (gate(), "active"),
        (gate(code=2), "reducing"),
        (gate(closed=True, code=3, text="start: not read"), "halted"),
        (gate(closed=True, kill=True, code=3), "killed"),
    ],
)
def test_the_gate_is_what_its_handler_says(said: Any, word: str) -> None:
    state = running()
    tell(state, "handler-perp", said)
    [found] = state.as_json(T0)["gates"]
    assert found["gate"] == word
    assert found["reasons"] == ([said.text] if said.text else [])


def test_a_silent_handler_and_a_silent_page_leave_the_gate_unknown() -> None:
    [found] = running().as_json(T0 + 60 * SECOND)["gates"]
    assert found["gate"] == "unknown"
    assert found["stale"]


def test_an_order_is_followed_from_its_beginning_to_its_end() -> None:
    state = running()
    tell(state, "handler-perp", report("one", OrderState.PENDING_NEW))
    tell(state, "handler-perp", report("one", OrderState.ACKED), now_ns=T0 + SECOND)
    [order] = state.as_json(T0 + 3 * SECOND)["orders"]
    assert (order["state"], order["age_s"], order["age_is_least"]) == ("ACKED", 3.0, False)
    assert (order["price"], order["quantity"], order["venue"]) == ("1999.99", "0.050", "perp")
    filled = report(
        "one", OrderState.FILLED, filled=50, last_price=199_999, last_quantity=50, trade_id="t"
    )
    tell(state, "handler-perp", filled, filled)
    look = state.as_json(T0)
    assert look["orders"] == []
    assert [each["state"] for each in look["ended_orders"]] == ["FILLED"]
    [trade] = look["trades"]
    assert (trade["quantity"], trade["fee"], trade["fee_asset"]) == ("0.050", "0.12000000", "USDC")


def test_a_list_tells_of_orders_from_before_and_ends_those_it_lacks() -> None:
    state = running()
    tell(state, "handler-perp", report("gone", OrderState.ACKED), now_ns=T0)
    later = T0 + SECOND
    state.read(pages(accounts=accounts(listed("old", -1, 201_000, 40))), later, later)
    look = state.as_json(later)
    [order] = look["orders"]
    assert (order["client_id"], order["age_is_least"]) == ("old", True)
    assert [each["client_id"] for each in look["ended_orders"]] == ["gone"]


def test_what_was_reported_since_a_list_was_asked_for_is_newer_than_the_list() -> None:
    state = running()
    asked = T0 + SECOND
    tell(state, "handler-perp", report("new", OrderState.ACKED), now_ns=asked + 1)
    tell(state, "handler-perp", report("done", OrderState.ACKED), now_ns=T0)
    tell(state, "handler-perp", report("done", OrderState.CANCELED), now_ns=asked + 1)
    state.read(pages(accounts=accounts(listed("done", 1, 199_999, 50))), asked, asked + 2)
    assert [each["client_id"] for each in state.as_json(asked)["orders"]] == ["new"]


def test_wishes_stand_beside_what_rests() -> None:
    wish = {
        "instrument": 0,
        "venue": "perp",
        "left_s": 3.0,
        "in_force": True,
        "bids": [[199_999, 50], [199_900, 20]],
        "asks": [],
    }
    state = running(wishes=[wish])
    tell(
        state,
        "handler-perp",
        report("one", OrderState.ACKED),
        report("stray", OrderState.ACKED, side=-1, price=201_000),
    )
    rows = state.as_json(T0 + SECOND)["quotes"]
    assert [(each["price"], each["wished"], each["resting"], each["ids"]) for each in rows] == [
        ("1999.99", "0.050", "0.050", ["one"]),
        ("1999.00", "0.020", "0.000", []),
        ("2010.00", None, "0.050", ["stray"]),
    ]
    assert {each["left_s"] for each in rows} == {2.0}


def test_a_wish_that_is_only_on_the_bus_counts_too() -> None:
    state = running()
    wish = QuotesMessage(
        head(Source.MARKET_MAKER)._replace(send_ns=0), 3, 5 * SECOND, ((199_000, 10),), (), 1
    )
    tell(state, "maker", wish)
    [row] = state.as_json(T0 + SECOND)["quotes"]
    assert (row["wished"], row["left_s"], row["in_force"]) == ("0.010", 4.0, True)


def test_inventory_of_both_legs_and_combined_by_the_hedge_ratio() -> None:
    state = running()
    tell(state, "handler-perp", held(500))
    tell(state, "lp-agent", LP)
    found = state.as_json(T0)["inventory"]
    assert [(each["venue"], each["base"]) for each in found["venues"]] == [("perp", "0.500")]
    assert found["pool"]["quote"] == "5000.000000"
    assert found["pool"]["delta"] == "-1.500000000000000000"
    assert float(found["combined"]["base"]) == 0.5 - 0.5 * 1.5
    assert not found["combined"]["stale"]


def test_what_the_position_server_says_stands_beside_it_and_is_not_counted_twice() -> None:
    state = running()
    tell(state, "handler-perp", held(500))
    tell(
        state,
        "positions",
        held(400)._replace(header=head(Source.POSITIONS)),
        *(LP._replace(header=head(Source.POSITIONS, index)) for index in (0, 254, 255)),
    )
    found = state.as_json(T0)["inventory"]
    assert [(each["venue"], each["base"]) for each in found["venues"]] == [("perp", "0.500")]
    assert found["pool"] is None
    assert [each["of"] for each in found["position_server"]] == ["perp", "pool", "all"]
    assert found["combined"]["base"] == "0.500"


def test_the_combined_inventory_is_stale_where_a_leg_is() -> None:
    state = running()
    tell(state, "lp-agent", LP)
    later = T0 + 20 * SECOND
    tell(state, "handler-perp", held(500), now_ns=later)
    found = state.as_json(later)["inventory"]
    assert found["pool"]["stale"]
    assert found["combined"]["stale"]


def test_what_is_our_own_is_in_the_steps_of_orders_which_may_be_coarser_than_the_books() -> None:
    state = WatchState(FACTS)
    coarse = [{"instrument": 0, "venue": "perp", "tick": "0.01", "lot": "0.1"}]
    state.read(pages(products=coarse), T0, T0)
    tell(state, "quotes", *BOOK)
    tell(state, "handler-perp", held(7))
    found = state.as_json(T0)
    assert found["inventory"]["venues"][0]["base"] == "0.7"
    assert found["books"][0]["bids"][0]["quantity"] == "3.000"


def test_without_its_product_a_position_is_in_lots_and_nothing_is_summed() -> None:
    state = WatchState(FACTS)
    state.read(pages(products=[]), T0, T0)
    tell(state, "handler-perp", held(7))
    found = state.as_json(T0)["inventory"]
    assert (found["venues"][0]["lots"], found["venues"][0]["base"]) == (7, None)
    assert found["combined"]["base"] is None


def test_profit_says_when_nobody_counts_it() -> None:
    assert running().as_json(T0)["pnl"]["why_not"] == "no position server"
    there = [*pages()["parts"], part("positions", "positions")]
    assert running(parts=there).as_json(T0)["pnl"]["why_not"] == "it says nothing yet"
    told = running(parts=there, ledger={"pnl": {"fees": "1.25"}}).as_json(T0)["pnl"]
    assert told["ledger"] == {"pnl": {"fees": "1.25"}}
    assert not told["why_not"]


def test_pages_that_are_gone_leave_what_they_said_and_get_old() -> None:
    state = running()
    state.unread("nothing answers there")
    look = state.as_json(T0 + 30 * SECOND)
    assert look["system"]["stale"][0] == "the system's page: nothing answers there"
    assert look["system"]["page_age_s"] == 30.0
    assert [each["live"] for each in look["feeds"]] == [False]
    assert look["feeds"][0]["age_s"] == 30.25


def test_a_message_that_is_none_is_counted() -> None:
    state = running()
    state.take("quotes", encode(gate())[:-1], T0)
    assert state.as_json(T0)["system"]["malformed"] == 1


def test_a_line_of_a_part_cannot_steer_the_terminal() -> None:
    look = running(lines=[[1, "quotes | \x1b[2J\x07gone\ttab"]]).as_json(T0)
    assert look["lines"] == ["quotes |  [2J gone tab"]


def test_a_part_that_is_gone_is_forgotten() -> None:
    state = running()
    state.forgets("handler-perp")
    look = state.as_json(T0)
    assert look["inventory"]["venues"] == []
    assert [each["part"] for each in look["sources"]] == ["quotes"]


def test_memory_is_bounded_whatever_comes() -> None:
    orders = Orders()
    for number in range(MOST_OPEN + 500):
        orders.reported("h", report(f"o{number}", OrderState.ACKED), T0)
    assert len(orders.open) == MOST_OPEN
    for number in range(MOST_OPEN + 500):
        said = report(
            f"o{number}",
            OrderState.FILLED,
            filled=50,
            last_price=1,
            last_quantity=50,
            trade_id=str(number),
        )
        orders.reported("h", said, T0)
    assert not orders.open
    assert (len(orders.ended), len(orders.trades)) == (MOST_ENDED, MOST_TRADES)
    state = WatchState(FACTS)
    for index in range(0, 60_000, 50):
        tell(state, "h", held(1, index), LP._replace(header=head(Source.POSITIONS, index)))
    assert len(state.inventories) <= 256
    assert len(state.positions) <= 256
