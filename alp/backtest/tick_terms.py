"""What a backtest on levels and trades needs beside the manifest: tapes, latency, queues."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy.typing as npt

from alp._core.matching import QueueModel
from alp._core.tick_replay import AmendRule, TickReplay
from alp.backtest.tick_account import FeeSchedule, Funding
from alp.backtest.tick_file import Tape
from alp.errors import ConfigError
from alp.models.desk import Desk, DeskInstrument

SECOND_NS = 10**9
BPS = Decimal(10_000)

MakeDesk = Callable[[tuple[DeskInstrument, ...], float], Desk]
"""What makes a desk of the products it quotes and the pool's price at the start."""


@dataclass(frozen=True, slots=True)
class TickTerms:
    """One venue of the manifest on a tape.

    Parameters
    ----------
    venue
        Its name in the manifest.
    path
        The tape.
    entry_ns, answer_ns
        How long a command takes to the exchange, and an answer back; None: the manifest's venue
        latency.
    latency
        The same as recorded, rows of :data:`alp._core.tape.LATENCY_ROW`, in place of both.
    queue, exponent
        How queues move.
    removals
        Orders that left, rows of :data:`alp._core.tape.REMOVAL_ROW`, for ``QueueModel.FIFO``.
    amends
        What the venue does with an amended order.
    fees
        None: the manifest's maker and taker fee, whatever was traded.
    funding
        Payments of a perpetual.
    """

    venue: str
    path: Path
    entry_ns: int | None = None
    answer_ns: int | None = None
    latency: npt.NDArray[Any] | None = None
    queue: QueueModel = QueueModel.CONSERVATIVE
    exponent: int = 2
    removals: npt.NDArray[Any] | None = None
    amends: AmendRule = AmendRule.KEEPS
    fees: FeeSchedule | None = None
    funding: Sequence[Funding] = ()

    def __post_init__(self) -> None:
        if self.queue is QueueModel.FIFO and self.removals is None:
            raise ConfigError(f"{self.venue}: queues first in, first out need named orders")
        for name in ("entry_ns", "answer_ns"):
            given = getattr(self, name)
            if given is not None and given < 0:
                raise ConfigError(f"{self.venue}: {name} {given} is negative")

    def replay(self, tape: Tape, latency_ns: int) -> TickReplay:
        """Return the market that the tape holds, with a latency where none is given here."""
        return TickReplay(
            tape.rows,
            model=self.queue,
            exponent=self.exponent,
            entry_ns=latency_ns if self.entry_ns is None else self.entry_ns,
            answer_ns=latency_ns if self.answer_ns is None else self.answer_ns,
            latency=self.latency,
            removals=self.removals,
            amends=self.amends,
            check=False,
        )

    def longest_answer_ns(self, latency_ns: int) -> int:
        """Return after how long everything that happened is known here."""
        if self.latency is not None and len(self.latency):
            return int(self.latency["answer_ns"].max())
        return latency_ns if self.answer_ns is None else self.answer_ns


@dataclass(frozen=True, slots=True)
class TickPlan:
    """All venues on tapes, and what decides.

    Parameters
    ----------
    venues
        Those of the manifest that are left out do not trade.
    make_desk
        None: the manifest's hedge alone, as on candles.
    chain_ns
        From a block's time until what happened in it is known here.
    """

    venues: tuple[TickTerms, ...]
    make_desk: MakeDesk | None = None
    chain_ns: int = SECOND_NS
    names: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        names = [each.venue for each in self.venues]
        if not names or len(set(names)) != len(names):
            raise ConfigError("a backtest on ticks has a tape for each of its venues, once")
        if self.chain_ns < 0:
            raise ConfigError("what happened on the chain is not known before")
        object.__setattr__(self, "names", frozenset(names))
