"""Links between the project's documents lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FENCED = re.compile(r"^( *)(`{3,}|:{3,}).*?^\1\2 *$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^()\s]+(?:\([^()]*\))?)\)")
TARGET = re.compile(r"^\((?P<name>[\w.-]+)\)=$", re.MULTILINE)
HEADING = re.compile(r"^#+ +(?P<text>.+?) *$", re.MULTILINE)


def documents() -> list[Path]:
    found = [*ROOT.glob("*.md"), *ROOT.glob("*/**/*.md")]
    skipped = {"_build", "build", "node_modules", ".venv", ".git", ".pytest_cache"}
    return sorted(p for p in found if not skipped & set(p.relative_to(ROOT).parts))


def prose(path: Path) -> str:
    return FENCED.sub("", path.read_text(encoding="utf-8"))


def links(path: Path) -> Iterator[str]:
    for match in LINK.finditer(prose(path)):
        if "://" not in match["target"] and not match["target"].startswith("mailto:"):
            yield match["target"]


def anchors(path: Path) -> set[str]:
    """The names GitHub and MyST give to headings, and those written as MyST targets."""
    text = prose(path)
    kept = (re.sub(r"[^\w\- ]", "", match["text"].lower()) for match in HEADING.finditer(text))
    return {name.replace(" ", "-") for name in kept} | set(TARGET.findall(text))


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_links_of_a_document_resolve(path: Path) -> None:
    broken = []
    for target in links(path):
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            broken.append(target)
    assert not broken, f"{path.relative_to(ROOT)}: {broken}"


def test_links_are_found_at_all() -> None:
    assert "docs/quickstart.md" in set(links(ROOT / "README.md"))
