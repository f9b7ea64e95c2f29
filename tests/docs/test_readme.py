"""The README gives two commands, and CI runs those and no others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def commands(root: Path) -> list[str]:
    text = (root / "README.md").read_text(encoding="utf-8")
    section = text.split("## Two commands")[1].split("\n## ")[0]
    return [block.strip() for block in re.findall(r"```bash\n(.*?)```", section, re.DOTALL)]


def test_there_are_two_and_each_is_one_line(commands: list[str]) -> None:
    assert len(commands) == 2
    assert all("\n" not in command for command in commands)


def test_the_first_runs_the_main_job_and_installs_what_it_needs(commands: list[str]) -> None:
    assert "pip install ." in commands[0]
    assert commands[0].endswith("alp backtest examples/eth-usdc.yaml")


def test_the_second_is_what_ci_runs(commands: list[str], root: Path) -> None:
    assert f"step_test() {{ {commands[1]}; }}" in (root / ".ci" / "run").read_text(encoding="utf-8")


def test_the_first_is_what_ci_takes_out_of_the_readme(commands: list[str], root: Path) -> None:
    lines = (root / "README.md").read_text(encoding="utf-8").splitlines()
    first = lines.index("```bash", lines.index("## Two commands"))
    assert lines[first + 1] == commands[0]
