"""Order entry of Binance against the simulated exchange, over HTTP and WebSockets."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from binance_private import EXCHANGES
from plain_account import PlainAccount
from waits import run

from alp._core.order_life import OrderEvent, OrderState, RejectReason
from alp.paper.accounts import ed25519_credentials, hmac_credentials
from alp.paper.binance.public import Binance
from alp.paper.book import PlainBook
from alp.paper.exchange import Exchange
from alp.paper.faults.script import CommandAct, CommandFault
from alp.paper.market import Event, Market
from alp.paper.private import CANCEL, NEW
from alp.venues.credentials import Credentials
from alp.venues.http import Budget, Http
from alp.venues.orders import Action, Policy, TimeInForce
from alp.venues.registry import adapter_for, orders_for

pytestmark = pytest.mark.timed

BID, ASK = True, False
TICK, LOT = 100, 1000
"""Ticks and lots of one coin."""
KEYS = {"hmac": hmac_credentials()[0], "ed25519": ed25519_credentials()}
States = OrderState
Test = Callable[[Exchange, PlainAccount], Awaitable[None]]


def venue(exchange: str) -> Exchange:
    """1999 / 2001, with 5 on each of two levels a side."""
    book = PlainBook(2, 3)
    book.replace(BID, [(1999 * TICK, 5 * LOT), (1998 * TICK, 5 * LOT)])
    book.replace(ASK, [(2001 * TICK, 5 * LOT), (2002 * TICK, 5 * LOT)])
    futures = exchange == "binance-usdm"
    return Exchange(Binance([Market("ETHUSDC", book)], futures=futures), rate=0)


def trade(exchange: Exchange, price: int, lots: int, *, bought: bool) -> None:
    exchange.happen("ETHUSDC", Event([], trades=((bought, price * TICK, lots),)))


@contextlib.asynccontextmanager
async def account(
    exchange: Exchange, credentials: Credentials, *, listening: bool = True
) -> AsyncIterator[PlainAccount]:
    """An account that hears its private stream and has an order socket."""
    market = adapter_for(exchange.name, exchange.endpoints)
    async with Http(exchange.rest_url, Budget(10_000)) as http:
        [instrument] = await market.instruments(http, ["ETHUSDC"])
    assert (instrument.price.text(1), instrument.order_quantity.text(1)) == ("0.01", "0.001")
    adapter = orders_for(exchange.name, exchange.endpoints)
    async with aiohttp.ClientSession() as session:
        ours = PlainAccount(adapter, instrument, credentials, session)
        if not listening:
            yield ours
            return
        key = adapter.stream_key(ours.signer, "")
        text = "" if key is None else (await ours.ask(key)).text
        orders = adapter.order_socket(ours.signer, "")
        assert orders is not None
        async with (
            ours.listening(adapter.stream(ours.signer, text)),
            ours.listening(orders, orders=True),
        ):
            yield ours


def trades_at(exchange: str, key: str, test: Test, *, listening: bool = True) -> None:
    async def there() -> None:
        async with (
            venue(exchange) as running,
            account(running, KEYS[key], listening=listening) as ours,
        ):
            await test(running, ours)

    run(there())


@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("socket", [False, True], ids=["rest", "socket"])
def test_an_order_rests_is_lowered_fills_and_is_cancelled(
    exchange: str, key: str, socket: bool
) -> None:
    async def trades(running: Exchange, ours: PlainAccount) -> None:
        order = ours.new(1999 * TICK, 2 * LOT)
        placed = await ours.call(order, socket=socket)
        assert [fact.kind for fact in placed.facts] == [OrderEvent.ACKED]
        assert placed.policy is None
        # The futures' socket counts no weight of orders.
        assert ("weight-1m" in placed.spent) != (socket and exchange == "binance-usdm")
        assert placed.spent["orders-10s"] == 1
        await ours.until(lambda: OrderEvent.ACKED in [fact.kind for fact in ours.facts])

        less = ours.next(order, Action.AMEND, quantity=LOT)
        amended = await ours.call(less, socket=socket)
        [fact] = amended.facts
        assert (fact.kind, fact.quantity, fact.price) == (
            OrderEvent.AMEND_ACKED,
            LOT,
            1999 * TICK,
        )
        await ours.until(lambda: OrderEvent.AMEND_ACKED in [fact.kind for fact in ours.facts])
        assert ours.order(order).quantity == LOT

        trade(running, 1999, 5 * LOT + 400, bought=False)
        await ours.until(lambda: ours.order(order).filled > 0)
        found = await ours.ask(ours.adapter.query(less, ours.signer))
        assert [fact.kind for fact in found.facts] == [OrderEvent.FOUND]
        filled = ours.order(order).filled
        assert found.facts[0].cumulative == filled
        [call] = ours.adapter.open_orders([ours.instrument], ours.signer)
        [still] = (await ours.ask(call)).orders
        assert (still.client_id, still.quantity, still.filled) == (order.client_id, LOT, filled)

        gone = await ours.call(ours.next(order, Action.CANCEL), socket=socket)
        assert [fact.kind for fact in gone.facts] == [
            OrderEvent.CANCEL_ACCEPTED,
            OrderEvent.CANCELED,
        ]
        await ours.until(lambda: OrderEvent.CANCELED in [fact.kind for fact in ours.facts])
        again = await ours.call(ours.next(order, Action.CANCEL), socket=socket)
        assert [fact.kind for fact in again.facts] == [OrderEvent.CANCEL_REFUSED]
        assert again.policy is Policy.QUERY
        ended = await ours.ask(ours.adapter.query(order, ours.signer))
        assert [fact.kind for fact in ended.facts] == [OrderEvent.CANCELED]
        since_ns = ours.signer.now_ns() - 3600 * 10**9
        listed = await ours.ask(ours.adapter.trades(ours.instrument, since_ns, ours.signer))
        assert sum(fact.quantity for fact in listed.facts) == filled
        told = [fact for fact in ours.facts if fact.kind is OrderEvent.FILL and fact.fee_asset]
        assert {fact.trade_id for fact in told} == {fact.trade_id for fact in listed.facts}
        assert {(f.fee, f.fee_asset, f.liquidity) for f in told} == {
            (f.fee, f.fee_asset, f.liquidity) for f in listed.facts
        }
        kept = ours.order(order)
        assert (kept.state, kept.filled, kept.contradictions) == (States.CANCELED, filled, 0)
        assert ours.table.exposure(0).position == filled

    trades_at(exchange, key, trades)


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_refusals_have_their_reason(exchange: str) -> None:
    async def trades(running: Exchange, ours: PlainAccount) -> None:
        async def reason(**terms: int) -> tuple[RejectReason, Policy | None]:
            order = ours.new(**({"price": 1999 * TICK, "quantity": LOT} | terms))
            outcome = await ours.call(order)
            [fact] = outcome.facts
            assert fact.kind is OrderEvent.REJECTED
            assert ours.order(order).state is States.REJECTED
            return fact.reason, outcome.policy

        assert await reason(price=2001 * TICK) == (RejectReason.POST_ONLY, Policy.REQUOTE)
        assert await reason(quantity=1) == (RejectReason.NOTIONAL_FILTER, Policy.FIX_CONFIG)
        scarce, policy = await reason(quantity=2_000_000 * LOT)
        assert scarce in (RejectReason.BALANCE, RejectReason.MARGIN)
        assert policy is Policy.PAUSE_SIDE
        if exchange == "binance-usdm":
            order = ours.new(2010 * TICK, LOT, side=-1, reduce_only=True)
            outcome = await ours.call(order)
            assert outcome.facts[0].reason is RejectReason.REDUCE_ONLY
        ours.skew_ns = -60 * 10**9
        assert await reason() == (RejectReason.CLOCK, Policy.RESYNC_CLOCK)
        ours.skew_ns = 0
        running.script.acts_on_commands.append(CommandAct(NEW, CommandFault.REVOKE))
        assert await reason() == (RejectReason.AUTH, Policy.HALT)

    trades_at(exchange, "hmac", trades, listening=False)


@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize("form", ["", "-1006", "-1007", "503"])
def test_an_outcome_that_the_venue_does_not_know_is_found_out_by_a_query(
    exchange: str, form: str
) -> None:
    async def trades(running: Exchange, ours: PlainAccount) -> None:
        acts = running.script.acts_on_commands
        acts.append(CommandAct(NEW, CommandFault.UNKNOWN, done=True, form=form))
        order = ours.new(1999 * TICK, LOT)
        outcome = await ours.call(order)
        assert outcome.policy is Policy.QUERY
        assert ours.order(order).state is States.UNKNOWN
        await ours.ask(ours.adapter.query(order, ours.signer))
        assert ours.order(order).state is States.ACKED

        acts.append(CommandAct(CANCEL, CommandFault.UNKNOWN, done=True, form=form))
        outcome = await ours.call(ours.next(order, Action.CANCEL))
        assert [fact.kind for fact in outcome.facts] == [OrderEvent.CANCEL_UNKNOWN]
        await ours.ask(ours.adapter.query(order, ours.signer))
        assert ours.order(order).state is States.CANCELED

        acts.append(CommandAct(NEW, CommandFault.UNKNOWN, done=False, form=form))
        lost = ours.new(1999 * TICK, LOT)
        await ours.call(lost)
        assert ours.order(lost).state is States.UNKNOWN
        missing = await ours.ask(ours.adapter.query(lost, ours.signer))
        assert [fact.kind for fact in missing.facts] == [OrderEvent.NOT_FOUND]
        assert ours.order(lost).state is States.REJECTED

    trades_at(exchange, "hmac", trades, listening=False)


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_a_venue_that_has_enough_says_how_long_to_wait(exchange: str) -> None:
    async def trades(running: Exchange, ours: PlainAccount) -> None:
        acts = running.script.acts_on_commands
        for status in (429, 418):
            wait = {"Retry-After": "7"}
            acts.append(CommandAct(NEW, CommandFault.STATUS, status=status, headers=wait))
            outcome = await ours.call(ours.new(1999 * TICK, LOT))
            assert outcome.policy is Policy.RETRY_AFTER
            assert outcome.retry_ns >= 7 * 10**9
            assert outcome.facts[0].reason is RejectReason.RATE
        acts.append(CommandAct(NEW, CommandFault.STATUS, status=502))
        order = ours.new(1999 * TICK, LOT)
        assert (await ours.call(order)).policy is Policy.QUERY
        assert ours.order(order).state is States.UNKNOWN

    trades_at(exchange, "hmac", trades, listening=False)


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_an_order_that_takes_tells_its_trades_and_its_end(exchange: str) -> None:
    async def trades(_: Exchange, ours: PlainAccount) -> None:
        now = {"post_only": False, "time_in_force": TimeInForce.IOC}
        whole = ours.new(2001 * TICK, LOT, **now)
        await ours.call(whole)
        await ours.until(lambda: any(fact.fee_asset for fact in ours.facts))
        assert ours.order(whole).state is States.FILLED
        part = ours.new(2001 * TICK, 9 * LOT, **now)
        await ours.call(part)
        await ours.until(lambda: OrderEvent.EXPIRED in [fact.kind for fact in ours.facts])
        kept = ours.order(part)
        assert (kept.state, kept.contradictions) == (States.EXPIRED, 0)
        assert 0 < kept.filled < 9 * LOT
        assert ours.table.exposure(0).position == LOT + kept.filled
        calls = ours.adapter.account([ours.instrument], ours.signer)
        answers = [await ours.ask(call) for call in calls]
        positions = [each for answer in answers for each in answer.positions]
        if exchange == "binance-usdm":
            assert [each.quantity for each in positions] == [LOT + kept.filled]
            told = [each for news in ours.news for each in news.positions]
            assert told[-1].quantity == LOT + kept.filled
        else:
            balances = {each.asset: each.total for each in answers[0].balances}
            heard = {each.asset: each.total for news in ours.news for each in news.balances}
            assert heard["ETH"] == balances["ETH"]

    trades_at(exchange, "hmac", trades)


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_everything_of_a_product_is_cancelled_at_once(exchange: str) -> None:
    async def trades(_: Exchange, ours: PlainAccount) -> None:
        nothing = await ours.ask(ours.adapter.cancel_all(ours.instrument, ours.signer))
        assert nothing.policy is None
        orders = [ours.new((1990 + number) * TICK, LOT) for number in range(3)]
        for order in orders:
            await ours.call(order)
        await ours.ask(ours.adapter.cancel_all(ours.instrument, ours.signer))
        await ours.until(
            lambda: all(ours.order(order).state is States.CANCELED for order in orders)
        )

    trades_at(exchange, "hmac", trades)


def test_batches_do_all_of_it_or_tell_which_not() -> None:
    async def trades(_: Exchange, ours: PlainAccount) -> None:
        prices = (1990, 1991, 2005, 1992)
        orders = [ours.new(price * TICK, LOT) for price in prices]
        placed = await ours.call(*orders)
        kinds = [fact.kind for fact in placed.facts]
        assert kinds == [
            OrderEvent.ACKED,
            OrderEvent.ACKED,
            OrderEvent.REJECTED,
            OrderEvent.ACKED,
        ]
        assert placed.policy is Policy.REQUOTE
        live = [orders[0], orders[1], orders[3]]
        moved = [ours.next(each, Action.AMEND, price=each.price - TICK) for each in live]
        amended = await ours.call(*moved)
        assert [fact.kind for fact in amended.facts] == [OrderEvent.AMEND_ACKED] * 3
        assert ours.order(orders[0]).price == 1989 * TICK
        gone = await ours.call(*(ours.next(each, Action.CANCEL) for each in orders[:2]))
        assert [ours.order(each).state for each in orders[:2]] == [States.CANCELED] * 2
        assert len(gone.facts) == 4

    trades_at("binance-usdm", "hmac", trades)


def test_an_amend_that_would_cross_cancels_the_order() -> None:
    async def trades(_: Exchange, ours: PlainAccount) -> None:
        order = ours.new(1999 * TICK, LOT)
        await ours.call(order)
        await ours.call(ours.next(order, Action.AMEND, price=2001 * TICK))
        await ours.until(lambda: OrderEvent.CANCELED in [fact.kind for fact in ours.facts])
        kept = ours.order(order)
        assert (kept.state, kept.filled, kept.contradictions) == (States.CANCELED, 0, 0)

    trades_at("binance-usdm", "hmac", trades)


def test_the_timer_cancels_what_nobody_looks_after() -> None:
    async def trades(_: Exchange, ours: PlainAccount) -> None:
        order = ours.new(1999 * TICK, LOT)
        await ours.call(order)
        timer = ours.adapter.dead_man(ours.instrument, 10**9 // 5, ours.signer)
        assert (await ours.ask(timer)).policy is None
        await ours.until(lambda: ours.order(order).state is States.CANCELED)

    trades_at("binance-usdm", "hmac", trades)


def test_a_listen_key_is_prolonged_or_gone() -> None:
    async def asks(_: Exchange, ours: PlainAccount) -> None:
        gone = await ours.ask(ours.adapter.stream_key(ours.signer, "one-that-ended"))
        assert gone.policy is Policy.RESYNC_STATE
        key = (await ours.ask(ours.adapter.stream_key(ours.signer, ""))).text
        assert (await ours.ask(ours.adapter.stream_key(ours.signer, key))).text == key

    trades_at("binance-usdm", "hmac", asks, listening=False)


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_what_a_key_may_do_and_what_time_it_is(exchange: str) -> None:
    async def asks(running: Exchange, ours: PlainAccount) -> None:
        may = await ours.ask(ours.adapter.permissions(ours.signer))
        assert may.permissions == {"read", "trade"}
        assert (await ours.ask(ours.adapter.time())).venue_ns > 10**18
        withdrawing = hmac_credentials()[2]
        async with account(running, withdrawing, listening=False) as other:
            may = await other.ask(other.adapter.permissions(other.signer))
            assert ("withdraw" in may.permissions) == (exchange == "binance-spot")

    trades_at(exchange, "hmac", asks, listening=False)


def test_a_connection_without_a_valid_logon_is_never_ready() -> None:
    async def asks(_: Exchange, ours: PlainAccount) -> None:
        ours.skew_ns = -60 * 10**9
        plan = ours.adapter.order_socket(ours.signer, "")
        assert plan is not None
        with pytest.raises(ConnectionError, match="-1021"):
            async with ours.listening(plan):
                pass
        assert not any(news.ready for news in ours.news)

    trades_at("binance-spot", "ed25519", asks, listening=False)
