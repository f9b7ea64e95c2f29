"""How far a message got that was not answered: what follows for an order is quite different."""

from __future__ import annotations

from alp.errors import VenueError


class NotSent(VenueError):  # noqa: N818 - an outcome of a command: it surely is not at the venue
    """Nothing of it left this machine."""


class NoAnswer(VenueError):  # noqa: N818 - an outcome of a command: nobody knows
    """It left, in part at least, and what the venue made of it is not known."""
