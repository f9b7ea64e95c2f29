"""No function that promises to run without the GIL touches a Python object, in any core module.

Every ``.pyx`` below ``alp/_core`` is compiled to C as the build does it, and the C that stands for
each line of a ``nogil`` function or block is searched for calls into the Python API. Error paths
and ``with gil`` count: a hot path neither raises nor takes the GIL.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("Cython", reason="compiles each module to C: pip install -e '.[dev]'")

CORE = Path("alp/_core")
FUNCTION = re.compile(r"^(?P<indent>\s*)(cdef|cpdef)\s.*\(", re.ASCII)
NOGIL_BLOCK = re.compile(r"^(?P<indent>\s*)with nogil\s*:")
PYTHON_CALL = re.compile(
    r"\b(?:__Pyx_(?!BEGIN|END|FastGIL|NoGIL|UNREACHABLE)\w+|Py(?:_|[A-Z])\w*|__Pyx_RefNanny\w*"
    r"|__PYX_ERR|__Pyx_AddTraceback)\s*\("
)
# What releases and takes the GIL around a block, and C that only looks like the Python API.
ALLOWED = re.compile(
    r"Py_(?:UNBLOCK|BLOCK)_THREADS|PyEval_(?:Save|Restore)Thread|__Pyx_(?:Un)?likely"
    r"|PyGILState_\w+|__Pyx_(?:Remember|Forget)_?\w*|__Pyx_RefNannyDeclarations"
    r"|__Pyx_mod_int|__Pyx_div_\w+|__Pyx_pow_\w+|__Pyx_c_\w+|__Pyx_(?:min|max)\w*"
)


def nogil_lines(source: str) -> set[int]:
    """Numbers of the lines, from 1, inside functions and blocks that hold no GIL."""
    lines = source.splitlines()
    found: set[int] = set()
    number = 0
    while number < len(lines):
        signature, last = _signature(lines, number)
        function = FUNCTION.match(lines[number])
        block = NOGIL_BLOCK.match(lines[number])
        if function and signature.endswith(":") and re.search(r"\)[^)]*\bnogil\b", signature):
            found |= _body(lines, last, len(function["indent"]))
        elif block:
            found |= _body(lines, number, len(block["indent"]))
        number += 1
    return found


def _signature(lines: list[str], number: int) -> tuple[str, int]:
    text, last = lines[number].split("#")[0].strip(), number
    while text.count("(") > text.count(")") and last + 1 < len(lines):
        last += 1
        text += " " + lines[last].split("#")[0].strip()
    return text, last


def _body(lines: list[str], last: int, indent: int) -> set[int]:
    found: set[int] = set()
    for number in range(last + 1, len(lines)):
        line = lines[number]
        if not line.strip() or line.strip().startswith("#"):
            continue
        if len(line) - len(line.lstrip()) <= indent:
            break
        found.add(number + 1)
    return found


def python_calls(c_code: str, source_name: str) -> dict[int, list[str]]:
    """Python API calls in generated C, by the source line they stand for.

    Cython precedes the C of each line with a comment that names the file and the line.
    """
    marker = re.compile(r'^\s*/\* "(?P<file>[^"]+)":(?P<line>\d+)$', re.MULTILINE)
    marks = list(marker.finditer(c_code))
    calls: dict[int, list[str]] = {}
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        if not mark["file"].endswith(source_name):
            continue
        comment_end = c_code.index("*/", mark.end())
        text = c_code[comment_end + 2 : following.start() if following else len(c_code)]
        # what follows the function's end belongs to no line
        text = re.split(r"^}", text, maxsplit=1, flags=re.MULTILINE)[0]
        text = re.split(r"/\* function exit code \*/", text, maxsplit=1)[0]
        for call in PYTHON_CALL.findall(text):
            if not ALLOWED.match(call):
                calls.setdefault(int(mark["line"]), []).append(call.rstrip("( "))
    return calls


def offences(source: Path, c_code: str) -> list[str]:
    """Lines of ``source`` that break the promise."""
    text = source.read_text()
    promised = nogil_lines(text)
    calls = python_calls(c_code, source.name)
    lines = text.splitlines()
    return [
        f"{source.name}:{number}: {lines[number - 1].strip()}  ->  {', '.join(calls[number])}"
        for number in sorted(promised & calls.keys())
    ]


def compile_to_c(source: Path, root: Path, target: Path) -> str:
    c_file = target / (source.stem + ".c")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "cython",
            "-3",
            "-X",
            "boundscheck=False,wraparound=False,cdivision=True,initializedcheck=False",
            "-I",
            str(root),
            "-o",
            str(c_file),
            str(source),
        ],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return c_file.read_text()


ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = sorted((ROOT / CORE).rglob("*.pyx"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_nogil_code_makes_no_python_call(source: Path, tmp_path: Path) -> None:
    c_code = compile_to_c(source, ROOT, tmp_path)
    found = offences(source, c_code)
    assert not found, "\n".join(found)


def test_the_core_has_code_that_promises_it() -> None:
    promised = {path.stem: len(nogil_lines(path.read_text())) for path in SOURCES}
    pool = ("pool_swap", "pool_liquidity", "tickmath", "oracle", "tick_table")
    for module in (
        *pool,
        "book",
        "sync",
        "feed",
        "consolidated",
        "order_life",
        "order_store",
        "gate",
        "matching",
        "sha2",
        "order_bytes",
    ):
        assert promised[module] > 50, promised


OFFENDING = """
cdef int innocent(int x) noexcept nogil:
    return x + 1


cdef int guilty(int x) except -1 nogil:
    cdef int y = x * 2
    with gil:
        print(y)
    if y > 5:
        raise ValueError("raising takes the GIL")
    return y


cdef int partly(object items) except -1:
    cdef int total = 0
    for item in items:
        total += item
    with nogil:
        total = innocent(total)
    return total


def python_side(x):
    return guilty(x) + partly([x])
"""


def test_the_check_sees_a_python_call_where_there_is_one(tmp_path: Path) -> None:
    source = tmp_path / "sample.pyx"
    source.write_text(OFFENDING)
    found = offences(source, compile_to_c(source, ROOT, tmp_path))
    assert [line.split("  ->  ")[0] for line in found] == [
        "sample.pyx:8: with gil:",
        "sample.pyx:9: print(y)",
        'sample.pyx:11: raise ValueError("raising takes the GIL")',
    ]


def test_blocks_without_the_gil_are_looked_at_and_others_are_not() -> None:
    lines = OFFENDING.splitlines()
    texts = [lines[number - 1].strip() for number in sorted(nogil_lines(OFFENDING))]
    assert "return x + 1" in texts
    assert "total = innocent(total)" in texts
    assert "total += item" not in texts
    assert "return guilty(x) + partly([x])" not in texts
