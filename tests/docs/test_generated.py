"""The generated pages say what the code says."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

from alp.cli.app import root as alp_command
from alp.errors import ExitCode


@pytest.fixture(scope="module")
def generate(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", root / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_pages_are_current(root: Path) -> None:
    # In a process of its own: click keeps what another test's way of calling a command made of it.
    command = [sys.executable, str(root / "docs" / "generate.py"), "--check"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stderr}run docs/generate.py"


def test_every_exit_code_has_a_meaning(generate: ModuleType) -> None:
    page = generate.exit_codes_page()
    for code in ExitCode:
        (row,) = [line for line in page.splitlines() if line.startswith(f"| {code.value} |")]
        assert code.name in row
        assert row.split("|")[3].strip()


def test_every_option_has_a_help_text(generate: ModuleType) -> None:
    bare = [line for line in generate.cli_page().splitlines() if line.endswith("|  |")]
    assert not [line for line in bare if line.startswith("| `-")]


def test_every_command_explains_itself(generate: ModuleType) -> None:
    page = generate.cli_page()
    commands = [line.split()[2:] for line in page.splitlines() if line.startswith("## alp")]
    assert ["data", "inspect"] in commands
    for command in commands:
        done = CliRunner().invoke(alp_command, [*command, "--help"])
        assert done.exit_code == ExitCode.OK, (command, done.output)
        assert "\\b" not in done.output, command
