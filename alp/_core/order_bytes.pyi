from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import NamedTuple, Never, final

from alp._core.gate import RiskApproved
from alp._core.orders import OrderTable
from alp._core.sha2 import HmacKey

class Signing(IntEnum):
    NOTHING = 0
    HEX_256 = 1
    FUTURES = 2

class Asked(NamedTuple):
    action: int
    side: int
    time_in_force: int
    post_only: bool
    reduce_only: bool

class Template(NamedTuple):
    text: str
    signed: str = ""
    less_only: bool = False

class ProductForms(NamedTuple):
    price_decimals: int
    price_step: int
    quantity_decimals: int
    quantity_step: int
    template: Callable[[Asked], Template | None]

class WrittenOrder(NamedTuple):
    action: int
    text: bytes
    signature: str

@final
class OrderWriter:
    @property
    def orders(self) -> OrderTable: ...
    def __init__(
        self,
        orders: OrderTable,
        products: Sequence[ProductForms],
        signing: int = 0,
        key: HmacKey | None = None,
        client_most: int = 18,
    ) -> None: ...
    def set_token(self, token: bytes | bytearray | memoryview) -> None: ...
    def write(
        self, approved: RiskApproved, timestamp_ms: int, reference: int = 0
    ) -> WrittenOrder: ...
    def write_into(
        self,
        approved: RiskApproved,
        timestamp_ms: int,
        reference: int,
        buffer: bytearray | memoryview,
    ) -> int: ...
    def __reduce_ex__(self, protocol: object) -> Never: ...
