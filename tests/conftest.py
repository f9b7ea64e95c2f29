"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = ["evm_world", "postgres_world"]

# How long an example takes says how busy the machine is.
settings.register_profile("alp", deadline=None)
settings.load_profile("alp")

ROOT = Path(__file__).resolve().parent.parent

# A job in a shell's background ignores Ctrl-C, and so would the processes that tests interrupt.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests that wait for processes a second go in CI; the summary lists what needed it."""
    if os.environ.get("CI"):
        for item in items:
            if item.get_closest_marker("timed"):
                item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder of the test's own, whose path is short enough for a socket in it.

    pytest's is named after the test and the worker; a system's limit for sockets is 100 bytes.
    """
    with tempfile.TemporaryDirectory(prefix="alp-test-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture(scope="session")
def root() -> Path:
    """The top folder of the project."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared facts and recorded data beside the project; skips where it is absent."""
    path = ROOT.parent / "shared"
    if not (path / "README.md").is_file():
        pytest.skip("needs the shared data folder beside the project (../shared)")
    return path
