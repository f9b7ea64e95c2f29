"""Every limit of the manifest is held by the account of a running handler, with its own code."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from account_world import LIMITS, SECOND, World, manifest

from alp._core.gate import GateState, Refusal
from alp._core.order_life import OrderEvent
from alp.services.execution.refusals import PAUSE_NS
from alp.services.execution.steps import Step
from alp.venues.orders import Action, Command

BID = Step(Action.NEW, side=1, price=267_990, quantity=500)
LOWER_BID = Step(Action.NEW, side=1, price=267_980, quantity=500)
ASK = Step(Action.NEW, side=-1, price=268_020, quantity=500)


def do(world: World, *steps: Step) -> list[Refusal]:
    return asyncio.run(world.account.do(world.venue, steps))


def one(world: World, step: Step = BID) -> Command:
    """Send one order and let the venue take it."""
    assert do(world, step) == []
    (command,) = world.session.take()
    world.ack(command)
    return command


def filled(world: World) -> None:
    order = one(world)
    world.hear(OrderEvent.FILL, order.client_id, trade_id="t", price=267_990, quantity=500)


def unknown(world: World) -> None:
    assert do(world, BID) == []
    (command,) = world.session.take()
    world.hear(OrderEvent.UNKNOWN, command.client_id)


def cancelled(world: World) -> None:
    order = one(world)
    assert do(world, Step(Action.CANCEL, order.client_id, 1)) == []


def later(world: World) -> None:
    """A second passes in which nothing is heard but the second source and the clock."""
    world.clock.now_ns += SECOND
    world.gate.see_reference(0, 268_000, 268_010, world.clock.now_ns)
    world.gate.see_clock(0, world.clock.now_ns)


def restrained(world: World) -> None:
    world.account.restrain("test", "only what reduces")


@dataclass(frozen=True)
class Limit:
    """A manifest's field, the tightest value that lets a step pass, and one that does not."""

    refusal: Refusal
    section: str
    passes: dict[str, Any]
    refuses: dict[str, Any]
    step: Step = BID
    before: Callable[[World], object] = field(default=lambda _: None)


TABLE = {
    "spec.limits.maxVenueBase, of an order": Limit(
        Refusal.SIZE_MAX, "limits", {"maxVenueBase": "0.5"}, {"maxVenueBase": "0.499"}
    ),
    "spec.limits.maxOrderNotional": Limit(
        Refusal.NOTIONAL_MAX,
        "limits",
        {"maxOrderNotional": "1339.95"},
        {"maxOrderNotional": "1339.94"},
    ),
    "spec.limits.priceCollarBps": Limit(
        Refusal.COLLAR,
        "limits",
        {"priceCollarBps": 11},
        {"priceCollarBps": 10},
        Step(Action.NEW, side=1, price=267_720, quantity=500),
    ),
    "spec.execution.duplicateWindow": Limit(
        Refusal.DUPLICATE,
        "execution",
        {"duplicateWindow": "999ms"},
        {"duplicateWindow": "1s"},
        BID,
        lambda world: (one(world), later(world), world.see()),
    ),
    "spec.execution.burst": Limit(
        Refusal.RATE_STRATEGY,
        "execution",
        {"ordersPerSecond": 1, "burst": 2},
        {"ordersPerSecond": 1, "burst": 1},
        LOWER_BID,
        one,
    ),
    "spec.execution.ordersPerSecond, after a cancel": Limit(
        Refusal.RATE_VENUE,
        "execution",
        {"ordersPerSecond": 1, "burst": 3},
        {"ordersPerSecond": 1, "burst": 2},
        LOWER_BID,
        cancelled,
    ),
    "spec.execution.fillBurst": Limit(
        Refusal.FILL_BURST, "execution", {"fillBurst": 2}, {"fillBurst": 1}, LOWER_BID, filled
    ),
    "spec.limits.maxVenueBase, with what is open": Limit(
        Refusal.POSITION,
        "limits",
        {"maxVenueBase": "1"},
        {"maxVenueBase": "0.999"},
        LOWER_BID,
        one,
    ),
    "spec.limits.maxVenueBase, with what is UNKNOWN": Limit(
        Refusal.POSITION,
        "limits",
        {"maxVenueBase": "1"},
        {"maxVenueBase": "0.999"},
        LOWER_BID,
        unknown,
    ),
    "spec.limits.maxVenueBase, with what is held": Limit(
        Refusal.POSITION,
        "limits",
        {"maxVenueBase": "1"},
        {"maxVenueBase": "0.999"},
        LOWER_BID,
        filled,
    ),
    "spec.limits.maxNetBase": Limit(
        Refusal.COMBINED_DELTA,
        "limits",
        {"maxNetBase": "1"},
        {"maxNetBase": "0.999999999999"},
        LOWER_BID,
        unknown,
    ),
    "spec.limits.maxDataAge": Limit(
        Refusal.STALE_BOOK, "limits", {"maxDataAge": "1s"}, {"maxDataAge": "999ms"}, BID, later
    ),
    "spec.execution.maxClockOffset": Limit(
        Refusal.CLOCK,
        "execution",
        {"maxClockOffset": "200ms"},
        {"maxClockOffset": "199ms"},
        BID,
        lambda world: world.gate.see_clock(SECOND // 5, world.clock.now_ns),
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_a_limit_of_the_manifest_is_held_to_its_last_unit(name: str) -> None:
    limit = TABLE[name]
    for given, expected in ((limit.passes, []), (limit.refuses, [limit.refusal])):
        spec: dict[str, Any] = {"limits": LIMITS}
        spec[limit.section] = {**spec.get(limit.section, {}), **given}
        world = World(manifest(**spec))
        limit.before(world)
        world.session.take()
        assert do(world, limit.step) == expected
        assert [each.action for each in world.session.take()] == [Action.NEW] * (not expected)
        for refusal in expected:
            assert world.account.counts[f"refused {refusal.name}"] == 1


def test_an_order_that_would_meet_an_own_one_does_not_leave() -> None:
    world = World()
    one(world)
    meets = Step(Action.NEW, side=-1, price=267_990, quantity=100)
    assert do(world, meets) == [Refusal.SELF_MATCH]
    assert do(world, ASK) == []


def test_cancels_leave_when_no_rate_is_left() -> None:
    world = World(manifest(limits=LIMITS, execution={"ordersPerSecond": 1, "burst": 1}))
    order = one(world)
    assert do(world, LOWER_BID) == [Refusal.RATE_STRATEGY]
    for _ in range(5):
        assert do(world, Step(Action.CANCEL, order.client_id, 1)) == []
    assert len(world.session.take()) == 5


def test_what_is_restrained_only_shrinks() -> None:
    world = World()
    world.table.set_position(0, 300)
    restrained(world)
    assert world.gate.state is GateState.REDUCING
    assert do(world, BID) == [Refusal.REDUCING]
    smaller = Step(Action.NEW, side=-1, price=268_020, quantity=300)
    assert do(world, ASK, smaller) == [Refusal.REDUCING]
    world.account.relax("test")
    assert do(world, BID) == []


def test_a_refusal_is_logged_at_once_and_a_flood_of_them_as_a_number(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World(manifest(limits={**LIMITS, "maxVenueBase": "0.4"}))
    with caplog.at_level(logging.WARNING, "alp.services.execution.refusals"):
        for _ in range(50):
            assert do(world, BID) == [Refusal.SIZE_MAX]
        assert len(caplog.messages) == 1
        world.clock.now_ns += PAUSE_NS
        world.see()
        assert do(world, BID) == [Refusal.SIZE_MAX]
    first, second = caplog.messages
    assert first.startswith(
        "perp: refused by the gate: SIZE_MAX: NEW, side +1, 500 lots at 267990, more lots than"
    )
    assert second.endswith("49 more since the last")
    assert world.account.counts["refused SIZE_MAX"] == 51
