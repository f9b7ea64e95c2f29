"""What Binance's private streams and order sockets have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from alp._core.order_life import OrderEvent, RejectReason
from alp.errors import VenueError
from alp.venues.binance import order_rows as rows_of
from alp.venues.binance.order_rows import parsed
from alp.venues.binance.orders_common import LOGGED_ON, OPENED, PING
from alp.venues.fields import Fields
from alp.venues.instruments import Instrument
from alp.venues.orders import Fact, StreamNews

Handler = Callable[[Fields], StreamNews]

REVOKED = 401
"""Status of what no call asked for: the connection is not ours any more."""

_REASONS = {
    "GTX_ORDER_REJECT": RejectReason.POST_ONLY,
    "WOULD_MATCH_IMMEDIATELY": RejectReason.POST_ONLY,
    "INSUFFICIENT_BALANCE": RejectReason.BALANCE,
    "INSUFFICIENT_BALANCES": RejectReason.BALANCE,
    "ACCOUNT_INACTIVE": RejectReason.AUTH,
    "ACCOUNT_CANNOT_SETTLE": RejectReason.AUTH,
    "DUPLICATE_ORDER": RejectReason.DUPLICATE_ID,
    "SELF_TRADE_PREVENTION": RejectReason.SELF_MATCH,
}
"""``r`` of a rejected order."""


@dataclass(frozen=True, slots=True)
class Names:
    """Where an order event has what; the exchanges' letters are the same but for these.

    Attributes
    ----------
    amended
        The kind of event that confirms an amend.
    silent
        Kinds that say nothing that another does not.
    """

    amended: str
    silent: frozenset[str]


class BinanceReader:
    """Reads one connection: wrapped events, bare ones, answers to calls.

    Parameters
    ----------
    exchange
        As the manifest writes it.
    instruments
        By symbol; of other products nothing is told.
    """

    names: Names

    def __init__(self, exchange: str, instruments: Mapping[str, Instrument]) -> None:
        self.exchange = exchange
        self._instruments = instruments
        self._handlers: dict[str, Handler] = {}

    def read(self, message: bytes) -> StreamNews:
        """Return what a message says; an amend it confirms has no number, ``command`` is 0.

        The venue numbers no amends; the account session knows which of those under way has these
        terms.

        Raises
        ------
        VenueError
            If it is none that the venue sends; nothing of it counts.
        """
        members = parsed(self.exchange, message)
        row = Fields(self.exchange, "a message", members)
        assert isinstance(members, Mapping)
        if "id" in members and not isinstance(members.get("e"), str):
            return self._answer(members["id"], row)
        for wrapper in ("event", "data"):
            if isinstance(members.get(wrapper), Mapping):
                row = row.inner(wrapper)
                break
        handler = self._handlers.get(row.text("e"))
        return StreamNews() if handler is None else handler(row)

    def _answer(self, reference: object, row: Fields) -> StreamNews:
        if reference in (OPENED, LOGGED_ON):
            return self._opened(row, StreamNews(ready=True))
        if reference is None and "status" in row and row.whole("status") == REVOKED:
            return self._opened(row, StreamNews())
        if reference == PING or not isinstance(reference, str):
            return StreamNews()
        return StreamNews(reference=reference)

    def _opened(self, row: Fields, news: StreamNews) -> StreamNews:
        if row.whole("status") == 200:
            return news
        why = row.inner("error")
        return StreamNews(lost=f"{why.whole('code')} {why.text('msg')}")

    def _lost(self, row: Fields) -> StreamNews:
        return StreamNews(lost=row.text("e"))

    def order_facts(self, row: Fields, client_id: str, at_ns: int) -> tuple[Fact, ...]:
        """Read an order's event; nothing where the product does not count here."""
        instrument = self._instruments.get(row.text("s"))
        kind, status = row.text("x"), row.text("X")
        if instrument is None or (kind in self.names.silent and status not in rows_of.ENDS):
            return ()
        said: list[Fact] = []
        if kind in ("TRADE", "CALCULATED"):
            said += self.fills(row, instrument, client_id, at_ns)
        elif kind == "NEW":
            said.append(self._said(row, instrument, OrderEvent.ACKED, client_id, at_ns))
        elif kind == self.names.amended:
            said.append(self._amended(row, instrument, client_id, at_ns))
        elif kind == "REJECTED":
            return (self._rejected(row, instrument, client_id, at_ns),)
        elif kind not in ("CANCELED", "EXPIRED") and kind not in self.names.silent:
            row.fail(f"has an execution of the unknown kind {kind!r}")
        ended = rows_of.ENDS.get(status)
        if ended is not None:
            said.append(self._said(row, instrument, ended, client_id, at_ns))
        elif kind in ("CANCELED", "EXPIRED"):
            said.append(self._said(row, instrument, OrderEvent.CUMULATIVE, client_id, at_ns))
        return tuple(said)

    def _said(
        self, row: Fields, instrument: Instrument, kind: OrderEvent, client_id: str, at_ns: int
    ) -> Fact:
        return Fact(
            kind,
            client_id,
            rows_of.identity(row, "i"),
            instrument.symbol,
            cumulative=rows_of.steps(row, "z", instrument.order_quantity),
            side=rows_of.side_of(row, "S"),
            at_ns=at_ns,
        )

    def fills(
        self, row: Fields, instrument: Instrument, client_id: str, at_ns: int
    ) -> tuple[Fact, ...]:
        """Read a trade; one of nothing only tells the total."""
        quantity = rows_of.steps(row, "l", instrument.order_quantity)
        total = rows_of.steps(row, "z", instrument.order_quantity) if "z" in row else -1
        if quantity == 0:
            if total <= 0:
                return ()
            return (self._said(row, instrument, OrderEvent.CUMULATIVE, client_id, at_ns),)
        paid = "N" in row and "n" in row
        return (
            Fact(
                OrderEvent.FILL,
                client_id,
                rows_of.identity(row, "i"),
                instrument.symbol,
                price=rows_of.size(row, "L", instrument.price),
                quantity=quantity,
                cumulative=total,
                trade_id=rows_of.identity(row, "t"),
                side=rows_of.side_of(row, "S"),
                fee=rows_of.fee(row, "n") if paid else 0,
                fee_asset=row.text("N") if paid else "",
                liquidity=rows_of.MAKER if row.optional_flag("m") else rows_of.TAKER,
                at_ns=at_ns,
            ),
        )

    def _amended(self, row: Fields, instrument: Instrument, client_id: str, at_ns: int) -> Fact:
        return Fact(
            OrderEvent.AMEND_ACKED,
            client_id,
            rows_of.identity(row, "i"),
            instrument.symbol,
            price=rows_of.size(row, "p", instrument.price),
            quantity=rows_of.size(row, "q", instrument.order_quantity),
            cumulative=rows_of.steps(row, "z", instrument.order_quantity),
            side=rows_of.side_of(row, "S"),
            at_ns=at_ns,
        )

    def _rejected(self, row: Fields, instrument: Instrument, client_id: str, at_ns: int) -> Fact:
        why = row.text("r") if row.has_text("r") else ""
        return Fact(
            OrderEvent.REJECTED,
            client_id,
            rows_of.identity(row, "i"),
            instrument.symbol,
            reason=_REASONS.get(why, RejectReason.OTHER),
            side=rows_of.side_of(row, "S"),
            at_ns=at_ns,
        )


def event_of(exchange: str, row: Fields, name: str) -> list[Fields]:
    """Return the objects of a list of an event.

    Raises
    ------
    VenueError
        If one is none.
    """
    found = []
    for each in row.rows(name):
        if not isinstance(each, Mapping):
            raise VenueError(f"{exchange}: {name} has {str(each)[:60]}")
        found.append(Fields(exchange, f"an element of {name}", each))
    return found
