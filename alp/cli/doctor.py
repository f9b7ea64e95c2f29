"""``alp doctor``: whether this strategy could run here, and what is to be mended first."""

from __future__ import annotations

from pathlib import Path

import click

from alp.cli.lazy import Command
from alp.cli.options import json_option, print_json, state_option

STYLES = {"ok": "green", "warning": "yellow", "fault": "red", "skipped": "default"}


@click.command(
    cls=Command,
    examples={
        "alp doctor examples/eth-usdc.yaml": "before `alp paper`",
        "alp doctor strategy.yaml --secrets /run/secrets": "before `alp run`, with mounted keys",
        "alp doctor strategy.yaml --json": "as data, for a script",
    },
)
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--secrets",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Folder with a folder of keys for each secret of the manifest.  "
    "[default: the environment]",
)
@click.option("--no-watchdog", is_flag=True, help="Do not ask for watchdogs' keys.")
@click.option("--health", metavar="HOST:PORT", help="Where the page about the whole would be.")
@state_option
@json_option
def doctor(
    manifest: Path,
    secrets: Path | None,
    no_watchdog: bool,
    health: str | None,
    state: Path | None,
    as_json: bool,
) -> None:
    """Look whether a strategy could run on this machine; say what to mend.

    Looks at the plan, folders, disk space, ports and kill switch; and at every venue, by questions
    alone: products, ticks, lots and limits, the clock, keys and what they may do, balances, open
    orders. Nothing is placed or cancelled. A strategy on paper without endpoints is looked at for
    `alp paper`, any other for `alp run`.

    Exit status 0 if it could run, 1 if something is a fault, 3 where the manifest is wrong.
    """
    from alp.errors import ExitCode
    from alp.strategy.loading import load_manifest
    from alp.system.checks import Verdict
    from alp.system.doctor import examine, is_for_paper
    from alp.system.surroundings import surroundings

    strategy = load_manifest(manifest)
    mode = "paper" if is_for_paper(strategy) else "run"
    around = surroundings(strategy.name, mode, state=state, secrets=secrets, page=health)
    checks = examine(strategy, around, watched=not no_watchdog)
    faults = sum(each.verdict is Verdict.FAULT for each in checks)
    if as_json:
        rows = [each.as_dict() for each in checks]
        print_json({"strategy": strategy.name, "ok": not faults, "checks": rows})
    else:
        _show([each.as_dict() for each in checks])
        click.echo(f"{faults} faults" if faults else f"it could run: alp {mode} {manifest}")
    if faults:
        raise click.exceptions.Exit(ExitCode.CHECK_FAILED)


def _show(rows: list[dict[str, str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("", "of", "what", "found", "remedy"):
        table.add_column(name, overflow="fold")
    for row in rows:
        verdict = Text(row["verdict"], style=STYLES[row["verdict"]])
        table.add_row(verdict, row["subject"], row["check"], row["found"], row["remedy"])
    Console().print(table)
