from collections.abc import Iterable
from typing import Any

FRAME_KINDS: dict[int, str]
UPDATE_KINDS: dict[int, str]
FAULTS: dict[int, str]
PRECISION: str

class Parser:
    def __init__(self, venue: str, symbols: Iterable[tuple[str, int, int, int, int]]) -> None: ...
    def parse(self, message: bytes | bytearray | memoryview) -> dict[str, Any]: ...
