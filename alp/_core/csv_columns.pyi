from typing import Any

import numpy as np
import numpy.typing as npt

CELL_CODES: dict[str, int]

def read_columns(
    text: bytes,
    used: int,
    end: int,
    width: int,
    fields: list[int],
    cells: list[int],
    targets: list[npt.NDArray[Any]],
    rows: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
    marks: npt.NDArray[np.uint64],
    filled: int,
    first_row: int,
) -> tuple[int, int, int, bool]: ...
