"""``alp validate-models``: the quoting models against published numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from alp.cli.lazy import Command
from alp.cli.options import json_option, print_json
from alp.errors import CheckFailed

if TYPE_CHECKING:
    from alp.models.validation import Check

SCHEMA = "alp.validate-models/1"
HEADER = f"{'':<16}{'ours':>11}{'± s.e.':>9}{'reference':>11}{'z':>7}{'paper':>9}{'z':>7}"


@click.command(
    cls=Command,
    name="validate-models",
    examples={
        "alp validate-models": "the paper's 1,000 paths; a second or two",
        "alp validate-models --paths 100000 --seed 7": "smaller errors, other draws",
        "alp validate-models --json": "the figures as data",
    },
)
@click.option(
    "--paths",
    type=click.IntRange(100, 10_000_000),
    default=1_000,
    show_default=True,
    help="Simulated sessions for each strategy.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=20_080_401,
    show_default=True,
    help="Seed of all randomness; the same seed prints the same figures.",
)
@json_option
def validate_models(paths: int, seed: int, as_json: bool) -> None:
    """Hold the models to the Avellaneda-Stoikov paper, to GLFT reference values and to known data.

    The simulation of Avellaneda & Stoikov (2008) is run again and compared with an independent
    run of 20,000 paths, by the joint standard error (z); the paper's own figures stand beside and
    are not judged. GLFT distances are compared with values computed in double precision, and the
    estimators with simulated data of known parameters. Exit code 1 if any figure is off.
    """
    from alp.models.validation import Z_LIMIT, validate

    checks = validate(paths, seed)
    failed = [check for check in checks if not check.passed]
    if as_json:
        print_json(
            {
                "schema": SCHEMA,
                "paths": paths,
                "seed": seed,
                "z_limit": Z_LIMIT,
                "passed": not failed,
                "checks": [check.record() for check in checks],
            }
        )
    else:
        _print(checks)
        click.echo(f"\n{len(checks)} figures, {len(failed)} off; {paths} paths, seed {seed}.")
    if failed:
        raise CheckFailed(
            f"{len(failed)} of {len(checks)} figures are off",
            hint="with --paths small a figure may be off by chance: try more paths or another seed",
        )


def _print(checks: list[Check]) -> None:
    group = ""
    for check in checks:
        if check.group != group:
            group = check.group
            click.echo(("" if check is checks[0] else "\n") + f"{group:<26}{HEADER}")
        click.echo(_line(check))


def _line(check: Check) -> str:
    sampled = check.z is not None
    digits = 3 if sampled else 6
    columns = (
        f"{check.case:<26}{check.quantity:<16}"
        f"{check.ours:>11.{digits}f}"
        f"{f'{check.error:.3f}' if sampled else '':>9}"
        f"{check.reference:>11.{digits}f}"
        f"{f'{check.z:+.1f}' if sampled else '':>7}"
        f"{'' if check.paper is None else f'{check.paper:.2f}':>9}"
        f"{'' if check.z_paper is None else f'{check.z_paper:+.1f}':>7}"
    )
    return columns.rstrip() + ("" if check.passed else "  OFF")
