"""A connection's books under what networks do: lost, repeated, swapped, cut and foreign messages.

Whatever happens, a book that says it is live is the venue's book.
"""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alp._core.feed import EXCERPT, Feed

SYMBOL = "ETHUSDT"
PRODUCT = (SYMBOL, 2, 1, 3, 1)
BINANCE = ("binance-usdm", "binance-spot")


@dataclass
class Exchange:
    """A small Binance: a book that changes, its differences, and snapshots of any moment."""

    spot: bool
    chance: random.Random
    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)
    last_id: int = 1_000
    previous_id: int = 1_000

    def __post_init__(self) -> None:
        for distance in range(1, 60):
            self.bids[200_000 - distance] = self.chance.randint(1, 9_999)
            self.asks[200_000 + distance] = self.chance.randint(1, 9_999)

    def change(self) -> str:
        """Change some levels and return the message about them."""
        changes: tuple[list[list[str]], list[list[str]]] = ([], [])
        for side, sign, told in ((self.bids, -1, changes[0]), (self.asks, 1, changes[1])):
            for _ in range(self.chance.randint(0, 4)):
                price = 200_000 + sign * self.chance.randint(1, 90)
                quantity = self.chance.choice([0, 1, 250, 9_000])
                side.pop(price, None)
                if quantity:
                    side[price] = quantity
                told.append([f"{price / 100:.2f}", f"{quantity / 1000:.3f}"])
        first = self.last_id + 1
        self.previous_id, self.last_id = self.last_id, first + self.chance.randint(0, 5)
        row = {
            "e": "depthUpdate",
            "E": 1_700_000_000_000,
            "s": SYMBOL,
            "U": first,
            "u": self.last_id,
            "b": changes[0],
            "a": changes[1],
        }
        if not self.spot:
            row["pu"] = self.previous_id
            # As the venue has it: one event's first id is the last of the one before.
            row["U"] = self.previous_id
        return json.dumps({"stream": "ethusdt@depth", "data": row})

    def snapshot(self) -> str:
        """Return the whole book as the REST endpoint does."""
        sides = {
            name: [[f"{price / 100:.2f}", f"{quantity / 1000:.3f}"] for price, quantity in levels]
            for name, levels in (
                ("bids", sorted(self.bids.items(), reverse=True)),
                ("asks", sorted(self.asks.items())),
            )
        }
        return json.dumps({"lastUpdateId": self.last_id, **sides})

    @property
    def levels(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        return sorted(self.bids.items(), reverse=True), sorted(self.asks.items())


def book_of(feed: Feed) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    return feed.depth(0, True, 10_000), feed.depth(0, False, 10_000)


def started(venue: str, seed: int) -> tuple[Exchange, Feed]:
    """A feed whose book is live."""
    exchange = Exchange(venue == "binance-spot", random.Random(seed))
    feed = Feed(venue, [PRODUCT])
    for _ in range(3):
        assert feed.feed(exchange.change().encode()) is None
    assert feed.status(0) == (False, "nothing received yet")
    assert feed.feed(exchange.snapshot().encode()) is None
    assert feed.status(0)[0]
    return exchange, feed


@pytest.mark.parametrize("venue", BINANCE)
@pytest.mark.parametrize("seed", range(5))
def test_an_undisturbed_stream_is_the_venues_book_at_every_message(venue: str, seed: int) -> None:
    exchange, feed = started(venue, seed)
    for _ in range(200):
        feed.feed(exchange.change().encode())
        assert feed.status(0) == (True, "")
        assert book_of(feed) == exchange.levels
    assert feed.counts["malformed"] == 0


@pytest.mark.parametrize("venue", BINANCE)
def test_a_snapshot_joins_the_differences_wherever_it_falls_among_them(venue: str) -> None:
    for late in range(6):
        exchange = Exchange(venue == "binance-spot", random.Random(late))
        feed = Feed(venue, [PRODUCT])
        snapshot, messages = "", []
        for step in range(6):
            messages.append(exchange.change())
            if step == late:
                snapshot = exchange.snapshot()
        for message in messages:
            feed.feed(message.encode())
        feed.feed(snapshot.encode())
        assert feed.status(0)[0], late
        assert book_of(feed) == exchange.levels


@pytest.mark.parametrize("venue", BINANCE)
def test_a_snapshot_older_than_what_waits_is_refused_and_a_newer_one_does(venue: str) -> None:
    exchange = Exchange(venue == "binance-spot", random.Random(3))
    old = exchange.snapshot()
    exchange.change()
    exchange.change()
    feed = Feed(venue, [PRODUCT])
    feed.feed(exchange.change().encode())
    feed.feed(old.encode())
    assert feed.status(0) == (False, "the snapshot is older than the differences")
    assert feed.touch(0) is None
    feed.feed(exchange.change().encode())
    feed.feed(exchange.snapshot().encode())
    assert feed.status(0)[0]
    assert book_of(feed) == exchange.levels


FAULTS = ("lose", "repeat", "swap", "cut", "garble", "foreign", "old snapshot")


def disturbed(
    exchange: Exchange, what: str, chance: random.Random
) -> Iterator[tuple[bytes, tuple[object, object] | None]]:
    """Messages with one disturbance, each with the venue's book after it where it is settled."""
    before = exchange.change().encode()
    yield before, exchange.levels
    one, after_one = exchange.change().encode(), exchange.levels
    two, after_two = exchange.change().encode(), exchange.levels
    if what == "lose":
        yield two, None
    elif what == "repeat":
        yield one, after_one
        yield one, after_one
        yield two, after_two
    elif what == "swap":
        yield two, None
        yield one, None
    elif what == "cut":
        yield one[: chance.randrange(1, len(one))], None
        yield two, None
    elif what == "garble":
        at = chance.randrange(len(one))
        yield one[:at] + b"\x00" + one[at + 1 :], None
        yield two, None
    elif what == "foreign":
        yield one.replace(b'"ETHUSDT"', b'"BTCUSDT"'), None
        yield two, None
    else:
        yield one, after_one
        yield exchange.snapshot().encode(), None
        yield two, None


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(BINANCE),
    st.integers(0, 10**6),
    st.lists(st.sampled_from(FAULTS), min_size=1, max_size=6),
)
def test_a_live_book_is_right_whatever_happened(venue: str, seed: int, faults: list[str]) -> None:
    chance = random.Random(seed)
    exchange, feed = started(venue, seed)
    for what in faults:
        for message, expected in disturbed(exchange, what, chance):
            feed.feed(message)
            live, why = feed.status(0)
            assert live == (why == "")
            if live and expected is not None:
                assert book_of(feed) == expected
        live, _ = feed.status(0)
        if live:
            # Nothing was missed: the next difference continues it.
            feed.feed(exchange.change().encode())
            if feed.status(0)[0]:
                assert book_of(feed) == exchange.levels
        if not feed.status(0)[0]:
            assert feed.touch(0) is None
            feed.feed(exchange.snapshot().encode())
            assert feed.status(0)[0]
            assert book_of(feed) == exchange.levels


@pytest.mark.parametrize("venue", BINANCE)
@pytest.mark.parametrize("what", ["lose", "swap", "foreign"])
def test_a_missing_difference_is_a_gap(venue: str, what: str) -> None:
    exchange, feed = started(venue, 11)
    for message, _ in disturbed(exchange, what, random.Random(1)):
        feed.feed(message)
    assert feed.status(0) == (False, "an update is missing")
    assert feed.counts["invalid: an update is missing"] == 1


def test_a_crossed_book_is_given_up() -> None:
    exchange, feed = started("binance-usdm", 5)
    row = json.loads(exchange.change())
    row["data"]["b"] = [["2009.00", "1.000"]]
    feed.feed(json.dumps(row).encode())
    assert feed.status(0) == (False, "the book is crossed")
    assert feed.touch(0) is None


def test_too_many_differences_without_a_snapshot_start_over() -> None:
    exchange = Exchange(False, random.Random(9))
    feed = Feed("binance-usdm", [PRODUCT])
    for _ in range(4_200):
        feed.feed(exchange.change().encode())
    assert feed.counts["invalid: too many differences waiting for a snapshot"] == 1
    feed.feed(exchange.snapshot().encode())
    assert feed.status(0)[0]
    assert book_of(feed) == exchange.levels


def test_a_lost_connection_empties_every_book() -> None:
    _, feed = started("binance-usdm", 5)
    feed.lost()
    assert feed.status(0) == (False, "the connection was lost, or lost messages")
    assert feed.depth(0, True, 5) == []


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("nasdaq", [PRODUCT]), "no feed handler"),
        (("binance-usdm", [("X" * 33, 2, 1, 3, 1)]), "longer than 32"),
        (("binance-usdm", [("", 2, 1, 3, 1)]), "empty"),
        (("binance-usdm", [("A", 19, 1, 3, 1)]), "step"),
        (("binance-usdm", [("A", 2, 0, 3, 1)]), "step"),
        (("binance-usdm", [("A" + str(n), 2, 1, 3, 1) for n in range(65)]), "more than 64"),
    ],
)
def test_what_a_feed_cannot_carry_is_refused(arguments: tuple[object, ...], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        Feed(*arguments)  # type: ignore[arg-type]


def coinbase(sequence: int, product: str, kind: str, *levels: tuple[str, str, str]) -> bytes:
    updates = [
        {
            "side": side,
            "event_time": "2026-08-09T21:05:48Z",
            "price_level": price,
            "new_quantity": quantity,
        }
        for side, price, quantity in levels
    ]
    event = {"type": kind, "product_id": product, "updates": updates}
    return json.dumps(
        {
            "channel": "l2_data",
            "timestamp": "2026-08-09T21:05:48.1Z",
            "sequence_num": sequence,
            "events": [event],
        }
    ).encode()


BID, ASK = ("bid", "10.00", "1"), ("offer", "10.01", "2")


def coinbase_feed() -> Feed:
    feed = Feed("coinbase", [("A-USD", 2, 1, 3, 1), ("B-USD", 2, 1, 3, 1)])
    for sequence, product in enumerate(("A-USD", "B-USD")):
        assert feed.feed(coinbase(sequence, product, "snapshot", BID, ASK)) is None
    assert feed.status(0)[0]
    assert feed.status(1)[0]
    return feed


def test_coinbase_a_jump_of_the_connections_numbers_gives_up_every_book() -> None:
    feed = coinbase_feed()
    feed.feed(coinbase(2, "A-USD", "update", ("bid", "9.99", "5")))
    assert feed.touch(0) == (1000, 1000, 1001, 2000)
    feed.feed(coinbase(4, "A-USD", "update", ("bid", "9.98", "5")))
    for product in (0, 1):
        assert feed.status(product) == (False, "the connection was lost, or lost messages")
    assert feed.counts["lost_frames"] == 1
    assert feed.counts["ignored"] == 1
    feed.feed(coinbase(5, "B-USD", "snapshot", BID, ASK))
    assert [feed.status(product)[0] for product in (0, 1)] == [False, True]


def test_coinbase_an_older_frame_is_dropped() -> None:
    feed = coinbase_feed()
    feed.feed(coinbase(1, "A-USD", "update", ("bid", "10.00", "0")))
    assert feed.touch(0) == (1000, 1000, 1001, 2000)
    assert feed.counts["stale"] == 1


def test_coinbase_what_cannot_be_read_may_have_been_about_any_book() -> None:
    feed = coinbase_feed()
    unreadable = coinbase(2, "A-USD", "update", ("bid", "9.991", "5"))
    assert feed.feed(unreadable) is not None
    assert feed.excerpt is not None
    assert feed.excerpt[0] == unreadable[:EXCERPT]
    for product in (0, 1):
        assert feed.status(product) == (False, "a message could not be read")


def test_a_recording_may_begin_in_the_middle_of_a_connection() -> None:
    feed = Feed("coinbase", [("A-USD", 2, 1, 3, 1)])
    feed.begin(0, 0)
    feed.feed(coinbase(77, "A-USD", "update", BID, ASK))
    assert feed.touch(0) == (1000, 1000, 1001, 2000)
    with pytest.raises(ValueError, match="without the snapshot"):
        Feed("kraken", [("A/USD", 2, 1, 8, 1)]).begin(0, 0)


def futures(sequence: int, side: str, price: float, quantity: int) -> bytes:
    row = {"feed": "book", "product_id": "PI_X", "side": side, "seq": sequence}
    return json.dumps({**row, "price": price, "qty": quantity, "timestamp": 1}).encode()


def test_kraken_futures_counts_each_products_updates() -> None:
    feed = Feed("kraken-futures", [("PI_X", 1, 1, 0, 1)])
    snapshot = {
        "feed": "book_snapshot",
        "product_id": "PI_X",
        "timestamp": 1,
        "seq": 5,
        "bids": [{"price": 10.0, "qty": 3}],
        "asks": [{"price": 10.5, "qty": 4}],
    }
    feed.feed(futures(5, "buy", 9.5, 1))
    assert feed.counts["ignored"] == 1
    feed.feed(json.dumps(snapshot).encode())
    feed.feed(futures(6, "sell", 10.5, 9))
    feed.feed(futures(6, "sell", 10.5, 1))
    assert feed.touch(0) == (100, 3, 105, 9)
    feed.feed(futures(8, "sell", 10.5, 1))
    assert feed.status(0) == (False, "an update is missing")


def test_kraken_a_wrong_sum_gives_up_the_book() -> None:
    feed = Feed("kraken", [("A/USD", 1, 1, 2, 1)], depth=10)

    def book(kind: str, bid: str, checksum: int) -> bytes:
        return (
            b'{"channel":"book","type":"%b","data":[{"symbol":"A/USD","bids":[{"price":%b,'
            b'"qty":1.00}],"asks":[{"price":10.5,"qty":2.00}],"checksum":%d,'
            b'"timestamp":"2026-08-02T04:23:43.2Z"}]}' % (kind.encode(), bid.encode(), checksum)
        )

    good = zlib.crc32(b"105200" + b"100100")
    feed.feed(book("snapshot", "10.0", good))
    assert feed.status(0)[0]
    assert feed.checksums(0) == (1, 1)
    feed.feed(book("update", "9.9", good))
    assert feed.status(0) == (False, "the checksum differs")
    assert feed.checksums(0) == (2, 1)
