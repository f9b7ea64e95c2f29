"""``alp sweep``: many parameter sets of one strategy, compared."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, get_args

import click

from alp.cli.lazy import Command
from alp.cli.options import json_option, print_json, progress_option
from alp.errors import AlpError, ConfigError, ExitCode

if TYPE_CHECKING:
    from alp.backtest.sweep.run import Plan, Sweep
    from alp.strategy.manifest import Strategy

SAMPLERS = ("auto", "grid", "random", "tpe", "nsga2")


class UnforeseenError(AlpError):
    """An unexpected failure, told without the command line: that may hold a password."""

    exit_code = ExitCode.UNEXPECTED


@click.command(
    cls=Command,
    examples={
        "alp sweep eth.yaml --param ranges.baseSpreadBps=50:400:50": "a grid of eight",
        "alp sweep eth.yaml --param 'rebalance.cooldown=[10m, 1h]' --objective fees_to_lvr": (
            "two values, ranked by fees per LVR"
        ),
        "alp sweep eth.yaml space.yaml --sampler tpe --trials 300": "a search, its space in a file",
        "alp sweep eth.yaml space.yaml --objective nav_change_bps --objective max_drawdown_bps": (
            "the best trade-offs between two"
        ),
        "alp sweep eth.yaml space.yaml --storage postgresql://alp@db/studies": (
            "one study, shared by every machine that runs this line"
        ),
    },
)
@click.argument("manifest", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("space", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option(
    "--param",
    "parameters",
    metavar="FIELD=RANGE",
    multiple=True,
    help="Vary a field of spec: from:to:step, from..to, from..to:log or [a, b, c]; may be"
    " repeated, and added to a SPACE file.",
)
@click.option(
    "--set",
    "changes",
    metavar="FIELD=VALUE",
    multiple=True,
    help="Change a field of spec for all trials; may be repeated.",
)
@click.option(
    "--objective",
    "objectives",
    metavar="NAME[:DIRECTION]",
    multiple=True,
    help="The number to rank by, maximize or minimize if not as usual; several are traded off."
    "  [default: nav_change_bps]",
)
@click.option(
    "--sampler",
    type=click.Choice(SAMPLERS),
    default="auto",
    help="How points are chosen.  [default: grid where every parameter has steps, else tpe, or"
    " nsga2 with several objectives]",
)
@click.option(
    "--trials",
    type=click.IntRange(min=1),
    help="Trials of a search, those already done included.  [default: 100; a grid has its points]",
)
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(min=1, max=1024),
    help="Worker processes.  [default: one for each processor]",
)
@click.option("--timeout", metavar="DURATION", help="Begin no trial after, e.g., 30m or 8h.")
@click.option(
    "--seed",
    type=click.IntRange(min=0, max=2**53),
    default=0,
    show_default=True,
    help="Seed of the sampler.",
)
@click.option(
    "--keep",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Keep results.json of this many of the best.",
)
@click.option("--study", metavar="NAME", help="The study's name.  [default: the strategy's]")
@click.option(
    "--storage",
    metavar="FILE|URL",
    envvar="ALP_SWEEP_STORAGE",
    show_envvar=True,
    help="Where the study lives: a journal file, or a database that several machines share."
    "  [default: study.journal in the output folder]",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for sweep.json, compare.html and results/.  [default: sweep-STUDY]",
)
@json_option
@progress_option
def sweep(
    manifest: Path,
    space: Path | None,
    parameters: tuple[str, ...],
    changes: tuple[str, ...],
    objectives: tuple[str, ...],
    sampler: str,
    trials: int | None,
    jobs: int | None,
    timeout: str | None,
    seed: int,
    keep: int,
    study: str | None,
    storage: str | None,
    output: Path | None,
    as_json: bool,
    progress: bool,
) -> None:
    """Run many backtests of MANIFEST with parameters varied, and compare them.

    What is varied stands in SPACE, a YAML file, or behind --param. Every trial is a backtest in a
    worker process; all are recorded in a study. Run the same line again to go on after Ctrl-C, a
    crash or a timeout: what is done is not done again, and what was cut off is. A study goes on
    only with the manifest, data, parameters and version of alp that it was begun with.

    A combination that the manifest refuses is recorded with the reason and does not stop the
    others. Data that cannot be trusted stops all.

    Objectives: nav_change_bps, nav_change, versus_hold_bps, versus_hold, sharpe (return over
    volatility), fees_to_lvr, fees, lvr, gas, hedge, il, max_drawdown_bps, volatility, rebalances,
    time_in_range.

    A password in --storage shows in the list of processes; ALP_SWEEP_STORAGE keeps it out of there.
    alp itself prints a database's host and name, nothing else of its URL.
    """
    from alp.backtest.sweep.objectives import read_objectives
    from alp.backtest.sweep.run import Plan, available_cpus
    from alp.backtest.sweep.samplers import Sampler
    from alp.backtest.sweep.space_file import read_space
    from alp.strategy.loading import load_manifest

    strategy = _changed(load_manifest(manifest), changes)
    assert set(get_args(Sampler)) == set(SAMPLERS)
    plan = Plan(
        space=read_space(space, parameters),
        objectives=read_objectives(objectives),
        sampler=sampler,  # type: ignore[arg-type]
        seed=seed,
        trials=trials,
        jobs=jobs or available_cpus(),
        timeout_s=_seconds(timeout),
        storage=storage,
        study=study,
        keep=keep,
    )
    folder = output or Path(f"sweep-{study or strategy.name}")
    try:
        done = _run(strategy, manifest.parent, plan, folder, progress)
    except (AlpError, OSError):
        raise
    except Exception as error:
        if not storage or "://" not in storage:
            raise
        from alp.dsn import scrubbed

        message = scrubbed(f"unexpected {type(error).__name__}: {error}", storage)
        raise UnforeseenError(message, hint="please report it") from None
    _show(done, folder, manifest, changes, as_json)


def _changed(strategy: Strategy, changes: tuple[str, ...]) -> Strategy:
    from alp.backtest.sweep.space import full_field
    from alp.strategy.document import read_scalar
    from alp.strategy.loading import with_values

    values = {}
    for text in changes:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{text!r} is not FIELD=VALUE", param_hint="--set")
        values[full_field(name)] = read_scalar(value)
    return with_values(strategy, values) if values else strategy


def _seconds(text: str | None) -> float | None:
    from alp.strategy.units import read_duration

    if text is None:
        return None
    try:
        return read_duration(text) / 1e9
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--timeout") from None


def _run(strategy: Strategy, folder: Path, plan: Plan, output: Path, progress: bool) -> Sweep:
    from alp.backtest.sweep.run import Progress, run_sweep, write_sweep
    from alp.backtest.sweep.table import remark
    from alp.cli.progress import bar

    with stop_on_signals() as stop, bar(progress, strategy.name, 1000) as show:

        def reached(seen: Progress) -> None:
            show(1000 * seen.done // seen.wanted, remark(seen, plan.objectives))

        done = run_sweep(strategy, folder, plan, output, progress=reached, stop=stop)
        write_sweep(done, output)
    return done


@contextmanager
def stop_on_signals() -> Iterator[Callable[[], bool]]:
    """Note the first Ctrl-C or SIGTERM instead of raising it; the second interrupts at once.

    Yields the function that tells whether one came.
    """
    seen: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        if seen:
            raise KeyboardInterrupt
        seen.append(number)

    previous = {each: signal.signal(each, note) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(seen)
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)


def _show(
    sweep: Sweep, output: Path, manifest: Path, changes: tuple[str, ...], as_json: bool
) -> None:
    """Print what was found, and end as the sweep did."""
    from alp.backtest.sweep.table import best_settings, print_sweep, sweep_data

    results = sweep.results
    if as_json:
        print_json(sweep_data(sweep))
    else:
        print_sweep(sweep)
        settings = best_settings(results)
        if settings is not None:
            words = ["alp", "backtest", str(manifest)]
            for setting in (*changes, *settings):
                words += ["--set", setting]
            click.echo(f"run trial {results.ranked()[0].index} again: {shlex.join(words)}")
        names = ["sweep.json", "compare.html"] if sweep.runs else ["sweep.json"]
        click.echo("wrote " + " and ".join(str(output / name) for name in names))
    if sweep.ended == "interrupted":
        raise KeyboardInterrupt
    if results.trials and not results.count("complete"):
        raise ConfigError(
            f"no trial could be completed; the first says: {results.trials[0].reason}"
        )
