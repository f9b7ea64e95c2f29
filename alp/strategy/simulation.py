"""What only a backtest needs: data, window, and how faithfully the world is simulated."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from alp.strategy.fields import (
    Amount,
    Bps,
    Contradiction,
    Duration,
    PositiveAmount,
    PositiveDuration,
    Section,
    Timestamp,
)
from alp.strategy.units import HOUR, MILLISECOND, MINUTE, write_timestamp

DataPath = Annotated[
    str, Field(min_length=1, max_length=1024, strict=True, json_schema_extra={"x-unit": "path"})
]
"""Relative to the manifest's own folder, or absolute."""


class Window(Section):
    """The time to simulate; by default all of the data."""

    start: Timestamp | None = None
    """First moment simulated. By default the first row of the pool's data."""
    end: Timestamp | None = None
    """The moment after the last one simulated. By default the end of the pool's data."""

    @model_validator(mode="after")
    def _forwards(self) -> Window:
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise Contradiction({"end": f"is not after start, {write_timestamp(self.start)}"})
        return self


class DataFile(Section):
    """One recording, in one file or several consecutive ones; its format is recognised.

    What the file itself does not say can be said here.
    """

    path: DataPath | None = None
    """The file."""
    paths: Annotated[tuple[DataPath, ...], Field(max_length=1000)] = ()
    """Several files in the order of their times, instead of `path`."""
    direction: Literal["auto", "quotePerBase", "basePerQuote"] = "auto"
    """How the prices of a price file are quoted. `auto` finds out where it can and says so."""
    period: PositiveDuration | None = None
    """Length of a bar or candle. Found from the times by default."""
    tick_size: PositiveAmount | None = Field(default=None, json_schema_extra={"x-unit": "quote"})
    """Price step of a venue's recording. Found from the values by default."""
    lot_size: PositiveAmount | None = Field(default=None, json_schema_extra={"x-unit": "base"})
    """Quantity step of a venue's recording. Found from the values by default."""
    utc_offset_hours: Annotated[int, Field(ge=-14, le=14, strict=True)] = Field(
        default=0, json_schema_extra={"x-unit": "hours"}
    )
    """What the file's clock is ahead of UTC."""
    strict: Annotated[bool, Field(strict=True)] = True
    """Refuse pool events whose prices contradict their amounts; `false` only notes them."""

    @model_validator(mode="after")
    def _one_of_both(self) -> DataFile:
        if self.path is not None and self.paths:
            raise Contradiction({"paths": "is given beside path; give one of them"})
        if self.path is None and not self.paths:
            raise Contradiction({"path": "is required (or paths)"})
        return self

    @property
    def files(self) -> tuple[str, ...]:
        """All paths, as written."""
        return self.paths if self.path is None else (self.path,)

    def options(self) -> dict[str, Any]:
        """Return what was said about the file, as keywords of :func:`alp.data.open_source`."""
        said = {
            "direction": self.direction,
            "period_ns": self.period,
            "tick_size": self.tick_size,
            "lot_size": self.lot_size,
            "utc_offset_hours": self.utc_offset_hours,
            "strict": self.strict,
        }
        defaults = {"direction": "auto", "utc_offset_hours": 0, "strict": True}
        return {
            name: value
            for name, value in said.items()
            if value is not None and value != defaults.get(name)
        }


class PoolFile(DataFile):
    """The pool's recording; see `spec.backtest.data.candles` for what else can be said of it."""

    kind: Literal["pool_events", "bars"] | None = None
    """What the rows shall be, where the format can be read as both."""


class Liquidity(Section):
    """Where the pool's liquidity at the start of the window comes from."""

    source: Literal["snapshot", "derived", "genesis", "none"] = "derived"
    """`snapshot` reads `path`; `derived` computes it from the swaps' own reports; `genesis` starts
    from an empty pool, with data from its first block; `none` needs no liquidity (bars). With a
    path, `snapshot` is understood."""
    path: DataPath | None = None
    """The snapshot: liquidity by tick, as `alp data` writes it."""

    @model_validator(mode="before")
    @classmethod
    def _path_means_snapshot(cls, data: Any) -> Any:
        if isinstance(data, dict) and "path" in data and "source" not in data:
            return {**data, "source": "snapshot"}
        return data

    @model_validator(mode="after")
    def _path_with_snapshot(self) -> Liquidity:
        if self.source == "snapshot" and self.path is None:
            raise Contradiction({"path": "is required, because source is snapshot"})
        if self.source != "snapshot" and self.path is not None:
            raise Contradiction({"path": f"is not read, because source is {self.source}"})
        return self


class Data(Section):
    """The recordings of a backtest."""

    pool: PoolFile | None = None
    """Swaps, mints and burns of the pool, or bars of it. Not needed with `fidelity: arbitrage`."""
    liquidity: Liquidity = Liquidity()
    """The pool's liquidity at the start."""
    candles: DataFile | None = None
    """Candles of the venue: the hedge's market, and the price path of `fidelity: arbitrage`."""
    trades: DataFile | None = None
    """Trades of the venue; preferred to candles where both are given."""
    base_fee: DataFile | None = None
    """The chain's base fee over time, for `gas.model: series`."""


GasAmount = Annotated[
    int, Field(ge=0, le=30_000_000, strict=True, json_schema_extra={"x-unit": "gas"})
]


class GasUnits(Section):
    """Gas that each action uses; the defaults are typical of the position manager."""

    mint: GasAmount = 400_000
    """Opening one range."""
    burn: GasAmount = 140_000
    """Taking the liquidity out of one range."""
    collect: GasAmount = 85_000
    """Collecting one range's tokens and fees."""
    swap: GasAmount = 130_000
    """A swap through the router."""
    overhead: GasAmount = 21_000
    """Each transaction, whatever it does; also one that reverts."""

    @property
    def exit(self) -> int:
        """Closing one range: burn and collect."""
        return self.burn + self.collect


class Gas(Section):
    """What transactions cost."""

    model: Literal["constant", "series"] = "constant"
    """`constant` uses `baseFeeGwei`; `series` reads the base fee of the time from
    `data.baseFee`."""
    base_fee_gwei: Annotated[Amount, Field(json_schema_extra={"x-unit": "gwei"})] = Decimal(20)
    """Base fee per gas of the constant model."""
    priority_fee_gwei: Annotated[Amount, Field(json_schema_extra={"x-unit": "gwei"})] = Decimal(1)
    """Tip per gas."""
    native_price_quote: PositiveAmount | None = Field(
        default=None, json_schema_extra={"x-unit": "quote"}
    )
    """Price of the native token, needed where the pool's base token is not its wrapped form."""
    units: GasUnits = GasUnits()
    """Gas by action."""


class Latency(Section):
    """Time between a decision and its effect."""

    chain_blocks: Annotated[int, Field(ge=0, le=1000, strict=True)] = Field(
        default=1, json_schema_extra={"x-unit": "blocks"}
    )
    """Blocks until a transaction is included. 0 is the next event of the same block: optimistic."""
    venue: Duration = 20 * MILLISECOND
    """Until an order or a cancel reaches the venue."""


class Backtest(Section):
    """Settings of `alp backtest`; paper and live trading do not read them."""

    seed: Annotated[int, Field(ge=0, le=2**53, strict=True)] = 0
    """Seeds everything random. The same manifest, data and seed give the same results."""
    window: Window = Window()
    """The time to simulate."""
    data: Data = Data()
    """The recordings."""
    fidelity: Literal["overlay", "reexecute", "arbitrage"] = "overlay"
    """`overlay` lets our liquidity earn its share without moving recorded prices; `reexecute`
    executes recorded swaps again, so that our liquidity moves them; `arbitrage` has no recorded
    flow: arbitrageurs follow the candles, and fees are a lower bound."""
    fees: Literal["path", "share"] = "path"
    """Bars only: `path` walks open, high, low and close; `share` takes our part of the bar's
    volume."""
    gas: Gas = Gas()
    """What transactions cost."""
    latency: Latency = Latency()
    """Time between a decision and its effect."""
    participation_bps: Annotated[Bps, Field(le=10_000)] = 1000
    """The largest part of an interval's volume on a venue that our order may take."""
    markouts: Annotated[tuple[PositiveDuration, ...], Field(max_length=20)] = (
        MINUTE,
        5 * MINUTE,
        HOUR,
    )
    """How long after each fill the price is compared."""
    sample_every: PositiveDuration = HOUR
    """Distance of the points in the report's series."""

    @model_validator(mode="after")
    def _data_suffices(self) -> Backtest:
        faults = {}
        if self.gas.model == "series" and self.data.base_fee is None:
            faults["data.baseFee"] = "is required, because gas.model is series"
        if self.fidelity == "arbitrage":
            if self.data.candles is None:
                faults["data.candles"] = "is required, because fidelity is arbitrage"
            if self.data.pool is not None:
                faults["data.pool"] = "is not read, because fidelity is arbitrage"
        if len(set(self.markouts)) != len(self.markouts):
            faults["markouts"] = "lists a duration twice"
        if faults:
            raise Contradiction(faults)
        return self
