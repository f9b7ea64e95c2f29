# The messages of the bus: packed, little endian, one header. docs/wire.md shows every byte.
#
# A message is written into, and read from, memory that the caller owns: nothing is allocated.
# Prices are ticks, quantities lots, of the instrument that the header names by its index; times are
# nanoseconds UTC. A change of any layout raises VERSION.

from alp._core.book cimport Level
from alp._core.uint256 cimport i64, u64

cdef extern from "stdint.h":
    ctypedef unsigned char u8 "uint8_t"
    ctypedef signed char i8 "int8_t"
    ctypedef unsigned short u16 "uint16_t"
    ctypedef unsigned int u32w "uint32_t"

cdef enum:
    MAGIC = 0x6C61              # "al"
    VERSION = 2
    CLIENT_ID = 24              # bytes, padded with zeros
    VENUE_ID = 48
    TEXT = 56
    EXCHANGE_NAME = 24
    SYMBOL_NAME = 40
    ASSET_NAME = 16
    MOST_LEVELS = 1000          # of one side of a Depth
    MOST_QUOTES = 32            # of one side of Quotes

cdef enum MessageKind:
    KIND_BBO = 1
    KIND_DEPTH = 2
    KIND_TRADE = 3
    KIND_BOOK_STATUS = 4
    KIND_ORDER_COMMAND = 5
    KIND_EXECUTION_REPORT = 6
    KIND_POSITION = 7
    KIND_INVENTORY = 8
    KIND_HEARTBEAT = 9
    KIND_GATE = 10
    KIND_INSTRUMENT = 11
    KIND_QUOTES = 12
    KIND_RECALL = 13

cdef packed struct Header:
    u16 magic
    u8 version
    u8 kind
    u16 source                  # which component sent it
    u16 instrument
    u64 sequence                # of the source, for this kind and instrument; gaps are losses
    i64 exchange_ns             # the venue's or the chain's time, 0 where there is none
    i64 send_ns

cdef packed struct Bbo:
    Header header
    i64 bid
    i64 bid_quantity
    i64 ask
    i64 ask_quantity

cdef packed struct Depth:
    Header header
    u16 bids
    u16 asks
    u32w conflated              # updates that this one stands for, less one
    # then the bids and the asks, best first: Level each

cdef packed struct TradeMessage:
    Header header
    i64 id
    i64 price
    i64 quantity
    i8 aggressor                # 1 bought, -1 sold
    u8 reserved[7]

cdef packed struct BookStatus:
    Header header
    u8 live
    u8 reason                   # SyncReason
    u8 reserved[6]
    i64 since_ns

cdef packed struct OrderCommand:
    Header header
    char client_id[CLIENT_ID]
    u64 token                   # fencing: of the writer that may use the account
    i64 price
    i64 quantity
    i64 deadline_ns             # not to be sent after it; 0 for none
    u8 action                   # 1 new, 2 amend, 3 cancel, 4 cancel all
    i8 side                     # 1 buy, -1 sell
    u8 time_in_force            # 1 good till cancelled, 2 immediate or cancel, 3 fill or kill
    u8 flags                    # 1 post-only, 2 reduce-only
    u8 reserved[4]

cdef packed struct ExecutionReport:
    Header header
    char client_id[CLIENT_ID]
    char venue_id[VENUE_ID]
    char trade_id[VENUE_ID]     # empty where nothing was filled
    i64 price
    i64 quantity
    i64 filled                  # in all
    i64 last_price              # of this fill
    i64 last_quantity
    i64 fee                     # 10**-8 of the fee's asset, positive when paid
    u8 state
    u8 reason
    i8 side
    u8 liquidity                # 1 maker, 2 taker
    u8 refusal                  # the gate's, where it did not let the command pass
    u8 reserved[3]
    char fee_asset[ASSET_NAME]  # empty where it is not known

cdef packed struct Position:
    Header header
    i64 quantity                # lots, signed
    i64 entry_price             # ticks
    i64 balance                 # 10**-8 of the settlement asset
    i64 reserved[1]

cdef packed struct Inventory:
    Header header
    u64 base[2]                 # raw units, 128 bits signed, low half first
    u64 quote[2]
    u64 delta[2]                # raw base for a price move, of the live ranges
    i64 block
    u64 epoch                   # of the ranges

cdef packed struct Heartbeat:
    Header header
    u64 uptime_ns
    u64 config                  # fingerprint of the manifest in force

cdef packed struct Gate:
    Header header
    u8 closed
    u8 kill                     # cancel everything and stay closed
    u8 code
    u8 reserved[5]
    u64 token                   # fencing: commands have to name it
    char text[TEXT]

cdef packed struct InstrumentMessage:
    Header header
    char exchange[EXCHANGE_NAME]
    char symbol[SYMBOL_NAME]
    i64 price_step              # a tick is this times 10**-price_decimals
    i64 quantity_step
    u8 price_decimals
    u8 quantity_decimals
    u8 trading                  # 1 open, 2 post-only, 3 cancel-only, 4 halted
    u8 reserved[5]

cdef packed struct Quotes:      # all that shall rest in an instrument, not what changes
    Header header
    u64 token                   # fencing, as in OrderCommand
    i64 until_ns                # withdrawn when it is not renewed by then
    u16 bids
    u16 asks
    u8 flags                    # as in OrderCommand
    u8 reserved[3]
    # then the bids and the asks, best first: Level each

cdef packed struct Recall:      # asks for execution reports again
    Header header
    u64 token                   # of the process that numbered them
    u64 after                   # how many of its reports are known

cdef Py_ssize_t size_of(int kind) noexcept nogil
# 0, or why these bytes are no message that this build reads.
cdef int check_message(const char* data, Py_ssize_t size) noexcept nogil


cdef inline void fill_header(
    Header* header, int kind, u16 source, u16 instrument, u64 sequence, i64 exchange_ns,
    i64 send_ns
) noexcept nogil:
    header.magic = MAGIC
    header.version = VERSION
    header.kind = <u8>kind
    header.source = source
    header.instrument = instrument
    header.sequence = sequence
    header.exchange_ns = exchange_ns
    header.send_ns = send_ns


cdef inline Py_ssize_t depth_size(int bids, int asks) noexcept nogil:
    return sizeof(Depth) + (bids + asks) * sizeof(Level)


cdef inline Py_ssize_t quotes_size(int bids, int asks) noexcept nogil:
    return sizeof(Quotes) + (bids + asks) * sizeof(Level)
