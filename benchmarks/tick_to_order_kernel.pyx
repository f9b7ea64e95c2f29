# cython: language_level=3, cdivision=True, boundscheck=False, annotation_typing=False
"""The way of a tick through alp without Python, frame by frame: built by ``tick_to_order.py``.

Depth message, book, a quote at the touch less some ticks, the gate, signed bytes. The clock is read
before a message, when the book is ready, when the gate has approved, and when the bytes are there.
"""

from libc.string cimport memchr, memcpy, memset
from picows.picows cimport WSFrame, WSListener, WSMsgType, WSTransport
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from alp._core.book cimport side_best
from alp._core.feed cimport Feed, Market
from alp._core.gate cimport ACTION_NEW, PASSED, Approval, Gate, gate_approve
from alp._core.order_bytes cimport MOST_TEXT, WRITTEN, OrderText, OrderWriter
from alp._core.order_life cimport EVENT_ACKED, EVENT_CANCELED, EVENT_FILL, LifeEvent
from alp._core.order_store cimport Orders, orders_apply, orders_by_client, orders_release
from alp._core.sync cimport LIVE
from alp._core.uint256 cimport i64, u64
from alp._core.wire cimport CLIENT_ID, KIND_ORDER_COMMAND, OrderCommand, fill_header, u8

cdef enum:
    BEHIND = 5                  # ticks
    LOTS = 100
    POST_ONLY = 1

NEEDED = MOST_TEXT
"""Bytes of a buffer for one order."""


cdef inline i64 _now_ns() noexcept nogil:
    cdef timespec moment
    clock_gettime(CLOCK_MONOTONIC, &moment)
    return <i64>moment.tv_sec * 1_000_000_000 + moment.tv_nsec


cdef inline void _name(char* to, i64 number) noexcept nogil:
    """The id ``t2o-0000001`` and so on."""
    cdef int i
    memset(to, 0, CLIENT_ID)
    memcpy(to, "t2o-", 4)
    for i in range(7):
        to[10 - i] = <char>(48 + number % 10)
        number /= 10


cdef inline void _decide(OrderCommand* command, i64 number, u64 token, i64 bid) noexcept nogil:
    """Buy behind the best bid, post-only."""
    memset(command, 0, sizeof(OrderCommand))
    fill_header(&command.header, KIND_ORDER_COMMAND, 0, 0, <u64>number, 0, 0)
    _name(command.client_id, number)
    command.token = token
    command.price, command.quantity = bid - BEHIND, LOTS
    command.action, command.side = ACTION_NEW, 1
    command.time_in_force, command.flags = 1, POST_ONLY


def ticks(
    Feed feed, Gate gate, OrderWriter writer, const u8[::1] lines, i64 clock_ms,
    i64[::1] book_ns, i64[::1] gate_ns, i64[::1] order_ns, u8[::1] last
):
    """Take every line; fill in how long after its start each stage was done, a place for each.

    Returns how many lines there were and how long the last text, left in ``last``, is.
    """
    cdef const char* at = <const char*>&lines[0]
    cdef const char* end = at + lines.shape[0]
    cdef const char* newline
    cdef Market* market = &feed.markets[0]
    cdef Orders* orders = &gate.orders.orders
    cdef OrderCommand command
    cdef Approval approval
    cdef OrderText text
    cdef LifeEvent ended
    cdef i64 count = 0
    cdef i64 failed = 0
    cdef i64 start, ready, approved, done, bid, bids
    memset(&ended, 0, sizeof(LifeEvent))
    ended.kind, ended.cumulative = EVENT_CANCELED, 0
    with nogil:
        while at < end:
            newline = <const char*>memchr(at, 10, end - at)
            start = _now_ns()
            feed.take(at, newline - at, start)
            if market.sync.status != LIVE or not side_best(&market.book.bids, &bid, &bids):
                failed += 1
                break
            gate.house.books[0].sight.book_live, gate.house.books[0].sight.book_ns = True, start
            ready = _now_ns()
            _decide(&command, count + 1, gate.house.token, bid)
            if gate_approve(&gate.house, orders, &command, start, &approval) != PASSED:
                failed += 1
                break
            approved = _now_ns()
            failed += writer.write_to(
                &approval, clock_ms + count, count, &last[0], last.shape[0], &text
            ) != WRITTEN
            done = _now_ns()
            book_ns[count] = ready - start
            gate_ns[count] = approved - start
            order_ns[count] = done - start
            orders_apply(orders, approval.place, &ended)
            orders_release(orders, approval.place)
            count += 1
            at = newline + 1
    if failed:
        raise AssertionError(f"message {count}: no live book, no approval or nothing written")
    return count, text.size


def states(Gate gate, i64 bid, i64 count, i64[::1] spent_ns):
    """Time what an order does to gate and table: approved, acknowledged, filled in part, canceled."""
    cdef Orders* orders = &gate.orders.orders
    cdef OrderCommand command
    cdef Approval approval
    cdef LifeEvent events[3]
    cdef i64 i, start
    cdef i64 failed = 0
    cdef int step
    memset(events, 0, sizeof(events))
    events[0].kind, events[0].cumulative = EVENT_ACKED, -1
    events[1].kind, events[1].cumulative = EVENT_FILL, -1
    events[1].price, events[1].quantity = bid - BEHIND, LOTS // 4
    events[2].kind, events[2].cumulative = EVENT_CANCELED, LOTS // 4
    with nogil:
        for i in range(count):
            _name(events[0].venue_id, i + 1)
            events[1].trade = <u64>(i + 1)
            start = _now_ns()
            gate.house.books[0].sight.book_ns = start
            _decide(&command, i + 1, gate.house.token, bid)
            failed += gate_approve(&gate.house, orders, &command, start, &approval) != PASSED
            for step in range(3):
                events[step].at_ns = start
                orders_apply(orders, orders_by_client(orders, command.client_id), &events[step])
            spent_ns[i] = _now_ns() - start
            orders_release(orders, approval.place)
    if failed:
        raise AssertionError(f"{failed} approvals were refused")


def write_ns(Gate gate, OrderWriter writer, i64 bid, i64 clock_ms, i64 calls, u8[::1] to):
    """Nanoseconds to write one order of this venue, the mean of many."""
    cdef OrderCommand command
    cdef Approval approval
    cdef OrderText text
    cdef Orders* orders = &gate.orders.orders
    cdef i64 failed = 0
    cdef i64 i, start
    with nogil:
        gate.house.books[0].sight.book_ns = start = _now_ns()
        _decide(&command, 1, gate.house.token, bid)
        if gate_approve(&gate.house, orders, &command, start, &approval) != PASSED:
            failed = 1
        else:
            start = _now_ns()
            for i in range(calls):
                approval.command.price = bid - (i & 15)
                failed += writer.write_to(
                    &approval, clock_ms + i, i, &to[0], to.shape[0], &text
                ) != WRITTEN
            start = _now_ns() - start
    if failed:
        raise AssertionError("not approved, or not written")
    return <double>start / calls


cdef class Trader(WSListener):
    """Answers each depth message that its socket brings with an order on another socket.

    Parameters
    ----------
    orders
        The connection that takes them; set before the first message.
    arrived_ns, ready_ns, sent_ns
        Filled in, by CLOCK_MONOTONIC: when a message was handed over, when the order's bytes were
        there, when the socket had taken them.
    """

    cdef Feed feed
    cdef Gate gate
    cdef OrderWriter writer
    cdef i64 clock_ms
    cdef i64[::1] arrived_ns, ready_ns, sent_ns
    cdef readonly i64 count
    cdef public WSTransport orders
    cdef u8[::1] to

    def __init__(
        self, Feed feed, Gate gate, OrderWriter writer, i64 clock_ms, i64[::1] arrived_ns,
        i64[::1] ready_ns, i64[::1] sent_ns,
    ):
        super().__init__()
        self.feed, self.gate, self.writer, self.clock_ms = feed, gate, writer, clock_ms
        self.arrived_ns, self.ready_ns, self.sent_ns = arrived_ns, ready_ns, sent_ns
        self.to = bytearray(MOST_TEXT)

    cdef Py_ssize_t _order(self, const char* message, Py_ssize_t size, i64 start, int* place):
        """Write the order; returns its size, 0 where there is none."""
        cdef Market* market = &self.feed.markets[0]
        cdef OrderCommand command
        cdef Approval approval
        cdef OrderText text
        cdef i64 bid, bids
        with nogil:
            self.feed.take(message, size, start)
            if market.sync.status != LIVE or not side_best(&market.book.bids, &bid, &bids):
                return 0
            self.gate.house.books[0].sight.book_live = True
            self.gate.house.books[0].sight.book_ns = start
            _decide(&command, self.count + 1, self.gate.house.token, bid)
            if gate_approve(
                &self.gate.house, &self.gate.orders.orders, &command, start, &approval
            ) != PASSED:
                return 0
            place[0] = approval.place
            if self.writer.write_to(
                &approval, self.clock_ms + self.count, self.count, &self.to[0],
                self.to.shape[0], &text
            ) != WRITTEN:
                return 0
        return text.size

    cpdef on_ws_frame(self, WSTransport transport, WSFrame frame):
        """Take one frame."""
        cdef i64 start = _now_ns()
        cdef LifeEvent ended
        cdef Orders* orders = &self.gate.orders.orders
        cdef int place = -1
        cdef Py_ssize_t size
        if (
            frame.msg_type != WSMsgType.TEXT or self.orders is None
            or self.count == self.sent_ns.shape[0]
        ):
            return
        size = self._order(frame.payload_ptr, frame.payload_size, start, &place)
        self.arrived_ns[self.count], self.ready_ns[self.count] = start, _now_ns()
        self.orders.send(WSMsgType.TEXT, (<const char*>&self.to[0])[:size])
        self.sent_ns[self.count] = _now_ns()
        self.count += 1
        memset(&ended, 0, sizeof(LifeEvent))
        ended.kind, ended.cumulative = EVENT_CANCELED, 0
        if place >= 0:
            orders_apply(orders, place, &ended)
            orders_release(orders, place)
