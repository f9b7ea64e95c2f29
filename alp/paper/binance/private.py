"""Binance's private side: REST, the WebSocket API and user streams, USD-M futures and spot.

Parameters are taken from the query, the body or both, and signatures are verified over the bytes
that were sent. Accounts and keys are those of :mod:`alp.paper.accounts`.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from alp.paper.accounts import TRADE, WITHDRAW, ApiKey
from alp.paper.binance.account import BinanceAccounts
from alp.paper.binance.answers import Problem, missing
from alp.paper.binance.limits import Limits
from alp.paper.binance.orders import BinanceOrders, Call
from alp.paper.binance.routes import (
    PUBLIC_CALLS,
    SESSION,
    SPOT,
    SPOT_CALLS,
    USDM,
    USDM_CALLS,
    Route,
)
from alp.paper.binance.spot_orders import SpotOrders
from alp.paper.binance.usdm_orders import UsdmOrders
from alp.paper.binance.user_stream import spot_events, usdm_events
from alp.paper.desk import Desk
from alp.paper.market import MILLISECOND
from alp.paper.orders import Kind, Refused, Report, State
from alp.paper.private import STREAM_KEY, PrivateSide
from alp.paper.protocol import Answer, Peer, Reply, Request, compact
from alp.venues.binance.signing import KEY_HEADER, verify_call, verify_request
from alp.venues.credentials import Kind as KeyKind
from alp.venues.signing import AuthenticationError, Reason

OK = 200
Public = Callable[[str, dict[str, str]], Answer | None]
LISTEN_KEY_NS = 3600 * 10**9
FUNDING_NS = 8 * 3600 * 10**9
FUNDING_PIPS = 100
"""What longs pay shorts at 0, 8 and 16 o'clock UTC, 10⁻⁶ of their positions."""
KEEP_MS = 24 * 3600 * 1000
"""Of a subscription without a session."""
_TRADES = ("new", "amend", "cancel", "cancel-all", "dead-man")
_TIMEOUT = "Timeout waiting for response from backend server. "
_NOT_KNOWN = "Send status unknown; execution status unknown."
_FORMS = {
    "": (503, -1007, _TIMEOUT + _NOT_KNOWN),
    "-1007": (408, -1007, _TIMEOUT + _NOT_KNOWN),
    "-1006": (
        400,
        -1006,
        "An unexpected response was received from the message bus. " + _NOT_KNOWN,
    ),
    "503": (503, -1000, "Unknown error, please check your request or try again later."),
    "overload": (
        503,
        -1008,
        "Server is currently overloaded with other requests. Please try again in a few minutes.",
    ),
}
"""How the script of faults may name them; the last says that it was not done."""
_STATUSES = {
    429: (-1003, "Too many requests; please use the websocket for live updates."),
    418: (-1003, "Way too many requests; IP banned until {until}."),
    401: (-2015, "Invalid API-key, IP, or permissions for action."),
    403: (-1000, "Forbidden by the web application firewall."),
    503: (-1000, "Service Unavailable."),
}


class BinancePrivate(PrivateSide):
    """Accounts and orders of one product line.

    Parameters
    ----------
    now_ns
        The venue's clock.
    public
        Answers what calls of the WebSocket API ask of the market.

    Attributes
    ----------
    listen_key_ns
        How long a listenKey is good for after it was asked for or extended.
    """

    def __init__(self, desk: Desk, now_ns: Callable[[], int], public: Public) -> None:
        super().__init__(desk)
        self._public = public
        self.limits = Limits(futures=desk.futures)
        self.listen_key_ns = LISTEN_KEY_NS
        self._now_ns = now_ns
        self._futures = desk.futures
        self._routes = USDM if desk.futures else SPOT
        self._calls = USDM_CALLS if desk.futures else SPOT_CALLS
        orders: BinanceOrders = (UsdmOrders if desk.futures else SpotOrders)(desk, now_ns)
        self._orders = orders
        self._accounts = BinanceAccounts(orders)
        self._listen_keys: dict[str, tuple[str, int]] = {}
        self._funded = now_ns() // FUNDING_NS
        desk.listeners.append(self._credit)

    def command_of(self, request: Request) -> str:
        """Return what a request is."""
        route = self._routes.get((request.method, request.path))
        return "" if route is None else route.command

    def answer(self, request: Request) -> Reply | None:
        """Answer a private request."""
        route = self._routes.get((request.method, request.path))
        if route is None:
            return None
        now, account = self._now_ns(), None
        try:
            text = request.raw_query + "&" + request.body.decode("latin-1")
            self.limits.weigh(request.address, _weight(route, "symbol=" in text), now)
            account, key, params = self._believed(request, route)
            self.limits.order(account, route.orders, now)
            status, body = 200, self._do(route, _call(account, params, key), key)
        except (Problem, Refused) as error:
            problem = error if isinstance(error, Problem) else self._orders.problem(error)
            status, body = problem.status, problem.body
        headers = self.limits.headers(request.address, account, now)
        if status in (429, 418):
            headers["Retry-After"] = str(self.limits.retry_after_s(request.address, now))
        return Reply(status, compact(body), headers)

    def _believed(self, request: Request, route: Route) -> tuple[str, ApiKey, Mapping[str, str]]:
        """Return whose request it is, its key and its parameters."""
        name = request.headers.get(KEY_HEADER)
        if not name:
            raise Problem(-2014, "API-key format invalid.", 401)
        found = self.desk.accounts.find(name)
        if found is None:
            raise Problem(*_STATUSES[401], 401)
        account, key = found
        self._check_permission(key, route)
        if not route.signed:
            return account.name, key, request.query
        try:
            params = verify_request(
                key.credentials,
                request.raw_query,
                request.body,
                key=name,
                now_ms=self._now_ns() // MILLISECOND,
            )
        except AuthenticationError as error:
            raise _disbelief(error) from error
        return account.name, key, params

    def _check_permission(self, key: ApiKey, route: Route) -> None:
        if route.command in _TRADES and TRADE not in key.permissions:
            raise Problem(*_STATUSES[401], 401)

    def _do(self, route: Route, call: Call, key: ApiKey) -> Any:
        if route.does == "restrictions":
            return self._accounts.restrictions(key)
        for answers in (self, self._orders, self._accounts):
            found = getattr(answers, route.does, None)
            if found is not None:
                return found(call)
        raise AssertionError(route.does)

    def order_counts(self, call: Call) -> list[dict[str, Any]]:
        """Tell how many orders are counted."""
        return self.limits.order_rows(call.account, self._now_ns())

    def start_stream(self, call: Call) -> dict[str, Any]:
        """Return the account's listenKey, and extend it."""
        for key, (account, _) in self._listen_keys.items():
            if account == call.account:
                return self._extended(key, account)
        return self._extended(secrets.token_hex(32), call.account)

    def keep_stream(self, call: Call) -> dict[str, Any]:
        """Extend the listenKey."""
        return self._extended(self._listen_key(call), call.account)

    def stop_stream(self, call: Call) -> dict[str, Any]:
        """End the listenKey."""
        del self._listen_keys[self._listen_key(call)]
        return {}

    def _extended(self, key: str, account: str) -> dict[str, Any]:
        self._listen_keys[key] = (account, self._now_ns() + self.listen_key_ns)
        return {"listenKey": key}

    def _listen_key(self, call: Call) -> str:
        for key, (account, _) in self._listen_keys.items():
            if account == call.account and call.params.get("listenKey") in (None, key):
                return key
        raise Problem(-1125, "This listenKey does not exist.")

    def opened(self, peer: Peer) -> list[bytes]:
        """Listen to what the address names."""
        names = [peer.query.get("listenKey", ""), peer.path.rpartition("/")[2]]
        self._listen(peer, [*names, *peer.query.get("streams", "").split("/")])
        return super().opened(peer)

    def _listen(self, peer: Peer, names: list[Any]) -> None:
        for name in names:
            key = str(name).partition("@")[0]
            if key in self._listen_keys:
                peer.account = self._listen_keys[key][0]
                peer.notes["listen_key"] = key

    def _is_api(self, peer: Peer) -> bool:
        return "/ws-fapi" in peer.path or "/ws-api" in peer.path

    def command_in(self, peer: Peer, message: dict[str, Any]) -> str:
        """Return what a message is; subscriptions to a listenKey are heard and stay public ones."""
        names = message.get("params")
        if not self._is_api(peer):
            if message.get("method") == "SUBSCRIBE" and isinstance(names, list):
                self._listen(peer, names)
            return ""
        route = self._calls.get(str(message.get("method")))
        return STREAM_KEY if route is None else route.command

    def take(self, peer: Peer, message: dict[str, Any], data: str) -> list[bytes]:
        """Answer a call of the WebSocket API."""
        method, number = message.get("method"), message.get("id")
        if not isinstance(method, str):
            error = {"code": -1000, "msg": "Invalid JSON request."}
            return [compact({"id": None, "status": 400, "error": error})]
        # numbers with a point as they were written: that is what is signed
        try:
            params = json.loads(data, parse_float=str).get("params") or {}
        except RecursionError:
            params = None
        route, now, address = self._calls.get(method), self._now_ns(), peer.address
        told: dict[str, Any] = {"id": number, "status": 200}
        try:
            if not isinstance(params, dict):
                raise missing("params")
            weight = 1 if route is None else _weight(route, "symbol" in params)
            self.limits.weigh(address, weight, now)
            told["result"] = self._called(peer, method, route, params, now)
        except (Problem, Refused) as error:
            problem = error if isinstance(error, Problem) else self._orders.problem(error)
            told |= {"status": problem.status, "error": problem.body}
        account = peer.notes.get("caller")
        return [compact({**told, "rateLimits": self.limits.rows(address, account, now, route)})]

    def _called(
        self, peer: Peer, method: str, route: Route | None, params: dict[str, Any], now: int
    ) -> Any:
        if method in PUBLIC_CALLS:
            return self._told(PUBLIC_CALLS[method], params)
        if method in SESSION:
            return self._session(peer, method, params)
        if route is None:
            raise Problem(-1000, "Unknown method.")
        if route.does == "unsubscribe":
            peer.account = ""
            return {}
        account, key = self._caller(peer, route, params)
        peer.notes["caller"] = account
        self.limits.order(account, route.orders, now)
        call = _call(account, {name: _text(each) for name, each in params.items()}, key)
        if route.does == "subscribe":
            return self._subscription(peer, call)
        return self._do(route, call, key)

    def _caller(self, peer: Peer, route: Route, params: dict[str, Any]) -> tuple[str, ApiKey]:
        """Return whose call it is, by its own signature or by the session's."""
        name = params.get("apiKey") or peer.notes.get("session")
        if not name:
            raise Problem(-2014, "API-key format invalid.", 401)
        found = self.desk.accounts.find(str(name))
        if found is None:
            raise Problem(*_STATUSES[401], 401)
        account, key = found
        self._check_permission(key, route)
        if route.signed and "signature" in params:
            self._verify(key, params)
        elif route.signed and peer.notes.get("session") != name:
            raise missing("signature")
        return account.name, key

    def _verify(self, key: ApiKey, params: dict[str, Any]) -> None:
        try:
            now_ms = self._now_ns() // MILLISECOND
            verify_call(
                key.credentials, {name: _text(each) for name, each in params.items()}, now_ms=now_ms
            )
        except AuthenticationError as error:
            raise _disbelief(error) from error

    def _session(self, peer: Peer, method: str, params: dict[str, Any]) -> dict[str, Any]:
        if method == "session.logon":
            found = self.desk.accounts.find(str(params.get("apiKey") or ""))
            if found is None:
                raise Problem(*_STATUSES[401], 401)
            self._verify(found[1], params)
            if found[1].credentials.kind is not KeyKind.ED25519:
                raise Problem(-4056, "session.logon needs an Ed25519 key.")
            peer.notes |= {"session": found[1].name, "since": self._now_ns() // MILLISECOND}
        elif method == "session.logout":
            peer.notes["session"] = None
            self._end_subscription(peer)
        return {
            "apiKey": peer.notes.get("session"),
            "authorizedSince": peer.notes.get("since") if peer.notes.get("session") else None,
            "connectedSince": peer.notes.setdefault("opened", self._now_ns() // MILLISECOND),
            "returnRateLimits": True,
            "serverTime": self._now_ns() // MILLISECOND,
            "userDataStream": bool(peer.account),
        }

    def _told(self, path: str, params: dict[str, Any]) -> Any:
        found = self._public(path, {name: _text(each) for name, each in params.items()})
        if found is None:
            raise Problem(-1000, "Unknown method.")
        status, body = found
        told = json.loads(body)
        if status != OK:
            raise Problem(told["code"], told["msg"], status)
        return told

    def _subscription(self, peer: Peer, call: Call) -> dict[str, Any]:
        peer.account, peer.muted = call.account, False
        number = peer.notes["subscription"] = peer.notes.get("subscriptions", 0)
        peer.notes["subscriptions"] = number + 1
        found = {"subscriptionId": number}
        if "signature" in call.params:
            found["expirationTime"] = self._now_ns() // MILLISECOND + KEEP_MS
        return found

    def _end_subscription(self, peer: Peer) -> None:
        if peer.account and not self._futures and self._is_api(peer):
            event = {"e": "eventStreamTerminated", "E": self._now_ns() // MILLISECOND}
            peer.outbox.append(_wrapped(peer, event))
            peer.account = ""

    def tell(self, peer: Peer, report: Report) -> list[bytes]:
        """Return user events."""
        if not self._futures and "listen_key" in peer.notes:
            return [self._event(peer, event) for event in spot_events(self.desk, report)]
        if not self._futures:
            return [_wrapped(peer, event) for event in spot_events(self.desk, report)]
        wanted = peer.query.get("events", "")
        return [
            self._event(peer, event)
            for event in usdm_events(self.desk, report)
            if not wanted or event["e"] in wanted.split("/")
        ]

    def _event(self, peer: Peer, event: dict[str, Any]) -> bytes:
        if "/stream" not in peer.path:
            return compact(event)
        return compact({"stream": peer.notes["listen_key"], "data": event})

    def beat(self) -> None:
        """Let listenKeys end and funding be paid."""
        super().beat()
        now = self._now_ns()
        if self._futures and now // FUNDING_NS > self._funded:
            self._funded = now // FUNDING_NS
            for symbol in self.desk.markets:
                self.desk.fund(symbol, FUNDING_PIPS)
        for key, (_, until) in list(self._listen_keys.items()):
            if now < until:
                continue
            del self._listen_keys[key]
            event = {"e": "listenKeyExpired", "E": now // MILLISECOND, "listenKey": key}
            for peer in self.peers:
                if peer.notes.get("listen_key") == key:
                    peer.outbox.append(self._event(peer, event))
                    peer.account = ""
                    del peer.notes["listen_key"]

    def revoke(self) -> None:
        """Let no key be believed any more, and end sessions, subscriptions and listenKeys."""
        super().revoke()
        self.expire_keys()
        for peer in self.peers:
            self._end_subscription(peer)
            peer.notes["session"] = None

    def expire_keys(self) -> None:
        """Let all listenKeys end."""
        self._listen_keys = {key: (name, 0) for key, (name, _) in self._listen_keys.items()}

    def trouble(self, what: str, status: int, message: dict[str, Any] | None) -> tuple[int, bytes]:
        """Return an answer that is no success."""
        if what == "status":
            code, text = _STATUSES.get(status, (-1000, "An unknown error occurred."))
        elif what == "maintenance":
            status, code, text = 503, -1016, "This service is no longer available."
        else:
            status, code, text = _FORMS.get(what, _FORMS[""])
        text = text.format(until=self._now_ns() // MILLISECOND + 120_000)
        body = {"code": code, "msg": text}
        if message is None:
            return status, compact(body)
        limits = self.limits.rows("", None, self._now_ns(), None)
        told = {"id": message.get("id"), "status": status, "error": body, "rateLimits": limits}
        return status, compact(told)

    def _credit(self, report: Report) -> None:
        order = report.order
        if report.kind is Kind.TRADE and order is not None and order.state is State.FILLED:
            self.limits.filled(report.account)


def _call(account: str, params: Mapping[str, str], key: ApiKey) -> Call:
    return Call(account, params, WITHDRAW in key.permissions)


def _weight(route: Route, with_symbol: bool) -> int:
    return route.weight if with_symbol or not route.all_weight else route.all_weight


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _wrapped(peer: Peer, event: dict[str, Any]) -> bytes:
    return compact({"subscriptionId": peer.notes.get("subscription", 0), "event": event})


def _disbelief(error: AuthenticationError) -> Problem:
    if error.reason is Reason.SIGNATURE:
        return Problem(-1022, "Signature for this request is not valid.")
    if error.reason is Reason.CLOCK:
        return Problem(-1021, "Timestamp for this request is outside of the recvWindow.")
    if error.reason is Reason.KEY:
        return Problem(*_STATUSES[401], 401)
    if "signature" in str(error):
        return missing("signature")
    if "timestamp" in str(error):
        return missing("timestamp")
    return Problem(-1100, f"Illegal request: {error}.")
