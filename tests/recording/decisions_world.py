"""A small desk with floats and a memory, its log's header, and a market to tell it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from alp.models.desk import (
    BookState,
    Desk,
    DeskInstrument,
    Event,
    Filled,
    Gated,
    GateState,
    Held,
    LpHeld,
    Paused,
    PoolPrice,
    Tick,
    Top,
    Traded,
    Wish,
)
from alp.recording.decisions import DeskLog, RecordedDesk
from alp.recording.decisions_file import DeskHeader
from alp.strategy.manifest import Strategy

EXAMPLE = Path(__file__).parents[2] / "examples" / "eth-usdc.yaml"
BEGIN_NS = 1_723_161_255_985_432_122
INSTRUMENTS = (
    DeskInstrument(0, "binance", "binance-usdm", "ETHUSDT", Decimal("0.01"), Decimal("0.001")),
    DeskInstrument(1, "kraken", "kraken", "ETH/USD", Decimal("0.01"), Decimal("0.00000001")),
)


class SmallDesk(Desk):
    """Quotes around a smoothed mid price, shifted by what it holds."""

    def __init__(self, aversion: float, half_spread: int = 3) -> None:
        self.aversion = aversion
        self.half_spread = half_spread
        self.number = 0
        self.held = 0
        self.smooth: dict[str, float] = {}

    def on(self, event: Event) -> Sequence[Wish]:
        if isinstance(event, Filled):
            self.held += event.side * event.lots
        if not isinstance(event, Top):
            return ()
        mid = (event.bid + event.ask) / 2
        name = str(event.instrument)
        smooth = self.smooth.get(name, mid)
        self.smooth[name] = smooth = smooth + 0.1 * (mid - smooth)
        shift = self.aversion * self.held * 1e-3
        self.number += 1
        bid = int(smooth - shift) - self.half_spread
        return [
            Wish(
                self.number,
                event.instrument,
                event.at_ns,
                event.at_ns + 10**9,
                ((bid, 10), (bid - 1, 20)),
                ((bid + 2 * self.half_spread, 10),),
                {"smooth": smooth, "shift": shift, "held": self.held, "bound": None},
            )
        ]

    def snapshot(self) -> dict[str, Any]:
        return {"number": self.number, "held": self.held, "smooth": dict(self.smooth)}

    def restore(self, state: dict[str, Any]) -> None:
        self.number, self.held = state["number"], state["held"]
        self.smooth = dict(state["smooth"])


class GuessingDesk(SmallDesk):
    """Not deterministic: it throws a die."""

    def on(self, event: Event) -> Sequence[Wish]:
        wishes = super().on(event)
        return [wish._replace(until_ns=wish.until_ns + random.randrange(10**6)) for wish in wishes]


class FailingDesk(SmallDesk):
    """Cannot bear to be paused."""

    def on(self, event: Event) -> Sequence[Wish]:
        if isinstance(event, Paused):
            raise ArithmeticError("no pause, please")
        return super().on(event)


def small(
    strategy: Strategy, instruments: Sequence[DeskInstrument], half_spread: int = 3
) -> SmallDesk:
    assert tuple(instruments) == INSTRUMENTS
    return SmallDesk(float(strategy.spec.model.risk_aversion), half_spread)


def guessing(
    strategy: Strategy, instruments: Sequence[DeskInstrument], half_spread: int = 3
) -> SmallDesk:
    return GuessingDesk(small(strategy, instruments).aversion, half_spread)


def failing(
    strategy: Strategy, instruments: Sequence[DeskInstrument], half_spread: int = 3
) -> SmallDesk:
    return FailingDesk(small(strategy, instruments).aversion, half_spread)


def header(**options: Any) -> DeskHeader:
    return DeskHeader(
        EXAMPLE.read_bytes(), "tests.recording.decisions_world:small", options, INSTRUMENTS
    )


def made(one: DeskHeader, kind: type[SmallDesk] = SmallDesk) -> SmallDesk:
    """Make a header's desk without its manifest, which takes longer than the rest of a test."""
    return kind(2.5, **one.options)


def market(count: int, seed: int = 7) -> Iterator[Event]:
    """Yield events of every kind."""
    chance = random.Random(seed)
    mid, at_ns = 350_000, BEGIN_NS
    for _ in range(count):
        at_ns += chance.randrange(1, 10**7)
        mid += chance.randrange(-3, 4)
        product = chance.randrange(2)
        kind = chance.randrange(12)
        if kind < 4:
            yield Top(product, at_ns, mid, 500, mid + 2, 700, at_ns - 10**6)
        elif kind == 4:
            yield Traded(product, at_ns, mid, 30, chance.choice([-1, 0, 1]), at_ns - 10**6)
        elif kind == 5:
            yield Filled(product, at_ns, chance.choice([-1, 1]), mid, 10, chance.random() < 0.9)
        elif kind == 6:
            yield Held(product, at_ns, chance.randrange(-500, 500))
        elif kind == 7:
            base, quote = chance.getrandbits(100), chance.getrandbits(60)
            yield LpHeld(at_ns, base, quote, base - (1 << 99), 20_000_000, 3)
        elif kind == 8:
            yield PoolPrice(at_ns, chance.getrandbits(160))
        elif kind == 9:
            yield Gated(product, at_ns, chance.choice(list(GateState)), 5000)
        elif kind == 10:
            yield BookState(product, at_ns, chance.random() < 0.5)
        else:
            yield chance.choice([Tick(at_ns), Paused(at_ns, chance.random() < 0.5)])


def record(folder: Path, count: int = 500, *, seed: int = 7, **limits: int) -> SmallDesk:
    """Record a desk of a market; return it as it was in the end."""
    log = DeskLog(folder, header(), **limits)
    desk = made(log.header)
    recorded = RecordedDesk(desk, log)
    for event in market(count, seed):
        recorded.on(event)
    recorded.close()
    assert not log.failed
    assert log.counts["lost"] == 0
    return desk
