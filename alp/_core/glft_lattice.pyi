import numpy as np
import numpy.typing as npt

def ground_state(stiffness: float, log_values: npt.NDArray[np.float64]) -> float: ...
