"""The summary that a backtest prints at its end."""

from __future__ import annotations

import io
from decimal import Decimal

from backtest.builders import realistic_results, smallest_results
from rich.console import Console

from alp.backtest.report.notation import number
from alp.backtest.results import PARTS, Results
from alp.backtest.table import headline_data, print_summary


def printed(results: Results, width: int = 80) -> str:
    stream = io.StringIO()
    print_summary(results, Console(file=stream, width=width, color_system=None))
    return stream.getvalue()


def test_it_fits_eighty_columns_and_shows_every_part() -> None:
    results = realistic_results()
    text = printed(results)
    assert max(map(len, text.splitlines())) <= 80
    for value in (*results.attribution.parts().values(), results.nav.change):
        assert number(value, 2, sign=True) in text
    assert "12 executed, 48 refused, 6 reverted" in text


def test_amounts_are_aligned_by_their_last_digit() -> None:
    lines = printed(realistic_results()).splitlines()
    rows = [line for line in lines if line.startswith((" Fees  ", " LVR", " Price", " Gas"))]
    assert len(rows) == 4
    assert len({len(row.rstrip()) for row in rows}) == 1


def test_it_needs_no_colour() -> None:
    assert "\x1b" not in printed(realistic_results())


def test_an_idle_run_is_told_without_dividing_by_nothing() -> None:
    text = printed(smallest_results())
    assert "not enabled" in text
    assert "0 executed, 0 refused, 0 reverted" in text


def test_the_data_is_exact() -> None:
    results = realistic_results()
    data = headline_data(results)
    parts = results.attribution.parts()
    assert {name: Decimal(str(data[name])) for name in PARTS} == parts
    assert Decimal(str(data["nav_change"])) == results.nav.change
