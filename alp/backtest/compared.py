"""What is kept of a run to compare it with others, and the numbers it is compared by.

A run is reduced as soon as it ends, so that a sweep of thousands keeps little in memory and its
workers hand over little.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from alp.backtest.codec import exact_sum
from alp.backtest.report.headline import change_of_nav, decisions, fees_to_lvr, versus_hold
from alp.backtest.report.notation import Notation
from alp.backtest.results import Results
from alp.errors import ConfigError

Scalar = str | int | float | bool | None

CURVE_POINTS = 300
"""NAV curves are thinned to this many points."""


@dataclass(frozen=True)
class Metric:
    """A headline number that runs are compared by."""

    name: str
    title: str
    unit: str
    """``quote``, ``bps``, ``count`` or empty for a ratio."""
    higher_is_better: bool
    of: Callable[[Results], float | None]


def _hedge(results: Results) -> float:
    parts = results.attribution
    return float(exact_sum((parts.hedge_pnl, parts.hedge_fees)))


METRICS: tuple[Metric, ...] = (
    Metric("nav_change", "NAV change", "quote", True, lambda r: float(r.nav.change)),
    Metric("nav_change_bps", "NAV change", "bps", True, lambda r: change_of_nav(r) * 1e4),
    Metric("versus_hold", "Versus holding", "quote", True, lambda r: float(versus_hold(r))),
    Metric("fees", "Fees", "quote", True, lambda r: float(r.attribution.fees)),
    Metric("lvr", "LVR", "quote", True, lambda r: float(r.attribution.lvr)),
    Metric("fees_to_lvr", "Fees / LVR", "", True, fees_to_lvr),
    Metric("gas", "Gas", "quote", True, lambda r: float(r.attribution.gas)),
    Metric("hedge", "Hedge", "quote", True, _hedge),
    Metric("max_drawdown_bps", "Max drawdown", "bps", False, lambda r: r.risk.max_drawdown_bps),
    Metric("rebalances", "Rebalances", "count", False, lambda r: decisions(r)["executed"]),
    Metric("time_in_range", "Time in range", "", True, lambda r: r.risk.time_in_range),
)
"""The numbers compared, in reading order; ``alp sweep`` optimises one of them by name."""


@dataclass(frozen=True)
class ComparedRun:
    """What the comparison keeps of one run; picklable, a few kilobytes."""

    label: str
    parameters: dict[str, Scalar]
    metrics: dict[str, float | None]
    curve_ts_ns: tuple[int, ...]
    curve: tuple[float | None, ...]
    """Change of NAV since the start, in quote."""
    hodl: tuple[float | None, ...]
    """Change of the starting tokens' value if only held, in quote."""
    quote: str
    notation: Notation

    @classmethod
    def of(cls, label: str, parameters: Mapping[str, Scalar], results: Results) -> Self:
        """Reduce one run's results.

        Parameters
        ----------
        label
            What to call the run; unique within a comparison.
        parameters
            The parameters that were varied, by path in the manifest.
        """
        series = results.series
        step = max(1, -(-len(series.ts_ns) // CURVE_POINTS))
        chosen = list(range(0, len(series.ts_ns), step))
        if chosen and chosen[-1] != len(series.ts_ns) - 1:
            chosen.append(len(series.ts_ns) - 1)
        start = float(results.nav.start)
        return cls(
            label=label,
            parameters=dict(parameters),
            metrics={metric.name: metric.of(results) for metric in METRICS},
            curve_ts_ns=tuple(series.ts_ns[i] for i in chosen),
            curve=tuple(_less(series.nav[i], start) for i in chosen),
            hodl=tuple(_less(series.hodl[i], start) for i in chosen),
            quote=results.pair.quote,
            notation=Notation.of(results),
        )


def metric(name: str) -> Metric:
    """Look a metric up by name.

    Raises
    ------
    ConfigError
        If there is none of that name.
    """
    for item in METRICS:
        if item.name == name:
            return item
    known = ", ".join(item.name for item in METRICS)
    raise ConfigError(f"{name!r} is not a metric", hint=f"one of: {known}")


def ranked(runs: Sequence[ComparedRun], objective: str) -> list[ComparedRun]:
    """Sort runs from best to worst by a metric; runs without it come last, ties by label."""
    item = metric(objective)
    sign = -1 if item.higher_is_better else 1

    def key(run: ComparedRun) -> tuple[bool, float, str]:
        value = run.metrics[objective]
        return value is None, 0.0 if value is None else sign * value, run.label

    return sorted(runs, key=key)


def varied(runs: Sequence[ComparedRun]) -> list[str]:
    """Name the parameters that are not the same in all runs, in order of first appearance."""
    names = dict.fromkeys(name for run in runs for name in run.parameters)
    if len(runs) == 1:
        return list(names)
    return [name for name in names if len({repr(run.parameters.get(name)) for run in runs}) > 1]


def is_number(value: Scalar) -> bool:
    """Tell whether a parameter's value can lie on an axis of numbers."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _less(value: float | None, start: float) -> float | None:
    return None if value is None else value - start
