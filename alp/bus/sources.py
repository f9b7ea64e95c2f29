"""The components' numbers on the bus: who says what."""

from __future__ import annotations

from enum import IntEnum


class Source(IntEnum):
    """What stands in the header of a message; an account's handler adds its venue's place."""

    QUOTES = 1
    """The quote server, or a replay in its place."""
    MARKET_MAKER = 2
    POSITIONS = 3
    LP_AGENT = 4
    RISK = 5
    """Who may close gates: a person at the terminal view."""
    EXECUTION = 32


COMBINED = 255
"""The instrument under which the position server tells of everything together."""
CHAIN = 254
"""The instrument under which it tells of the chain's part."""
