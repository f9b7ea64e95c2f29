"""What a running system says of itself, gathered from its page and its parts."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from alp.errors import VenueError
from alp.system.page import FILE
from alp.system.surroundings import sockets_folder

TIMEOUT_S = 5.0
SECOND = 10**9
MODES = ("run", "paper")
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""A proxy of the environment knows nothing of this machine's ports."""


def pages_of(name: str) -> list[str]:
    """Return where the pages of a strategy's systems on this machine are: live, and on paper."""
    found = [page_of(name, mode) for mode in MODES]
    return [each for each in found if each is not None]


def page_of(name: str, mode: str) -> str | None:
    """Return where the page of a strategy's system in this mode is; None where none runs."""
    path = sockets_folder(name, mode) / FILE
    try:
        return str(json.loads(path.read_text())["page"])
    except (OSError, ValueError, KeyError):
        return None


def status_of(page: str) -> dict[str, Any]:
    """Return what a system is doing: plain values; quantities in lots, prices in ticks.

    Raises
    ------
    VenueError
        If it does not answer.
    """
    parts = ask(f"{page}/parts")
    if parts is None:
        raise VenueError(f"{page}: nothing answers there", hint="is it running? see `alp paper`")
    health = ask(f"{page}/readyz") or {}
    with ThreadPoolExecutor(8) as threads:
        said = dict(threads.map(_said, parts["parts"]))
    return {
        "strategy": parts["strategy"],
        "mode": parts["mode"],
        "page": page,
        "manifest": parts["manifest"],
        "state": parts["state"],
        "up_s": round((time.time_ns() - int(parts["begun_ns"])) / SECOND, 1),
        "ready": bool(health.get("ok")),
        "reasons": health.get("reasons", []),
        "parts": parts["parts"],
        "accounts": [
            _account(each, *said[each["name"]])
            for each in parts["parts"]
            if each["role"] == "handler"
        ],
        "feeds": list(_feeds(parts["parts"], said)),
    }


def ask(url: str) -> Any:
    """Return what a page says, also where it says no; None where nothing answers, or not JSON."""
    try:
        with _DIRECT.open(url, timeout=TIMEOUT_S) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        try:
            return json.loads(error.read())
        except ValueError:
            return None
    except (OSError, ValueError):
        return None


def _said(part: dict[str, Any]) -> tuple[str, tuple[dict[str, Any], list[dict[str, Any]] | None]]:
    """Return a part's name, its readiness, and its orders where it has any to tell of."""
    if part["role"] not in ("handler", "quotes"):
        return part["name"], ({}, None)
    ready = ask(f"{part['health']}/readyz")
    orders = ask(f"{part['health']}/orders") if part["role"] == "handler" else None
    return part["name"], (ready or {}, orders)


def _account(
    part: dict[str, Any], ready: dict[str, Any], orders: list[dict[str, Any]] | None
) -> dict[str, Any]:
    return {
        "account": part["account"],
        "part": part["name"],
        "gate": gate_of(ready),
        "reasons": ready.get("reasons", []) or list(ready.get("reducing", {}).values()),
        "token": ready.get("token"),
        "positions_lots": ready.get("positions", {}),
        "open_orders": orders,
    }


def gate_of(ready: dict[str, Any]) -> str:
    """Return what a handler lets leave: ``active``, ``reducing``, ``halted``, ``killed``."""
    if not ready:
        return "unknown"
    if any(str(each).startswith("killed") for each in ready.get("reasons", [])):
        return "killed"
    if not ready.get("ok"):
        return "halted"
    return "reducing" if ready.get("reducing") else "active"


def _feeds(
    parts: Iterable[dict[str, Any]], said: dict[str, tuple[dict[str, Any], Any]]
) -> Iterable[dict[str, Any]]:
    for part in parts:
        if part["role"] == "quotes":
            for name, book in said[part["name"]][0].get("books", {}).items():
                yield {"book": name, **book}
