"""What orders may be left when a handler has ended, and whether a watchdog has seen to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alp.errors import ExitCode
from alp.system.parts import Part

HEADING = "orders may still be open"
CLEAN = frozenset({int(ExitCode.OK), int(ExitCode.FILE_SYSTEM)})
"""Exit statuses of a handler after which nothing is open; 74 says that its journal is not whole."""


@dataclass(frozen=True)
class Residue:
    """Orders of an account that may still be open.

    Attributes
    ----------
    orders
        As the handler printed them, a line each; empty: it could not say.
    """

    account: str
    orders: tuple[str, ...] = ()

    def text(self) -> str:
        """Return it for people."""
        if not self.orders:
            return f"{self.account}: its handler did not say what is still open"
        return "\n".join([f"{self.account}: {len(self.orders)} {HEADING}:", *self.orders])


def residue_of(part: Part, status: int, last: Sequence[str]) -> Residue | None:
    """Return what a handler may have left; None: nothing.

    Parameters
    ----------
    status
        How it ended.
    last
        Its last lines.
    """
    if status in CLEAN:
        return None
    begins = [number for number, line in enumerate(last) if line.endswith(f"{HEADING}:")]
    if status != int(ExitCode.RESIDUE) or not begins:
        return Residue(part.account)
    return Residue(part.account, tuple(each for each in last[begins[-1] + 1 :]))


def watchdog_saw_none(
    said: Mapping[str, Any], reasons: Sequence[str], lists_before: int | None
) -> tuple[int | None, bool]:
    """Return how many lists it had when it began to act, and whether it now saw that all is gone.

    Parameters
    ----------
    said, reasons
        Of its ``/readyz``, as it is now.
    lists_before
        What this returned the last time.
    """
    lists = said.get("lists")
    if not said.get("acting") or not isinstance(lists, int):
        return None, False
    if lists_before is None:
        return lists, False
    ours = said.get("open orders", {}).get("ours")
    trouble = any(each.startswith(("orders", "cancel", "key")) for each in reasons)
    return lists_before, lists > lists_before and ours == 0 and not trouble
