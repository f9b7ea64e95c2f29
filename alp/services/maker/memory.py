"""The desk's memory on disk: one small file, replaced as a whole or not at all.

It saves the time of measuring anew, and keeps what a spot account was first heard to hold, which is
what its inventory is counted from. Without it the desk begins from nothing.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from alp.models.desk import DeskInstrument

logger = logging.getLogger(__name__)

FILE = "market-maker.json"
VERSION = 1


@dataclass(frozen=True)
class Memory:
    """What a desk remembers.

    Attributes
    ----------
    fingerprint
        Of the manifest, and of the products' grids.
    price
        Quote per base that sizes without a number follow.
    neutral
        By the venue's name, lots.
    snapshot
        The desk's own.
    """

    fingerprint: str
    price: float
    neutral: Mapping[str, int] = field(default_factory=dict)
    snapshot: Mapping[str, Any] = field(default_factory=dict)


def fingerprint_of(manifest: str, instruments: Sequence[DeskInstrument]) -> str:
    """Return what a memory has to be of to be taken up."""
    grids = ";".join(
        f"{each.venue},{each.symbol},{each.tick_size},{each.lot_size}" for each in instruments
    )
    return f"{manifest} {grids}"


class MemoryFile:
    """The file; what cannot be read is not there, and what cannot be written is counted."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.writes = self.failures = 0

    def read(self) -> Memory | None:
        """Return what was remembered; None where there is nothing that can be used."""
        try:
            found = orjson.loads(self.path.read_bytes())
            if found["version"] != VERSION:
                logger.warning("%s: of another version; beginning from nothing", self.path)
                return None
            return Memory(found["fingerprint"], found["price"], found["neutral"], found["snapshot"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.warning("%s: %s; beginning from nothing", self.path, error)
            return None

    def write(self, memory: Memory) -> None:
        """Keep it; in any thread."""
        beside = self.path.with_suffix(".new")
        try:
            with beside.open("wb") as file:
                file.write(orjson.dumps({"version": VERSION, **vars(memory)}))
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
        except OSError as error:
            self.failures += 1
            logger.error("the desk's memory cannot be kept: %s", error)
            return
        self.writes += 1
