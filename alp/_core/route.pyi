from collections.abc import Sequence
from enum import IntEnum, IntFlag
from typing import NamedTuple

class RoutePolicy(IntEnum):
    BEST = 1
    SHARE = 2

class RouteShort(IntFlag):
    NO_VENUE = 1
    ROOM = 2
    DEPTH = 4
    SLIPPAGE = 8
    MINIMUM = 16
    LOT = 32

class RouteOptions(NamedTuple):
    policy: RoutePolicy = ...
    lean: int = 0
    slippage_bps: int = 0
    whole: bool = False

class RouteFields(NamedTuple):
    price_factor: int
    quantity_factor: int
    price: int = 0
    fee: int = 0
    room: int = 0
    minimum: int = 1
    maximum: int = ...
    minimum_notional: int = 0
    weight: int = 1
    position: int = 0
    limit: int = 0
    healthy: bool = True

class RoutedOrder(NamedTuple):
    route: int
    price: int
    lots: int

class RoutedLeg(NamedTuple):
    route: int
    lots: int
    worst: int
    cost: int

class RouteAnswer(NamedTuple):
    orders: list[RoutedOrder]
    legs: list[RoutedLeg]
    left: int
    short: RouteShort

class RouteError(ValueError): ...

def common_grid(grids: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], list[int]]: ...

class Router:
    def __init__(self, options: RouteOptions) -> None: ...
    def make(self, side: int, quantity: int, routes: Sequence[RouteFields]) -> RouteAnswer: ...
    def take(
        self,
        side: int,
        quantity: int,
        routes: Sequence[RouteFields],
        books: Sequence[Sequence[tuple[int, int]]],
        *,
        reference: int = 0,
    ) -> RouteAnswer: ...
