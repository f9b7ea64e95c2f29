"""A table as the page shows it: columns with units, cells with the value they sort by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from alp.backtest.report.notation import count

MOST_ROWS = 1_000
"""Longer tables are cut, and say so; the results file has every row."""


@dataclass(frozen=True)
class Column:
    """One column: its title, its unit, and how it is set."""

    title: str
    unit: str = ""
    style: str = ""
    """``number`` is right-aligned, ``wide`` is prose that may wrap, ``screen`` is not printed."""


@dataclass(frozen=True)
class Cell:
    """One cell: text, the value to sort by (the text if None), and a style name."""

    text: str
    sort: str | float | int | None = None
    style: str = ""


@dataclass(frozen=True)
class Table:
    """A captioned table; ``tags`` names the group of each row that the reader can filter by."""

    id: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    tags: Sequence[str] = ()
    empty: str = "None."
    note: str = ""
    sortable: bool = True
    tall: bool = False
    """Long: shown in a frame that scrolls."""
    style: str = ""

    @property
    def groups(self) -> list[tuple[str, int]]:
        """Each tag with its number of rows, in order of first appearance."""
        counts: dict[str, int] = {}
        for tag in self.tags:
            counts[tag] = counts.get(tag, 0) + 1
        return list(counts.items())


def value_cell(text: str, value: Decimal | float | int | None, style: str = "") -> Cell:
    """Make a cell that sorts by its number; unknown values sort below all others."""
    return Cell(text, "" if value is None else float(value), style)


def facts_table(id: str, caption: str, facts: Sequence[tuple[str, str]]) -> Table:  # noqa: A002
    """Make a table of name and value."""
    return Table(
        id=id,
        caption=caption,
        columns=[Column("Fact"), Column("Value", style="wide")],
        rows=[[Cell(name), Cell(text)] for name, text in facts],
        sortable=False,
        style="facts",
    )


def text_column(title: str, *, style: str = "") -> Column:
    """Make a left-aligned column."""
    return Column(title, style=style)


def number_column(title: str, unit: str = "") -> Column:
    """Make a right-aligned column; the unit stands in the heading."""
    return Column(title, unit, style="number")


def cut_note(shown: int, whole: int) -> str:
    """Say how many rows of a long table are shown; nothing if all are."""
    if shown == whole:
        return ""
    return f"The first {count(shown)} of {count(whole)}; the results file has them all."
