"""Where a component's sockets are, unless told otherwise: files that only their owner can reach."""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alp.errors import ConfigError

IPC = "ipc://"
RECALL = ".recall"
SUFFIX = ".ipc"
MOST_PATH_BYTES = 100
"""A system's limit for a socket's path is 104 or 108 bytes with its end."""


def default_endpoints(name: str, component: str) -> tuple[str, str]:
    """Return where a component publishes, and where it answers late subscribers.

    The sockets are in ``alp-<user id>/<name>`` below ``$XDG_RUNTIME_DIR`` or the temporary folder;
    the folders are made, for nobody else to enter.

    Parameters
    ----------
    name
        Of the strategy.
    component
        What publishes: ``quotes``.

    Raises
    ------
    ConfigError
        If a folder is somebody else's, or open to others, or the path is too long.
    """
    for each in (name, component):
        if not each or "/" in each or each.startswith("."):
            raise ConfigError(f"{each!r} cannot name a socket")
    above = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    folder = above / f"alp-{os.getuid()}"
    for path in (folder, folder / name):
        _own(path)
    endpoint = f"{IPC}{folder / name / component}{SUFFIX}"
    beside = recall_endpoint(endpoint)
    check_endpoint(beside)
    return endpoint, beside


def chosen_endpoints(
    publish: str | None, recall: str | None, name: str, component: str
) -> tuple[str, str]:
    """Return where a component publishes and answers: as told, or by default.

    Raises
    ------
    ConfigError
        See :func:`default_endpoints` and :func:`recall_endpoint`.
    """
    if publish is None:
        publish, beside = default_endpoints(name, component)
        return publish, recall or beside
    for each in (publish, recall or publish):
        check_endpoint(each)
    return publish, recall or recall_endpoint(publish)


def recall_endpoint(endpoint: str) -> str:
    """Return where a publisher answers late subscribers, by where it publishes.

    A socket's file has a neighbour; a TCP port is followed by the next.

    Raises
    ------
    ConfigError
        If the endpoint does not tell.
    """
    if endpoint.startswith(IPC):
        return f"{endpoint.removesuffix(SUFFIX)}{RECALL}{SUFFIX}"
    where, _, port = endpoint.rpartition(":")
    if not where or not port.isdigit() or not 0 < int(port) < 65_535:
        raise ConfigError(
            f"{endpoint}: nobody can tell where it answers late subscribers",
            hint="say it: --recall ENDPOINT",
        )
    return f"{where}:{int(port) + 1}"


def check_endpoint(endpoint: str) -> None:
    """Refuse a path that the system would cut off.

    Raises
    ------
    ConfigError
        If it is too long.
    """
    path = os.fsencode(endpoint.removeprefix(IPC))
    if endpoint.startswith(IPC) and len(path) > MOST_PATH_BYTES:
        raise ConfigError(
            f"a socket's path has at most {MOST_PATH_BYTES} bytes, not {len(path)}: {endpoint}",
            hint="set XDG_RUNTIME_DIR to a shorter folder, or name another endpoint",
        )


@contextmanager
def claimed(endpoint: str) -> Iterator[None]:
    """Hold an endpoint for this process: a second publisher would silently take the socket's file.

    Raises
    ------
    ConfigError
        If another process holds it, or its folder cannot be written.
    """
    check_endpoint(endpoint)
    if not endpoint.startswith(IPC) or endpoint.startswith(f"{IPC}@"):
        yield  # the system itself refuses a second one
        return
    path = Path(f"{endpoint.removeprefix(IPC)}.lock")
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise ConfigError(f"cannot publish on {endpoint}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"another process publishes on {endpoint}",
                hint="stop it, or publish elsewhere: --publish ENDPOINT",
            ) from None
        yield
    finally:
        os.close(descriptor)


def _own(folder: Path) -> None:
    """Make a folder that only its owner can enter; refuse one that is not so."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise ConfigError(f"{folder}: no place for sockets: {error.strerror}") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise ConfigError(
            f"{folder}: somebody else's, and no place for sockets",
            hint="set XDG_RUNTIME_DIR to a folder of your own",
        )
    if found.st_mode & 0o077:
        raise ConfigError(f"{folder}: others can enter it", hint=f"chmod 700 {folder}")
