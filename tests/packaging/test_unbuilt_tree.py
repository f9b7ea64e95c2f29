"""A source tree in which nothing was compiled says so, and how to mend it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import alp


def test_importing_it_names_the_reason_and_the_one_command(tmp_path: Path) -> None:
    without_binaries = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__")
    shutil.copytree(Path(alp.__file__).parent, tmp_path / "alp", ignore=without_binaries)
    command = [sys.executable, "-c", "import alp._core"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "has not been built" in done.stderr
    assert "\n    python -m pip install -e .\n" in done.stderr


def test_the_package_itself_imports_without_it(tmp_path: Path) -> None:
    without_binaries = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__")
    shutil.copytree(Path(alp.__file__).parent, tmp_path / "alp", ignore=without_binaries)
    command = [sys.executable, "-c", "import alp; print(alp.__file__)"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()).parent == (tmp_path / "alp").resolve()
