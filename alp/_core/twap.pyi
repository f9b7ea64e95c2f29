import numpy as np
import numpy.typing as npt

def tick_time(
    ts_ns: npt.NDArray[np.int64], roots: npt.NDArray[np.float64], start_ns: int, end_ns: int
) -> float: ...
