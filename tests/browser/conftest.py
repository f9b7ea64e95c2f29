"""A headless Chromium for the tests, and a folder where their pictures are kept."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--enable-unsafe-swiftshader",  # WebGL in software, for the parallel coordinates
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium with a fresh profile; skips where there is none.

    For one file of tests: while it is open, an event loop counts as running in this thread.
    """
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install .[test]")
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("needs Chromium: bash .ci/setup-browser")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def artifacts(root: Path) -> Path:
    """Where screenshots go: ``ALP_ARTIFACTS``, or ``artifacts`` in the project's top folder."""
    folder = Path(os.environ.get("ALP_ARTIFACTS") or root / "artifacts")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
