"""Options of commands that publish on the bus or listen to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from alp.bus.sockets import CurveKeys

Function = TypeVar("Function", bound=Callable[..., Any])


def bus_options(function: Function) -> Function:
    """Add ``--publish``, ``--recall`` and ``--curve`` as ``publish``, ``recall``, ``curve``."""
    function = click.option(
        "--curve",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Encrypt the bus with the keys of this ZMQ certificate.",
    )(function)
    function = click.option(
        "--recall",
        metavar="ENDPOINT",
        help="Where late subscribers ask for the last messages.  [default: beside --publish]",
    )(function)
    return click.option(
        "--publish",
        metavar="ENDPOINT",
        help="Where messages go out: ipc://PATH or tcp://HOST:PORT.  [default: a socket of yours]",
    )(function)


def curve_keys(certificate: Path | None) -> CurveKeys | None:
    """Return the keys of a certificate file as ``zmq.auth`` writes them.

    Raises
    ------
    ConfigError
        If it is none, or has no secret key.
    """
    if certificate is None:
        return None
    import zmq.auth

    from alp.bus.sockets import CurveKeys
    from alp.errors import ConfigError

    try:
        public, secret = zmq.auth.load_certificate(certificate)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{certificate}: not a ZMQ certificate") from error
    if secret is None:
        raise ConfigError(f"{certificate}: has no secret key", hint="use the .key_secret file")
    return CurveKeys(public, secret)
