"""What others do in the pool: recorded events on one clock, or a market made up from a seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from random import Random
from typing import NamedTuple, Protocol

import numpy as np

from alp._core.errors import Revert
from alp._core.lp_replay import REEXECUTE, LpReplay
from alp._core.pool import Pool
from alp.backtest.flow import KIND_BAND, band_x96
from alp.chain.port import LogKind
from alp.chain.uniswap_v3.transaction import limit_or_open
from alp.data.schema import Array, EventKind, signed, unsigned
from alp.models.pair import TokenPair

SECOND = 10**9
WHATEVER_IT_TAKES = 1 << 254


class Trade(NamedTuple):
    """A swap of an exact input, as far as a sqrt price; 0 is no limit."""

    zero_for_one: bool
    amount_in: int
    limit_x96: int = 0


class Bring(NamedTuple):
    """Arbitrage: trade until the sqrt price is within these two."""

    low_x96: int
    high_x96: int


class Shift(NamedTuple):
    """Liquidity of others comes or goes; whose it is need not be known. A POOL_EVENT row."""

    row: bytes
    tick_lower: int
    tick_upper: int
    liquidity: int
    kind: LogKind


Deed = Trade | Bring | Shift


class Slot(NamedTuple):
    """What happens until the next block, and when that is."""

    number: int
    ts_ns: int
    deeds: tuple[Deed, ...]


class Flow(Protocol):
    """Where slots come from; they never end, nor depend on what comes of them."""

    def slot(self) -> Slot:
        """Return the next one."""
        ...


class Done(NamedTuple):
    """What a deed left in the log."""

    kind: LogKind
    tick_lower: int
    tick_upper: int
    amount0: int
    amount1: int


def do(pool: Pool, deed: Deed, ts_ns: int) -> Done | None:
    """Let somebody else act on the pool; None where nothing comes of it."""
    if isinstance(deed, Shift):
        replay = LpReplay(pool, True, REEXECUTE, SECOND, ts_ns, 0)
        nothing = np.empty(1)
        replay.advance(
            np.frombuffer(deed.row, np.uint8),
            0,
            (1 << 63) - 1,
            (1 << 63) - 1,
            0,
            (1 << 160) - 1,
            *(nothing.copy() for _ in range(3)),
        )
        return Done(deed.kind, deed.tick_lower, deed.tick_upper, 0, 0)
    if isinstance(deed, Bring):
        price = pool.sqrt_price_x96
        if deed.low_x96 <= price <= deed.high_x96:
            return None
        down = price > deed.high_x96
        deed = Trade(down, WHATEVER_IT_TAKES, deed.high_x96 if down else deed.low_x96)
    limit = limit_or_open(deed.limit_x96, zero_for_one=deed.zero_for_one)
    try:
        amounts = pool.swap(deed.zero_for_one, deed.amount_in, limit, ts_ns // SECOND)
    except Revert:
        return None  # somebody else's transaction failed, which is nothing to us
    return Done(LogKind.SWAP, 0, 0, *amounts)


def deed_of(row: np.void) -> Deed | None:
    """Return what a POOL_EVENT row is; None where it moves neither price nor liquidity.

    A swap is done again with its exact input, as ``fidelity: reexecute`` does it.
    """
    kind = int(row["kind"])
    if kind == EventKind.SWAP:
        amount0, amount1 = signed(row["amount0"]), signed(row["amount1"])
        paid = amount0 if amount0 > 0 else amount1
        return Trade(amount0 > 0, paid) if paid > 0 else None
    if kind in (EventKind.MINT, EventKind.BURN):
        return Shift(
            row.tobytes(),
            int(row["tick_lower"]),
            int(row["tick_upper"]),
            unsigned(row["liquidity"]),
            LogKind.MINT if kind == EventKind.MINT else LogKind.BURN,
        )
    if kind == KIND_BAND:
        return Bring(unsigned(row["sqrt_price_x96"]), unsigned(row["amount0"]))
    return None


class RecordedFlow:
    """Recorded events, block by block; blocks without any are there too.

    After the last event the blocks go on empty.

    Parameters
    ----------
    batches
        POOL_EVENT arrays in chain order.
    number, ts_ns
        Of the last block before them.
    block_ns
        Between blocks that nothing is known of.
    shift_ns
        Is added to every time.
    """

    def __init__(
        self,
        batches: Iterator[Array],
        number: int,
        ts_ns: int,
        *,
        block_ns: int,
        shift_ns: int = 0,
    ) -> None:
        self._rows = (row for batch in batches for row in batch)
        self._number, self._ts_ns = number, ts_ns
        self._block_ns = block_ns
        self._shift_ns = shift_ns
        self._next: np.void | None = next(self._rows, None)

    @property
    def is_over(self) -> bool:
        """Whether the last event was told."""
        return self._next is None

    def slot(self) -> Slot:
        """Return the next block of the recording."""
        self._number += 1
        ts_ns = self._ts_ns + self._block_ns
        deeds = []
        if self._next is not None:
            ahead = max(0, int(self._next["block"]) - self._number)
            latest = int(self._next["ts_ns"]) - ahead * SECOND
            ts_ns = latest if ahead == 0 else min(ts_ns, latest)
        while self._next is not None and int(self._next["block"]) <= self._number:
            deed = deed_of(self._next)
            if deed is not None:
                deeds.append(deed)
            self._next = next(self._rows, None)
        self._ts_ns = max(ts_ns, self._ts_ns + SECOND)
        return Slot(self._number, self._ts_ns + self._shift_ns, tuple(deeds))


@dataclass(frozen=True)
class MadeUp:
    """How a market is made up.

    Attributes
    ----------
    trades_per_block
        Of people who do not look at the price, on average.
    size_quote
        Their median size, whole quote tokens.
    move_per_block
        Deviation of the log-price between blocks where no price is passed in.
    """

    seed: int = 1
    trades_per_block: float = 2.0
    size_quote: float = 5_000.0
    move_per_block: float = 4e-4


class GeneratedFlow:
    """Arbitrage to a reference price within the fee, and trades that do not look at the price.

    Parameters
    ----------
    reference
        The price elsewhere, quote per base in whole tokens; where it says None, or nobody asks it,
        the last price known wanders on by itself.
    price
        To begin with.
    """

    def __init__(
        self,
        pair: TokenPair,
        price: Fraction,
        number: int,
        ts_ns: int,
        *,
        block_ns: int,
        market: MadeUp | None = None,
        reference: Callable[[], Fraction | None] = lambda: None,
    ) -> None:
        self._pair = pair
        self.price = price
        self._number, self._ts_ns = number, ts_ns
        self._block_ns = block_ns
        self._market = market or MadeUp()
        self.reference = reference
        self._random = Random(self._market.seed)  # noqa: S311 - a made-up market, not a secret

    def slot(self) -> Slot:
        """Return what happens until the next block."""
        self._number += 1
        self._ts_ns += self._block_ns
        wander = self._random.gauss(0.0, self._market.move_per_block)
        told = self.reference()
        if told is not None:
            self.price = told
        else:
            self.price *= 1 + Fraction(round(wander * 10**9), 10**9)
            self.price = self.price.limit_denominator(10**12)
        deeds: list[Deed] = [Bring(*band_x96(self._pair, self.price))]
        deeds += [self._trade() for _ in range(self._how_many())]
        return Slot(self._number, self._ts_ns, tuple(deeds))

    def _how_many(self) -> int:
        """Poisson, by the time between arrivals."""
        rate, count, left = self._market.trades_per_block, 0, 1.0
        while rate > 0 and (left := left - self._random.expovariate(rate)) > 0:
            count += 1
        return count

    def _trade(self) -> Trade:
        size = self._market.size_quote * self._random.lognormvariate(0.0, 1.0)
        sells_base = self._random.random() < 0.5
        quote_raw = int(size * 10**self._pair.quote_decimals)
        amount = quote_raw
        if sells_base:
            scale = Fraction(10) ** (self._pair.base_decimals - self._pair.quote_decimals)
            amount = int(quote_raw * scale / self.price)
        return Trade(sells_base == self._pair.base_is_token0, max(amount, 1))
