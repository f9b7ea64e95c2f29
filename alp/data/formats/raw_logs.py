"""Raw pool logs as CSV: topics and data in hex, as demeter-fetch and ``alp data fetch`` write."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from alp._core.evmlog import FAULTS, ROLE_CODES, decode_rows
from alp.data.reader import Head, Reader, Rows
from alp.data.schema import POOL_EVENT, Kind
from alp.data.table import line_blocks
from alp.errors import DataError

_NAMES = {
    "block": ("block_number", "blocknumber", "block"),
    "time": ("block_timestamp", "timestamp", "time"),
    "log_index": ("pool_log_index", "log_index", "logindex"),
    "topics": ("pool_topics", "topics"),
    "data": ("pool_data", "data"),
    "address": ("address", "pool_address", "contract_address"),
}

_MESSAGES = {
    "columns": (
        "the row does not have the header's {width} columns",
        "a torn or hand-edited row: take the file again from its source",
    ),
    "number": ("column '{column}' is not a whole number", "take the row again from its source"),
    "timestamp": (
        "column '{column}' is not a time",
        "ISO 8601 (2024-01-05 00:00:23) or Unix s, ms, us or ns are read",
    ),
    "topic_form": (
        "column '{column}' is not a list of one to four 32-byte hex words",
        "a torn or damaged row: take it again from its source",
    ),
    "foreign": (
        "the log is no event of a Uniswap V3 pool (its first topic is unknown)",
        "position manager logs and forks with other events cannot be read; keep the pool's logs",
    ),
    "topic_count": (
        "the log has another number of topics than its event",
        "a damaged row: take it again from its source",
    ),
    "data_length": (
        "column '{column}' has not the length of its event's data",
        "a torn or damaged row: take it again from its source",
    ),
    "data_hex": (
        "column '{column}' holds something that is not hex",
        "a damaged row: take it again from its source",
    ),
    "overflow": (
        "a value in '{column}' does not fit its type (uint160 price, uint128 amount, int24 tick)",
        "a damaged row, or logs of another contract: take it again from its source",
    ),
    "other_pool": (
        "the row is of another pool than the rows before ('{column}')",
        "choose one: option pool (--pool 0x... on the command line)",
    ),
    "address_form": (
        "column '{column}' is not a 20-byte address",
        "take the row again from its source",
    ),
}


class RawLogs(Reader):
    """Logs of one pool in any column order; ``proxy_*`` columns of older files are ignored."""

    format = "raw-logs-csv"
    kinds = (Kind.POOL_EVENTS,)

    @classmethod
    def matches(cls, head: Head) -> bool:
        """Look for topics and data."""
        return head.has("topics", "data") or head.has("pool_topics", "pool_data")

    def prepare(self) -> None:
        """Find each column's role."""
        columns = self.head.columns
        roles = bytearray(len(columns))
        for role, names in _NAMES.items():
            found = [name for name in names if name in columns]
            if found:
                roles[columns.index(found[0])] = ROLE_CODES[role]
            elif role != "address":
                raise self.fail(
                    f"no column for the {role.replace('_', ' ')} (one of {', '.join(names)})",
                    row=1,
                    hint="logs of the position manager have no block_timestamp: they are not "
                    "pool events; otherwise export the logs with this column"
                    if role == "time"
                    else "export the logs with this column",
                )
        self.roles = bytes(roles)
        if self.options.pool and ROLE_CODES["address"] not in roles:
            self.notes.add("no address column: the pool asked for cannot be checked")

    def read(self, max_rows: int) -> Iterator[Rows]:
        """Decode the file block by block."""
        pool = bytearray((self.options.pool or "").lower().encode().ljust(42, b"\0"))
        array, rows = np.empty(max_rows, POOL_EVENT), np.empty(max_rows, np.int64)
        filled, skipped, line = 0, 0, 1
        for text in self._lines():
            rest = text
            while rest:
                count, used, lines, left_out, fault, column = decode_rows(
                    rest,
                    self.roles,
                    array[filled:].view(np.uint8),
                    rows[filled:],
                    line + 1,
                    pool,
                    self.options.pool is not None,
                )
                filled, line, skipped = filled + count, line + lines, skipped + left_out
                rest = rest[used:]
                if filled == max_rows or (fault and filled):
                    yield Rows(array[:filled], rows[:filled])
                    array, rows = np.empty(max_rows, POOL_EVENT), np.empty(max_rows, np.int64)
                    filled = 0
                if fault:
                    raise self._fault(FAULTS[fault], column, line + 1)
        if filled:
            yield Rows(array[:filled], rows[:filled])
        if skipped:
            self.notes.add(f"{skipped} rows of other pools left out, as asked")

    def _lines(self) -> Iterator[memoryview]:
        """Yield the content behind the header as pieces of complete lines."""
        header = True
        for text, start, end in line_blocks(self.file):
            first = text.index(b"\n", start) + 1 if header else start
            header = False
            if end > first:
                yield memoryview(text)[first:end]

    def _fault(self, fault: str, column: int, row: int) -> DataError:
        message, hint = _MESSAGES[fault]
        name = self.head.columns[column] if column >= 0 else ""
        return self.fail(message.format(column=name, width=len(self.roles)), row=row, hint=hint)
