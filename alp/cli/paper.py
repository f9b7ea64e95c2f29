"""``alp paper``: a whole strategy at simulated exchanges, on this machine."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from alp.cli.lazy import Command
from alp.cli.system_command import run_plan, show_plan, system_options

LAST_LINES = 20


@click.command(
    cls=Command,
    examples={
        "alp paper examples/eth-usdc.yaml": "until Ctrl-C",
        "alp paper examples/eth-usdc.yaml --plan": "what would be started, and how it would end",
        "alp paper strategy.yaml --seconds 3600 --rate 10 --seed 7": (
            "an hour of made-up markets, ten times as busy"
        ),
        "alp paper strategy.yaml --data binance=day.alprec.zst --rate 60": (
            "over a recorded day, sixty times as fast"
        ),
    },
)
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--rate",
    type=click.FloatRange(0.001, 10_000),
    default=1.0,
    show_default=True,
    metavar="X",
    help="How much faster than usual: events of made-up markets, recorded time.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    metavar="N",
    help="Of made-up markets.",
)
@click.option(
    "--data",
    "recordings",
    multiple=True,
    metavar="VENUE[:PRODUCT]=FILE",
    help="Play a recording or capture at a venue of the manifest, of the product that is called so "
    "there; repeat for further files and venues.  [default: made up]",
)
@click.option(
    "--watch",
    "watched",
    is_flag=True,
    help="Show it live in this terminal; what the parts write goes to a file in the folder of "
    "state.",
)
@system_options
def paper(
    manifest: Path,
    rate: float,
    seed: int,
    recordings: tuple[str, ...],
    watched: bool,
    seconds: float | None,
    state: Path | None,
    health: str | None,
    json_logs: bool,
    only_plan: bool,
    as_json: bool,
) -> None:
    """Run a whole strategy at exchanges on localhost, with one command.

    Starts an exchange for each that MANIFEST names, with an account for each of its accounts, the
    quote server, and for each account a watchdog and an execution handler; starts again what dies;
    and stops everything in order at Ctrl-C, SIGTERM or after --seconds. MANIFEST is not changed:
    the parts read a copy, in the folder of state, in which the mode is paper and the venues are on
    this machine.

    Exit status 0 if everything ended as it should; 7 if orders may still be open: they are
    printed; 3 where the manifest or a part's command is wrong; otherwise that of the part that
    could not be kept running, 70 where it was killed.
    """
    from alp.errors import ConfigError
    from alp.strategy.loading import load_manifest
    from alp.system.plan import plan_paper
    from alp.system.simulators import Recording, World
    from alp.system.surroundings import surroundings

    found = tuple(Recording.read(each) for each in recordings)
    for each in found:
        if not each.path.is_file():
            raise ConfigError(f"--data {each.venue}: {each.path}: there is no such file")
    strategy = load_manifest(manifest)
    around = surroundings(strategy.name, "paper", state=state, page=health)
    plan = plan_paper(strategy, around, World(seed, rate, found), json_logs=json_logs)
    if only_plan:
        show_plan(plan, as_json=as_json)
        return
    if watched:
        _watch(around.state, plan.strategy)
        return
    run_plan(plan, around.sockets, seconds=seconds, json_logs=json_logs)


def _watch(state: Path, strategy: str) -> None:
    """Run the same command beside this one, without its view, and show what it does."""
    if not (sys.stdout.isatty() and sys.stdin.isatty()):
        raise click.UsageError("--watch: this is no terminal; use `alp watch` in one")
    from alp.cli.watch import show
    from alp.system.beside import Beside
    from alp.system.status import page_of
    from alp.watch.attach import Attached

    arguments = [each for each in sys.argv[1:] if each != "--watch"]
    with Beside([*arguments, "--state", str(state)], state) as system:
        stop = show(
            Attached(lambda: page_of(strategy, "paper"), strategy),
            over=lambda: system.ended,
            owns=True,
        )
        if stop and not system.ended:
            system.stop()
        elif not system.ended:
            click.echo(f"{strategy} goes on; Ctrl-C stops it; its lines: {system.log}")
        status = system.follow(LAST_LINES if system.ended else 0)
    if status:
        raise click.exceptions.Exit(status)
