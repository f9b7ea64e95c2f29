"""All mints and burns of a pool since its creation, as an SQLite table (uniswap-v3-simulator)."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np

from alp._core.evmlog import parse_timestamp
from alp.data.events import EventColumns
from alp.data.liquidity import net_rows
from alp.data.reader import Head, Reader, Rows
from alp.data.schema import MAX_TICK, MIN_TICK, EventKind, Kind
from alp.errors import ConfigError, DataError

_COLUMNS = (
    "id", "type", "liquidity", "amount0", "amount1", "tick_lower", "tick_upper", "block_number",
    "log_index", "date",
)  # fmt: skip
_KINDS = {1: EventKind.MINT, 2: EventKind.BURN}
_U128 = (1 << 128) - 1
_U256 = (1 << 256) - 1


class GenesisSqlite(Reader):
    """Mints and burns as pool events, or the liquidity they leave at the end of a block.

    The table's clock is 8 hours ahead of UTC; block and log index are exact and give the order.
    """

    format = "genesis-sqlite"
    kinds = (Kind.POOL_EVENTS, Kind.LIQUIDITY)
    utc_offset_hours = 8

    @classmethod
    def matches(cls, head: Head) -> bool:
        """Take any SQLite file; the table is looked for when it is read."""
        return head.file.container == "sqlite"

    def prepare(self) -> None:
        """Find the table."""
        with self._database() as database:
            if database.execute("PRAGMA quick_check").fetchone() != ("ok",):
                raise sqlite3.DatabaseError("quick_check found damage")
            self._table = self._find_table(database)
            query = f"SELECT count(*), min(id), max(id) FROM {self._table}"  # noqa: S608
            count, first, last = database.execute(query).fetchone()
        if not count:
            raise self.fail("no events", hint="the table is empty")
        if missing := last - first + 1 - count:
            self.notes.add(f"{missing} ids are missing in the sequence")
        self.notes.add("no swaps: mints and burns only, owners unknown")

    def read(self, max_rows: int) -> Iterator[Rows]:
        """Yield the events in chain order, or the liquidity they add up to."""
        if self.kind is Kind.POOL_EVENTS:
            for events in self._events(max_rows):
                yield Rows(events.array(), np.array(events.row, np.int64))
            return
        array = net_rows(self._net())
        for start in range(0, len(array), max_rows):
            piece = array[start : start + max_rows]
            yield Rows(piece, np.arange(start + 1, start + 1 + len(piece)))

    def _net(self) -> dict[int, int]:
        """Return net liquidity by tick at the end of block `at_block`."""
        if self.options.at_block is None:
            raise ConfigError(
                f"{self.file.path}: liquidity at which block?",
                hint="give the option at_block (--at-block on the command line)",
            )
        net: dict[int, int] = {}
        for events in self._events(1 << 12):
            for kind, block, lower, upper, amount in zip(
                events.kind, events.block, events.tick_lower, events.tick_upper, events.liquidity,
                strict=True,
            ):  # fmt: skip
                if block <= self.options.at_block:
                    change = amount if kind == EventKind.MINT else -amount
                    net[lower] = net.get(lower, 0) + change
                    net[upper] = net.get(upper, 0) - change
        return net

    def _events(self, max_rows: int) -> Iterator[EventColumns]:
        query = (
            f"SELECT {', '.join(_COLUMNS)} FROM {self._table} "  # noqa: S608
            "ORDER BY block_number, log_index"
        )
        with self._database() as database:
            cursor = database.execute(query)
            while found := cursor.fetchmany(max_rows):
                events = EventColumns()
                for values in found:
                    self._add(events, *values)
                yield events

    def _add(self, events: EventColumns, row: int, kind: int, *values: object) -> None:
        try:
            liquidity, amount0, amount1, lower, upper, block, log = map(int, map(str, values[:7]))
            ts_ns = parse_timestamp(str(values[7]))
        except ValueError as error:
            raise self.fail(f"a value is damaged ({error})", row=row) from None
        if kind not in _KINDS or not MIN_TICK <= lower < upper <= MAX_TICK:
            raise self.fail("no mint or burn between two ticks", row=row, hint="the row is damaged")
        if not (0 <= liquidity <= _U128 and 0 <= amount0 <= _U256 and 0 <= amount1 <= _U256):
            raise self.fail("an amount does not fit its type", row=row, hint="the row is damaged")
        amounts = (amount0, amount1, liquidity)
        events.add(row, _KINDS[kind], (ts_ns, block, log), amounts, ticks=(lower, upper))

    def _find_table(self, database: sqlite3.Connection) -> str:
        names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (name,) in names:
            quoted = '"' + str(name).replace('"', '""') + '"'
            columns = {row[1] for row in database.execute(f"PRAGMA table_info({quoted})")}
            if set(_COLUMNS) <= columns:
                return quoted
        raise self.fail(
            "no table of mints and burns",
            hint=f"a table needs the columns {', '.join(_COLUMNS)}",
        )

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        """Open the database read-only, unpacked into a temporary file if it is compressed."""
        with tempfile.TemporaryDirectory(prefix="alp-") as folder:
            path = self.file.path
            if self.file.compression != "none":
                path = Path(folder) / "events.sqlite"
                with path.open("wb") as target:
                    for block in self.file.blocks():
                        target.write(block)
            try:
                with closing(
                    sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
                ) as db:
                    yield db
            except sqlite3.DatabaseError as error:
                raise DataError(
                    f"not a sound SQLite file ({error})",
                    path=self.file.path,
                    hint="the file was cut off or damaged on its way: copy it again",
                ) from error
