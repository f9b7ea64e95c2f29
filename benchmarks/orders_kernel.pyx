# cython: language_level=3, cdivision=True, boundscheck=False, annotation_typing=False
"""Loops around the order table and the gate, to time them without Python: built by ``orders.py``."""

from libc.string cimport memcpy, memset
from libc.time cimport CLOCKS_PER_SEC, clock, clock_t

from alp._core.gate cimport PASSED, Approval, Gate, gate_approve, gate_check
from alp._core.order_life cimport (
    EVENT_ACKED,
    EVENT_AMEND_ACKED,
    EVENT_AMEND_REQUESTED,
    EVENT_CANCEL_REQUESTED,
    EVENT_CANCELED,
    EVENT_FILL,
    LifeEvent,
)
from alp._core.order_store cimport (
    Orders,
    orders_apply,
    orders_by_client,
    orders_open,
    orders_release,
)
from alp._core.orders cimport OrderTable
from alp._core.uint256 cimport i64, u64
from alp._core.wire cimport CLIENT_ID, OrderCommand

cdef enum:
    STEPS = 7


cdef void _name(char* to, i64 number) noexcept nogil:
    """An id of eighteen characters that differs in its end."""
    cdef int i
    memset(to, 0, CLIENT_ID)
    memcpy(to, "strategy-7-", 11)
    for i in range(7):
        to[17 - i] = <char>(48 + number % 10)
        number /= 10


cdef void _events(LifeEvent* events) noexcept nogil:
    """A quote's life: acknowledged, amended, filled twice, canceled."""
    cdef int i
    memset(events, 0, STEPS * sizeof(LifeEvent))
    for i in range(STEPS):
        events[i].cumulative = -1
    events[0].kind = EVENT_ACKED
    events[1].kind, events[1].command = EVENT_AMEND_REQUESTED, 1
    events[2].kind, events[2].command = EVENT_AMEND_ACKED, 1
    events[1].price = events[2].price = 1001
    events[1].quantity = events[2].quantity = 12
    events[3].kind, events[3].trade, events[3].quantity, events[3].price = EVENT_FILL, 1, 3, 1001
    events[4].kind, events[4].trade, events[4].quantity, events[4].price = EVENT_FILL, 2, 4, 1001
    events[5].kind, events[5].command = EVENT_CANCEL_REQUESTED, 2
    events[6].kind, events[6].cumulative = EVENT_CANCELED, 7


def event_ns(OrderTable table, i64 lives):
    """CPU nanoseconds of one event, found by our id; and of a whole life with opening and release."""
    cdef Orders* orders = &table.orders
    cdef LifeEvent events[STEPS]
    cdef char name[CLIENT_ID]
    cdef i64 i
    cdef int step, place
    cdef clock_t inside = 0
    cdef clock_t start
    cdef i64 position = orders.books[0].position
    _events(events)
    with nogil:
        start = clock()
        for i in range(lives):
            _name(name, i)
            place = orders_open(orders, name, 0, 1, 1000, 10)
            memcpy(events[0].venue_id, name, CLIENT_ID)
            for step in range(STEPS):
                orders_apply(orders, orders_by_client(orders, name), &events[step])
            orders_release(orders, place)
        inside = clock() - start
    if orders.books[0].position - position != 7 * lives:
        raise AssertionError("the lives did not end as they must")
    whole = <double>inside * 1e9 / CLOCKS_PER_SEC / lives
    return whole / (STEPS + 2), whole


def check_ns(Gate gate, const unsigned char[::1] data, i64 now_ns, i64 calls):
    """CPU nanoseconds of one check that passes every limit."""
    cdef const OrderCommand* command = <const OrderCommand*>&data[0]
    cdef Orders* orders = &gate.orders.orders
    cdef OrderCommand given = command[0]
    cdef i64 passed = 0
    cdef i64 i
    cdef clock_t start
    with nogil:
        start = clock()
        for i in range(calls):
            given.price = 990 + (i & 7)
            passed += gate_check(&gate.house, orders, &given, now_ns) == PASSED
        start = clock() - start
    if passed != calls:
        raise AssertionError("a check refused")
    return <double>start * 1e9 / CLOCKS_PER_SEC / calls


def approve_ns(Gate gate, const unsigned char[::1] data, i64 now_ns, i64 calls):
    """CPU nanoseconds of an approval and of the order's opening, rejection and release."""
    cdef const OrderCommand* command = <const OrderCommand*>&data[0]
    cdef Orders* orders = &gate.orders.orders
    cdef OrderCommand given = command[0]
    cdef Approval approval
    cdef LifeEvent ended
    cdef i64 i
    cdef i64 passed = 0
    cdef clock_t start
    memset(&ended, 0, sizeof(LifeEvent))
    ended.kind, ended.cumulative = EVENT_CANCELED, 0
    with nogil:
        start = clock()
        for i in range(calls):
            _name(given.client_id, i)
            given.price = 990 - (i & 511)
            passed += gate_approve(&gate.house, orders, &given, now_ns + i, &approval) == PASSED
            orders_apply(orders, approval.place, &ended)
            orders_release(orders, approval.place)
        start = clock() - start
    if passed != calls:
        raise AssertionError("an approval was refused")
    return <double>start * 1e9 / CLOCKS_PER_SEC / calls
