"""Options of commands that publish on the bus or listen to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
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


def server_key_option(function: Function) -> Function:
    """Add ``--server-key`` as ``server_key``: whom one connects to on an encrypted bus."""
    return click.option(
        "--server-key",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="The publisher's public ZMQ certificate, with --curve.  [default: that of --curve]",
    )(function)


def curve_keys(certificate: Path | None, server: Path | None = None) -> CurveKeys | None:
    """Return the keys of certificate files as ``zmq.auth`` writes them.

    Parameters
    ----------
    certificate
        With a secret key; None where the bus is not encrypted.
    server
        Public one of who is connected to; `certificate` by default.

    Raises
    ------
    ConfigError
        If a file is none, or has no secret key where it should.
    """
    from alp.errors import ConfigError

    if certificate is None:
        if server is not None:
            raise ConfigError("a key of others is of no use without one's own: --curve FILE")
        return None
    from alp.bus.sockets import CurveKeys

    public, secret = _certificate(certificate)
    if secret is None:
        raise ConfigError(f"{certificate}: has no secret key", hint="use the .key_secret file")
    return CurveKeys(public, secret, public if server is None else _certificate(server)[0])


def guarded(keys: CurveKeys | None, folder: Path | None) -> CurveKeys | None:
    """Return keys that let only those connect whose public certificates are in a folder.

    Parameters
    ----------
    folder
        By default it is those who hold the same certificate.

    Raises
    ------
    ConfigError
        If there are none, or the bus is not encrypted.
    """
    from alp.errors import ConfigError

    if keys is None:
        if folder is not None:
            raise ConfigError("a bus that is not encrypted knows nobody's keys: --curve FILE")
        return None
    if folder is None:
        return replace(keys, clients=frozenset({keys.public}))
    known = frozenset(_certificate(each)[0] for each in sorted(folder.glob("*.key")))
    if not known:
        raise ConfigError(f"{folder}: has no public ZMQ certificate, *.key")
    return replace(keys, clients=known)


def _certificate(path: Path) -> tuple[bytes, bytes | None]:
    import zmq.auth

    from alp.errors import ConfigError

    try:
        return zmq.auth.load_certificate(path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: not a ZMQ certificate") from error
