"""What alp imports is what its metadata asks for, no more and no less."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest


def distributions(root: Path) -> set[str]:
    """The distributions whose modules alp imports anywhere, by their normalised names."""
    modules: set[str] = set()
    for path in (root / "alp").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module.partition(".")[0])
    providers = packages_distributions()
    foreign = modules - set(sys.stdlib_module_names) - {"alp"}
    return {normalised(providers[module][0]) for module in foreign}


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(scope="module")
def declared(root: Path) -> set[str]:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {normalised(re.split(r"[<>=!~\[; ]", each)[0]) for each in project["dependencies"]}


def test_everything_that_is_imported_is_declared(root: Path, declared: set[str]) -> None:
    assert distributions(root) - declared == set()


def test_everything_that_is_declared_is_imported(root: Path, declared: set[str]) -> None:
    assert declared - distributions(root) == set()
