"""What is approved is written as its template says, exactly, within its room, or not at all."""

from __future__ import annotations

import copy
import hashlib
import hmac
import itertools
import pickle
from base64 import b64encode
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from order_texts import AMEND, CANCEL, CANCEL_ALL, FOK, GTC, IOC, NEW, NOW, Terms, approve, gate_of

from alp._core.gate import Gate
from alp._core.order_bytes import Asked, OrderWriter, ProductForms, Signing, Template
from alp._core.order_life import OrderEvent
from alp._core.orders import OrderTable
from alp._core.sha2 import HmacKey

STAMP = 1_767_225_600_123
LARGEST = 1 << 48
NOTIONAL_BITS = 62


def forms(template: Callable[[Asked], Template | None] | str, *grid: int) -> list[ProductForms]:
    """One product with a template for whatever is asked."""
    if isinstance(template, str):
        text = template
        return forms(lambda _: Template(text), *grid)
    return [ProductForms(*(grid or (2, 1, 3, 1)), template)]


def writer_of(gate: Gate, template: Callable[[Asked], Template | None] | str) -> OrderWriter:
    return OrderWriter(gate.orders, forms(template))


def signed_by(gate: Gate, template: Template | str, secret: bytes = b"secret") -> OrderWriter:
    found = Template(template) if isinstance(template, str) else template
    key = HmacKey(secret, "sha256")
    return OrderWriter(gate.orders, forms(lambda _: found), Signing.HEX_256, key)


def written(template: str, terms: Terms, *grid: int, reference: int = 0) -> str:
    gate = gate_of()
    writer = OrderWriter(gate.orders, forms(template, *grid))
    return writer.write(approve(gate, terms), STAMP, reference).text.decode()


def test_places_are_filled_in_and_the_rest_is_kept() -> None:
    text = written(
        "a=<price>&b=<quantity>;<client_id>,<time_ms>/<reference>!", Terms(), reference=9
    )
    assert text == "a=2681.62&b=0.100;alp-1-7,1767225600123/9!"


@given(
    counts=st.tuples(st.integers(1, LARGEST), st.integers(1, LARGEST)),
    decimals=st.tuples(st.integers(0, 18), st.integers(0, 18)),
    steps=st.tuples(*[st.one_of(st.sampled_from([1, 5, 10, 25]), st.integers(1, 2**24 - 1))] * 2),
)
def test_numbers_are_those_of_decimal(
    counts: tuple[int, int], decimals: tuple[int, int], steps: tuple[int, int]
) -> None:
    price, quantity = counts
    assume(price * quantity < 1 << NOTIONAL_BITS)
    assume(max(price * steps[0], quantity * steps[1]) < 1 << 64)
    text = written(
        "<price> <quantity>",
        Terms(price=price, quantity=quantity),
        *(decimals[0], steps[0], decimals[1], steps[1]),
    )
    expected = (
        f"{Decimal(count * step).scaleb(-places):f}"
        for count, step, places in zip(counts, steps, decimals, strict=True)
    )
    assert text == " ".join(expected)


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**64 - 1))
def test_times_and_references_are_whole_numbers(stamp: int, reference: int) -> None:
    gate = gate_of()
    writer = writer_of(gate, "<time_ms> <reference>")
    text = writer.write(approve(gate, Terms()), stamp, reference).text
    assert text == f"{stamp} {reference}".encode()


def test_each_way_of_asking_has_its_own_template() -> None:
    gate = gate_of()
    writer = writer_of(gate, lambda asked: Template(repr(tuple(asked))))
    flags = itertools.product((1, -1), (GTC, IOC, FOK), (False, True), (False, True))
    for number, (side, duration, post_only, reduce_only) in enumerate(flags):
        if post_only and duration != GTC:
            continue
        terms = Terms(f"n-{number}", NEW, side, 268_162, 100, duration, post_only, reduce_only)
        text = writer.write(approve(gate, terms), STAMP).text.decode()
        assert text == repr((NEW, side, duration, post_only, reduce_only))
        gate.orders.apply(terms.client_id, OrderEvent.REJECTED, at_ns=NOW)


def test_amends_and_cancels_have_theirs() -> None:
    gate = gate_of()
    writer = writer_of(gate, lambda asked: Template(repr(tuple(asked))))
    for side, post_only in itertools.product((1, -1), (False, True)):
        terms = Terms(f"o{side}{post_only:d}".replace("-", "m"), side=side, post_only=post_only)
        approve(gate, terms)
        amend = Terms(terms.client_id, AMEND, side, 268_162, 50, post_only=post_only)
        found = writer.write(approve(gate, amend), STAMP)
        assert (found.action, found.text) == (
            AMEND,
            repr((AMEND, side, GTC, post_only, False)).encode(),
        )
        cancel = Terms(terms.client_id, CANCEL, side)
        found = writer.write(approve(gate, cancel), STAMP)
        assert (found.action, found.text) == (CANCEL, b"(3, 1, 1, False, False)")
        gate.orders.apply(terms.client_id, OrderEvent.CANCELED, cumulative=0, at_ns=NOW)


def test_a_signature_is_of_what_is_before_it() -> None:
    gate = gate_of()
    writer = signed_by(gate, "price=<price>&t=<time_ms><sign>&signature=<signature>")
    found = writer.write(approve(gate, Terms()), STAMP)
    payload = f"price=2681.62&t={STAMP}".encode()
    assert found.signature == hmac.new(b"secret", payload, "sha256").hexdigest()
    assert found.text == payload + b"&signature=" + found.signature.encode()


def test_another_text_than_the_one_sent_may_be_signed() -> None:
    gate = gate_of()
    writer = signed_by(gate, Template('{"p":"<price>","s":"<signature>"}', "p=<price><sign>"))
    found = writer.write(approve(gate, Terms()), STAMP)
    assert found.signature == hmac.new(b"secret", b"p=2681.62", "sha256").hexdigest()
    assert found.text.decode() == f'{{"p":"2681.62","s":"{found.signature}"}}'


def test_a_signature_may_stand_beside_the_text() -> None:
    gate = gate_of()
    template = Template("size=<quantity>", "size=<quantity>/api/v3/sendorder<sign>")
    key = HmacKey(b"secret", "sha512")
    writer = OrderWriter(gate.orders, forms(lambda _: template), Signing.FUTURES, key)
    found = writer.write(approve(gate, Terms()), STAMP)
    inner = hashlib.sha256(b"size=0.100/api/v3/sendorder").digest()
    assert found.text == b"size=0.100"
    assert found.signature == b64encode(hmac.digest(b"secret", inner, "sha512")).decode()


def test_only_an_approval_is_written() -> None:
    gate = gate_of()
    writer = writer_of(gate, "<price>")
    for other in (Terms().command(), None, object()):
        with pytest.raises(TypeError):
            writer.write(other, STAMP)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        (Terms(time_in_force=IOC, post_only=True), "cannot be asked"),
        (Terms(time_in_force=0), "cannot be asked"),
        (Terms(time_in_force=4), "cannot be asked"),
        (Terms(side=-1), "cannot be asked"),
        (Terms(action=CANCEL_ALL), "cannot be asked"),
        (Terms(instrument=1), "instrument"),
        (Terms("a&price=1"), "client id"),
        (Terms('a","b":"'), "client id"),
        (Terms("nineteen-characters"), "client id"),
    ],
)
def test_what_cannot_be_written_is_not(terms: Terms, why: str) -> None:
    gate = gate_of(instruments=2)
    writer = writer_of(gate, lambda asked: Template("<price>") if asked.side > 0 else None)
    with pytest.raises(ValueError, match=why):
        writer.write(approve(gate, terms), STAMP)


def test_a_number_that_64_bits_do_not_hold_is_refused_and_the_largest_is_not() -> None:
    step, most = (1 << 16) + 1, ((1 << 64) - 1) // ((1 << 16) + 1)
    text = written("<quantity>", Terms(price=1, quantity=most), 2, 1, 18, step)
    assert text == f"{Decimal(most * step).scaleb(-18):f}"
    with pytest.raises(ValueError, match="out of range"):
        written("<quantity>", Terms(price=1, quantity=most + 1), 2, 1, 18, step)


def test_a_time_before_the_epoch_is_refused() -> None:
    gate = gate_of()
    with pytest.raises(ValueError, match="out of range"):
        writer_of(gate, "<time_ms>").write(approve(gate, Terms()), -1)


def test_an_approval_outlives_its_order_but_is_not_written() -> None:
    gate = gate_of()
    writer = writer_of(gate, "<client_id>")
    approved = approve(gate, Terms("first"))
    gate.orders.apply("first", OrderEvent.REJECTED, at_ns=NOW)
    gate.orders.release("first")
    with pytest.raises(ValueError, match="no longer in the table"):
        writer.write(approved, STAMP)
    approve(gate, Terms("second"))  # takes the place over
    with pytest.raises(ValueError, match="no longer in the table"):
        writer.write(approved, STAMP)


def test_an_approval_for_another_table_is_not_written() -> None:
    gate, other = gate_of(), gate_of()
    approve(other, Terms("theirs"))
    for orders in (other.orders, OrderTable([(0, 1)], capacity=1)):
        writer = OrderWriter(orders, forms("<client_id>"))
        for name in ("first", "second"):
            with pytest.raises(ValueError, match="no longer in the table"):
                writer.write(approve(gate, Terms(f"{name}-{orders is other.orders}")), STAMP)


def test_the_venues_id_is_the_newest_that_is_known() -> None:
    gate = gate_of()
    writer = writer_of(
        gate, lambda asked: Template("<venue_id>" if asked.action == CANCEL else "new")
    )
    approve(gate, Terms("mine"))
    cancel = Terms("mine", CANCEL)
    with pytest.raises(ValueError, match="id of the order is not known"):
        writer.write(approve(gate, cancel), STAMP)
    gate.orders.apply("mine", OrderEvent.ACKED, venue_id="first-1", at_ns=NOW)
    assert writer.write(approve(gate, cancel), STAMP).text == b"first-1"
    gate.orders.apply(
        "mine", OrderEvent.REPLACED, venue_id="second-2", replaced="first-1", at_ns=NOW
    )
    assert writer.write(approve(gate, cancel), STAMP).text == b"second-2"


def test_a_cancel_of_a_stranger_has_no_id_of_the_venue() -> None:
    gate = gate_of()
    writer = writer_of(gate, "<venue_id>")
    with pytest.raises(ValueError, match="id of the order is not known"):
        writer.write(approve(gate, Terms("stranger", CANCEL)), STAMP)
    assert writer_of(gate, "<client_id>").write(
        approve(gate, Terms("stranger", CANCEL)), STAMP
    ).text == (b"stranger")


def test_a_venues_id_that_would_need_escaping_is_not_written() -> None:
    gate = gate_of()
    writer = writer_of(gate, "<venue_id>")
    approve(gate, Terms("mine"))
    gate.orders.apply("mine", OrderEvent.ACKED, venue_id='1","x":"', at_ns=NOW)
    with pytest.raises(ValueError, match="id of the order is not known"):
        writer.write(approve(gate, Terms("mine", CANCEL)), STAMP)


@pytest.mark.parametrize(
    ("price", "quantity", "passes"),
    [(268_162, 99, True), (268_162, 100, False), (268_162, 101, False), (268_161, 50, False)],
)
def test_an_amend_to_less_at_the_same_price_only(price: int, quantity: int, passes: bool) -> None:
    gate = gate_of()
    writer = writer_of(gate, lambda asked: Template("<quantity>", less_only=asked.action == AMEND))
    approve(gate, Terms("mine"))
    gate.orders.apply("mine", OrderEvent.ACKED, venue_id="1", at_ns=NOW)
    approved = approve(gate, Terms("mine", AMEND, price=price, quantity=quantity))
    if passes:
        assert writer.write(approved, STAMP).text == b"0.099"
    else:
        with pytest.raises(ValueError, match="only to less"):
            writer.write(approved, STAMP)


def test_what_is_left_of_an_order_is_without_what_is_filled() -> None:
    gate = gate_of()
    writer = writer_of(
        gate, lambda asked: Template("<rest>" if asked.action == AMEND else "<quantity>")
    )
    approve(gate, Terms("mine"))
    fill = {"quantity": 30, "price": 268_162, "at_ns": NOW}
    gate.orders.apply("mine", OrderEvent.FILL, trade_id="1", **fill)
    approved = approve(gate, Terms("mine", AMEND, quantity=50))
    assert writer.write(approved, STAMP).text == b"0.020"
    gate.orders.apply("mine", OrderEvent.FILL, trade_id="2", **fill)
    with pytest.raises(ValueError, match="as much is filled by now"):
        writer.write(approved, STAMP)


def test_a_token_is_needed_where_it_has_a_place() -> None:
    gate = gate_of()
    writer = writer_of(gate, "token=<token>")
    approved = approve(gate, Terms())
    with pytest.raises(ValueError, match="no token"):
        writer.write(approved, STAMP)
    writer.set_token(b"the/first+one=")
    writer.set_token(b"second")
    assert writer.write(approved, STAMP).text == b"token=second"
    for bad in (b"", b'a"b', b"a b", b"x" * 257):
        with pytest.raises(ValueError, match="no token"):
            writer.set_token(bad)


@pytest.mark.parametrize("size", range(0, 400, 7))
def test_nothing_is_written_beyond_the_buffer(size: int) -> None:
    gate = gate_of()
    writer = signed_by(gate, "p=<price>&q=<quantity>&c=<client_id><sign>&s=<signature>")
    approved = approve(gate, Terms())
    whole = writer.write(approved, STAMP).text
    memory = bytearray(b"\xee" * 512)
    try:
        count = writer.write_into(approved, STAMP, 0, memoryview(memory)[:size])
    except ValueError:
        count = 0
    assert bytes(memory[size:]) == b"\xee" * (512 - size)
    assert memory[:count] == (whole if count else b"")
    assert count or size < 256


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("<unknown>", "no place"),
        ("é", "printable ASCII"),
        ("a\nb", "printable ASCII"),
        ("x" * 1025, "too long"),
        ("x" * 1010 + "<price>", "too long"),
        ("<sign>", "not signed once"),
        ("<signature>", "not signed once"),
    ],
)
def test_templates_are_checked(template: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        writer_of(gate_of(), template)


@pytest.mark.parametrize(
    "template", ["no signature", "<signature><sign>", "<sign>a<sign>b<signature>"]
)
def test_what_is_to_be_signed_is_signed_once(template: str) -> None:
    with pytest.raises(ValueError, match="not signed once"):
        signed_by(gate_of(), template)


@pytest.mark.parametrize("grid", [(-1, 1, 0, 1), (19, 1, 0, 1), (0, 0, 0, 1), (0, 1, 0, 2**24)])
def test_grids_are_checked(grid: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="no grid"):
        OrderWriter(gate_of().orders, forms("<price>", *grid))


def test_writers_are_of_a_table_and_a_key_that_fit() -> None:
    orders = gate_of().orders
    key = HmacKey(b"secret", "sha256")
    with pytest.raises(ValueError, match="products"):
        OrderWriter(orders, [])
    with pytest.raises(ValueError, match="products"):
        OrderWriter(orders, forms("a") * 2)
    with pytest.raises(ValueError, match="client ids of 25"):
        OrderWriter(orders, forms("a"), client_most=25)
    for signing, given_key in (
        (Signing.NOTHING, key),
        (Signing.HEX_256, None),
        (Signing.FUTURES, key),
    ):
        with pytest.raises(ValueError, match="does not sign in this way"):
            OrderWriter(orders, forms("a"), signing, given_key)


def test_a_writer_is_not_copied() -> None:
    writer = writer_of(gate_of(), "a")
    for copied in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="neither copied nor pickled"):
            copied(writer)
