"""Columns of times to nanoseconds UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from alp._core.evmlog import parse_timestamp

if TYPE_CHECKING:
    from alp.data.reader import Reader

_MOST_NS = (1 << 63) - 1
_ARROW_UNITS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_UNITS = ((10, 1_000_000_000), (13, 1_000_000), (16, 1_000), (19, 1))


def to_ns(reader: Reader, column: Any, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return a pyarrow column of timestamps, text or Unix numbers as ns UTC.

    Raises
    ------
    DataError
        For values that are no times, naming the row.
    """
    import pyarrow as pa

    if pa.types.is_timestamp(column.type):
        if column.type.tz is None:
            reader.notes.add("times carry no zone: read as UTC")
        # As integers: pyarrow's own cast would import all of its kernels.
        counts: npt.NDArray[np.int64] = column.view(pa.int64()).to_numpy(zero_copy_only=False)
        unit = _ARROW_UNITS[column.type.unit]
        beyond = np.abs(counts) > _MOST_NS // unit
        if beyond.any():
            raise reader.fail("the time is out of range", row=int(rows[int(np.argmax(beyond))]))
        return counts * unit
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return unix_to_ns(reader, column.to_numpy(zero_copy_only=False), rows)
    values = np.empty(len(column), np.int64)
    for index, text in enumerate(column.to_pylist()):
        try:
            values[index] = parse_timestamp(str(text))
        except ValueError:
            raise reader.fail(
                f"not a time: {text!r}", row=int(rows[index]), hint="ISO 8601 or Unix time is read"
            ) from None
    return values


def unix_to_ns(
    reader: Reader, values: npt.NDArray[Any], rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return Unix times as ns, their unit by the number of digits of the first.

    Raises
    ------
    DataError
        If a value is not finite or of another magnitude than the first.
    """
    if not len(values):
        return np.empty(0, np.int64)
    if not np.isfinite(values).all():
        at = int(np.argmin(np.isfinite(values)))
        raise reader.fail("the time is not a number", row=int(rows[at]))
    digits = len(str(abs(int(values[0]))))
    unit = next((unit for most, unit in _UNITS if digits <= most), 0)
    low, high = float(np.min(values)), float(np.max(values))
    if unit == 0 or low <= 0 or high >= low * 10 or digits < 9:
        bad = rows[int(np.argmin(values))] if low <= 0 else rows[int(np.argmax(values))]
        raise reader.fail(
            "the time is not Unix time in one unit (s, ms, us or ns)",
            row=int(bad),
            hint="give all times in the same unit",
        )
    if np.issubdtype(values.dtype, np.integer):
        scaled: npt.NDArray[np.int64] = values.astype(np.int64) * unit
        return scaled
    whole = np.floor(values)
    ns: npt.NDArray[np.int64] = whole.astype(np.int64) * unit
    ns += np.rint((values - whole) * unit).astype(np.int64)
    return ns
