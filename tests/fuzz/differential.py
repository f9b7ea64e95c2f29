"""Messages that a fuzzer found, read by the compiled parsers and by Python's json and Decimal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "core"), str(ROOT / "tests" / "fuzz")]

from fuzz_inputs import PARSERS, products_of  # noqa: E402
from plain_feeds import plain  # noqa: E402
from plain_frame import Refused  # noqa: E402

from alp._core.feeds.frame import Parser  # noqa: E402


class Ambiguous(Exception):
    """A text in which a name stands twice: JSON does not say which one counts."""


def _once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(members)
    if len(names) != len(members):
        raise Ambiguous
    return names


def _same(found: dict[str, Any], wanted: dict[str, Any], message: bytes) -> bool:
    """Whether two readings are the same; a note only counts as the message has it.

    The twin writes some anew, and data is not asked for a note.
    """
    if wanted["kind"] == "data" or wanted["note"].encode() not in message:
        wanted = {**wanted, "note": found["note"]}
    return found == wanted


def differences(venue: str, messages: Iterable[bytes]) -> tuple[dict[str, int], list[bytes]]:
    """Return how many messages came to what, and those that the two understand differently."""
    products = products_of(venue)
    parser = Parser(PARSERS[venue], products)
    counts = {"equal": 0, "refused by both": 0, "refused here only": 0, "taken here only": 0}
    counts["ambiguous"] = 0
    apart = []
    for message in messages:
        found = parser.parse(message)
        try:
            json.loads(message.decode("latin-1"), object_pairs_hook=_once, strict=False)
            wanted = plain(PARSERS[venue], products, message)
        except Ambiguous:
            counts["ambiguous"] += 1
            continue
        except (Refused, ValueError, TypeError, AttributeError, RecursionError):
            counts["refused by both" if found["fault"] else "taken here only"] += 1
            continue
        if found["fault"]:
            counts["refused here only"] += 1
        elif _same(found, wanted, message):
            counts["equal"] += 1
        else:
            apart.append(message)
    return counts, apart
