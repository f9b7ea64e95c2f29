"""What the compiled engine raises."""


class Revert(Exception):  # noqa: N818 - the contracts' own word
    """A contract's ``require`` failed; the state is as it was before the call.

    Parameters
    ----------
    reason
        The contract's revert string, e.g. ``"SPL"``; ``""`` where it reverts without one.
    """

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason


class Imbalance(Exception):  # noqa: N818 - what it is
    """The books of a replay do not add up: a fault of the replay, not of its input."""
