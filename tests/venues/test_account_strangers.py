"""Trades that a venue lists by its own id of an order only, of orders that nobody here knows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from account_worlds import KINDS, World, account_at, exchange_of
from plain_owner import Book
from plain_venue import PRODUCT
from waits import run, until

from alp._core.order_life import OrderEvent
from alp.errors import VenueError
from alp.paper.orders import Ticket
from alp.venues.account import strangers
from alp.venues.account.delivery import NoAnswer
from alp.venues.account.notes import OrderNotes
from alp.venues.account.strangers import Strangers
from alp.venues.orders import Fact, Outcome

SECOND = 10**9
NAMES = list(KINDS)
ASKED = [name for name in NAMES if name != "kraken-futures"]
"""Where the list of trades names the venue's ids only."""


def told(book: Book) -> Counter[tuple[str, str]]:
    """Trades as they were told, by the client's id of their order and their own."""
    found = {(each.client_id, each.trade_id) for each in book.facts if each.trade_id}
    return Counter(client_id for client_id, _ in found)


async def filled(world: World, *names: str) -> None:
    orders = world.session.orders
    if orders is not None:
        await until(lambda: orders.connection is not None)
    for name in names:
        world.session.send([world.new(name, coins=1)])
        await until(lambda name=name: world.book.state(name) == "ACKED")
    world.sell(1999, 6)
    world.sell(1999, 6)
    await until(lambda: all(world.book.state(each) == "FILLED" for each in names))


def stranger_at(world: World, client_id: str = "") -> None:
    """Let somebody else trade for the same account."""
    market = world.exchange.markets[world.kind.book or world.kind.symbol].book
    one = 10**market.quantity_decimals
    symbol = next(iter(world.desk.orders("first"))).symbol
    ticket = Ticket(symbol, bid=True, quantity=one, client_id=client_id)
    ticket.notes.update(type="MARKET", tif="GTC")  # as Binance tells them
    world.desk.place("first", ticket)


@pytest.mark.timed
@pytest.mark.parametrize("name", NAMES)
def test_trades_of_orders_that_a_journal_lost_are_told_by_our_ids(name: str) -> None:
    async def test() -> None:
        async with exchange_of(name) as exchange:
            async with account_at(exchange) as world:
                since = world.session.clock.now_ns() - 5 * SECOND
                await filled(world, "alp-1", "alp-2")
                stranger_at(world, "theirs")
                stranger_at(world)
            wanted = Counter(each.order.ticket.client_id for each in world.desk.trades_of("first"))
            assert wanted["alp-1"] == wanted["alp-2"] == 1
            # Its owner has none of these orders, as after a journal that was damaged.
            book = Book(world.book.instrument)
            async with account_at(exchange, book, since_ns=since) as again:
                session = again.session
                await until(lambda: len(session.strangers) == 0 and told(book) == wanted, 30)
                asked = session.strangers.asked
                assert asked == (len(world.desk.orders("first")) if name in ASKED else 0)
                for _ in range(2):  # the same trades are listed again, and nobody is asked again
                    read = session.readings["done"]
                    session._want_reading()  # as after a stream that was lost
                    await until(lambda read=read: session.readings["done"] > read)
                await until(lambda: len(session.strangers) == 0)
                assert session.strangers.asked == asked
                assert told(book) == wanted

    run(test())


@pytest.mark.timed
@pytest.mark.parametrize("name", ASKED)
def test_trades_of_orders_that_the_owner_kept_ask_for_nothing(name: str) -> None:
    async def test() -> None:
        async with exchange_of(name) as exchange:
            async with account_at(exchange) as world:
                since = world.session.clock.now_ns() - 5 * SECOND
                await filled(world, "alp-1", "alp-2")
            async with account_at(exchange, world.book, since_ns=since) as again:
                assert len(again.session.strangers) == 0
                assert again.session.strangers.asked == 0

    run(test())


@dataclass
class Asked:
    """A venue that says whose orders are, or what it is told to say."""

    whose_they_are: dict[str, str] = field(default_factory=dict)
    errors: list[Exception] = field(default_factory=list)
    names: bool = False
    asked: list[str] = field(default_factory=list)
    now: int = 100 * SECOND
    wait: int = 0
    not_found_ns: int = SECOND
    signer: Any = None

    @property
    def adapter(self) -> Asked:
        return self

    @property
    def clock(self) -> Asked:
        return self

    @property
    def rates(self) -> Asked:
        return self

    def wait_ns(self, _: Any) -> int:
        return self.wait

    def now_ns(self) -> int:
        return self.now

    def whose(self, instrument: Any, venue_id: str, signer: Any) -> Any:
        return None if self.names else venue_id

    async def ask(self, make: Any) -> Outcome:
        venue_id = make()
        self.asked.append(venue_id)
        if self.errors:
            raise self.errors.pop(0)
        return Outcome(text=self.whose_they_are.get(venue_id, ""))


@dataclass
class Lists:
    """What a venue lists, and what was told of it."""

    venue: Asked = field(default_factory=Asked)
    told: list[tuple[str, str]] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    notes: OrderNotes = field(default_factory=lambda: OrderNotes(SECOND))

    def __post_init__(self) -> None:
        venue: Any = self.venue
        self.strangers = Strangers(
            venue, self.notes, lambda each: self.kept.get(each, ""), self.take
        )

    def take(self, facts: Any) -> None:
        self.told += [(each.client_id, each.trade_id) for each in facts]

    def trade(self, venue_id: str, trade_id: str, at_s: int = 50) -> Fact:
        return Fact(
            OrderEvent.FILL,
            "",
            venue_id,
            PRODUCT.symbol,
            trade_id=trade_id,
            at_ns=at_s * SECOND,
        )

    def read(self, *trades: Fact) -> None:
        self.take(self.strangers.introduce(PRODUCT, trades))


def test_each_order_is_asked_for_once_and_all_its_trades_are_told() -> None:
    async def test() -> None:
        lists = Lists(Asked({"v1": "alp-1"}))
        for _ in range(2):  # read twice before anybody was asked
            lists.read(lists.trade("v1", "1"), lists.trade("v1", "2"), lists.trade("v2", "3"))
        assert lists.told == []
        for _ in range(3):
            await lists.strangers.ask()
        assert lists.venue.asked == ["v1", "v2"]
        assert lists.told == [("alp-1", "1"), ("alp-1", "2"), ("", "3")]
        del lists.told[:]
        lists.read(lists.trade("v1", "2"), lists.trade("v1", "4"), lists.trade("v2", "3"))
        assert lists.told == [("alp-1", "2"), ("alp-1", "4"), ("", "3")]
        assert len(lists.strangers) == 0

    run(test())


def test_what_is_no_longer_listed_is_forgotten() -> None:
    async def test() -> None:
        lists = Lists(Asked({"v1": "alp-1"}))
        lists.read(lists.trade("v1", "1"))
        await lists.strangers.ask()
        lists.read(lists.trade("v2", "2"))
        lists.read(lists.trade("v1", "3"), lists.trade("v2", "2"))
        while len(lists.strangers):
            await lists.strangers.ask()
        assert lists.venue.asked == ["v1", "v2", "v1"]

    run(test())


def test_what_is_learned_meanwhile_is_not_asked_for() -> None:
    async def test() -> None:
        lists = Lists()
        lists.read(lists.trade("v1", "1"))
        lists.kept["v1"] = "alp-1"
        await lists.strangers.ask()
        assert (lists.venue.asked, lists.told) == ([], [("alp-1", "1")])

    run(test())


def test_an_order_is_asked_for_when_a_venue_that_knows_it_would_find_it() -> None:
    async def test() -> None:
        lists = Lists(Asked({"v1": "alp-1"}))
        lists.read(lists.trade("v1", "1", at_s=100))
        await lists.strangers.ask()
        assert lists.venue.asked == []
        lists.venue.now += SECOND
        await lists.strangers.ask()
        assert lists.told == [("alp-1", "1")]

    run(test())


def test_a_budget_that_others_wait_for_is_left_to_them() -> None:
    async def test() -> None:
        lists = Lists(Asked({"v1": "alp-1"}, wait=1))
        lists.read(lists.trade("v1", "1"))
        await lists.strangers.ask()
        assert (lists.venue.asked, lists.told) == ([], [])
        lists.venue.wait = 0
        await lists.strangers.ask()
        assert (lists.venue.asked, lists.told) == (["v1"], [("alp-1", "1")])

    run(test())


def test_without_an_answer_it_is_asked_again_and_refusals_end() -> None:
    async def test() -> None:
        lists = Lists(Asked({"v1": "alp-1"}, [NoAnswer("closed")] * 20))
        lists.read(lists.trade("v1", "1"))
        for _ in range(20):
            with pytest.raises(NoAnswer):
                await lists.strangers.ask()
        lists.venue.errors = [VenueError("no")] * strangers.MOST_TRIES
        for _ in range(strangers.MOST_TRIES - 1):
            with pytest.raises(VenueError):
                await lists.strangers.ask()
        assert lists.told == []
        await lists.strangers.ask()
        assert lists.told == [("", "1")]

    run(test())


def test_no_more_orders_wait_than_can_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strangers, "MOST", 2)
    lists = Lists()
    lists.read(*(lists.trade(f"v{number}", str(number)) for number in range(4)))
    assert len(lists.strangers) == 2
    assert lists.told == [("", "0"), ("", "1")]


def test_where_trades_name_our_ids_a_trade_without_one_is_nobodys() -> None:
    async def test() -> None:
        lists = Lists(Asked(names=True))
        lists.read(lists.trade("v1", "1"), lists.trade("", "2"))
        await lists.strangers.ask()
        assert (lists.venue.asked, sorted(lists.told)) == ([], [("", "1"), ("", "2")])

    run(test())
