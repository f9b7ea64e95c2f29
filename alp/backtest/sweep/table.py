"""The end of a sweep on a terminal: how many trials, the best of them, what went wrong.

Narrow enough for 80 columns with a few parameters; a field is named by its last word, or by as
many as it takes to tell it from the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from alp.backtest.codec import plain
from alp.backtest.compared import Metric
from alp.backtest.report.notation import NONE, count, number, statistic
from alp.backtest.sweep.objectives import MEASURES, Objective
from alp.backtest.sweep.results import SweepResults, TrialFacts
from alp.backtest.sweep.run import Progress, Sweep
from alp.backtest.sweep.space import write_value

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

SHOWN = 10
"""Trials in the table."""

_REASONS = 3
_ALWAYS = ("nav_change_bps", "versus_hold_bps", "fees_to_lvr", "max_drawdown_bps")


def remark(seen: Progress, objectives: Sequence[Objective]) -> str:
    """Say in a few words how far a study is, and what is best so far."""
    words = f"{count(seen.done)}/{count(seen.wanted)}"
    if seen.pruned:
        words += f", {count(seen.pruned)} invalid"
    if seen.failed:
        words += f", {count(seen.failed)} failed"
    if seen.best is not None and seen.best.values is not None:
        measure = MEASURES[objectives[0].name]
        unit = " bps" if measure.unit == "bps" else ""
        best = shown_value(measure, seen.best.values[0]) + unit
        words += f", best {best} (trial {seen.best.index})"
    return words


def shown_value(measure: Metric, value: float | None) -> str:
    """Write a number of a trial, without its unit."""
    if value is None:
        return NONE
    if measure.unit == "count":
        return count(int(value))
    if measure.unit == "bps":
        return number(value, 1, sign=measure.higher_is_better)
    return statistic(value, sign=measure.unit == "quote")


def short_names(fields: Sequence[str]) -> dict[str, str]:
    """Shorten paths to as many last words as tell them apart."""
    names = {}
    for field in fields:
        words = field.split(".")
        for size in range(1, len(words) + 1):
            name = ".".join(words[-size:])
            if sum(f".{other}".endswith(f".{name}") for other in fields) == 1:
                break
        names[field] = name
    return names


def print_sweep(sweep: Sweep) -> None:
    """Print the summary to standard output."""
    from rich.console import Console

    results = sweep.results
    console = Console(highlight=False)
    console.print(f"{results.study}: {_counts(results)}", style="bold", markup=False)
    if sweep.ran:
        each = sweep.ran / sweep.seconds if sweep.seconds else 0.0
        console.print(
            f"ran {count(sweep.ran)} trials in {number(sweep.seconds, 1)} s,"
            f" {number(each, 2)} each second"
        )
    if sweep.ended == "timeout":
        console.print("stopped by --timeout; the same command goes on")
    if results.count("complete"):
        for part in _best_trials(results, console):
            console.print(part)
    for line in _complaints(results):
        console.print(line, markup=False)
    for index, path in sweep.kept.items():
        console.print(f"results of trial {index}: {path}", markup=False)


def _counts(results: SweepResults) -> str:
    words = f"{count(len(results.trials))} of {count(results.wanted)} trials done"
    kinds: tuple[tuple[Literal["pruned", "failed"], str], ...] = (
        ("pruned", "invalid"),
        ("failed", "failed"),
    )
    for status, word in kinds:
        if results.count(status):
            words += f", {count(results.count(status))} {word}"
    return words


def _best_trials(results: SweepResults, console: Console) -> list[RenderableType]:
    """Return the table, with the parameters in lines below it where they make it too wide."""
    from rich.measure import Measurement
    from rich.text import Text

    short = short_names([item.field for item in results.space])
    whole = _table(results, short)
    options = console.options.update(max_width=1000)
    if Measurement.get(console, options, whole).maximum <= console.width:
        return [whole]
    lines = [
        Text(f"trial {trial.index}: {_settings(short, trial)}")
        for trial in results.ranked()[:SHOWN]
    ]
    return [_table(results, {}), *lines, Text()]


def _settings(short: dict[str, str], trial: TrialFacts) -> str:
    return " ".join(
        f"{name}={write_value(trial.parameters.get(field))}" for field, name in short.items()
    )


def _table(results: SweepResults, short: dict[str, str]) -> Table:
    from rich import box
    from rich.table import Table

    wanted = [objective.name for objective in results.objectives]
    names = [*wanted, *(name for name in _ALWAYS if name not in wanted)]
    best = results.ranked()[:SHOWN]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for title in ("#", "Trial"):
        table.add_column(title, justify="right", no_wrap=True)
    for name in short.values():
        table.add_column(name, justify="right", no_wrap=True)
    for name in names:
        table.add_column(_heading(MEASURES[name]), justify="right", no_wrap=True)
    for trial in best:
        table.add_row(
            str(trial.rank) if len(wanted) == 1 else f"{trial.rank} (front {trial.front})",
            str(trial.index),
            *(write_value(trial.parameters.get(field)) for field in short),
            *(shown_value(MEASURES[name], trial.metrics.get(name)) for name in names),
        )
    return table


def _heading(measure: Metric) -> str:
    """Break a title into short lines, so that a column is no wider than its numbers need."""
    unit = "bps" if measure.unit == "bps" else ""
    return "\n".join(filter(None, (*measure.title.replace(" / ", " /").split(" "), unit)))


def _complaints(results: SweepResults) -> list[str]:
    """Say why trials are invalid or failed, the commonest reasons first."""
    reasons = Counter(
        ("invalid" if trial.status == "pruned" else "failed", trial.reason)
        for trial in results.trials
        if trial.status != "complete"
    )
    lines = [f"{count(many)} {word}: {reason}" for (word, reason), many in reasons.most_common()]
    if len(lines) > _REASONS:
        lines[_REASONS:] = [f"and more reasons ({len(lines) - _REASONS}), in sweep.json"]
    return lines


def best_settings(results: SweepResults) -> list[str] | None:
    """Return the best trial's values as ``--set`` takes them; None where there is no best."""
    best = results.ranked()[:1]
    return [_setting(name, value) for name, value in best[0].parameters.items()] if best else None


def _setting(field: str, value: Any) -> str:
    return f"{field.removeprefix('spec.')}={write_value(value)}"


def sweep_data(sweep: Sweep) -> dict[str, object]:
    """Give the summary as data: counts, the best trials, where kept results are."""
    results = sweep.results
    return {
        "study": results.study,
        "ended": sweep.ended,
        "wanted": results.wanted,
        "complete": results.count("complete"),
        "pruned": results.count("pruned"),
        "failed": results.count("failed"),
        "objectives": [f"{each.name}:{each.direction}" for each in results.objectives],
        "best": [_best(trial) for trial in results.ranked()[:SHOWN]],
        "kept": {str(index): str(path) for index, path in sweep.kept.items()},
    }


def _best(trial: TrialFacts) -> dict[str, object]:
    return {
        "index": trial.index,
        "rank": trial.rank,
        "front": trial.front,
        "parameters": plain(trial.parameters),
        "metrics": plain(trial.metrics),
    }
