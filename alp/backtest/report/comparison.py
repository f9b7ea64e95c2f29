"""Figures of the comparison page: parallel coordinates, any number against any, NAV curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from alp.backtest.compared import METRICS, ComparedRun, Metric
from alp.backtest.report import plots
from alp.backtest.report.plots import Figure, Trace, line, milliseconds

MOST_CURVES = 100
"""NAV curves drawn: the best so many of a larger sweep."""

FEW = 3
"""Fewer runs than this need no parallel coordinates."""

SCALE = [[0.0, "@orange"], [0.5, "@grey"], [1.0, "@blue"]]
"""From worst to best."""


def comparison_figures(
    order: Sequence[ComparedRun], names: Sequence[str], objective: Metric
) -> dict[str, Figure]:
    """Draw what a comparison of ranked runs needs; ``parallel`` only if there is something to see.

    Parameters
    ----------
    order
        Runs from best to worst.
    names
        Parameters that differ.
    objective
        The metric that ranks and colours the runs.
    """
    found = {"curves": _curves(order), "scatter": _scatter(order, objective)}
    if len(order) >= FEW and names:
        found["parallel"] = _parallel(order, names, objective)
    return found


def scatter_axes(
    order: Sequence[ComparedRun], names: Sequence[str], objective: Metric
) -> dict[str, Any]:
    """Give what the scatter can show on its axes, and which it shows first."""
    quote = order[0].quote
    axes = {f"parameter: {name}": [run.parameters.get(name) for run in order] for name in names}
    titles = {}
    for item in METRICS:
        unit = quote if item.unit == "quote" else item.unit if item.unit == "bps" else ""
        titles[item.name] = f"{item.title}, {unit}" if unit else item.title
        axes[titles[item.name]] = [run.metrics[item.name] for run in order]
    return {
        "values": axes,
        "x": next(iter(axes)) if names else titles["max_drawdown_bps"],
        "y": titles[objective.name],
    }


def _curves(order: Sequence[ComparedRun]) -> Figure:
    drawn = list(order[:MOST_CURVES])
    best, worst = order[0], order[-1]
    if worst not in drawn:
        drawn.append(worst)
    unit, digits = best.quote, best.notation.quote_digits
    fmt = f"+,.{digits}f"
    traces: list[Trace] = []
    others = [run for run in drawn if run is not best and run is not worst]
    for run in others:
        trace = line(
            milliseconds(run.curve_ts_ns),
            plots.rounded(run.curve, digits),
            run.label,
            "grey",
            width=1,
            unit=unit,
            fmt=fmt,
        )
        traces.append(
            trace
            | {
                "legendgroup": "others",
                "name": f"Others ({len(others)})" if run is others[0] else run.label,
                "showlegend": run is others[0],
                "hovertemplate": f"{run.label}: {trace['hovertemplate']}<extra></extra>",
            }
        )
    named = [(best, "Best", "blue", 2.4, "solid")]
    if worst is not best:
        named.append((worst, "Worst", "vermillion", 1.8, "dot"))
    times = milliseconds(best.curve_ts_ns)
    hold = plots.rounded(best.hodl, digits)
    traces.append(line(times, hold, "Holding", "muted", dash="dash", unit=unit, fmt=fmt))
    for run, word, colour, width, dash in named:
        traces.append(
            line(
                milliseconds(run.curve_ts_ns),
                plots.rounded(run.curve, digits),
                f"{word}: {run.label}",
                colour,
                width=width,
                dash=dash,
                unit=unit,
                fmt=fmt,
            )
        )
    span = (times[0], times[-1]) if times else (0, 1)
    layout = plots.layout(f"Change of NAV, {unit}", window_ns=(span[0] * 10**6, span[1] * 10**6))
    layout["hovermode"] = "closest"
    cut = "" if len(order) <= MOST_CURVES else f" Of {len(order)} runs the best {MOST_CURVES}."
    return Figure(
        "figure-curves",
        "Change of NAV since the start of every run, the best and the worst in colour, against"
        f" holding the tokens the best run started with.{cut}",
        traces,
        layout,
        height=440,
    )


def _scatter(order: Sequence[ComparedRun], objective: Metric) -> Figure:
    trace: Trace = {
        "type": "scatter",
        "mode": "markers",
        "text": [run.label for run in order],
        "hovertemplate": "%{text}<br>%{x}<br>%{y}<extra></extra>",
        "marker": {
            "size": 9,
            "line": {"color": "@page", "width": 1},
            "color": _ranks(order),
            "colorscale": SCALE,
        },
    }
    layout = plots.layout("")
    layout["xaxis"]["title"] = {"text": "", "font": {"size": 13}}
    layout["showlegend"] = False
    return Figure(
        "figure-scatter",
        "Each point is a run; choose what the axes show. The colour goes from the worst (orange)"
        f" to the best (blue) by “{objective.title}”.",
        [trace],
        layout,
        height=420,
    )


def _parallel(order: Sequence[ComparedRun], names: Sequence[str], objective: Metric) -> Figure:
    shown = {"fees_to_lvr", "max_drawdown_bps", "rebalances", objective.name}
    dimensions = [
        _dimension(short, [run.parameters.get(name) for run in order])
        for name, short in zip(names, _short(names), strict=True)
    ]
    dimensions += [
        _dimension(item.title, [run.metrics[item.name] for run in order])
        for item in METRICS
        if item.name in shown
    ]
    trace: Trace = {
        "type": "parcoords",
        "dimensions": dimensions,
        "line": {"color": _ranks(order), "colorscale": SCALE},
        "labelfont": {"size": 12, "color": "@ink"},
        "tickfont": {"size": 11, "color": "@ink"},
        "rangefont": {"size": 11, "color": "@muted"},
        "unselected": {"line": {"color": "@grid", "opacity": 0.4}},
    }
    layout = plots.layout("")
    layout["margin"] = {"l": 90, "r": 60, "t": 56, "b": 30}
    return Figure(
        "figure-parallel",
        "Each line is a run, from its parameters (left) to its outcome (right), blue for the best."
        " Drag along an axis to keep the runs that pass there; drag a title to move its axis.",
        [trace],
        layout,
        height=420,
    )


def _dimension(title: str, values: Sequence[Any]) -> dict[str, Any]:
    """Make one axis; words are put in order and shown as ticks."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return {"label": title, "values": list(values)}
    words = sorted({_word(value) for value in values})
    return {
        "label": title,
        "values": [words.index(_word(value)) for value in values],
        "tickvals": list(range(len(words))),
        "ticktext": words,
    }


def _short(names: Sequence[str]) -> list[str]:
    """Shorten paths to their last word where that still tells them apart."""
    last = [name.rpartition(".")[2] for name in names]
    return [
        short if last.count(short) == 1 else name for name, short in zip(names, last, strict=True)
    ]


def _word(value: Any) -> str:
    if value is None:
        return "unknown"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _ranks(order: Sequence[ComparedRun]) -> list[float]:
    """Colour by rank, 1 for the best, so that one outlier does not grey out the rest."""
    last = max(1, len(order) - 1)
    return [round(1 - place / last, 4) for place in range(len(order))]
