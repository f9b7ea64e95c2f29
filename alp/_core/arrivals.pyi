from enum import IntEnum, IntFlag
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

class FitUnit(IntEnum):
    TICKS = 1
    BINS = 2

class Readiness(IntFlag):
    FEW_SAMPLES = 1
    FEW_ARRIVALS = 2
    FEW_DISTANCES = 4
    NOT_FALLING = 8
    FEW_MOVES = 16

class CalibrationView(NamedTuple):
    scale: float
    decay: float
    sigma: float
    r_squared: float
    drift: float
    sigma_ns: int
    fitted_ns: int
    arrivals: int
    moves: int
    distances: int
    lacking: Readiness

class ArrivalEstimator:
    def __init__(
        self,
        *,
        interval_ns: int = 100_000_000,
        window: int = 6000,
        refit_every: int = 50,
        least_samples: int | None = None,
        least_arrivals: int = 100,
        least_hits: int = 10,
        drift_samples: int = 10,
        bin_half_ticks: int = 1,
        most_bins: int = 70,
        sides: int = 2,
        unit: FitUnit = ...,
        weighted: bool = True,
    ) -> None: ...
    def sample(
        self,
        now_ns: int,
        bid: int,
        ask: int,
        highest_bought: int = -1,
        lowest_sold: int = -1,
    ) -> bool: ...
    def warm_up(
        self,
        ts_ns: npt.NDArray[np.int64],
        prices: npt.NDArray[np.int64],
        bought: npt.NDArray[np.uint8],
    ) -> None: ...
    @property
    def ready(self) -> bool: ...
    @property
    def calibration(self) -> CalibrationView: ...
    @property
    def samples(self) -> int: ...
    @property
    def last_ns(self) -> int: ...
    def snapshot(self) -> dict[str, Any]: ...
    def restore(self, state: dict[str, Any]) -> None: ...
