"""Everything a run starts from: the manifest's backtest section with its data opened.

Paths are relative to the manifest. What the data cannot say is refused here, before anything runs,
with the field that would mend it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from pathlib import Path

import numpy as np

from alp._core.pool import Pool
from alp.backtest.bar_driver import BarDriver
from alp.backtest.drive import BLOCK_NS, Driver
from alp.backtest.flow import arbitrage_events, band_x96
from alp.backtest.gas import GasPrice, NativePrice
from alp.backtest.markouts import Markouts
from alp.backtest.swap_driver import SwapDriver
from alp.data import Kind, Source, open_source
from alp.data.schema import MAX_TICK, Array, EventKind, signed_list, unsigned
from alp.errors import ConfigError, DataError
from alp.models.pair import TokenPair
from alp.strategy.manifest import Spec
from alp.strategy.simulation import DataFile

MARK_EVERY_NS = 60_000_000_000


@dataclass
class Inputs:
    """The opened sources of a run, by role."""

    pool: Source | None = None
    liquidity: Source | None = None
    candles: Source | None = None
    trades: Source | None = None
    base_fee: Source | None = None

    def by_role(self) -> dict[str, Source]:
        """Return those that are there."""
        return {role: source for role, source in vars(self).items() if source is not None}


@dataclass
class Setup:
    """What the engine takes."""

    spec: Spec
    pair: TokenPair
    inputs: Inputs
    driver: Driver
    markouts: Markouts
    gas_price: GasPrice
    native: NativePrice
    start_ns: int
    end_ns: int | None
    lp_fidelity: str
    liquidity_source: str
    notes: list[str] = field(default_factory=list)


def open_inputs(spec: Spec, pair: TokenPair, folder: Path) -> Inputs:
    """Open the manifest's files.

    Raises
    ------
    ConfigError, DataError
        If a file is missing, not recognised, or not of the kind its role needs.
    """
    data = spec.backtest.data
    inputs = Inputs()
    if data.pool is not None:
        inputs.pool = _open(data.pool, folder, pair, "pool", (Kind.POOL_EVENTS, Kind.BARS))
    if data.liquidity.path is not None:
        inputs.liquidity = _open(
            DataFile(path=data.liquidity.path), folder, pair, "liquidity.path", (Kind.LIQUIDITY,)
        )
    if data.candles is not None:
        inputs.candles = _open(data.candles, folder, pair, "candles", (Kind.CANDLES,))
    if data.trades is not None:
        inputs.trades = _open(data.trades, folder, pair, "trades", (Kind.TRADES,))
    if data.base_fee is not None:
        inputs.base_fee = _open(data.base_fee, folder, pair, "baseFee", (Kind.BASE_FEE,))
    if inputs.pool is None and spec.backtest.fidelity != "arbitrage":
        raise ConfigError(
            "spec.backtest.data.pool is required",
            hint="name a recording of the pool, or set spec.backtest.fidelity: arbitrage and give "
            "spec.backtest.data.candles",
        )
    return inputs


def _open(
    file: DataFile, folder: Path, pair: TokenPair, role: str, kinds: tuple[Kind, ...]
) -> Source:
    paths = [folder / name for name in file.files]
    for path in paths:
        if not path.is_file():
            raise DataError(
                "no such file", path=path, hint=f"it is named in spec.backtest.data.{role}"
            )
    kind = getattr(file, "kind", None)
    return open_source(
        paths, kind=kinds if kind is None else Kind(kind), pair=pair, **file.options()
    )


def prepare(spec: Spec, pair: TokenPair, folder: Path) -> Setup:
    """Open the data and build the replay that stands at the beginning of the window."""
    inputs = open_inputs(spec, pair, folder)
    backtest = spec.backtest
    markouts = Markouts(backtest.markouts)
    keep_ns = max(spec.rebalance.twap_window, 60_000_000_000) * 2
    notes: list[str] = []
    end_ns = backtest.window.end
    driver: Driver
    if backtest.fidelity == "arbitrage":
        driver = _arbitrage(spec, pair, inputs, markouts, keep_ns, notes)
        fidelity = "arbitrage"
    elif inputs.pool is not None and inputs.pool.kind is Kind.BARS:
        driver = BarDriver(pair, backtest.fees, _until(inputs.pool, end_ns), keep_ns=keep_ns)
        fidelity = "bars"
        notes.append(_BAR_NOTES[backtest.fees])
    else:
        driver = _events(spec, pair, inputs, markouts, keep_ns)
        fidelity = backtest.fidelity
        notes.append(_EVENT_NOTES[fidelity])
    ignored = [
        f"limits.{name}"
        for name, value in (
            ("maxNetBase", spec.limits.max_net_base),
            ("maxDrawdownBps", spec.limits.max_drawdown_bps),
        )
        if value is not None
    ]
    if ignored:
        notes.append(f"not enforced in a backtest: {', '.join(ignored)}")
    return Setup(
        spec=spec,
        pair=pair,
        inputs=inputs,
        driver=driver,
        markouts=markouts,
        gas_price=_gas_price(spec, inputs),
        native=_native(spec, pair),
        start_ns=max(driver.ts_ns, backtest.window.start or 0),
        end_ns=end_ns,
        lp_fidelity=fidelity,
        liquidity_source=_liquidity_name(spec, fidelity),
        notes=notes,
    )


_BAR_NOTES = {
    "path": "fees follow each bar's open, high, low and close through our liquidity: round trips "
    "inside a leg earn nothing, so for a position small in its pool they are a lower bound",
    "share": "fees are our share of each bar's volume by liquidity, for the part of its price span "
    "inside our ranges",
}
_EVENT_NOTES = {
    "overlay": "recorded prices are kept; our liquidity earns its share of each step's fee and "
    "moves no price",
    "reexecute": "recorded swaps run again with our liquidity inside as exact inputs; nobody "
    "arbitrages the path back to the recorded one",
}


def _liquidity_name(spec: Spec, fidelity: str) -> str:
    source = spec.backtest.data.liquidity.source
    return "none" if fidelity == "bars" else source


def _gas_price(spec: Spec, inputs: Inputs) -> GasPrice:
    gas = spec.backtest.gas
    if inputs.base_fee is None:
        return GasPrice.constant(gas.base_fee_gwei, gas.priority_fee_gwei)
    rows = inputs.base_fee.read()
    return GasPrice.series(
        zip(rows["ts_ns"].tolist(), rows["base_fee_wei"].tolist(), strict=True),
        gas.priority_fee_gwei,
    )


def _native(spec: Spec, pair: TokenPair) -> NativePrice:
    price = spec.backtest.gas.native_price_quote
    return NativePrice(
        spec.pool.base_is_native and price is None,
        None if price is None else pair.to_raw_quote(price),
    )


def _until(source: Source, end_ns: int | None) -> Iterator[Array]:
    """Yield the rows that are over by the end of the window.

    Rows before the window's start are replayed too, without us: they bring the pool and the
    estimators to the state the window begins with.
    """
    for batch in source.batches():
        if end_ns is None:
            yield batch
            continue
        ends = batch["ts_ns"]
        if "period_ns" in (batch.dtype.names or ()):
            ends = ends + batch["period_ns"]
        inside = int(np.searchsorted(ends, end_ns, side="right"))
        if inside:
            yield batch[:inside]
        if inside < len(batch):
            return


@dataclass
class Opening:
    """A recorded pool at its first swap, and what happened from then on.

    Attributes
    ----------
    batches
        POOL_EVENT arrays in time order; events before the first swap have its time.
    ts_ns, block
        Of the first swap, which is in the pool's state already.
    """

    pool: Pool
    batches: Iterator[Array]
    ts_ns: int
    block: int


def _events(
    spec: Spec,
    pair: TokenPair,
    inputs: Inputs,
    markouts: Markouts,
    keep_ns: int,
) -> SwapDriver:
    """Replay recorded events: the first swap gives the price, the rest is replayed."""
    opening = open_recording(spec, pair, inputs)
    return SwapDriver(
        pair,
        opening.pool,
        opening.batches,
        reexecute=spec.backtest.fidelity == "reexecute",
        mark_every_ns=MARK_EVERY_NS,
        ts_ns=opening.ts_ns,
        block=opening.block,
        keep_ns=keep_ns,
        markouts=markouts,
    )


def open_recording(spec: Spec, pair: TokenPair, inputs: Inputs) -> Opening:
    """Return the pool that the manifest's recording begins with, and the recording.

    Raises
    ------
    ConfigError, DataError
        If there is no swap in the window, or the liquidity at the start is not known.
    """
    assert inputs.pool is not None
    batches = _until(inputs.pool, spec.backtest.window.end)
    before: list[Array] = []
    for batch in batches:
        swaps = np.flatnonzero(batch["kind"] == EventKind.SWAP)
        if len(swaps):
            break
        before.append(batch)
    else:
        raise DataError("no swap in the window, so the pool has no price", path=inputs.pool.path)
    first = int(swaps[0])
    swap = batch[first]
    pool = Pool(pair.fee_pips, pair.tick_spacing)
    second = int(swap["ts_ns"]) // 10**9
    pool.initialize(unsigned(swap["sqrt_price_x96"]), second)
    pool.set_price(pool.sqrt_price_x96, int(swap["tick"]))
    if spec.backtest.data.liquidity.source != "genesis":
        pool.load_liquidity(_opening_ticks(spec, inputs, pair))
    rest = [*before, np.concatenate((batch[:first], batch[first + 1 :]))]
    # Mints and burns before the first swap happened at its price, as far as the data can tell.
    rest[-1]["ts_ns"][:first] = swap["ts_ns"]
    for early in before:
        early["ts_ns"][:] = swap["ts_ns"]
    return Opening(pool, chain(rest, batches), int(swap["ts_ns"]), int(swap["block"]))


def _opening_ticks(spec: Spec, inputs: Inputs, pair: TokenPair) -> list[tuple[int, int]]:
    """(tick, liquidityNet) before the first event, ascending."""
    source = inputs.liquidity
    if source is None and spec.backtest.data.liquidity.source == "derived":
        assert inputs.pool is not None
        source = open_source(inputs.pool.paths, kind=Kind.LIQUIDITY, pair=pair)
    if source is None:
        raise ConfigError(
            "spec.backtest.data.liquidity.source: none cannot replay swaps",
            hint="use derived (from the swaps themselves) or a snapshot",
        )
    return _ticks(source, pair.tick_spacing)


def _ticks(source: Source, tick_spacing: int) -> list[tuple[int, int]]:
    """(tick, liquidityNet) on usable ticks: liquidity known to go on for ever ends at the last."""
    rows = source.read()
    outermost = MAX_TICK - MAX_TICK % tick_spacing
    return [
        (max(-outermost, min(tick, outermost)), net)
        for tick, net in zip(rows["tick"].tolist(), signed_list(rows["liquidity_net"]), strict=True)
    ]


def _arbitrage(
    spec: Spec,
    pair: TokenPair,
    inputs: Inputs,
    markouts: Markouts,
    keep_ns: int,
    notes: list[str],
) -> SwapDriver:
    """Only a CEX price: arbitrage against a pool that begins at the first candle's open."""
    candles = inputs.candles
    assert candles is not None
    assert candles.tick_size is not None
    batches = _until(candles, spec.backtest.window.end)
    first = next(batches)
    price = Fraction(candles.tick_size) * int(first[0]["open"])
    low, high = band_x96(pair, price)
    pool = Pool(pair.fee_pips, pair.tick_spacing)
    start_ns = int(first[0]["ts_ns"])
    pool.initialize((low + high) // 2, start_ns // 10**9)
    if inputs.liquidity is not None:
        pool.load_liquidity(_ticks(inputs.liquidity, pair.tick_spacing))
    notes.append(
        "there is no recorded flow: arbitrageurs keep the pool one fee away from the candles' "
        "path, and nobody else trades; fees are a lower bound"
    )
    return SwapDriver(
        pair,
        pool,
        arbitrage_events(chain([first], batches), pair, candles.tick_size),
        reexecute=True,
        mark_every_ns=MARK_EVERY_NS,
        ts_ns=start_ns,
        block=start_ns // BLOCK_NS,
        keep_ns=keep_ns,
        markouts=markouts,
    )
