"""Candles as floats to candles in ticks and lots: the units found, every value vouched for."""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from alp.data.schema import CANDLE, Array

if TYPE_CHECKING:
    from alp.data.reader import Reader

Floats = npt.NDArray[np.float64]
_MAX_PLACES = 8
_MAX_INT64 = float(2**63 - 1024)


def decimal_places(values: Floats, start: int = 0) -> int | None:
    """Return the fewest decimal places (from `start`, at most 8) that write all values exactly."""
    for places in range(start, _MAX_PLACES + 1):
        scale = 10.0**places
        if bool(np.all(np.rint(values * scale) / scale == values)):
            return places
    return None


@dataclass
class CandleTable:
    """Columns of candles as the file has them: ns UTC and floats."""

    ts_ns: npt.NDArray[np.int64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def prices(self) -> Floats:
        """Return all four prices, one after the other."""
        return np.concatenate((self.open, self.high, self.low, self.close))

    def where(self, chosen: npt.NDArray[np.bool_]) -> CandleTable:
        """Return the rows chosen."""
        return CandleTable(*(getattr(self, each.name)[chosen] for each in fields(self)))

    def check(self, reader: Reader, rows: npt.NDArray[np.int64]) -> None:
        """Refuse values that cannot be.

        Raises
        ------
        DataError
            For NaN, prices not above zero, or negative volume.
        """
        stacked = np.stack((self.open, self.high, self.low, self.close))
        known = np.isfinite(np.vstack((stacked, self.volume))).all(axis=0)
        unknown: npt.NDArray[np.bool_] = np.logical_not(known)
        _refuse(
            reader, rows, unknown, "a value is not a finite number", "fill or remove the candle"
        )
        _refuse(
            reader,
            rows,
            np.asarray((stacked <= 0).any(axis=0)),
            "a price is not above zero",
            "remove the candle or take it again from the venue",
        )
        _refuse(reader, rows, self.volume < 0, "the volume is negative", "take the candle again")

    def open_ended(self) -> npt.NDArray[np.bool_]:
        """Return which candles' high and low do not hold their open and close."""
        stacked = np.stack((self.open, self.high, self.low, self.close))
        ended: npt.NDArray[np.bool_] = np.logical_or(
            self.high < stacked.max(axis=0), self.low > stacked.min(axis=0)
        )
        return ended

    def candles(
        self,
        reader: Reader,
        rows: npt.NDArray[np.int64],
        tick_size: Decimal,
        lot_size: Decimal,
        period_ns: int,
    ) -> Array:
        """Return ``CANDLE`` records.

        Raises
        ------
        DataError
            For a candle that cannot be, or a number beyond int64.
        """
        self.check(reader, rows)
        _refuse(
            reader,
            rows,
            self.open_ended(),
            "high and low do not hold open and close",
            "the columns are mixed up or the candle is damaged: take it again from the venue",
        )
        array = np.zeros(len(self.ts_ns), CANDLE)
        array["ts_ns"] = self.ts_ns
        array["period_ns"] = period_ns
        for name in ("open", "high", "low", "close"):
            array[name] = _units(reader, rows, getattr(self, name), tick_size, name)
        array["volume"] = _units(reader, rows, self.volume, lot_size, "volume")
        return array


class CandleUnits:
    """Finds tick size, lot size and period from all candles of a file, piece by piece."""

    def __init__(self, tick_size: Decimal | None, lot_size: Decimal | None) -> None:
        self.tick_size = tick_size
        self.lot_size = lot_size
        self._price_places: int | None = 0
        self._volume_places: int | None = 0
        self._last_ns: int | None = None
        self._step_ns: int | None = None
        self.rows = 0

    def look(self, table: CandleTable) -> None:
        """Take a piece of the file into account."""
        self.look_at_times(table)
        if self._price_places is not None:
            self._price_places = decimal_places(table.prices(), self._price_places)
        if self._volume_places is not None:
            self._volume_places = decimal_places(table.volume, self._volume_places)

    def look_at_times(self, table: CandleTable) -> None:
        """Take a piece into account of a file of which only the period is wanted."""
        self.rows += len(table.ts_ns)
        times = table.ts_ns
        if self._last_ns is not None:
            times = np.concatenate(([self._last_ns], times))
        steps = np.diff(times)
        steps = steps[steps > 0]
        if len(steps):
            step = int(steps.min())
            self._step_ns = step if self._step_ns is None else min(step, self._step_ns)
        if len(times):
            self._last_ns = int(times[-1])

    def period(self, reader: Reader, period_ns: int | None) -> int:
        """Return the length of a candle in ns: as given, or the shortest step between two.

        Raises
        ------
        DataError
            If there are no candles, or one candle and no period.
        """
        if not self.rows:
            raise reader.fail("no candles", hint="the file has a header and nothing else")
        if period_ns is not None:
            return period_ns
        if self._step_ns is None:
            raise reader.fail(
                "one candle does not tell its length", hint="give the option period_ns"
            )
        return self._step_ns

    def found(self, reader: Reader, period_ns: int | None) -> tuple[Decimal, Decimal, int]:
        """Return (tick size, lot size, period in ns), saying what was found rather than given.

        Raises
        ------
        DataError
            If there are no candles, or one candle and no period.
        """
        period = self.period(reader, period_ns)
        tick_size = self.tick_size or self._unit(reader, self._price_places, "prices")
        lot_size = self.lot_size or self._unit(reader, self._volume_places, "volumes")
        reader.notes.add(f"price unit {tick_size}, volume unit {lot_size}")
        return tick_size, lot_size, period

    @staticmethod
    def _unit(reader: Reader, places: int | None, what: str) -> Decimal:
        if places is None:
            reader.notes.add(f"{what} have more than {_MAX_PLACES} decimal places: rounded to them")
            places = _MAX_PLACES
        return Decimal(f"1e-{places}")


def _units(
    reader: Reader, rows: npt.NDArray[np.int64], values: Floats, unit: Decimal, name: str
) -> npt.NDArray[np.int64]:
    ratio = unit.as_integer_ratio()
    scaled = values * ratio[1] / ratio[0]
    _refuse(reader, rows, scaled > _MAX_INT64, f"'{name}' is too large", "give a larger unit")
    nearest = np.rint(scaled)
    if not np.allclose(nearest * ratio[0] / ratio[1], values, rtol=0.0, atol=float(unit) * 1e-6):
        reader.notes.add(f"'{name}' rounded to multiples of {unit}")
    return nearest.astype(np.int64)


def _refuse(
    reader: Reader,
    rows: npt.NDArray[np.int64],
    bad: npt.NDArray[np.bool_],
    message: str,
    hint: str,
) -> None:
    if bad.any():
        raise reader.fail(message, row=int(rows[int(np.argmax(bad))]), hint=hint)
