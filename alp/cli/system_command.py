"""What ``alp paper`` and ``alp run`` have in common: options, the plan shown, how it ended."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from alp.cli.options import print_json, state_option

if TYPE_CHECKING:
    from alp.system.parts import Plan
    from alp.system.supervisor import Outcome

Function = TypeVar("Function", bound=Callable[..., Any])


def system_options(function: Function) -> Function:
    """Add the options of every command that starts a whole system."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="With --plan: print JSON."),
        click.option("--plan", "only_plan", is_flag=True, help="Print what would be started."),
        click.option(
            "--json-logs", is_flag=True, help="Write every line as JSON, with its part's name."
        ),
        click.option(
            "--health",
            metavar="HOST:PORT",
            help="Serve the page about the whole here.  [default: a free port of this machine]",
        ),
        state_option,
        click.option(
            "--seconds",
            type=click.FloatRange(0, min_open=True),
            metavar="N",
            help="Stop so long after everything is ready.  [default: run until Ctrl-C]",
        ),
    ):
        function = option(function)
    return function


def show_plan(plan: Plan, *, as_json: bool) -> None:
    """Print what would be started."""
    if as_json:
        print_json(plan.as_dict())
    else:
        click.echo(plan.text(), nl=False)


def run_plan(plan: Plan, sockets: Path, *, seconds: float | None, json_logs: bool) -> None:
    """Run a system to its end and exit with what that was.

    Raises
    ------
    click.exceptions.Exit
        If it did not end well.
    """
    from alp.cli.logs import configure_logs
    from alp.system.running import serve

    if json_logs:
        configure_logs("warning", "json")
    outcome = serve(
        plan,
        sockets,
        seconds=seconds,
        json_logs=json_logs,
        begun=lambda page: _tell_beginning(plan, page),
    )
    _tell_end(outcome)
    if outcome.status:
        raise click.exceptions.Exit(outcome.status)


def _tell_beginning(plan: Plan, page: str) -> None:
    click.echo(f"{plan.strategy}, {plan.mode}: {len(plan.parts)} processes; {page}/readyz")
    click.echo(f"  state        {plan.state}")
    sockets = next((each.sockets for each in plan.parts if each.name == "quotes"), {})
    if sockets:
        click.echo(f"  its books    alp top --connect {sockets['publish']}")
    click.echo(f"  stop orders  alp kill {plan.manifest} --state {plan.state}")
    for note in plan.notes:
        click.echo(f"  note: {note}")
    sys.stdout.flush()


def _tell_end(outcome: Outcome) -> None:
    if outcome.failed:
        click.echo(f"it ended because {outcome.failed}", err=True)
    for residue in outcome.residue:
        click.echo(residue.text(), err=True)
    if not outcome.residue:
        click.echo("nothing is left: no process, and no order that is known of")
