"""What the pages of a running system say, read together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from alp.errors import AlpError
from alp.system.status import ask, status_of
from alp.watch.state import Facts

OWN = {"handler": "wishes", "lp_agent": "positions", "positions": "positions"}
"""By role, the page that a part has of its own beside those that ``alp status`` reads."""


def read_pages(page: str) -> dict[str, Any]:
    """Return what ``alp status`` tells, and ``lines``, ``wishes``, ``pool`` and ``ledger``.

    What a part does not tell is missing or None.

    Raises
    ------
    VenueError
        If the system does not answer.
    """
    found = status_of(page)
    with ThreadPoolExecutor(8) as threads:
        lines = threads.submit(ask, f"{page}/lines")
        own = [
            (each, threads.submit(ask, f"{each['health']}/{OWN[each['role']]}"))
            for each in found["parts"]
            if each["role"] in OWN
        ]
    said = [(part, future.result()) for part, future in own]
    return {
        **found,
        "lines": lines.result() or [],
        "wishes": [
            {**wish, "part": part["name"]}
            for part, wishes in said
            if part["role"] == "handler" and isinstance(wishes, list)
            for wish in wishes
        ],
        "pool": _first(said, "lp_agent"),
        "ledger": _first(said, "positions"),
    }


def _first(said: list[tuple[dict[str, Any], Any]], role: str) -> dict[str, Any] | None:
    return next(
        (each for part, each in said if part["role"] == role and isinstance(each, dict)), None
    )


def facts_of(manifest: str) -> Facts:
    """Return what a manifest says that the view needs; what cannot be read is not known."""
    from alp.strategy.loading import load_manifest

    try:
        strategy = load_manifest(Path(manifest))
        pair, ratio = strategy.pair(), strategy.spec.hedge.ratio
    except (AlpError, OSError):
        return Facts()
    return Facts(
        pair.base_symbol,
        pair.quote_symbol,
        pair.base_decimals,
        pair.quote_decimals,
        None if isinstance(ratio, str) else ratio,
    )
