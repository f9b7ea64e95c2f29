from enum import IntEnum
from typing import Any, NamedTuple, final

import numpy as np
import numpy.typing as npt

from alp._core.matching import QueueModel

AHEAD_UNIT: int
FILL_ROW: np.dtype[Any]

class FillCause(IntEnum):
    AT_TURN = 1
    TRADED_THROUGH = 2
    CROSSED = 3
    TAKEN = 4

class OrderPhase(IntEnum):
    SENT = 1
    LIVE = 2
    ENDED = 3

class AmendRule(IntEnum):
    NONE = 0
    AS_NEW = 1
    KEEPS = 2

class TickOrderView(NamedTuple):
    place: int
    tag: int
    bid: bool
    price: int
    lots: int
    left: int
    phase: OrderPhase
    canceling: bool
    amending: int

@final
class TickReplay:
    def __init__(
        self,
        tape: npt.NDArray[Any],
        *,
        model: QueueModel = ...,
        exponent: int = 2,
        entry_ns: int = 0,
        answer_ns: int = 0,
        latency: npt.NDArray[Any] | None = None,
        removals: npt.NDArray[Any] | None = None,
        amends: AmendRule = ...,
        whole: bool = False,
        check: bool = True,
    ) -> None: ...
    def advance(self, duration_ns: int) -> bool: ...
    def next(self, most_ns: int) -> bool: ...
    def send(
        self,
        bid: bool,
        price: int,
        lots: int,
        tag: int = 0,
        *,
        post_only: bool = True,
        rests: bool = True,
    ) -> int: ...
    def amend(self, place: int, price: int, lots: int) -> None: ...
    def cancel(self, place: int) -> None: ...
    def sweep(self) -> None: ...
    def look_away(self) -> None: ...
    def orders(self) -> list[TickOrderView]: ...
    def ahead(self, place: int) -> float | None: ...
    def touches(self, step_ns: int) -> npt.NDArray[np.int64]: ...
    @property
    def touch(self) -> tuple[int, int, int, int] | None: ...
    def depth(self, bid: bool, most: int) -> list[tuple[int, int]]: ...
    def lots_at(self, bid: bool, price: int) -> int: ...
    @property
    def traded(self) -> tuple[int, int, int, int, int]: ...
    @property
    def now_ns(self) -> int: ...
    @property
    def position(self) -> int: ...
    @property
    def cash(self) -> int: ...
    @property
    def counts(self) -> tuple[int, int, int, int]: ...
    @property
    def turnover(self) -> tuple[int, int]: ...
    def fills(self, since: int = 0) -> npt.NDArray[Any]: ...
