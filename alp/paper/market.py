"""One product of an exchange: its book, what changed last, and what comes next.

Events come from outside through :meth:`Market.happen`, or from the market itself through
:meth:`Market.step`: first those it was given, then, without end, those made up from a seed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from alp.paper.book import Change, PlainBook
from alp.paper.generator import Wander, grown
from alp.paper.history import History, Past

TRADE_EVERY = 7
"""Events of a book for each made-up trade."""
MOST_CHANGES = 8
"""Of a made-up event."""
MILLISECOND = 1_000_000

Made = tuple[int, bool, int, int]
"""A trade: its number, whether the aggressor bought, price, quantity."""
Ids = tuple[int, int, int | None]
"""A venue's own numbers of an event: first, last and previous."""


@dataclass(frozen=True, slots=True)
class Event:
    """What happens at once.

    Attributes
    ----------
    changes
        Of levels, in order; none where there were only trades.
    raw
        The venue's message, where it can be sent as it stands.
    ids
        Its numbers; they go on by themselves where it has none.
    trades
        Whether the aggressor bought, price and quantity of each; None: made up.
    """

    changes: list[Change]
    raw: bytes | None = None
    ids: Ids | None = None
    trades: tuple[tuple[bool, int, int], ...] | None = None


class Market:
    """A product.

    Parameters
    ----------
    symbol
        As the venue's market data writes it.
    book
        As it begins.
    seed
        Of what is made up.
    recorded
        What :meth:`step` lets happen first.
    last_id
        The venue's number of the book's state.
    depth
        Levels a side that ``recorded`` knows; 0: all.

    Attributes
    ----------
    changes, made, raw
        Of the last event: levels, trades, and its own message where it has one.
    first_id, last_id, previous_id
        Its numbers.
    at_ms
        When it happened, milliseconds UTC.
    events, trades
        How many there were.
    clock_ns
        The venue's clock, nanoseconds UTC.
    history
        What was traded.
    """

    def __init__(
        self,
        symbol: str,
        book: PlainBook,
        *,
        seed: int = 1,
        recorded: Iterator[Event] | None = None,
        last_id: int = 1_000_000,
        depth: int = 0,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.symbol = symbol
        self.book = book
        self.depth = depth
        self.first_id = self.last_id = last_id
        self.previous_id: int | None = last_id - 1
        self.trades = 0
        self.events = 0
        self.clock_ns = clock_ns
        self.at_ms = clock_ns() // MILLISECOND
        self.raw: bytes | None = None
        self.changes: list[Change] = []
        self.made: list[Made] = []
        self.history = History()
        self._recorded = recorded or iter(())
        self._seed = seed
        self._random = Random(seed)  # noqa: S311 - a made-up market, not a secret
        self._wander: Wander | None = None

    @classmethod
    def made_up(cls, symbol: str, *, seed: int = 1, depth: int = 0, **book: int) -> Market:
        """Return a market whose book is made up as well; `book` is for :func:`grown`."""
        return cls(symbol, grown(seed, **book), seed=seed, depth=depth)

    @property
    def is_recorded(self) -> bool:
        """Whether nothing of it was made up yet."""
        return self._wander is None

    def step(self) -> None:
        """Let the market's own next event happen."""
        event = None if self._wander else next(self._recorded, None)
        self.happen(event or self._made_up())

    def happen(self, event: Event) -> None:
        """Let an event happen: the book after it and what changed stand in the members."""
        self.events += 1
        self.at_ms = max(self.at_ms, self.clock_ns() // MILLISECOND)
        self.changes, self.raw = event.changes, event.raw
        self.previous_id = self.last_id
        self.book.apply(event.changes)
        if self.depth and self.is_recorded:
            self.book.cut(self.depth)
        if event.ids is not None:
            self.first_id, self.last_id, previous = event.ids
            self.previous_id = self.previous_id if previous is None else previous
        elif event.changes:
            self.first_id = self.last_id + 1
            self.last_id += len(event.changes)
        if event.trades is not None:
            self.made = [self._numbered(*each) for each in event.trades]
        else:
            made = self.trade() if self.events % TRADE_EVERY == 0 else None
            self.made = [] if made is None else [made]
        for number, bought, price, quantity in self.made:
            self.history.add(Past(number, bought, price, quantity, self.at_ms))

    def _made_up(self) -> Event:
        """Return changes, already in the book: again they change nothing. None if one-sided."""
        if self.book.touch() is None:
            return Event([])
        if self._wander is None:
            self._wander = Wander(self.book, self._seed)
        return Event(self._wander.changes(self._random.randint(1, MOST_CHANGES)))

    def refine(self) -> None:
        """Let prices have one decimal more from now on."""
        self.book.refine()
        self.history.refine()
        self._wander = Wander(self.book, self._seed)

    def levels(self, bid: bool) -> list[tuple[int, int]]:
        """Return one side as deep as it is known, best first."""
        return self.book.best(bid, self.depth or None)

    def trade(self) -> Made | None:
        """Make up a trade at the touch; None where one side is empty."""
        touch = self.book.touch()
        if touch is None:
            return None
        bought = self.trades % 2 == 1
        price, size = touch[2:] if bought else touch[:2]
        return self._numbered(bought, price, max(1, size * (1 + self.trades % 7) // 8))

    def _numbered(self, bought: bool, price: int, quantity: int) -> Made:
        self.trades += 1
        return self.trades, bought, price, quantity
