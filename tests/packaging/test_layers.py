"""The layers hold where the import linter cannot look: inside compiled sources, and in the core."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "alp" / "_core"
SOURCES = sorted(path for path in CORE.rglob("*.p*") if path.suffix in {".pyx", ".pxd", ".pyi"})
IMPORT = re.compile(r"^\s*(?:from|c?import)\s+(alp[\w.]*)(?:\s+c?import\s+(\w+))?", re.MULTILINE)


def imported(text: str) -> set[str]:
    """The modules of alp that a source imports or cimports; ``from alp import x`` is ``alp.x``."""
    found = IMPORT.findall(text)
    return {f"{module}.{name}" if module == "alp" and name else module for module, name in found}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_a_compiled_source_imports_nothing_of_alp_but_the_core(source: Path) -> None:
    modules = imported(source.read_text(encoding="utf-8"))
    assert {module for module in modules if not module.startswith("alp._core")} == set()


def test_each_form_of_import_is_recognised() -> None:
    text = (
        "cimport alp.a\nfrom alp.b cimport c\n    import alp.d\n"
        "from alp import errors\nfrom numpy cimport x\n"
    )
    assert imported(text) == {"alp.a", "alp.b", "alp.d", "alp.errors"}
