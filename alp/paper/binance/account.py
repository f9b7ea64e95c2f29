"""What Binance answers about accounts: balances, positions, fees, permissions, settings."""

from __future__ import annotations

from typing import Any

from alp.paper.accounts import READ, TRADE, WITHDRAW, Account, ApiKey
from alp.paper.binance.answers import MONEY, Problem, plain, signed
from alp.paper.binance.orders import BinanceOrders, Call
from alp.paper.binance.user_stream import entry_price
from alp.paper.book import text
from alp.paper.ledger import LEVERAGE
from alp.paper.market import MILLISECOND

MOST_LEVERAGE = 125
ALIAS = "alpalpalpalp"
_ZERO = text(0, MONEY)


def rate(pips: int) -> str:
    """Write a fee of 10⁻⁶."""
    return ("-" if pips < 0 else "") + text(abs(pips), 6)


class BinanceAccounts:
    """Answers to questions about accounts; commands come as :class:`Call`."""

    def __init__(self, orders: BinanceOrders) -> None:
        self._orders = orders
        self._desk = orders.desk

    def _owner(self, call: Call) -> Account:
        return self._desk.accounts.by_name[call.account]

    def restrictions(self, key: ApiKey) -> dict[str, Any]:
        """Return what a key may do."""
        trades = TRADE in key.permissions
        return {
            "ipRestrict": False,
            "createTime": 1_600_000_000_000,
            "enableReading": READ in key.permissions,
            "enableWithdrawals": WITHDRAW in key.permissions,
            "enableInternalTransfer": False,
            "enableMargin": False,
            "enableFutures": trades and self._desk.futures,
            "permitsUniversalTransfer": False,
            "enableVanillaOptions": False,
            "enableSpotAndMarginTrading": trades and not self._desk.futures,
            "enablePortfolioMarginTrading": False,
        }

    def coins(self, call: Call) -> list[dict[str, Any]]:
        """Return the assets there are."""
        rows = self._owner(call).balances.items()
        return [
            {"coin": asset, "name": asset, "free": signed(amount, MONEY), "networkList": []}
            for asset, amount in rows
        ]

    def trade_fees(self, call: Call) -> list[dict[str, Any]]:
        """Return fees of symbols of spot."""
        owner, wanted = self._owner(call), call.params.get("symbol")
        rates = {
            "makerCommission": rate(owner.maker_pips),
            "takerCommission": rate(owner.taker_pips),
        }
        symbols = [each for each in self._desk.markets if wanted in (None, each)]
        return [{"symbol": each, **rates} for each in symbols]

    def margin_pairs(self, call: Call) -> list[dict[str, Any]]:
        """Return what can be traded with borrowed assets: nothing."""
        return []

    def spot_account(self, call: Call) -> dict[str, Any]:
        """Return balances of spot."""
        owner = self._owner(call)
        maker, taker = rate(owner.maker_pips), rate(owner.taker_pips)
        rates = {"maker": maker, "taker": taker, "buyer": rate(0), "seller": rate(0)}
        return {
            "makerCommission": owner.maker_pips // 100,
            "takerCommission": owner.taker_pips // 100,
            "buyerCommission": 0,
            "sellerCommission": 0,
            "commissionRates": rates,
            "canTrade": not owner.frozen,
            "canWithdraw": call.withdraws,
            "canDeposit": True,
            "brokered": False,
            "requireSelfTradePrevention": False,
            "preventSor": False,
            "updateTime": self._orders.now_ns() // MILLISECOND,
            "accountType": "SPOT",
            "balances": [
                {
                    "asset": asset,
                    "free": signed(owner.free(asset), MONEY),
                    "locked": text(owner.locked.get(asset, 0), MONEY),
                }
                for asset in owner.balances
            ],
            "permissions": ["SPOT"],
            "uid": 1,
        }

    def spot_commission(self, call: Call) -> dict[str, Any]:
        """Return fees of a symbol of spot."""
        owner = self._owner(call)
        rates = {"maker": rate(owner.maker_pips), "taker": rate(owner.taker_pips)}
        found = {**rates, "buyer": rate(0), "seller": rate(0)}
        return {"symbol": self._orders.symbol(call), "standardCommission": found}

    def _margins(self, owner: Account, asset: str) -> tuple[int, int, int]:
        """Return wallet, what positions would earn, and initial margin, of an asset."""
        mine = [name for name in owner.positions if self._desk.rules[name].quote == asset]
        earned = sum(self._desk.ledger.unrealised(owner, name) for name in mine)
        orders = self._desk.open_orders(owner.name)
        return (
            owner.balances.get(asset, 0),
            earned,
            self._desk.ledger.margin(owner, asset, orders),
        )

    def balance(self, call: Call) -> list[dict[str, Any]]:
        """Return balances of futures."""
        owner = self._owner(call)
        rows = []
        for asset in owner.balances:
            wallet, earned, margin = self._margins(owner, asset)
            free = signed(max(wallet + earned - margin, 0), MONEY)
            rows.append(
                {
                    "accountAlias": ALIAS,
                    "asset": asset,
                    "balance": signed(wallet, MONEY),
                    "crossWalletBalance": signed(wallet, MONEY),
                    "crossUnPnl": signed(earned, MONEY),
                    "availableBalance": free,
                    "maxWithdrawAmount": free,
                    "marginAvailable": True,
                    "updateTime": self._orders.now_ns() // MILLISECOND,
                }
            )
        return rows

    def account(self, call: Call) -> dict[str, Any]:
        """Return the account of futures."""
        owner = self._owner(call)
        assets, totals = [], [0, 0, 0]
        for asset in owner.balances:
            wallet, earned, margin = found = self._margins(owner, asset)
            totals = [total + each for total, each in zip(totals, found, strict=True)]
            free = signed(max(wallet + earned - margin, 0), MONEY)
            assets.append(
                {
                    "asset": asset,
                    "walletBalance": signed(wallet, MONEY),
                    "unrealizedProfit": signed(earned, MONEY),
                    "marginBalance": signed(wallet + earned, MONEY),
                    "maintMargin": _ZERO,
                    "initialMargin": text(margin, MONEY),
                    "positionInitialMargin": text(margin, MONEY),
                    "openOrderInitialMargin": _ZERO,
                    "crossWalletBalance": signed(wallet, MONEY),
                    "crossUnPnl": signed(earned, MONEY),
                    "availableBalance": free,
                    "maxWithdrawAmount": free,
                    "updateTime": self._orders.now_ns() // MILLISECOND,
                }
            )
        wallet, earned, margin = totals
        free = signed(max(wallet + earned - margin, 0), MONEY)
        return {
            "feeTier": 0,
            "canTrade": not owner.frozen,
            "canDeposit": True,
            "canWithdraw": call.withdraws,
            "multiAssetsMargin": False,
            "updateTime": 0,
            "totalInitialMargin": text(margin, MONEY),
            "totalMaintMargin": _ZERO,
            "totalWalletBalance": signed(wallet, MONEY),
            "totalUnrealizedProfit": signed(earned, MONEY),
            "totalMarginBalance": signed(wallet + earned, MONEY),
            "totalPositionInitialMargin": text(margin, MONEY),
            "totalOpenOrderInitialMargin": _ZERO,
            "totalCrossWalletBalance": signed(wallet, MONEY),
            "totalCrossUnPnl": signed(earned, MONEY),
            "availableBalance": free,
            "maxWithdrawAmount": free,
            "assets": assets,
            "positions": self.positions(call),
        }

    def positions(self, call: Call) -> list[dict[str, Any]]:
        """Return positions, those of nothing too."""
        owner, desk = self._owner(call), self._desk
        wanted = call.params.get("symbol")
        rows = []
        for symbol, market in desk.markets.items():
            if wanted not in (None, symbol):
                continue
            book, held = market.book, owner.position(symbol)
            middle = desk.ledger.middle(symbol)
            earned = signed(desk.ledger.unrealised(owner, symbol), MONEY)
            notional = desk.ledger.amount(symbol, middle, held.quantity)
            leverage = owner.leverage.get(symbol, LEVERAGE)
            margin = text(abs(notional) // leverage, MONEY)
            rows.append(
                {
                    "symbol": symbol,
                    "positionSide": "BOTH",
                    "positionAmt": signed(held.quantity, book.quantity_decimals),
                    "entryPrice": plain(entry_price(desk, owner.name, symbol)),
                    "breakEvenPrice": plain(entry_price(desk, owner.name, symbol)),
                    "markPrice": book.price(middle),
                    "unRealizedProfit": earned,
                    "unrealizedProfit": earned,
                    "liquidationPrice": "0",
                    "leverage": str(leverage),
                    "marginType": "cross",
                    "isolatedMargin": _ZERO,
                    "isolatedWallet": "0",
                    "isAutoAddMargin": "false",
                    "notional": signed(notional, MONEY),
                    "marginAsset": desk.rules[symbol].quote,
                    "initialMargin": margin,
                    "maintMargin": "0",
                    "positionInitialMargin": margin,
                    "openOrderInitialMargin": "0",
                    "adl": 1,
                    "bidNotional": "0",
                    "askNotional": "0",
                    "updateTime": self._orders.now_ns() // MILLISECOND,
                }
            )
        return rows

    def commission(self, call: Call) -> dict[str, Any]:
        """Return fees of a symbol of futures."""
        owner = self._owner(call)
        return {
            "symbol": self._orders.symbol(call),
            "makerCommissionRate": rate(owner.maker_pips),
            "takerCommissionRate": rate(owner.taker_pips),
            "rpiCommissionRate": rate(0),
        }

    def leverage(self, call: Call) -> dict[str, Any]:
        """Set the leverage of a symbol."""
        symbol, wanted = self._orders.symbol(call), call.number("leverage")
        if not 1 <= wanted <= MOST_LEVERAGE:
            raise Problem(-4028, f"Leverage {wanted} is not valid")
        self._owner(call).leverage[symbol] = wanted
        return {"leverage": wanted, "maxNotionalValue": "1000000000", "symbol": symbol}

    def brackets(self, call: Call) -> list[dict[str, Any]]:
        """Return what leverage is possible."""
        row = {
            "bracket": 1,
            "initialLeverage": MOST_LEVERAGE,
            "notionalCap": 10**9,
            "notionalFloor": 0,
            "maintMarginRatio": 0.004,
            "cum": 0.0,
        }
        wanted = call.params.get("symbol")
        symbols = [each for each in self._desk.markets if wanted in (None, each)]
        return [{"symbol": each, "brackets": [row]} for each in symbols]

    def symbol_config(self, call: Call) -> list[dict[str, Any]]:
        """Return settings of symbols."""
        owner, wanted = self._owner(call), call.params.get("symbol")
        return [
            {
                "symbol": each,
                "marginType": "CROSSED",
                "isAutoAddMargin": False,
                "leverage": owner.leverage.get(each, LEVERAGE),
                "maxNotionalValue": "1000000000",
            }
            for each in self._desk.markets
            if wanted in (None, each)
        ]

    def account_config(self, call: Call) -> dict[str, Any]:
        """Return settings of the account."""
        owner = self._owner(call)
        return {
            "feeTier": 0,
            "canTrade": not owner.frozen,
            "canDeposit": True,
            "canWithdraw": call.withdraws,
            "dualSidePosition": False,
            "updateTime": 0,
            "multiAssetsMargin": False,
            "tradeGroupId": -1,
        }

    def margin_type(self, call: Call) -> dict[str, Any]:
        """Set margins to be shared: they are."""
        self._orders.symbol(call)
        if call.text("marginType") == "CROSSED":
            raise Problem(-4046, "No need to change margin type.")
        raise Problem(-4168, "Unable to adjust to isolated-margin mode.")

    def one_way(self, call: Call) -> dict[str, Any]:
        """Return that a symbol has one position."""
        return {"dualSidePosition": False}

    def set_one_way(self, call: Call) -> dict[str, Any]:
        """Set that: it is so."""
        if call.text("dualSidePosition").lower() == "false":
            raise Problem(-4059, "No need to change position side.")
        raise Problem(-4068, "Position side cannot be changed.")

    def single_asset(self, call: Call) -> dict[str, Any]:
        """Return that each asset is a margin for itself."""
        return {"multiAssetsMargin": False}

    def set_single_asset(self, call: Call) -> dict[str, Any]:
        """Set that: it is so."""
        if call.text("multiAssetsMargin").lower() == "false":
            raise Problem(-4171, "No need to change Multi-Assets mode.")
        raise Problem(-4168, "Unable to adjust to Multi-Assets mode.")
