from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

def outlook(
    curves: Sequence[tuple[float, float, float]],
    root: float,
    sigma: float,
    horizon_s: float,
    income_per_s: float,
    others: float,
    nodes: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64],
) -> tuple[float, float, float, float]: ...
