"""``alp run``: a whole strategy at the venues that its manifest names, on this machine."""

from __future__ import annotations

from pathlib import Path

import click

from alp.cli.lazy import Command
from alp.cli.system_command import run_plan, show_plan, system_options


@click.command(
    cls=Command,
    examples={
        "alp doctor strategy.yaml": "before: could it run?",
        "alp run strategy.yaml --plan": "what would be started, and how it would end",
        "alp run strategy.yaml --secrets /run/secrets": "until Ctrl-C, with mounted keys",
    },
)
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--secrets",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Folder with a folder of keys for each secret of the manifest, NAME, and one for its "
    "watchdog, NAME-watchdog.  [default: the environment]",
)
@click.option("--no-watchdog", is_flag=True, help="Let nobody watch over the handlers.")
@system_options
def run(
    manifest: Path,
    secrets: Path | None,
    no_watchdog: bool,
    seconds: float | None,
    state: Path | None,
    health: str | None,
    json_logs: bool,
    only_plan: bool,
    as_json: bool,
) -> None:
    """Run a whole strategy where its manifest says that its venues are.

    Starts the quote server, and for each account a watchdog and an execution handler, unless
    spec.mode is shadow; starts again what dies; and stops everything in order at Ctrl-C or
    SIGTERM: what wants orders first, then the handlers, which cancel them, the watchdogs last.
    Each process sees the keys of its own account and no others.

    Exit status 0 if everything ended as it should; 7 if orders may still be open: they are
    printed; 3 where the manifest, a key or a part's command is wrong; otherwise that of the part
    that could not be kept running, 70 where it was killed.
    """
    from alp.strategy.loading import load_manifest
    from alp.system.plan import plan_run
    from alp.system.surroundings import surroundings

    strategy = load_manifest(manifest)
    around = surroundings(strategy.name, "run", state=state, secrets=secrets, page=health)
    plan = plan_run(strategy, around, watched=not no_watchdog, json_logs=json_logs)
    if only_plan:
        show_plan(plan, as_json=as_json)
        return
    run_plan(plan, around.sockets, seconds=seconds, json_logs=json_logs)
