"""The simulation of Avellaneda & Stoikov (2008), section 3.3, to hold our model to theirs.

Mid moves by ``+-sigma sqrt(dt)`` with equal odds; in each step a quote at distance ``delta`` is
filled with probability ``A exp(-k delta) dt``, each side on its own. The *inventory* maker quotes
around its reservation price; the *symmetric* one quotes the same spread around mid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alp.models.avellaneda_stoikov import AvellanedaStoikov
from alp.models.quoting import Horizon, Intensity

if TYPE_CHECKING:
    from alp.models.glft_solver import FloatArray


@dataclass(frozen=True, slots=True)
class PaperMarket:
    """The market of the paper's simulation; the defaults are the paper's."""

    mid: float = 100.0
    sigma: float = 2.0
    horizon_s: float = 1.0
    step_s: float = 0.005
    intensity: Intensity = Intensity(140.0, 1.5)  # noqa: RUF009 - immutable

    @property
    def steps(self) -> int:
        """Number of steps in the session."""
        return round(self.horizon_s / self.step_s)


@dataclass(frozen=True, slots=True)
class Sample:
    """Mean and standard deviation of one quantity over the paths, with their standard errors."""

    mean: float
    deviation: float
    mean_error: float
    deviation_error: float

    @classmethod
    def of(cls, values: FloatArray) -> Sample:
        """Summarise one value per path; the error of the deviation allows for fat tails."""
        count = len(values)
        centred = values - values.mean()
        variance = float(np.mean(centred**2)) * count / (count - 1)
        deviation = variance**0.5
        excess = max(float(np.mean(centred**4)) - variance**2, 0.0)
        return cls(
            mean=float(values.mean()),
            deviation=deviation,
            mean_error=deviation / count**0.5,
            deviation_error=(excess / count) ** 0.5 / (2.0 * deviation) if deviation else 0.0,
        )


@dataclass(frozen=True, slots=True)
class PaperRun:
    """One strategy over all paths."""

    spread: float
    profit: Sample
    final_inventory: Sample


def simulate(
    risk_aversion: float,
    *,
    inventory_strategy: bool,
    paths: int,
    random: np.random.Generator,
    market: PaperMarket | None = None,
) -> PaperRun:
    """Run one strategy of the paper.

    Parameters
    ----------
    risk_aversion
        ``gamma``.
    inventory_strategy
        True: quotes centred on the reservation price. False: on mid.
    paths
        Number of independent sessions.
    random
        The source of all randomness.
    market
        The paper's by default.

    Returns
    -------
    PaperRun
        Average spread over the session; profit (cash plus inventory at mid) and final inventory.
    """
    market = PaperMarket() if market is None else market
    model = AvellanedaStoikov(
        risk_aversion, market.sigma, market.intensity.decay, Horizon.FINITE, market.horizon_s
    )
    mid = np.full(paths, market.mid)
    cash, inventory = np.zeros(paths), np.zeros(paths)
    spreads = 0.0
    for step in range(market.steps):
        elapsed_s = step * market.step_s
        spread = model.spread(elapsed_s)
        spreads += spread
        lean: FloatArray = np.zeros(paths)
        if inventory_strategy:
            # The reservation price is linear in inventory: one evaluation serves every path.
            lean = inventory * (model.reservation_price(0.0, 1.0, elapsed_s))
        ask, bid = spread / 2.0 + lean, spread / 2.0 - lean
        draws = random.random((2, paths))
        rate_s = market.intensity.scale * market.step_s
        sold = draws[0] < rate_s * np.exp(-market.intensity.decay * ask)
        bought = draws[1] < rate_s * np.exp(-market.intensity.decay * bid)
        cash += sold * (mid + ask) - bought * (mid - bid)
        inventory += bought.astype(np.float64) - sold
        up = random.random(paths) < 0.5
        mid += np.where(up, 1.0, -1.0) * (market.sigma * market.step_s**0.5)
    return PaperRun(
        spread=spreads / market.steps,
        profit=Sample.of(cash + inventory * mid),
        final_inventory=Sample.of(inventory),
    )
