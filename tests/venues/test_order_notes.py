"""Notes of what was sent: which amend a stream means, and how much an answer can show by now."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from plain_venue import PRODUCT

from alp._core.order_life import OrderEvent
from alp.venues.account.notes import KEPT_NS, OrderNotes
from alp.venues.orders import Action, Command, Fact

SECOND = 10**9
WINDOW = 10 * SECOND


@dataclass
class Notes:
    """Notes whose clock is moved by hand."""

    now: int = 0
    notes: OrderNotes = field(init=False)

    def __post_init__(self) -> None:
        self.notes = OrderNotes(WINDOW, lambda: self.now)

    def sent(self, action: Action, number: int, price: int = 100, quantity: int = 10) -> Command:
        command = Command(
            action, PRODUCT, "a", price=price, quantity=quantity, number=number, side=1
        )
        self.notes.leaves(command, 77 + self.now)
        return command

    def read(self, kind: OrderEvent, **more: int) -> Fact | None:
        fact = self.notes.read(Fact(kind, "a", **more))  # type: ignore[arg-type]
        if fact is not None:
            self.notes.saw(fact)
        return fact


def numbers(fact: Fact | None) -> int | None:
    return None if fact is None else fact.command


def test_an_amend_on_the_stream_is_the_one_with_its_terms() -> None:
    world = Notes()
    world.sent(Action.NEW, 0)
    world.sent(Action.AMEND, 1, 101, 10)
    world.sent(Action.AMEND, 2, 102, 9)
    assert numbers(world.read(OrderEvent.AMEND_ACKED, price=102, quantity=9)) == 2
    assert numbers(world.read(OrderEvent.AMEND_ACKED, price=101, quantity=10)) == 1
    assert numbers(world.read(OrderEvent.AMEND_ACKED, price=102, quantity=9)) == 2  # once more


def test_two_amends_with_the_same_terms_are_confirmed_one_after_the_other() -> None:
    world = Notes()
    world.sent(Action.AMEND, 1, 101, 10)
    world.sent(Action.AMEND, 2, 101, 10)
    assert numbers(world.read(OrderEvent.AMEND_ACKED, price=101, quantity=10)) == 1
    assert numbers(world.read(OrderEvent.AMEND_ACKED, price=101, quantity=10)) == 2


def test_the_only_amend_on_its_way_may_be_confirmed_with_other_terms() -> None:
    world = Notes()
    world.sent(Action.AMEND, 1, 101, 10)
    assert numbers(world.read(OrderEvent.AMEND_ACKED, price=101, quantity=9)) == 1
    assert world.read(OrderEvent.AMEND_ACKED, price=55, quantity=9) is None  # nobody here did that


def test_an_amend_or_cancel_that_nobody_here_sent_is_left_to_be_read() -> None:
    world = Notes()
    assert world.read(OrderEvent.AMEND_ACKED, price=101, quantity=10) is None
    assert world.read(OrderEvent.CANCEL_ACCEPTED) is None
    world.sent(Action.NEW, 0)
    assert world.read(OrderEvent.CANCEL_ACCEPTED) is None


def test_a_cancel_without_a_number_is_the_first_without_an_answer() -> None:
    world = Notes()
    world.sent(Action.CANCEL, 1)
    world.sent(Action.CANCEL, 2)
    assert numbers(world.read(OrderEvent.CANCEL_REFUSED)) == 1
    assert numbers(world.read(OrderEvent.CANCEL_ACCEPTED)) == 2


def test_an_answer_shows_what_was_sent_long_enough_ago() -> None:
    world = Notes()
    order = world.sent(Action.NEW, 0)
    assert world.notes.settled(replace(order, number=0)) == 0
    world.now = 4 * SECOND
    world.sent(Action.AMEND, 1)
    world.now = 8 * SECOND
    world.sent(Action.CANCEL, 2)
    order = replace(order, number=2)
    assert world.notes.settled(order) == 0
    world.now = 14 * SECOND
    assert world.notes.settled(order) == 1
    world.now = 18 * SECOND
    assert world.notes.settled(order) == 2
    assert world.notes.settled(replace(order, number=3)) == 2  # the third has not left


def test_commands_from_before_this_session_are_settled_after_the_window() -> None:
    world = Notes()
    order = Command(Action.NEW, PRODUCT, "old", number=3)
    assert world.notes.settled(order) == 0
    world.now = WINDOW
    assert world.notes.settled(order) == 3


def test_an_order_may_be_absent_only_after_the_window() -> None:
    world = Notes()
    old = Command(Action.NEW, PRODUCT, "old")
    assert not world.notes.may_be_absent(old, 1000 * SECOND)
    assert world.notes.may_be_absent(replace(old, sent_ns=990 * SECOND), 1000 * SECOND)
    assert not world.notes.may_be_absent(replace(old, sent_ns=991 * SECOND), 1000 * SECOND)
    world.now = 5 * SECOND
    new = world.sent(Action.NEW, 0)
    world.now = WINDOW + 1
    assert world.notes.may_be_absent(old, 0)  # asked for by this session for so long
    assert not world.notes.may_be_absent(new, 1000 * SECOND)
    world.now = 15 * SECOND
    assert world.notes.may_be_absent(new, 0)


def test_what_a_command_or_a_fact_lacks_is_filled_in() -> None:
    world = Notes()
    command = world.sent(Action.NEW, 0)
    world.notes.saw(Fact(OrderEvent.ACKED, "a", "v1"))
    assert world.notes.completed(command).venue_id == "v1"
    assert world.notes.completed(command).sent_ns == 77
    kept = replace(command, venue_id="v0", sent_ns=5)
    assert world.notes.completed(kept) == kept
    fact = world.notes.read(Fact(OrderEvent.FILL, "", "v1"))
    assert fact is not None
    assert fact.client_id == "a"
    assert world.notes.read(Fact(OrderEvent.FILL, "", "v2")) == Fact(OrderEvent.FILL, "", "v2")


def test_notes_are_forgotten_when_nothing_is_left_to_say() -> None:
    world = Notes()
    world.sent(Action.NEW, 0)
    world.notes.saw(Fact(OrderEvent.CANCELED, "a", cumulative=0))
    world.notes.sweep(set())
    assert len(world.notes) == 1
    world.now = WINDOW + KEPT_NS + 1
    world.notes.sweep({"a"})  # it ended, whatever is believed
    assert len(world.notes) == 0


def test_many_amends_of_one_order_do_not_pile_up() -> None:
    world = Notes()
    world.sent(Action.NEW, 0)
    for number in range(1, 500):
        world.now += SECOND
        world.sent(Action.AMEND, number, 100 + number)
        world.read(OrderEvent.AMEND_ACKED, price=100 + number, quantity=10)
    assert len(world.notes._notes["a"].sent) < 100
    assert numbers(world.read(OrderEvent.AMEND_ACKED, price=599, quantity=10)) == 499
