"""What orders cost, lock, pay and earn at a simulated venue, in whole numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from alp.paper.accounts import Account
from alp.paper.market import Market
from alp.paper.orders import COIN, Order, Refusal, Refused, Rules

MILLION = 10**6
LEVERAGE = 20
"""Of futures, where an account has not set another."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What a fill did; amounts as in :mod:`alp.paper.orders`, and the assets that changed."""

    fee: int
    fee_asset: str
    realised: int
    assets: tuple[str, ...]


class Ledger:
    """Moves amounts between what accounts have, lock and owe; see :class:`alp.paper.desk.Desk`."""

    def __init__(
        self,
        markets: Mapping[str, Market],
        rules: Mapping[str, Rules],
        *,
        futures: bool,
        fee_in_quote: bool,
    ) -> None:
        self.futures = futures
        self._markets = markets
        self._rules = rules
        self._fee_in_quote = fee_in_quote or futures

    def amount(self, symbol: str, price: int, quantity: int) -> int:
        """Return what a quantity costs at a price, in the quote asset."""
        book = self._markets[symbol].book
        scale: int = 10 ** (book.price_decimals + book.quantity_decimals)
        return price * quantity * COIN // scale

    def base_amount(self, symbol: str, quantity: int) -> int:
        """Return a quantity as an amount of the base asset."""
        scale: int = 10 ** self._markets[symbol].book.quantity_decimals
        return quantity * COIN // scale

    def affordable(self, symbol: str, bid: bool, quote: int) -> int:
        """Return the quantity that an amount of the quote buys, or has to be sold for, now."""
        book = self._markets[symbol].book
        best = book.top(not bid)
        if not best:
            return 0
        scale: int = 10 ** (book.price_decimals + book.quantity_decimals)
        lot = self._rules[symbol].lot
        return quote * scale // (best * COIN) // lot * lot

    def middle(self, symbol: str) -> int:
        """Return the middle of the touch, or the price of the side that there is; 0: none."""
        book = self._markets[symbol].book
        touch = book.touch()
        if touch is not None:
            return (touch[0] + touch[2]) // 2
        return book.top(True) or book.top(False) or 0

    def spends(self, order: Order) -> str:
        """Return the asset that an order spends, of spot."""
        rules = self._rules[order.symbol]
        return rules.quote if order.bid else rules.base

    def unrealised(self, account: Account, symbol: str) -> int:
        """Return what a position would earn if it was closed in the middle."""
        held = account.position(symbol)
        sign = 1 if held.quantity > 0 else -1
        value = self.middle(symbol) * abs(held.quantity) - held.cost
        return self.amount(symbol, sign * value, 1) if held.quantity else 0

    def margin(self, account: Account, asset: str, orders: Iterable[Order] = ()) -> int:
        """Return the initial margin of all that is settled in an asset, orders at their worst."""
        open_orders: dict[str, list[Order]] = {symbol: [] for symbol in account.positions}
        for order in orders:
            open_orders.setdefault(order.symbol, []).append(order)
        total = 0
        for symbol, mine in open_orders.items():
            if self._rules[symbol].quote == asset:
                leverage = account.leverage.get(symbol, LEVERAGE)
                worst = self._worst(account.position(symbol).quantity, mine)
                total += self.amount(symbol, self.middle(symbol), worst) // leverage
        return total

    def check(self, account: Account, order: Order, limit: int, others: list[Order]) -> None:
        """Refuse an order that the account cannot pay, or is not to have.

        Parameters
        ----------
        others
            What is open in its market.

        Raises
        ------
        Refused
            If so.
        """
        if not self.futures:
            if self._cost(account, order, limit) - order.locked > account.free(self.spends(order)):
                raise Refused(Refusal.BALANCE)
            return
        held = account.position(order.symbol).quantity
        if order.ticket.reduce_only:
            mine = [each for each in others if each.ticket.reduce_only and each.bid == order.bid]
            closing = -held if order.bid else held
            if order.left + sum(each.left for each in mine) > closing:
                raise Refused(Refusal.REDUCE_ONLY)
            return
        before, after = self._worst(held, others), self._worst(held, [*others, order])
        rules = self._rules[order.symbol]
        if after <= before:
            return
        if rules.most_position and after > rules.most_position:
            raise Refused(Refusal.POSITION)
        wallet = account.balances.get(rules.quote, 0)
        wallet += sum(
            self.unrealised(account, symbol)
            for symbol in list(account.positions)
            if self._rules[symbol].quote == rules.quote
        )
        if self.margin(account, rules.quote, [*others, order]) > wallet:
            raise Refused(Refusal.MARGIN)

    def reserve(self, account: Account, order: Order, limit: int) -> None:
        """Lock what an order may spend at this price at worst."""
        if not self.futures:
            order.reserved_at = limit
            self._relock(account, order)

    def release(self, account: Account, order: Order) -> None:
        """Unlock all that an order has locked."""
        if order.locked:
            account.lock(self.spends(order), -order.locked)
            order.locked = 0

    def settle(
        self, account: Account, order: Order, price: int, quantity: int, *, maker: bool
    ) -> Settled:
        """Let a fill of an order, which counts it already, change what its account has."""
        rules = self._rules[order.symbol]
        pips = account.maker_pips if maker else account.taker_pips
        amount = self.amount(order.symbol, price, quantity)
        fee = amount * pips // MILLION
        if self.futures:
            signed = quantity if order.bid else -quantity
            position = account.position(order.symbol)
            realised = self.amount(order.symbol, position.trade(signed, price), 1)
            position.realised += realised
            account.change(rules.quote, realised)
            fee, fee_asset = self._charge(account, fee, rules.quote, fee)
            assets = tuple(dict.fromkeys((rules.quote, fee_asset)))
            return Settled(fee, fee_asset, realised, assets)
        base = self.base_amount(order.symbol, quantity)
        in_quote, fee_asset = fee, rules.quote
        if order.bid and not self._fee_in_quote:
            fee, fee_asset = base * pips // MILLION, rules.base
        sign = 1 if order.bid else -1
        account.change(rules.base, sign * base)
        account.change(rules.quote, -sign * amount)
        fee, fee_asset = self._charge(account, fee, fee_asset, in_quote)
        self._relock(account, order)
        assets = tuple(dict.fromkeys((rules.base, rules.quote, fee_asset)))
        return Settled(fee, fee_asset, 0, assets)

    def _charge(self, account: Account, fee: int, asset: str, in_quote: int) -> tuple[int, str]:
        """Take a fee, in the account's token where it has one; return what was taken of what."""
        if account.fee_token:
            fee, asset = in_quote * COIN // account.fee_token_price, account.fee_token
        account.change(asset, -fee)
        return fee, asset

    def fund(self, account: Account, symbol: str, rate_pips: int) -> int:
        """Let a position pay, or get, funding; return what was paid."""
        position = account.positions.get(symbol)
        if position is None or not position.quantity:
            return 0
        amount = self.amount(symbol, self.middle(symbol), position.quantity)
        paid = amount * rate_pips // MILLION
        account.change(self._rules[symbol].quote, -paid)
        return paid

    def _worst(self, held: int, orders: list[Order]) -> int:
        """Return the largest position that may come of what is open."""
        bought = sum(each.left for each in orders if each.bid)
        sold = sum(each.left for each in orders if not each.bid)
        return max(abs(held + bought), abs(held - sold))

    def _cost(self, account: Account, order: Order, limit: int) -> int:
        if not order.bid:
            return self.base_amount(order.symbol, order.left)
        amount = self.amount(order.symbol, limit, order.left)
        pips = max(account.taker_pips, account.maker_pips, 0)
        return amount + (amount * pips // MILLION if self._fee_in_quote else 0)

    def _relock(self, account: Account, order: Order) -> None:
        locked = self._cost(account, order, order.reserved_at)
        account.lock(self.spends(order), locked - order.locked)
        order.locked = locked
