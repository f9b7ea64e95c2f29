"""The private side of Coinbase Advanced: REST with tokens, and the user channel.

A product ``X-USDC`` shares the book of ``X-USD``; its orders spend and earn USDC.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from alp.paper.accounts import Accounts, default_accounts, ed25519_credentials, pem_of
from alp.paper.coinbase.forms import Form, Row, status_of
from alp.paper.coinbase.private_rest import ROOT, CoinbaseRest, NotServed, too_many
from alp.paper.desk import Desk
from alp.paper.market import Market
from alp.paper.order_uuids import uuid_of
from alp.paper.orders import COIN, Kind, Order, Report, Rules
from alp.paper.private import STREAM_KEY, PrivateSide
from alp.paper.protocol import Peer, Reply, Request, compact, stamp
from alp.venues.coinbase.signing import verify_token
from alp.venues.credentials import Credentials, credentials_of
from alp.venues.signing import AuthenticationError

if TYPE_CHECKING:
    from alp.paper.coinbase.public import Coinbase

MAKER_PIPS, TAKER_PIPS = 6000, 12_000
SNAPSHOT_ORDERS = 50
SECOND = 10**9
USER = "user"
COIN_KEY = "organizations/org-1/apiKeys/key-1"
OTHER_COIN_KEY = "organizations/org-2/apiKeys/key-2"
WITHDRAW_COIN_KEY = "organizations/org-1/apiKeys/withdraw"
_SCALARS = (
    0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721,
    0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6722,
)
_REFUSED = b'{"type":"error","message":"authentication failure"}'
_POSITIONS: dict[str, list[Row]] = {
    "perpetual_futures_positions": [],
    "expiring_futures_positions": [],
    "prediction_market_positions": [],
}


class AliasDesk(Desk):
    """A desk whose markets may be there under a second name, each with a queue of its own."""

    def happened(self, market: Market) -> None:
        """Let a market's last event reach the orders that wait in it, under all its names."""
        super().happened(market)
        for alias in self.markets.values():
            if alias is not market and alias.book is market.book:
                alias.changes, alias.made = market.changes, market.made
                super().happened(alias)


def with_aliases(markets: Mapping[str, Market]) -> dict[str, Market]:
    """Return markets by all their names."""
    found = dict(markets)
    for symbol, market in markets.items():
        if symbol.endswith("-USD"):
            found[f"{symbol}C"] = Market(
                f"{symbol}C", market.book, depth=market.depth, clock_ns=market.clock_ns
            )
    return found


def rules_of(symbol: str) -> Rules:
    """Return what is allowed in a market."""
    base, _, quote = symbol.partition("-")
    return Rules(base, quote, min_notional=COIN, most_open=500)


class CoinbasePrivate(PrivateSide):
    """Accounts of Coinbase Advanced."""

    def __init__(self, desk: Desk, protocol: Coinbase, markets: Mapping[str, Market]) -> None:
        super().__init__(desk)
        self._protocol = protocol
        self._markets = markets
        self._rest = CoinbaseRest(desk, markets, protocol.now_ns, self._tell_queued)

    def command_of(self, request: Request) -> str:
        """Return what a request is; empty: a public one."""
        return self._rest.command_of(request)

    def answer(self, request: Request) -> Reply | None:
        """Answer a request; None where it is a public one."""
        kind = self._rest.command_of(request)
        if kind:
            return self._rest.answer(request, kind)
        path = request.path.removeprefix(ROOT)
        if path.partition("/")[0] not in ("products", "product_book", "best_bid_ask"):
            return None
        try:
            self._rest.who(request)
        except NotServed as problem:
            return problem.reply
        if path == "best_bid_ask":
            return self._best(request)
        found = self._protocol.rest(f"{ROOT}market/{path}", dict(request.query))
        return None if found is None else Reply(*found)

    def _best(self, request: Request) -> Reply:
        wanted = request.query.get("product_ids", "")
        books = []
        for product in wanted.split(",") if wanted else self._markets:
            asked = {"product_id": product, "limit": "1"}
            found = self._protocol.rest(f"{ROOT}market/product_book", asked)
            if found is not None and found[0] == 200:
                books.append(found[1].removeprefix(b'{"pricebook":')[:-1])
        return Reply(200, b'{"pricebooks":[' + b",".join(books) + b"]}")

    def command_in(self, peer: Peer, message: Row) -> str:
        """Return what a message is; empty: it is no private one."""
        return STREAM_KEY if message.get("channel") == USER else ""

    def take(self, peer: Peer, message: Row, data: str) -> list[bytes]:
        """Answer a subscription to the user channel."""
        given = message.get("jwt")
        found = self._rest.owner(given) if isinstance(given, str) else None
        if found is None or peer.account not in ("", found[0].name):
            return [_REFUSED]
        account, key = found
        try:
            verify_token(key.credentials, str(given), now_s=self._protocol.now_ns() // SECOND)
        except AuthenticationError:
            return [_REFUSED]
        products = message.get("product_ids") or []
        if not isinstance(products, list) or not set(map(str, products)) <= set(self._markets):
            return [b'{"type":"error","message":"failure to subscribe"}']
        peer.account = account.name
        if message.get("type") == "unsubscribe":
            peer.notes.pop(USER, None)
            return [self._subscriptions(peer)]
        peer.notes[USER] = set(products)
        opened = [each for each in self.desk.open_orders(account.name) if _wants(peer, each)]
        pages = range(0, len(opened), SNAPSHOT_ORDERS) if opened else range(1)
        snapshots = [
            self._event(peer, "snapshot", opened[at : at + SNAPSHOT_ORDERS]) for at in pages
        ]
        return [*snapshots, self._subscriptions(peer)]

    def _subscriptions(self, peer: Peer) -> bytes:
        held = {USER: [uuid_of("user", 2)]} if USER in peer.notes else {}
        return self._sent(peer, "subscriptions", [{"subscriptions": held}])

    def _sent(self, peer: Peer, channel: str, events: list[Row]) -> bytes:
        number, peer.sequence = peer.sequence, peer.sequence + 1
        at = stamp(self._protocol.now_ms())
        head = {"channel": channel, "client_id": "", "timestamp": at, "sequence_num": number}
        return compact({**head, "events": events})

    def _event(
        self, peer: Peer, kind: str, orders: list[Order], status: str | None = None
    ) -> bytes:
        rows = [
            Form(each, self._markets[each.symbol]).streamed(status or status_of(each))
            for each in orders
        ]
        event: Row = {"type": kind, "orders": rows}
        if kind == "snapshot":
            event["positions"] = _POSITIONS
        return self._sent(peer, USER, [event])

    def tell(self, peer: Peer, report: Report) -> list[bytes]:
        """Return what a report is on a connection; balances are not told."""
        order = report.order
        if order is None or report.kind is Kind.BALANCES or not _wants(peer, order):
            return []
        if report.kind is Kind.NEW:
            return [self._event(peer, "update", [order], each) for each in ("PENDING", "OPEN")]
        return [self._event(peer, "update", [order])]

    def _tell_queued(self, order: Order) -> None:
        for peer in self.peers:
            if peer.account == order.account and _wants(peer, order):
                peer.outbox.append(self._event(peer, "update", [order]))

    def beat(self) -> None:
        """Let time pass; cancels that were taken are done."""
        self._rest.cancel_what_is_queued()
        super().beat()

    def trouble(self, what: str, status: int, message: Row | None) -> tuple[int, bytes]:
        """Return an answer that is no success; see :meth:`PrivateSide.trouble`.

        The form of an unknown outcome is a status of HTTP: ``500``, ``502``, ``503``, ``504``.
        """
        if message is not None:
            return 200, _REFUSED
        if what == "status" and status == 429:
            return 429, too_many()
        if what == "status" and status in (401, 403):
            return status, NotServed(status, "UNAUTHORIZED", 16, "Unauthorized").reply.body
        code = int(what) if what.isdigit() else status
        return code, compact({"error": "UNAVAILABLE", "code": 14, "message": "try again later"})


def _wants(peer: Peer, order: Order) -> bool:
    wanted: Any = peer.notes.get(USER)
    return wanted is not None and (not wanted or order.symbol in wanted)


def known_credentials() -> list[Credentials]:
    """Return the keys of the default accounts: two of ES256, and Ed25519 for the second account.

    The first is the P-256 key of RFC 6979, A.2.5; the third, which may withdraw, is another.
    """
    first, third = (ec.derive_private_key(each, ec.SECP256R1()) for each in _SCALARS)
    return [
        credentials_of(COIN_KEY, private_key=pem_of(first)),
        credentials_of(OTHER_COIN_KEY, private_key=pem_of(_ed25519())),
        credentials_of(WITHDRAW_COIN_KEY, private_key=pem_of(third)),
    ]


def _ed25519() -> ed25519.Ed25519PrivateKey:
    found = ed25519_credentials().private_key
    assert isinstance(found, ed25519.Ed25519PrivateKey)
    return found


def private_side(protocol: Coinbase, accounts: Accounts | None = None) -> CoinbasePrivate:
    """Give a venue its private side, with the default accounts where there are no others."""
    markets = with_aliases(protocol.markets)
    rules = {symbol: rules_of(symbol) for symbol in markets}
    if accounts is None:
        assets = {asset for rule in rules.values() for asset in (rule.base, rule.quote)}
        accounts = default_accounts(
            known_credentials(), sorted(assets), maker_pips=MAKER_PIPS, taker_pips=TAKER_PIPS
        )
    desk = AliasDesk(
        markets, rules, accounts, futures=False, fee_in_quote=True, clock_ns=protocol.now_ns
    )
    side = CoinbasePrivate(desk, protocol, markets)
    protocol.private = side
    return side
