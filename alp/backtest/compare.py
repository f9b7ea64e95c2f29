"""One page that compares many runs: a table to sort, parameters against outcomes, NAV curves.

The page is self-contained and deterministic, as the report is.
"""

from __future__ import annotations

from collections.abc import Sequence

from alp.backtest.compared import (
    METRICS,
    ComparedRun,
    Metric,
    Scalar,
    is_number,
    metric,
    ranked,
    varied,
)
from alp.backtest.report.comparison import comparison_figures, scatter_axes
from alp.backtest.report.notation import NONE, count, number, statistic
from alp.backtest.report.report import environment, figures_json, plotly_js
from alp.backtest.report.tables import Cell, Column, Table, number_column, text_column, value_cell
from alp.errors import ConfigError


def render_comparison(
    runs: Sequence[ComparedRun], *, title: str = "Sweep", objective: str = "nav_change"
) -> str:
    """Render the comparison page.

    Parameters
    ----------
    runs
        At least one run, all with the same quote token.
    title
        Heading of the page.
    objective
        Name of the metric that ranks the runs.

    Returns
    -------
    str
        A complete HTML document.

    Raises
    ------
    ConfigError
        If there is no run, the runs have different quote tokens, or no metric has that name.
    """
    if not runs:
        raise ConfigError("there is no run to compare")
    if len({run.quote for run in runs}) > 1:
        raise ConfigError("runs in different quote tokens cannot be compared")
    order = ranked(runs, objective)
    figures = comparison_figures(order, varied(runs), metric(objective))
    return (
        environment()
        .get_template("compare.html.j2")
        .render(
            title=title,
            lead=_lead(order, metric(objective)),
            table=comparison_table(order, objective),
            figures=figures,
            axes=scatter_axes(order, varied(runs), metric(objective)),
            figures_json=figures_json(list(figures.values())),
            plotly=plotly_js(),
        )
    )


def comparison_table(runs: Sequence[ComparedRun], objective: str) -> Table:
    """List runs in the order given, with the parameters that differ and every metric."""
    names = varied(runs)
    columns = [number_column("Rank"), text_column("Run")]
    columns += [_parameter_column(runs, name) for name in names]
    columns += [
        number_column(item.title, runs[0].quote if item.unit == "quote" else item.unit)
        for item in METRICS
    ]
    rows = []
    for place, run in enumerate(runs, 1):
        row = [value_cell(str(place), place), Cell(run.label)]
        row += [_parameter_cell(run.parameters.get(name)) for name in names]
        row += [value_cell(_shown(run, item), run.metrics[item.name]) for item in METRICS]
        rows.append(row)
    return Table(
        id="runs",
        caption=f"Runs, best first by “{metric(objective).title}”",
        columns=columns,
        rows=rows,
        tall=True,
    )


def _lead(order: Sequence[ComparedRun], objective: Metric) -> str:
    best, worst = order[0], order[-1]
    if len(order) == 1:
        return f"One run: {objective.title} {_with_unit(best, objective)}."
    return (
        f"{count(len(order))} runs, ranked by “{objective.title}”. The best is {best.label} with"
        f" {_with_unit(best, objective)}, the worst {worst.label} with"
        f" {_with_unit(worst, objective)}."
    )


def _with_unit(run: ComparedRun, item: Metric) -> str:
    unit = {"quote": f" {run.quote}", "bps": " bps"}.get(item.unit, "")
    return f"{_shown(run, item)}{unit}"


def _shown(run: ComparedRun, item: Metric) -> str:
    value = run.metrics[item.name]
    if value is None:
        return NONE
    if item.unit == "quote":
        return run.notation.money(value, sign=True)
    if item.unit == "count":
        return count(int(value))
    return number(value, 1 if item.unit == "bps" else 3, sign=item.name == "nav_change_bps")


def _parameter_column(runs: Sequence[ComparedRun], name: str) -> Column:
    numeric = all(is_number(run.parameters.get(name)) for run in runs)
    return number_column(name) if numeric else text_column(name)


def _parameter_cell(value: Scalar) -> Cell:
    if isinstance(value, bool):
        return Cell("true" if value else "false")
    if isinstance(value, int | float):
        return value_cell(str(value) if isinstance(value, int) else statistic(value), value)
    return Cell(NONE if value is None else value)
