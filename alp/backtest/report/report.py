"""One self-contained HTML page from the results: figures, tables, styles and scripts inside.

The page asks nothing of a network, and says so to the browser by its content security policy. It
is made from the results alone, so equal results give an equal page, byte for byte.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson

from alp.backtest.report import activity, decisions, figures, headline, sources
from alp.backtest.report.notation import Notation, duration, fee_tier, instant
from alp.backtest.report.plots import Figure
from alp.backtest.results import Results

if TYPE_CHECKING:
    from jinja2 import Environment


def render_report(results: Results) -> str:
    """Render the report page.

    Parameters
    ----------
    results
        A backtest's results; :meth:`Results.check_identity` must hold for the page to be true.

    Returns
    -------
    str
        A complete HTML document.
    """
    notation = Notation.of(results)
    drawn = _figures(results, notation)
    window = results.window
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            title=f"{results.strategy.name}: backtest",
            name=results.strategy.name,
            subtitle=(
                f"{results.pair.base}/{results.pair.quote},"
                f" {fee_tier(results.pair.fee_pips)} pool,"
                f" {instant(window.start_ns)} to {instant(window.end_ns)} UTC"
                f" ({duration(window.end_ns - window.start_ns)})"
            ),
            lead=headline.lead(results, notation),
            tiles=headline.tiles(results, notation),
            tables=_tables(results, notation),
            figures=drawn,
            markouts=figures.markout_figures(results),
            fidelity_notes=results.fidelity.notes,
            data_notes=sources.data_notes(results),
            results_sha256=sha256(results.to_json_bytes()).hexdigest(),
            alp_version=results.alp_version,
            figures_json=figures_json([*drawn.values(), *figures.markout_figures(results)]),
            plotly=plotly_js(),
        )
    )


def environment() -> Environment:
    """Set up Jinja over this package's templates: escape everything, forgive no missing name."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("alp.backtest.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def plotly_js() -> str:
    """Read Plotly's own script from the installed package."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def figures_json(drawn: list[Figure]) -> str:
    """Write figures as JSON that is safe inside a script element."""
    text = orjson.dumps(drawn, option=orjson.OPT_SORT_KEYS).decode()
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _figures(results: Results, notation: Notation) -> dict[str, Figure]:
    return {
        "parts": figures.parts_figure(results, notation),
        "nav": figures.nav_figure(results, notation),
        "attribution": figures.attribution_figure(results, notation),
        "ranges": figures.ranges_figure(results, notation),
        "inventory": figures.inventory_figure(results, notation),
    }


def _tables(results: Results, notation: Notation) -> dict[str, Any]:
    return {
        "parts": headline.parts_table(results, notation),
        "reasons": decisions.reasons_table(results),
        "rebalances": decisions.rebalances_table(results, notation),
        "positions": activity.positions_table(results, notation),
        "periods": activity.periods_table(results, notation),
        "by_rebalance": activity.by_rebalance_table(results, notation),
        "markouts": activity.markouts_table(results, notation),
        "fee_tiers": sources.fee_tiers_table(results, notation),
        "hedge": activity.hedge_table(results, notation),
        "timing": activity.timing_table(results, notation),
        "fills": activity.fills_table(results, notation),
        "fidelity": sources.fidelity_table(results),
        "replay": sources.replay_table(results),
        "data": sources.data_table(results),
        "parameters": sources.parameters_table(results),
        "versions": sources.versions_table(results),
    }
