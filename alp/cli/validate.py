"""``alp validate``: is a manifest right? All faults of all files at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alp.cli.lazy import Command
from alp.cli.options import json_option, print_json
from alp.errors import ExitCode

if TYPE_CHECKING:
    from alp.strategy.checking import Report
    from alp.strategy.problems import Problem


@click.command(
    cls=Command,
    examples={
        "alp validate examples/eth-usdc.yaml": "one line, or one for each fault",
        "alp validate --json strategies/*.yaml": "the same as data, with line and column",
        "alp validate --strict eth.yaml": "refuse what would only be advice",
        "kubectl get strategy eth -o yaml | alp validate -": "what a cluster holds",
    },
)
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=False),
)
@click.option("--strict", is_flag=True, help="Treat advice as faults.")
@json_option
@click.pass_context
def validate(ctx: click.Context, files: tuple[Path, ...], strict: bool, as_json: bool) -> None:
    """Check that manifests are right, and name every fault with its line.

    Unknown fields, wrong units, values out of bounds, contradictions between fields and secrets in
    plain text are faults: the manifest would not start. What works but should be changed, such as
    a decimal that Kubernetes would refuse or a data file that is not there, is advice.

    The exit status is 0 if every file is right and 3 otherwise.
    """
    from alp.strategy.checking import check_file

    reports = [check_file(path) for path in files]
    if as_json:
        print_json([_as_data(report) for report in reports])
    else:
        for report in reports:
            _print(report)
    if any(report.problems or (strict and report.advice) for report in reports):
        ctx.exit(ExitCode.CONFIG)


def _print(report: Report) -> None:
    for problem in report.problems:
        click.echo(problem.text(report.name))
    for advice in report.advice:
        click.echo(f"{advice.text(report.name)} (advice)")
    if report.strategy is not None:
        strategy = report.strategy
        click.echo(f"{report.name}: ok: {strategy.name}, {strategy.fingerprint()[:12]}")


def _as_data(report: Report) -> dict[str, Any]:
    strategy = report.strategy
    return {
        "file": report.name,
        "ok": strategy is not None,
        "name": strategy.name if strategy else None,
        "fingerprint": strategy.fingerprint() if strategy else None,
        "problems": [_problem(problem) for problem in report.problems],
        "advice": [_problem(problem) for problem in report.advice],
    }


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "field": problem.field,
        "message": problem.message,
        "line": problem.line,
        "column": problem.column,
    }
