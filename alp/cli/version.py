"""``alp version``: what a bug report needs to say."""

from __future__ import annotations

import click

from alp._version import __version__
from alp.cli.lazy import Command
from alp.cli.options import json_option, print_json

LIBRARIES = ("click", "numpy", "pyarrow", "pydantic", "pyyaml", "orjson", "web3")


@click.command(
    cls=Command,
    examples={
        "alp version": "the version of alp, of Python and of the libraries it stands on",
        "alp version --json": "the same as data",
    },
)
@json_option
def version(as_json: bool) -> None:
    """Print the versions of alp, Python, the platform and the libraries alp stands on.

    Copy the output into a bug report. `alp --version` prints only alp's own and is faster.
    """
    import platform

    facts = {
        "alp": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        **{name: _installed(name) for name in LIBRARIES},
    }
    if as_json:
        print_json(facts)
        return
    for name, value in facts.items():
        click.echo(f"{name:<10}{value}")


def _installed(name: str) -> str:
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed_version

    try:
        return installed_version(name)
    except PackageNotFoundError:
        return "not installed"
