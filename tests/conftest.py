"""Fixtures shared by all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["evm_world"]

ROOT = Path(__file__).resolve().parent.parent


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
