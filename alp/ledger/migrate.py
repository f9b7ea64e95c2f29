"""Bringing a ledger's tables to what this alp writes, or refusing what it does not know."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import NamedTuple

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from alp.errors import ConfigError, DataError

_STEPS = Path(__file__).parent / "migrations"
VERSION_TABLE = "ledger_version"

# It would tell at every opening which database it speaks to.
logging.getLogger("alembic").setLevel(logging.WARNING)


class Migration(NamedTuple):
    """What was done; the first is None for a new ledger."""

    before: str | None
    after: str


def newest() -> str:
    """Return the revision that this alp writes."""
    head = _script().get_current_head()
    assert head is not None
    return head


def revision(connection: Connection) -> str | None:
    """Return a ledger's revision, None where there is no ledger."""
    options = {"version_table": VERSION_TABLE}
    return MigrationContext.configure(connection, opts=options).get_current_revision()


def require_newest(connection: Connection, place: str) -> None:
    """Hold a ledger to the revision that this alp reads and writes.

    Raises
    ------
    ConfigError
        If there is no ledger, or an older alp's.
    DataError
        If it is a newer alp's.
    """
    found = revision(connection)
    if found == newest():
        return
    if found is None:
        raise ConfigError(f"{place}: there is no ledger", hint=f"alp ledger migrate {place}")
    _refuse_unknown(found, place)
    raise ConfigError(
        f"{place}: the ledger has revision {found}, this alp writes {newest()}",
        hint=f"stop its writer, keep a copy, then: alp ledger migrate {place}",
    )


def migrate(engine: Engine, place: str) -> Migration:
    """Bring a ledger to the newest revision; make it where there is none. All or nothing.

    Raises
    ------
    DataError
        If a newer alp made it.
    """
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            # Two that make the same ledger at once take turns; any number that nobody else uses.
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7017041101)")
        before = revision(connection)
        if before is not None:
            _refuse_unknown(before, place)
        if before != newest():
            config = Config()
            config.set_main_option("script_location", str(_STEPS).replace("%", "%%"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        return Migration(before, newest())


def _refuse_unknown(found: str, place: str) -> None:
    if found not in {each.revision for each in _script().walk_revisions()}:
        raise DataError(
            f"{place}: the ledger has revision {found}, which this alp does not know",
            hint="run the alp that made it, or a newer one",
        )


def _script() -> ScriptDirectory:
    return ScriptDirectory(str(_STEPS))
