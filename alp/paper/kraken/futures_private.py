"""The private side of Kraken Futures: REST with Authent, and feeds behind a signed challenge."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import orjson

from alp.paper.accounts import Accounts, default_accounts, hmac_credentials
from alp.paper.desk import Desk
from alp.paper.kraken.futures_forms import (
    REASONS,
    Row,
    coins,
    told_end,
    told_fill,
    told_order,
    told_position,
    wealth,
)
from alp.paper.kraken.futures_private_rest import ROOT, KrakenFuturesRest
from alp.paper.kraken.futures_requests import parts
from alp.paper.market import Market
from alp.paper.order_uuids import uuid_of
from alp.paper.orders import Kind, Report, Rules, State, Trade, Why
from alp.paper.private import STREAM_KEY, PrivateSide
from alp.paper.protocol import Peer, Reply, Request, compact
from alp.venues.kraken.signing import verify_challenge
from alp.venues.signing import AuthenticationError

if TYPE_CHECKING:
    from alp.paper.kraken.futures import KrakenFutures

MAKER_PIPS, TAKER_PIPS = 200, 500
MOST_FILLS = 100
OPEN_ORDERS, VERBOSE, FILLS = "open_orders", "open_orders_verbose", "fills"
BALANCES, POSITIONS = "balances", "open_positions"
FEEDS = (OPEN_ORDERS, VERBOSE, FILLS, BALANCES, POSITIONS)
_REFUSED = b'{"event":"alert","message":"Failed to subscribe to authenticated feed"}'
_FAILED = (Why.POST_ONLY, Why.IMMEDIATE)


def rules_of(market: Market) -> Rules:
    """Return what is allowed in a market; everything is settled in what prices are in."""
    base, quote = parts(market.symbol)
    return Rules(base, quote, most_open=500)


class KrakenFuturesPrivate(PrivateSide):
    """Accounts of Kraken Futures."""

    def __init__(self, desk: Desk, protocol: KrakenFutures) -> None:
        desk.listeners.append(self._remember)
        super().__init__(desk)
        self._protocol = protocol
        self._markets = protocol.markets
        self._rest = KrakenFuturesRest(desk, protocol.markets, protocol.now_ns)
        self._challenges = 0
        self._fills: dict[str, list[Trade]] = {}
        self._snapshots: dict[str, Callable[[Peer], Row]] = {
            OPEN_ORDERS: self._open_orders,
            VERBOSE: self._open_orders,
            FILLS: self._all_fills,
            BALANCES: self._balances,
            POSITIONS: self._positions,
        }

    def command_of(self, request: Request) -> str:
        """Return what a request is; empty: a public one."""
        return self._rest.command_of(request) if request.path.startswith(ROOT) else ""

    def answer(self, request: Request) -> Reply | None:
        """Answer a request; None where it is a public one."""
        return self._rest.answer(request) if self.command_of(request) else None

    def command_in(self, peer: Peer, message: Row) -> str:
        """Return what a message is; empty: it is no private one."""
        private = message.get("event") == "challenge" or message.get("feed") in FEEDS
        return STREAM_KEY if private else ""

    def take(self, peer: Peer, message: Row, data: str) -> list[bytes]:
        """Answer a request for a challenge, or a subscription that is signed with it."""
        key = message.get("api_key")
        found = self.desk.accounts.find(key if isinstance(key, str) else None)
        if found is None:
            return [_REFUSED]
        account, credentials = found[0].name, found[1].credentials
        if message["event"] == "challenge":
            self._challenges += 1
            peer.notes["challenge"] = uuid_of("user", self._protocol.now_ns() + self._challenges)
            return [compact({"event": "challenge", "message": peer.notes["challenge"]})]
        try:
            verify_challenge(credentials, peer.notes.get("challenge", ""), message)
        except AuthenticationError:
            return [_REFUSED]
        if peer.account not in ("", account):
            return [_REFUSED]
        return self._subscribe(peer, account, message)

    def _subscribe(self, peer: Peer, account: str, message: Row) -> list[bytes]:
        feed, event = message["feed"], message.get("event")
        if event not in ("subscribe", "unsubscribe"):
            return [b'{"event":"error","message":"Bad request"}']
        peer.account = account
        names = ("api_key", "original_challenge", "signed_challenge")
        signed = {name: message[name] for name in names}
        ack = compact({"event": f"{event}d", "feed": feed, **signed})
        feeds: set[str] = peer.notes.setdefault("feeds", set())
        if event == "unsubscribe":
            feeds.discard(feed)
            return [ack]
        feeds.add(feed)
        name = feed if feed == POSITIONS else f"{feed}_snapshot"
        content = {"feed": name, "account": account, **self._snapshots[feed](peer)}
        return [ack, orjson.dumps(content)]

    def _open_orders(self, peer: Peer) -> Row:
        opened = self.desk.open_orders(peer.account)
        return {"orders": [told_order(each, self._markets[each.symbol]) for each in opened]}

    def _all_fills(self, peer: Peer) -> Row:
        fills = list(enumerate(self._fills.get(peer.account, [])))[-MOST_FILLS:]
        rows = [told_fill(each, at, self._markets[each.order.symbol]) for at, each in fills]
        return {"fills": rows}

    def _balances(self, peer: Peer) -> Row:
        account = self.desk.accounts.by_name[peer.account]
        found = wealth(account, self.desk.ledger, self.desk.open_orders(account.name))
        total, free = (coins(sum(each[side] for each in found.values())) for side in (0, 1))
        currencies = {
            asset: {
                "quantity": coins(amount),
                "value": coins(amount),
                "collateral_value": coins(amount),
                "available": coins(available),
                "haircut": 0.0,
                "conversion_spread": 0.0,
            }
            for asset, (amount, available) in found.items()
        }
        flex = {
            "currencies": currencies,
            "balance_value": total,
            "portfolio_value": total,
            "collateral_value": total,
            "initial_margin": total - free,
            "available_margin": free,
            "margin_equity": total,
            "pnl": 0.0,
        }
        number = peer.notes.get("balances", -1) + 1
        peer.notes["balances"] = number
        now = {"timestamp": self._protocol.now_ms(), "seq": number}
        return {"holding": {}, "futures": {}, "flex_futures": flex, **now}

    def _positions(self, peer: Peer) -> Row:
        account = self.desk.accounts.by_name[peer.account]
        held = [symbol for symbol, each in account.positions.items() if each.quantity]
        rows = [told_position(account, self._markets[each], self.desk.ledger) for each in held]
        return {"positions": rows, "timestamp": self._protocol.now_ms()}

    def _remember(self, report: Report) -> None:
        if report.trade is not None:
            self._fills.setdefault(report.account, []).append(report.trade)

    def tell(self, peer: Peer, report: Report) -> list[bytes]:
        """Return what a report is on a connection."""
        feeds: set[str] = peer.notes.get("feeds", set())
        told: list[Row] = []
        if report.kind is Kind.BALANCES:
            if BALANCES in feeds:
                told.append({"feed": BALANCES, "account": peer.account, **self._balances(peer)})
            if POSITIONS in feeds and report.symbols:
                told.append({"feed": POSITIONS, "account": peer.account, **self._positions(peer)})
            return [orjson.dumps(each) for each in told]
        if report.trade is not None and FILLS in feeds:
            order = report.trade.order
            number = len(self._fills[report.account]) - 1
            row = told_fill(report.trade, number, self._markets[order.symbol])
            told.append({"feed": FILLS, "username": peer.account, "fills": [row]})
        for feed in (OPEN_ORDERS, VERBOSE):
            change = self._change(report, verbose=feed == VERBOSE) if feed in feeds else None
            if change is not None:
                told.append({"feed": feed, **change})
        return [orjson.dumps(each) for each in told]

    def _change(self, report: Report, *, verbose: bool) -> Row | None:
        """Return what a report is on the feeds of orders; None where it is not told."""
        order = report.order
        assert order is not None
        failed = order.ticket.notes.get("stillborn")
        if report.kind is Kind.NEW:
            if failed or (order.ticket.price is None):
                return None
            reason = "new_placed_order_by_user"
        elif report.kind is Kind.TRADE:
            if order.state is State.FILLED:
                return told_end(order, "full_fill")
            reason = "partial_fill"
        elif report.kind in (Kind.AMENDED, Kind.PREVENTED):
            reason = "edited_by_user"
        else:
            # That a post-only order would have taken is only told to who wants to know more.
            if failed and report.why in _FAILED and not verbose:
                return None
            return told_end(order, REASONS.get(report.why, "cancelled_by_user"))
        row = told_order(order, self._markets[order.symbol])
        return {"order": row, "is_cancel": False, "reason": reason}

    def trouble(self, what: str, status: int, message: Row | None) -> tuple[int, bytes]:
        """Return an answer that is no success; see :meth:`PrivateSide.trouble`."""
        if message is not None:
            return 200, b'{"event":"alert","message":"Service unavailable"}'
        if what == "status":
            error = {429: "apiLimitExceeded", 401: "authenticationError"}.get(
                status, "Server Error"
            )
            return status, self._rest.failure(error)
        if what == "maintenance":
            return 503, self._rest.failure("unavailable")
        return (int(what) if what.isdigit() else 500), self._rest.failure("Server Error")


def private_side(protocol: KrakenFutures, accounts: Accounts | None = None) -> KrakenFuturesPrivate:
    """Give a venue its private side, with the default accounts where there are no others."""
    rules = {symbol: rules_of(market) for symbol, market in protocol.markets.items()}
    if accounts is None:
        accounts = default_accounts(
            hmac_credentials(base64=True),
            sorted({rule.quote for rule in rules.values()}),
            maker_pips=MAKER_PIPS,
            taker_pips=TAKER_PIPS,
        )
    desk = Desk(protocol.markets, rules, accounts, futures=True, clock_ns=protocol.now_ns)
    side = KrakenFuturesPrivate(desk, protocol)
    protocol.private = side
    return side
