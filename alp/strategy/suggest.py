"""Did you mean: the nearest known word to a misspelt one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that ``word`` is most likely meant to be, or None.

    Letter case, underscores and hyphens do not count: ``fee_tier`` is ``feeTier``.
    """
    by_shape = {_shape(candidate): candidate for candidate in known}
    matches = get_close_matches(_shape(word), by_shape, n=1, cutoff=0.7)
    return by_shape[matches[0]] if matches else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean X?`` or nothing."""
    match = nearest(word, known)
    return f"; did you mean {match}?" if match and match != word else ""


def _shape(word: str) -> str:
    return word.lower().replace("_", "").replace("-", "")
