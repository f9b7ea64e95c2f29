"""``alp backtest``: run a strategy on recorded data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from alp.cli.lazy import Command
from alp.cli.options import json_option, print_json, progress_option

if TYPE_CHECKING:
    from alp.backtest.results import Results
    from alp.backtest.tick_terms import TickPlan
    from alp.strategy.manifest import Strategy

HEDGE = "hedge"
QUEUES = ("conservative", "power", "log")


@click.command(
    cls=Command,
    examples={
        "alp backtest examples/eth-usdc.yaml": "prints a table; results.json and report.html here",
        "alp backtest eth.yaml -o runs/today": "writes both files into a folder",
        "alp backtest eth.yaml --no-report --json": "only results.json, headline numbers as data",
        "alp backtest eth.yaml --set rebalance.cooldown=1h": "with one field changed",
        "alp backtest eth.yaml --tape binance=eth.alptape": "the venue leg on levels and trades",
        "alp backtest eth.yaml --tape binance=eth.alptape --desk my.py:Mine": "with your desk",
    },
)
@click.argument("manifest", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Folder for results.json and report.html.  [default: here]",
)
@click.option("--report/--no-report", default=True, help="Write report.html too.  [default: yes]")
@click.option(
    "--set",
    "changes",
    metavar="FIELD=VALUE",
    multiple=True,
    help="Change a field of spec for this run, e.g. ranges.baseSpreadBps=150; may be repeated.",
)
@click.option(
    "--tape",
    "tapes",
    metavar="VENUE=FILE",
    multiple=True,
    help="Fill a venue's orders in the recorded book that `alp data tape` made; may be repeated.",
)
@click.option(
    "--queue",
    type=click.Choice(QUEUES),
    default=QUEUES[0],
    help="Who leaves a queue when a level gets smaller without a trade.  [default: conservative]",
)
@click.option(
    "--desk",
    metavar="MODULE:CLASS",
    help="What quotes on the tapes: one of your own, FILE.py:CLASS, or hedge, what is also done on "
    "candles.  [default: the manifest's market maker]",
)
@click.option(
    "--desk-option",
    "desk_options",
    metavar="KEY=VALUE",
    multiple=True,
    help="An option of the desk; may be repeated.",
)
@json_option
@progress_option
def backtest(
    manifest: Path,
    output: Path,
    report: bool,
    changes: tuple[str, ...],
    tapes: tuple[str, ...],
    queue: str,
    desk: str | None,
    desk_options: tuple[str, ...],
    as_json: bool,
    progress: bool,
) -> None:
    """Run the strategy of MANIFEST on the recordings that its spec.backtest names.

    The LP core that will trade live decides on recorded pool events; its positions live in an exact
    replica of the pool, or in bars where there are no events, and the report says which. Gas,
    inclusion delay and reverts are simulated. The hedge fills only where the market traded through
    its orders; with --tape they wait in the recorded book, and each fill says why. Every change of
    value is attributed, and the parts add up to the last unit or the run fails. The same manifest,
    data and seed give the same bytes in results.json.
    """
    from alp.backtest.run import run_backtest
    from alp.cli.progress import window_bar
    from alp.strategy.document import read_scalar
    from alp.strategy.loading import load_manifest, with_values

    strategy = load_manifest(manifest)
    if changes:
        values = dict(_change(each) for each in changes)
        strategy = with_values(
            strategy, {f"spec.{name}": read_scalar(text) for name, text in values.items()}
        )
    plan = _ticks(tapes, queue, desk, desk_options, strategy, manifest.parent)
    with window_bar(progress, strategy.name) as reached:
        results = run_backtest(strategy, manifest.parent, reached, plan)
    output.mkdir(parents=True, exist_ok=True)
    _write(output / "results.json", results.to_json_bytes())
    if report:
        from alp.backtest.report import render_report

        _write(output / "report.html", render_report(results).encode())
    _show(results, output, report=report, as_json=as_json)


def _change(text: str) -> tuple[str, str]:
    name, value = _pair(text, "--set", "FIELD=VALUE")
    return name.removeprefix("spec."), value


def _pair(text: str, option: str, form: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.BadParameter(f"{text!r} is not {form}", param_hint=option)
    return name, value


def _ticks(
    tapes: tuple[str, ...],
    queue: str,
    desk: str | None,
    desk_options: tuple[str, ...],
    strategy: Strategy,
    folder: Path,
) -> TickPlan | None:
    """Return the tapes and what quotes on them; None where there is no tape."""
    if not tapes:
        if desk or desk_options:
            raise click.UsageError("a desk quotes on tapes: --tape VENUE=FILE")
        return None
    if desk_options and desk in (None, HEDGE):
        raise click.UsageError("only a desk of your own takes options: --desk MODULE:CLASS")
    from alp._core.matching import QueueModel
    from alp.backtest.desk_guard import desk_maker
    from alp.backtest.run import quoting
    from alp.backtest.tick_terms import TickPlan, TickTerms
    from alp.strategy.document import read_scalar

    named = [_pair(each, "--tape", "VENUE=FILE") for each in tapes]
    model = QueueModel[queue.upper()]
    venues = tuple(TickTerms(venue, Path(path), queue=model) for venue, path in named)
    if desk == HEDGE:
        return TickPlan(venues)
    if desk is None:
        return quoting(strategy, TickPlan(venues))
    given = dict(_pair(each, "--desk-option", "KEY=VALUE") for each in desk_options)
    options = {name: read_scalar(text) for name, text in given.items()}
    return TickPlan(venues, desk_maker(desk, options, (Path(), folder)))


def _write(path: Path, content: bytes) -> None:
    """Write a whole file or none: a reader never sees half of it."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)


def _show(results: Results, output: Path, *, report: bool, as_json: bool) -> None:
    if as_json:
        from alp.backtest.table import headline_data

        print_json(headline_data(results))
        return
    from alp.backtest.table import print_summary

    print_summary(results)
    names = ["results.json", "report.html"] if report else ["results.json"]
    click.echo("wrote " + " and ".join(str(output / name) for name in names))
