"""The repository holds nothing that a reader would stumble over."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 600
MACHINE_PATH = re.compile(r"(?<![\w./~-])/(?:work|root|farm|home/[a-z]\w*)(?![\w-])")
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
CODE = {".py", ".pyx", ".pxd", ".pyi"}
NOT_OURS = {"PKG-INFO", "setup.cfg"}


def tracked() -> list[Path]:
    """The project's files: what git tracks, or the whole of an unpacked sdist."""
    if (ROOT / ".git").exists():
        command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
        listed = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        paths = [ROOT / name for name in listed.split("\0") if name]
    else:
        generated = re.compile(r"egg-info|__pycache__|^build$|^\.|^venv$|\.so$")
        paths = [
            path
            for path in ROOT.rglob("*")
            if not any(generated.search(part) for part in path.relative_to(ROOT).parts)
            and path.name not in NOT_OURS
        ]
    return sorted(path for path in paths if path.is_file())


FILES = tracked()


def is_binary(path: Path) -> bool:
    return b"\0" in path.read_bytes()[:8192] or path.suffix in {".gz", ".zst", ".parquet"}


TEXTS = [path for path in FILES if not is_binary(path)]


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def places(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    """Where a pattern occurs, as file:line."""
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in paths
        for number, line in enumerate(lines(path), 1)
        if pattern.search(line)
    ]


def test_no_source_file_is_longer_than_it_can_be_read() -> None:
    counts = {
        str(path.relative_to(ROOT)): len(lines(path)) for path in TEXTS if path.suffix in CODE
    }
    assert {name: count for name, count in counts.items() if count > LONGEST} == {}


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    assert places(MACHINE_PATH, [path for path in TEXTS if path != Path(__file__)]) == []


@pytest.mark.parametrize("path", ["/ro" + "ot/x", "see /wo" + "rk/main", "'/home/a" + "nna/alp'"])
def test_a_path_of_somebodys_machine_is_recognised(path: str) -> None:
    assert MACHINE_PATH.search(path)


@pytest.mark.parametrize("path", ["a/work/b", "/workspace", "https://host/root/x", "$HOME/x"])
def test_other_paths_are_left_alone(path: str) -> None:
    assert not MACHINE_PATH.search(path)


def test_nothing_is_left_for_later() -> None:
    assert places(UNFINISHED, TEXTS) == []


def test_each_binary_file_is_described_by_the_readme_beside_it() -> None:
    undescribed = []
    for path in FILES:
        if is_binary(path):
            readmes = [
                folder / "README.md" for folder in path.parents if folder.is_relative_to(ROOT)
            ]
            described = any(
                readme.is_file() and path.name in readme.read_text(encoding="utf-8")
                for readme in readmes
            )
            if not described:
                undescribed.append(str(path.relative_to(ROOT)))
    assert undescribed == []


def test_text_ends_with_a_newline_and_has_no_trailing_blanks() -> None:
    suffixes = CODE | {".md", ".toml", ".yaml", ".yml", ".sh", ".in"}
    untidy = []
    for path in TEXTS:
        text = path.read_text(encoding="utf-8")
        if path.suffix in suffixes and text:
            blanks = any(line != line.rstrip() for line in text.splitlines())
            if blanks or not text.endswith("\n") or "\r" in text:
                untidy.append(str(path.relative_to(ROOT)))
    assert untidy == []
