"""``alp report``: the report page of a results file, made again without running anything."""

from __future__ import annotations

from pathlib import Path

import click

from alp.cli.lazy import Command
from alp.cli.options import json_option, print_json


@click.command(
    cls=Command,
    examples={
        "alp report results.json": "writes report.html beside it",
        "alp report results.json -o /tmp/eth.html": "writes the page there",
        "alp report results.json --table": "prints the summary, writes nothing",
        "alp report results.json --json": "prints the headline numbers as data, writes nothing",
    },
)
@click.argument("results", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write the page.  [default: report.html beside RESULTS]",
)
@click.option("--table", is_flag=True, help="Print the summary table instead of writing a page.")
@json_option
def report(results: Path, output: Path | None, table: bool, as_json: bool) -> None:
    """Make the report page of RESULTS, a results.json that a backtest wrote.

    The page is one file that needs no network, and it is made from the results alone: the same
    results give the same page. Results whose parts do not add up are refused.
    """
    from alp.backtest.results import Results

    found = Results.read(results).check_identity()
    if as_json:
        from alp.backtest.table import headline_data

        print_json(headline_data(found))
    elif table:
        from alp.backtest.table import print_summary

        print_summary(found)
    else:
        from alp.backtest.report import render_report

        path = output or results.with_name("report.html")
        path.write_text(render_report(found), encoding="utf-8")
        click.echo(str(path))
