"""A ledger's database: SQLite by path, PostgreSQL by URL; its failures in words without secrets."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from alp.dsn import is_url, scrubbed, shown
from alp.errors import ConfigError, RpcError

_WAIT_S = 30
"""How long a statement waits for another writer's transaction."""

_PAUSE_S = 0.02

_BACKENDS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg"}


def open_engine(place: str) -> Engine:
    """Return the engine of a database; nothing is connected yet.

    Parameters
    ----------
    place
        Path of an SQLite file, whose folder is made where there is none, or a URL.

    Raises
    ------
    ConfigError
        If the URL cannot be read or is not of SQLite or PostgreSQL.
    """
    url = _url_of(place)
    if url.get_backend_name() == "sqlite":
        return _sqlite(url)
    # No pool: a server that was restarted is met by a new connection, not by an old one's error.
    return create_engine(
        url,
        hide_parameters=True,
        poolclass=NullPool,
        connect_args={
            "connect_timeout": _WAIT_S,
            "application_name": "alp ledger",
            "options": f"-c lock_timeout={_WAIT_S * 1000}",
        },
    )


def _url_of(place: str) -> URL:
    if not is_url(place):
        return URL.create(_BACKENDS["sqlite"], database=str(Path(place)))
    try:
        url = make_url(place)
        backend = url.get_backend_name()
    except (ArgumentError, ValueError):
        raise ConfigError(
            f"{shown(place)}: is not a database URL",
            hint="the path of an SQLite file, or postgresql://user@host/database",
        ) from None
    if backend not in _BACKENDS:
        raise ConfigError(
            f"{shown(place)}: a ledger is kept in SQLite or PostgreSQL",
            hint="the path of an SQLite file, or postgresql://user@host/database",
        )
    return url.set(drivername=_BACKENDS[backend])


def _sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:":
        raise ConfigError("a ledger in memory is none", hint="give the path of an SQLite file")
    engine = create_engine(
        url, hide_parameters=True, poolclass=NullPool, connect_args={"timeout": _WAIT_S}
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we begin transactions ourselves
        cursor = connection.cursor()
        _write_ahead(cursor)
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("alp_reading", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _write_ahead(cursor: Any) -> None:
    """Keep a log written ahead; SQLite does not wait itself where another is just changing that."""
    for _ in range(int(_WAIT_S / _PAUSE_S)):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            sleep(_PAUSE_S)
    cursor.execute("PRAGMA journal_mode=WAL")


@contextmanager
def guarded(place: str) -> Iterator[None]:
    """Turn the database's failures into alp's own, in words without secrets.

    Raises
    ------
    RpcError
        If the database could not be reached, or failed.
    """
    try:
        yield
    except (SQLAlchemyError, psycopg.Error, OSError) as error:
        inner = getattr(error, "orig", None) or error
        text = scrubbed(str(inner), place).strip().splitlines()
        raise RpcError(
            f"the ledger {shown(place)} failed: {type(inner).__name__}"
            f"{f': {text[0]}' if text else ''}",
            hint="what was not acknowledged may be applied again: a proof is booked once",
        ) from None


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Hold one consistent view of a database, beside its writer."""
    with engine.connect() as connection:
        options: dict[str, Any] = {"alp_reading": True}
        if connection.dialect.name == "postgresql":
            options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with connection.execution_options(**options).begin():
            yield connection
