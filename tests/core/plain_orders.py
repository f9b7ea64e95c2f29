"""What became of an order, defined from the set of its events: none knows what came before it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from alp._core.order_life import Contradiction, OrderState, RejectReason
from alp._core.order_life import OrderEvent as E


@dataclass(frozen=True)
class Event:
    """The arguments of ``OrderTable.apply``."""

    kind: E
    command: int = 0
    price: int = 0
    quantity: int = 0
    cumulative: int = -1
    trade_id: str = ""
    reason: int = 0
    venue_id: str = ""
    replaced: str = ""

    def given(self) -> dict[str, object]:
        return {name: value for name, value in vars(self).items() if name != "kind"}


@dataclass(frozen=True)
class End:
    """What the events of one order come to."""

    state: OrderState
    filled: int
    open_quantity: int
    open_price: int
    price: int
    quantity: int
    reason: RejectReason
    venue_id: str
    contradictions: Contradiction


Terms = tuple[int, int]  # quantity, price: the larger of two is the larger quantity


def _newest(events: set[Event], kind: E) -> int:
    return max((each.command for each in events if each.kind is kind), default=0)


def _amends(events: set[Event], kind: E) -> dict[int, set[Terms]]:
    found: dict[int, set[Terms]] = {}
    for each in events:
        if each.kind is kind:
            found.setdefault(each.command, set())
            if each.quantity:
                found[each.command].add((each.quantity, each.price))
    return found


def _terms(events: set[Event], sent: Terms) -> tuple[Terms, list[Terms], bool, bool]:
    """Terms in force, terms that may be, whether an amend is under way, and if it is unknown."""
    asked = _amends(events, E.AMEND_REQUESTED)
    acked = _amends(events, E.AMEND_ACKED)
    refused = _amends(events, E.AMEND_REFUSED)
    unknown = _amends(events, E.AMEND_UNKNOWN)
    candidates = [(0, 0, sent)]
    for command, terms in acked.items():
        known = terms or asked.get(command)
        if known:
            candidates.append((command, 0, max(known)))
    candidates += [
        (each.command, 1, (each.quantity, each.price)) for each in events if each.kind is E.FOUND
    ]
    # of two terms that a query found for one command the dearer, then the larger
    now = max(candidates, key=lambda each: (each[0], each[1], each[2][1], each[2][0]))[2]
    found = _newest(events, E.FOUND)
    pending = {
        command
        for command in asked.keys() | unknown.keys()
        if command not in acked and command not in refused and command > found
    }
    possible = [max(asked[command]) for command in pending if command in asked]
    return now, possible, bool(pending), bool(pending & unknown.keys())


def _flags(events: set[Event], sent: Terms, filled: int, ends: set[int]) -> Contradiction:
    kinds = {each.kind for each in events}
    asked = _amends(events, E.AMEND_REQUESTED)
    acked = _amends(events, E.AMEND_ACKED)
    refused = _amends(events, E.AMEND_REFUSED)
    totals = {sent[0]} | {
        each.quantity
        for each in events
        if each.quantity and each.kind in (E.AMEND_REQUESTED, E.AMEND_ACKED, E.FOUND)
    }
    trades: dict[str, set[Terms]] = {}
    for each in events:
        if each.kind is E.FILL:
            trades.setdefault(each.trade_id, set()).add((each.quantity, each.price))
    reasons = {each.reason for each in events if each.kind is E.REJECTED and each.reason}
    accepted = _newest(events, E.CANCEL_ACCEPTED)
    never = kinds & {E.REJECTED, E.NOT_FOUND, E.NOT_SENT}
    at_venue = kinds & {E.ACKED, E.FOUND, E.FILLED, E.CANCELED, E.EXPIRED}
    ways = kinds & {E.FILLED, E.CANCELED, E.EXPIRED, E.REJECTED}
    known = {each.venue_id for each in events if each.venue_id}
    gone = {each.replaced for each in events if each.replaced}
    wrong = {
        Contradiction.OVERFILLED: filled > max(totals),
        Contradiction.EVIDENCE: (
            (bool(never) and (filled > 0 or E.FILLED in kinds))
            or (bool(never - {E.REJECTED}) and bool(at_venue))
            or {E.NOT_SENT, E.REJECTED} <= kinds
        ),
        Contradiction.TWO_ENDS: len(ways) > 1 or len(reasons) > 1,
        Contradiction.END_DIFFERS: bool(ends)
        and (
            len(ends) > 1 or filled > max(ends) or (E.FILLED in kinds and max(ends) < min(totals))
        ),
        Contradiction.TRADE_DIFFERS: any(len(told) > 1 for told in trades.values()),
        Contradiction.TERMS_DIFFER: any(
            len(told) > 1 for told in [*asked.values(), *acked.values()]
        ),
        Contradiction.TWO_ANSWERS: bool(acked.keys() & refused.keys())
        or (accepted > 0 and accepted == _newest(events, E.CANCEL_REFUSED)),
        Contradiction.TWO_IDS: len(known - gone) > 1,
    }
    flags = Contradiction(0)
    for flag, is_so in wrong.items():
        if is_so:
            flags |= flag
    return flags


def end_of(side: int, price: int, quantity: int, happened: Iterable[Event]) -> End:
    """Define the end of an order from its events alone."""
    events = set(happened)
    kinds = {each.kind for each in events}
    trades: dict[str, Terms] = {}
    for each in events:
        if each.kind is E.FILL:
            told = (each.quantity, each.price)
            trades[each.trade_id] = max(told, trades.get(each.trade_id, (0, 0)))
    traded = sum(told[0] for told in trades.values())
    filled = max([traded, *(each.cumulative for each in events)])
    ended = {E.FILLED, E.CANCELED, E.EXPIRED}
    ends = {each.cumulative for each in events if each.kind in ended and each.cumulative >= 0}
    now, possible, amending, asking = _terms(events, (quantity, price))
    worst = max(total for total, _ in [now, *possible])
    flags = _flags(events, (quantity, price), filled, ends)

    refused = max(_newest(events, E.CANCEL_REFUSED), _newest(events, E.FOUND))
    accepted = _newest(events, E.CANCEL_ACCEPTED)
    asked = max(_newest(events, E.CANCEL_REQUESTED), accepted)
    lost = _newest(events, E.CANCEL_UNKNOWN)
    never = bool(kinds & {E.REJECTED, E.NOT_FOUND, E.NOT_SENT})
    proof = bool(kinds & (ended | {E.ACKED, E.FOUND}))
    if filled >= worst:
        state = OrderState.FILLED
    elif ends and filled == max(ends):
        state = next(
            OrderState[kind.name] for kind in (E.FILLED, E.EXPIRED, E.CANCELED) if kind in kinds
        )
    elif never and Contradiction.EVIDENCE not in flags and not kinds & ended:
        state = OrderState.REJECTED
    elif (
        never
        or (ends and filled > max(ends))
        or (E.UNKNOWN in kinds and not proof and filled == 0)
        or asking
        or lost > max(refused, accepted)
    ):
        state = OrderState.UNKNOWN
    elif kinds & {E.CANCELED, E.EXPIRED} or asked > refused:
        state = OrderState.PENDING_CANCEL
    elif amending:
        state = OrderState.PENDING_AMEND
    elif filled:
        state = OrderState.PARTIALLY_FILLED
    else:
        state = OrderState.ACKED if proof else OrderState.PENDING_NEW
    over = state in (
        OrderState.FILLED,
        OrderState.CANCELED,
        OrderState.REJECTED,
        OrderState.EXPIRED,
    )
    known = {each.venue_id for each in events if each.venue_id}
    gone = {each.replaced for each in events if each.replaced}
    return End(
        state=state,
        filled=filled,
        open_quantity=0 if over else worst - filled,
        open_price=max(each for _, each in [now, *possible]),
        price=now[1],
        quantity=now[0],
        reason=RejectReason(
            max((each.reason for each in events if each.kind is E.REJECTED), default=0)
        ),
        venue_id=max(known - gone, default=""),
        contradictions=flags,
    )
