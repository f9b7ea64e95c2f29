"""What the pages of a running system say, read together."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from alp.errors import AlpError
from alp.system.status import ask, status_of
from alp.watch.state import Facts

OWN = {
    "handler": ("wishes", "products"),
    "lp_agent": ("positions",),
    "positions": ("positions", "pnl"),
}
"""By role, the pages that a part has of its own beside those that ``alp status`` reads."""


def read_pages(page: str) -> dict[str, Any]:
    """Return what ``alp status`` tells, and more of what parts say of themselves.

    That is ``lines``, ``wishes``, ``products``, ``pool`` and ``ledger``.

    The ledger has the pages ``positions`` and ``pnl`` of the position server. What a part does not
    tell is missing or None.

    Raises
    ------
    VenueError
        If the system does not answer.
    """
    found = status_of(page)
    with ThreadPoolExecutor(8) as threads:
        lines = threads.submit(ask, f"{page}/lines")
        own = [
            (each, name, threads.submit(ask, f"{each['health']}/{name}"))
            for each in found["parts"]
            for name in OWN.get(each["role"], ())
        ]
    said = [(part, name, future.result()) for part, name, future in own]
    ledger = {
        name: page for part, name, page in said if part["role"] == "positions" and _is_told(page)
    }
    return {
        **found,
        "lines": lines.result() or [],
        "wishes": _rows(said, "wishes"),
        "products": _rows(said, "products"),
        "pool": next(
            (page for part, _, page in said if part["role"] == "lp_agent" and _is_told(page)), None
        ),
        "ledger": ledger or None,
    }


def _rows(said: Iterable[tuple[dict[str, Any], str, Any]], page: str) -> list[dict[str, Any]]:
    """Return the rows of all parts' pages of a name, each with its part."""
    return [
        {**row, "part": part["name"]}
        for part, name, rows in said
        if name == page and isinstance(rows, list)
        for row in rows
    ]


def _is_told(page: Any) -> bool:
    return isinstance(page, dict) and bool(page)


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
