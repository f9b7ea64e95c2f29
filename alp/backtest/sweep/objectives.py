"""What a sweep looks for: numbers of a run by name, each with a direction.

The numbers are those that runs are compared by (:data:`alp.backtest.compared.METRICS`) and a few
that only a search needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Literal

from alp.backtest.compared import METRICS, Metric
from alp.backtest.report.headline import versus_hold
from alp.backtest.results import Results
from alp.errors import ConfigError
from alp.strategy.suggest import did_you_mean

YEAR_NS = 365.25 * 86_400e9


def return_to_volatility(results: Results) -> float | None:
    """Return annual log growth of NAV over its annual volatility: a Sharpe ratio without a rate.

    None where the volatility is not known or zero, or NAV is not positive.
    """
    start, end = float(results.nav.start), float(results.nav.end)
    years = (results.window.end_ns - results.window.start_ns) / YEAR_NS
    volatility = results.risk.volatility
    if not volatility or years <= 0 or start <= 0 or end <= 0:
        return None
    return log(end / start) / years / volatility


def _versus_hold_bps(results: Results) -> float | None:
    start = float(results.nav.start)
    return float(versus_hold(results)) / start * 1e4 if start else None


MEASURES: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        *METRICS,
        Metric("versus_hold_bps", "Versus holding", "bps", True, _versus_hold_bps),
        Metric("sharpe", "Return / volatility", "", True, return_to_volatility),
        Metric("volatility", "Volatility", "", False, lambda r: r.risk.volatility),
        Metric("il", "Impermanent loss", "quote", True, lambda r: float(r.il)),
    )
}
"""Every number that can be an objective, by name."""


Direction = Literal["maximize", "minimize"]

_DIRECTIONS: dict[str, Direction] = {"maximize": "maximize", "minimize": "minimize"}


@dataclass(frozen=True)
class Objective:
    """A number to make large or small."""

    name: str
    direction: Direction

    @property
    def title(self) -> str:
        """What people call the number."""
        return MEASURES[self.name].title

    def sign(self) -> int:
        """Return -1 where larger is better: sorting ascending puts the best first."""
        return -1 if self.direction == "maximize" else 1


def read_objective(text: str) -> Objective:
    """Read ``name``, or ``name:maximize`` or ``name:minimize`` against the usual direction.

    Raises
    ------
    ConfigError
        If there is no such number or direction.
    """
    name, colon, direction = text.partition(":")
    measure = MEASURES.get(name)
    if measure is None:
        raise ConfigError(
            f"{name!r} is not an objective{did_you_mean(name, MEASURES)}",
            hint=f"one of: {', '.join(MEASURES)}",
        )
    if not colon:
        return Objective(name, "maximize" if measure.higher_is_better else "minimize")
    if direction not in _DIRECTIONS:
        raise ConfigError(f"{name}: {direction!r} is neither maximize nor minimize")
    return Objective(name, _DIRECTIONS[direction])


def read_objectives(texts: Sequence[str]) -> tuple[Objective, ...]:
    """Read several; the change of NAV in bps where there is none.

    Raises
    ------
    ConfigError
        If one cannot be read or is given twice.
    """
    found = tuple(read_objective(text) for text in texts or ("nav_change_bps",))
    names = [objective.name for objective in found]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{name!r} is given twice as an objective")
    return found
