"""What the documents show, works: every block is run, in order, in a folder with the examples.

A ``bash`` block is a script; in a ``console`` block each line after ``$`` is a command and what
follows it is compared with the output, where ``...`` stands for anything; the ``python`` blocks of
a document share one namespace; ``yaml`` must parse. A block after ``<!-- not run: reason -->`` is
reported as skipped with that reason.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

import alp

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 900
FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,}|:{3,})(?P<language>.*)$")
NOT_RUN = re.compile(r"^ *<!-- not run: (?P<reason>.+) -->$")
RUN = {"bash", "console", "python", "yaml"}


@dataclass(frozen=True)
class Block:
    """One fenced block of a document."""

    path: Path
    line: int
    language: str
    text: str
    not_run: str | None

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"


def documents() -> list[Path]:
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    return sorted(path for path in found if "_build" not in path.parts)


def blocks(path: Path) -> Iterator[Block]:
    fence = indent = language = ""
    reason: str | None = None
    start, body = 0, []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if fence:
            if line.strip() == fence:
                yield Block(path, start, language, "\n".join(body) + "\n", reason)
                fence, reason = "", None
            else:
                body.append(line.removeprefix(indent))
        elif match := FENCE.match(line):
            fence, indent = match["fence"], match["indent"]
            language = match["language"].strip().removeprefix("{code-block}").strip()
            start, body = number, []
        elif match := NOT_RUN.match(line):
            reason = match["reason"]
        elif line.strip():
            reason = None


ALL = [block for path in documents() for block in blocks(path) if block.language in RUN]


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the examples, an ``alp`` command and a terminal of a known width."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    commands = tmp_path.with_name(tmp_path.name + "-bin")
    commands.mkdir()
    command = commands / "alp"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m alp "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(commands), prepend=os.pathsep)
    monkeypatch.setenv("PYTHONPATH", str(Path(alp.__file__).parents[1]))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "path",
    sorted({block.path for block in ALL if not block.not_run}),
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_the_blocks_of_a_document_run_in_order(path: Path, workplace: Path) -> None:
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block in ALL:
        if block.path == path and not block.not_run:
            if block.language == "python":
                source = "\n" * block.line + block.text
                exec(compile(source, str(path), "exec"), namespace)
            elif block.language == "yaml":
                yaml.safe_load(block.text)
            elif block.language == "bash":
                shell(block, block.text)
            else:
                for command, expected in console(block):
                    compare(block, command, expected, shell(block, command))


@pytest.mark.parametrize("block", [block for block in ALL if block.not_run], ids=str)
def test_a_block_that_is_not_run_says_why(block: Block) -> None:
    pytest.skip(f"{block}: {block.not_run}")


def test_a_manifest_shown_to_a_reader_is_found() -> None:
    assert any(block.language == "bash" and "alp backtest" in block.text for block in ALL)


def shell(block: Block, script: str) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, f"{block}: exit {done.returncode} of\n{script}\n{done.stdout}"
    return done.stdout


def console(block: Block) -> Iterator[tuple[str, str]]:
    """Each command of a console block with the output the document shows for it."""
    command, expected = "", ""
    for line in block.text.splitlines(keepends=True):
        if line.startswith("$ "):
            if command:
                yield command, expected
            command, expected = line.removeprefix("$ "), ""
        elif command.endswith("\\\n"):
            command += line.removeprefix("> ")
        else:
            expected += line
    assert command, f"{block}: no line of a console block starts with '$ '"
    yield command, expected


def compare(block: Block, command: str, expected: str, actual: str) -> None:
    if expected:
        flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        same = doctest.OutputChecker().check_output(expected, actual, flags)
        assert same, f"{block}: {command}shown:\n{expected}\nprinted:\n{actual}"
