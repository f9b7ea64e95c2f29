from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

from alp._core.orders import OrderTable

class Crossing(IntEnum):
    CLAMP = 1
    SKIP = 2

class AmendBits(NamedTuple):
    price: bool = False
    more: bool = False
    less: bool = False
    keeps_place: bool = False

class LadderOptions(NamedTuple):
    amend: AmendBits = ...
    crossing: Crossing = ...
    price_tolerance: int = 0
    quantity_tolerance: int = 0
    new_cost: int = 0
    amend_cost: tuple[tuple[int, int], ...] = ()
    cancel_cost: tuple[tuple[int, int], ...] = ()

class QuoteFields(NamedTuple):
    side: int
    price: int
    quantity: int

class RestingFields(NamedTuple):
    side: int
    price: int
    rest: int
    filled: int = 0
    age_ns: int = 0
    blocked: bool = False
    amendable: bool = True
    low: int = 0
    high: int = 0

class ChangeFields(NamedTuple):
    action: int
    order: int | str | None
    side: int
    price: int
    quantity: int

class LadderAnswer(NamedTuple):
    changes: list[ChangeFields]
    messages: int
    places_lost: int
    cost: int
    deferred: int
    skipped: int

class LadderError(ValueError): ...

class Ladder:
    def __init__(self, options: LadderOptions, orders: OrderTable | None = None) -> None: ...
    def since(self, client_id: str, at_ns: int) -> None: ...
    def follow(
        self,
        instrument: int,
        quotes: Sequence[QuoteFields],
        *,
        now_ns: int,
        bid: int = 0,
        ask: int = 0,
        room_buy: int = ...,
        room_sell: int = ...,
        budget: int = ...,
    ) -> LadderAnswer: ...
    def diff(
        self,
        quotes: Sequence[QuoteFields],
        resting: Sequence[RestingFields],
        *,
        bid: int = 0,
        ask: int = 0,
        room_buy: int = ...,
        room_sell: int = ...,
        budget: int = ...,
    ) -> LadderAnswer: ...
