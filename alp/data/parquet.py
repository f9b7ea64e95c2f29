"""Opening parquet files with alp's errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alp.data.files import InputFile
from alp.errors import DataError

if TYPE_CHECKING:
    import pyarrow.parquet as pq


def open_parquet(file: InputFile) -> pq.ParquetFile:
    """Open a parquet file.

    Raises
    ------
    DataError
        If it is compressed from outside, cut off or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if file.compression != "none":
        raise DataError(
            f"a parquet file inside {file.compression} cannot be read in pieces",
            path=file.path,
            hint="decompress it first: parquet has its own compression",
        )
    try:
        return pq.ParquetFile(file.path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"not a complete parquet file ({error})",
            path=file.path,
            hint="the file was cut off or damaged on its way: copy it again",
        ) from error
