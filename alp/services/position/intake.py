"""From what the bus and a venue's lists tell to events of the ledger; no clock, no socket.

A trade and its fees are separate events, for a venue may tell a fee later than the trade: so what
is known of a trade by its proof never changes, however often and in whatever order it is told.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple

from alp._core.order_life import OrderEvent
from alp._core.wire import BboMessage, ExecutionReportMessage
from alp.ledger.assets import Asset, Assets
from alp.ledger.events import Event, Fee, Fill, Mark, venue_proof
from alp.ledger.reconcile import Seen, seen
from alp.services.position.accounts import BALANCE_DECIMALS, PAR, Product, VenueAccount
from alp.venues.orders import Fact

SECOND = 10**9
MOST_TRADES = 1 << 17
"""Trades that are remembered; older ones are known by the ledger."""
FEE = "fee"


class Told(NamedTuple):
    """A trade as its teller says it, or a fee of one that comes by itself."""

    product: Product
    trade_id: str
    at_ns: int
    side: int
    price: int
    lots: int
    """0: it is a fee alone."""
    fees: tuple[tuple[str, int], ...]
    client_id: str = ""


def told_by_report(account: VenueAccount, report: ExecutionReportMessage) -> Told | None:
    """Return the trade that a report tells; None: it tells none, or that of another account."""
    product = account.product(report.header.instrument)
    if not report.trade_id or report.refusal or product is None:
        return None
    fees = ((report.fee_asset, report.fee),) if report.fee and report.fee_asset else ()
    at_ns = report.header.exchange_ns or report.header.send_ns
    return Told(
        product,
        report.trade_id,
        at_ns,
        report.side,
        report.last_price,
        report.last_quantity,
        fees,
        report.client_id,
    )


def told_by_fact(product: Product, fact: Fact) -> Told | None:
    """Return the trade that a venue's list tells."""
    if fact.kind is not OrderEvent.FILL or not fact.trade_id:
        return None
    paid = ((fact.fee_asset, fact.fee), *fact.more_fees)
    fees = tuple((asset, amount) for asset, amount in paid if asset and amount)
    return Told(
        product, fact.trade_id, fact.at_ns, fact.side, fact.price, fact.quantity, fees,
        fact.client_id,
    )  # fmt: skip


class Intake:
    """Makes events of one account's trades, each once.

    Attributes
    ----------
    begun_ns
        What happened before is in the balances that were adopted; None: nothing was adopted yet.
    counts
        ``trades``, ``fees``, ``repeated`` and ``earlier`` than the beginning.
    stream
        What was told, as it was told first.
    """

    def __init__(self, account: VenueAccount, assets: Assets) -> None:
        self.account = account
        self.begun_ns: int | None = None
        self.counts: Counter[str] = Counter()
        self.stream = Trades()
        self._assets = assets
        self._known: OrderedDict[tuple[str, ...], None] = OrderedDict()

    def report(self, message: ExecutionReportMessage) -> list[Event]:
        """Return what a report of the handler is in the ledger: nothing where it is no news."""
        told = told_by_report(self.account, message)
        return [] if told is None else self._events(told)

    def _events(self, told: Told) -> list[Event]:
        if self.begun_ns is not None and told.at_ns < self.begun_ns:
            self.counts["earlier"] += 1
            return []
        keys: list[tuple[str, ...]] = []
        if told.lots:
            keys.append((told.client_id, told.trade_id))
        keys += [(told.client_id, told.trade_id, asset) for asset, _ in told.fees]
        news = [each for each in keys if each not in self._known]
        self.counts["repeated"] += len(keys) - len(news)
        made = []
        events = events_of(told, self._assets)
        self.stream.add(events)
        for event, key in zip(events, keys, strict=True):
            if key in news:
                self._known[key] = None
                self.counts["trades" if event.kind == Fill.kind else "fees"] += 1
                made.append(event)
        while len(self._known) > MOST_TRADES:
            self._known.popitem(last=False)
        return made


def events_of(told: Told, assets: Assets) -> list[Event]:
    """Return a trade and its fees as events.

    Raises
    ------
    DataError
        If an amount is finer than the ledger's unit.
    """
    market = told.product.market
    made: list[Event] = []
    if told.lots:
        fill = market.fill(told.trade_id, told.at_ns, told.side, told.price, told.lots)
        made.append(fill)
    owner, symbol = market.place.owner, market.symbol if market.ids_by_market else ""
    for asset, amount in told.fees:
        proof = venue_proof(owner, FEE, f"{told.trade_id}:{asset}", symbol)
        known = assets[asset] if asset in assets else Asset(asset)
        raw = known.scaled(amount, BALANCE_DECIMALS)
        made.append(Fee(proof, told.at_ns, market.place, asset, raw))
    return made


class Trades:
    """One teller's view of an account's trades, for comparison with others'."""

    def __init__(self) -> None:
        self._fills: dict[str, Seen] = {}
        self._fees: dict[str, dict[str, int]] = {}

    def __len__(self) -> int:
        return len(self._fills)

    def add(self, events: Iterable[Event], sequence: int | None = None) -> None:
        """Take in trades and fees, in any order."""
        for event in events:
            if isinstance(event, Fill):
                self._fills.setdefault(event.proof.key, seen(event, sequence))
            elif isinstance(event, Fee) and f"|{FEE}|" in event.proof.key:
                owner, _, market, number = event.proof.key.split("|")
                trade, _, asset = number.rpartition(":")
                key = venue_proof(owner, "trade", trade, market).key
                self._fees.setdefault(key, {})[asset] = event.amount

    def seen(self) -> Iterator[Seen]:
        """Yield each trade with what it cost.

        Where a trade cost something in several assets, the first by name is compared with others'
        views of it; balances show the rest.
        """
        for key, fill in self._fills.items():
            for asset, amount in sorted(self._fees.get(key, {}).items())[:1]:
                yield Seen(
                    fill.proof, fill.at_ns, fill.base, fill.quote, fill.side, fill.base_amount,
                    fill.quote_amount, amount, asset, fill.sequence,
                )  # fmt: skip
                break
            else:
                yield fill

    def forget(self, before_ns: int) -> None:
        """Leave out what happened before."""
        gone = [key for key, each in self._fills.items() if each.at_ns < before_ns]
        for key in gone:
            del self._fills[key]
            self._fees.pop(key, None)


class Marks:
    """Prices of the ledger's assets from the touch of their markets.

    A spot market prices its base, a contract's market the contract. The pool's base and native
    token have the price of the first product. An asset gets a mark once a second, if it moved.
    """

    def __init__(
        self, accounts: Iterable[VenueAccount], numbers: list[int], assets: Assets, pool: set[str]
    ) -> None:
        self._assets = assets
        self._markets: dict[int, tuple[Decimal, list[str]]] = {}
        self._told: dict[str, tuple[int, int]] = {}
        self._par: set[str] = set()
        products = sorted((p for each in accounts for p in each.products), key=lambda p: p.index)
        priced: set[str] = set()
        for product in products:
            if not _is_par(product.market.quote, assets):
                continue
            names = {product.market.base.name} - priced
            if not priced:
                names |= pool - {assets.quote.name}
            priced |= names
            tick, before = product.market.tick_size, self._markets.get(numbers[product.index])
            self._markets[numbers[product.index]] = (tick, [*(before[1] if before else ()), *names])

    def par(self, unpriced: Iterable[str], now_ns: int) -> list[Mark]:
        """Return the marks of other dollars than the quote: each counts as one."""
        quote = self._assets.quote
        names = {name for name in unpriced if {name, quote.name} <= PAR}
        made = []
        for name in sorted(names - self._par):
            asset = self._assets[name] if name in self._assets else Asset(name)
            table = Assets(quote, (asset,))
            made.append(Mark(name, now_ns, table.mark_x96(name, "1")))
        self._par |= names
        return made

    def bbo(self, message: BboMessage, now_ns: int) -> list[Mark]:
        """Return what a touch says of prices."""
        found = self._markets.get(message.header.instrument)
        if found is None or not (message.bid_quantity and message.ask_quantity):
            return []
        price = (message.bid + message.ask) * found[0] / 2
        made = []
        for name in found[1]:
            at_ns, before = self._told.get(name, (0, 0))
            if price <= 0 or now_ns - at_ns < SECOND:
                continue
            mark = self._assets.mark_x96(name, price)
            if mark != before:
                self._told[name] = now_ns, mark
                made.append(Mark(name, now_ns, mark))
        return made


def _is_par(asset: Asset, assets: Assets) -> bool:
    return asset.name == assets.quote.name or {asset.name, assets.quote.name} <= PAR
