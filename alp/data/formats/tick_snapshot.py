"""All ticks of a pool at one block, as parquet: tickIdx, liquidityGross, liquidityNet."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from alp.data.liquidity import net_rows
from alp.data.parquet import open_parquet
from alp.data.reader import Head, Reader, Rows
from alp.data.schema import MAX_TICK, MIN_TICK, Kind


class TickSnapshot(Reader):
    """A snapshot of liquidity; exact where the columns are integers or text, else ~16 digits."""

    format = "tick-snapshot-parquet"
    kinds = (Kind.LIQUIDITY,)

    @classmethod
    def matches(cls, head: Head) -> bool:
        """Look for the subgraph's names of a tick."""
        return head.file.container == "parquet" and head.has("tickidx", "liquiditynet")

    def prepare(self) -> None:
        """See whether the numbers are exact."""
        import pyarrow as pa

        schema = open_parquet(self.file).schema_arrow
        names = dict(zip(self.head.columns, self.head.parquet_names, strict=True))
        self._tick, self._net = names["tickidx"], names["liquiditynet"]
        if pa.types.is_floating(schema.field(self._net).type):
            self.approximate = True
            self.notes.add("liquidity is float64, good to about 16 digits: an approximation")
        self.notes.add("the block of the snapshot is not in the file")

    def read(self, max_rows: int) -> Iterator[Rows]:
        """Yield the net liquidity of each tick that has one.

        Raises
        ------
        DataError
            For a tick out of range or order, or an amount that is no number.
        """
        table = open_parquet(self.file).read(columns=[self._tick, self._net])
        net: dict[int, int] = {}
        last = MIN_TICK - 1
        values = zip(
            table.column(self._tick).to_pylist(), table.column(self._net).to_pylist(), strict=True
        )
        row = 0
        for row, (tick, change) in enumerate(values, start=1):
            if tick is None or change is None or not math.isfinite(change):
                raise self.fail("a tick or its liquidity is empty", row=row, hint="take it again")
            if not last < int(tick) <= MAX_TICK:
                raise self.fail(
                    f"tick {tick} is out of range or order",
                    row=row,
                    hint="sort the snapshot by tick; each tick once",
                )
            last = int(tick)
            net[last] = int(change)
        empty = sum(not change for change in net.values())
        if empty:
            self.notes.add(f"{empty} of {row} ticks have no net liquidity and are left out")
        if total := sum(net.values()):
            self.notes.add(f"liquidityNet adds up to {total} instead of 0: rounding")
        array = net_rows(net)
        for start in range(0, len(array), max_rows):
            piece = array[start : start + max_rows]
            yield Rows(piece, np.arange(start + 1, start + 1 + len(piece)))
