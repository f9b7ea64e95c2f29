"""The table of reasons in docs/routing.md says what the code says."""

from __future__ import annotations

import re
from pathlib import Path

from alp._core.route import RouteShort

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "routing.md").read_text(encoding="utf-8")


def test_every_reason_is_in_the_table_with_its_number() -> None:
    found = re.findall(r"^\| `([A-Z_]+)` \| (\d+) \| .+ \|$", PAGE, re.MULTILINE)
    assert [(name, int(number)) for name, number in found] == [
        (each.name, each.value) for each in RouteShort
    ]
