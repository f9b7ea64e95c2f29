"""What users install: the wheel holds what runs, the sdist what builds and tests it."""

from __future__ import annotations

import email
import os
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from pathlib import Path

import pytest

from alp import __version__

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "alp"
FOLDERS = ["alp", "benchmarks", "docs", "examples", "k8s", "tests", ".ci"]
NEVER_SHIPPED = {".c", ".so", ".pyd", ".pyc", ".html"}
NOT_SOURCE = {"__pycache__", "_build", "build", "node_modules"}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with both artefacts: CI's own, or built here."""
    if "ALP_DIST" in os.environ:
        return Path(os.environ["ALP_DIST"])
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> zipfile.ZipFile:
    (path,) = dist.glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def in_wheel(wheel: zipfile.ZipFile) -> set[str]:
    return set(wheel.namelist())


@pytest.fixture(scope="module")
def in_sdist(dist: Path) -> set[str]:
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    return email.message_from_bytes(wheel.read(f"alp-{__version__}.dist-info/METADATA"))


def files(folder: Path) -> set[str]:
    """The source files below a folder of the project, relative to its top."""
    found = (path.relative_to(ROOT) for path in folder.rglob("*") if path.is_file())
    return {
        str(p) for p in found if not NOT_SOURCE & set(p.parts) and p.suffix not in NEVER_SHIPPED
    }


def templates() -> set[str]:
    """HTML below alp/ that is source, unlike Cython's annotated pages."""
    return {str(path.relative_to(ROOT)) for path in PACKAGE.rglob("templates/**/*.html")}


def test_the_wheel_has_one_compiled_module_for_each_cython_source(in_wheel: set[str]) -> None:
    sources = {str(path.relative_to(ROOT).with_suffix("")) for path in PACKAGE.rglob("*.pyx")}
    compiled = {name.partition(".")[0] for name in in_wheel if name.endswith(".so")}
    assert sources
    assert compiled == sources


def test_the_wheel_has_every_other_file_of_the_package(in_wheel: set[str]) -> None:
    expected = {name for name in files(PACKAGE) | templates() if not name.endswith(".pyx")}
    assert {"alp/py.typed", "alp/_core/uint256.pxd", "alp/_core/uint256.pyi"} <= expected
    assert expected - in_wheel == set()


def test_the_wheel_has_no_sources_of_compiled_modules_and_nothing_beside_alp(
    in_wheel: set[str],
) -> None:
    assert [name for name in in_wheel if Path(name).suffix in {".pyx", ".c", ".pyc"}] == []
    assert {name.partition("/")[0] for name in in_wheel} == {"alp", f"alp-{__version__}.dist-info"}


def test_the_sdist_has_all_that_builds_and_tests(in_sdist: set[str]) -> None:
    expected = {name for folder in FOLDERS for name in files(ROOT / folder)} | templates()
    expected |= {"pyproject.toml", "setup.py", "README.md", "CHANGELOG.md", "CONTRIBUTING.md"}
    assert expected - in_sdist == set()


def test_the_sdist_has_nothing_generated(in_sdist: set[str]) -> None:
    assert [name for name in in_sdist if Path(name).suffix in {".c", ".so", ".pyc"}] == []
    assert [name for name in in_sdist if NOT_SOURCE & set(Path(name).parts)] == []


def test_the_metadata_names_licence_python_and_command(
    metadata: Message, wheel: zipfile.ZipFile
) -> None:
    assert metadata["Version"] == __version__
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == ">=3.11"
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])
    commands = wheel.read(f"alp-{__version__}.dist-info/entry_points.txt").decode()
    assert "alp = alp.cli:main" in commands
