from enum import IntEnum

from alp._core.orders import OrderTable

SCHEMA: int
FILE_HEAD_BYTES: int
RECORD_SIZES: dict[RecordKind, int]

class RecordKind(IntEnum):
    OPENED = 1
    INSTRUMENT = 2
    INTENT = 3
    FACT = 4
    ADOPTED = 5
    RELEASED = 6
    POSITION = 7
    TRADES = 8
    GATE = 9
    RESIDUE = 10
    CLOSED = 11
    COMPLETE = 12

class FactSource(IntEnum):
    OWN = 0
    ANSWER = 1
    STREAM = 2
    QUERY = 3
    TRADES = 4
    OPERATOR = 5

def frame(kind: int, body: bytes, sequence: int, durable: int, at_ns: int) -> bytes: ...
def whole_records(data: bytes, begin: int = 0) -> list[tuple[int, int]]: ...
def is_blank(data: bytes, begin: int) -> bool: ...
def records_after(data: bytes, begin: int, sequence: int) -> list[tuple[int, int]]: ...

class Replay:
    @property
    def orders(self) -> OrderTable: ...
    @property
    def sequence(self) -> int: ...
    @property
    def records(self) -> int: ...
    @property
    def durable(self) -> int: ...
    def __init__(self, orders: OrderTable) -> None: ...
    def take(self, data: bytes, begin: int, checkpoint: bool) -> int: ...
    def resume(self, sequence: int) -> None: ...
    def kept(self, data: bytes, begin: int, end: int) -> list[tuple[int, int]]: ...
    def notes(self, data: bytes, begin: int, end: int) -> list[tuple[int, int]]: ...
    def position_without_orders(self, instrument: int) -> int: ...
    def external(self, group: int) -> int: ...
