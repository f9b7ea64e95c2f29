"""The inputs that fuzzing kept, in the ordinary build: understood as by json, books kept sound."""

from __future__ import annotations

import pytest
from differential import differences
from fuzz_inputs import PARSERS, kept, products_of, seeds

from alp._core.feed import Feed


@pytest.fixture(params=list(PARSERS), scope="module")
def venue(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def inputs(venue: str) -> list[bytes]:
    return [*seeds(venue), *kept(venue).values()]


def test_the_messages_are_understood_as_json_is(venue: str, inputs: list[bytes]) -> None:
    messages = dict.fromkeys(line for each in inputs for line in each.split(b"\n") if line)
    counts, apart = differences(venue, messages)
    assert apart == []
    assert counts["equal"] > 20
    assert counts["refused by both"] > 20


def test_no_message_leaves_a_book_crossed_or_half_applied(venue: str, inputs: list[bytes]) -> None:
    products = products_of(venue)
    live = 0
    for each in inputs:
        feed = Feed(venue, products, 10 if venue == "kraken" else 0)
        for message in each.split(b"\n"):
            if message == b"!":
                feed.lost()
                continue
            before = [levels(feed, symbol) for symbol in range(len(products))]
            fault = feed.feed(message)
            for symbol, was in enumerate(before):
                now = levels(feed, symbol)
                if fault:
                    assert now in (was, ([], []))
                if feed.status(symbol)[0]:
                    live += 1
                    assert in_order(*now)
                else:
                    assert now == ([], [])
    assert live


def levels(feed: Feed, symbol: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    return feed.depth(symbol, True, 10_000), feed.depth(symbol, False, 10_000)


def in_order(bids: list[tuple[int, int]], asks: list[tuple[int, int]]) -> bool:
    prices = [[price for price, _ in side] for side in (bids, asks)]
    return (
        prices[0] == sorted(set(prices[0]), reverse=True)
        and prices[1] == sorted(set(prices[1]))
        and all(quantity > 0 for _, quantity in (*bids, *asks))
        and not (bids and asks and prices[0][0] >= prices[1][0])
    )
