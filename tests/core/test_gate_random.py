"""The gate through random lives: no limit is passed, and tighter ones let nothing more through."""

from __future__ import annotations

from typing import Any

from gate_world import World
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_gate import AMEND, NEW, command

from alp._core.gate import NO_LIMIT, AccountRules, GateState, Refusal


def _within(world: World) -> None:
    for at, rules in enumerate(world.plain.rules):
        held = world.gate.orders.exposure(at)
        assert held.position + held.buy_quantity <= rules.position_max
        assert held.sell_quantity - held.position <= rules.position_max
        assert max(held.buy_notional, held.sell_notional) <= rules.open_notional_max
        assert held.position + held.buy_quantity == world.plain.worst(at, 1)
        assert held.sell_quantity - held.position == world.plain.worst(at, -1)
    for group, most in enumerate(world.plain.combined_max):
        held_all = world.gate.orders.combined(group)
        assert held_all.net + held_all.buy_quantity <= most
        assert held_all.sell_quantity - held_all.net <= most


def test_random_lives_never_exceed_a_limit_and_the_twin_agrees_on_every_answer() -> None:
    seen: set[Refusal | None] = set()
    for seed in range(25):
        world = World(seed)
        for _ in range(60):
            seen.add(world.step())
            _within(world)
    assert seen >= {
        None,
        Refusal.SIZE_MAX,
        Refusal.NOTIONAL_MAX,
        Refusal.COLLAR,
        Refusal.DUPLICATE,
        Refusal.SELF_MATCH,
        Refusal.POSITION,
        Refusal.COMBINED_DELTA,
        Refusal.RATE_STRATEGY,
        Refusal.RATE_VENUE,
        Refusal.INVALID,
    }


def test_reducing_never_raises_what_may_be_held_at_worst() -> None:
    passed = 0
    for seed in range(25):
        world = World(seed, GateState.REDUCING)
        for _ in range(40):
            before = [
                max(world.plain.worst_combined(g, 1), world.plain.worst_combined(g, -1))
                for g in range(2)
            ]
            world.now += 3
            if world.command() is None:
                passed += 1
            for group, most in enumerate(before):
                assert world.plain.worst_combined(group, 1) <= most
                assert world.plain.worst_combined(group, -1) <= most
            if world.random.random() < 0.5:
                world.venue()
    assert passed > 20


TIGHTER: dict[str, Any] = {
    "allowed": lambda value: False,
    "size_max": lambda value: value // 2,
    "notional_max": lambda value: value // 2,
    "open_notional_max": lambda value: value // 2,
    "position_max": lambda value: value // 2,
    "collar_bps": lambda value: value // 2,
    "collar_ticks": lambda value: value // 2,
    "reference_age_ns": lambda value: 0,
    "book_age_ns": lambda value: 0,
    "fills_max": lambda value: value // 2,
    "fill_window_ns": lambda value: value * 3,
}


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    steps=st.integers(1, 40),
    names=st.sets(st.sampled_from(sorted(TIGHTER)), min_size=1),
    account=st.booleans(),
)
def test_a_tighter_limit_never_lets_more_through(
    seed: int, steps: int, names: set[str], account: bool
) -> None:
    world = World(seed)
    for _ in range(steps):
        world.step()
    tries = [
        command(f"try{side}{price}", NEW, side, price, quantity, instrument)
        for instrument in range(3)
        for side in (1, -1)
        for price in (992, 1_001, 1_008)
        for quantity in (1, 6, 12)
    ]
    tries += [
        command(name, AMEND, order.side, order.price, quantity, order.instrument)
        for name, order in world.plain.orders.items()
        for quantity in (1, 6, 12)
    ]
    refused = [data for data in tries if world.gate.check(data, world.now) is not None]
    rules = world.plain.rules[0]
    rules = rules._replace(**{name: TIGHTER[name](getattr(rules, name)) for name in names})
    for at in range(3):
        world.gate.set_instrument(at, rules)
    if account:
        world.gate.set_account(AccountRules(9, 2, 10, 0, NO_LIMIT))
        world.gate.set_venue(0, 9, 5, 3)
        world.gate.set_combined(0, 30)
        world.gate.set_state(world.random.choice([GateState.REDUCING, GateState.HALTED]))
    for data in refused:
        assert world.gate.check(data, world.now) is not None
