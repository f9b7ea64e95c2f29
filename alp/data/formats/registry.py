"""Which format a file is of; the first that recognises it wins."""

from __future__ import annotations

from alp.data.formats.base_fee import BaseFeeCsv
from alp.data.formats.candles import CandleCsv, CandleParquet
from alp.data.formats.decoded_logs import DecodedLogs
from alp.data.formats.genesis import GenesisSqlite
from alp.data.formats.liquidity_csv import LiquidityCsv
from alp.data.formats.minutes import PoolMinutes
from alp.data.formats.raw_logs import RawLogs
from alp.data.formats.rounded_swaps import RoundedSwaps
from alp.data.formats.swap_amounts import SwapAmounts
from alp.data.formats.tick_snapshot import TickSnapshot
from alp.data.formats.trades import TradesCsv
from alp.data.reader import Head, Reader
from alp.data.store import StoredParquet
from alp.errors import ConfigError, DataError

FORMATS: tuple[type[Reader], ...] = (
    StoredParquet,
    RawLogs,
    DecodedLogs,
    PoolMinutes,
    SwapAmounts,
    RoundedSwaps,
    LiquidityCsv,
    TickSnapshot,
    GenesisSqlite,
    CandleParquet,
    CandleCsv,
    BaseFeeCsv,
    TradesCsv,
)


def recognise(head: Head, name: str | None = None) -> type[Reader]:
    """Return the reader for a file that starts like `head`, or of the format called `name`.

    Raises
    ------
    ConfigError
        If no format is called `name`.
    DataError
        If no format fits.
    """
    if name is not None:
        for chosen in FORMATS:
            if chosen.format == name:
                return chosen
        raise ConfigError(
            f"no format is called {name!r}",
            hint=f"formats are {', '.join(chosen.format for chosen in FORMATS)}",
        )
    for chosen in FORMATS:
        if chosen.matches(head):
            return chosen
    what, hint = _stranger(head)
    raise DataError(what, path=head.file.path, row=1, hint=hint)


def _stranger(head: Head) -> tuple[str, str]:
    """Return what a file of no known format seems to be, and what to do."""
    if head.file.container == "zip":
        return (
            "a zip archive or a spreadsheet (xlsx)",
            "unpack an archive and give the file in it; a spreadsheet keeps 16 digits of a number "
            "at most, so take the data from where it came",
        )
    if head.file.container == "arrow":
        return "an Arrow/Feather file", "write it as parquet: pandas.read_feather(...).to_parquet"
    first = head.file.head.lstrip(b"\xef\xbb\xbf \r\n")[:1]
    if first in (b"{", b"[") or b' {"' in head.file.head[:200]:
        return (
            "JSON lines, such as a recording of order books",
            "backtests read trades or candles of a venue, not raw book messages",
        )
    if head.has("bid_price_bid_size"):
        return (
            "a history of best bids and asks",
            "backtests read trades or candles of a venue; the trades of the same day will do",
        )
    columns = ", ".join(head.columns[:12]) or "nothing readable"
    return f"not a format alp reads (columns: {columns})", "`alp data --help` lists the formats"
