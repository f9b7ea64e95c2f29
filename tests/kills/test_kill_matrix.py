"""The kill matrix itself: what runs in CI is of every venue."""

from __future__ import annotations

from pathlib import Path

from kill_venues import SCENES

from alp.paper.venues import VENUES


def test_a_part_of_every_venues_matrix_is_run(root: Path) -> None:
    modules = {
        path.stem.removeprefix("test_kills_").replace("_", "-")
        for path in (root / "tests" / "kills").glob("test_kills_*.py")
    }
    assert modules == set(SCENES) == set(VENUES)
