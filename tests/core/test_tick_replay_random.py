"""The tick-level backtest beside its plain twin, over random markets, latencies and commands."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from plain_tick import PlainTick
from tick_cases import BID, Row, latencies, level, removal, removals, size, tape

from alp._core.matching import QueueModel
from alp._core.tape import TapeBit
from alp._core.tick_replay import AmendRule, TickReplay


@dataclass
class Case:
    """A market and how orders fare in it."""

    rows: list[Row]
    removed: list[Row]
    latency: list[tuple[int, int, int]]
    model: QueueModel
    exponent: int
    amends: AmendRule
    whole: bool
    step: int
    chance: random.Random = field(repr=False)


def case(seed: int) -> Case:
    chance = random.Random(seed)
    rows = []
    exchange_ns, local_ns = 5, 5 + chance.randrange(8)
    slow, early = chance.choice((0, 1, 6, 40)), chance.choice((0, 0, 7))  # clocks differ
    for _ in range(chance.randrange(5, 120)):
        exchange_ns += chance.choice((0, 0, 1, 3, 9))
        local_ns = max(local_ns, exchange_ns + chance.randint(-early, slow))
        bid = chance.random() < 0.5
        kind = chance.choices((TapeBit.LEVEL, TapeBit.TRADE, TapeBit.CLEAR), (70, 29, 1))[0]
        sides = chance.choice((*[TapeBit.EXCHANGE | TapeBit.LOCAL] * 5, *TapeBit)[:7])
        if sides not in (TapeBit.EXCHANGE, TapeBit.LOCAL):
            sides = TapeBit.EXCHANGE | TapeBit.LOCAL
        price = 100 + chance.randint(-6, 3) * (1 if bid == (kind == TapeBit.LEVEL) else -1)
        if kind == TapeBit.CLEAR:
            rows.append((exchange_ns, local_ns, 0, size(kind, False, 0, sides)))
            continue
        lots = 0 if kind == TapeBit.LEVEL and chance.random() < 0.2 else chance.randint(1, 20)
        if chance.random() < 0.02:
            price += chance.choice((50_000, 900_000))
        rows.append((exchange_ns, local_ns, price, size(kind, bid, lots, sides)))
    removed = sorted(
        removal(
            at := chance.randint(5, exchange_ns),
            chance.random() < 0.5,
            chance.randint(97, 103),
            chance.randint(1, 5),
            chance.randint(1, at),
        )
        for _ in range(chance.choice((0, 30)))
    )
    latency = sorted(
        (chance.randint(0, exchange_ns), chance.choice((0, 1, 25)), chance.choice((0, 2, 25)))
        for _ in range(chance.randint(1, 6))
    )
    return Case(
        rows,
        removed,
        latency,
        chance.choice(list(QueueModel)),
        chance.choice((1, 2, 3)),
        chance.choice(list(AmendRule)),
        chance.random() < 0.3,
        chance.choice((1, 4, 30)),
        chance,
    )


def decide(case: Case, replay: TickReplay, twin: PlainTick) -> None:
    """Do one thing, or nothing, to both."""
    chance = case.chance
    opened = [
        (view, plain)
        for view, plain in zip(replay.orders(), twin.orders, strict=True)
        if plain.phase != 3
    ]
    what = chance.choice(("send", "send", "cancel", "amend", "sweep", "nothing"))
    price, lots = chance.randint(96, 104), chance.randint(1, 12)
    if what == "send":
        bid, post_only, rests = (chance.random() < share for share in (0.5, 0.7, 0.8))
        tag = chance.randrange(1 << 40)
        replay.send(bid, price, lots, tag, post_only=post_only, rests=rests)
        twin.send(bid, price, lots, tag, post_only, rests)
    elif what == "sweep":
        replay.sweep()
        twin.sweep()
    elif what == "cancel" and opened:
        view, plain = chance.choice(opened)
        replay.cancel(view.place)
        twin.cancel(plain)
    elif what == "amend" and opened and case.amends != AmendRule.NONE:
        view, plain = chance.choice(opened)
        if chance.random() < 0.5:
            price = view.price
        replay.amend(view.place, price, lots)
        twin.amend(plain, price, lots)


def compare(replay: TickReplay, twin: PlainTick) -> None:
    for bid in (True, False):
        book = sorted(twin.here[bid].items(), reverse=bid)
        assert replay.depth(bid, 1000) == book
    assert [tuple(order)[1:] for order in replay.orders()] == [each.view for each in twin.orders]
    assert (replay.position, replay.cash) == (twin.position, twin.cash)
    assert [tuple(int(cell) for cell in row) for row in replay.fills()] == twin.fills
    for view, plain in zip(replay.orders(), twin.orders, strict=True):
        assert replay.ahead(view.place) == (plain.ahead / 4096 if plain.waits else None)


def play(seed: int) -> int:
    """Play a case to its end; return how many fills there were."""
    given = case(seed)
    replay = TickReplay(
        tape(*given.rows),
        model=given.model,
        exponent=given.exponent,
        latency=latencies(*given.latency),
        removals=removals(*given.removed),
        amends=given.amends,
        whole=given.whole,
    )
    twin = PlainTick(
        given.rows,
        given.model,
        given.exponent,
        given.latency,
        given.removed,
        given.amends,
        given.whole,
    )
    while True:
        decide(given, replay, twin)
        more = replay.advance(given.step)
        assert more == twin.advance(twin.now + given.step)
        compare(replay, twin)
        if not more:
            return len(twin.fills)


@pytest.mark.parametrize("start", range(0, 300, 60))
def test_it_does_what_the_plain_twin_does(start: int) -> None:
    assert sum(play(seed) for seed in range(start, start + 60)) > 60


def test_how_far_one_goes_at_a_time_changes_nothing() -> None:
    """Rows wait for each other differently, and the two books meet them apart or together."""
    rows = tape(*case(3).rows, level(5_000, BID, 90, 1))
    ends = set()
    for step in (1, 2, 7, 100, 10_000):
        replay = TickReplay(rows, entry_ns=2, answer_ns=3)
        replay.send(True, 99, 5)
        replay.send(False, 101, 5)
        while replay.advance(step):
            pass
        ends.add((replay.position, replay.cash, replay.touch, replay.fills().tobytes()))
    replay = TickReplay(rows, entry_ns=2, answer_ns=3)
    replay.send(True, 99, 5)
    replay.send(False, 101, 5)
    while replay.next(10**9):
        pass
    ends.add((replay.position, replay.cash, replay.touch, replay.fills().tobytes()))
    assert len(ends) == 1
