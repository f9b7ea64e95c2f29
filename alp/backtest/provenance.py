"""Where a backtest's numbers come from: strategy, inputs, fidelity, pair, window, replay.

The first half of :mod:`alp.backtest.results`; what the run found is the other half.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from alp.backtest.codec import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyFacts(Record):
    """Which strategy was run."""

    name: str
    """``metadata.name`` of the manifest."""
    manifest_sha256: str
    """SHA-256 of the effective manifest in canonical JSON, hexadecimal."""
    parameters: dict[str, Any]
    """The full effective ``spec``, defaults filled in; secrets only as references."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFacts(Record):
    """One input file: what it is, and the hash that proves it."""

    role: str
    """What it was used for: ``pool``, ``liquidity``, ``candles``, ``trades``, ``base_fee``,
    ``tape`` and a venue's name."""
    path: str
    """File name without its folder."""
    sha256: str
    """SHA-256 of the file's bytes, hexadecimal."""
    format: str
    """The format it was read as."""
    rows: int
    """Rows read."""
    start_ns: int | None
    """Time of the first row, ns since 1970 UTC; None where rows have no time."""
    end_ns: int | None
    """Time of the last row, ns since 1970 UTC; None where rows have no time."""
    notes: tuple[str, ...] = ()
    """What the reader had to find out or leave out, in sentences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fidelity(Record):
    """How faithfully each leg could be simulated with the data at hand."""

    lp: str
    """Pool leg: ``overlay``, ``reexecute``, ``arbitrage`` or ``bars``."""
    cefi: str
    """Venue leg: ``ticks``, ``trades``, ``candles`` or ``none``."""
    liquidity: str
    """Where the pool's liquidity came from: ``snapshot``, ``derived``, ``genesis`` or ``none``."""
    mark: str
    """Which price values the inventory: ``pool`` or ``venue``."""
    notes: tuple[str, ...] = ()
    """Assumptions and their consequences, in sentences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair(Record):
    """The pool's two tokens; every price is quote per base."""

    base: str
    quote: str
    base_decimals: int
    quote_decimals: int
    base_is_token0: bool
    fee_pips: int
    """Fee tier in millionths: 500 is 5 bps."""
    tick_spacing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Window(Record):
    """The time simulated and how much happened in it."""

    start_ns: int
    end_ns: int
    events: int = 0
    """Pool events replayed."""
    swaps: int = 0
    """Swaps among them."""
    bars: int = 0
    """Candles or minutes replayed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay(Record):
    """How well replaying the pool's events reproduced what the chain recorded."""

    swaps_exact_in: int = 0
    """Swaps reproduced to the last unit as exact-input swaps."""
    swaps_exact_out: int = 0
    """Swaps reproduced to the last unit as exact-output swaps."""
    swaps_at_limit: int = 0
    """Swaps reproduced to the last unit as inputs stopped by their price limit."""
    swaps_by_price: int = 0
    """Swaps that could only be driven to their recorded price: an amount differs."""
    liquidity_mismatches: int = 0
    """Swaps after which active liquidity differed from the recorded one."""
    max_price_error_bps: float | None = None
    """Largest distance between replayed and recorded price."""
