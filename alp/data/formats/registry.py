"""Which format a file is of; the first that recognises it wins."""

from __future__ import annotations

from alp.data.formats.candles import CandleParquet
from alp.data.formats.liquidity_csv import LiquidityCsv
from alp.data.formats.raw_logs import RawLogs
from alp.data.reader import Head, Reader
from alp.errors import DataError

FORMATS: tuple[type[Reader], ...] = (RawLogs, LiquidityCsv, CandleParquet)


def recognise(head: Head) -> type[Reader]:
    """Return the reader for a file that starts like `head`.

    Raises
    ------
    DataError
        If no format fits.
    """
    for chosen in FORMATS:
        if chosen.matches(head):
            return chosen
    raise DataError(
        "not a format alp reads",
        path=head.file.path,
        row=1,
        hint="`alp data --help` lists the formats",
    )
