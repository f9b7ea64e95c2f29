"""The end of a backtest on a terminal: what it made, of what, and what to look at next.

Narrow enough for 80 columns; numbers are right-aligned, signs always shown, so that the table reads
the same without colour, in a log or through a pipe.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from alp.backtest.codec import decimal_text
from alp.backtest.report.headline import (
    PART_NAMES,
    change_of_nav,
    decisions,
    fees_to_lvr,
    lead,
    versus_hold,
)
from alp.backtest.report.notation import (
    NONE,
    Notation,
    count,
    duration,
    fee_tier,
    instant,
    number,
    percent,
)
from alp.backtest.results import Results

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table


def print_summary(results: Results, console: Console | None = None) -> None:
    """Print the summary; ``console`` is standard output unless given."""
    from rich.console import Console

    (console or Console(highlight=False)).print(summary(results))


def summary(results: Results) -> RenderableType:
    """Build what :func:`print_summary` prints: a sentence, the parts and the figures."""
    from rich.console import Group
    from rich.text import Text

    notation = Notation.of(results)
    window = results.window
    title = Text(
        f"{results.strategy.name}: {results.pair.base}/{results.pair.quote}"
        f" {fee_tier(results.pair.fee_pips)}, {instant(window.start_ns)} to"
        f" {instant(window.end_ns)} UTC ({duration(window.end_ns - window.start_ns)})",
        style="bold",
    )
    return Group(
        title,
        Text(lead(results, notation)),
        Text(),
        _parts(results, notation),
        Text(),
        _figures(results, notation),
        *(Text(f"note: {note}", style="dim") for note in results.fidelity.notes),
    )


def headline_data(results: Results) -> dict[str, object]:
    """Give the headline numbers as data: exact amounts as decimal text, ratios as floats."""
    return {
        "strategy": results.strategy.name,
        "quote": results.pair.quote,
        "nav_change": decimal_text(results.nav.change),
        "versus_hold": decimal_text(versus_hold(results)),
        **{name: decimal_text(value) for name, value in results.attribution.parts().items()},
        "il": decimal_text(results.il),
        "nav_change_fraction": change_of_nav(results),
        "fees_to_lvr": fees_to_lvr(results),
        "max_drawdown_bps": results.risk.max_drawdown_bps,
        "rebalances": decisions(results),
        "fills": len(results.hedge.fills),
    }


def _parts(results: Results, notation: Notation) -> Table:
    from rich import box
    from rich.table import Table

    start = float(results.nav.start)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_footer=True)
    total = results.attribution.total

    def bps(value: float) -> str:
        return number(value / start * 1e4, 1, sign=True) if start else NONE

    table.add_column("Part", footer="Change of NAV")
    table.add_column(notation.quote, footer=notation.money(total, sign=True), justify="right")
    table.add_column("bps of NAV", footer=bps(float(total)), justify="right")
    for name, value in results.attribution.parts().items():
        table.add_row(PART_NAMES[name], notation.money(value, sign=True), bps(float(value)))
    return table


def _figures(results: Results, notation: Notation) -> Table:
    from rich.table import Table

    made, risk = decisions(results), results.risk
    rows = {
        "NAV": f"{notation.money(results.nav.start)} to {notation.in_quote(results.nav.end)}"
        f" ({percent(change_of_nav(results), 2, sign=True)})",
        "Versus holding": f"{notation.in_quote(versus_hold(results), sign=True)}",
        "Fees / LVR": number(fees_to_lvr(results), 2),
        "Impermanent loss": notation.in_quote(results.il, sign=True),
        "Max drawdown": f"{number(risk.max_drawdown_bps, 1)} bps",
        "Time in range": percent(risk.time_in_range),
        "Rebalances": f"{count(made['executed'])} executed, {count(made['refused'])} refused,"
        f" {count(made['reverted'])} reverted",
        "Hedge fills": count(len(results.hedge.fills)) if results.hedge.enabled else "not enabled",
        "Fidelity": f"pool {results.fidelity.lp}, venue {results.fidelity.cefi},"
        f" liquidity {results.fidelity.liquidity}, mark {results.fidelity.mark}",
    }
    table = Table.grid(padding=(0, 2))
    for name, text in rows.items():
        table.add_row(name, text)
    return table
