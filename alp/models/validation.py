"""Holds the models to published and independently computed numbers.

The Avellaneda-Stoikov figures are a simulation's: ours is judged against an independent run of
20,000 paths, by the joint standard error. The paper's own figures, of 1,000 paths, are shown beside
and not judged: its mean profits and deviations of inventory are several standard errors away from
what its own description gives, in ours and in the independent run alike.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from alp.models.glft import GlftClosedForm, GlftExact, GlftParameters
from alp.models.intensity import fit_intensity
from alp.models.paper_simulation import PaperRun, simulate
from alp.models.quoting import Distances, Horizon, Intensity
from alp.models.volatility import EwmaVolatility, RealisedVolatility, Volatility, sigma_after_each

Z_LIMIT = 4.0
"""Joint standard errors beyond which a simulated figure is wrong."""
PAPER_PATHS = 1_000
INDEPENDENT_PATHS = 20_000

# gamma -> strategy -> mean profit, its deviation, mean final inventory, its deviation.
_PAPER = {
    0.1: {"inventory": (62.94, 5.89, 0.10, 2.80), "symmetric": (67.21, 13.43, -0.018, 8.66)},
    0.01: {"inventory": (66.78, 8.76, -0.02, 4.70), "symmetric": (67.36, 13.40, -0.31, 8.65)},
}
_PAPER_SPREAD = {0.1: 1.49, 0.01: 1.35}
# Final inventory is 0 on average by symmetry.
_INDEPENDENT = {
    0.1: {"inventory": (64.86, 6.52, 0.0, 2.91), "symmetric": (68.00, 13.24, 0.0, 8.33)},
    0.01: {"inventory": (68.38, 8.92, 0.0, 5.18), "symmetric": (68.64, 13.67, 0.0, 8.65)},
}
_GLFT = GlftParameters(0.01, 0.3, Intensity(0.9, 0.3), 31.0)
_GLFT_EXACT = GlftParameters(0.01, 0.3, Intensity(0.9, 0.3), 30.0)
# inventory -> exact bid and ask, closed-form bid and ask; double precision, six decimals.
_GLFT_STATIONARY: dict[int, tuple[float, float | None, float, float]] = {
    -30: (0.427056, None, 1.276940, 5.348890),
    -10: (2.632802, 3.992933, 2.634257, 3.991574),
    -1: (3.244919, 3.381168, 3.245049, 3.380781),
    0: (3.313045, 3.313045, 3.312915, 3.312915),
    5: (3.653480, 2.972522, 3.652244, 2.973586),
    20: (4.665542, 1.959199, 4.670232, 1.955599),
}
_GLFT_TEN_SECONDS = {-10: (3.193980, 3.372933), 0: (3.283456, 3.283456)}
_ROUNDING = 5.0e-7


@dataclass(frozen=True, slots=True)
class Check:
    """One figure of ours beside what it should be.

    Attributes
    ----------
    error, reference_error
        Standard errors; 0 for a figure that is computed, not sampled.
    tolerance
        Greatest difference for computed figures; sampled ones are held to `Z_LIMIT`.
    paper, paper_error
        The paper's figure, where it prints one that is not the reference.
    """

    group: str
    case: str
    quantity: str
    ours: float
    reference: float
    error: float = 0.0
    reference_error: float = 0.0
    tolerance: float = 0.0
    paper: float | None = None
    paper_error: float = 0.0

    @property
    def z(self) -> float | None:
        """Difference from the reference in joint standard errors; None for computed figures."""
        joint = math.hypot(self.error, self.reference_error)
        return (self.ours - self.reference) / joint if joint > 0.0 else None

    @property
    def z_paper(self) -> float | None:
        """Difference from the paper in joint standard errors."""
        if self.paper is None or self.error == 0.0:
            return None
        return (self.ours - self.paper) / math.hypot(self.error, self.paper_error)

    @property
    def passed(self) -> bool:
        """Whether ours is what it should be."""
        if self.z is not None:
            return abs(self.z) <= Z_LIMIT
        return abs(self.ours - self.reference) <= self.tolerance

    def record(self) -> dict[str, Any]:
        """Return the check as plain values."""
        return {
            "group": self.group,
            "case": self.case,
            "quantity": self.quantity,
            "ours": self.ours,
            "standard_error": self.error,
            "reference": self.reference,
            "reference_standard_error": self.reference_error,
            "tolerance": self.tolerance,
            "z": self.z,
            "paper": self.paper,
            "z_paper": self.z_paper,
            "passed": self.passed,
        }


def validate(paths: int, seed: int) -> list[Check]:
    """Run every check.

    Parameters
    ----------
    paths
        Simulated sessions for each of the four Avellaneda-Stoikov runs.
    seed
        Of all randomness; the same seed gives the same figures.
    """
    return [
        *_avellaneda_stoikov(paths, np.random.default_rng([seed, 1])),
        *_glft(),
        *_estimators(np.random.default_rng([seed, 2])),
    ]


def _avellaneda_stoikov(paths: int, random: np.random.Generator) -> Iterator[Check]:
    for aversion, strategies in _INDEPENDENT.items():
        for strategy, independent in strategies.items():
            run = simulate(
                aversion,
                inventory_strategy=strategy == "inventory",
                paths=paths,
                random=random,
            )
            case = f"gamma {aversion}, {strategy}"
            yield Check(
                group="Avellaneda-Stoikov",
                case=case,
                quantity="mean spread",
                ours=run.spread,
                reference=_PAPER_SPREAD[aversion],
                tolerance=0.005,
                paper=_PAPER_SPREAD[aversion],
            )
            yield from _sampled(case, run, independent, _PAPER[aversion][strategy], paths)


def _sampled(
    case: str,
    run: PaperRun,
    independent: tuple[float, float, float, float],
    paper: tuple[float, float, float, float],
    paths: int,
) -> Iterator[Check]:
    profit, inventory = run.profit, run.final_inventory
    figures = (
        ("mean profit", profit.mean, profit.mean_error),
        ("std of profit", profit.deviation, profit.deviation_error),
        ("mean final q", inventory.mean, inventory.mean_error),
        ("std of final q", inventory.deviation, inventory.deviation_error),
    )
    for i, (quantity, ours, error) in enumerate(figures):
        # The same process, so the error of a run scales with its paths; 0 by symmetry has none.
        exact = independent[i] == 0.0
        yield Check(
            group="Avellaneda-Stoikov",
            case=case,
            quantity=quantity,
            ours=ours,
            error=error,
            reference=independent[i],
            reference_error=0.0 if exact else error * math.sqrt(paths / INDEPENDENT_PATHS),
            paper=paper[i],
            paper_error=error * math.sqrt(paths / PAPER_PATHS),
        )


def _glft() -> Iterator[Check]:
    exact, closed = GlftExact(_GLFT_EXACT), GlftClosedForm(_GLFT)
    for inventory, (bid, ask, closed_bid, closed_ask) in _GLFT_STATIONARY.items():
        case = f"q = {inventory}"
        yield from _distances("exact", case, exact.distances(inventory), bid, ask)
        yield from _distances("closed", case, closed.distances(inventory), closed_bid, closed_ask)
    finite = GlftExact(_GLFT_EXACT, Horizon.FINITE, horizon_s=10.0)
    for inventory, (bid, ask) in _GLFT_TEN_SECONDS.items():
        yield from _distances(
            "10 s left", f"q = {inventory}", finite.distances(inventory), bid, ask
        )


def _distances(
    kind: str, case: str, ours: Distances, bid: float | None, ask: float | None
) -> Iterator[Check]:
    for side, got, expected in (("bid", ours.bid, bid), ("ask", ours.ask, ask)):
        if got is None and expected is None:
            continue
        yield Check(
            group="GLFT",
            case=case,
            quantity=f"{kind} {side}",
            ours=math.nan if got is None else got,
            reference=math.nan if expected is None else expected,
            tolerance=_ROUNDING,
        )


def _estimators(random: np.random.Generator) -> Iterator[Check]:
    yield from _intensity(random, Intensity(140.0, 1.5))
    for name, make in (
        ("ewma", lambda: EwmaVolatility(600_000_000_000)),
        ("realised", lambda: RealisedVolatility(3_600_000_000_000)),
    ):
        estimates = [_estimated_sigma(make(), random) for _ in range(30)]
        yield _averaged("volatility", name, "sigma (bps)", estimates, 2.0)


def _intensity(random: np.random.Generator, truth: Intensity) -> Iterator[Check]:
    seconds, fits = 100.0, []
    for _ in range(30):
        count = random.poisson(2.0 * truth.scale * seconds)
        fits.append(fit_intensity(random.exponential(1.0 / truth.decay, count), seconds))
    scales = [fit.intensity.scale for fit in fits]
    decays = [fit.intensity.decay for fit in fits]
    yield _averaged("intensity", "simulated arrivals", "A", scales, truth.scale)
    yield _averaged("intensity", "simulated arrivals", "k", decays, truth.decay)


def _estimated_sigma(estimator: Volatility, random: np.random.Generator) -> float:
    count, sigma = 10_000, 2e-4
    gaps = random.exponential(1.0, count)
    prices = 2_000.0 * np.exp(np.cumsum(random.standard_normal(count) * sigma * np.sqrt(gaps)))
    ts_ns = np.cumsum(np.maximum((gaps * 1e9).astype(np.int64), 1))
    sigma_after_each(estimator, ts_ns, prices)
    return estimator.sigma() * 1e4


def _averaged(group: str, case: str, quantity: str, estimates: list[float], truth: float) -> Check:
    values = np.asarray(estimates)
    error = float(values.std(ddof=1)) / math.sqrt(len(values))
    return Check(group, case, quantity, float(values.mean()), truth, error=error)
