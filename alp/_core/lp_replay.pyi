import numpy as np
import numpy.typing as npt

from alp._core.lp_ledger import PositionBooks
from alp._core.pool import Pool

OVERLAY: int
REEXECUTE: int
END: int
TIME: int
PRICE: int
BLOCK: int
FULL: int
OWNER: int

_Sample = tuple[int, int, int, int, int, int, int, float, float]

class LpReplay:
    def __init__(
        self,
        pool: Pool,
        base_is_token0: bool,
        mode: int,
        mark_every_ns: int,
        ts_ns: int,
        block: int,
    ) -> None: ...
    @property
    def pool(self) -> Pool: ...
    @property
    def block(self) -> int: ...
    @property
    def ts_ns(self) -> int: ...
    @property
    def mark(self) -> int: ...
    @property
    def fee_growth(self) -> tuple[float, float]: ...
    @property
    def others_liquidity(self) -> int: ...
    @property
    def counters(self) -> dict[str, int | float]: ...
    def open(
        self, tick_lower: int, tick_upper: int, liquidity: int, ts_ns: int
    ) -> tuple[int, int, int]: ...
    def close(self, slot: int, ts_ns: int) -> tuple[PositionBooks, int, int]: ...
    def quote(self, zero_for_one: bool, amount_in: int) -> tuple[int, int]: ...
    def swap(self, zero_for_one: bool, amount_in: int, ts_ns: int) -> tuple[int, int]: ...
    def settle(self, ts_ns: int) -> None: ...
    @property
    def holdings(self) -> tuple[int, int]: ...
    def sample_every(self, every_ns: int, ts_ns: int) -> None: ...
    def samples(self) -> bytes: ...
    def sample(self, ts_ns: int) -> _Sample: ...
    def read(self, slot: int) -> PositionBooks: ...
    def amounts(self, slot: int) -> tuple[int, int, int, int]: ...
    def advance(
        self,
        events: npt.NDArray[np.uint8],
        start: int,
        stop_ts_ns: int,
        stop_block: int,
        sqrt_low_x96: int,
        sqrt_high_x96: int,
        roots: npt.NDArray[np.float64],
        d_base: npt.NDArray[np.float64],
        d_quote: npt.NDArray[np.float64],
    ) -> tuple[int, int]: ...
