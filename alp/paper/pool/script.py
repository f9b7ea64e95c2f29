"""What goes wrong on a simulated chain, and a script of when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import Any, Self


class ChainFault(StrEnum):
    """What can happen."""

    LOSE_REQUEST = auto()
    """A transaction does not arrive, and the sender's connection ends."""
    LOSE_ANSWER = auto()
    """A transaction arrives, and the sender's connection ends."""
    DROP = auto()
    """A transaction arrives, is answered, and forgotten."""
    DELAY = auto()
    """A transaction is included ``blocks`` later."""
    BURY = auto()
    """A transaction is included behind everybody else's of the block."""
    REVERT = auto()
    """A transaction reverts with ``reason``."""
    REORG = auto()
    """``depth`` blocks are replaced, in the block of that number or ``blocks`` after the
    transaction's own. Our transactions in them wait again for ``hold`` blocks; with ``drop`` they
    are forgotten."""
    SPIKE = auto()
    """The base fee is ``factor`` times as high for ``blocks``."""
    STALL = auto()
    """Nothing is mined for ``blocks`` slots."""
    DISCONNECT = auto()
    """Every connection ends."""


OF_TRANSACTIONS = (
    ChainFault.LOSE_REQUEST,
    ChainFault.LOSE_ANSWER,
    ChainFault.DROP,
    ChainFault.DELAY,
    ChainFault.BURY,
    ChainFault.REVERT,
    ChainFault.REORG,
)
"""Those that can happen to a transaction."""
OF_BLOCKS = (ChainFault.REORG, ChainFault.SPIKE, ChainFault.STALL, ChainFault.DISCONNECT)
"""Those that can happen at a block."""


@dataclass(slots=True)
class ChainAct:
    """A fault and what it needs.

    Attributes
    ----------
    block
        How many blocks after the simulation's first it happens; None where it happens to
        transactions.
    after
        So many transactions pass before.
    times
        To so many then it happens.
    """

    fault: ChainFault
    block: int | None = None
    after: int = 0
    times: int = 1
    blocks: int = 1
    depth: int = 1
    hold: int = 1
    drop: bool = False
    factor: int = 50
    reason: str = "Price slippage check"


@dataclass
class ChainScript:
    """What goes wrong when; each act is used up as it happens."""

    acts: list[ChainAct] = field(default_factory=list)

    def at(self, block: int, fault: ChainFault, **more: Any) -> Self:
        """Let a fault happen so many blocks after the first."""
        self.acts.append(ChainAct(fault, block, **more))
        return self

    def transaction(self, fault: ChainFault, **more: Any) -> Self:
        """Let a fault happen to the next transactions sent; `more` as in :class:`ChainAct`."""
        self.acts.append(ChainAct(fault, **more))
        return self

    def of_transaction(self) -> list[ChainAct]:
        """Count a transaction that is sent, and return what happens to it."""
        due = []
        for act in [each for each in self.acts if each.block is None]:
            if act.after > 0:
                act.after -= 1
                continue
            due.append(act)
            act.times -= 1
            if act.times <= 0:
                self.acts.remove(act)
        return due

    def of_block(self, number: int) -> Iterable[ChainAct]:
        """Return what happens at a block, counted from the first."""
        due = [each for each in self.acts if each.block is not None and each.block <= number]
        for act in due:
            self.acts.remove(act)
        return due
