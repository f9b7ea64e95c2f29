"""Proof of the pool engine: every recorded operation of the real contracts, replayed and compared.

Two kinds of lines are understood, in any mixture: operations of a trace (``op``) and math vectors
(``fn``). Files may be plain, gzip or zstandard; which one is seen from their first bytes.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from alp import proof
from alp.chain.pool_trace import Outcome, Record, TraceReplay
from alp.chain.pool_vectors import FUNCTIONS, answer
from alp.errors import DataError

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
PROGRESS_EVERY = 256


@dataclass(frozen=True)
class Difference:
    """One place where the engine and the record disagree."""

    line: int
    record: int | None
    kind: str
    field: str
    expected: Any
    got: Any

    def __str__(self) -> str:
        where = f"line {self.line}" if self.record is None else f"record {self.record}"
        return f"{where} ({self.kind}): {self.field}: expected {self.expected}, got {self.got}"

    def as_dict(self) -> Record:
        """Return it as plain data; integers of any size as text."""
        return {**vars(self), "expected": _text(self.expected), "got": _text(self.got)}


class Report(proof.Report[Difference]):
    """What came of one file: how many of each kind were tried, and how many were equal."""


def verify_file(path: str | Path, progress: Callable[[int], None] | None = None) -> Report:
    """Replay one file and compare everything it records.

    Parameters
    ----------
    path
        Trace or vectors, JSON lines, plain, gzip or zstandard.
    progress
        Called now and then with the number of bytes of the file read so far.

    Raises
    ------
    DataError
        A line is not a record of this schema, or the file cannot be read to its end.
    """
    path = Path(path)
    report = Report(path)
    replay = TraceReplay()
    with _open(path) as (lines, position):
        for number, line in _numbered(path, lines):
            try:
                differences = _check(json.loads(line), number, replay, report)
            except (ValueError, KeyError, TypeError, IndexError, OverflowError) as error:
                raise DataError(
                    f"not a record of a trace or vector file ({_cause(error)})",
                    path=path,
                    row=number,
                    hint="each line is one JSON object with `op` (trace) or `fn` (vector)",
                ) from error
            if differences and report.first_difference is None:
                report.first_difference = differences[0]
            if progress is not None and number % PROGRESS_EVERY == 0:
                progress(position())
    return report


def _check(record: Record, line: int, replay: TraceReplay, report: Report) -> list[Difference]:
    """Try one record; returns where it differs."""
    kind = record["fn"] if "fn" in record else record["op"]
    if kind == "header":
        replay.start(record)
        return []
    known = FUNCTIONS if "fn" in record else replay.kinds | {"pool"}
    if kind not in known:
        report.unknown[kind] += 1
        return [Difference(line, record.get("i"), kind, "kind", "a known operation", "unknown")]
    report.tried[kind] += 1
    if "fn" in record:
        found = _check_vector(record)
    elif kind == "pool":
        found = _differences(
            "", _recorded(record, ["maxLiquidityPerTick"]), replay.open_pool(record).out
        )
    else:
        found = _check_operation(record, replay)
    differences = [Difference(line, record.get("i"), kind, *place) for place in found]
    report.equal[kind] += not differences
    return differences


Place = tuple[str, Any, Any]


def _check_vector(record: Record) -> list[Place]:
    kind, got = answer(record["fn"], _integers(record["in"]))
    expected = ("err", record["err"]) if "err" in record else ("out", record["out"])
    return (
        _differences(expected[0], expected[1], got)
        if expected[0] == kind
        else [(expected[0], expected[1], f"{kind} {_text(got)}")]
    )


def _check_operation(record: Record, replay: TraceReplay) -> list[Place]:
    before = _fingerprint(replay) if not record["ok"] else None
    outcome = replay.perform(record)
    if not record["ok"]:
        if outcome.error is None:
            return [("error", f"revert {record['error']!r}", "success")]
        found = _differences("error", record["error"], outcome.error)
        return found + _differences("state", before, _fingerprint(replay))
    if outcome.error is not None:
        return [("ok", True, f"revert {outcome.error!r}")]
    return _compare(record, outcome, replay)


def _fingerprint(replay: TraceReplay) -> list[Any]:
    """Everything a reverted call must leave alone."""
    if not replay.pool.initialized:
        return [False]
    return [
        replay.state(),
        replay.tick_rows(),
        [list(position) for position in replay.pool.positions()],
        replay.manager.next_id,
    ]


def _compare(record: Record, outcome: Outcome, replay: TraceReplay) -> list[Place]:
    found: list[Place] = []
    if "out" in record:
        found += _differences("out", record["out"], outcome.out)
    if "ev" in record:
        found += _differences("ev", record["ev"], outcome.events)
    if "crossed" in record:
        found += _differences("crossed", record["crossed"], outcome.crossed)
    if "state" in record:
        found += _differences("state", record["state"], replay.state())
    if record["op"] == "dump":
        found += _differences("ticks", record["ticks"], replay.tick_rows())
        words = [[word, bits] for word, bits in sorted(replay.pool.bitmap().items())]
        found += _differences("bitmap", record["bitmap"], words)
    else:
        for row in record.get("ticks", ()):
            found += _differences(f"ticks[{row[0]}]", row, replay.tick_row(row[0]))
    for row in record.get("pos", ()):
        found += _differences(f"pos[{row[:3]}]", row, replay.position_row(*row[:3]))
    if "npmPos" in record and outcome.token_id is not None:
        found += _differences("npmPos", record["npmPos"], replay.token(outcome.token_id))
    return found


def _differences(name: str, expected: Any, got: Any) -> list[Place]:
    """Where two values differ; recorded integers may be decimal strings."""
    if isinstance(expected, dict) and isinstance(got, dict):
        places: list[Place] = []
        for key in expected | got:
            place = f"{name}.{key}" if name else str(key)
            if key not in expected or key not in got:
                places.append((place, expected.get(key, "absent"), got.get(key, "absent")))
            else:
                places += _differences(place, expected[key], got[key])
        return places
    if isinstance(expected, list) and isinstance(got, list):
        if len(expected) != len(got):
            return [(name, expected, got)]
        return [
            place
            for index, (left, right) in enumerate(zip(expected, got, strict=True))
            for place in _differences(f"{name}[{index}]", left, right)
        ]
    return [] if _same(expected, got) else [(name, expected, got)]


def _same(expected: Any, got: Any) -> bool:
    if isinstance(expected, bool) or isinstance(got, bool):
        return expected is got
    if isinstance(expected, str) and isinstance(got, int):
        return expected == str(got)
    return bool(expected == got) and type(expected) is type(got)


def _recorded(record: Record, names: list[str]) -> Record:
    return {name: record[name] for name in names}


def _integers(value: Any) -> Any:
    if isinstance(value, list):
        return [_integers(part) for part in value]
    return value if isinstance(value, bool) else int(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _cause(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg}"
    if isinstance(error, KeyError):
        return f"no {error.args[0]!r}"
    return str(error) or type(error).__name__


@contextmanager
def _open(path: Path) -> Iterator[tuple[IO[str], Callable[[], int]]]:
    """Text of a file whichever way it is compressed, and how far the file itself was read."""
    with path.open("rb") as raw:
        magic = raw.read(4)
        raw.seek(0)
        if magic.startswith(GZIP_MAGIC):
            binary: Any = gzip.GzipFile(fileobj=raw)
        elif magic == ZSTD_MAGIC:
            import pyarrow as pa

            binary = pa.CompressedInputStream(pa.PythonFile(raw), "zstd")
        else:
            binary = raw
        yield io.TextIOWrapper(binary, encoding="utf-8"), raw.tell


def _numbered(path: Path, lines: IO[str]) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, numbered from 1; faults of the file become DataError."""
    number = 0
    try:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield number, line
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(
            f"the file cannot be read past here ({error})",
            path=path,
            row=number + 1,
            hint="fetch it again: it is truncated, damaged, or not text",
        ) from error
