"""What a test may ask of a simulated exchange in another process: its truth, and more faults.

``GET /-/state`` tells orders, fills, balances and positions as the venue has them, ``POST
/-/faults`` adds a script of the form of :mod:`alp.paper.faults.file` to what is still to go wrong;
its ``after`` counts from then on, random faults and the clock are not changed. ``POST /-/acts``
lets one thing happen now::

    {"act": "trade", "symbol": "ETH-USD", "price": "1960", "quantity": "0.5", "bought": false}
    {"act": "step", "events": 10}
    {"act": "apply", "fault": "gap", "count": 2}
    {"act": "fee-token", "asset": "BNB", "price": "600"}
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson

from alp.errors import ConfigError
from alp.paper.desk import Desk
from alp.paper.faults.file import faults_of
from alp.paper.faults.script import Fault
from alp.paper.market import Event, Market
from alp.paper.orders import COIN, Order, Trade
from alp.paper.protocol import Reply, compact
from alp.strategy.document import read_document

if TYPE_CHECKING:
    from alp.paper.exchange import Exchange

PREFIX = "/-/"
MOST_BYTES = 1 << 20


def answer(exchange: Exchange, method: str, path: str, body: bytes) -> Reply:
    """Answer a request below :data:`PREFIX`."""
    wanted = method, path.removeprefix(PREFIX)
    if wanted == ("GET", "state"):
        return Reply(200, compact(state_of(exchange)))
    if wanted == ("POST", "faults") and len(body) <= MOST_BYTES:
        return _add(exchange, body)
    if wanted == ("POST", "acts") and len(body) <= MOST_BYTES:
        return _act(exchange, body)
    ways = f"{PREFIX}state by GET, {PREFIX}faults and {PREFIX}acts by POST"
    return Reply(404, compact({"error": ways}))


def _act(exchange: Exchange, body: bytes) -> Reply:
    try:
        _do(exchange, orjson.loads(body))
    except (ValueError, TypeError, KeyError, ArithmeticError) as error:
        return Reply(400, compact({"error": f"{type(error).__name__}: {error}"}))
    return Reply(200, compact({"done": 1}))


def _do(exchange: Exchange, act: dict[str, Any]) -> None:
    """Let one thing happen now.

    Raises
    ------
    ValueError, TypeError, KeyError, ArithmeticError
        If it is none of those that there are, or lacks something.
    """
    kind = act["act"]
    if kind == "trade":
        book = exchange.markets[act["symbol"]].book
        price = int(Decimal(act["price"]).scaleb(book.price_decimals))
        quantity = int(Decimal(act["quantity"]).scaleb(book.quantity_decimals))
        exchange.happen(act["symbol"], Event([], trades=((bool(act["bought"]), price, quantity),)))
    elif kind == "step":
        exchange.step(int(act["events"]))
    elif kind == "apply":
        exchange.apply(Fault(str(act["fault"]).replace("-", "_")), count=int(act.get("count", 1)))
    elif kind == "fee-token":
        side = exchange.protocol.private
        for account in [] if side is None else side.desk.accounts.by_name.values():
            account.fee_token = str(act["asset"])
            account.fee_token_price = int(Decimal(act["price"]) * COIN)
            account.balances[account.fee_token] = 1_000_000 * COIN
    else:
        raise ValueError(f"no act {kind!r}")


def _add(exchange: Exchange, body: bytes) -> Reply:
    try:
        script = faults_of(read_document(body, "faults")).script
    except ConfigError as error:
        return Reply(400, compact({"error": error.message}))
    mine = exchange.script
    for key, acts in script.acts.items():
        mine.acts.setdefault(key, []).extend(acts)
    mine.answers.extend(script.answers)
    mine.acts_on_commands.extend(script.acts_on_commands)
    return Reply(200, compact({"added": len(script.acts_on_commands) + len(script.answers)}))


def state_of(exchange: Exchange) -> dict[str, Any]:
    """Return what the venue knows, in whole numbers."""
    side, server = exchange.protocol.private, exchange.private
    told = {
        "exchange": exchange.name,
        "connections": len(exchange.connections),
        "touches": {symbol: _touch(market) for symbol, market in exchange.markets.items()},
    }
    if side is None or server is None:
        return {**told, "commands": 0, "accounts": {}}
    names = side.desk.accounts.by_name
    accounts = {name: _account(side.desk, name) for name in names}
    return {**told, "commands": server.commands, "accounts": accounts}


def _touch(market: Market) -> list[str] | None:
    """Return bid and ask with their quantities, as decimals; None where a side is empty."""
    touch, book = market.book.touch(), market.book
    if touch is None:
        return None
    places = (book.price_decimals, book.quantity_decimals) * 2
    return [f"{Decimal(each).scaleb(-at):f}" for each, at in zip(touch, places, strict=True)]


def _account(desk: Desk, name: str) -> dict[str, Any]:
    account = desk.accounts.by_name[name]
    return {
        "balances": account.balances,
        "locked": account.locked,
        "positions": {symbol: held.quantity for symbol, held in account.positions.items()},
        "orders": [_order(each) for each in desk.orders(name)],
        "fills": [_fill(each) for each in desk.trades_of(name)],
    }


def _order(order: Order) -> dict[str, Any]:
    return {
        "number": order.number,
        "client_id": order.client_id,
        "symbol": order.symbol,
        "side": "buy" if order.bid else "sell",
        "price": order.price,
        "quantity": order.quantity,
        "filled": order.filled,
        "state": str(order.state),
        "why": str(order.why),
    }


def _fill(trade: Trade) -> dict[str, Any]:
    return {
        "number": trade.number,
        "order": trade.order.number,
        "client_id": trade.order.client_id,
        "price": trade.price,
        "quantity": trade.quantity,
        "maker": trade.maker,
        "fee": trade.fee,
        "fee_asset": trade.fee_asset,
    }
