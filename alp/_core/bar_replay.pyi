from typing import Any

import numpy as np
import numpy.typing as npt

from alp._core.lp_ledger import LedgerSample

PATH: int
SHARE: int
END: int
TIME: int
PRICE: int
FULL: int

class BarReplay:
    def __init__(
        self,
        fee_pips: int,
        base_is_token0: bool,
        fee_model: int,
        sqrt_price_x96: int,
        ts_ns: int,
    ) -> None: ...
    @property
    def ts_ns(self) -> int: ...
    @property
    def sqrt_price_x96(self) -> int: ...
    @property
    def tick(self) -> int: ...
    @property
    def mark(self) -> int: ...
    @property
    def bars(self) -> int: ...
    @property
    def fee_growth(self) -> tuple[float, float]: ...
    def open(self, tick_lower: int, tick_upper: int, liquidity: int) -> tuple[int, int, int]: ...
    def close(self, slot: int) -> dict[str, Any]: ...
    @property
    def holdings(self) -> tuple[int, int]: ...
    def sample_every(self, every_ns: int, ts_ns: int) -> None: ...
    def samples(self) -> bytes: ...
    def sample(self, ts_ns: int) -> LedgerSample: ...
    def read(self, slot: int) -> dict[str, Any]: ...
    def advance(
        self,
        bars: npt.NDArray[np.uint8],
        start: int,
        stop_ts_ns: int,
        sqrt_low_x96: int,
        sqrt_high_x96: int,
    ) -> tuple[int, int]: ...
