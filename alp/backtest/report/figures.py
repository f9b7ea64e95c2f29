"""The report's figures, made from the results alone; each has a caption in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Any

from alp.backtest.report import plots
from alp.backtest.report.headline import PART_NAMES
from alp.backtest.report.notation import Notation, count, duration, instant, number
from alp.backtest.report.plots import Figure, Trace, line, milliseconds
from alp.backtest.results import PARTS, Markout, Position, Rebalance, Results

PART_STYLE = {
    "fees": ("green", "solid"),
    "lvr": ("vermillion", "solid"),
    "gas": ("orange", "dash"),
    "execution": ("sky", "dot"),
    "price": ("blue", "solid"),
    "hedge_pnl": ("purple", "solid"),
    "hedge_fees": ("purple", "dot"),
}
POOL_PARTS = ("fees", "lvr", "gas", "execution")
"""Parts drawn in the upper panel: the pool leg's earnings and costs."""
MARKERS = {
    "executed": ("ink", "triangle-up"),
    "reverted": ("vermillion", "x"),
    "refused": ("muted", "circle-open"),
}
MANY_MARKERS = 60
"""More decisions of one kind than this have small markers."""
MANY_REFUSALS = 60
"""More refused decisions than this start hidden; the legend shows them."""


def parts_figure(results: Results, notation: Notation) -> Figure:
    """Build the change of NAV up from its parts."""
    parts = results.attribution.parts()
    total = results.attribution.total
    exact = {**{PART_NAMES[name]: value for name, value in parts.items()}, "Change of NAV": total}
    labels = [f"{name}  {notation.money(value, sign=True)}" for name, value in exact.items()]
    amounts = [float(value) for value in exact.values()]
    trace: Trace = {
        "type": "waterfall",
        "orientation": "h",
        "measure": ["relative"] * len(parts) + ["total"],
        "y": labels,
        "x": amounts,
        "connector": {"line": {"color": "@axis", "width": 1}},
        "increasing": {"marker": {"color": "@blue"}},
        "decreasing": {"marker": {"color": "@orange"}},
        "totals": {"marker": {"color": "@ink"}},
        "hovertemplate": f"%{{y}} {notation.quote}<extra></extra>",
    }
    layout = plots.layout("", left=20 + 7 * max(map(len, labels)))
    layout["yaxis"] |= {"autorange": "reversed"}
    layout["xaxis"] |= {"title": {"text": notation.quote, "font": {"size": 13}}, "zeroline": True}
    layout["showlegend"] = False
    return Figure(
        "figure-parts",
        "Each bar starts where the one above it ended: gains go right (blue), losses left (orange),"
        " and the last bar is where they lead, the change of NAV.",
        [trace],
        layout,
        height=340,
    )


def nav_figure(results: Results, notation: Notation) -> Figure:
    """Draw NAV against holding, and the drawdown below."""
    series = results.series
    chosen = plots.thinned(len(series.ts_ns))
    times = milliseconds([series.ts_ns[i] for i in chosen])
    digits, unit, fmt = notation.quote_digits, notation.quote, f",.{notation.quote_digits}f"
    falls = list(_falls(series.nav))

    def curve(values: tuple[float | None, ...]) -> list[float | None]:
        return plots.rounded([values[i] for i in chosen], digits)

    return Figure(
        "figure-nav",
        "NAV of all legs together against the value of the starting tokens if only held (above),"
        " and how far NAV stood below its highest value so far (below)."
        + _thinning(len(chosen), len(series.ts_ns)),
        [
            line(times, curve(series.hodl), "Holding", "muted", dash="dash", unit=unit, fmt=fmt),
            line(times, curve(series.nav), "NAV", "blue", width=2.2, unit=unit, fmt=fmt),
            line(
                times,
                plots.rounded([falls[i] for i in chosen], 2),
                "Drawdown",
                "vermillion",
                width=1.2,
                unit="bps",
                fmt=",.1f",
                axis="y2",
                fill="vermillion-shade",
            ),
        ],
        plots.layout(f"Value, {unit}", lower_title="Drawdown, bps", **_axes(results, digits)),
        height=460,
    )


def attribution_figure(results: Results, notation: Notation) -> Figure:
    """Draw every part of the attribution, added up over time."""
    chosen = plots.thinned(len(results.hourly))
    times = milliseconds([results.window.start_ns, *(results.hourly[i].ts_ns for i in chosen)])
    fmt = f"+,.{notation.quote_digits}f"
    sums = {
        name: list(accumulate(float(getattr(row, name)) for row in results.hourly))
        for name in PARTS
    }
    total = [float(row.nav - results.nav.start) for row in results.hourly]

    def curve(values: list[float]) -> list[float | None]:
        return plots.rounded([0.0, *(values[i] for i in chosen)], notation.quote_digits + 2)

    traces = []
    for name, (colour, dash) in PART_STYLE.items():
        if name.startswith("hedge") and not results.hedge.enabled:
            continue
        axis = "y" if name in POOL_PARTS else "y2"
        traces.append(
            line(
                times,
                curve(sums[name]),
                PART_NAMES[name],
                colour,
                dash=dash,
                unit=notation.quote,
                fmt=fmt,
                axis=axis,
            )
        )
    traces.append(
        line(
            times,
            curve(total),
            "Change of NAV",
            "ink",
            width=2.4,
            unit=notation.quote,
            fmt=fmt,
            axis="y2",
        )
    )
    return Figure(
        "figure-attribution",
        "Each part of the change of NAV, added up since the start: what the pool leg earned and"
        " cost (above), and what prices and the hedge did, with the whole change in bold (below).",
        traces,
        plots.layout(
            f"Pool leg, {notation.quote}",
            lower_title=f"Price, hedge, {notation.quote}",
            **_axes(results, notation.quote_digits),
        ),
        height=520,
    )


def ranges_figure(results: Results, notation: Notation) -> Figure:
    """Draw the pool price with our ranges through their lifetimes and the decisions."""
    end = results.window.end_ns
    times, prices = _price_path(results)
    chosen = plots.thinned(len(times))
    traces = [
        plots.rectangles(list(_lives(results.positions, side, end)), name, colour, dash)
        for side, name, colour, dash in (
            ("bid", "Bid range (quote)", "sky", "solid"),
            ("ask", "Ask range (base)", "orange", "dash"),
            ("both", "Range around the price", "purple", "dot"),
        )
        if any(item.side == side for item in results.positions)
    ]
    traces.append(
        line(
            milliseconds([times[i] for i in chosen]),
            plots.rounded([prices[i] for i in chosen], notation.price_digits),
            "Pool price",
            "ink",
            unit=notation.quote,
            fmt=f",.{notation.price_digits}f",
        )
    )
    for decision in MARKERS:
        made = [item for item in results.rebalances if item.decision == decision]
        if made:
            traces.append(_markers(decision, made, notation))
    layout = plots.layout(
        f"{notation.quote} per {notation.base}", **_axes(results, notation.price_digits)
    )
    bounds = _price_window(results)
    if bounds:
        layout["yaxis"]["range"] = bounds
    return Figure(
        "figure-ranges",
        "The pool's price at each sample and decision, the price ranges of our positions shaded"
        " from mint to burn, and every decision; a range may reach beyond the picture"
        " (double-click shows it all).",
        traces,
        layout,
        height=460,
    )


def inventory_figure(results: Results, notation: Notation) -> Figure:
    """Draw the base held by each leg and together."""
    series = results.series
    chosen = plots.thinned(len(series.ts_ns))
    times = milliseconds([series.ts_ns[i] for i in chosen])
    fmt = f"+,.{notation.base_digits}f"
    curves = (
        ("Pool leg (DeFi)", series.inventory_lp, "blue", "solid", 1.8),
        ("Venue leg (CeFi)", series.inventory_cefi, "orange", "dash", 1.8),
        ("Net", series.inventory_net, "ink", "solid", 2.4),
    )
    return Figure(
        "figure-inventory",
        f"{notation.base} held by the pool leg (wallet, positions and uncollected fees), by the"
        " venue leg (below zero is short), and by both together.",
        [
            line(
                times,
                plots.rounded([values[i] for i in chosen], notation.base_digits),
                name,
                colour,
                width=width,
                dash=dash,
                unit=notation.base,
                fmt=fmt,
            )
            for name, values, colour, dash, width in curves
        ],
        plots.layout(f"Inventory, {notation.base}", **_axes(results, notation.base_digits)),
        height=340,
    )


def markout_figures(results: Results) -> list[Figure]:
    """Draw the distribution of markouts of each leg and horizon."""
    return [_markout_figure(index, item) for index, item in enumerate(results.markouts)]


def _markout_figure(index: int, item: Markout) -> Figure:
    leg, colour = ("Pool", "blue") if item.leg == "lp" else ("Venue", "purple")
    layout = plots.layout("Fills", left=60)
    layout["xaxis"] |= {"title": {"text": "bps", "font": {"size": 13}}, "zeroline": True}
    layout["showlegend"] = False
    if item.mean_bps is not None:
        mean = {"type": "line", "x0": item.mean_bps, "x1": item.mean_bps, "y0": 0, "y1": 1}
        layout["shapes"] = [{**mean, "yref": "paper", "line": {"color": "@ink", "dash": "dash"}}]
    return Figure(
        f"figure-markout-{index}",
        f"{leg} fills after {duration(item.horizon_ns)}: {count(item.count)} measured, mean"
        f" {number(item.mean_bps, 2, sign=True)} bps (dashed).",
        [plots.histogram(item.edges_bps, item.counts, leg, colour)],
        layout,
        height=220,
    )


def _markers(decision: str, made: list[Rebalance], notation: Notation) -> Trace:
    colour, symbol = MARKERS[decision]
    hidden = decision == "refused" and len(made) > MANY_REFUSALS
    return {
        "type": "scatter",
        "mode": "markers",
        "name": f"{decision.capitalize()} ({count(len(made))})",
        "x": milliseconds([item.ts_ns for item in made]),
        "y": plots.rounded([item.price for item in made], notation.price_digits),
        "marker": {
            "color": f"@{colour}",
            "symbol": symbol,
            "size": 7 if decision == "refused" or len(made) > MANY_MARKERS else 10,
            "line": {"color": "@page" if decision == "executed" else f"@{colour}", "width": 1},
        },
        "text": [_marker_text(item, notation) for item in made],
        "hovertemplate": "%{text}<extra></extra>",
        "visible": "legendonly" if hidden else True,
    }


def _marker_text(item: Rebalance, notation: Notation) -> str:
    text = f"{item.decision}: {item.reason}, {instant(item.ts_ns, seconds=True)}"
    benefit = item.numbers.get("benefit")
    if benefit is None:
        return text
    return f"{text}, benefit {notation.money(benefit, sign=True)} {notation.quote}"


def _lives(
    positions: Iterable[Position], side: str, end_ns: int
) -> Iterator[tuple[int, int, float, float]]:
    for item in positions:
        if item.side == side:
            closed = end_ns if item.closed_ns is None else item.closed_ns
            start, end = milliseconds([item.opened_ns, closed])
            yield start, end, item.price_lower, item.price_upper


def _price_path(results: Results) -> tuple[list[int], list[float | None]]:
    """Pool price at every sample and at every decision between them, in time order."""
    series = results.series
    seen: dict[int, float | None] = {item.ts_ns: item.price for item in results.rebalances}
    seen |= dict(zip(series.ts_ns, series.price, strict=True))
    times = sorted(seen)
    return times, [seen[ts_ns] for ts_ns in times]


def _price_window(results: Results) -> list[float] | None:
    """Prices to show: the path with as much room again, less where the ranges end sooner."""
    prices = [price for price in _price_path(results)[1] if price is not None]
    if not prices:
        return None
    low, high = min(prices), max(prices)
    room = max((high - low) * 0.6, high * 0.01)
    lowest = min((item.price_lower for item in results.positions), default=low)
    highest = max((item.price_upper for item in results.positions), default=high)
    edge = room * 0.08
    bottom = max(low - room, min(lowest, low) - edge)
    return [bottom, min(high + room, max(highest, high) + edge)]


def _falls(nav: Iterable[float | None]) -> Iterator[float | None]:
    peak = 0.0
    for value in nav:
        if value is None:
            yield None
            continue
        peak = max(peak, value)
        yield (value / peak - 1) * 1e4 if peak else 0.0


def _axes(results: Results, digits: int) -> dict[str, Any]:
    """Lay out time across, and amounts of so many digits up, with room for the longest of them."""
    window = results.window
    largest = max((abs(value) for value in results.series.nav if value is not None), default=0.0)
    room = len(f"{largest:,.0f}") if digits <= 2 else digits + 3
    return {
        "window_ns": (window.start_ns, window.end_ns),
        "digits": digits,
        "left": max(72, 30 + 8 * room),
    }


def _thinning(drawn: int, whole: int) -> str:
    return "" if drawn == whole else f" {count(drawn)} of {count(whole)} samples are drawn."
