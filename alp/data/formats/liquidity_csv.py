"""Liquidity per bucket of ticks as CSV, as :func:`alp.data.derive_liquidity` writes it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from alp.data.liquidity import Bucket, bucket_rows
from alp.data.reader import Head, Reader, Rows
from alp.data.schema import MAX_TICK, MIN_TICK, Kind
from alp.data.table import Cells, csv_rows

_MAX_LIQUIDITY = (1 << 128) - 1


class LiquidityCsv(Reader):
    """Columns tick_lower, tick_upper, liquidity_at_window_open (may be empty), observations."""

    format = "liquidity-buckets-csv"
    kinds = (Kind.LIQUIDITY,)

    @classmethod
    def matches(cls, head: Head) -> bool:
        """Look for the bucket columns."""
        return head.has("tick_lower", "tick_upper", "liquidity_at_window_open")

    def read(self, max_rows: int) -> Iterator[Rows]:
        """Yield the net liquidity at each boundary."""
        array = bucket_rows(self.buckets(), self.notes)
        for start in range(0, len(array), max_rows):
            piece = array[start : start + max_rows]
            yield Rows(piece, np.arange(start + 2, start + 2 + len(piece)))

    def buckets(self) -> list[Bucket]:
        """Return the file's buckets, checked to touch each other in ascending order.

        Raises
        ------
        DataError
            For a bucket out of place or a number that is none.
        """
        cells = Cells(self.file, self.head.columns)
        lower, upper = cells.index("tick_lower"), cells.index("tick_upper")
        value, seen = cells.index("liquidity_at_window_open"), cells.find("observations")
        buckets: list[Bucket] = []
        for line in csv_rows(self.file):
            bucket = Bucket(
                cells.integer(line, lower, low=MIN_TICK, high=MAX_TICK),
                cells.integer(line, upper, low=MIN_TICK, high=MAX_TICK),
                cells.integer(line, value, low=0, high=_MAX_LIQUIDITY)
                if line.fields[value].strip()
                else None,
                cells.integer(line, seen, low=0) if seen is not None else 0,
            )
            if bucket.tick_lower >= bucket.tick_upper:
                raise cells.fault(line, upper, "is not above tick_lower")
            if buckets and bucket.tick_lower != buckets[-1].tick_upper:
                raise cells.fault(
                    line,
                    lower,
                    f"does not continue at {buckets[-1].tick_upper}",
                    "buckets must be in ascending order without holes; leave an unknown one's "
                    "liquidity empty",
                )
            buckets.append(bucket)
        if not any(bucket.liquidity is not None for bucket in buckets):
            raise self.fail("no bucket has a known liquidity", hint="derive it from pool events")
        return buckets
