"""Where a study lives: what of its address is shown, and what a crash may leave behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from alp.backtest.sweep.owners import Owner, Watch, this_machine
from alp.backtest.sweep.storage import guarded, open_storage
from alp.dsn import scrubbed, shown
from alp.errors import ConfigError, RpcError

SECRET = "hunter2"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://anna:{SECRET}@db.example:5432/studies",
        f"postgresql+psycopg://anna:{SECRET}?x@db.example/studies",
        f"mysql+pymysql://anna:p@{SECRET}@db.example/studies",
        f"postgresql://db.example/studies?user=anna&password={SECRET}",
        f"postgresql:///studies?host=db.example&password={SECRET}",
        f"mysql://anna:/{SECRET}@db.example/studies",
        f"postgresql://anna:{SECRET}%40x@db.example:port/studies",
    ],
)
def test_of_a_url_only_kind_host_and_database_are_shown(url: str) -> None:
    assert SECRET not in shown(url)
    assert "anna" not in shown(url)
    assert SECRET not in scrubbed(f"could not connect to {url}: no {SECRET}", url)


def test_what_is_no_secret_is_shown() -> None:
    assert shown("postgresql://anna:pw@db.example:5432/studies") == (
        "postgresql://db.example:5432/studies"
    )
    assert shown("sqlite:///studies.db") == "sqlite:///studies.db"
    assert shown("runs/study.journal") == "runs/study.journal"
    assert scrubbed("runs/a failed", "runs/a") == "runs/a failed"


@given(st.text(st.characters(codec="ascii", exclude_characters=" \n"), min_size=4))
def test_no_password_is_ever_shown(password: str) -> None:
    url = f"postgresql://user:x{password}x@localhost/db"
    if f"x{password}x" not in "postgresql://localhost/db":
        assert f"x{password}x" not in shown(url)
        assert f"x{password}x" not in scrubbed(f"cannot open {url} with x{password}x", url)


def test_a_failure_of_the_database_is_told_without_the_password() -> None:
    url = f"postgresql://anna:{SECRET}@db.example/studies"
    with pytest.raises(RpcError) as caught, guarded(url):
        raise OperationalError("select 1", {}, RuntimeError(f"refused anna:{SECRET}@db.example"))
    assert SECRET not in str(caught.value)
    assert "postgresql://db.example/studies" in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_database_without_its_driver_says_what_to_install() -> None:
    with pytest.raises(ConfigError) as caught:
        open_storage(f"mysql+pymysql://anna:{SECRET}@db.example/studies")
    assert SECRET not in str(caught.value)
    assert caught.value.hint == "pip install pymysql"


@pytest.mark.parametrize("url", ["nonsense://x", "postgresql://u:p@h:notaport/db"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        open_storage(url)


def test_a_database_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(RpcError, match=r"no/such/folder/x\.db failed"):
        open_storage(f"sqlite:///{tmp_path}/no/such/folder/x.db")


def test_a_line_that_a_crash_cut_off_does_not_spoil_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "study.journal"
    optuna.create_study(storage=open_storage(str(path)), study_name="one")
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"op_code": 2, "wor')
    storage = open_storage(str(path))
    assert path.read_bytes() == whole
    assert [study.study_name for study in storage.get_all_studies()] == ["one"]
    path.write_bytes(b'{"op_code"')
    open_storage(str(path))
    assert path.read_bytes() == b""


def test_the_lock_of_a_killed_process_keeps_nobody_waiting(tmp_path: Path) -> None:
    path = tmp_path / "study.journal"
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time, pathlib; from alp.backtest.sweep.storage import JournalLock\n"
            f"JournalLock(pathlib.Path({str(path)!r})).acquire()\n"
            "print('held', flush=True); time.sleep(60)",
        ],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    holder.kill()
    holder.wait()
    holder.stdout.close()
    begun = time.monotonic()
    open_storage(str(path))
    assert time.monotonic() - begun < 5


def dead_process() -> int:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def test_a_process_of_this_machine_is_gone_as_soon_as_its_id_is() -> None:
    watch = Watch(this_machine())
    mine = Owner.this_process()
    assert not watch.gone(mine.key, mine.state(1))
    dead = Owner(this_machine(), dead_process(), "t")
    assert watch.gone(dead.key, dead.state(1))


def test_a_process_elsewhere_is_gone_when_its_heart_stops_as_seen_from_here() -> None:
    now = [0.0]
    watch = Watch("here", grace_s=90.0, clock=lambda: now[0])
    owner = Owner("there", dead_process(), "t")
    assert not watch.gone(owner.key, owner.state(1))
    now[0] = 80.0
    assert not watch.gone(owner.key, owner.state(2))
    now[0] = 160.0
    assert not watch.gone(owner.key, owner.state(2))
    now[0] = 171.0
    assert watch.gone(owner.key, owner.state(2))


def test_a_trial_without_an_owner_is_given_the_same_time() -> None:
    now = [0.0]
    watch = Watch("here", grace_s=90.0, clock=lambda: now[0])
    assert not watch.gone("trial 1", None)
    now[0] = 91.0
    assert watch.gone("trial 1", None)
