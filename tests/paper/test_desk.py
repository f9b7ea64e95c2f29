"""What all simulated venues do alike with orders and accounts."""

from __future__ import annotations

from typing import Any

import pytest

from alp._core.matching import Prevention
from alp.paper.accounts import Account, Accounts, Position, default_accounts, hmac_credentials
from alp.paper.book import ASK, BID, PlainBook
from alp.paper.desk import Desk
from alp.paper.market import Event, Market
from alp.paper.orders import (
    COIN,
    Kind,
    Order,
    Refusal,
    Refused,
    Report,
    Rules,
    State,
    Ticket,
    Tif,
    Trade,
    Why,
    whole,
)

SECOND = 10**9
SYMBOL = "ETHUSDC"


class World:
    """A market of one price decimal and two quantity decimals, bid 1999.0 and ask 2001.0 of 10."""

    def __init__(self, *, futures: bool = True, **rules: int) -> None:
        self.now_ns = 1_790_000_000 * SECOND
        book = PlainBook(1, 2, {19_990: 1000, 19_980: 1000}, {20_010: 1000, 20_020: 1000})
        self.market = Market(SYMBOL, book, clock_ns=lambda: self.now_ns)
        self.accounts = default_accounts(hmac_credentials(), ("ETH", "USDC"), amount=1000 * COIN)
        for account in self.accounts.by_name.values():
            account.balances["USDC"] = 100_000 * COIN
        self.desk = Desk(
            {SYMBOL: self.market},
            {SYMBOL: Rules("ETH", "USDC", min_notional=5 * COIN, **rules)},
            self.accounts,
            futures=futures,
            clock_ns=lambda: self.now_ns,
            steady_ns=lambda: self.now_ns,
        )
        self.told: list[tuple[Any, ...]] = []
        self.trades: list[Trade] = []
        self.desk.listeners.append(self.hear)

    def hear(self, report: Report) -> None:
        if report.trade is not None:
            self.trades.append(report.trade)
        if report.kind is not Kind.BALANCES:
            assert report.order is not None
            self.told.append((report.kind, report.account, report.order.state, report.why))

    def place(
        self, bid: bool, price: int | None, quantity: int, account: str = "first", **more: Any
    ) -> Order:
        return self.desk.place(account, Ticket(SYMBOL, bid, quantity, price, **more))

    def happen(self, *changes: tuple[bool, int, int], trades: Any = ()) -> None:
        self.market.happen(Event(list(changes), trades=tuple(trades)))
        self.desk.happened(self.market)

    @property
    def kinds(self) -> list[Kind]:
        return [row[0] for row in self.told]

    def account(self, name: str = "first") -> Account:
        return self.accounts.by_name[name]


def refusal(world: World, *arguments: Any, **more: Any) -> Refusal:
    told = len(world.told)
    with pytest.raises(Refused) as caught:
        world.place(*arguments, **more)
    assert len(world.told) == told
    assert not world.desk.orders("first")
    return caught.value.reason


def test_an_order_rests_is_filled_in_parts_and_ends() -> None:
    world = World()
    order = world.place(BID, 19_990, 500)
    world.happen(trades=[(False, 19_990, 1200)])
    assert (order.filled, order.state) == (200, State.OPEN)
    world.happen(trades=[(False, 19_990, 1200)])
    assert (order.filled, order.state) == (500, State.FILLED)
    assert world.kinds == [Kind.NEW, Kind.TRADE, Kind.TRADE]
    assert [trade.maker for trade in world.trades] == [True, True]
    assert world.desk.open_orders("first") == []


def test_an_event_s_trades_come_before_the_levels_that_they_changed() -> None:
    world = World()
    order = world.place(BID, 19_990, 500)
    world.happen((BID, 19_990, 300), trades=[(False, 19_990, 700)])
    assert world.desk.ahead(order) == 300


def test_a_taker_pays_what_the_book_asks() -> None:
    world = World()
    order = world.place(BID, 20_020, 1500)
    assert [(each.price, each.quantity) for each in world.trades] == [(20_010, 1000), (20_020, 500)]
    assert order.value == 20_010 * 1000 + 20_020 * 500
    assert not any(each.maker for each in world.trades)


def test_fees_and_earnings_of_futures() -> None:
    world = World()
    world.place(BID, 20_010, 100)  # 1 at 2001.0, fee 5 bps
    assert world.account().balances["USDC"] == 100_000 * COIN - 2001 * COIN * 5 // 10_000
    assert world.account().positions[SYMBOL] == Position(100, 2_001_000)
    world.place(ASK, 19_990, 100)
    assert world.trades[-1].realised == -2 * COIN
    assert world.account().positions[SYMBOL].quantity == 0
    paid = (2001 + 1999) * COIN * 5 // 10_000
    assert world.account().balances["USDC"] == 100_000 * COIN - 2 * COIN - paid


@pytest.mark.parametrize("futures", [True, False])
def test_fees_can_be_paid_in_a_third_asset(futures: bool) -> None:
    world = World(futures=futures)
    world.account().fee_token, world.account().fee_token_price = "BNB", 500 * COIN
    world.account().balances["BNB"] = COIN
    world.place(BID, 20_010, 100)
    (trade,) = world.trades
    assert (trade.fee_asset, trade.fee) == ("BNB", 2001 * COIN * 5 // 10_000 // 500)
    assert world.account().balances["BNB"] == COIN - trade.fee


def test_a_position_that_turns_is_closed_first() -> None:
    held = Position()
    held.trade(10, 100)
    held.trade(10, 120)
    assert held.trade(-30, 115) == 20 * 115 - 2200
    assert (held.quantity, held.cost) == (-10, 1150)
    assert held.trade(4, 110) == 4 * 5


def test_spot_moves_assets_and_locks_what_waits() -> None:
    world = World(futures=False)
    order = world.place(BID, 19_990, 200)
    assert world.account().locked["USDC"] == 3998 * COIN
    world.happen(trades=[(False, 19_980, 50)])
    assert world.account().locked["USDC"] == 3998 * COIN * 3 // 4
    world.desk.cancel(order)
    account = world.account()
    assert account.locked["USDC"] == 0
    assert account.balances["USDC"] == 100_000 * COIN - 3998 * COIN // 4
    fee = COIN // 2 * 200 // 10**6
    assert account.balances["ETH"] == 1000 * COIN + COIN // 2 - fee
    assert (world.trades[0].fee, world.trades[0].fee_asset) == (fee, "ETH")


@pytest.mark.parametrize(
    ("arguments", "more", "reason"),
    [
        ((BID, 20_010, 100), {"post_only": True}, Refusal.POST_ONLY),
        ((BID, 20_015, 100), {}, Refusal.PRICE_FILTER),
        ((BID, 22_000, 100), {}, Refusal.PRICE_BAND),
        ((ASK, 18_000, 100), {}, Refusal.PRICE_BAND),
        ((BID, 19_990, 105), {}, Refusal.SIZE_FILTER),
        ((BID, 19_990, 0), {}, Refusal.SIZE_FILTER),
        ((BID, 19_990, 10), {}, None),
        ((BID, 400, 10), {}, Refusal.NOTIONAL_FILTER),
        ((BID, 20_020, 2010), {"tif": Tif.FOK}, Refusal.FILL_OR_KILL),
        ((BID, 19_990, 100), {"reduce_only": True}, Refusal.REDUCE_ONLY),
        ((BID, 19_990, 200_000), {}, Refusal.POSITION),
        ((BID, 19_990, 150_000), {}, Refusal.MARGIN),
        ((BID, 19_990, 100), {"tif": Tif.GTD, "expires_ns": 5}, Refusal.EXPIRY),
    ],
)
def test_what_is_not_allowed_is_refused_by_its_name(
    arguments: Any, more: dict[str, Any], reason: Refusal | None
) -> None:
    world = World(tick=10, lot=10, band_bps=500, most_position=160_000)
    if reason is None:
        world.place(*arguments, **more)
    else:
        assert refusal(world, *arguments, **more) is reason


def test_spot_cannot_spend_what_it_has_not() -> None:
    world = World(futures=False)
    world.place(BID, 19_990, 4000)
    with pytest.raises(Refused) as caught:
        world.place(BID, 19_990, 1100)
    assert caught.value.reason is Refusal.BALANCE
    with pytest.raises(Refused):
        world.place(ASK, 20_010, 100_100)


def test_a_client_id_is_free_again_when_its_order_has_ended() -> None:
    world = World()
    order = world.place(BID, 19_990, 100, client_id="a")
    with pytest.raises(Refused) as caught:
        world.place(BID, 19_980, 100, client_id="a")
    assert caught.value.reason is Refusal.DUPLICATE_ID
    world.place(BID, 19_980, 100, account="second", client_id="a")
    world.desk.cancel(order)
    again = world.place(BID, 19_980, 100, client_id="a")
    assert world.desk.order("first", client_id="a") is again


def test_only_so_many_orders_are_open() -> None:
    world = World(most_open=2)
    for _ in range(2):
        world.place(BID, 19_990, 100)
    with pytest.raises(Refused) as caught:
        world.place(BID, 19_990, 100)
    assert caught.value.reason is Refusal.TOO_MANY


def test_what_is_immediate_or_at_any_price_does_not_wait() -> None:
    world = World()
    order = world.place(BID, 20_010, 1500, tif=Tif.IOC)
    assert (order.filled, order.state, order.why) == (1000, State.EXPIRED, Why.IMMEDIATE)
    order = world.place(ASK, None, 3000)
    assert (order.filled, order.state, order.why) == (2000, State.EXPIRED, Why.IMMEDIATE)
    order = world.place(BID, 20_020, 900, tif=Tif.FOK)
    assert order.state is State.FILLED


def test_an_amount_of_the_quote_buys_what_it_can() -> None:
    world = World(futures=False)
    order = world.place(BID, None, 0, quote=4002 * COIN)
    assert order.filled == 200


def test_an_amend_goes_to_the_end_unless_it_may_keep_its_place() -> None:
    world = World()
    order = world.place(BID, 19_990, 500)
    world.happen(trades=[(False, 19_990, 400)])
    world.desk.amend(order, quantity=400, keep=True)
    assert world.desk.ahead(order) == 600
    world.desk.amend(order, quantity=500, keep=True)
    assert world.desk.ahead(order) == 1000
    world.desk.amend(order, price=19_980)
    assert (world.desk.ahead(order), order.price, order.amends) == (1000, 19_980, 3)
    with pytest.raises(Refused) as caught:
        world.desk.amend(order, price=19_980, quantity=500)
    assert caught.value.reason is Refusal.UNCHANGED
    world.desk.amend(order, price=20_010)
    assert order.state is State.FILLED


def test_an_amend_that_breaks_a_filter_leaves_the_order() -> None:
    world = World(futures=False)
    order = world.place(BID, 19_990, 4000)
    with pytest.raises(Refused) as caught:
        world.desk.amend(order, quantity=6000)
    assert caught.value.reason is Refusal.BALANCE
    assert (order.is_open, order.quantity, order.locked) == (True, 4000, 79_960 * COIN)


def test_an_amend_ends_what_is_filled_enough_and_what_may_only_rest() -> None:
    world = World()
    order = world.place(BID, 19_990, 500)
    world.happen(trades=[(False, 19_990, 1200)])
    world.desk.amend(order, quantity=200)
    assert (order.state, order.why) == (State.CANCELED, Why.AMENDED)
    order = world.place(BID, 19_990, 500, post_only=True)
    world.desk.amend(order, price=20_010)
    assert (order.state, order.why, order.filled) == (State.CANCELED, Why.POST_ONLY, 0)


def test_a_reduce_only_order_ends_with_its_position() -> None:
    world = World()
    world.place(BID, 20_010, 100)
    order = world.place(ASK, 20_020, 100, reduce_only=True)
    with pytest.raises(Refused):
        world.place(ASK, 20_020, 100, reduce_only=True)
    world.place(ASK, 19_990, 100)
    assert (order.state, order.why) == (State.EXPIRED, Why.REDUCE_ONLY)


def test_two_accounts_trade_with_each_other_by_one_number() -> None:
    world = World()
    first = world.place(BID, 20_000, 100)
    second = world.place(ASK, 20_000, 60, account="second")
    assert (first.filled, second.filled) == (60, 60)
    assert len({trade.number for trade in world.trades}) == 1
    assert [trade.maker for trade in world.trades] == [False, True]


def test_who_meets_himself_is_kept_from_it_as_he_wants() -> None:
    world = World()
    first = world.place(BID, 20_000, 100)
    second = world.place(ASK, 20_000, 60, prevention=Prevention.MAKER)
    assert (first.state, first.why) == (State.EXPIRED, Why.PREVENTION)
    assert second.is_open
    third = world.place(BID, 20_000, 100, prevention=Prevention.TAKER)
    assert (third.state, third.why, second.is_open) == (State.EXPIRED, Why.PREVENTION, True)
    fourth = world.place(BID, 20_000, 100, prevention=Prevention.DECREMENT)
    assert (second.state, fourth.is_open, fourth.left) == (State.EXPIRED, True, 40)


def test_the_dead_man_cancels_what_he_was_set_for() -> None:
    world = World()
    order, others = world.place(BID, 19_990, 100), world.place(BID, 19_990, 100, account="second")
    world.desk.dead_man("first", SYMBOL, 10 * SECOND)
    world.now_ns += 9 * SECOND
    world.desk.dead_man("first", SYMBOL, 10 * SECOND)
    world.now_ns += 9 * SECOND
    world.desk.beat()
    assert order.is_open
    world.now_ns += SECOND
    world.desk.beat()
    assert (order.state, order.why) == (State.CANCELED, Why.DEAD_MAN)
    assert others.is_open
    world.desk.dead_man("second", None, SECOND)
    assert world.desk.dead_man_left_ns("second", None) == SECOND
    world.desk.dead_man("second", None, 0)
    world.now_ns += 60 * SECOND
    world.desk.beat()
    assert others.is_open


def test_an_order_with_a_time_ends_at_it() -> None:
    world = World()
    until = world.now_ns + SECOND
    order = world.place(BID, 19_990, 100, tif=Tif.GTD, expires_ns=until)
    world.desk.beat()
    assert order.is_open
    world.now_ns = until
    world.desk.beat()
    assert (order.state, order.why) == (State.EXPIRED, Why.TIME)


def test_a_frozen_account_and_a_closed_venue_still_cancel() -> None:
    world = World()
    orders = [world.place(BID, 19_990, 100) for _ in range(2)]
    world.account().frozen = True
    with pytest.raises(Refused) as caught:
        world.place(BID, 19_990, 100)
    assert caught.value.reason is Refusal.PERMISSION
    world.desk.cancel(orders[0])
    world.desk.halted = True
    assert world.desk.cancel_all("first") == [orders[1]]
    with pytest.raises(Refused) as caught:
        world.place(BID, 19_990, 100, account="second")
    assert caught.value.reason is Refusal.HALTED
    with pytest.raises(Refused):
        world.desk.cancel(orders[0])


def test_funding_goes_from_longs_to_shorts() -> None:
    world = World()
    world.place(BID, 20_000, 100)
    world.place(ASK, 20_000, 100, account="second")
    before = [world.account(name).balances["USDC"] for name in ("first", "second")]
    world.desk.fund(SYMBOL, 100)
    after = [world.account(name).balances["USDC"] for name in ("first", "second")]
    paid = 2000 * COIN // 10_000
    assert [was - now for was, now in zip(before, after, strict=True)] == [paid, -paid]


def test_prices_with_one_decimal_more_mean_the_same_orders() -> None:
    world = World()
    order = world.place(BID, 19_990, 500)
    world.market.refine()
    world.happen((BID, 199_905, 100))
    assert order.price == 199_900
    world.happen(trades=[(False, 199_900, 1500)])
    assert order.state is State.FILLED
    assert world.account().positions[SYMBOL].cost == 199_900 * 500


def test_a_stillborn_order_is_told_as_new_and_as_ended() -> None:
    world = World()
    order = world.desk.stillborn("first", Ticket(SYMBOL, BID, 100, 20_010, "a"))
    assert world.kinds == [Kind.NEW, Kind.CANCELED]
    assert world.desk.order("first", number=order.number) is order
    assert world.desk.order("second", number=order.number) is None


def test_keys_find_their_accounts_until_they_are_revoked() -> None:
    accounts = World().accounts
    found = accounts.find("withdraw-key")
    assert found is not None
    assert found[0].name == "first"
    assert "withdraw" in found[1].permissions
    assert accounts.find(None) is None
    accounts.revoke()
    assert accounts.find("probe-key") is None
    assert Accounts([]).find("probe-key") is None


@pytest.mark.parametrize("text", ["", ".5", "-1", "1e5", "nan", "1.234", "١", "9" * 16, "1.2.3"])
def test_what_is_no_number_of_a_market_is_refused(text: str) -> None:
    with pytest.raises(Refused) as caught:
        whole(text, 2)
    assert caught.value.reason is Refusal.PRECISION


@pytest.mark.parametrize(("text", "value"), [("1", 100), ("1.20000", 120), ("0.01", 1), (5, 500)])
def test_zeros_at_the_end_are_no_decimals(text: object, value: int) -> None:
    assert whole(text, 2) == value
