"""Client order ids: whose order it is, which writer of the journal sent it, and its number.

``<tag>-<epoch><counter>``: a tag of one to five characters, then six and six digits of base 36. The
epoch is the journal's token, which is on disk before the first id of it is made and is never used
again; so ids are unique for ever without the counter being kept. Two folders of one account are a
mistake in which two writers may come to one epoch, if both begin within a second: so the counter
begins anywhere, and each can tell the other's orders from its own.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

from alp.errors import ConfigError

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
WIDTH = 6
MOST = len(DIGITS) ** WIDTH
_TAG = re.compile(r"[a-z0-9_]{1,5}", re.ASCII)
_ID = re.compile(r"([a-z0-9_]{1,5})-([0-9a-z]{6})([0-9a-z]{6})", re.ASCII)


@dataclass(slots=True)
class ClientIds:
    """Makes the ids of one epoch.

    Raises
    ------
    ConfigError
        If the tag has other characters than ``a-z``, ``0-9`` and ``_``, or more than five.
    """

    tag: str
    epoch: int
    counter: int = 0

    def __post_init__(self) -> None:
        if not _TAG.fullmatch(self.tag):
            raise ConfigError(
                f"the tag {self.tag!r} cannot begin a client order id",
                hint="one to five of a-z, 0-9 and _",
            )
        if not 0 < self.epoch < MOST:
            raise ConfigError(f"epoch {self.epoch} does not fit a client order id")

    @classmethod
    def begin(cls, tag: str, epoch: int) -> ClientIds:
        """Return the ids of a writer, from anywhere in the first quarter of its epoch."""
        return cls(tag, epoch, secrets.randbelow(MOST // 4))

    @property
    def prefix(self) -> str:
        """What all our ids begin with, of whatever epoch."""
        return f"{self.tag}-"

    @property
    def own(self) -> tuple[str, int]:
        """What ids of this epoch begin with, and how many digits follow."""
        return f"{self.prefix}{_digits(self.epoch)}", WIDTH

    def next(self) -> str:
        """Return an id that never was; at most 18 characters."""
        self.counter += 1
        if self.counter >= MOST:
            raise ConfigError(f"epoch {self.epoch} has no more ids", hint="open the journal again")
        return f"{self.own[0]}{_digits(self.counter)}"


@dataclass(frozen=True, slots=True)
class ParsedId:
    """What an id says."""

    tag: str
    epoch: int
    counter: int


def parse_client_id(text: str) -> ParsedId | None:
    """Return what an id says, None for one that is not of this form: a foreign order's."""
    found = _ID.fullmatch(text)
    if found is None:
        return None
    return ParsedId(found[1], int(found[2], 36), int(found[3], 36))


def _digits(number: int) -> str:
    text = ""
    for _ in range(WIDTH):
        number, digit = divmod(number, 36)
        text = DIGITS[digit] + text
    return text
