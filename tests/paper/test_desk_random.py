"""Whatever is ordered and whatever happens, nothing is made or lost at the desk."""

from __future__ import annotations

from collections import defaultdict
from random import Random

import pytest

from alp._core.matching import Prevention, QueueModel
from alp.paper.accounts import default_accounts, hmac_credentials
from alp.paper.desk import Desk
from alp.paper.generator import grown
from alp.paper.market import Event, Market
from alp.paper.orders import COIN, Kind, Order, Refused, Report, Rules, State, Ticket, Tif, Trade

SYMBOL = "ETHUSDC"
NAMES = ("first", "second")
FEW = 40 * COIN


class Books:
    """An account of everything that was told."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.trades: list[Trade] = []
        self.told: dict[int, list[Kind]] = defaultdict(list)
        self.numbers: list[int] = []
        desk.listeners.append(self.hear)

    def hear(self, report: Report) -> None:
        self.numbers.append(report.number)
        if report.trade is not None:
            self.trades.append(report.trade)
        if report.order is not None and report.kind is not Kind.BALANCES:
            self.told[report.order.number].append(report.kind)

    def check(self) -> None:
        desk = self.desk
        assert self.numbers == list(range(1, len(self.numbers) + 1))
        filled: dict[int, list[int]] = defaultdict(lambda: [0, 0])
        for trade in self.trades:
            filled[trade.order.number][0] += trade.quantity
            filled[trade.order.number][1] += trade.quantity * trade.price
        for name in NAMES:
            self.check_account(name, filled)
            for order in desk.orders(name):
                assert [order.filled, order.value] == filled[order.number]
                self.check_order(order)

    def check_order(self, order: Order) -> None:
        kinds = self.told[order.number]
        assert kinds[0] is Kind.NEW
        assert kinds.count(Kind.NEW) == 1
        ends = [kind for kind in kinds if kind in (Kind.CANCELED, Kind.EXPIRED)]
        assert len(ends) == (order.state in (State.CANCELED, State.EXPIRED))
        assert not ends or kinds[-1] in ends
        assert order.filled <= order.quantity
        assert (order.state is State.FILLED) == (order.filled == order.quantity)
        assert order.locked >= 0
        assert order.is_open or order.locked == 0
        limit = order.ticket.price
        for trade in (
            each for each in self.trades if each.order is order and limit and not order.amends
        ):
            assert trade.price <= limit if order.bid else trade.price >= limit

    def check_account(self, name: str, filled: dict[int, list[int]]) -> None:
        desk, account = self.desk, self.desk.accounts.by_name[name]
        mine = [each for each in self.trades if each.order.account == name]
        bought = sum(each.quantity * (1 if each.order.bid else -1) for each in mine)
        open_orders = desk.open_orders(name)
        for asset in ("ETH", "USDC"):
            locked = [each.locked for each in open_orders if desk.ledger.spends(each) == asset]
            assert account.locked.get(asset, 0) == (0 if desk.futures else sum(locked))
            assert account.free(asset) >= 0
        if desk.futures:
            assert account.position(SYMBOL).quantity == bought
            fees = sum(each.fee for each in mine)
            realised = sum(each.realised for each in mine)
            assert account.balances["USDC"] == FEW * 2000 + realised - fees
            return
        spent = sum(
            desk.ledger.amount(SYMBOL, each.price, each.quantity) * (1 if each.order.bid else -1)
            for each in mine
        )
        fees_of = {
            asset: sum(each.fee for each in mine if each.fee_asset == asset)
            for asset in ("ETH", "USDC")
        }
        assert account.balances["ETH"] == FEW + bought * COIN // 1000 - fees_of["ETH"]
        assert account.balances["USDC"] == FEW * 2000 - spent - fees_of["USDC"]


def an_order(desk: Desk, random: Random, now_ns: int) -> None:
    book = desk.markets[SYMBOL].book
    touch = book.touch()
    assert touch is not None
    bid, price = random.random() < 0.5, random.randint(touch[0] - 6, touch[2] + 6)
    ticket = Ticket(
        SYMBOL,
        bid,
        random.randint(1, 9000),
        None if random.random() < 0.1 else price,
        random.choice(["", "a", "b", str(random.random())]),
        random.choice([Tif.GTC, Tif.GTC, Tif.GTC, Tif.IOC, Tif.FOK, Tif.GTD]),
        post_only=random.random() < 0.3,
        reduce_only=desk.futures and random.random() < 0.15,
        prevention=random.choice(list(Prevention)),
        expires_ns=now_ns + random.randint(0, 50),
    )
    desk.place(random.choice(NAMES), ticket)


@pytest.mark.parametrize("futures", [True, False], ids=["futures", "spot"])
@pytest.mark.parametrize("model", list(QueueModel))
@pytest.mark.parametrize("seed", range(2))
def test_nothing_is_made_or_lost(futures: bool, model: QueueModel, seed: int) -> None:
    random, now = Random(seed), [10**18]
    market = Market(SYMBOL, grown(seed), seed=seed, clock_ns=lambda: now[0])
    accounts = default_accounts(hmac_credentials(), ("ETH", "USDC"), amount=FEW)
    for account in accounts.by_name.values():
        account.balances["USDC"] = FEW * 2000
    rules = {SYMBOL: Rules("ETH", "USDC", band_bps=500, most_open=30)}
    clocks = {"clock_ns": lambda: now[0], "steady_ns": lambda: now[0]}
    desk = Desk({SYMBOL: market}, rules, accounts, futures=futures, model=model, **clocks)  # type: ignore[arg-type]
    books, refused = Books(desk), 0
    for step in range(1200):
        now[0] += 1
        draw, name = random.random(), random.choice(NAMES)
        mine = desk.open_orders(name)
        try:
            if draw < 0.35:
                an_order(desk, random, now[0])
            elif draw < 0.45 and mine:
                order = random.choice(mine)
                price = order.price + random.randint(-4, 4)
                quantity = max(order.quantity + random.randint(-3000, 3000), 1)
                desk.amend(order, price=price, quantity=quantity, keep=random.random() < 0.5)
            elif draw < 0.55 and mine:
                desk.cancel(random.choice(mine))
            elif draw < 0.56:
                desk.cancel_all(name)
            elif draw < 0.58:
                desk.dead_man(name, None, 20)
            elif draw < 0.75:
                touch = market.book.touch()
                assert touch is not None
                price = random.randint(touch[0] - 3, touch[2] + 3)
                trade = (random.random() < 0.5, price, random.randint(1, 20_000))
                market.happen(Event([], trades=(trade,)))
                desk.happened(market)
            else:
                market.step()
                desk.happened(market)
        except Refused:
            refused += 1
        desk.beat()
        if step % 50 == 0:
            books.check()
    books.check()
    assert len(books.trades) > 50
    assert refused > 10
    for name in NAMES:
        desk.cancel_all(name)
    books.check()
    assert not any(any(each.locked.values()) for each in accounts.by_name.values())
