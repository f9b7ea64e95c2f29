"""No password of a database is ever told, whatever goes wrong."""

from __future__ import annotations

import logging
import traceback

import pytest
from click.testing import CliRunner
from ledger_world import ASSETS, fill
from postgres_world import PASSWORD, USER, PostgresServer

from alp.cli.app import root
from alp.errors import AlpError, ConfigError, ExitCode, RpcError
from alp.ledger.database import open_engine
from alp.ledger.ledger import Ledger

WRONG = "n0t-the-password"


@pytest.mark.parametrize(
    ("url", "error"),
    [
        (f"postgresql://{USER}:{WRONG}@127.0.0.1:1/ledger", RpcError),
        (f"postgresql://{USER}:{WRONG}@127.0.0.1:port/ledger", ConfigError),
        (f"mysql://{USER}:{WRONG}@127.0.0.1/ledger", ConfigError),
        (f"postgresql://127.0.0.1:1/ledger?user={USER}&password={WRONG}", RpcError),
        (f"postgresql://{USER}:{WRONG}@127.0.0.1:1/ledger?sslmode=nonsense", RpcError),
    ],
)
def test_a_database_that_is_not_reached(
    url: str, error: type[AlpError], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(error) as caught:
        Ledger(url, ASSETS)
    told = "".join(traceback.format_exception(caught.value)) + str(caught.value.hint) + caplog.text
    assert WRONG not in told
    done = CliRunner().invoke(root, ["ledger", "show", url])
    assert done.exit_code == error.exit_code
    assert WRONG not in done.output
    assert WRONG not in "".join(traceback.format_exception(*done.exc_info or ()))


def test_a_password_that_is_refused(postgres_server: PostgresServer) -> None:
    with pytest.raises(RpcError, match="password authentication failed") as caught:
        Ledger(postgres_server.url(password=WRONG), ASSETS)
    told = "".join(traceback.format_exception(caught.value))
    assert WRONG not in told
    assert USER not in str(caught.value)


def test_a_statement_that_fails_and_its_log(
    postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with Ledger(postgres_url, ASSETS) as ledger:
        ledger.apply([fill(1)])
        with open_engine(postgres_url).begin() as connection:
            connection.exec_driver_sql("ALTER TABLE postings RENAME TO gone")
        with pytest.raises(RpcError, match="UndefinedTable") as caught:
            ledger.apply([fill(2)])
    assert PASSWORD not in str(caught.value)
    assert PASSWORD not in caplog.text
    assert PASSWORD not in repr(open_engine(postgres_url))


def test_the_place_may_come_from_the_environment(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Ledger(postgres_url, ASSETS).close()
    monkeypatch.setenv("ALP_LEDGER", postgres_url)
    done = CliRunner().invoke(root, ["ledger", "verify"])
    assert done.exit_code == ExitCode.OK, done.output
    assert "0 entries" in done.output
    assert PASSWORD not in done.output
