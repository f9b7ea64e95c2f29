"""A PostgreSQL of the tests' own: a throw-away cluster in a temporary folder, no service.

``postgres_server`` is one for each session (and worker), ``postgres_url`` an empty database in it.
Tests that use them skip with the reason where ``.ci/setup-postgres`` has not been run.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

PASSWORD = "kept-0ut-0f-logs"
USER = "keeper"
_START_S = 60
_NUMBERS = itertools.count(1)


def postgres_folder() -> Path | None:
    """Where PostgreSQL's programs are: on PATH, or where Debian puts the newest."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: -float(each.parent.name)
    )
    for folder in folders:
        if all((folder / name).exists() for name in ("initdb", "postgres")):
            return folder
    return None


class PostgresServer:
    """A running cluster; its only way in is a socket in its folder, with a password."""

    def __init__(self, programs: Path) -> None:
        self.programs = programs
        self.shared = ""
        self.folder = Path(tempfile.mkdtemp(prefix="alp-pg-"))
        # PostgreSQL refuses to run as root.
        self.identity: dict[str, Any] = {}
        if os.geteuid() == 0:
            names = {each.pw_name: each for each in pwd.getpwall()}
            owner = names.get("postgres") or names["nobody"]
            self.identity = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        self.data = self.folder / "data"
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)  # in a folder that is its user's alone
        self._run(
            "initdb", "-D", str(self.data), "-U", USER, "--auth=scram-sha-256",
            f"--pwfile={secret}", "--no-sync", "--encoding=UTF8", "--locale=C",
        )  # fmt: skip
        secret.unlink()
        self.start()

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self.log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            [
                self.programs / "postgres",
                "-D",
                self.data,
                "-k",
                self.folder,
                "-c",
                "listen_addresses=",
                "-c",
                "fsync=on",
                "-c",
                "max_connections=30",
            ],
            **self.identity,
            cwd=self.folder,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )
        deadline = time.monotonic() + _START_S
        while True:
            try:
                self._connect().close()
                return
            except Exception:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self.folder / "log").read_text()[-2000:]) from None
                time.sleep(0.05)

    def url(self, database: str = "postgres", password: str = PASSWORD) -> str:
        """A URL of a database, secrets included."""
        return f"postgresql://{USER}:{password}@/{database}?host={quote(str(self.folder), safe='')}"

    def new_database(self) -> str:
        """Make a database; return its URL."""
        name = f"ledger_{next(_NUMBERS)}"
        with contextlib.closing(self._connect()) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def empty_database(self) -> str:
        """Empty the database that tests share, which is faster than making one; return its URL."""
        if not self.shared:
            self.shared = self.new_database()
        with contextlib.closing(self._connect(self.shared)) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        return self.shared

    def crash(self) -> None:
        """Kill the server as a power cut would, but for the disk's caches."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.log.close()
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def stop(self) -> None:
        """Stop it and remove all of it."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _connect(self, url: str = ""):
        import psycopg

        return psycopg.connect(url or self.url(), autocommit=True)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self.programs / program, *arguments],
            **self.identity,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A cluster for all tests of a process."""
    programs = postgres_folder()
    if programs is None:
        pytest.skip("needs PostgreSQL: run `bash .ci/setup-postgres`")
    server = PostgresServer(programs)
    yield server
    server.stop()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """An empty database."""
    return postgres_server.empty_database()
