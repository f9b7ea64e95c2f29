"""What a plan needs to know of the machine: folders, free ports, names of variables."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from alp.bus.addresses import default_endpoints
from alp.errors import ConfigError

FIRST_PORT, LAST_PORT = 20_000, 32_000
"""Below what systems give to outgoing connections: one of those would take a port that a part had
a moment ago."""
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Surroundings:
    """Where a system is put.

    Attributes
    ----------
    sockets
        Folder of the bus; nobody else may enter it.
    state
        Folder of journals and kill switch; for paper trading the session's files are beside it.
    next_port
        Returns a TCP port of this machine that is free.
    variables
        Names of the environment's variables.
    is_folder
        Whether there is such a folder.
    secrets
        Folder with a folder of keys for each secret that the manifest names; None: the environment
        has the keys.
    page
        ``HOST:PORT`` of the page about the whole; None: a free port of this machine.
    """

    sockets: Path
    state: Path
    next_port: Callable[[], int]
    variables: frozenset[str] = frozenset()
    is_folder: Callable[[Path], bool] = Path.is_dir
    secrets: Path | None = None
    page: str | None = None


def surroundings(
    name: str,
    mode: str,
    *,
    state: Path | None = None,
    secrets: Path | None = None,
    page: str | None = None,
) -> Surroundings:
    """Return where a system of this machine goes.

    Parameters
    ----------
    name
        Of the strategy.
    state
        By default ``alp/NAME`` below ``$XDG_STATE_HOME``; a session on paper has a folder of its
        own in it, named after its beginning.

    Raises
    ------
    ConfigError
        If there is no place for sockets.
    """
    chosen = state or default_state(name, mode)
    return Surroundings(
        sockets_folder(name, mode),
        chosen.absolute(),
        Ports().next,
        frozenset(os.environ),
        secrets=None if secrets is None else secrets.absolute(),
        page=page,
    )


def default_state(name: str, mode: str) -> Path:
    """Return where state is kept, unless told otherwise."""
    above = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    folder = above / "alp" / name
    if mode == "run":
        return folder
    return folder / "paper" / time.strftime("%Y-%m-%dT%H-%M-%SZ", time.gmtime())


def sockets_folder(name: str, mode: str) -> Path:
    """Return the folder of a system's sockets, and make it; on paper it is another.

    Raises
    ------
    ConfigError
        See :func:`alp.bus.addresses.default_endpoints`.
    """
    whose = name if mode == "run" else f"{name}-{mode}"
    endpoint, _ = default_endpoints(whose, "quotes")
    return Path(endpoint.removeprefix("ipc://")).parent


class Ports:
    """Finds free ports; each is given once."""

    def __init__(self, first: int = 0) -> None:
        # Systems that begin at the same time begin at different places.
        self._next = first or FIRST_PORT + os.getpid() * 16 % (LAST_PORT - FIRST_PORT)
        self._tried = 0

    def next(self) -> int:
        """Return one.

        Raises
        ------
        ConfigError
            If none is left.
        """
        for port in self._candidates():
            if is_free(HOST, port):
                return port
        raise ConfigError(f"no port from {FIRST_PORT} to {LAST_PORT} is free")

    def _candidates(self) -> Iterator[int]:
        while self._tried < LAST_PORT - FIRST_PORT:
            self._tried += 1
            port = self._next
            self._next = FIRST_PORT + (port + 1 - FIRST_PORT) % (LAST_PORT - FIRST_PORT)
            yield port


def is_free(host: str, port: int) -> bool:
    """Whether somebody could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
