"""A look at a running system as plain values; whatever is old says so, and is never called live."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from alp._core.gate import GateState
from alp._core.wire import ExecutionReportMessage, GateMessage, InventoryMessage
from alp.bus.sources import CHAIN, COMBINED, Source
from alp.observe.top import Market, market_dict, scaled
from alp.watch.orders import Order
from alp.watch.state import SECOND, WatchState

SCHEMA = "alp.watch/1"
SIDES = {1: "buy", -1: "sell"}
LIQUIDITY = {1: "maker", 2: "taker"}
FEE_DECIMALS = 8
WHOLE = {CHAIN: "pool", COMBINED: "all"}
"""Instruments under which the position server tells of what is no venue's."""
MOST_OWN = 32
"""Levels of a side with own orders that are shown beyond the others: a wish has at most so many."""


def snapshot(state: WatchState, now_ns: int, *, levels: int, lines: int) -> dict[str, Any]:
    """Return what is known; see :meth:`alp.watch.state.WatchState.as_json`."""
    return {
        "schema": SCHEMA,
        "system": _system(state, now_ns),
        "books": list(_books(state, now_ns, levels)),
        "quotes": list(_quotes(state, now_ns)),
        "inventory": _inventory(state, now_ns),
        "pnl": _pnl(state, now_ns),
        "orders": [
            _order(state, each, now_ns)
            for each in sorted(state.orders.open.values(), key=lambda order: order.first_ns)
        ],
        "ended_orders": [_order(state, each, now_ns) for each in reversed(state.orders.ended)],
        "trades": [_trade(state, *each) for each in reversed(state.orders.trades)],
        "gates": list(_gates(state, now_ns)),
        "feeds": list(_feeds(state, now_ns)),
        "sources": list(_sources(state, now_ns)),
        "parts": state.parts,
        "lines": [] if state.pages is None else [text for _, text in _lines(state)[-lines:]],
    }


def _seconds(nanoseconds: int) -> float:
    return round(nanoseconds / SECOND, 3)


def _system(state: WatchState, now_ns: int) -> dict[str, Any]:
    pages = state.pages or {}
    old = [
        f"{name}: {'silent for' if heard.heard_ns is not None else 'not heard for'}"
        f" {heard.silent_ns(now_ns) // SECOND} s"
        for name, heard in sorted(state.sources.items())
        if heard.is_stale(now_ns)
    ]
    stale = state.pages_stale(now_ns)
    if stale:
        why = f": {state.trouble}" if state.trouble else ""
        old.insert(0, f"the system's page{why}")
    return {
        "strategy": pages.get("strategy"),
        "mode": pages.get("mode"),
        "page": pages.get("page"),
        "state": pages.get("state"),
        "up_s": pages.get("up_s"),
        "ready": bool(pages.get("ready")) and not stale,
        "reasons": pages.get("reasons", []),
        "page_age_s": None if state.pages is None else _seconds(now_ns - state.pages_ns),
        "fresh": not old,
        "stale": old,
        "malformed": state.malformed,
        "base": state.facts.base,
        "quote": state.facts.quote,
    }


def _lines(state: WatchState) -> list[tuple[int, str]]:
    told = (state.pages or {}).get("lines", [])
    return [(int(number), printable(str(text))) for number, text in told]


def printable(text: str) -> str:
    """Return a text that cannot move a terminal's cursor or change its colours."""
    return "".join(each if each.isprintable() else " " for each in text)


# books and quotes


def _markets(state: WatchState) -> Iterator[tuple[tuple[int, int], Market]]:
    yield from sorted(state.board.markets.items())


def market_of(state: WatchState, instrument: int) -> Market:
    """Return what the books' source says of a product; an empty one where it has said nothing."""
    for (_, index), market in _markets(state):
        if index == instrument:
            return market
    return Market()


def own_quantity(state: WatchState, instrument: int, lots: int) -> str:
    """Return a quantity of orders and positions as the venue writes it.

    Their lot is the venue's step of orders; that of a book may be finer.
    """
    for each in (state.pages or {}).get("products", ()):
        if each["instrument"] == instrument:
            return f"{lots * Decimal(each['lot']):f}"
    return f"{lots} lots"


def _books(state: WatchState, now_ns: int, levels: int) -> Iterator[dict[str, Any]]:
    source = state.quotes_part()
    stale = state.is_stale(source, now_ns)
    for (number, index), market in _markets(state):
        row = market_dict((number, index), market, now_ns, levels)
        for side in ("bids", "asks"):
            del row[side]
        if stale:
            heard = state.sources.get(source)
            silent_ns = 0 if heard is None else heard.silent_ns(now_ns)
            row |= {"live": False, "why_not": f"silent for {silent_ns // SECOND} s"}
        bid, ask = market.touch()
        imbalance = None
        if bid is not None and ask is not None:
            both = bid.bid_quantity + ask.ask_quantity
            imbalance = round((bid.bid_quantity - ask.ask_quantity) / both, 4)
        yield {
            "venue": state.venue(index),
            **row,
            "stale": stale,
            "imbalance": imbalance,
            "bids": _ladder(state, index, market, 1, levels),
            "asks": _ladder(state, index, market, -1, levels),
        }


def _ladder(
    state: WatchState, index: int, market: Market, side: int, levels: int
) -> list[dict[str, Any]]:
    """Return the best levels of a side, and those on which orders of ours rest."""
    depth = market.depth
    rows = () if depth is None else (depth.bids if side > 0 else depth.asks)
    quantities: dict[int, int | None] = dict(rows)
    mine: dict[int, list[Order]] = {}
    for each in state.orders.of(index):
        if each.side == side:
            mine.setdefault(each.price, []).append(each)
            quantities.setdefault(each.price, None)
    found = sorted(quantities, reverse=side > 0)
    shown = {*found[:levels], *[price for price in found if price in mine][:MOST_OWN]}
    return [
        {
            "price": market.price(price),
            "quantity": None
            if quantities[price] is None
            else market.quantity(quantities[price] or 0),
            "lots": quantities[price],
            "own": own_quantity(state, index, sum(each.open_quantity for each in mine[price]))
            if price in mine
            else None,
            "ids": [each.client_id for each in mine.get(price, ())],
        }
        for price in found
        if price in shown
    ]


def _wishes(state: WatchState, now_ns: int) -> Iterator[dict[str, Any]]:
    """Yield what is wanted, as handlers say; else as whoever wants it says on the bus."""
    told = set()
    age_s = (now_ns - state.pages_ns) / SECOND
    for each in (state.pages or {}).get("wishes", []):
        told.add(each["instrument"])
        yield {**each, "left_s": max(each["left_s"] - age_s, 0.0)}
    for index, (said, heard_ns) in state.wishes.items():
        left_ns = said.until_ns - said.header.send_ns - (now_ns - heard_ns)
        if index not in told:
            yield {
                "instrument": index,
                "left_s": max(left_ns, 0) / SECOND,
                "in_force": left_ns > 0,
                "bids": said.bids,
                "asks": said.asks,
            }


def _quotes(state: WatchState, now_ns: int) -> Iterator[dict[str, Any]]:
    wishes = {each["instrument"]: each for each in _wishes(state, now_ns)}
    resting: dict[int, list[Order]] = {}
    for order in state.orders.open.values():
        resting.setdefault(order.instrument, []).append(order)
    for index in sorted(wishes.keys() | resting.keys()):
        wish, market = wishes.get(index), market_of(state, index)
        for side, name in ((1, "bids"), (-1, "asks")):
            wanted = {} if wish is None else {int(at): int(lots) for at, lots in wish[name]}
            here: dict[int, list[Order]] = {}
            for order in resting.get(index, ()):
                if order.side == side:
                    here.setdefault(order.price, []).append(order)
            for price in sorted(wanted.keys() | here.keys(), reverse=side > 0):
                orders = here.get(price, [])
                wished = None
                if price in wanted:
                    wished = own_quantity(state, index, wanted[price])
                part = orders[0].part if orders else state.handler_of(state.venue(index))
                yield {
                    "venue": state.venue(index),
                    "side": SIDES[side],
                    "price": market.price(price),
                    "wished": wished,
                    "resting": own_quantity(
                        state, index, sum(each.open_quantity for each in orders)
                    ),
                    "ids": [each.client_id for each in orders],
                    "in_force": wish is not None and bool(wish["in_force"]),
                    "left_s": None if wish is None else round(wish["left_s"], 1),
                    "stale": state.is_stale(part, now_ns) and state.pages_stale(now_ns),
                }


# what is held


def _inventory(state: WatchState, now_ns: int) -> dict[str, Any]:
    venues = list(_held(state, now_ns))
    pool = next((each for _, each in _legs(state, Source.LP_AGENT, now_ns)), None)
    return {
        "venues": venues,
        "pool": pool,
        "ranges": (state.pages or {}).get("pool"),
        "position_server": [
            {"of": WHOLE.get(index) or state.venue(index), **leg}
            for index, leg in _legs(state, Source.POSITIONS, now_ns)
        ],
        "combined": _combined(state, venues, pool),
    }


def _held(state: WatchState, now_ns: int) -> Iterator[dict[str, Any]]:
    for (part, index), (said, heard_ns) in sorted(state.positions.items()):
        base = own_quantity(state, index, said.quantity)
        yield {
            "venue": state.venue(index),
            "part": part,
            "lots": said.quantity,
            "base": None if base.endswith(" lots") else base,
            "age_s": _seconds(now_ns - heard_ns),
            "stale": state.is_stale(part, now_ns),
        }


def _legs(state: WatchState, source: Source, now_ns: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield what a source says is held, by instrument."""
    for (number, index), (part, said, heard_ns) in sorted(state.inventories.items()):
        if number == source:
            yield (
                index,
                {
                    **_amounts(state, said),
                    "block": said.block,
                    "epoch": said.epoch,
                    "age_s": _seconds(now_ns - heard_ns),
                    "stale": state.is_stale(part, now_ns),
                },
            )


def _amounts(state: WatchState, said: InventoryMessage) -> dict[str, Any]:
    facts = state.facts
    base, quote = facts.base_decimals, facts.quote_decimals
    return {
        "raw": base is None,
        "base": scaled(said.base, base or 0),
        "quote": scaled(said.quote, quote or 0),
        "delta": scaled(said.delta, base or 0),
    }


def _combined(
    state: WatchState, venues: list[dict[str, Any]], pool: dict[str, Any] | None
) -> dict[str, Any]:
    """Return q = q_cefi + h * delta, as far as its parts are known."""
    cefi = sum((Decimal(each["base"]) for each in venues if each["base"] is not None), Decimal(0))
    whole = bool(venues) and all(each["base"] is not None for each in venues)
    notes = [] if whole else ["what is held at the venues is not known"]
    ratio = state.facts.hedge_ratio
    if ratio is None:
        ratio = Decimal(1)
        notes.append("the hedge ratio is estimated elsewhere; shown with 1")
    delta = None
    if pool is None:
        notes.append("no word of the pool")
    elif pool["raw"]:
        whole = False
        notes.append("the pool's decimals are not known")
    else:
        delta = Decimal(pool["delta"])
    net = cefi + ratio * (delta or 0)
    return {
        "cefi": format(cefi, "f") if whole else None,
        "delta": None if delta is None else format(delta, "f"),
        "hedge_ratio": str(ratio),
        "base": format(net, "f") if whole else None,
        "notes": notes,
        "stale": any(each["stale"] for each in venues) or bool(pool and pool["stale"]),
    }


def _pnl(state: WatchState, now_ns: int) -> dict[str, Any]:
    ledger = (state.pages or {}).get("ledger")
    there = any(each["role"] == "positions" for each in state.parts)
    why = "" if ledger else "it says nothing yet" if there else "no position server"
    return {"ledger": ledger, "why_not": why, "stale": state.pages_stale(now_ns)}


# orders and gates


def _order(state: WatchState, order: Order, now_ns: int) -> dict[str, Any]:
    market = market_of(state, order.instrument)
    return {
        "client_id": order.client_id,
        "venue": state.venue(order.instrument),
        "side": SIDES.get(order.side, "?"),
        "price": market.price(order.price),
        "quantity": own_quantity(state, order.instrument, order.quantity),
        "filled": own_quantity(state, order.instrument, order.filled),
        "state": order.state,
        "age_s": _seconds(now_ns - order.first_ns),
        "age_is_least": not order.from_start,
        "stale": state.is_stale(order.part, now_ns) and state.pages_stale(now_ns),
    }


def _trade(state: WatchState, part: str, said: ExecutionReportMessage) -> dict[str, Any]:
    market = market_of(state, said.header.instrument)
    return {
        "part": part,
        "venue": state.venue(said.header.instrument),
        "client_id": said.client_id,
        "trade_id": said.trade_id,
        "side": SIDES.get(said.side, "?"),
        "price": market.price(said.last_price),
        "quantity": own_quantity(state, said.header.instrument, said.last_quantity),
        "liquidity": LIQUIDITY.get(said.liquidity),
        "fee": scaled(said.fee, FEE_DECIMALS),
        "fee_asset": said.fee_asset,
        "exchange_ns": said.header.exchange_ns,
    }


def gate_word(said: GateMessage) -> str:
    """Return what a handler lets leave, in the words of ``alp status``."""
    if said.kill:
        return "killed"
    if said.closed:
        return "halted"
    return "reducing" if said.code == GateState.REDUCING else "active"


def _gates(state: WatchState, now_ns: int) -> Iterator[dict[str, Any]]:
    accounts = {each["part"]: each for each in (state.pages or {}).get("accounts", [])}
    handlers = {each["name"]: each for each in state.parts if each["role"] == "handler"}
    for part in sorted(handlers.keys() | state.gates.keys()):
        said, account = state.gates.get(part), accounts.get(part, {})
        stale = state.is_stale(part, now_ns)
        reasons = [str(each) for each in account.get("reasons", [])]
        if said is not None and said[0].text and not any(said[0].text in each for each in reasons):
            reasons.insert(0, said[0].text)
        if said is not None and not stale:
            gate = gate_word(said[0])
        else:
            gate = "unknown" if state.pages_stale(now_ns) else account.get("gate", "unknown")
        yield {
            "part": part,
            "account": handlers.get(part, {}).get("account", ""),
            "venues": handlers.get(part, {}).get("venues", []),
            "gate": gate,
            "reasons": [] if gate == "active" else reasons,
            "token": None if said is None else said[0].token,
            "age_s": None if said is None else _seconds(now_ns - said[1]),
            "stale": stale,
        }


# feeds


def _feeds(state: WatchState, now_ns: int) -> Iterator[dict[str, Any]]:
    """Yield the books as the quote server itself sees them: ages of the venues' last words."""
    age_s = (now_ns - state.pages_ns) / SECOND
    stale = state.pages_stale(now_ns)
    for each in (state.pages or {}).get("feeds", []):
        age = each.get("age_s")
        yield {
            "book": each["book"],
            "live": bool(each.get("live")) and not stale,
            "age_s": None if age is None else round(age + age_s, 3),
            "stale": stale,
        }


def _sources(state: WatchState, now_ns: int) -> Iterator[dict[str, Any]]:
    for name, heard in sorted(state.sources.items()):
        yield {
            "part": name,
            "age_s": None if heard.heard_ns is None else _seconds(now_ns - heard.heard_ns),
            "stale": heard.is_stale(now_ns),
            "uptime_s": _seconds(heard.uptime_ns),
            **vars(heard.losses),
        }
