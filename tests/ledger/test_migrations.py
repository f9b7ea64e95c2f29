"""Tables come to be by migrations alone, wholly or not at all; what is unknown is refused."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from ledger_world import ASSETS, fill
from sqlalchemy import inspect, text

from alp.errors import ConfigError, DataError
from alp.ledger import migrate as module
from alp.ledger.database import open_engine
from alp.ledger.ledger import Ledger
from alp.ledger.migrate import VERSION_TABLE, migrate, newest
from alp.ledger.schema import METADATA, Exact


def test_the_migrations_lead_to_the_tables_of_the_code(place: str) -> None:
    engine = open_engine(place)
    assert migrate(engine, place) == (None, newest())
    assert migrate(engine, place) == (newest(), newest())
    with engine.connect() as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, METADATA) == []
        names = set(inspect(connection).get_table_names())
    assert names == {VERSION_TABLE, *METADATA.tables}


def test_no_amount_is_a_float(place: str) -> None:
    engine = open_engine(place)
    migrate(engine, place)
    exact = [
        (table.name, column.name)
        for table in METADATA.sorted_tables
        for column in table.columns
        if isinstance(column.type, Exact)
    ]
    assert sorted(exact) == [("marks", "mark_x96"), ("postings", "amount")]
    with engine.connect() as connection:
        for table in METADATA.tables:
            for column in inspect(connection).get_columns(table):
                told = str(column["type"]).upper()
                assert not any(word in told for word in ("REAL", "FLOAT", "DOUBLE")), column
                if (table, column["name"]) in exact:
                    assert told.startswith("TEXT" if engine.name == "sqlite" else "NUMERIC")


def test_every_step_can_be_taken_back(place: str) -> None:
    engine = open_engine(place)
    migrate(engine, place)
    config = Config()
    config.set_main_option("script_location", str(module._STEPS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        assert set(inspect(connection).get_table_names()) <= {VERSION_TABLE}
    assert migrate(engine, place).before is None


def test_a_newer_ledger_is_refused_and_left_as_it_is(place: str) -> None:
    Ledger(place, ASSETS).close()
    engine = open_engine(place)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(DataError, match="revision 9999, which this alp does not know"):
        Ledger(place, ASSETS)
    with pytest.raises(DataError, match="9999"):
        migrate(engine, place)
    with engine.connect() as connection:
        found = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))
    assert found == "9999"


def test_an_older_ledger_is_not_migrated_by_surprise(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Ledger(place, ASSETS).close()
    monkeypatch.setattr(module, "newest", lambda: "0002")
    with pytest.raises(ConfigError, match="revision 0001, this alp writes 0002") as caught:
        Ledger(place, ASSETS)
    assert "alp ledger migrate" in (caught.value.hint or "")


def test_a_step_that_fails_leaves_nothing(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = open_engine(place)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE marks (foreign_one INTEGER)"))
    with pytest.raises(Exception, match="marks"):
        migrate(engine, place)
    with engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) <= {"marks", VERSION_TABLE}


@pytest.mark.timed
def test_two_that_make_the_same_ledger_at_once_both_have_it(place: str) -> None:
    code = (
        "import sys, time\n"
        "from ledger_world import ASSETS\n"
        "from alp.ledger.ledger import Ledger\n"
        "time.sleep(max(0, float(sys.argv[2]) - time.time()))\n"
        "print(Ledger(sys.argv[1], ASSETS).epoch)\n"
    )
    at = str(time.time() + 3)
    env = {"PYTHONPATH": ":".join(sys.path)}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, place, at], stdout=subprocess.PIPE, text=True, env=env
        )
        for _ in range(3)
    ]
    epochs = sorted(int(each.communicate(timeout=60)[0]) for each in started)
    assert epochs == [1, 2, 3]
    with Ledger(place, ASSETS) as ledger:
        ledger.apply([fill(1)])
        assert ledger.epoch == 4
