"""What was told: each trade once, in bounded memory."""

from __future__ import annotations

from alp.services.execution.told import Told


def test_a_trade_is_news_once_and_its_fee_once() -> None:
    told = Told(10)
    assert told.is_news("a", "1", has_fee=False)
    assert told.lacks_fee("a", "1")
    assert not told.is_news("a", "1", has_fee=True)
    assert not told.lacks_fee("a", "1")
    assert not told.lacks_fee("a", "2"), "it was never told"
    assert told.is_news("b", "1", has_fee=True), "venues number trades by product"
    assert len(told) == 2


def test_the_oldest_are_forgotten_but_none_of_an_order_that_is_kept() -> None:
    told = Told(3)
    for number in range(4):
        told.is_news("kept", str(number), has_fee=True)
        told.is_news("gone", str(number), has_fee=True)
    told.is_news("last", "0", has_fee=True)
    told.trim({"kept"}.__contains__)
    assert len(told) == 4
    assert [told.is_news("kept", str(number), has_fee=True) for number in range(4)] == [False] * 4
    told = Told(3)
    for number in range(5):
        told.is_news("one", str(number), has_fee=True)
    told.trim(set[str]().__contains__)
    assert len(told) == 3
    assert [told.is_news("one", str(number), has_fee=True) for number in range(4, -1, -1)] == [
        False,
        False,
        False,
        True,
        True,
    ]
