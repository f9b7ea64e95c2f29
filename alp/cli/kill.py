"""``alp kill`` and ``alp release``: the kill switch of a strategy."""

from __future__ import annotations

from pathlib import Path

import click

from alp.cli.lazy import Command
from alp.cli.options import state_option


@click.command(
    cls=Command,
    examples={
        "alp kill examples/eth-usdc.yaml --reason 'looks wrong'": "stop it, and say why",
        "alp release examples/eth-usdc.yaml": "later, when it is understood",
    },
)
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--reason", default="", help="What the logs and the handlers shall say.")
@state_option
def kill(manifest: Path, reason: str, state: Path | None) -> None:
    """Set the kill switch of a strategy: everything is cancelled, and nothing else leaves.

    It is a file in the strategy's folder of state. All its handlers obey it, those that start later
    as well, until `alp release`. A manifest that is not valid any more does not matter.
    """
    from alp.services.execution.kill_switch import KillSwitch, state_folder
    from alp.strategy.loading import name_of

    switch = KillSwitch(state_folder(name_of(manifest), state))
    switch.set(reason or "alp kill")
    click.echo(f"killed: {switch.path}: {switch.reason or 'no room for the reason'}")
    if not switch.is_heeded:
        click.echo(
            "no handler was ever started with this folder of state: those that run with another "
            "do not see it; give theirs by --state",
            err=True,
        )


@click.command(
    cls=Command,
    examples={"alp release examples/eth-usdc.yaml": "let the strategy's orders leave again"},
)
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@state_option
def release(manifest: Path, state: Path | None) -> None:
    """Take a strategy's kill switch back.

    Nothing is sent by this itself: handlers send again what shall rest. Exit status 1 where it was
    not set.
    """
    from alp.errors import ExitCode
    from alp.services.execution.kill_switch import KillSwitch, state_folder
    from alp.strategy.loading import name_of

    switch = KillSwitch(state_folder(name_of(manifest), state))
    reason = switch.reason
    if not switch.release():
        click.echo(f"it was not set: {switch.path}", err=True)
        raise click.exceptions.Exit(ExitCode.CHECK_FAILED)
    click.echo(f"released: {switch.path}: {reason}")
