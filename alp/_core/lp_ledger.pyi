import numpy as np
import numpy.typing as npt

MARK_SCALE: int

LedgerSample = tuple[int, int, int, int, int, int, int, float, float]

def mark_price(sqrt_price_x96: int, base_is_token0: bool) -> int: ...
def read_samples(rows: npt.NDArray[np.uint8] | bytes) -> list[LedgerSample]: ...
