"""Tables of the decisions about the ranges: why they were taken or not, and what they weighed."""

from __future__ import annotations

from collections import Counter

from alp.backtest.report.notation import (
    NONE,
    Notation,
    count,
    duration,
    instant,
    number,
    percent,
    statistic,
    words,
)
from alp.backtest.report.tables import (
    MOST_ROWS,
    Cell,
    Table,
    cut_note,
    number_column,
    text_column,
    value_cell,
)
from alp.backtest.results import RangeSpan, Rebalance, Results

WEIGHED = {
    "benefit": "Benefit",
    "required": "Required",
    "fees_new": "Fees, new",
    "fees_stay": "Fees, stay",
    "lvr_new": "LVR, new",
    "lvr_stay": "LVR, stay",
    "hedge_new": "Hedge, new",
    "hedge_stay": "Hedge, stay",
    "gas": "Gas",
    "swap": "Swap",
}
"""Numbers of a decision that have a column of their own, if any decision has them."""

SHARES = {"in_range_new": "in range, new", "in_range_stay": "in range, stay"}
"""Numbers that are fractions of the horizon."""

UNITS = ("bps", "gwei", "s", "blocks")
"""Last words of names that are their unit as written."""


def reasons_table(results: Results) -> Table:
    """Count the decisions by outcome and reason."""
    tally = Counter((item.decision, item.reason, item.detail) for item in results.rebalances)
    return Table(
        id="reasons",
        caption="Decisions by outcome and reason",
        columns=[
            text_column("Decision"),
            text_column("Reason"),
            number_column("Times"),
            text_column("Detail", style="wide"),
        ],
        rows=[
            [
                _badge(decision),
                Cell(reason, style="code"),
                value_cell(count(times), times),
                Cell(detail or NONE),
            ]
            for (decision, reason, detail), times in sorted(
                tally.items(), key=lambda item: (item[0][0], -item[1], item[0])
            )
        ],
        empty="No decision was taken.",
    )


def rebalances_table(results: Results, notation: Notation) -> Table:
    """List every decision with the numbers it weighed, the refused ones too."""
    shown = results.rebalances[:MOST_ROWS]
    weighed = [name for name in WEIGHED if any(name in item.numbers for item in shown)]
    detailed = any(item.detail for item in shown)
    columns = [
        text_column("Time (UTC)"),
        number_column("Block"),
        text_column("Decision"),
        text_column("Reason"),
        *([text_column("Detail")] if detailed else []),
        number_column("Price", notation.quote),
        *(number_column(WEIGHED[name], notation.quote) for name in weighed),
        text_column("Other numbers", style="screen"),
        text_column(f"Ranges, {notation.quote}", style="screen"),
    ]
    rows = [
        [
            Cell(instant(item.ts_ns, seconds=True), item.ts_ns),
            value_cell(NONE if item.block is None else str(item.block), item.block),
            _badge(item.decision),
            Cell(item.reason, style="code"),
            *([Cell(item.detail or NONE)] if detailed else []),
            value_cell(notation.price(item.price), item.price),
            *(
                value_cell(
                    notation.money(item.numbers.get(name), sign=name == "benefit"),
                    item.numbers.get(name),
                )
                for name in weighed
            ),
            Cell(_other_numbers(item, notation)),
            Cell(_spans(item.ranges, notation)),
        ]
        for item in shown
    ]
    return Table(
        id="rebalances",
        caption="Every decision about the ranges and what it weighed: expectations over the"
        " horizon, for the new ranges and for staying",
        columns=columns,
        rows=rows,
        tags=[item.decision for item in shown],
        empty="No decision was taken.",
        note=cut_note(len(shown), len(results.rebalances)),
        tall=True,
    )


def _other_numbers(item: Rebalance, notation: Notation) -> str:
    """Write the numbers without a column of their own, each with its unit."""
    parts = []
    for name in sorted(set(item.numbers) - set(WEIGHED)):
        stem, _, unit = name.rpartition("_")
        value = item.numbers[name]
        if name in SHARES:
            parts.append(f"{SHARES[name]} {percent(value)}")
        elif unit == "quote":
            parts.append(f"{words(stem)} {notation.in_quote(value)}")
        elif unit == "base":
            parts.append(f"{words(stem)} {notation.in_base(value)}")
        elif unit == "ns":
            parts.append(f"{words(stem)} {NONE if value is None else duration(int(value))}")
        elif unit in UNITS:
            parts.append(f"{words(stem)} {number(value, 1)} {unit}")
        else:
            parts.append(f"{words(name)} {statistic(value)}")
    return "; ".join(parts) or NONE


def _spans(ranges: tuple[RangeSpan, ...], notation: Notation) -> str:
    return (
        "; ".join(
            f"{item.side} {notation.price(item.price_lower)} to {notation.price(item.price_upper)}"
            for item in ranges
        )
        or NONE
    )


def _badge(decision: str) -> Cell:
    return Cell(decision, style=f"badge {decision}")
