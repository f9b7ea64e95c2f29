"""Fixtures shared by all tests."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import pytest

pytest_plugins = ["evm_world"]

ROOT = Path(__file__).resolve().parent.parent

# A job in a shell's background ignores Ctrl-C, and so would the processes that tests interrupt.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)


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
