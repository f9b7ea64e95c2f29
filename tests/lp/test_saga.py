"""A plan's way to its end: every order of facts, with a crash between any two of them."""

from __future__ import annotations

import json
from itertools import product

import pytest

from alp.chain.port import Block, Fate, Outcome
from alp.errors import Corrupt
from alp.services.lp.saga import REPLACED, SURE, Attempt, Do, Saga, SagaRules, Stage

RULES = SagaRules(confirmations=2, patience_blocks=3, most_attempts=3)
FIRST = Attempt("0xa", "raw a", 100, 2, 10)
SECOND = Attempt("0xb", "raw b", 113, 3, 13)


def block(number: int, fork: str = "") -> Block:
    return Block(number, f"0x{number}{fork}", f"0x{number - 1}", number * 12 * 10**9, 7)


def begun() -> Saga:
    saga = Saga()
    saga.begin(1, 5, FIRST)
    return saga


def again(saga: Saga) -> Saga:
    """What a process that was killed finds on its disk."""
    return Saga.from_dict(json.loads(json.dumps(saga.to_dict())))


ABSENT, PENDING = Outcome(Fate.ABSENT), Outcome(Fate.PENDING)


def executed(at: Block) -> Outcome:
    return Outcome(Fate.EXECUTED, at, "", 1, 2)


def reverted(at: Block) -> Outcome:
    return Outcome(Fate.REVERTED, at, "STF", 1, 2)


# What the world may be like at a look: outcomes of both transactions, the account's next nonce.
WORLDS = {
    "nothing known": (ABSENT, ABSENT, 5),
    "first waits": (PENDING, ABSENT, 5),
    "second waits": (ABSENT, PENDING, 5),
    "first executed": (executed(block(20)), ABSENT, 6),
    "first reverted": (reverted(block(20)), ABSENT, 6),
    "second executed": (ABSENT, executed(block(21)), 6),
    "executed elsewhere": (executed(block(21, "fork")), ABSENT, 6),
    "replaced": (ABSENT, ABSENT, 6),
}
STAGES = {
    "nothing known": Stage.UNKNOWN,
    "first waits": Stage.SENT,
    "second waits": Stage.SENT,
}
SAID = ("taken", "not taken", "crash")
STEPS = (*WORLDS, *SAID)


def do(saga: Saga, step: str, head: Block) -> Saga:
    if step == "crash":
        return again(saga)
    if step in SAID:
        saga.sent(taken=step == "taken")
        return saga
    first, second, nonce = WORLDS[step]
    saga.saw({"0xa": first, "0xb": second}, head, nonce)
    return saga


@pytest.mark.parametrize("attempts", [1, 2])
def test_in_every_order_of_facts_the_last_look_decides_and_nothing_else(attempts: int) -> None:
    """Four facts in any order, repeated or not: 14,641 ways for each number of transactions."""
    for path in product(STEPS, repeat=4):
        saga = begun()
        if attempts == 2:
            saga.add(SECOND)
        last = None
        for at, step in enumerate(path):
            saga = do(saga, step, block(30 + at))
            if step in WORLDS:
                last = step
            with pytest.raises(Corrupt):
                saga.begin(2, 6, FIRST)  # never two under way
            assert saga.nonce == 5
            assert len(saga.attempts) == attempts
            todo = saga.to_do(block(30 + at), RULES)
            if todo is Do.END:
                # Only what a look has seen ends a plan; words about sending never do.
                assert last is not None
                assert last not in STAGES
            if last in STAGES:
                assert saga.inclusion is None
        if last is not None and path[-1] == last:
            visible = last
            if attempts == 1 and "second" in last:
                visible = "replaced" if WORLDS[last][2] > 5 else "nothing known"
            assert saga.stage is STAGES.get(visible, Stage.INCLUDED)


def test_the_same_look_twice_or_after_a_crash_is_the_same_as_once() -> None:
    for path in product(WORLDS, repeat=3):
        plain, crashed = begun(), begun()
        for at, step in enumerate(path):
            plain = do(plain, step, block(30 + at))
            crashed = again(do(do(again(crashed), step, block(30 + at)), step, block(30 + at)))
            assert crashed == plain


@pytest.mark.parametrize(
    ("depth", "todo"), [(0, Do.NOTHING), (1, Do.END), (2, Do.END), (50, Do.END)]
)
def test_a_plan_ends_as_deep_as_it_is_to_be_believed(depth: int, todo: Do) -> None:
    saga = begun()
    saga.saw({"0xa": executed(block(20))}, block(20 + depth), 6)
    assert saga.to_do(block(20 + depth), RULES) is todo


def test_an_inclusion_that_is_taken_back_has_never_been() -> None:
    saga = begun()
    saga.saw({"0xa": executed(block(20))}, block(20), 6)
    assert saga.stage is Stage.INCLUDED
    saga.saw({"0xa": PENDING}, block(20, "fork"), 5)
    assert saga.stage is Stage.SENT
    assert saga.inclusion is None
    saga.saw({"0xa": reverted(block(21, "fork"))}, block(22, "fork"), 6)
    assert saga.to_do(block(22, "fork"), RULES) is Do.END
    assert not saga.end().inclusion.executed


def test_what_is_not_known_is_sent_again_and_never_given_up() -> None:
    saga = begun()
    for number in range(20, 2_000):
        assert saga.to_do(block(number), RULES) is Do.SEND
        saga.sent(taken=number % 2 == 0)
        saga.saw({"0xa": ABSENT}, block(number), 5)
    assert saga.stage is Stage.UNKNOWN


def test_fees_are_raised_when_patience_ends_and_not_beyond_the_last_attempt() -> None:
    saga = begun()
    saga.saw({"0xa": PENDING}, block(12), 5)
    assert saga.to_do(block(12), RULES) is Do.NOTHING
    assert saga.to_do(block(13), RULES) is Do.RAISE
    saga.add(SECOND)
    saga.add(SECOND._replace(tx="0xc", block=16))
    saga.saw({"0xa": ABSENT, "0xb": ABSENT, "0xc": PENDING}, block(60), 5)
    assert saga.to_do(block(60), RULES) is Do.NOTHING


def test_a_nonce_that_somebody_else_used_ends_the_plan_only_when_it_is_sure() -> None:
    saga = begun()
    heads = range(20, 20 + SURE)
    for number in heads:
        saga.saw({"0xa": ABSENT}, block(number), 6)
        assert (saga.to_do(block(number), RULES) is Do.END) == (number == heads[-1])
    ended = saga.end()
    assert (ended.inclusion.reason, ended.inclusion.tx) == (REPLACED, "")


def test_a_plan_that_came_back_is_under_way_again_and_knows_its_transactions() -> None:
    saga = begun()
    saga.saw({"0xa": executed(block(20))}, block(25), 6)
    ended = saga.end()
    assert saga.is_idle
    saga.reopen(again(ended))
    assert (saga.stage, saga.nonce, saga.attempts) == (Stage.UNKNOWN, 5, (FIRST,))
    with pytest.raises(Corrupt):
        saga.reopen(ended)


def test_what_has_not_happened_cannot_be_ended() -> None:
    with pytest.raises(Corrupt, match="is written"):
        begun().end()
    with pytest.raises(Corrupt, match="is idle"):
        Saga().end()
    with pytest.raises(Corrupt, match="is idle"):
        Saga().add(SECOND)


@pytest.mark.parametrize("damage", [{"stage": "?"}, {"attempts": [[1]]}, {"inclusion": [1]}])
def test_a_damaged_saga_is_refused(damage: dict[str, object]) -> None:
    with pytest.raises(Corrupt):
        Saga.from_dict(begun().to_dict() | damage)
