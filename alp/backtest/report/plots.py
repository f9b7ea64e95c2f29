"""Building blocks of the page's figures: plain Plotly dictionaries with named colours.

A colour is written ``@name`` and replaced in the browser by the page's own colour of that name;
one figure serves the light page, the dark page and paper. Names and values stand together in
``templates/page.css``. The palette is Okabe and Ito's, told apart by colour-blind readers, and
lines differ in dash as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

Trace = dict[str, Any]

MOST_POINTS = 4_000
"""Longer curves are thinned to this many points, which the caption says."""


@dataclass(frozen=True)
class Figure:
    """One figure: ``caption`` says in a sentence what it shows, ``data`` and ``layout`` draw it."""

    id: str
    caption: str
    data: list[Trace]
    layout: dict[str, Any]
    height: int = 380


def milliseconds(times_ns: Sequence[int]) -> list[int]:
    """Turn nanoseconds into the milliseconds that a date axis counts."""
    return [ts_ns // 1_000_000 for ts_ns in times_ns]


def thinned(length: int) -> list[int]:
    """Pick at most about ``MOST_POINTS`` evenly spaced indices, first and last among them."""
    step = max(1, -(-length // MOST_POINTS))
    indices = list(range(0, length, step))
    if length and indices[-1] != length - 1:
        indices.append(length - 1)
    return indices


def rounded(values: Sequence[float | None], digits: int) -> list[float | None]:
    """Round values to what a figure can show, to keep the page small."""
    return [None if value is None else round(value, digits) for value in values]


def line(
    x: Sequence[int],
    y: Sequence[float | None],
    name: str,
    colour: str,
    *,
    width: float = 1.8,
    dash: str = "solid",
    unit: str = "",
    fmt: str = ",.2f",
    axis: str = "y",
    step: bool = False,
    fill: str | None = None,
) -> Trace:
    """Draw a curve; ``fmt`` and ``unit`` shape the text under the pointer."""
    shape = {"shape": "hv"} if step else {}
    trace: Trace = {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": list(x),
        "y": list(y),
        "yaxis": axis,
        "legend": "legend2" if axis == "y2" else "legend",
        "line": {"color": f"@{colour}", "width": width, "dash": dash, **shape},
        "hovertemplate": f"%{{y:{fmt}}} {unit}".rstrip(),
    }
    if fill:
        trace |= {"fill": "tozeroy", "fillcolor": f"@{fill}"}
    return trace


def layout(
    y_title: str,
    *,
    lower_title: str | None = None,
    window_ns: tuple[int, int] | None = None,
    digits: int = 2,
    left: int = 72,
) -> dict[str, Any]:
    """Lay out one panel, or two above each other that share the horizontal axis.

    Parameters
    ----------
    y_title, lower_title
        What the vertical axes measure, with the unit; ``lower_title`` asks for a second panel.
    window_ns
        Start and end of a time axis; None for an axis of numbers.
    digits
        Most digits after the point on the vertical axes.
    left
        Margin for the vertical axis, in pixels. It is fixed: margins that Plotly fits by itself
        can flip between two widths for ever.
    """
    axis = {"gridcolor": "@grid", "linecolor": "@axis", "zerolinecolor": "@axis"}
    legend = {"orientation": "h", "x": 0, "yanchor": "bottom", "bgcolor": "rgba(0,0,0,0)"}
    found: dict[str, Any] = {
        "font": {"family": "system-ui, -apple-system, 'Segoe UI', sans-serif", "size": 13},
        "paper_bgcolor": "@page",
        "plot_bgcolor": "@page",
        "margin": {"l": left, "r": 12, "t": 12, "b": 44},
        "hovermode": "x unified" if window_ns else "closest",
        "hoverlabel": {"bgcolor": "@card", "bordercolor": "@axis", "namelength": -1},
        "legend": {**legend, "y": 1.02},
        "xaxis": {**axis, "zeroline": False},
        "yaxis": {**axis, "title": _title(y_title), "tickformat": f",.{digits}~f"},
    }
    if window_ns:
        found["xaxis"] |= {"type": "date", "range": milliseconds(window_ns)}
    if lower_title is not None:
        found["yaxis"]["domain"] = [0.57, 1]
        found["yaxis2"] = {**found["yaxis"], "title": _title(lower_title), "domain": [0, 0.43]}
        found["legend2"] = {**legend, "y": 0.44}
        found["xaxis"] |= {"anchor": "y2"}
        found["hoversubplots"] = "axis"
    return found


def _title(text: str) -> dict[str, Any]:
    return {"text": text, "font": {"size": 13}, "standoff": 6}


def rectangles(
    spans: Sequence[tuple[int, int, float, float]], name: str, colour: str, dash: str
) -> Trace:
    """Shade rectangles (start ms, end ms, lower, upper) as one trace that the legend can hide."""
    x: list[int | None] = []
    y: list[float | None] = []
    for start, end, lower, upper in spans:
        x += [start, start, end, end, start, None]
        y += [lower, upper, upper, lower, lower, None]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": x[:-1],
        "y": y[:-1],
        "fill": "toself",
        "fillcolor": f"@{colour}-shade",
        "line": {"color": f"@{colour}", "width": 1, "dash": dash},
        "hoverinfo": "skip",
    }


def histogram(edges: Sequence[float], counts: Sequence[int], name: str, colour: str) -> Trace:
    """Draw counts between edges, in bps."""
    middles = [(low + high) / 2 for low, high in pairwise(edges)]
    return {
        "type": "bar",
        "name": name,
        "x": rounded(middles, 3),
        "y": list(counts),
        "width": rounded([high - low for low, high in pairwise(edges)], 3),
        "marker": {"color": f"@{colour}", "line": {"color": "@page", "width": 0.5}},
        "hovertemplate": "around %{x:.1f} bps: %{y:,} fills<extra></extra>",
    }
