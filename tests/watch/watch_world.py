"""A system in miniature for the view: what its pages say, and messages of its parts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from alp._core.order_life import OrderState
from alp._core.wire import (
    BboMessage,
    BookStatusMessage,
    DepthMessage,
    ExecutionReportMessage,
    GateMessage,
    HeaderFields,
    HeartbeatMessage,
    InstrumentFields,
    InventoryMessage,
    PositionMessage,
    encode,
)
from alp.bus.sources import Source
from alp.watch.state import SECOND, Facts, WatchState

T0 = 1_000 * SECOND
HANDLER = 32
FACTS = Facts("WETH", "USDC", 18, 6, Decimal("0.5"))
ETHER = 10**18


def head(source: int = Source.QUOTES, instrument: int = 0, sequence: int = 1) -> HeaderFields:
    return HeaderFields(source, instrument, sequence, 5, 6)


def part(name: str, role: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "role": role,
        "stage": "ready",
        "pid": 4711,
        "starts": 1,
        "last_status": None,
        "up_s": 12.0,
        "reasons": [],
        "health": "http://127.0.0.1:1",
        "sockets": {},
        "account": "",
        "venues": [],
        **more,
    }


def listed(client_id: str, side: int, price: int, quantity: int, **more: Any) -> dict[str, Any]:
    return {
        "client_id": client_id,
        "venue_id": "7",
        "venue": "perp",
        "instrument": 0,
        "symbol": "ETHUSDC",
        "side": side,
        "price": price,
        "quantity": quantity,
        "filled": 0,
        "open": quantity,
        "state": "ACKED",
        **more,
    }


def pages(**more: Any) -> dict[str, Any]:
    """Return what the pages of a system with one account say."""
    return {
        "strategy": "tried",
        "mode": "paper",
        "page": "http://127.0.0.1:2",
        "manifest": "/nowhere/strategy.yaml",
        "state": "/nowhere/state",
        "up_s": 60.0,
        "ready": True,
        "reasons": [],
        "parts": [
            part("quotes", "quotes", venues=["perp"]),
            part("handler-perp", "handler", venues=["perp"], account="binance-usdm-perp"),
        ],
        "accounts": [
            {
                "account": "binance-usdm-perp",
                "part": "handler-perp",
                "gate": "active",
                "reasons": [],
                "token": 3,
                "positions_lots": {"perp": 0},
                "open_orders": [],
            }
        ],
        "feeds": [{"book": "binance-usdm ETHUSDC", "live": True, "age_s": 0.25}],
        "lines": [[1, "system | everything is ready"], [2, "quotes | 2026 WARNING late"]],
        "wishes": [],
        "products": [{"instrument": 0, "venue": "perp", "tick": "0.01", "lot": "0.001"}],
        "pool": None,
        "ledger": None,
        **more,
    }


BOOK = (
    InstrumentFields(head(), "binance-usdm", "ETHUSDC", 1, 1, 2, 3, 1),
    BookStatusMessage(head(), True, 0, 0),
    BboMessage(head(), 200_000, 3_000, 200_002, 1_000),
    DepthMessage(
        head(), ((200_000, 3_000), (199_999, 500)), ((200_002, 1_000), (200_005, 4_000)), 0
    ),
)
LP = InventoryMessage(
    head(Source.LP_AGENT), 2 * ETHER, 5_000_000_000, -3 * ETHER // 2, 19_000_000, 4
)


def report(
    client_id: str, state: OrderState, *, side: int = 1, price: int = 199_999, **more: Any
) -> ExecutionReportMessage:
    values = {"quantity": 50, "filled": 0, "last_price": 0, "last_quantity": 0, **more}
    return ExecutionReportMessage(
        head(HANDLER),
        client_id,
        "9",
        values.get("trade_id", ""),
        price,
        values["quantity"],
        values["filled"],
        values["last_price"],
        values["last_quantity"],
        12_000_000,
        int(state),
        0,
        side,
        1,
        fee_asset="USDC",
    )


def gate(closed: bool = False, kill: bool = False, code: int = 1, text: str = "") -> GateMessage:
    return GateMessage(head(HANDLER), closed, kill, code, text, 3)


def held(lots: int, instrument: int = 0) -> PositionMessage:
    return PositionMessage(head(HANDLER, instrument), lots, 0, 0)


def beat(source: int) -> HeartbeatMessage:
    return HeartbeatMessage(head(source), 5 * SECOND, 1)


def tell(state: WatchState, part_name: str, *messages: Any, now_ns: int = T0) -> None:
    for each in messages:
        state.take(part_name, encode(each), now_ns)


def running(now_ns: int = T0, **more: Any) -> WatchState:
    """Return what is known of a system in which everything is well."""
    state = WatchState(FACTS)
    for name in ("quotes", "handler-perp"):
        state.listens(name, now_ns)
    state.read(pages(**more), now_ns, now_ns)
    tell(state, "quotes", *BOOK, beat(Source.QUOTES), now_ns=now_ns)
    tell(state, "handler-perp", gate(), held(0), beat(HANDLER), now_ns=now_ns)
    return state
