"""The gate's rules in plain Python, over orders whose exposure is defined by their events."""

from __future__ import annotations

from dataclasses import dataclass, field

from plain_orders import End, Event, end_of

from alp._core.gate import AccountRules, GateState, InstrumentRules, Refusal
from alp._core.order_life import OrderEvent as E
from alp._core.order_life import OrderState
from alp._core.wire import HeaderFields, OrderCommandMessage, encode

NEW, AMEND, CANCEL, CANCEL_ALL = 1, 2, 3, 4
TOKEN = 7
OVER = {OrderState.FILLED, OrderState.CANCELED, OrderState.REJECTED, OrderState.EXPIRED}


def command(
    client_id: str,
    action: int,
    side: int = 1,
    price: int = 1_000,
    quantity: int = 5,
    instrument: int = 0,
    token: int = TOKEN,
    deadline_ns: int = 0,
) -> bytes:
    """The bytes of an order command."""
    header = HeaderFields(0, instrument, 0, 0, 0)
    return encode(
        OrderCommandMessage(
            header, client_id, token, price, quantity, deadline_ns, action, side, 1, 0
        )
    )


@dataclass
class PlainOrder:
    instrument: int
    side: int
    price: int
    quantity: int
    events: list[Event] = field(default_factory=list)

    def end(self) -> End:
        return end_of(self.side, self.price, self.quantity, self.events)

    def resting(self) -> list[int]:
        """Prices it may rest at; none once it has ended."""
        end = self.end()
        if end.state in OVER:
            return []
        answered = {
            each.command for each in self.events if each.kind in (E.AMEND_ACKED, E.AMEND_REFUSED)
        }
        asked = [
            each.price
            for each in self.events
            if each.kind is E.AMEND_REQUESTED and each.command not in answered
        ]
        return [end.price, *asked]


@dataclass
class PlainTokens:
    interval_ns: int = 0
    burst: int = 0
    reserve: int = 0
    credit: int | None = None
    at_ns: int = 0

    def now(self, now_ns: int) -> int:
        most = self.interval_ns * self.burst
        return most if self.credit is None else min(most, self.credit + now_ns - self.at_ns)

    def enough(self, now_ns: int) -> bool:
        enough = self.now(now_ns) >= self.interval_ns * (1 + self.reserve)
        return self.burst > self.reserve and enough

    def take(self, now_ns: int) -> None:
        least = -self.interval_ns * self.burst
        self.credit = max(self.now(now_ns) - self.interval_ns, least)
        self.at_ns = now_ns


@dataclass
class PlainGate:
    """What the compiled gate must answer; the market is always fresh and the clock right here."""

    instruments: list[tuple[int, int]]
    rules: list[InstrumentRules]
    account: AccountRules
    combined_max: list[int]
    reference_twice: int
    state: GateState = GateState.ACTIVE
    orders: dict[str, PlainOrder] = field(default_factory=dict)
    recent: list[tuple[int, tuple[int, int, int, int]]] = field(default_factory=list)
    fills: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    tokens: PlainTokens = field(default_factory=PlainTokens)
    venue: PlainTokens = field(default_factory=PlainTokens)
    external: int = 0

    def worst(self, instrument: int, side: int) -> int:
        """The position that may be reached on a side, its direction positive."""
        own = [each for each in self.orders.values() if each.instrument == instrument]
        held = sum(each.side * each.end().filled for each in own)
        return side * held + sum(each.end().open_quantity for each in own if each.side == side)

    def worst_combined(self, group: int, side: int) -> int:
        return side * self.external * (group == 0) + sum(
            self.worst(at, side) * unit
            for at, (own, unit) in enumerate(self.instruments)
            if own == group
        )

    def check(
        self,
        client_id: str,
        action: int,
        side: int,
        price: int,
        quantity: int,
        instrument: int,
        now_ns: int,
    ) -> Refusal | None:
        if action in (CANCEL, CANCEL_ALL):
            return None
        if self.state is GateState.HALTED:
            return Refusal.HALTED
        before = self.orders.get(client_id)
        more = quantity
        notional = quantity * price
        if action == NEW and before is not None:
            return Refusal.DUPLICATE
        if action == AMEND:
            if before is None:
                return Refusal.INVALID
            end = before.end()
            refusable = {*OVER, OrderState.UNKNOWN, OrderState.PENDING_CANCEL}
            if end.state in refusable or quantity <= end.filled:
                return Refusal.INVALID
            if (before.side, before.instrument) != (side, instrument):
                return Refusal.INVALID
            after = max(quantity - end.filled, end.open_quantity)
            more = after - end.open_quantity
            notional = after * max(price, end.open_price) - end.open_quantity * end.open_price
        limits = self.rules[instrument]
        group, unit = self.instruments[instrument]
        on_side = sum(
            each.end().open_quantity * each.end().open_price
            for each in self.orders.values()
            if (each.instrument, each.side) == (instrument, side)
        )
        off = abs(2 * price - self.reference_twice)
        resting = [
            (own, at)
            for own in self.orders.values()
            if own.instrument == instrument and own.side == -side
            for at in own.resting()
        ]
        same = (instrument, side, price, quantity)
        window = self.account.duplicate_window_ns
        latest = self.fills.get((instrument, side), [])[-limits.fills_max :]
        combined = self.worst_combined(group, side) + more * unit
        wrong = {
            Refusal.NOT_ALLOWED: not limits.allowed,
            Refusal.SIZE_MAX: quantity > limits.size_max,
            Refusal.NOTIONAL_MAX: quantity * price > limits.notional_max
            or (notional > 0 and on_side + notional > limits.open_notional_max),
            Refusal.COLLAR: off * 10_000 > limits.collar_bps * self.reference_twice
            or off > 2 * limits.collar_ticks,
            Refusal.DUPLICATE: action == NEW
            and any(now_ns - at <= window and told == same for at, told in self.recent),
            Refusal.SELF_MATCH: any((at - price) * side <= 0 for _, at in resting),
            Refusal.FILL_BURST: limits.fills_max == 0
            or (len(latest) == limits.fills_max and now_ns - latest[0] <= limits.fill_window_ns),
            Refusal.POSITION: more > 0
            and self.worst(instrument, side) + more > limits.position_max,
            Refusal.COMBINED_DELTA: more > 0 and combined > self.combined_max[group],
            Refusal.REDUCING: self.state is GateState.REDUCING and more > 0 and combined > 0,
            Refusal.RATE_STRATEGY: not self.tokens.enough(now_ns),
            Refusal.RATE_VENUE: not self.venue.enough(now_ns),
        }
        return next((code for code, is_so in wrong.items() if is_so), None)
