"""Options and arguments that several commands share, and how a command prints data."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])

MAX = "max"
"""In place of a speed: as fast as it goes."""


def json_option(function: Function) -> Function:
    """Add ``--json`` as the parameter ``as_json``."""
    option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
    return option(function)


def state_option(function: Function) -> Function:
    """Add ``--state`` as ``state``: the folder of journals and of the kill switch."""
    return click.option(
        "--state",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="FOLDER",
        help="Folder of the strategy's journals and kill switch.  "
        "[default: alp/NAME in $XDG_STATE_HOME]",
    )(function)


def progress_option(function: Function) -> Function:
    """Add ``--progress/--no-progress`` as the parameter ``progress``; a terminal is the default."""

    def default(_ctx: click.Context, _param: click.Parameter, wanted: bool | None) -> bool:
        return sys.stderr.isatty() if wanted is None else wanted

    option = click.option(
        "--progress/--no-progress",
        default=None,
        callback=default,
        help="Show progress on stderr.  [default: only on a terminal]",
    )
    return option(function)


def _speed(_ctx: click.Context, _param: click.Parameter, text: str) -> float | None:
    """Return recorded seconds in one second; None for as fast as it goes."""
    from math import isfinite

    if text == MAX:
        return None
    try:
        speed = float(text.removesuffix("x"))
    except ValueError:
        speed = 0.0
    if not isfinite(speed) or speed <= 0:
        raise click.BadParameter(f"{text!r} is no speed: a number above 0, or {MAX}")
    return speed


def speed_option(function: Function) -> Function:
    """Add ``--speed`` as the parameter ``speed``."""
    return click.option(
        "--speed",
        default="1",
        show_default=True,
        callback=_speed,
        metavar=f"N|{MAX}",
        help=f"Recorded seconds in one second; {MAX}: as fast as it goes.",
    )(function)


def files_argument(function: Function) -> Function:
    """Add one or more existing files as the parameter ``files``."""
    argument = click.argument(
        "files",
        nargs=-1,
        required=True,
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE...",
    )
    return argument(function)


def print_json(value: object) -> None:
    """Print ``value`` as indented JSON; what JSON has no type for is printed as its text."""
    import json

    click.echo(json.dumps(value, indent=2, default=str, ensure_ascii=False))


def iso_time(ns: int) -> str:
    """Write nanoseconds UTC as a date and a time to the millisecond."""
    from datetime import UTC, datetime

    moment = datetime.fromtimestamp(ns // 10**9, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ns % 10**9 // 10**6:03d}Z"
