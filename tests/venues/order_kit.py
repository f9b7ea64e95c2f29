"""What tests of order entry share: instruments, a signer, commands, and damaged answers."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from accounts import KRAKEN, pem
from hypothesis import strategies as st

from alp._core.order_life import OrderEvent, OrderState
from alp._core.orders import OrderTable
from alp.errors import VenueError
from alp.venues.credentials import Credentials, Secret, credentials_of
from alp.venues.instruments import Grid, Instrument
from alp.venues.orders import Action, Answer, Call, Command, Fact, OrderAdapter, Outcome, Signer
from alp.venues.signing import Nonces

NOW_NS = 1_790_000_000 * 10**9
AMENDS = (OrderEvent.AMEND_ACKED, OrderEvent.AMEND_REFUSED, OrderEvent.AMEND_UNKNOWN)
CANCELS = (
    OrderEvent.CANCEL_ACCEPTED,
    OrderEvent.CANCEL_REFUSED,
    OrderEvent.CANCEL_UNKNOWN,
)
COINBASE = credentials_of("organizations/o/apiKeys/k", private_key=Secret(pem("es256")))

SPOT = Instrument(
    exchange="kraken-spot",
    symbol="ETH/USDC",
    feed_symbol="ETH/USDC",
    base="ETH",
    quote="USDC",
    price=Grid(2, 1),
    quantity=Grid(8, 1),
    order_quantity=Grid(8, 1),
    min_quantity=Decimal("0.002"),
)
BTC = replace(SPOT, symbol="BTC/USD", feed_symbol="BTC/USD", base="BTC", quote="USD")
FUTURES = replace(
    SPOT,
    exchange="kraken-futures",
    symbol="PF_ETHUSD",
    feed_symbol="PF_ETHUSD",
    quote="USD",
    price=Grid(1, 1),
    quantity=Grid(3, 1),
    order_quantity=Grid(3, 1),
)
USDC = replace(SPOT, exchange="coinbase-spot", symbol="ETH-USDC", feed_symbol="ETH-USD")
COINBASE_FILL = {
    "entry_id": "E-1",
    "trade_id": "T-1",
    "order_id": "V-1",
    "trade_time": "2026-09-30T02:40:03.123456789Z",
    "trade_type": "FILL",
    "price": "2650.1",
    "size": "0.02",
    "commission": "0.132505",
    "product_id": "ETH-USDC",
    "liquidity_indicator": "MAKER",
    "size_in_quote": False,
    "side": "BUY",
}


def signer(credentials: Credentials = KRAKEN, now_ns: int = NOW_NS) -> Signer:
    """A signer whose clock stands still."""
    return Signer(credentials, lambda: now_ns, Nonces(lambda: now_ns), lambda: "ab" * 16)


def named(*instruments: Instrument) -> dict[str, Instrument]:
    return {each.symbol: each for each in instruments}


def new(instrument: Instrument, which: int = 1, **changes: Any) -> Command:
    """An order to buy 0.05 at 2650.10, or what is nearest to it on the grids."""
    command = Command(
        Action.NEW,
        instrument,
        f"alp-1-{which}",
        side=1,
        price=int(Decimal("2650.1") / instrument.price.increment),
        quantity=int(Decimal("0.05") / instrument.order_quantity.increment) or 1,
        sent_ns=NOW_NS - 10**9,
    )
    return replace(command, **changes)


def amend(instrument: Instrument, which: int = 1, **changes: Any) -> Command:
    command = new(instrument, which, action=Action.AMEND, venue_id=f"V-{which}", number=1)
    return replace(command, **{"price": command.price - 1, **changes})


def cancel(instrument: Instrument, which: int = 1, **changes: Any) -> Command:
    command = new(instrument, which, action=Action.CANCEL, venue_id=f"V-{which}", number=1)
    return replace(command, **changes)


def body(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def read(
    adapter: OrderAdapter, call: Call, value: Any, *instruments: Instrument, status: int = 200
) -> Outcome:
    answer = Answer(body(value), 0 if call.message is not None else status)
    return adapter.read(call, answer, named(*instruments))


def kinds(outcome: Outcome) -> list[OrderEvent]:
    return [fact.kind for fact in outcome.facts]


def assert_each_is_told(call: Call, outcome: Outcome) -> None:
    """Each command of a call has a fact of its own kind, and the table of orders takes all."""
    families = {
        Action.NEW: (OrderEvent.ACKED, OrderEvent.REJECTED, OrderEvent.UNKNOWN),
        Action.AMEND: AMENDS,
        Action.CANCEL: CANCELS,
    }
    for command in call.commands:
        told = [fact for fact in outcome.facts if fact.client_id == command.client_id]
        assert any(
            fact.kind in families[command.action] and fact.command == command.number
            for fact in told
        ) or any(fact.kind in ENDS for fact in told), f"nothing of {command.client_id}"
    table = table_of(call.commands)
    for fact in outcome.facts:
        if fact.client_id in table:
            apply(table, fact)


ENDS = (OrderEvent.FILLED, OrderEvent.CANCELED, OrderEvent.EXPIRED, OrderEvent.REJECTED)


def table_of(commands: Sequence[Command]) -> OrderTable:
    """A table in which the orders of commands were sent."""
    table = OrderTable([(0, 1)])
    for command in commands:
        table.open(command.client_id, 0, command.side, command.price, command.quantity)
        table.apply(command.client_id, OrderEvent.SENT)
        if command.action is Action.AMEND:
            table.apply(
                command.client_id,
                OrderEvent.AMEND_REQUESTED,
                command=command.number,
                price=command.price,
                quantity=command.quantity,
            )
        elif command.action is Action.CANCEL:
            table.apply(command.client_id, OrderEvent.CANCEL_REQUESTED, command=command.number)
    return table


def apply(table: OrderTable, fact: Fact, number: int = 0) -> int:
    """Tell a table a fact, as an account session does: an amend of a stream gets its number."""
    client_id = fact.client_id or table.find(fact.venue_id)
    assert client_id is not None
    command = fact.command or (number if fact.kind in AMENDS else 0)
    return table.apply(client_id, fact.kind, **replace(fact, command=command).terms(fact.at_ns))


def ends_of(command: Command, facts: Sequence[Fact], orders: int = 60) -> set[tuple[Any, ...]]:
    """The ends to which permutations of facts of one order lead; seeded where there are many."""
    every = list(itertools.islice(itertools.permutations(facts), 720))
    chosen = every if len(every) <= orders else random.Random(7).sample(every, orders)
    ends = set()
    for order in chosen:
        table = table_of([command])
        for fact in order:
            apply(table, replace(fact, client_id=command.client_id), number=1)
        found = table.get(command.client_id)
        ends.add((found.state, found.filled, found.contradictions, found.reason))
    return ends


def end_of(command: Command, facts: Sequence[Fact]) -> tuple[OrderState, int]:
    """The one end of facts in any order; without a contradiction."""
    ends = ends_of(command, facts)
    assert len(ends) == 1, ends
    state, filled, contradictions, _ = ends.pop()
    assert not contradictions
    return state, filled


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.sampled_from(["", "0", "-1", "1e5000", "1e-5000", "NaN", "0x1", "٣", " 1 ", "x" * 300]),
    st.builds(list),
    st.builds(dict),
    st.builds(lambda: [[]]),
    st.floats(allow_nan=False, allow_infinity=False),
)


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The way to every member."""
    rows: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        rows = list(value.items())
    elif isinstance(value, list):
        rows = list(enumerate(value))
    return [path] * bool(path) + [
        place for name, each in rows for place in places(each, (*path, name))
    ]


@st.composite
def damaged(draw: st.DrawFn, value: Any) -> bytes:
    """An answer cut off, with bytes changed, with members lacking or odd, or quite another."""
    raw = json.dumps(value).encode()
    way = draw(st.sampled_from(["members", "cut", "bytes", "random", "json"]))
    if way == "cut":
        return raw[: draw(st.integers(0, len(raw)))]
    if way == "bytes":
        changed = bytearray(raw)
        for _ in range(draw(st.integers(1, 4))):
            changed[draw(st.integers(0, len(raw) - 1))] = draw(st.integers(0, 255))
        return bytes(changed)
    if way == "random":
        return draw(st.binary(max_size=60))
    if way == "json":
        leaves = ODD
        tree = st.recursive(
            leaves, lambda some: st.lists(some) | st.dictionaries(st.text(), some), max_leaves=8
        )
        return json.dumps(draw(tree)).encode()
    found = json.loads(raw)
    for place in draw(st.lists(st.sampled_from(places(found)), min_size=1, max_size=3)):
        at: Any = found
        try:
            for step in place[:-1]:
                at = at[step]
            if draw(st.booleans()):
                at[place[-1]] = draw(ODD)
            else:
                del at[place[-1]]
        except (KeyError, IndexError, TypeError):
            continue
    return json.dumps(found).encode()


def survives(
    adapter: OrderAdapter,
    call: Call,
    raw: bytes,
    status: int,
    instruments: Mapping[str, Instrument],
) -> Outcome:
    """Read any bytes as an answer: nothing is raised, and no command is lost."""
    outcome = adapter.read(call, Answer(raw, status), instruments)
    assert_each_is_told(call, outcome)
    return outcome


def read_all(reader: Any, messages: Sequence[Any]) -> list[Fact]:
    """The facts of messages of a stream."""
    facts: list[Fact] = []
    for each in messages:
        news = reader.read(body(each))
        assert not news.lost
        facts += news.facts
    return facts


def reads_or_refuses(reader: Any, raw: bytes) -> None:
    """Whatever bytes come, a reader reads them or says that they are none of the venue's."""
    try:
        reader.read(raw)
    except VenueError:
        return
