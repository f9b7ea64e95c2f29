from typing import Any

import numpy.typing as npt

ROLE_CODES: dict[str, int]
FAULTS: dict[int, str]
EVENT_TOPICS: dict[str, str]

def decode_rows(
    text: bytes | bytearray | memoryview,
    roles: bytes,
    out: npt.NDArray[Any],
    rows: npt.NDArray[Any],
    first_row: int,
    pool: bytearray,
    only_pool: bool,
) -> tuple[int, int, int, int, int, int]: ...
def parse_timestamp(text: str) -> int: ...
