# What the journal writes: packed, little endian, one head. docs/journal.md shows every byte.
#
# A record's size is a multiple of eight, so that what follows damage is found again. A later schema
# may add members at the end of a record and further kinds; what a shorter record lacks is zero.

from alp._core.orders cimport OrderTable
from alp._core.uint256 cimport i64, u64
from alp._core.wire cimport CLIENT_ID, EXCHANGE_NAME, SYMBOL_NAME, TEXT, VENUE_ID, i8, u8, u16, u32w

cdef enum:
    FILE_HEAD = 128             # bytes in front of the first record of a file
    RECORD_MOST = 320           # bytes of one record, at most
    VERSION_TEXT = 24
    FEE_ASSET = 16

cdef enum:                      # RecordKind
    RECORD_OPENED = 1
    RECORD_INSTRUMENT = 2
    RECORD_INTENT = 3
    RECORD_FACT = 4
    RECORD_ADOPTED = 5
    RECORD_RELEASED = 6
    RECORD_POSITION = 7
    RECORD_TRADES = 8
    RECORD_GATE = 9
    RECORD_RESIDUE = 10
    RECORD_CLOSED = 11
    RECORD_COMPLETE = 12
    RECORD_KINDS = 13

cdef packed struct RecordHead:
    u32w crc                    # of all that follows
    u16 size                    # of the record, with this head
    u8 kind
    u8 reserved
    u64 sequence
    u64 durable                 # all up to this one was durable when the record was made
    i64 at_ns                   # our clock, UTC

cdef packed struct OpenedRecord:
    RecordHead head
    u64 token                   # fencing, and the epoch of client ids
    u64 previous                # token of who had the journal before; 0: nobody
    u32w orders                 # room of the table of orders
    u32w trades
    u32w instruments
    u32w process
    char version[VERSION_TEXT]  # of alp

cdef packed struct InstrumentRecord:
    RecordHead head
    u16 instrument
    u16 group
    u8 price_decimals
    u8 quantity_decimals
    u8 reserved[2]
    i64 unit                    # of the group, in one lot
    i64 price_step
    i64 quantity_step
    char exchange[EXCHANGE_NAME]
    char symbol[SYMBOL_NAME]

cdef packed struct IntentRecord:  # also of an adopted order
    RecordHead head
    u64 approval                # the gate's sequence; 0 where the venue had the order without us
    u64 token
    char client_id[CLIENT_ID]
    i64 price
    i64 quantity
    i64 deadline_ns
    u32w number                 # of the amend or cancel
    u16 instrument
    u8 action
    i8 side
    u8 time_in_force
    u8 flags
    u8 reserved[6]

cdef packed struct FactRecord:
    RecordHead head
    char client_id[CLIENT_ID]
    char venue_id[VENUE_ID]
    char replaced[VENUE_ID]
    char trade_id[VENUE_ID]     # as much of it as there is room for
    u64 trade                   # hash of all of it
    i64 price
    i64 quantity
    i64 cumulative
    i64 fee
    i64 venue_ns
    u32w command
    u8 event
    u8 reason
    u8 source                   # FactSource
    u8 liquidity
    char fee_asset[FEE_ASSET]

cdef packed struct ReleasedRecord:
    RecordHead head
    char client_id[CLIENT_ID]

cdef packed struct PositionRecord:
    RecordHead head
    i64 amount                  # lots of an instrument, units of a group held elsewhere
    u16 index
    u8 scope                    # 0 instrument, 1 group
    u8 reserved[5]

cdef packed struct TradesRecord:
    RecordHead head
    char trade_id[VENUE_ID]
    i64 venue_ns
    u16 instrument
    u8 reserved[6]

cdef packed struct GateRecord:
    RecordHead head
    u8 state
    u8 killed
    u8 reserved[6]
    char text[TEXT]

cdef packed struct ResidueRecord:
    RecordHead head
    char client_id[CLIENT_ID]
    i64 open_quantity
    u8 state
    u8 reserved[7]

cdef packed struct ClosedRecord:
    RecordHead head
    u32w residue                # orders left
    u8 reserved[4]

cdef packed struct CompleteRecord:
    RecordHead head
    u64 records                 # of this checkpoint, without this one
    u64 last                    # sequence of the last record it stands for

# Bytes of the record at `data`, 0 where it is none, or damaged.
cdef Py_ssize_t record_at(const char* data, Py_ssize_t left) noexcept nogil
cdef Py_ssize_t record_size(int kind) noexcept nogil
cdef void seal(RecordHead* head, u64 sequence, u64 durable) noexcept nogil


cdef class Replay:
    cdef readonly OrderTable orders
    cdef readonly unsigned long long sequence    # of the last record taken in
    cdef readonly unsigned long long records
    cdef readonly unsigned long long durable     # the largest that a record told
    cdef void _take(self, const char* record) noexcept nogil
    cdef void _set_position(self, const PositionRecord* told) noexcept nogil
    cdef bint _keeps(self, const char* record) noexcept nogil
    cdef list _select(self, const unsigned char[::1] data, i64 begin, i64 end, bint notes)
