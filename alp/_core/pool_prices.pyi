from typing import Any

import numpy as np
import numpy.typing as npt

_Doubles = npt.NDArray[np.float64]

def pool_bars(
    opened: _Doubles,
    high: _Doubles,
    low: _Doubles,
    close: _Doubles,
    volume: _Doubles,
    out: npt.NDArray[Any],
    declined: npt.NDArray[np.uint8],
    *,
    inverted: bool,
    base_is_token0: bool,
    base_decimals: int,
    quote_decimals: int,
    raw_volume: bool,
) -> int: ...
def tick_prices(ticks: npt.NDArray[np.int64], out: npt.NDArray[np.uint64]) -> None: ...
