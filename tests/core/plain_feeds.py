"""The venues' messages in plain Python: json and Decimal, one function for each venue."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from plain_frame import (
    Frame,
    Json,
    Product,
    Refused,
    choose,
    list_of,
    loads,
    milliseconds,
    need,
    text_of,
    time_ns,
    whole,
)


def coinbase(frame: Frame, message: Json) -> None:
    (message,) = (message,) if isinstance(message, dict) else need(None, "object")
    for name in ("type", "message"):
        if name in message:
            text_of(message[name])
    if "timestamp" in message:
        frame.exchange_ns = time_ns(message["timestamp"])
    if "sequence_num" in message:
        frame.sequence = whole(message["sequence_num"])
    if "channel" not in message:
        frame.note = message.get("type", "")
        if frame.note == "error":
            frame.kind, frame.note = "refused", message.get("message", "")
        return
    channel = text_of(message["channel"])
    kinds = {"heartbeats": "heartbeat", "subscriptions": "accepted", "status": "status"}
    reader = {
        "l2_data": _coinbase_level2,
        "market_trades": _coinbase_trades,
        "ticker": _coinbase_tickers,
        "ticker_batch": _coinbase_tickers,
    }.get(channel)
    if reader is None and channel not in kinds:
        frame.note = channel
        return
    need(message, "sequence_num")
    frame.kind = kinds.get(channel, "data")
    frame.note = channel if channel == "status" else ""
    if reader is not None:
        for event in list_of(*need(message, "events")):
            reader(frame, event)
    for update in frame.updates:
        update["exchange_ns"] = update["exchange_ns"] or frame.exchange_ns


def _coinbase_level2(frame: Frame, event: Json) -> None:
    kind, product, rows = need(event, "type", "product_id", "updates")
    symbol = frame.known(product)
    update = frame.add(choose(kind, snapshot="snapshot", update="delta"), symbol)
    if symbol is None:
        return
    last = None
    for row in list_of(rows):
        side, price, quantity = need(row, "side", "price_level", "new_quantity")
        update[choose(side, bid="bids", offer="asks")].append(frame.level(symbol, price, quantity))
        last = text_of(row["event_time"]) if "event_time" in row else last
    update["exchange_ns"] = time_ns(last) if last else 0


def _coinbase_trades(frame: Frame, event: Json) -> None:
    kind, rows = need(event, "type", "trades")
    trades = []
    for row in list_of(rows):
        product, side = need(row, "product_id", "side")
        aggressor = choose(side, BUY=-1, SELL=1)
        symbol = frame.known(product)
        trade: tuple[int, ...] = (0,)
        if symbol is not None:
            id_, price, size, time = need(row, "trade_id", "price", "size", "time")
            if not re.fullmatch("[0-9]{1,18}", text_of(id_), re.ASCII):
                raise Refused(f"{id_!r} is no id")
            trade = (int(id_), *frame.level(symbol, price, size), aggressor, time_ns(time))
        trades.append((symbol, trade))
    frame.trades_by_product(choose(kind, snapshot="trade history", update="trades"), trades)


def _coinbase_tickers(frame: Frame, event: Json) -> None:
    names = ("best_bid", "best_bid_quantity", "best_ask", "best_ask_quantity")
    need(event)
    for row in list_of(event.get("tickers", [])):
        symbol = frame.known(*need(row, "product_id"))
        frame.quote(symbol, row, names)


def coinbase_exchange(frame: Frame, message: Json) -> None:
    need(message)
    kind = text_of(message.get("type", ""))
    product = text_of(message.get("product_id", ""))
    if not kind:
        return
    controls = {"heartbeat": "heartbeat", "subscriptions": "accepted", "status": "status"}
    data = {"snapshot", "l2update", "match", "last_match", "ticker"}
    if kind not in controls and kind not in data and kind != "error":
        frame.note, frame.about = kind, product
        return
    if "time" in message:
        frame.exchange_ns = time_ns(message["time"])
    if kind in data:
        need(message, "product_id")
        frame.kind = "data"
        _exchange_data(frame, kind, frame.known(product), message)
        for update in frame.updates:
            update["exchange_ns"] = frame.exchange_ns
        return
    frame.about = product
    frame.kind = controls.get(kind, "refused")
    frame.note = kind if kind == "status" else ""
    if kind == "error":
        frame.note = text_of(message.get("message", ""))


def _exchange_data(frame: Frame, kind: str, symbol: str | None, message: Json) -> None:
    if kind == "snapshot":
        update = frame.add("snapshot", symbol)
        for side, rows in zip(("bids", "asks"), need(message, "bids", "asks"), strict=True):
            if symbol is not None:
                update[side] = [frame.level(symbol, *_row(row, 2)) for row in list_of(rows)]
    elif kind == "l2update":
        (rows,) = need(message, "changes")
        update = frame.add("delta", symbol)
        for row in list_of(rows) if symbol is not None else ():
            side, price, size = _row(row, 3)
            update[choose(side, buy="bids", sell="asks")].append(frame.level(symbol, price, size))
    elif kind == "ticker":
        names = ("best_bid", "best_bid_size", "best_ask", "best_ask_size")
        frame.quote(symbol, message, names)
        for update in frame.updates:
            update["ids"] = (None, None, _sequence(message))
    else:
        name = "trades" if kind == "match" else "trade history"
        update = frame.add(name, symbol, ids=(None, None, _sequence(message)))
        if symbol is not None:
            id_, side, price, size = need(message, "trade_id", "side", "price", "size")
            level = frame.level(symbol, price, size)
            aggressor = choose(side, buy=-1, sell=1)
            update["trades"] = [(whole(id_), *level, aggressor, frame.exchange_ns)]


def _row(row: Json, length: int) -> list[Json]:
    if len(list_of(row)) != length:
        raise Refused(f"{row} has not {length} values")
    return row


def _sequence(message: Json) -> int | None:
    return whole(message["sequence"]) if "sequence" in message else None


def kraken(frame: Frame, message: Json) -> None:
    need(message)
    for name in ("channel", "type", "method", "error", "symbol"):
        if name in message:
            text_of(message[name])
    if "success" in message and type(message["success"]) is not bool:
        raise Refused("success is yes or no")
    if "req_id" in message:
        frame.request = whole(message["req_id"], -(2**63))
        frame.request = None if frame.request == -1 else frame.request
    result = message.get("result")
    frame.about = message.get("symbol", "")
    if isinstance(result, dict) and "symbol" in result:
        frame.about = text_of(result["symbol"])
    channel = message.get("channel")
    if channel is None:
        _kraken_answer(frame, message)
    elif channel == "heartbeat":
        frame.kind = "heartbeat"
    elif channel == "status":
        frame.kind = "status"
        for row in list_of(*need(message, "data")):
            need(row)
            frame.note = text_of(row.get("system", frame.note))
    elif channel not in ("book", "trade", "ticker"):
        frame.note = channel
    else:
        frame.kind = "data"
        kind, rows = need(message, "type", "data")
        reader = {"book": _kraken_book, "trade": _kraken_trades, "ticker": _kraken_tickers}[channel]
        reader(frame, choose(kind, snapshot=True, update=False), list_of(rows))
        frame.exchange_ns = max((each["exchange_ns"] for each in frame.updates), default=0)


def _kraken_answer(frame: Frame, message: Json) -> None:
    method = message.get("method", "")
    if message.get("error") or message.get("success") is False:
        frame.kind, frame.note = "refused", message.get("error", "")
    elif method == "pong":
        frame.kind = "heartbeat"
    elif method in ("subscribe", "unsubscribe"):
        need(message, "success")
        frame.kind = "accepted"
    else:
        frame.note = method


def _kraken_book(frame: Frame, snapshot: bool, rows: list[Json]) -> None:
    for row in rows:
        product, bids, asks, checksum = need(row, "symbol", "bids", "asks", "checksum")
        if whole(checksum) >= 2**32:
            raise Refused("a checksum has 32 bits")
        symbol = frame.known(product)
        update = frame.add("snapshot" if snapshot else "delta", symbol, checksum=whole(checksum))
        update["exchange_ns"] = time_ns(row["timestamp"]) if "timestamp" in row else 0
        if symbol is not None:
            for side, levels in (("bids", bids), ("asks", asks)):
                update[side] = [
                    frame.level(symbol, *need(level, "price", "qty")) for level in list_of(levels)
                ]


def _kraken_trades(frame: Frame, snapshot: bool, rows: list[Json]) -> None:
    trades = []
    for row in rows:
        product, side, id_, time = need(row, "symbol", "side", "trade_id", "timestamp")
        symbol = frame.known(product)
        aggressor, when = choose(side, buy=1, sell=-1), time_ns(time)
        trade: tuple[int, ...] = (whole(id_), when)
        if symbol is not None:
            level = frame.level(symbol, *need(row, "price", "qty"))
            trade = (whole(id_), *level, aggressor, when)
        trades.append((symbol, trade))
    frame.trades_by_product("trade history" if snapshot else "trades", trades)


def _kraken_tickers(frame: Frame, snapshot: bool, rows: list[Json]) -> None:
    for row in rows:
        symbol = frame.known(*need(row, "symbol"))
        when = time_ns(row["timestamp"]) if "timestamp" in row else 0
        before = len(frame.updates)
        frame.quote(symbol, row, ("bid", "bid_qty", "ask", "ask_qty"))
        for update in frame.updates[before:]:
            update["exchange_ns"] = when


def kraken_futures(frame: Frame, message: Json) -> None:
    need(message)
    feed, event = text_of(message.get("feed", "")), text_of(message.get("event", ""))
    _futures_members(message)
    if not event and feed in FUTURES_DATA:
        frame.kind = "data"
        symbol = frame.known(*need(message, "product_id"))
        FUTURES_DATA[feed](frame, symbol, message)
        rows = list_of(message.get("trades", [])) if feed == "trade_snapshot" else []
        frame.exchange_ns = max(_ms(row) for row in (message, *rows))
        for update in frame.updates:
            update["exchange_ns"] = frame.exchange_ns
        return
    products = list_of(message.get("product_ids", []))
    frame.about = text_of(message.get("product_id", "")) or (products[0] if products else "")
    frame.note = event or feed
    if feed == "heartbeat" or event == "pong":
        frame.kind, frame.note, frame.exchange_ns = "heartbeat", "", _ms(message)
    elif event in ("subscribed", "unsubscribed"):
        frame.kind, frame.note = "accepted", ""
    elif event in ("error", "alert", "subscribed_failed", "unsubscribed_failed"):
        frame.kind, frame.note = "refused", message.get("message", "") or event
    elif event == "info":
        frame.kind = "status"


def _futures_members(message: Json) -> None:
    """Members that are checked in any message."""
    for name in ("feed", "event", "message", "product_id"):
        text_of(message.get(name, ""))
    for product in list_of(message.get("product_ids", [])):
        text_of(product)
    whole(message.get("seq", 0))
    _ms(message)
    if "side" in message:
        choose(message["side"], buy=1, sell=-1)


def _ms(row: Json) -> int:
    return milliseconds(row.get("timestamp", row.get("time", 0)))


def _futures_change(frame: Frame, symbol: str | None, message: Json) -> None:
    side, seq = need(message, "side", "seq")
    update = frame.add("delta", symbol, ids=(whole(seq) - 1 if seq else None, seq, seq))
    if symbol is not None:
        level = frame.level(symbol, *need(message, "price", "qty"))
        update[choose(side, buy="bids", sell="asks")] = [level]


def _futures_snapshot(frame: Frame, symbol: str | None, message: Json) -> None:
    bids, asks, seq = need(message, "bids", "asks", "seq")
    update = frame.add("snapshot", symbol, ids=(None, None, seq))
    if symbol is not None:
        for side, levels in (("bids", bids), ("asks", asks)):
            update[side] = [
                frame.level(symbol, *need(level, "price", "qty")) for level in list_of(levels)
            ]


def _futures_trade(frame: Frame, symbol: str | None, row: Json) -> list[tuple[int, ...]]:
    _futures_members(row)
    seq, side = need(row, "seq", "side")
    if _ms(row) == 0:
        raise Refused("a trade without its time")
    if symbol is None:
        return []
    level = frame.level(symbol, *need(row, "price", "qty"))
    return [(whole(seq), *level, choose(side, buy=1, sell=-1), _ms(row))]


def _futures_trades(frame: Frame, symbol: str | None, message: Json) -> None:
    trades = _futures_trade(frame, symbol, message)
    frame.add("trades", symbol, trades=trades, ids=(None, None, message["seq"]))


def _futures_history(frame: Frame, symbol: str | None, message: Json) -> None:
    trades = []
    for row in list_of(*need(message, "trades")):
        need(row)
        if frame.known(row.get("product_id", message["product_id"])) != symbol:
            raise Refused("a trade of another product")
        trades += _futures_trade(frame, symbol, row)
    frame.add("trade history", symbol, trades=trades)


def _futures_ticker(frame: Frame, symbol: str | None, message: Json) -> None:
    frame.quote(symbol, message, ("bid", "bid_size", "ask", "ask_size"))


FUTURES_DATA: dict[str, Callable[[Frame, str | None, Json], None]] = {
    "book": _futures_change,
    "book_snapshot": _futures_snapshot,
    "trade": _futures_trades,
    "trade_snapshot": _futures_history,
    "ticker": _futures_ticker,
    "ticker_lite": _futures_ticker,
}


def binance(frame: Frame, message: Json) -> None:
    need(message)
    # A bare answer by REST names no product; where only one is followed it is about that one.
    only = next(iter(frame.products)) if len(frame.products) == 1 else None
    payload, from_stream = message, only
    if "stream" in message:
        name = text_of(message["stream"]).split("@")[0].upper()
        from_stream = frame.known(name)
    if "data" in message:
        payload = message["data"]
        need(payload)
    if "error" in payload or "code" in payload:
        frame.kind = "refused"
        if "msg" in payload:
            frame.note = text_of(payload["msg"])
        else:
            reason = payload.get("error", payload.get("code"))
            frame.note = json.dumps(reason, separators=(",", ":"), default=str)
    else:
        _binance_payload(frame, payload, from_stream)
    if "id" in payload and not (payload["id"] is None or isinstance(payload["id"], str)):
        frame.request = whole(payload["id"], -(2**63))
    if "id" in payload and frame.kind == "other":
        frame.kind = "accepted"


def _binance_payload(frame: Frame, payload: Json, from_stream: str | None) -> None:
    event = payload.get("e")
    for name in ("E", "T"):
        if name in payload:
            milliseconds(payload[name])
    event_ns, trade_ns = (milliseconds(payload.get(name, 0)) for name in ("E", "T"))
    for name in ("U", "u", "pu", "lastUpdateId"):
        if name in payload:
            whole(payload[name])
    frame.exchange_ns = event_ns
    symbol = frame.known(payload["s"]) if "s" in payload else None
    if event == "depthUpdate":
        need(payload, "s")
        first, last, bids, asks = need(payload, "U", "u", "b", "a")
        ids = (payload.get("pu"), whole(first), whole(last))
        _binance_book(frame, "delta", symbol, ids, bids, asks)
    elif event is None and "lastUpdateId" in payload:
        if "s" not in payload:
            symbol = from_stream
        last, bids, asks = need(payload, "lastUpdateId", "bids", "asks")
        _binance_book(frame, "snapshot", symbol, (None, None, whole(last)), bids, asks)
    elif event == "bookTicker" or (event is None and "s" in payload and "B" in payload):
        bid, bid_quantity, ask, ask_quantity = need(payload, "b", "B", "a", "A")
        update = frame.add("quote", symbol, ids=(None, None, payload.get("u")))
        if symbol is not None:
            update["bids"] = [frame.level(symbol, bid, bid_quantity)]
            update["asks"] = [frame.level(symbol, ask, ask_quantity)]
    elif event in ("aggTrade", "trade"):
        id_, price, quantity, maker = need(payload, "t" if event == "trade" else "a", *"pqm")
        update = frame.add("trades", symbol)
        if symbol is not None:
            level = frame.level(symbol, price, quantity)
            if type(maker) is not bool:
                raise Refused("the maker bought or did not")
            update["trades"] = [(whole(id_), *level, -1 if maker else 1, trade_ns)]
    elif event is not None:
        frame.note = event
        frame.kind = "status" if event == "serverShutdown" else "other"
        return
    else:
        return
    frame.kind = "data"
    frame.updates[0]["exchange_ns"] = trade_ns or event_ns


def _binance_book(
    frame: Frame, kind: str, symbol: str | None, ids: tuple[int | None, ...], bids: Json, asks: Json
) -> None:
    update = frame.add(kind, symbol, ids=ids)
    for side, rows in (("bids", bids), ("asks", asks)):
        levels = [_row(row, 2) for row in list_of(rows)]
        if symbol is not None:
            update[side] = [frame.level(symbol, *level) for level in levels]


VENUES: dict[str, tuple[Callable[[Frame, Json], None], bool]] = {
    "binance": (binance, True),
    "coinbase": (coinbase, True),
    "coinbase-exchange": (coinbase_exchange, True),
    "kraken": (kraken, False),
    "kraken-futures": (kraken_futures, False),
}


def plain(venue: str, products: Iterable[Product], message: bytes) -> dict[str, Any]:
    """The values of a message; Refused or ValueError where there is a fault."""
    reader, quoted = VENUES[venue]
    frame = Frame(products, quoted)
    reader(frame, loads(message))
    return frame.values()
