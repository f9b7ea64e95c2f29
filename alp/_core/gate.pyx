"""The risk gate: an order leaves only if every limit holds for the worst that may then happen.

One pass over a command, integers only; the first limit that does not hold is the answer. A limit of
zero lets nothing through, so a gate that nobody configured is closed. What passed is counted in the
table of orders in the same step, so two orders cannot both use the same room.
"""

cimport cython
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset

from enum import IntEnum
from typing import NamedTuple

from alp._core.order_life cimport (
    EVENT_AMEND_REQUESTED,
    EVENT_CANCEL_REQUESTED,
    NO_QUANTITY,
    STATE_PENDING_CANCEL,
    STATE_UNKNOWN,
    LifeEvent,
    is_terminal,
    life_has_place,
    life_open_after,
)
from alp._core.order_store cimport (
    BUY,
    FILL_TIMES,
    SELL,
    GroupBook,
    InstrumentBook,
    Order,
    Orders,
    largest,
    orders_apply,
    orders_by_client,
    orders_open,
)
from alp._core.orders cimport OrderTable
from alp._core.token_bucket cimport bucket_has_token, bucket_take_token
from alp._core.uint256 cimport i64, i128, u64
from alp._core.wire cimport CLIENT_ID, KIND_ORDER_COMMAND, OrderCommand, check_message

NO_LIMIT = (1 << 62) - 1


class Refusal(IntEnum):
    """Why a command may not leave."""

    SIZE_MAX = REFUSED_SIZE_MAX
    NOTIONAL_MAX = REFUSED_NOTIONAL_MAX
    COLLAR = REFUSED_COLLAR
    DUPLICATE = REFUSED_DUPLICATE
    RATE_STRATEGY = REFUSED_RATE_STRATEGY
    RATE_VENUE = REFUSED_RATE_VENUE
    FILL_BURST = REFUSED_FILL_BURST
    POSITION = REFUSED_POSITION
    COMBINED_DELTA = REFUSED_COMBINED_DELTA
    DRAWDOWN = REFUSED_DRAWDOWN
    STALE_BOOK = REFUSED_STALE_BOOK
    CLOCK = REFUSED_CLOCK
    SELF_MATCH = REFUSED_SELF_MATCH
    NOT_ALLOWED = REFUSED_NOT_ALLOWED
    REDUCING = REFUSED_REDUCING
    HALTED = REFUSED_HALTED
    KILLED = REFUSED_KILLED
    FENCED = REFUSED_FENCED
    INVALID = REFUSED_INVALID
    FULL = REFUSED_FULL
    FOREIGN_ID = REFUSED_FOREIGN_ID


# What each means: for documentation, logs and the help of metrics.
REFUSALS = {
    Refusal.SIZE_MAX: "more lots than one order may have",
    Refusal.NOTIONAL_MAX: "worth more than one order, or all open ones of a side, may be",
    Refusal.COLLAR: "too far from a second source's price, or there is no fresh one",
    Refusal.DUPLICATE: "the same order again within the window, or an id in use",
    Refusal.RATE_STRATEGY: "the strategy orders too often",
    Refusal.RATE_VENUE: "the venue's rate, less what is kept for cancels, is used up",
    Refusal.FILL_BURST: "this side was filled too often within the window",
    Refusal.POSITION: "the position at this venue could become too large",
    Refusal.COMBINED_DELTA: "the position over all venues and holdings could become too large",
    Refusal.DRAWDOWN: "a loss limit is reached",
    Refusal.STALE_BOOK: "the venue's book is not live, or too old",
    Refusal.CLOCK: "the clock is off, or was not compared lately",
    Refusal.SELF_MATCH: "it could trade with an own order",
    Refusal.NOT_ALLOWED: "the instrument is not on the list",
    Refusal.REDUCING: "only what lowers the exposure may leave",
    Refusal.HALTED: "only cancels may leave",
    Refusal.KILLED: "the kill switch is set and was not released",
    Refusal.FENCED: "another writer owns the account",
    Refusal.INVALID: "no such command, order, side, price or quantity, or after its deadline",
    Refusal.FULL: "no room to keep track of one more order or amend",
    Refusal.FOREIGN_ID: "a new order's id is not one of this account's and this writer's",
}


class GateState(IntEnum):
    """What may leave at all."""

    ACTIVE = GATE_ACTIVE
    REDUCING = GATE_REDUCING
    HALTED = GATE_HALTED


class InstrumentRules(NamedTuple):
    """Limits of one instrument: lots, ticks, nanoseconds; a zero maximum lets nothing through."""

    allowed: bool = False
    venue: int = 0
    size_max: int = 0
    notional_max: int = 0
    open_notional_max: int = 0
    position_max: int = 0
    collar_bps: int = 0
    collar_ticks: int = 0
    reference_age_ns: int = 0
    book_age_ns: int = 0
    fills_max: int = 0
    fill_window_ns: int = 0


class AccountRules(NamedTuple):
    """Limits of the strategy as a whole; an interval or a window of zero is no limit."""

    strategy_interval_ns: int = 0
    strategy_burst: int = 0
    duplicate_window_ns: int = 0
    clock_offset_ns: int = 0
    clock_age_ns: int = 0


cdef inline bint _outside_collar(const GateBook* book, i64 price, i64 now_ns) noexcept nogil:
    cdef i64 reference = book.sight.reference_twice
    cdef i64 off = 2 * price - reference
    if reference <= 0 or now_ns - book.sight.reference_ns > book.limits.reference_age_ns:
        return True
    if off < 0:
        off = -off
    return (
        <i128>off * 10000 > <i128>book.limits.collar_bps * reference
        or <i128>off > <i128>book.limits.collar_ticks * 2
    )


cdef bint _repeats(const Gatehouse* gate, const OrderCommand* command, i64 now_ns) noexcept nogil:
    """Whether an equal order passed within the window."""
    cdef const Passed* passed
    cdef u64 back
    for back in range(1, RECENT + 1):
        if back > gate.opened:
            return False
        passed = &gate.recent[(gate.opened - back) % RECENT]
        if now_ns - passed.at_ns > gate.account.duplicate_window_ns:
            return False
        if (
            passed.instrument == command.header.instrument and passed.side == command.side
            and passed.price == command.price and passed.quantity == command.quantity
        ):
            return True
    return False


cdef bint _meets_own(const Orders* orders, const OrderCommand* command) noexcept nogil:
    """Whether it could trade with an own order, at any price that one may rest at."""
    cdef int other = SELL if command.side > 0 else BUY
    cdef int at = orders.books[command.header.instrument].first[other]
    while at >= 0:
        if (orders.orders[at].life.touch_price - command.price) * command.side <= 0:
            return True
        at = orders.orders[at].next
    return False


cdef inline bint _too_many_fills(
    const InstrumentBook* book, const InstrumentLimits* limits, int side, i64 now_ns
) noexcept nogil:
    cdef i64 most = limits.fills_max if limits.fills_max < FILL_TIMES else FILL_TIMES
    if most <= 0:
        return True
    if book.fills[side] < most:
        return False
    return now_ns - book.fill_ns[side][(book.fills[side] - most) % FILL_TIMES] <= (
        limits.fill_window_ns
    )


cdef int _check_order(
    const Gatehouse* gate, const Orders* orders, const OrderCommand* command, int place, i64 more,
    i128 more_notional, i64 now_ns
) noexcept nogil:
    """The limits; ``more`` is what the command adds to what may be open at worst."""
    cdef const GateBook* gate_book = &gate.books[command.header.instrument]
    cdef const InstrumentLimits* limits = &gate_book.limits
    cdef const InstrumentBook* book = &orders.books[command.header.instrument]
    cdef const GroupBook* total = &orders.totals[book.group]
    cdef int side = BUY if command.side > 0 else SELL
    cdef i128 could = book.position * command.side + book.open_quantity[side] + more
    cdef i128 all_could = total.net * command.side + total.open_quantity[side] + (
        <i128>more * book.unit
    )
    if limits.allowed == 0 or limits.venue < 0 or limits.venue >= gate.venues:
        return REFUSED_NOT_ALLOWED
    if gate.drawdown:
        return REFUSED_DRAWDOWN
    if (
        gate.clock_offset_ns > gate.account.clock_offset_ns
        or gate.clock_offset_ns < -gate.account.clock_offset_ns
        or now_ns - gate.clock_ns > gate.account.clock_age_ns
    ):
        return REFUSED_CLOCK
    if not gate_book.sight.book_live or now_ns - gate_book.sight.book_ns > limits.book_age_ns:
        return REFUSED_STALE_BOOK
    if command.quantity > limits.size_max:
        return REFUSED_SIZE_MAX
    if <i128>command.quantity * command.price > limits.notional_max or (
        more_notional > 0
        and book.open_notional[side] + more_notional > limits.open_notional_max
    ):
        return REFUSED_NOTIONAL_MAX
    if _outside_collar(gate_book, command.price, now_ns):
        return REFUSED_COLLAR
    if place < 0 and _repeats(gate, command, now_ns):
        return REFUSED_DUPLICATE
    if _meets_own(orders, command):
        return REFUSED_SELF_MATCH
    if _too_many_fills(book, limits, side, now_ns):
        return REFUSED_FILL_BURST
    if more > 0 and could > limits.position_max:
        return REFUSED_POSITION
    if more > 0 and all_could > gate.combined_max[book.group]:
        return REFUSED_COMBINED_DELTA
    # filled to the last lot it may not turn the position over: only then is nothing added
    if gate.state == GATE_REDUCING and more > 0 and all_could > 0:
        return REFUSED_REDUCING
    if not bucket_has_token(&gate.strategy, now_ns):
        return REFUSED_RATE_STRATEGY
    if not bucket_has_token(&gate.buckets[limits.venue], now_ns):
        return REFUSED_RATE_VENUE
    return PASSED


cdef int _check_amend(
    const Gatehouse* gate, const Orders* orders, const OrderCommand* command, int place, i64 now_ns
) noexcept nogil:
    cdef const Order* order
    cdef i64 after
    cdef i64 price
    if place < 0:
        return REFUSED_INVALID
    order = &orders.orders[place]
    if (
        is_terminal(order.life.state) or order.life.state == STATE_UNKNOWN
        or order.life.state == STATE_PENDING_CANCEL or order.life.side != command.side
        or order.instrument != command.header.instrument
        or command.quantity <= order.life.filled
    ):
        return REFUSED_INVALID
    if not life_has_place(&order.life):
        return REFUSED_FULL
    after = life_open_after(&order.life, command.quantity)
    price = order.life.open_price if order.life.open_price > command.price else command.price
    return _check_order(
        gate, orders, command, place, after - order.life.open_quantity,
        <i128>after * price - order.notional, now_ns,
    )


cdef bint _is_own(const Gatehouse* gate, const char* client_id) noexcept nogil:
    """Whether an order would be known as ours by its id, wherever it is found again."""
    cdef int end = gate.own_bytes + gate.own_digits
    cdef int at
    if gate.own_bytes == 0:
        return True
    if memcmp(client_id, gate.own, gate.own_bytes) != 0:
        return False
    for at in range(gate.own_bytes, end):
        if not (c'0' <= client_id[at] <= c'9' or c'a' <= client_id[at] <= c'z'):
            return False
    return client_id[end] == 0


cdef int gate_check(
    const Gatehouse* gate, const Orders* orders, const OrderCommand* command, i64 now_ns
) noexcept nogil:
    """Say why a command may not leave, or that it may."""
    cdef int place
    if command.token != gate.token or gate.token == 0:
        return REFUSED_FENCED
    if command.action == ACTION_CANCEL or command.action == ACTION_CANCEL_ALL:
        return PASSED
    if gate.killed:
        return REFUSED_KILLED
    if gate.state != GATE_ACTIVE and gate.state != GATE_REDUCING:
        return REFUSED_HALTED
    if (
        (command.action != ACTION_NEW and command.action != ACTION_AMEND)
        or command.header.instrument >= gate.instruments
        or (command.side != 1 and command.side != -1)
        or not (0 < command.price <= largest() and 0 < command.quantity <= largest())
        or command.client_id[0] == 0
        or (command.deadline_ns and now_ns > command.deadline_ns)
    ):
        return REFUSED_INVALID
    place = orders_by_client(orders, command.client_id)
    if command.action == ACTION_AMEND:
        return _check_amend(gate, orders, command, place, now_ns)
    if not _is_own(gate, command.client_id):
        return REFUSED_FOREIGN_ID
    if place >= 0:
        return REFUSED_DUPLICATE
    if orders.free_order < 0:
        return REFUSED_FULL
    return _check_order(
        gate, orders, command, -1, command.quantity, <i128>command.quantity * command.price, now_ns
    )


cdef void _note_request(
    Orders* orders, const OrderCommand* command, i64 now_ns, Approval* approval
) noexcept nogil:
    """Tell the order that an amend or a cancel is on its way."""
    cdef LifeEvent event
    memset(&event, 0, sizeof(LifeEvent))
    event.cumulative = NO_QUANTITY
    event.at_ns = now_ns
    event.command = approval.number = orders.orders[approval.place].commands + 1
    if command.action == ACTION_AMEND:
        event.kind = EVENT_AMEND_REQUESTED
        event.price, event.quantity = command.price, command.quantity
    else:
        event.kind = EVENT_CANCEL_REQUESTED
    orders_apply(orders, approval.place, &event)


cdef int gate_approve(
    Gatehouse* gate, Orders* orders, const OrderCommand* command, i64 now_ns, Approval* approval
) noexcept nogil:
    """Check a command and, if it may leave, count it before anything else can happen."""
    cdef int code = gate_check(gate, orders, command, now_ns)
    cdef int instrument = command.header.instrument
    cdef Passed* passed
    if code != PASSED:
        gate.refused[code] += 1
        return code
    approval.number = 0
    approval.place = -1
    if command.action == ACTION_NEW:
        approval.place = orders_open(
            orders, command.client_id, instrument, command.side, command.price, command.quantity
        )
        if approval.place < 0:
            gate.refused[REFUSED_FULL] += 1
            return REFUSED_FULL
    elif command.action != ACTION_CANCEL_ALL:
        approval.place = orders_by_client(orders, command.client_id)
        if approval.place >= 0:
            _note_request(orders, command, now_ns, approval)
    if command.action == ACTION_NEW:
        passed = &gate.recent[gate.opened % RECENT]
        gate.opened += 1
        passed.at_ns, passed.instrument, passed.side = now_ns, instrument, command.side
        passed.price, passed.quantity = command.price, command.quantity
    if command.action == ACTION_NEW or command.action == ACTION_AMEND:
        bucket_take_token(&gate.strategy, now_ns)
    if instrument < gate.instruments and 0 <= gate.books[instrument].limits.venue < gate.venues:
        bucket_take_token(&gate.buckets[gate.books[instrument].limits.venue], now_ns)
    gate.passed += 1
    approval.sequence = gate.passed
    memcpy(&approval.command, command, sizeof(OrderCommand))
    return PASSED


cdef bint _minting = False


@cython.final
@cython.freelist(64)
cdef class RiskApproved:
    """A command that passed the gate. Only the gate makes one; a handler takes nothing else."""

    def __cinit__(self):
        if not _minting:
            raise TypeError("only the gate approves: there is no other RiskApproved")

    def __reduce__(self):
        raise TypeError("an approval is not to be copied")

    @property
    def command(self):
        """The bytes of the approved ``OrderCommand``."""
        return (<const char*>&self.approval.command)[:sizeof(OrderCommand)]

    @property
    def sequence(self):
        """The approval's number, from 1, without gaps."""
        return self.approval.sequence

    @property
    def number(self):
        """Which amend or cancel of its order it is; 0 for a new order."""
        return self.approval.number


cdef class Gate:
    """The gate of one account.

    Parameters
    ----------
    orders
        The account's orders, whose exposure counts and where what passes is opened.
    venues
        How many venues have a rate of their own.

    Raises
    ------
    ValueError
        If there is no venue.
    """

    def __cinit__(self, OrderTable orders not None, int venues=1):
        if not 0 < venues < 1 << 16:
            raise ValueError(f"{venues} venues")
        self.orders = orders
        self.house.instruments = orders.orders.instruments
        self.house.groups = orders.orders.groups
        self.house.venues = venues
        self.house.state = GATE_HALTED
        self.house.books = <GateBook*>calloc(self.house.instruments, sizeof(GateBook))
        self.house.buckets = <Bucket*>calloc(venues, sizeof(Bucket))
        self.house.combined_max = <i64*>calloc(self.house.groups, sizeof(i64))
        if (
            self.house.books == NULL or self.house.buckets == NULL
            or self.house.combined_max == NULL
        ):
            raise MemoryError

    def __dealloc__(self):
        free(self.house.books)
        free(self.house.buckets)
        free(self.house.combined_max)

    def set_instrument(self, int instrument, rules):
        """Set the limits of an instrument: an ``InstrumentRules``."""
        cdef InstrumentLimits limits
        self._instrument(instrument)
        if min(rules) < 0 or max(rules) > NO_LIMIT or not rules.venue < self.house.venues:
            raise ValueError(f"no limits: {rules}")
        (
            limits.allowed, limits.venue, limits.size_max, limits.notional_max,
            limits.open_notional_max, limits.position_max, limits.collar_bps, limits.collar_ticks,
            limits.reference_age_ns, limits.book_age_ns, limits.fills_max, limits.fill_window_ns,
        ) = rules
        self.house.books[instrument].limits = limits

    def set_account(self, rules):
        """Set the limits of the strategy: an ``AccountRules``."""
        cdef AccountLimits limits
        if min(rules) < 0 or max(rules) > NO_LIMIT:
            raise ValueError(f"no limits: {rules}")
        (
            limits.strategy_interval_ns, limits.strategy_burst, limits.duplicate_window_ns,
            limits.clock_offset_ns, limits.clock_age_ns,
        ) = rules
        self._rate(&self.house.strategy, limits.strategy_interval_ns, limits.strategy_burst, 0)
        self.house.account = limits

    def set_venue(self, int venue, i64 interval_ns, i64 burst, i64 reserve):
        """Set a venue's rate: a token each interval, so many at once, some for cancels only."""
        if not 0 <= venue < self.house.venues:
            raise ValueError(f"there is no venue {venue}")
        self._rate(&self.house.buckets[venue], interval_ns, burst, reserve)

    def set_combined(self, int group, i64 units):
        """Set how large a group's position may become, long or short, in its units."""
        if not 0 <= group < self.house.groups or not 0 <= units <= NO_LIMIT:
            raise ValueError(f"group {group} with {units} units")
        self.house.combined_max[group] = units

    def see_book(self, int instrument, bint live, i64 at_ns):
        """Say how the venue's own book is."""
        self._instrument(instrument)
        self.house.books[instrument].sight.book_live = live
        self.house.books[instrument].sight.book_ns = at_ns

    def see_reference(self, int instrument, i64 bid, i64 ask, i64 at_ns):
        """Say what a second source quotes, in ticks of this instrument; 0 where it has no quote."""
        self._instrument(instrument)
        if not 0 <= bid <= largest() or not 0 <= ask <= largest():
            raise ValueError(f"a reference of {bid} and {ask}")
        self.house.books[instrument].sight.reference_twice = bid + ask if bid and ask else 0
        self.house.books[instrument].sight.reference_ns = at_ns

    def see_clock(self, i64 offset_ns, i64 at_ns):
        """Say how far the clock is from the venue's."""
        self.house.clock_offset_ns, self.house.clock_ns = offset_ns, at_ns

    def see_drawdown(self, u64 flags):
        """Say which loss limits are reached; 0 for none."""
        self.house.drawdown = flags

    def set_state(self, int state):
        """Set what may leave at all: a ``GateState``."""
        self.house.state = GateState(state)

    def fence(self, u64 token):
        """Take the account over with a newer token; commands with another are refused."""
        if token <= self.house.token:
            raise ValueError(f"token {token} is not newer than {self.house.token}")
        self.house.token = token

    def own(self, str prefix not None, int digits):
        """Say what ids of new orders are: `prefix`, then so many digits of base 36."""
        cdef bytes text = prefix.encode("ascii")
        if not text or digits < 0 or len(text) + digits >= sizeof(self.house.own):
            raise ValueError(f"no ids: {prefix!r} and {digits} digits")
        memcpy(self.house.own, <const char*>text, len(text))
        self.house.own_bytes, self.house.own_digits = len(text), digits

    def kill(self):
        """Let nothing but cancels leave until :meth:`release`."""
        self.house.killed = True

    def release(self):
        """Take the kill switch back; the state is HALTED until it is set."""
        if self.house.killed:
            self.house.killed = False
            self.house.state = GATE_HALTED

    def check(self, const unsigned char[::1] command not None, i64 now_ns):
        """Return why an ``OrderCommand``'s bytes would be refused, or None; nothing is counted."""
        cdef int code
        cdef const OrderCommand* given = self._read(command)
        with nogil:
            code = gate_check(&self.house, &self.orders.orders, given, now_ns)
        return None if code == PASSED else Refusal(code)

    def approve(self, const unsigned char[::1] command not None, i64 now_ns):
        """Return the approval of an ``OrderCommand``'s bytes, counted, or the ``Refusal``."""
        global _minting
        cdef RiskApproved approved
        cdef Approval approval
        cdef int code
        cdef const OrderCommand* given = self._read(command)
        with nogil:
            code = gate_approve(&self.house, &self.orders.orders, given, now_ns, &approval)
        if code != PASSED:
            return Refusal(code)
        _minting = True
        try:
            approved = RiskApproved.__new__(RiskApproved)
        finally:
            _minting = False
        approved.approval = approval
        return approved

    @property
    def state(self):
        """What may leave at all."""
        return GateState(self.house.state)

    @property
    def killed(self):
        """Whether the kill switch is set."""
        return bool(self.house.killed)

    @property
    def counts(self):
        """How many commands passed, and how many were refused for each reason, by its name."""
        refused = {each.name: self.house.refused[<int>each] for each in Refusal}
        return {"PASSED": self.house.passed, **refused}

    cdef int _instrument(self, int instrument) except -1:
        if not 0 <= instrument < self.house.instruments:
            raise ValueError(f"there is no instrument {instrument}")
        return 0

    cdef int _rate(self, Bucket* bucket, i64 interval_ns, i64 burst, i64 reserve) except -1:
        if not (0 <= interval_ns <= 1 << 40 and 0 <= burst <= 1 << 20 and 0 <= reserve <= 1 << 20):
            raise ValueError(f"no rate: {interval_ns} ns, {burst} at once, {reserve} reserved")
        bucket.interval_ns, bucket.burst, bucket.reserve = interval_ns, burst, reserve
        return 0

    cdef const OrderCommand* _read(self, const unsigned char[::1] command) except NULL:
        cdef Py_ssize_t size = command.shape[0]
        if (
            size != sizeof(OrderCommand) or check_message(<const char*>&command[0], size)
            or (<const OrderCommand*>&command[0]).header.kind != KIND_ORDER_COMMAND
        ):
            raise ValueError("these bytes are no OrderCommand")
        return <const OrderCommand*>&command[0]
