"""docs/journal.md shows every byte of every record as the code writes it."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from alp._core.journal_records import RECORD_SIZES, RecordKind, frame
from alp.journal.layout import decode

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "journal.md").read_text(encoding="utf-8")
FORMATS = {"u64": "<Q", "i64": "<q", "u32": "<I", "u16": "<H", "u8": "<B", "i8": "<b"}


def rows(kind: RecordKind) -> list[tuple[int, str, str]]:
    """Byte, type and member of each row of a record's table."""
    heading = re.search(rf"^### .*\b{kind.name} \({kind.value}\).*$", PAGE, re.MULTILINE)
    assert heading is not None, kind
    assert f"{RECORD_SIZES[kind]} bytes" in heading[0]
    section = PAGE[heading.end() :].split("###")[0]
    found = re.findall(r"^\| (\d+) \| ([\w ]+) \| `(\w+)` \|$", section, re.MULTILINE)
    return [(int(byte), type_, member) for byte, type_, member in found]


@pytest.mark.parametrize("kind", RecordKind)
def test_each_member_is_where_the_page_says(kind: RecordKind) -> None:
    size = RECORD_SIZES[kind]
    data = frame(kind, bytes(33 + at % 90 for at in range(size - 32)), 1, 0, 0)
    record = decode(data, 0, size)
    assert record is not None
    table = rows(kind)
    assert [member for _, _, member in table] == list(record.members)
    for byte, type_, member in table:
        if type_.startswith("text "):
            expected: object = data[byte : byte + int(type_[5:])].decode()
        else:
            (expected,) = struct.unpack_from(FORMATS[type_], data, byte)
        assert record.members[member] == expected, member
