"""``alp convert-config``: the original project's configuration as a manifest."""

from __future__ import annotations

import re
from pathlib import Path

import click

from alp.cli.lazy import Command
from alp.errors import ExitCode

TIERS = ("100", "500", "3000", "10000")


@click.command(
    cls=Command,
    examples={
        "alp convert-config python/config.py": "print a manifest; what to know about it on stderr",
        "alp convert-config python/config.py .env cpp/config.ini -o eth.yaml": "of all three",
        "alp convert-config .env --fee-tier 500": "decide what FEE_TIER meant",
    },
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write here.")
@click.option("--name", default="converted", show_default=True, help="metadata.name of the result.")
@click.option(
    "--fee-tier", type=click.Choice(TIERS), help="The pool's fee in 1e-6, if you know it."
)
@click.option("--force", is_flag=True, help="Overwrite the output file.")
@click.pass_context
def convert_config(
    ctx: click.Context,
    files: tuple[Path, ...],
    output: Path | None,
    name: str,
    fee_tier: str | None,
    force: bool,
) -> None:
    """Turn the original project's config.py, .env, INI and JSON FILES into one manifest.

    Python is parsed, never run. Later files override earlier ones. Each field gets a comment that
    says what it was made of; what could not be carried over, and what FEE_TIER meant, is told on
    stderr. Secrets are not copied: their names are told, so that you can put them into a secret.

    The exit status is 3 if the result still needs a decision before it can be used.
    """
    from alp.strategy.convert import convert
    from alp.strategy.fields import DNS_LABEL_PATTERN
    from alp.strategy.old_config import read_old_config
    from alp.strategy.writing import write_yaml

    if not re.fullmatch(DNS_LABEL_PATTERN, name):
        raise click.BadParameter("use lower-case letters, digits and hyphens", param_hint="--name")
    settings = [each for path in files for each in read_old_config(path)]
    conversion = convert(settings, name, int(fee_tier) if fee_tier else None)
    text = write_yaml(conversion.content, conversion.origins)
    if output is None:
        click.echo(text, nl=False)
    elif output.exists() and not force:
        raise click.UsageError(f"{output} exists; --force overwrites it")
    else:
        output.write_text(text, encoding="utf-8")
    for note in conversion.notes:
        click.echo(f"note: {note}", err=True)
    problems = conversion.problems()
    for problem in problems:
        click.echo(f"to decide: {problem}", err=True)
    if problems:
        ctx.exit(ExitCode.CONFIG)
