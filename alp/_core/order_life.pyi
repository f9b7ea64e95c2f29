from enum import IntEnum, IntFlag

class OrderState(IntEnum):
    PENDING_NEW = 1
    ACKED = 2
    PARTIALLY_FILLED = 3
    FILLED = 4
    PENDING_CANCEL = 5
    PENDING_AMEND = 6
    CANCELED = 7
    REJECTED = 8
    EXPIRED = 9
    UNKNOWN = 10

class OrderEvent(IntEnum):
    SENT = 1
    NOT_SENT = 2
    ACKED = 3
    REJECTED = 4
    FILL = 5
    CUMULATIVE = 6
    FILLED = 7
    CANCEL_REQUESTED = 8
    CANCEL_ACCEPTED = 9
    CANCEL_REFUSED = 10
    CANCEL_UNKNOWN = 11
    CANCELED = 12
    EXPIRED = 13
    AMEND_REQUESTED = 14
    AMEND_ACKED = 15
    AMEND_REFUSED = 16
    AMEND_UNKNOWN = 17
    REPLACED = 18
    UNKNOWN = 19
    FOUND = 20
    NOT_FOUND = 21

class Contradiction(IntFlag):
    OVERFILLED = 1
    EVIDENCE = 2
    TWO_ENDS = 4
    END_DIFFERS = 8
    TRADE_DIFFERS = 16
    TERMS_DIFFER = 32
    TWO_ANSWERS = 64
    TWO_IDS = 128
    ID_TAKEN = 256
    MEMORY = 512
    MALFORMED = 1024

class RejectReason(IntEnum):
    NONE = 0
    POST_ONLY = 1
    BALANCE = 2
    MARGIN = 3
    PRICE_FILTER = 4
    SIZE_FILTER = 5
    NOTIONAL_FILTER = 6
    DUPLICATE_ID = 7
    RATE = 8
    REDUCE_ONLY = 9
    SELF_MATCH = 10
    UNKNOWN_ORDER = 11
    HALTED = 12
    AUTH = 13
    CLOCK = 14
    OTHER = 15

CONTRADICTIONS: dict[Contradiction, str]
