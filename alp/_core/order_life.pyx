"""The life of an order: events in any order, one end; nothing said is lost or counted twice.

A state is derived from facts, which events only add to. An order has ended when it is proven: all
of its quantity is filled, or the event that ended it said how much was, and nothing says more.
Until then it counts with all that may still be filled, UNKNOWN orders too. docs/orders.md has the
table of what venues send.
"""

from enum import IntEnum, IntFlag

from libc.string cimport memset

from alp._core.uint256 cimport i64
from alp._core.wire cimport u32w


class OrderState(IntEnum):
    """Where an order is; ``ExecutionReport.state`` on the bus."""

    PENDING_NEW = STATE_PENDING_NEW
    ACKED = STATE_ACKED
    PARTIALLY_FILLED = STATE_PARTIALLY_FILLED
    FILLED = STATE_FILLED
    PENDING_CANCEL = STATE_PENDING_CANCEL
    PENDING_AMEND = STATE_PENDING_AMEND
    CANCELED = STATE_CANCELED
    REJECTED = STATE_REJECTED
    EXPIRED = STATE_EXPIRED
    UNKNOWN = STATE_UNKNOWN


class OrderEvent(IntEnum):
    """What can happen to an order, in every venue's words."""

    SENT = EVENT_SENT
    NOT_SENT = EVENT_NOT_SENT
    ACKED = EVENT_ACKED
    REJECTED = EVENT_REJECTED
    FILL = EVENT_FILL
    CUMULATIVE = EVENT_CUMULATIVE
    FILLED = EVENT_FILLED
    CANCEL_REQUESTED = EVENT_CANCEL_REQUESTED
    CANCEL_ACCEPTED = EVENT_CANCEL_ACCEPTED
    CANCEL_REFUSED = EVENT_CANCEL_REFUSED
    CANCEL_UNKNOWN = EVENT_CANCEL_UNKNOWN
    CANCELED = EVENT_CANCELED
    EXPIRED = EVENT_EXPIRED
    AMEND_REQUESTED = EVENT_AMEND_REQUESTED
    AMEND_ACKED = EVENT_AMEND_ACKED
    AMEND_REFUSED = EVENT_AMEND_REFUSED
    AMEND_UNKNOWN = EVENT_AMEND_UNKNOWN
    REPLACED = EVENT_REPLACED
    UNKNOWN = EVENT_UNKNOWN
    FOUND = EVENT_FOUND
    NOT_FOUND = EVENT_NOT_FOUND


class Contradiction(IntFlag):
    """What events said about one order that cannot all be true."""

    OVERFILLED = FLAG_OVERFILLED
    EVIDENCE = FLAG_EVIDENCE
    TWO_ENDS = FLAG_TWO_ENDS
    END_DIFFERS = FLAG_END_DIFFERS
    TRADE_DIFFERS = FLAG_TRADE_DIFFERS
    TERMS_DIFFER = FLAG_TERMS_DIFFER
    TWO_ANSWERS = FLAG_TWO_ANSWERS
    TWO_IDS = FLAG_TWO_IDS
    ID_TAKEN = FLAG_ID_TAKEN
    MEMORY = FLAG_MEMORY
    MALFORMED = FLAG_MALFORMED


class RejectReason(IntEnum):
    """Why a venue refused; ``ExecutionReport.reason`` on the bus."""

    NONE = REASON_NONE
    POST_ONLY = REASON_POST_ONLY
    BALANCE = REASON_BALANCE
    MARGIN = REASON_MARGIN
    PRICE_FILTER = REASON_PRICE_FILTER
    SIZE_FILTER = REASON_SIZE_FILTER
    NOTIONAL_FILTER = REASON_NOTIONAL_FILTER
    DUPLICATE_ID = REASON_DUPLICATE_ID
    RATE = REASON_RATE
    REDUCE_ONLY = REASON_REDUCE_ONLY
    SELF_MATCH = REASON_SELF_MATCH
    UNKNOWN_ORDER = REASON_UNKNOWN_ORDER
    HALTED = REASON_HALTED
    AUTH = REASON_AUTH
    CLOCK = REASON_CLOCK
    OTHER = REASON_OTHER


CONTRADICTIONS = {
    Contradiction.OVERFILLED: "more is filled than was ever asked for",
    Contradiction.EVIDENCE: "said never to have been at the venue, and it was",
    Contradiction.TWO_ENDS: "ended in two ways, or refused for two reasons",
    Contradiction.END_DIFFERS: "what was filled at its end differs from what was filled",
    Contradiction.TRADE_DIFFERS: "one trade id with two prices or quantities",
    Contradiction.TERMS_DIFFER: "one amend confirmed with two prices or quantities",
    Contradiction.TWO_ANSWERS: "one command both done and refused",
    Contradiction.TWO_IDS: "two ids at the venue, and neither replaced the other",
    Contradiction.ID_TAKEN: "the venue's id is another order's",
    Contradiction.MEMORY: "there was no room for a trade, an id or an amend",
    Contradiction.MALFORMED: "an event with a quantity, price or number that cannot be",
}

cdef enum:
    WAS_SENT = 1 << EVENT_SENT
    WAS_NOT_SENT = 1 << EVENT_NOT_SENT
    WAS_ACKED = 1 << EVENT_ACKED
    WAS_REJECTED = 1 << EVENT_REJECTED
    WAS_FILLED = 1 << EVENT_FILLED
    WAS_CANCELED = 1 << EVENT_CANCELED
    WAS_EXPIRED = 1 << EVENT_EXPIRED
    WAS_UNKNOWN = 1 << EVENT_UNKNOWN
    WAS_FOUND = 1 << EVENT_FOUND
    WAS_NOT_FOUND = 1 << EVENT_NOT_FOUND
    NEVER_WAS = WAS_REJECTED | WAS_NOT_FOUND | WAS_NOT_SENT
    ENDED = WAS_FILLED | WAS_CANCELED | WAS_EXPIRED
    AT_VENUE = WAS_ACKED | WAS_FOUND | ENDED

cdef extern from *:
    int popcount "__builtin_popcount"(unsigned int) nogil


cdef void life_open(OrderLife* life, int side, i64 price, i64 quantity) noexcept nogil:
    memset(life, 0, sizeof(OrderLife))
    life.side = <signed char>side
    life.price = life.settled.price = price
    life.quantity = life.settled.quantity = quantity
    life.most_quantity = life.least_quantity = quantity
    life.final_least = life.final_most = NO_QUANTITY
    life_derive(life)


cdef inline bint _raise(i64* most, i64 value) noexcept nogil:
    if value <= most[0]:
        return False
    most[0] = value
    return True


cdef inline bint _raise_number(u32w* most, u32w value) noexcept nogil:
    if value <= most[0]:
        return False
    most[0] = value
    return True


cdef inline bint _quantity(OrderLife* life, i64 quantity) noexcept nogil:
    """Remember a total quantity that the order may have."""
    cdef bint news = _raise(&life.most_quantity, quantity)
    if quantity < life.least_quantity:
        life.least_quantity = quantity
        return True
    return news


cdef bint _settle(
    OrderLife* life, u32w command, bint found, i64 price, i64 quantity
) noexcept nogil:
    """Take terms over where they are of a newer command; of two of one, any but always the same."""
    cdef Terms* now = &life.settled
    if command != now.command:
        if command < now.command:
            return False
    elif found != now.found:
        if not found:
            return False
    elif price < now.price or (price == now.price and quantity <= now.quantity):
        return False
    now.command, now.found, now.price, now.quantity = command, found, price, quantity
    return True


cdef inline bint _answered(const OrderLife* life, const Amend* amend) noexcept nogil:
    return amend.acked or amend.refused or amend.command <= life.found_command


cdef inline bint _pending(const OrderLife* life, const Amend* amend) noexcept nogil:
    return amend.command != 0 and not _answered(life, amend)


cdef inline i64 _acked_price(const Amend* amend) noexcept nogil:
    return amend.acked_price if amend.acked_price else amend.price


cdef inline i64 _acked_quantity(const Amend* amend) noexcept nogil:
    return amend.acked_quantity if amend.acked_quantity else amend.quantity


cdef Amend* _free_place(OrderLife* life) noexcept nogil:
    """A free place, or that of the oldest amend that has its answer."""
    cdef Amend* oldest = NULL
    cdef int i
    for i in range(MOST_AMENDS):
        if life.amends[i].command == 0:
            return &life.amends[i]
        if _answered(life, &life.amends[i]) and (
            oldest == NULL or life.amends[i].command < oldest.command
        ):
            oldest = &life.amends[i]
    if oldest == NULL:
        return NULL
    if oldest.acked:
        _settle(life, oldest.command, False, _acked_price(oldest), _acked_quantity(oldest))
    _raise_number(&life.forgotten_command, oldest.command)
    memset(oldest, 0, sizeof(Amend))
    return oldest


cdef bint _terms(
    OrderLife* life, i64* price, i64* quantity, const LifeEvent* event
) noexcept nogil:
    """Take terms over; of two for one amend the larger, and they are a contradiction."""
    if event.quantity == 0 or (price[0] == event.price and quantity[0] == event.quantity):
        return False
    if quantity[0]:
        life.sticky |= FLAG_TERMS_DIFFER
        if event.quantity < quantity[0] or (
            event.quantity == quantity[0] and event.price < price[0]
        ):
            return False
    price[0], quantity[0] = event.price, event.quantity
    return True


cdef int _amend(OrderLife* life, const LifeEvent* event) noexcept nogil:
    cdef Amend* amend = NULL
    cdef bint news = False
    cdef int i
    for i in range(MOST_AMENDS):
        if life.amends[i].command == event.command:
            amend = &life.amends[i]
    if amend == NULL:
        if event.command <= life.forgotten_command:
            return 0
        amend = _free_place(life)
        if amend == NULL:
            return -2
        amend.command = event.command
        news = True
    if event.kind == EVENT_AMEND_REQUESTED:
        news |= not amend.requested
        amend.requested = True
        news |= _terms(life, &amend.price, &amend.quantity, event)
    elif event.kind == EVENT_AMEND_ACKED:
        news |= not amend.acked
        amend.acked = True
        news |= _terms(life, &amend.acked_price, &amend.acked_quantity, event)
    elif event.kind == EVENT_AMEND_REFUSED:
        news |= not amend.refused
        amend.refused = True
    else:
        news |= not amend.unknown
        amend.unknown = True
    if amend.acked and amend.refused:
        life.sticky |= FLAG_TWO_ANSWERS
    if event.quantity > 0:
        news |= _quantity(life, event.quantity)
    return news


cdef inline bint _is_amend(int kind) noexcept nogil:
    return EVENT_AMEND_REQUESTED <= kind <= EVENT_AMEND_UNKNOWN


cdef inline bint _is_cancel(int kind) noexcept nogil:
    return EVENT_CANCEL_REQUESTED <= kind <= EVENT_CANCEL_UNKNOWN


cdef bint _malformed(const LifeEvent* event) noexcept nogil:
    if event.kind < 1 or event.kind > EVENT_LAST:
        return True
    if event.cumulative < NO_QUANTITY or event.quantity < 0 or event.price < 0:
        return True
    if (_is_amend(event.kind) or _is_cancel(event.kind)) and event.command == 0:
        return True
    if event.kind == EVENT_AMEND_REQUESTED or event.kind == EVENT_FOUND:
        return event.quantity == 0 or event.price == 0
    if event.kind == EVENT_AMEND_ACKED:
        return (event.quantity == 0) != (event.price == 0)
    if event.kind == EVENT_CUMULATIVE:
        return event.cumulative < 0
    return event.kind == EVENT_FILL and (event.quantity == 0 or event.trade == 0)


cdef int life_merge(OrderLife* life, const LifeEvent* event) noexcept nogil:
    """Add an event to the facts. A fill's own quantity is the caller's, who knows the trade ids."""
    cdef u32w bit
    cdef u32w sticky = life.sticky
    cdef int amended
    cdef bint news
    if _malformed(event):
        life.sticky |= FLAG_MALFORMED
        return -1
    if _is_amend(event.kind):
        amended = _amend(life, event)
        if amended < 0:
            if event.kind != EVENT_AMEND_REQUESTED:     # that one is ours, and was not sent
                life.sticky |= FLAG_MEMORY
            return amended
        news = amended != 0
    else:
        bit = <u32w>1 << event.kind
        news = not life.seen & bit and event.kind != EVENT_FILL
        life.seen |= bit
    if event.kind == EVENT_CANCEL_REQUESTED:
        news = _raise_number(&life.cancel_requested, event.command)
    elif event.kind == EVENT_CANCEL_ACCEPTED:
        news = _raise_number(&life.cancel_accepted, event.command)
    elif event.kind == EVENT_CANCEL_REFUSED:
        news = _raise_number(&life.cancel_refused, event.command)
    elif event.kind == EVENT_CANCEL_UNKNOWN:
        news = _raise_number(&life.cancel_unknown, event.command)
    elif event.kind == EVENT_FOUND:
        news |= _raise_number(&life.found_command, event.command)
        news |= _settle(life, event.command, True, event.price, event.quantity)
        news |= _quantity(life, event.quantity)
    elif event.kind == EVENT_REJECTED:
        if life.reason and event.reason and life.reason != event.reason:
            life.sticky |= FLAG_TWO_ENDS
        if event.reason > life.reason:
            life.reason = event.reason
            news = True
    elif event.cumulative >= 0 and (
        event.kind == EVENT_CANCELED or event.kind == EVENT_EXPIRED or event.kind == EVENT_FILLED
    ):
        news |= _raise(&life.final_most, event.cumulative)
        if life.final_least < 0 or event.cumulative < life.final_least:
            life.final_least = event.cumulative
            news = True
    news |= _raise(&life.cumulative, event.cumulative)
    return news or sticky != life.sticky


cdef void _derive_terms(OrderLife* life, i64* worst, bint* amending, bint* asking) noexcept nogil:
    """The terms in force, and the worst of those that may be."""
    cdef const Amend* amend
    cdef Terms now = life.settled
    cdef i64 lowest, highest
    cdef int i
    amending[0] = asking[0] = False
    for i in range(MOST_AMENDS):
        amend = &life.amends[i]
        if amend.acked and _acked_quantity(amend) and amend.command > now.command:
            now.command = amend.command
            now.price, now.quantity = _acked_price(amend), _acked_quantity(amend)
    life.price_now, life.quantity_now = now.price, now.quantity
    worst[0] = now.quantity
    lowest = highest = now.price
    for i in range(MOST_AMENDS):
        amend = &life.amends[i]
        if not _pending(life, amend):
            continue
        amending[0] = True
        asking[0] = asking[0] or amend.unknown
        if amend.quantity > worst[0]:
            worst[0] = amend.quantity
        if amend.price > highest:
            highest = amend.price
        if amend.price and amend.price < lowest:
            lowest = amend.price
    life.open_price = highest
    life.touch_price = highest if life.side > 0 else lowest


cdef u32w _derive_flags(const OrderLife* life) noexcept nogil:
    cdef u32w flags = life.sticky
    cdef u32w seen = life.seen
    cdef u32w never = seen & NEVER_WAS
    if life.filled > life.most_quantity:
        flags |= FLAG_OVERFILLED
    if (never and (life.filled > 0 or seen & WAS_FILLED)) or (
        never & (WAS_NOT_FOUND | WAS_NOT_SENT) and seen & AT_VENUE
    ) or (never & WAS_NOT_SENT and never & WAS_REJECTED):
        flags |= FLAG_EVIDENCE
    if popcount(seen & (ENDED | WAS_REJECTED)) > 1:
        flags |= FLAG_TWO_ENDS
    if life.final_most >= 0 and (
        life.final_most != life.final_least or life.filled > life.final_most
        or (seen & WAS_FILLED and life.final_most < life.least_quantity)
    ):
        flags |= FLAG_END_DIFFERS
    if life.cancel_accepted and life.cancel_accepted == life.cancel_refused:
        flags |= FLAG_TWO_ANSWERS
    if life.two_ids:
        flags |= FLAG_TWO_IDS
    return flags


cdef int _derive_open(const OrderLife* life, bint amending, bint asking) noexcept nogil:
    """The state of an order that is not proven to have ended."""
    cdef u32w seen = life.seen
    cdef u32w answered = life.cancel_refused
    cdef u32w cancel = life.cancel_requested
    if life.found_command > answered:
        answered = life.found_command
    if life.cancel_accepted > cancel:
        cancel = life.cancel_accepted
    if seen & NEVER_WAS or (life.final_most >= 0 and life.filled > life.final_most):
        return STATE_UNKNOWN
    if seen & WAS_UNKNOWN and not seen & AT_VENUE and life.filled == 0:
        return STATE_UNKNOWN
    if asking or (life.cancel_unknown > answered and life.cancel_unknown > life.cancel_accepted):
        return STATE_UNKNOWN
    if seen & (WAS_CANCELED | WAS_EXPIRED) or cancel > answered:
        return STATE_PENDING_CANCEL
    if amending:
        return STATE_PENDING_AMEND
    if life.filled > 0:
        return STATE_PARTIALLY_FILLED
    return STATE_ACKED if seen & AT_VENUE else STATE_PENDING_NEW


cdef void life_derive(OrderLife* life) noexcept nogil:
    """Say what follows from the facts."""
    cdef i64 worst
    cdef bint amending, asking
    cdef u32w seen = life.seen
    life.filled = life.traded if life.traded > life.cumulative else life.cumulative
    _derive_terms(life, &worst, &amending, &asking)
    life.flags = _derive_flags(life)
    if life.filled >= worst:
        life.state = STATE_FILLED
    elif seen & ENDED and life.final_most >= 0 and life.filled == life.final_most:
        if seen & WAS_FILLED:
            life.state = STATE_FILLED
        else:
            life.state = STATE_EXPIRED if seen & WAS_EXPIRED else STATE_CANCELED
    elif seen & NEVER_WAS and not life.flags & FLAG_EVIDENCE and not seen & ENDED:
        life.state = STATE_REJECTED
    else:
        life.state = _derive_open(life, amending, asking)
    life.open_quantity = 0 if is_terminal(life.state) else worst - life.filled


cdef i64 life_open_after(const OrderLife* life, i64 quantity) noexcept nogil:
    cdef i64 after = quantity - life.filled
    return after if after > life.open_quantity else life.open_quantity


cdef bint life_has_place(const OrderLife* life) noexcept nogil:
    cdef int i
    for i in range(MOST_AMENDS):
        if life.amends[i].command == 0 or _answered(life, &life.amends[i]):
            return True
    return False


cdef bint life_wants_query(const OrderLife* life) noexcept nogil:
    """Whether only the venue can say what became of it."""
    return not is_terminal(life.state) and (
        life.state == STATE_UNKNOWN or life.seen & ENDED != 0 or life.flags != 0
    )
