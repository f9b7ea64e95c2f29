"""Whatever a chain does, the books end as if only what is canonical had ever happened."""

from __future__ import annotations

import random
import tempfile
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_world import ASSETS, NOW, block, fill, history

from alp.ledger.booking import postings_of
from alp.ledger.books import Books
from alp.ledger.database import open_engine
from alp.ledger.events import Event, Reorganisation, chain_proof
from alp.ledger.ledger import Ledger
from alp.ledger.verify import verify


class Chain:
    """A chain that forks; each block has events of our liquidity and of our wallet."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.blocks: list[tuple[str, list[Event]]] = []
        self.gone: list[list[tuple[str, list[Event]]]] = []
        self.gone_at = -1
        self.mined = 0

    def mine(self) -> list[Event]:
        """Append a block; return its events."""
        self.mined += 1
        name = block(self.mined)
        events = [
            replace(each, proof=chain_proof(1, name, index))
            for index, each in enumerate(history(self.chance.getrandbits(32), 8))
            if isinstance(each, Event) and each.kind.startswith(("lp", "gas"))
        ]
        self.blocks.append((name, events))
        return events

    def fork(self) -> tuple[Reorganisation, list[Event]]:
        """Leave some blocks, for new ones or for those of a branch that was left before."""
        depth = self.chance.randint(1, len(self.blocks))
        left = self.blocks[-depth:]
        parent = len(self.blocks) - depth
        del self.blocks[-depth:]
        orphaned = tuple(name for name, _ in left)
        again: list[tuple[str, list[Event]]] = []
        if self.gone and self.chance.random() < 0.5 and self.gone_at == parent:
            again = self.gone.pop()
        self.gone, self.gone_at = [left], parent
        self.blocks += again
        change = Reorganisation(1, NOW, orphaned, tuple(name for name, _ in again))
        return change, [event for _, events in again for event in events]


@given(st.integers(0, 2**32))
@settings(max_examples=12)
def test_the_books_end_with_what_is_canonical(seed: int) -> None:
    chance = random.Random(seed)
    chain = Chain(chance)
    traded: list[Event] = []
    with tempfile.TemporaryDirectory() as folder:
        place = f"{folder}/ledger.db"
        with Ledger(place, ASSETS) as ledger:
            for number in range(25):
                action = chance.random()
                if action < 0.3 and chain.blocks:
                    change, events = chain.fork()
                    late = [each for block_ in chain.gone for _, some in block_ for each in some]
                    ledger.apply([change, *events, *late])
                elif action < 0.5:
                    traded.append(fill(number, chance.choice((1, -1))))
                    ledger.apply(traded[-1:])
                else:
                    ledger.apply(chain.mine())
            found = ledger.snapshot().balances
        assert verify(open_engine(place), place).faults == []
    books = Books("USDC")
    for event in [*traded, *(event for _, events in chain.blocks for event in events)]:
        books.post(event.at_ns, postings_of(event, books.balances))
    assert found == dict(sorted(books.balances.items()))
