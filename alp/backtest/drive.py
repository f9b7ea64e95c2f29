"""What the engine needs of a replay, whatever the data's fidelity.

A driver feeds batches of recorded data to a compiled replay, from stop to stop, and keeps what the
models may see of the past: prices already replayed, never the future.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from itertools import chain
from typing import Protocol

import numpy as np
import numpy.typing as npt

from alp._core.lp_ledger import PositionBooks
from alp._core.price_history import PriceHistory
from alp.backtest.book import LedgerSample
from alp.data.schema import Array
from alp.models.pair import TokenPair

NEVER_NS = (1 << 63) - 1
NEVER_BLOCK = (1 << 63) - 1
LOWEST_SQRT = 0
HIGHEST_SQRT = (1 << 160) - 1
Q96 = float(1 << 96)

Times = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

SAMPLE = np.dtype(
    [
        ("ts_ns", "<i8"),
        ("growth0", "<f8"),
        ("growth1", "<f8"),
        *((name, "<u8", 4) for name in ("mark", "base", "quote", "price", "lvr", "fees")),
    ]
)
"""A sample of all positions as the compiled ledger writes it, see ``lp_ledger.pxd``."""

BLOCK_NS = 12_000_000_000
"""Block time used where the data has no blocks (Ethereum mainnet's slot)."""


class Reason(IntEnum):
    """Why a driver stopped."""

    END = 0
    """The data is used up."""
    TIME = 1
    """The next row lies at or beyond the stop time."""
    PRICE = 2
    """The last row brought the price to or beyond a bound."""
    BLOCK = 3
    """The next row lies in or beyond the stop block."""
    FULL = 4
    """The samples taken are to be collected before it can go on."""


@dataclass
class Stop:
    """Where to stop: at a time, before a block, or at a price bound (sqrtPriceX96)."""

    ts_ns: int = NEVER_NS
    block: int = NEVER_BLOCK
    sqrt_low_x96: int = LOWEST_SQRT
    sqrt_high_x96: int = HIGHEST_SQRT


class Driver(Protocol):
    """What the engine needs of a replay."""

    @property
    def ts_ns(self) -> int:
        """Time of the last row applied."""
        ...

    @property
    def block(self) -> int:
        """Block of the last row applied; time over 12 s where the data has no blocks."""
        ...

    @property
    def sqrt_price_x96(self) -> int:
        """The pool's price."""
        ...

    @property
    def tick(self) -> int:
        """The pool's tick."""
        ...

    @property
    def mark(self) -> int:
        """Mark price on the ledger's scale."""
        ...

    @property
    def fee_growth(self) -> tuple[float, float]:
        """Fees (token0, token1; raw) one unit of liquidity in range all along would have earned."""
        ...

    @property
    def active_liquidity(self) -> int | None:
        """Liquidity of others at the price; None where the data does not tell."""
        ...

    def advance(self, stop: Stop) -> Reason:
        """Apply rows up to a stop."""
        ...

    def row_after(self, ts_ns: int) -> int:
        """Return the time of the first row later than a time; `NEVER_NS` where there is none."""
        ...

    @property
    def holdings(self) -> tuple[int, int]:
        """Raw (base, quote) of all our positions, uncollected fees included."""
        ...

    def sample_every(self, every_ns: int) -> None:
        """Sample the positions at the multiples of `every_ns` from now on."""
        ...

    def samples(self) -> Array:
        """Return the SAMPLE rows taken since the last call, in time order."""
        ...

    def sample(self) -> LedgerSample:
        """Return a sample of this moment."""
        ...

    def open(self, tick_lower: int, tick_upper: int, liquidity: int) -> tuple[int, int, int]:
        """Mint; return (slot, amount0, amount1) taken."""
        ...

    def close(self, slot: int) -> tuple[PositionBooks, int, int]:
        """Burn and collect; return (books, amount0, amount1) received, fees included."""
        ...

    def amounts(self, slot: int) -> tuple[int, int, int, int]:
        """Return raw (amount0, amount1, fees0, fees1) of a live position."""
        ...

    def read(self, slot: int) -> PositionBooks:
        """Return a live position's books."""
        ...

    def swap(self, zero_for_one: bool, amount_in: int) -> tuple[int, int]:
        """Trade on the pool ourselves; return signed (amount0, amount1) into the pool."""
        ...

    def quote(self, zero_for_one: bool, amount_in: int) -> tuple[int, int]:
        """Return what a swap would do now."""
        ...

    @property
    def counters(self) -> dict[str, int | float]:
        """What was replayed, and how faithfully."""
        ...

    @property
    def history(self) -> PriceHistory:
        """The prices seen so far, of the recent past."""
        ...


def roots_of(limbs: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """Return an (n, 4) limb column of sqrtPriceX96 as floats: roots of raw token1 per token0."""
    wide = limbs.astype(np.float64)
    return (wide[:, 0] + wide[:, 1] * 2.0**64 + wide[:, 2] * 2.0**128) / Q96


def prices_of(pair: TokenPair, roots: Floats) -> Floats:
    """Return quote per base in whole tokens for roots of the raw token1/token0 price."""
    ratio = roots * roots if pair.base_is_token0 else 1.0 / (roots * roots)
    return ratio * 10.0 ** (pair.base_decimals - pair.quote_decimals)


class _Replay(Protocol):
    """What the compiled replays have in common."""

    @property
    def mark(self) -> int: ...
    @property
    def fee_growth(self) -> tuple[float, float]: ...
    @property
    def holdings(self) -> tuple[int, int]: ...
    def sample_every(self, every_ns: int, ts_ns: int) -> None: ...
    def samples(self) -> bytes: ...
    def sample(self, ts_ns: int) -> LedgerSample: ...
    def amounts(self, slot: int) -> tuple[int, int, int, int]: ...
    def read(self, slot: int) -> PositionBooks: ...


def row_after(
    times: Times, row: int, batches: Iterator[Array], ts_ns: int, times_of: Callable[[Array], Times]
) -> tuple[int, Iterator[Array]]:
    """Return the time of the first row from `row` on that is later, and the batches after it.

    A batch that had to be looked into comes again.
    """
    seen: list[Array] = []
    while True:
        at = max(row, int(np.searchsorted(times, ts_ns, side="right")))
        if at < len(times):
            found = int(times[at])
            break
        batch = next(batches, None)
        if batch is None:
            found = NEVER_NS
            break
        seen.append(batch)
        times, row = times_of(batch), 0
    return found, chain(seen, batches) if seen else batches


class ReplayDriver:
    """What a driver passes on from its compiled replay, whatever the data."""

    def __init__(self, replay: _Replay, ts_ns: int) -> None:
        self._state = replay
        self._ts_ns = ts_ns

    @property
    def ts_ns(self) -> int:
        """Time reached."""
        return self._ts_ns

    @property
    def mark(self) -> int:
        """Mark price as of the replay's last step."""
        return self._state.mark

    @property
    def fee_growth(self) -> tuple[float, float]:
        """Fees (token0, token1; raw) one unit of liquidity in range would have earned."""
        return self._state.fee_growth

    @property
    def holdings(self) -> tuple[int, int]:
        """Raw (base, quote) of all our positions, uncollected fees included."""
        return self._state.holdings

    def sample_every(self, every_ns: int) -> None:
        """Sample the positions at the multiples of `every_ns` from now on."""
        self._state.sample_every(every_ns, self._ts_ns)

    def samples(self) -> Array:
        """Return the SAMPLE rows taken since the last call, in time order."""
        return np.frombuffer(self._state.samples(), SAMPLE)

    def sample(self) -> LedgerSample:
        """Return a sample of this moment."""
        return self._state.sample(self._ts_ns)

    def amounts(self, slot: int) -> tuple[int, int, int, int]:
        """Return raw (amount0, amount1, fees0, fees1) of a live position."""
        return self._state.amounts(slot)

    def read(self, slot: int) -> PositionBooks:
        """Return a live position's books."""
        return self._state.read(slot)
