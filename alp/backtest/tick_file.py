"""Tapes on disk: a recorded market as the tick-level backtest maps it into memory.

A file is a page of 4096 bytes and then rows of :data:`alp._core.tape.TAPE_ROW`. The page begins
with :data:`MAGIC`; a line of JSON follows, and zeros. The JSON says the version, the instrument and
its grid, what the rows were made of and how many there are, and their SHA-256. A file that was not
finished has no name to be opened by: it is written beside the target, and takes its place whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from alp._core.tape import LOTS_SHIFT, TAPE_ROW, TapeBit, tape_fault
from alp.data.findings import Finding, Findings
from alp.errors import DataError

FORMAT = "alp.tape/1"
MAGIC = b"ALP TAPE\n"
SUFFIX = ".alptape"
PAGE = 4096
ROW = np.dtype(list(TAPE_ROW))
CHUNK = 1 << 18
LONG_GAP_NS = 60 * 10**9

Rows = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Grid:
    """Steps of an instrument's prices in quote per base, and of its quantities in base."""

    tick_size: Decimal
    lot_size: Decimal

    def __post_init__(self) -> None:
        if not (self.tick_size > 0 and self.lot_size > 0):
            raise DataError(f"a grid of {self.tick_size} and {self.lot_size} has no steps")


@dataclass(slots=True)
class TapeFacts:
    """What a tape says of itself."""

    venue: str
    symbol: str
    grid: Grid
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What was changed or left out when it was made."""
    rows: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    """Rows by kind."""
    first_ns: int | None = None
    """Earliest and latest time at the exchange."""
    last_ns: int | None = None
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Tape:
    """A tape that is mapped into memory."""

    path: Path
    facts: TapeFacts
    rows: Rows


def write_tape(target: Path, facts: TapeFacts, chunks: Iterable[Rows]) -> TapeFacts:
    """Write rows that follow each other as one tape; memory is that of one chunk.

    Returns
    -------
    TapeFacts
        The facts given, with what was counted.

    Raises
    ------
    DataError
        If a row is wrong, or there is none.
    """
    digest = hashlib.sha256()
    after: tuple[int, int] | None = None
    facts.rows, facts.counts = 0, {}
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".alp-tape-") as folder:
        part = Path(folder) / "part"
        with part.open("wb") as file:
            file.write(bytes(PAGE))
            for rows in chunks:
                if not len(rows):
                    continue
                _refuse_fault(rows, after, facts.rows, target)
                _count(facts, rows)
                after = int(rows["exchange_ns"][-1]), int(rows["local_ns"][-1])
                content = rows.tobytes()
                digest.update(content)
                file.write(content)
            if after is None:
                raise DataError("a tape of no rows", path=target)
            facts.sha256 = digest.hexdigest()
            file.seek(0)
            file.write(_page(facts, target))
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    return facts


def _refuse_fault(rows: Rows, after: tuple[int, int] | None, before: int, path: Path) -> None:
    fault = tape_fault(rows, after)
    if fault is not None:
        raise DataError(fault.why, path=path, row=before + fault.row)


def _count(facts: TapeFacts, rows: Rows) -> None:
    for kind in (TapeBit.LEVEL, TapeBit.TRADE, TapeBit.CLEAR):
        found = int(np.count_nonzero(rows["size"] & np.uint64(kind)))
        name = kind.name.lower() if kind.name else str(kind)
        if found:
            facts.counts[name] = facts.counts.get(name, 0) + found
    facts.rows += len(rows)
    facts.last_ns = int(rows["exchange_ns"][-1])
    if facts.first_ns is None:
        facts.first_ns = int(rows["exchange_ns"][0])


def _page(facts: TapeFacts, path: Path) -> bytes:
    held = {"format": FORMAT, **asdict(facts)}
    held["grid"] = {name: str(step) for name, step in asdict(facts.grid).items()}
    text = MAGIC + json.dumps(held, separators=(",", ":")).encode() + b"\n"
    if len(text) > PAGE:
        raise DataError("what it is made of does not fit its first page", path=path)
    return text.ljust(PAGE, b"\0")


def is_tape(path: Path) -> bool:
    """Whether a file begins as a tape does."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def open_tape(path: Path) -> Tape:
    """Map a tape into memory.

    The rows are not looked at, see :func:`check_tape`: what wrote them refused faults.

    Raises
    ------
    DataError
        If it is no tape, of another version, or its size is not what it says.
    """
    with path.open("rb") as file:
        page = file.read(PAGE)
    if not page.startswith(MAGIC):
        raise DataError("not a tape", path=path, hint="make one of a recording: write_tape")
    try:
        held = json.loads(page[len(MAGIC) :].rstrip(b"\0"))
        version = held.pop("format")
        if version != FORMAT:
            raise DataError(f"a tape of version {version}, this reads {FORMAT}", path=path)
        grid = Grid(**{name: Decimal(step) for name, step in held.pop("grid").items()})
        facts = TapeFacts(grid=grid, **held)
    except (ValueError, KeyError, TypeError, ArithmeticError) as error:
        raise DataError(f"its first page is damaged: {error}", path=path) from error
    facts.sources, facts.notes = tuple(facts.sources), tuple(facts.notes)
    if path.stat().st_size != PAGE + facts.rows * ROW.itemsize:
        raise DataError("it is cut off, or longer than it says", path=path)
    rows = np.memmap(path, ROW, mode="r", offset=PAGE, shape=(facts.rows,))
    return Tape(path, facts, rows)


def check_tape(tape: Tape, long_gap_ns: int = LONG_GAP_NS) -> list[Finding]:
    """Look over every row of a tape, as ``alp data inspect`` does with other files.

    Parameters
    ----------
    long_gap_ns
        A longer time without any row at the exchange is told.

    Returns
    -------
    list of Finding
        Errors where a run would be wrong, warnings where somebody should look.
    """
    findings = Findings()
    digest = hashlib.sha256()
    after: tuple[int, int] | None = None
    for start in range(0, tape.facts.rows, CHUNK):
        rows = np.ascontiguousarray(tape.rows[start : start + CHUNK])
        digest.update(rows.tobytes())
        fault = tape_fault(rows, after)
        if fault is not None:
            findings.add(Finding("error", "row", fault.why, start + fault.row, "make it again"))
            break
        _look_for_gaps(findings, rows, after, start, long_gap_ns)
        _look_at_clocks(findings, rows, start)
        after = int(rows["exchange_ns"][-1]), int(rows["local_ns"][-1])
    else:
        if digest.hexdigest() != tape.facts.sha256:
            findings.add(Finding("error", "sha256", "rows are not those written", None, None))
    for kind in ("level", "trade"):
        if not tape.facts.counts.get(kind):
            findings.add(Finding("warning", f"no-{kind}", f"it has no {kind}", None, None))
    return list(findings.items.values())


def _look_for_gaps(
    findings: Findings, rows: Rows, after: tuple[int, int] | None, start: int, long_gap_ns: int
) -> None:
    times = rows["exchange_ns"]
    steps = np.diff(times, prepend=times[0] if after is None else after[0])
    for at in np.flatnonzero(steps > long_gap_ns):
        message = f"nothing happens for {int(steps[at]) / 1e9:.0f} s"
        findings.add(Finding("warning", "gap", message, start + int(at), None))


def _look_at_clocks(findings: Findings, rows: Rows, start: int) -> None:
    both = np.uint64(TapeBit.EXCHANGE | TapeBit.LOCAL)
    early = (rows["size"] & both == both) & (rows["local_ns"] < rows["exchange_ns"])
    if early.any():
        first = int(np.flatnonzero(early)[0])
        findings.add(
            Finding(
                "warning",
                "early",
                "received before it happened: the clocks differed",
                start + first,
                "take the difference off one of them when the tape is made",
                int(early.sum()),
            )
        )


def lots_of(rows: Rows) -> npt.NDArray[np.int64]:
    """Return the lots of rows of a tape."""
    lots: npt.NDArray[np.int64] = (rows["size"] >> np.uint64(LOTS_SHIFT)).astype(np.int64)
    return lots
