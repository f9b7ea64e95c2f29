"""Where a study lives: a journal file, or a database by URL, whose password nobody gets to see.

The journal is Optuna's, with a lock that the system releases when its holder dies, so that a
killed sweep never keeps the next one waiting.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import IO, Any, cast

import optuna
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalStorage
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from alp.dsn import is_url, scrubbed, shown
from alp.errors import ConfigError, RpcError

_WAIT_S = 60
"""How long SQLite waits for another process's write."""

_TRIES = 4
_PAUSE_S = 0.25
"""How often and after what pause a database is opened that another process makes just now."""

_DRIVERS = {"postgresql": "psycopg2-binary", "mysql": "pymysql"}


class JournalLock:
    """A lock on a file beside the journal, held through the kernel.

    Works between processes, and between machines where the shared file system passes ``flock`` on,
    as NFS does unless it is mounted without locks.
    """

    def __init__(self, journal: Path) -> None:
        self._path = journal.with_name(journal.name + ".lock")
        self._stream: IO[bytes] | None = None

    def acquire(self) -> bool:
        """Wait until nobody else holds the lock.

        Raises
        ------
        OSError
            If the file system has no locks.
        """
        stream = self._path.open("ab")
        try:
            fcntl.flock(stream, fcntl.LOCK_EX)
        except BaseException:
            stream.close()
            raise
        self._stream = stream
        return True

    def release(self) -> None:
        """Let the next one in."""
        assert self._stream is not None
        self._stream.close()
        self._stream = None


def open_storage(storage: str) -> BaseStorage:
    """Open a study's storage, and make it where there is none.

    Parameters
    ----------
    storage
        Path of a journal file, or a database's URL as SQLAlchemy reads it.

    Raises
    ------
    ConfigError
        If the URL cannot be read or its driver is not installed.
    RpcError
        If the database cannot be reached.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with guarded(storage):
        return _open_database(storage) if is_url(storage) else _open_journal(Path(storage))


def _open_journal(path: Path) -> BaseStorage:
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = JournalLock(path)
    lock.acquire()
    try:
        _drop_torn_line(path)
    finally:
        lock.release()
    return JournalStorage(JournalFileBackend(str(path), lock_obj=cast(Any, lock)))


def _drop_torn_line(path: Path) -> None:
    """Cut off a last line that a crash left without its end; the next one would be spoilt too."""
    if not path.exists():
        return
    with path.open("r+b") as stream:
        size = stream.seek(0, os.SEEK_END)
        kept = size
        while kept:
            start = max(0, kept - 65536)
            stream.seek(start)
            found = stream.read(kept - start).rfind(b"\n")
            if found >= 0:
                kept = start + found + 1
                break
            kept = start
        if kept < size:
            stream.truncate(kept)


def _open_database(url: str) -> BaseStorage:
    try:
        backend = make_url(url).get_backend_name()
    except (ArgumentError, ValueError):
        raise ConfigError(
            f"{shown(url)}: is not a database URL",
            hint="postgresql://user@host/database, mysql+pymysql://…, sqlite:///file.db",
        ) from None
    options: dict[str, object] = {"pool_pre_ping": True}
    if backend == "sqlite":
        options["connect_args"] = {"timeout": _WAIT_S}
    try:
        return _with_tables(url, options)
    except (ImportError, NoSuchModuleError) as error:
        package = _DRIVERS.get(backend)
        raise ConfigError(
            f"{shown(url)}: the driver for {backend} is not installed"
            f" ({scrubbed(str(error), url).splitlines()[0]})",
            hint=None if package is None else f"pip install {package}",
        ) from None


def _with_tables(url: str, options: dict[str, object]) -> BaseStorage:
    """Open the database; another process may make its tables at the same time, and win."""
    for _ in range(_TRIES - 1):
        try:
            return RDBStorage(url, engine_kwargs=options)
        except NoSuchModuleError:
            raise
        except SQLAlchemyError:
            sleep(_PAUSE_S)
    return RDBStorage(url, engine_kwargs=options)


@contextmanager
def guarded(storage: str) -> Iterator[None]:
    """Turn a storage's failures into alp's own errors, in words without secrets.

    Raises
    ------
    RpcError
        If the database failed, or the file system has no locks or refused.
    """
    try:
        yield
    except (SQLAlchemyError, StorageInternalError, OSError) as error:
        cause = error.__cause__ if isinstance(error, StorageInternalError) else error
        inner = getattr(cause, "orig", None) or cause
        text = scrubbed(str(inner), storage).strip().splitlines()
        detail = f": {text[0]}" if text else ""
        raise RpcError(
            f"the study's storage {shown(storage)} failed: {type(inner).__name__}{detail}",
            hint="run the same command again to go on where it stopped",
        ) from None
