"""The plainest venue that an account session can be tried on, and its adapter.

Real venues' adapters are tried on their simulators. This one is for the transport: its messages
have no puzzle, its server does the rudest things to a connection on demand, and it remembers every
command that arrived, so that a test can say that nothing was sent twice.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Self

from aiohttp import web

from alp._core.order_life import OrderEvent, RejectReason
from alp.errors import ConfigError, VenueError
from alp.venues.adapter import Endpoints
from alp.venues.credentials import Credentials, Secret, credentials_of
from alp.venues.instruments import Grid, Instrument
from alp.venues.orders import (
    ORDERS,
    WEIGHT,
    Action,
    Answer,
    Balance,
    Call,
    Capability,
    Command,
    Fact,
    LiveOrder,
    Outcome,
    Policy,
    Signer,
    StreamNews,
    StreamPlan,
)
from alp.venues.signing import SignedRequest

SECOND = 10**9
KINDS = {
    "acked": OrderEvent.ACKED,
    "amended": OrderEvent.AMEND_ACKED,
    "canceled": OrderEvent.CANCELED,
    "fill": OrderEvent.FILL,
    "total": OrderEvent.CUMULATIVE,
}
PRODUCT = Instrument(
    "plain",
    "ETH-USD",
    "ETH-USD",
    "ETH",
    "USD",
    Grid(2, 1),
    Grid(4, 1),
    Grid(4, 1),
    min_quantity=Decimal("0.0001"),
)
EVERYTHING = (
    Capability.CANCEL_BY_CLIENT_ID
    | Capability.CANCEL_ALL_ACCOUNT
    | Capability.DEAD_MAN_ACCOUNT
    | Capability.FILLS_STREAMED
    | Capability.BALANCES_STREAMED
)


def account_keys() -> Credentials:
    return credentials_of("plain-key", secret=Secret("plain-secret"))


class PlainAdapter:
    """Commands as JSON, one at a time or in batches."""

    exchange = "plain"

    def __init__(
        self,
        endpoints: Endpoints,
        *,
        capabilities: Capability = EVERYTHING,
        batch: int = 1,
        not_found_ns: int = SECOND // 2,
        dead_man_ns: int = 0,
        keyed: bool = False,
        needs_venue_id: bool = False,
        plan: Mapping[str, Any] | None = None,
        weight_per_minute: int = 0,
        orders_per_10s: int = 0,
    ) -> None:
        self.endpoints = endpoints
        self.capabilities = capabilities
        self.most_in_batch: Mapping[Action, int] = dict.fromkeys(Action, batch)
        self.weight_per_minute = weight_per_minute
        self.orders_per_10s = orders_per_10s
        self.not_found_ns = not_found_ns
        self.dead_man_ns = dead_man_ns
        self.keyed = keyed
        self.needs_venue_id = needs_venue_id
        self.plan = dict(plan or {})
        self.references = 0

    def commands(self, commands: Sequence[Command], signer: Signer, *, socket: bool) -> Call:
        for each in commands:
            if self.needs_venue_id and each.action is not Action.NEW and not each.venue_id:
                raise ConfigError(f"{each.client_id} has no id of the venue yet")
        rows = [
            {
                "do": each.action.name.lower(),
                "id": each.client_id,
                "number": each.number,
                "side": each.side,
                "price": each.price,
                "quantity": each.quantity,
            }
            for each in commands
        ]
        name = commands[0].action.name.lower()
        more: dict[str, Any] = {"commands": tuple(commands), "orders": len(commands)}
        if socket:
            self.references += 1
            reference = str(self.references)
            message = json.dumps({"ref": reference, "rows": rows}).encode()
            return Call(name, message=message, reference=reference, **more)
        # As venues have it: PUT and DELETE are what libraries like to repeat.
        method = {"new": "POST", "amend": "PUT", "cancel": "DELETE"}[name]
        return Call(name, self._signed(method, "/orders?x=%20y", signer, rows), **more)

    def cancel_all(self, instrument: Instrument | None, signer: Signer) -> Call:
        return Call("cancel-all", self._signed("DELETE", "/all", signer))

    def query(self, command: Command, signer: Signer) -> Call:
        target = f"/order?id={command.client_id}"
        return Call("query", self._signed("GET", target, signer), context=str(command.number))

    def whose(self, instrument: Instrument, venue_id: str, signer: Signer) -> Call | None:
        return None

    def open_orders(self, instruments: Sequence[Instrument], signer: Signer) -> Sequence[Call]:
        return [Call("open-orders", self._signed("GET", "/open", signer))]

    def trades(self, instrument: Instrument, since_ns: int, signer: Signer) -> Call:
        return self._trades(since_ns, 0, signer)

    def _trades(self, since_ns: int, page: int, signer: Signer) -> Call:
        target = f"/trades?since={since_ns}&page={page}"
        return Call("trades", self._signed("GET", target, signer), context=f"{since_ns} {page}")

    def account(self, instruments: Sequence[Instrument], signer: Signer) -> Sequence[Call]:
        return [Call("account", self._signed("GET", "/account", signer))]

    def permissions(self, signer: Signer) -> Call | None:
        return Call("permissions", self._signed("GET", "/permissions", signer))

    def time(self) -> Call:
        return Call("time", SignedRequest("GET", "/time", {}))

    def dead_man(
        self, instrument: Instrument | None, timeout_ns: int, signer: Signer
    ) -> Call | None:
        return Call("dead-man", self._signed("POST", "/dead-man", signer, timeout_ns))

    def stream(self, signer: Signer, key: str) -> StreamPlan:
        url = f"{self.endpoints.stream}/stream?key={key}"
        return StreamPlan(url, (b'{"hello":1}',), **self.plan)

    def stream_key(self, signer: Signer, key: str) -> Call | None:
        if not self.keyed:
            return None
        return Call("stream-key", self._signed("POST", f"/key?key={key}", signer))

    def order_socket(self, signer: Signer, key: str) -> StreamPlan | None:
        return StreamPlan(f"{self.endpoints.stream}/commands", **self.plan)

    def reader(self, signer: Signer, instruments: Mapping[str, Instrument]) -> PlainReader:
        return PlainReader()

    def read(self, call: Call, answer: Answer, instruments: Mapping[str, Instrument]) -> Outcome:
        body = json.loads(
            answer.body
        )  # what cannot be read raises: the session has to live with it
        spent = {
            name: int(answer.headers[header])
            for name, header in ((WEIGHT, "x-weight"), (ORDERS, "x-orders"))
            if header in answer.headers
        }
        if "error" in body:
            facts = [_refused(each, body.get("reason", "OTHER")) for each in call.commands]
            known = Policy(body["error"]) is not Policy.QUERY
            return Outcome(
                tuple(facts) if known else (),
                Policy(body["error"]),
                body.get("retry_ns", 0),
                "the venue says so",
                spent,
            )
        facts = [_fact(row, call) for row in body.get("facts", ())]
        more = None
        if body.get("more"):
            since, page = (int(each) for each in call.context.split())
            more = lambda signer: self._trades(since, page + 1, signer)  # noqa: E731
        return Outcome(
            tuple(facts),
            text=body.get("key", ""),
            spent=spent,
            orders=tuple(LiveOrder(**row) for row in body.get("orders", ())),
            balances=tuple(Balance(**row) for row in body.get("balances", ())),
            venue_ns=body.get("time", 0),
            permissions=frozenset(body.get("permissions", ())),
            more=more,
        )

    def _signed(self, method: str, target: str, signer: Signer, body: Any = None) -> SignedRequest:
        headers = {"x-key": signer.credentials.key, "x-time": str(signer.now_ns())}
        return SignedRequest(
            method, target, headers, b"" if body is None else json.dumps(body).encode()
        )


def _fact(row: dict[str, Any], call: Call | None = None) -> Fact:
    kind = OrderEvent[row["kind"].upper()] if row["kind"] not in KINDS else KINDS[row["kind"]]
    number = row.get("number", 0)
    if kind is OrderEvent.FOUND and call is not None:
        number = int(call.context or 0)
    reason = RejectReason[row.get("reason", "NONE")]
    rest = {name: value for name, value in row.items() if name not in ("kind", "number", "reason")}
    return Fact(kind, command=number, reason=reason, symbol=PRODUCT.symbol, **rest)


def _refused(command: Command, reason: str) -> Fact:
    kinds = {
        Action.NEW: OrderEvent.REJECTED,
        Action.AMEND: OrderEvent.AMEND_REFUSED,
        Action.CANCEL: OrderEvent.CANCEL_REFUSED,
    }
    return Fact(
        kinds[command.action],
        command.client_id,
        symbol=PRODUCT.symbol,
        command=command.number,
        reason=RejectReason[reason],
    )


class PlainReader:
    def read(self, message: bytes) -> StreamNews:
        try:
            body = json.loads(message)
        except ValueError as error:
            raise VenueError("not JSON") from error
        return StreamNews(
            facts=tuple(_fact(row) for row in body.get("stream", ())),
            ready="ready" in body,
            lost=body.get("lost", ""),
            reference=body.get("ref", ""),
            replies=tuple(reply.encode() for reply in body.get("replies", ())),
        )


@dataclass
class Resting:
    client_id: str
    venue_id: str
    side: int
    price: int
    quantity: int
    filled: int = 0
    state: str = "open"


@dataclass
class PlainVenue:
    """The server.

    Attributes
    ----------
    deaf
        Streams are open, and nothing comes or is heard on them.
    wordless
        Answers to commands say nothing of them.
    rude
        What to do to the next requests of a path: ``drop`` before anything is done; be ``slow``;
        ``lose`` the answer after all was done; ``cut`` the body; ``hang``; a status; an answer.
    commands
        Everything that arrived: (what, client id, number).
    """

    rude: dict[str, deque[Any]] = field(default_factory=dict)
    commands: list[tuple[str, str, int]] = field(default_factory=list)
    requests: list[tuple[str, str, str, bytes]] = field(default_factory=list)
    orders: dict[str, Resting] = field(default_factory=dict)
    trades: list[dict[str, Any]] = field(default_factory=list)
    streams: list[web.WebSocketResponse] = field(default_factory=list)
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    keys: Counter[str] = field(default_factory=Counter)
    answer_headers: dict[str, str] = field(default_factory=dict)
    permissions: tuple[str, ...] = ("read", "trade")
    telling: bool = True
    silent_sockets: bool = False
    wordless: bool = False
    deaf: bool = False
    timers: list[int] = field(default_factory=list)
    retry_ns: int = 300_000_000
    slow_s: float = 0.3
    skew_ns: int = 0
    unit_ns: int = 1_000_000
    opened: int = 0
    page: int = 100
    key: str = "k1"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self, port: int = 0) -> None:
        application = web.Application()
        application.router.add_get("/stream", self._stream)
        application.router.add_get("/commands", self._order_socket)
        application.router.add_route("*", "/{path:.*}", self._request)
        self.hold = asyncio.Event()
        self._runner = web.AppRunner(application, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        self.hold.set()
        for socket in [*self.streams, *self.sockets]:
            if not socket.closed:
                await socket.close()
        await self._runner.cleanup()

    @property
    def endpoints(self) -> Endpoints:
        return Endpoints(f"http://127.0.0.1:{self.port}", f"ws://127.0.0.1:{self.port}")

    def be_rude(self, path: str, *how: Any) -> None:
        self.rude.setdefault(path, deque()).extend(how)

    async def tell(self, *rows: dict[str, Any], copies: int = 1) -> None:
        """Send facts on the streams that are open."""
        text = json.dumps({"stream": rows})
        for socket in [each for each in self.streams if not each.closed]:
            for _ in range(copies if self.telling else 0):
                await socket.send_str(text)

    async def fill(self, client_id: str, quantity: int, *, copies: int = 1) -> None:
        order = self.orders[client_id]
        order.filled += quantity
        trade = {
            "kind": "fill",
            "client_id": client_id,
            "venue_id": order.venue_id,
            "price": order.price,
            "quantity": quantity,
            "cumulative": order.filled,
            "trade_id": f"t{len(self.trades)}",
            "at_ns": time.time_ns(),
        }
        self.trades.append(trade)
        if order.filled == order.quantity:
            order.state = "filled"
        await self.tell(trade, copies=copies)

    def obey(self, row: dict[str, Any]) -> dict[str, Any]:
        """Do a command and return its fact."""
        self.commands.append((row["do"], row["id"], row["number"]))
        order = self.orders.get(row["id"])
        if row["do"] == "new":
            order = Resting(
                row["id"], f"v{len(self.orders)}", row["side"], row["price"], row["quantity"]
            )
            self.orders[row["id"]] = order
            return {"kind": "acked", "client_id": row["id"], "venue_id": order.venue_id}
        if order is None or order.state != "open":
            kind = "amend_refused" if row["do"] == "amend" else "cancel_refused"
            return {
                "kind": kind,
                "client_id": row["id"],
                "number": row["number"],
                "reason": "UNKNOWN_ORDER",
            }
        if row["do"] == "amend":
            order.price, order.quantity = row["price"], row["quantity"]
            terms = {"price": order.price, "quantity": order.quantity}
            return {"kind": "amended", "client_id": row["id"], "number": row["number"], **terms}
        order.state = "canceled"
        return {"kind": "canceled", "client_id": row["id"], "cumulative": order.filled}

    async def _request(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = request.headers.get("x-time", "")
        self.requests.append((request.method, request.raw_path, headers, body))
        queue = self.rude.get(request.path)
        how = queue.popleft() if queue else None
        assert request.transport is not None
        if how == "drop":
            request.transport.abort()
            return web.Response()
        if isinstance(how, int):
            return web.json_response(
                {"error": "retry-after", "reason": "RATE", "retry_ns": self.retry_ns}, status=how
            )
        if isinstance(how, dict):
            return web.json_response(how)
        if how == "slow":
            await asyncio.sleep(self.slow_s)
        found = self._found(request, body)
        if how == "lose":
            request.transport.abort()
        elif how == "hang":
            await self.hold.wait()
        elif how == "cut":
            text = json.dumps(found)
            response = web.StreamResponse(headers={"Content-Length": str(len(text))})
            await response.prepare(request)
            await response.write(text[: len(text) // 2].encode())
            request.transport.close()
            return response
        elif how == "garbage":
            return web.Response(text="<html>")
        return web.json_response(found, headers=self.answer_headers)

    def _found(self, request: web.Request, body: bytes) -> dict[str, Any]:
        path = request.path
        if path == "/orders":
            facts = [self.obey(row) for row in json.loads(body)]
            return {} if self.wordless else {"facts": facts}
        if path == "/time":
            now = time.time_ns() + self.skew_ns
            return {"time": now - now % self.unit_ns}
        if path == "/permissions":
            return {"permissions": self.permissions}
        if path == "/order":
            order = self.orders.get(request.query["id"])
            return {"facts": [_as_fact(request.query["id"], order)]}
        if path == "/open":
            rows = [each for each in self.orders.values() if each.state == "open"]
            return {"orders": [_as_live(each) for each in rows]}
        if path == "/trades":
            since, page = int(request.query["since"]), int(request.query["page"])
            rows = [each for each in self.trades if each["at_ns"] >= since]
            first = page * self.page
            return {
                "facts": rows[first : first + self.page],
                "more": len(rows) > first + self.page,
            }
        if path == "/account":
            return {"balances": [{"asset": "USD", "total": 100, "available": 90}]}
        if path == "/key":
            self.keys["renewed" if request.query["key"] else "made"] += 1
            return {"key": self.key}
        if path == "/dead-man":
            self.timers.append(json.loads(body))
            return {}
        if path == "/all":
            for order in self.orders.values():
                order.state = "canceled" if order.state == "open" else order.state
            return {}
        raise AssertionError(path)

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.opened += 1
        self.keys[f"used {request.query['key']}"] += 1
        async for message in socket:
            if "hello" in message.data:
                await socket.send_str('{"ready":1}')
                self.streams.append(socket)
                if self.deaf:
                    await self.hold.wait()
        return socket

    async def _order_socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        async for message in socket:
            body = json.loads(message.data)
            facts = [self.obey(row) for row in body["rows"]]
            if not self.silent_sockets:
                await socket.send_str(json.dumps({"ref": body["ref"], "facts": facts}))
        return socket


def _as_fact(client_id: str, order: Resting | None) -> dict[str, Any]:
    if order is None:
        return {"kind": "not_found", "client_id": client_id}
    base = {"client_id": client_id, "venue_id": order.venue_id, "cumulative": order.filled}
    if order.state == "open":
        return {"kind": "found", "price": order.price, "quantity": order.quantity, **base}
    return {"kind": order.state, **base}


def _as_live(order: Resting) -> dict[str, Any]:
    return {
        "client_id": order.client_id,
        "venue_id": order.venue_id,
        "symbol": PRODUCT.symbol,
        "side": order.side,
        "price": order.price,
        "quantity": order.quantity,
        "filled": order.filled,
    }
