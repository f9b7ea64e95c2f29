from collections.abc import KeysView

import numpy as np
import numpy.typing as npt

MARK_SCALE: int

_Sample = tuple[int, int, int, int, int, int, int, float, float]

class PositionBooks:
    def __getitem__(self, name: str) -> int: ...
    def keys(self) -> KeysView[str]: ...

def mark_price(sqrt_price_x96: int, base_is_token0: bool) -> int: ...
def read_samples(rows: npt.NDArray[np.uint8] | bytes) -> list[_Sample]: ...
