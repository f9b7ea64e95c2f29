"""The tools people run before a commit are those that CI runs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml


@pytest.fixture(scope="module")
def project(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def hooks(root: Path) -> list[dict[str, Any]]:
    text = (root / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    repos: list[dict[str, Any]] = yaml.safe_load(text)["repos"]
    return repos


def test_people_and_ci_have_the_same_ruff(
    project: dict[str, Any], hooks: list[dict[str, Any]]
) -> None:
    (revision,) = [repo["rev"] for repo in hooks if repo["repo"].endswith("/ruff-pre-commit")]
    assert (
        f"ruff=={revision.removeprefix('v')}" in project["project"]["optional-dependencies"]["dev"]
    )


def test_every_hook_from_elsewhere_has_a_fixed_revision(hooks: list[dict[str, Any]]) -> None:
    for repo in hooks:
        if repo["repo"] != "local":
            assert re.fullmatch(r"v\d+\.\d+\.\d+", repo["rev"])


def test_the_steps_that_ci_describes_are_those_it_has(root: Path) -> None:
    script = (root / ".ci" / "run").read_text(encoding="utf-8")
    described = re.findall(r"^#   (\w+) ", script, re.MULTILINE)
    (listed,) = re.findall(r'^STEPS="(.*)"$', script, re.MULTILINE)
    defined = re.findall(r"^step_(\w+)\(\)", script, re.MULTILINE)
    assert described == listed.split()
    assert sorted(described) == sorted(defined)


def test_the_oldest_python_of_ci_is_the_oldest_the_metadata_allows(
    project: dict[str, Any], root: Path
) -> None:
    script = (root / ".ci" / "lib.sh").read_text(encoding="utf-8")
    (oldest,) = re.findall(r"^OLDEST_PYTHON=(\d+)", script, re.MULTILINE)
    (newest,) = re.findall(r"^NEWEST_PYTHON=(\d+)", script, re.MULTILINE)
    assert project["project"]["requires-python"] == f">=3.{oldest}"
    for minor in range(int(oldest), int(newest) + 1):
        assert f"Programming Language :: Python :: 3.{minor}" in project["project"]["classifiers"]
