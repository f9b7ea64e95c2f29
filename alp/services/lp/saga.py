"""A plan's way from the disk to its proven end: what is known of it, and what to do next.

No I/O and no clock. What the chain says is taken as a level: :meth:`Saga.saw` needs all that is
known at one head and forgets what it was told before, so that facts may be lost, repeated, or come
in any order. Only three things are remembered because nobody else knows them: which plan it is, the
transactions that may have been sent for it, and that it has ended.

::

              begin          sent              saw a receipt        so many blocks on it
    IDLE ───────────▶ WRITTEN ─────▶ SENT ─────────────────▶ INCLUDED ──────────────────▶ IDLE
                        │  ▲           │ ▲                      │   end
                        │  └── UNKNOWN ◀┘ │   reorganised       │
                        └────────▶ └──────┴─────────────────────┘

All transactions of a plan have one nonce, so that at most one of them is ever included. UNKNOWN has
no timer: it ends when one of them is seen, or when the nonce is seen used by none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, NamedTuple

from alp.chain.port import Block, Fate, Outcome
from alp.errors import Corrupt


class Stage(StrEnum):
    """Where a plan is."""

    IDLE = "idle"
    """There is none."""
    WRITTEN = "written"
    """It is on the disk and may have been sent."""
    SENT = "sent"
    """The node has it, and it waits."""
    UNKNOWN = "unknown"
    """Nobody knows; it may yet be included."""
    INCLUDED = "included"
    """A block has it, or the nonce is gone; not yet deep enough to be believed."""


class Do(StrEnum):
    """What is to be done about it now."""

    NOTHING = "nothing"
    SEND = "send"
    """Send the newest of its transactions, again or for the first time."""
    RAISE = "raise"
    """Send another with higher fees and the same nonce."""
    END = "end"
    """It has ended: tell whoever decided on it, and call :meth:`Saga.end`."""


class Attempt(NamedTuple):
    """One of a plan's transactions."""

    tx: str
    raw: str
    max_fee_wei: int
    priority_fee_wei: int
    block: int
    """The head when it was written."""


class Inclusion(NamedTuple):
    """How a plan ended, as far as the chain stands.

    Parameters
    ----------
    tx
        Which transaction it was; empty where the nonce was used by one that is none of ours.
    block_hash
        Empty where it is not known.
    """

    tx: str
    number: int
    block_hash: str
    executed: bool
    reason: str
    gas_wei: int
    sqrt_price_x96: int


REPLACED = "the nonce was used by another transaction"
SURE = 3
"""Blocks for which a nonce must be seen used by none of ours: what a node says of a nonce and of a
transaction may be from two heads."""


@dataclass(frozen=True)
class SagaRules:
    """When a plan is believed and when its fees are raised.

    Attributes
    ----------
    confirmations
        An inclusion counts when its block and those on top of it are so many.
    patience_blocks
        After so many blocks in the mempool the fees are raised.
    most_attempts
        Transactions of one plan, the first included.
    """

    confirmations: int = 2
    patience_blocks: int = 5
    most_attempts: int = 8


@dataclass
class Saga:
    """One plan at a time."""

    stage: Stage = Stage.IDLE
    plan_id: int = 0
    nonce: int = 0
    attempts: tuple[Attempt, ...] = ()
    inclusion: Inclusion | None = None

    @property
    def is_idle(self) -> bool:
        """Whether a plan may begin."""
        return self.stage is Stage.IDLE

    @property
    def newest(self) -> Attempt:
        """The transaction to send."""
        return self.attempts[-1]

    def begin(self, plan_id: int, nonce: int, attempt: Attempt) -> None:
        """Take a plan whose transaction will be written down, and only then sent.

        Raises
        ------
        Corrupt
            If another is under way.
        """
        if not self.is_idle:
            raise Corrupt(f"plan {plan_id} begins, but plan {self.plan_id} is {self.stage.value}")
        self.stage, self.plan_id, self.nonce = Stage.WRITTEN, plan_id, nonce
        self.attempts, self.inclusion = (attempt,), None

    def add(self, attempt: Attempt) -> None:
        """Take a transaction in place of those before, with the same nonce.

        Raises
        ------
        Corrupt
            If no plan waits for its inclusion.
        """
        if self.stage not in (Stage.WRITTEN, Stage.SENT, Stage.UNKNOWN):
            raise Corrupt(f"a transaction is replaced, but the plan is {self.stage.value}")
        self.attempts = (*self.attempts, attempt)
        self.stage = Stage.WRITTEN

    def sent(self, *, taken: bool) -> None:
        """Note that the newest transaction was sent, and whether the node said that it took it."""
        if self.stage in (Stage.WRITTEN, Stage.UNKNOWN, Stage.SENT):
            self.stage = Stage.SENT if taken else Stage.UNKNOWN

    def saw(self, outcomes: Mapping[str, Outcome], head: Block, nonce: int) -> None:
        """Take what the chain says at its head.

        Parameters
        ----------
        outcomes
            Of every transaction of the plan.
        nonce
            The account's next one.
        """
        if self.is_idle:
            return
        before, self.inclusion = self.inclusion, None
        for attempt in self.attempts:
            said = outcomes[attempt.tx]
            if said.block is not None:
                self.inclusion = Inclusion(
                    attempt.tx,
                    said.block.number,
                    said.block.hash,
                    said.fate is Fate.EXECUTED,
                    said.reason,
                    said.gas_wei,
                    said.sqrt_price_x96,
                )
        waits = any(outcomes[each.tx].fate is Fate.PENDING for each in self.attempts)
        if self.inclusion is None and nonce > self.nonce and not waits:
            # Some other transaction has it; since when is known from the first look on.
            since = before.number if before is not None and not before.tx else head.number
            self.inclusion = Inclusion("", since, "", False, REPLACED, 0, 0)
        if self.inclusion is not None:
            self.stage = Stage.INCLUDED
        elif waits:
            self.stage = Stage.SENT
        else:
            self.stage = Stage.UNKNOWN

    def to_do(self, head: Block, rules: SagaRules) -> Do:
        """Return what is to be done at a head; :meth:`saw` was told what is known there."""
        if self.stage in (Stage.WRITTEN, Stage.UNKNOWN):
            return Do.SEND
        if self.stage is Stage.SENT:
            is_late = head.number - self.newest.block >= rules.patience_blocks
            return Do.RAISE if is_late and len(self.attempts) < rules.most_attempts else Do.NOTHING
        if self.stage is Stage.INCLUDED:
            assert self.inclusion is not None
            depth = head.number - self.inclusion.number + 1
            least = rules.confirmations if self.inclusion.tx else max(rules.confirmations, SURE)
            return Do.END if depth >= least else Do.NOTHING
        return Do.NOTHING

    def end(self) -> Saga:
        """Be idle again; return the plan as it ended, for the case that it did not.

        Raises
        ------
        Corrupt
            If it has not.
        """
        if self.stage is not Stage.INCLUDED:
            raise Corrupt(f"plan {self.plan_id} ends, but it is {self.stage.value}")
        ended = replace(self)
        self.stage, self.attempts, self.inclusion = Stage.IDLE, (), None
        return ended

    def reopen(self, ended: Saga) -> None:
        """Take a plan back that had ended, in a block that is no more.

        Raises
        ------
        Corrupt
            If another is under way.
        """
        if not self.is_idle:
            raise Corrupt(f"plan {ended.plan_id} is back, but plan {self.plan_id} is under way")
        self.stage, self.plan_id, self.nonce = Stage.UNKNOWN, ended.plan_id, ended.nonce
        self.attempts, self.inclusion = ended.attempts, None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "stage": self.stage.value,
            "plan_id": self.plan_id,
            "nonce": self.nonce,
            "attempts": [list(each) for each in self.attempts],
            "inclusion": None if self.inclusion is None else list(self.inclusion),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Saga:
        """Return what :meth:`to_dict` wrote.

        Raises
        ------
        Corrupt
            If it is no saga.
        """
        try:
            inclusion = values["inclusion"]
            return cls(
                Stage(values["stage"]),
                values["plan_id"],
                values["nonce"],
                tuple(Attempt(*each) for each in values["attempts"]),
                None if inclusion is None else Inclusion(*inclusion),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise Corrupt(f"the plan under way is damaged: {error!r}") from error
