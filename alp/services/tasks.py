"""What ended a component, told as one failure."""

from __future__ import annotations

from collections.abc import Sequence

from alp.errors import AlpError


def first_cause(failures: Sequence[Exception]) -> Exception:
    """Return what went wrong first, out of the groups that tasks wrap it in."""
    failure = failures[0]
    while isinstance(failure, ExceptionGroup):
        known = [each for each in failure.exceptions if isinstance(each, AlpError)]
        failure = (known or failure.exceptions)[0]
    return failure
