"""Records of the intent journal: their frame, what damaged them, and what they say of orders.

Every record has its own checksum and its number; it also tells up to which number all was durable
when it was made. So damage is told apart: what nobody had been told was safe is a torn end, and
what somebody had been told was safe is a loss.
"""

from enum import IntEnum

from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy, memset

from alp._core.checksum cimport crc32
from alp._core.gate cimport ACTION_AMEND, ACTION_CANCEL, ACTION_NEW
from alp._core.order_life cimport (
    EVENT_AMEND_REQUESTED,
    EVENT_CANCEL_REQUESTED,
    NO_QUANTITY,
    LifeEvent,
)
from alp._core.order_store cimport (
    Order,
    Orders,
    largest,
    orders_apply,
    orders_by_client,
    orders_open,
    orders_release,
)
from alp._core.orders cimport OrderTable
from alp._core.uint256 cimport i64, i128, i128_to_int, u64
from alp._core.wire cimport CLIENT_ID, VENUE_ID, u16, u32w

SCHEMA = 1
FILE_HEAD_BYTES = FILE_HEAD


class RecordKind(IntEnum):
    """What a record is."""

    OPENED = RECORD_OPENED
    INSTRUMENT = RECORD_INSTRUMENT
    INTENT = RECORD_INTENT
    FACT = RECORD_FACT
    ADOPTED = RECORD_ADOPTED
    RELEASED = RECORD_RELEASED
    POSITION = RECORD_POSITION
    TRADES = RECORD_TRADES
    GATE = RECORD_GATE
    RESIDUE = RECORD_RESIDUE
    CLOSED = RECORD_CLOSED
    COMPLETE = RECORD_COMPLETE


class FactSource(IntEnum):
    """Where a fact is from: the evidence that ends an order is worth as much as its source."""

    OWN = 0
    ANSWER = 1
    STREAM = 2
    QUERY = 3
    TRADES = 4
    OPERATOR = 5


cdef Py_ssize_t SIZES[RECORD_KINDS]
SIZES[0] = 0
SIZES[RECORD_OPENED] = sizeof(OpenedRecord)
SIZES[RECORD_INSTRUMENT] = sizeof(InstrumentRecord)
SIZES[RECORD_INTENT] = sizeof(IntentRecord)
SIZES[RECORD_FACT] = sizeof(FactRecord)
SIZES[RECORD_ADOPTED] = sizeof(IntentRecord)
SIZES[RECORD_RELEASED] = sizeof(ReleasedRecord)
SIZES[RECORD_POSITION] = sizeof(PositionRecord)
SIZES[RECORD_TRADES] = sizeof(TradesRecord)
SIZES[RECORD_GATE] = sizeof(GateRecord)
SIZES[RECORD_RESIDUE] = sizeof(ResidueRecord)
SIZES[RECORD_CLOSED] = sizeof(ClosedRecord)
SIZES[RECORD_COMPLETE] = sizeof(CompleteRecord)
RECORD_SIZES = {kind: SIZES[<int>kind] for kind in RecordKind}


cdef Py_ssize_t record_size(int kind) noexcept nogil:
    """Bytes of a kind of record, as this build writes it."""
    return SIZES[kind]


cdef void seal(RecordHead* head, u64 sequence, u64 durable) noexcept nogil:
    """Number a record and put its checksum in; kind, size and time are there."""
    head.sequence, head.durable = sequence, durable
    head.crc = <u32w>crc32(0, <const char*>head + 4, head.size - 4)


cdef Py_ssize_t record_at(const char* data, Py_ssize_t left) noexcept nogil:
    """Return how long the whole record at `data` is, 0 where there is none."""
    cdef const RecordHead* head = <const RecordHead*>data
    if left < <Py_ssize_t>sizeof(RecordHead) or head.size < sizeof(RecordHead):
        return 0
    if head.size > left or head.size > RECORD_MOST or head.size & 7 or head.kind == 0:
        return 0
    if <u32w>crc32(0, data + 4, head.size - 4) != head.crc:
        return 0
    return head.size


cdef bint _is_zero(const char* data, Py_ssize_t size) noexcept nogil:
    """Whether nothing but zeros follows: what was reserved and never written."""
    return size == 0 or (data[0] == 0 and memcmp(data, data + 1, size - 1) == 0)


def frame(int kind, bytes body not None, u64 sequence, u64 durable, i64 at_ns):
    """Return a whole record of the bytes that follow its head.

    Raises
    ------
    ValueError
        If its size is none that a record can have.
    """
    cdef char record[RECORD_MOST]
    cdef RecordHead* head = <RecordHead*>record
    cdef Py_ssize_t size = sizeof(RecordHead) + len(body)
    if size > RECORD_MOST or size & 7:
        raise ValueError(f"a record of {size} bytes")
    memset(record, 0, sizeof(RecordHead))
    memcpy(record + sizeof(RecordHead), <const char*>body, len(body))
    head.size, head.kind, head.at_ns = <u16>size, <unsigned char>kind, at_ns
    seal(head, sequence, durable)
    return record[:size]


def whole_records(const unsigned char[::1] data not None, Py_ssize_t begin=0):
    """Return where each whole record is: ``(offset, size)``, up to the first that is not whole.

    What is there says nothing of their order.
    """
    cdef Py_ssize_t at = begin
    cdef Py_ssize_t size
    found = []
    while at < data.shape[0]:
        size = record_at(<const char*>&data[at], data.shape[0] - at)
        if size == 0:
            break
        found.append((at, size))
        at += size
    return found


def is_blank(const unsigned char[::1] data not None, Py_ssize_t begin):
    """Return whether nothing but zeros follows."""
    cdef bint blank
    if begin >= data.shape[0]:
        return True
    with nogil:
        blank = _is_zero(<const char*>&data[begin], data.shape[0] - begin)
    return blank


def records_after(const unsigned char[::1] data not None, Py_ssize_t begin, u64 sequence):
    """Return the whole records later than one that damage may have left behind it.

    Parameters
    ----------
    begin
        Where the damage begins.
    sequence
        Of the last record before it.

    Returns
    -------
    list of (int, int)
        Offset and size of each.
    """
    cdef Py_ssize_t at = (begin + 7) & ~<Py_ssize_t>7
    cdef Py_ssize_t size
    found = []
    while at < data.shape[0]:
        size = record_at(<const char*>&data[at], data.shape[0] - at)
        if size and (<const RecordHead*>&data[at]).sequence > sequence:
            found.append((at, size))
            at += size
        else:
            at += 8
    return found


cdef class Replay:
    """The orders and positions that a row of records leads to.

    Parameters
    ----------
    orders
        The table they are rebuilt in: empty, with the room and the instruments of the one that
        the records were made of.
    """

    def __cinit__(self, OrderTable orders not None):
        self.orders = orders

    cdef void _take(self, const char* record) noexcept nogil:
        """Do again what a record tells of."""
        cdef Orders* orders = &self.orders.orders
        cdef int kind = (<const RecordHead*>record).kind
        cdef const IntentRecord* intent = <const IntentRecord*>record
        cdef const FactRecord* fact = <const FactRecord*>record
        cdef LifeEvent event
        cdef int place
        memset(&event, 0, sizeof(LifeEvent))
        event.cumulative = NO_QUANTITY
        event.at_ns = intent.head.at_ns
        if kind == RECORD_ADOPTED or (kind == RECORD_INTENT and intent.action == ACTION_NEW):
            orders_open(
                orders, intent.client_id, intent.instrument, intent.side, intent.price,
                intent.quantity,
            )
        elif kind == RECORD_INTENT:
            place = orders_by_client(orders, intent.client_id)
            if place < 0 or intent.action > ACTION_CANCEL:
                return
            event.command = intent.number
            event.kind = EVENT_CANCEL_REQUESTED
            if intent.action == ACTION_AMEND:
                event.kind = EVENT_AMEND_REQUESTED
                event.price, event.quantity = intent.price, intent.quantity
            orders_apply(orders, place, &event)
        elif kind == RECORD_FACT:
            event.kind, event.command, event.reason = fact.event, fact.command, fact.reason
            event.price, event.quantity = fact.price, fact.quantity
            event.cumulative, event.trade = fact.cumulative, fact.trade
            memcpy(event.venue_id, fact.venue_id, VENUE_ID)
            memcpy(event.replaced, fact.replaced, VENUE_ID)
            orders_apply(orders, orders_by_client(orders, fact.client_id), &event)
        elif kind == RECORD_RELEASED:
            place = orders_by_client(orders, (<const ReleasedRecord*>record).client_id)
            if place >= 0:
                orders_release(orders, place)
        elif kind == RECORD_POSITION:
            self._set_position(<const PositionRecord*>record)

    cdef void _set_position(self, const PositionRecord* told) noexcept nogil:
        cdef Orders* orders = &self.orders.orders
        cdef int group
        if told.scope == 0 and told.index < orders.instruments:
            group = orders.books[told.index].group
            orders.totals[group].net += (
                (<i128>told.amount - orders.books[told.index].position)
                * orders.books[told.index].unit
            )
            orders.books[told.index].position = told.amount
        elif told.scope == 1 and told.index < orders.groups:
            orders.totals[told.index].net += <i128>told.amount - orders.totals[told.index].external
            orders.totals[told.index].external = told.amount

    def take(self, const unsigned char[::1] data not None, Py_ssize_t begin, bint checkpoint):
        """Take in the records from `begin`, and return where the first is that is not whole.

        Parameters
        ----------
        checkpoint
            Its records keep the numbers they had, with gaps; elsewhere each follows the last.
        """
        cdef Py_ssize_t at = begin
        cdef Py_ssize_t end = data.shape[0]
        cdef Py_ssize_t size
        cdef const RecordHead* head
        cdef char record[RECORD_MOST]
        with nogil:
            while at < end:
                size = record_at(<const char*>&data[at], end - at)
                if size == 0:
                    break
                head = <const RecordHead*>&data[at]
                if not checkpoint and head.sequence != self.sequence + 1:
                    break
                memset(record, 0, RECORD_MOST)
                memcpy(record, head, size)
                self._take(record)
                self.sequence = head.sequence
                self.durable = max(self.durable, head.durable)
                self.records += 1
                at += size
        return at

    def resume(self, u64 sequence):
        """Say which record a checkpoint was made after: the next one to take in follows it."""
        self.sequence = sequence

    cdef bint _keeps(self, const char* record) noexcept nogil:
        """Whether a record is about an order that is still in the table."""
        cdef int kind = (<const RecordHead*>record).kind
        cdef const Orders* orders = &self.orders.orders
        if kind == RECORD_INTENT or kind == RECORD_ADOPTED:
            return orders_by_client(orders, (<const IntentRecord*>record).client_id) >= 0
        if kind == RECORD_FACT:
            return orders_by_client(orders, (<const FactRecord*>record).client_id) >= 0
        return False

    cdef list _select(self, const unsigned char[::1] data, i64 begin, i64 end, bint notes):
        """Where the records are that are kept, or those about no order; found without the GIL."""
        cdef i64* offsets
        cdef i64 at = begin
        cdef i64 size
        cdef i64 count = 0
        cdef i64 each
        cdef int kind
        cdef bint wanted
        found = []
        end = min(end, <i64>data.shape[0])
        if begin < 0 or begin >= end:
            return found
        offsets = <i64*>malloc(((end - begin) / sizeof(RecordHead) + 1) * sizeof(i64))
        if offsets == NULL:
            raise MemoryError
        with nogil:
            while at < end:
                size = record_at(<const char*>&data[at], end - at)
                if size == 0:
                    break
                if notes:
                    kind = (<const RecordHead*>&data[at]).kind
                    wanted = kind < RECORD_INTENT or kind > RECORD_POSITION
                else:
                    wanted = self._keeps(<const char*>&data[at])
                if wanted:
                    offsets[count] = at
                    count += 1
                at += size
        for each in range(count):
            at = offsets[each]
            found.append((at, (<const RecordHead*>&data[at]).size))
        free(offsets)
        return found

    def kept(self, const unsigned char[::1] data not None, Py_ssize_t begin, Py_ssize_t end):
        """Return the records in a part of a file that are about orders still in the table.

        Returns
        -------
        list of (int, int)
            Offset and size of each.
        """
        return self._select(data, begin, end, False)

    def notes(self, const unsigned char[::1] data not None, Py_ssize_t begin, Py_ssize_t end):
        """Return the records in a part of a file that are about no single order or position.

        Returns
        -------
        list of (int, int)
            Offset and size of each.
        """
        return self._select(data, begin, end, True)

    def position_without_orders(self, int instrument):
        """Return what a position was before the orders in the table were filled, in lots."""
        cdef Orders* orders = &self.orders.orders
        cdef Order* order
        cdef int place
        cdef i128 lots
        if not 0 <= instrument < orders.instruments:
            raise ValueError(f"there is no instrument {instrument}")
        lots = orders.books[instrument].position
        with nogil:
            for place in range(orders.capacity):
                order = &orders.orders[place]
                if order.used and order.instrument == instrument:
                    lots -= order.life.filled * order.life.side
        return i128_to_int(lots)

    def external(self, int group):
        """Return what was said that a group holds elsewhere, in its units."""
        if not 0 <= group < self.orders.orders.groups:
            raise ValueError(f"there is no group {group}")
        return <i64>self.orders.orders.totals[group].external
