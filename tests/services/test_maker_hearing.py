"""Messages of the bus as events of a desk."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from alp._core.wire import (
    BboMessage,
    BookStatusMessage,
    ExecutionReportMessage,
    GateMessage,
    HeaderFields,
    HeartbeatMessage,
    InventoryMessage,
    PositionMessage,
    TradeFields,
)
from alp.models.desk import (
    BookState,
    Filled,
    Gated,
    GateState,
    Held,
    LpHeld,
    PoolPrice,
    Top,
    Traded,
)
from alp.models.inventory import target_base
from alp.models.pair import TokenPair
from alp.services.maker.hearing import Hearing, pool_price

SECOND = 10**9
NOW = 1_700_000_000 * SECOND
QUOTES, LP, HANDLER = 1, 4, 32
PAIR = TokenPair("WETH", "USDC", 18, 6, False, 500, 10)


@pytest.fixture
def hearing() -> Hearing:
    """Venues 0 and 2 are one product with two accounts; 1 is another product of the first."""
    return Hearing([0, 1, 0], {HANDLER: (0, 1), HANDLER + 2: (2,)}, PAIR, 5000)


def header(source: int = QUOTES, instrument: int = 0, sent: int = NOW - 5) -> HeaderFields:
    return HeaderFields(source, instrument, 7, NOW - 10, sent)


def bbo(instrument: int = 0, **more: Any) -> BboMessage:
    return BboMessage(header(instrument=instrument, **more), 100, 5, 101, 7)


def test_prices_go_to_every_account_that_trades_the_product(hearing: Hearing) -> None:
    assert hearing.heard(bbo(), NOW) == [
        Top(place, NOW - 5, 100, 5, 101, 7, NOW - 10) for place in (0, 2)
    ]
    assert hearing.heard(bbo(1), NOW) == [Top(1, NOW - 5, 100, 5, 101, 7, NOW - 10)]
    traded = TradeFields(header(), 3, 101, 9, 1)
    assert hearing.heard(traded, NOW) == [
        Traded(place, NOW - 5, 101, 9, 1, NOW - 10) for place in (0, 2)
    ]


def test_a_message_is_as_old_as_it_is_but_never_of_the_future(hearing: Hearing) -> None:
    assert hearing.heard(bbo(sent=NOW - SECOND), NOW)[0].at_ns == NOW - SECOND
    assert hearing.heard(bbo(sent=NOW + SECOND), NOW)[0].at_ns == NOW


def test_a_heartbeat_says_that_live_books_are_still_so(hearing: Hearing) -> None:
    for number in (0, 1):
        hearing.heard(bbo(number), NOW)
    assert hearing.heard(BookStatusMessage(header(), True, 0, NOW), NOW) == [
        BookState(0, NOW - 5, True),
        BookState(2, NOW - 5, True),
    ]
    later = NOW + 3 * SECOND
    beat = HeartbeatMessage(header(sent=later), 1, 2)
    assert [(each.instrument, each.at_ns) for each in hearing.heard(beat, later)] == [
        (0, later),
        (2, later),
    ]
    hearing.heard(BookStatusMessage(header(), False, 1, NOW), later)
    assert hearing.heard(beat, later) == []


def test_a_status_that_is_the_same_again_is_no_news(hearing: Hearing) -> None:
    live = BookStatusMessage(header(), True, 0, NOW)
    assert hearing.heard(live, NOW)
    assert hearing.heard(live, NOW) == []


def test_what_cannot_be_asked_for_again_makes_live_books_unknown(hearing: Hearing) -> None:
    hearing.heard(BookStatusMessage(header(), True, 0, NOW), NOW)
    assert hearing.lost(NOW) == [BookState(0, NOW, False), BookState(2, NOW, False)]
    assert hearing.lost(NOW) == []
    assert hearing.heard(BookStatusMessage(header(), True, 0, NOW), NOW)


@pytest.mark.parametrize(
    ("closed", "killed", "code", "state"),
    [
        (False, False, 1, GateState.ACTIVE),
        (False, False, 2, GateState.REDUCING),
        (False, False, 3, GateState.HALTED),
        (False, False, 99, GateState.HALTED),
        (True, False, 1, GateState.HALTED),
        (False, True, 1, GateState.HALTED),
    ],
)
def test_a_gate_is_that_of_all_products_of_its_account(
    hearing: Hearing, closed: bool, killed: bool, code: int, state: GateState
) -> None:
    message = GateMessage(header(HANDLER), closed, killed, code, "", 17)
    assert hearing.heard(message, NOW) == [Gated(at, NOW - 5, state) for at in (0, 1)]
    assert hearing.tokens == {HANDLER: 17}


def test_positions_and_fills_are_those_of_known_handlers(hearing: Hearing) -> None:
    held = PositionMessage(header(HANDLER, 1), -30, 0, 0)
    assert hearing.heard(held, NOW) == [Held(1, NOW - 5, -30)]
    assert hearing.heard(held._replace(header=header(40, 1)), NOW) == []
    report = ExecutionReportMessage(
        header(HANDLER, 1), "a-1", "v", "t", 100, 10, 4, 100, 4, 0, 3, 0, -1, 1
    )
    assert hearing.heard(report, NOW) == [Filled(1, NOW - 5, -1, 100, 4, True)]
    assert hearing.heard(report._replace(liquidity=2), NOW)[0].maker is False
    assert hearing.heard(report._replace(last_quantity=0), NOW) == []


def test_what_was_asked_for_again_is_no_trade_and_no_fill_of_now(hearing: Hearing) -> None:
    report = ExecutionReportMessage(
        header(HANDLER, 1), "a-1", "v", "t", 100, 10, 4, 100, 4, 0, 3, 0, -1, 1
    )
    assert hearing.heard(report, NOW, is_old=True) == []
    assert hearing.heard(TradeFields(header(), 3, 101, 9, 1), NOW, is_old=True) == []
    assert hearing.heard(bbo(), NOW, is_old=True)


@pytest.mark.parametrize("base_is_token0", [False, True])
@pytest.mark.parametrize("share", [1, 2500, 5000, 9999])
@pytest.mark.parametrize("price", ["0.04", "1999.37", "123456.7"])
def test_an_inventory_tells_the_price_it_was_valued_at(
    base_is_token0: bool, share: int, price: str
) -> None:
    pair = TokenPair("WETH", "USDC", 18, 6, base_is_token0, 500, 10)
    sqrt_price = pair.price_to_sqrt_x96(Decimal(price))
    base, quote = 3 * 10**18 + 7, 7_000_123_456
    target = target_base(base, quote, pair.mark_x96(sqrt_price), share)
    message = InventoryMessage(header(LP), base, quote, base - target, 12, 1)
    found = pool_price(message, pair, share)
    assert found is not None
    # What is lost: the target was rounded to a unit of base.
    assert found == pytest.approx(sqrt_price, rel=1e-9)
    hearing = Hearing([0], {}, pair, share)
    assert hearing.heard(message, NOW) == [
        PoolPrice(NOW - 5, found),
        LpHeld(NOW - 5, base, quote, base - target, 12, 1),
    ]


@pytest.mark.parametrize(("share", "quote"), [(0, 5), (10_000, 5), (5000, 0)])
def test_an_inventory_that_tells_no_price_is_none_of_the_pool(share: int, quote: int) -> None:
    message = InventoryMessage(header(LP), 10**18, quote, 0, 12, 1)
    assert pool_price(message, PAIR, share) is None
