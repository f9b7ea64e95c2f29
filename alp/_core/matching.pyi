from enum import IntEnum
from typing import NamedTuple, final

LARGEST: int
MARKET_PRICE: int

class QueueModel(IntEnum):
    CONSERVATIVE = 1
    POWER = 2
    LOG = 3
    FIFO = 4

class Prevention(IntEnum):
    NONE = 0
    TAKER = 1
    MAKER = 2
    BOTH = 3
    DECREMENT = 4

class MatchKind(IntEnum):
    FILL = 1
    EXPIRED = 2
    PREVENTED = 3

class OrderMatch(NamedTuple):
    place: int
    other: int
    kind: int
    maker: bool
    price: int
    quantity: int
    left: int

class Placed(NamedTuple):
    place: int
    rests: bool
    left: int
    matches: list[OrderMatch]

@final
class Matcher:
    @property
    def model(self) -> QueueModel: ...
    def __init__(
        self,
        model: QueueModel = ...,
        *,
        exponent: int = 2,
        orders: int = 4096,
        levels: int = 16384,
    ) -> None: ...
    def __len__(self) -> int: ...
    def level(self, bid: bool, price: int, quantity: int) -> list[OrderMatch]: ...
    def trade(self, bought: bool, price: int, quantity: int) -> list[OrderMatch]: ...
    def removal(self, bid: bool, price: int, quantity: int, entered: int) -> None: ...
    def cut(self, levels: int) -> None: ...
    def place(
        self,
        account: int,
        bid: bool,
        price: int,
        quantity: int,
        *,
        prevention: int = 0,
        rest: bool = True,
    ) -> Placed: ...
    def amend(self, place: int, price: int, left: int, *, keep: bool = False) -> Placed: ...
    def cancel(self, place: int) -> int: ...
    def ahead(self, place: int) -> int: ...
    def available(self, bid: bool, price: int, most: int = ..., without: int = -1) -> int: ...
    def visible(self, bid: bool, price: int) -> int: ...
    @property
    def stamp(self) -> int: ...

def ahead_share(model: QueueModel, ahead: int, behind: int, *, exponent: int = 2) -> int: ...
