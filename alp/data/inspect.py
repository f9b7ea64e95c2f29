"""Looking at files before trusting them: what they are, what they hold, what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from alp.data.checks import Checker, checker
from alp.data.facts import Facts
from alp.data.facts_pool import BarFacts, EventFacts, LiquidityFacts
from alp.data.facts_venue import BaseFeeFacts, CandleFacts, TradeFacts
from alp.data.findings import Finding, Findings
from alp.data.options import ReadOptions
from alp.data.schema import Kind
from alp.data.source import Source, open_source
from alp.errors import ConfigError, DataError

BATCH_ROWS = 65536

_FACTS: dict[Kind, type[Facts]] = {
    Kind.POOL_EVENTS: EventFacts,
    Kind.BARS: BarFacts,
    Kind.CANDLES: CandleFacts,
    Kind.TRADES: TradeFacts,
    Kind.LIQUIDITY: LiquidityFacts,
    Kind.BASE_FEE: BaseFeeFacts,
}


@dataclass(slots=True)
class FileReport:
    """What one file holds.

    Attributes
    ----------
    start_ns, end_ns
        Times of the first and last row, None where rows have no time.
    gaps
        The longest pauses: start in ns, length in seconds, and the row after it.
    facts
        Counts and ranges particular to the kind.
    error
        The fault at which reading had to stop.
    """

    path: str
    sha256: str | None = None
    bytes: int | None = None
    compression: str | None = None
    format: str | None = None
    kind: str | None = None
    approximate: bool = False
    rows: int = 0
    start_ns: int | None = None
    end_ns: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    gaps: list[dict[str, Any]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    error: Finding | None = None

    @property
    def sound(self) -> bool:
        """Whether a run would accept the file."""
        return self.error is None and all(each.severity != "error" for each in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields by name, and ``sound``."""
        return {**asdict(self), "sound": self.sound}


def inspect_files(
    paths: Sequence[str | Path],
    *,
    together: bool = False,
    progress: Callable[[int], None] | None = None,
    **options: Any,
) -> list[FileReport]:
    """Look at files: faults are collected, not raised.

    Parameters
    ----------
    together
        Whether the files shall follow each other as one source.
    progress
        Called with the number of further rows read, now and then.
    **options
        As for :func:`alp.data.open_source`.

    Raises
    ------
    ConfigError
        If an option is wrong.
    """
    ReadOptions.of(options.get("pair"), _read_options(options))
    reports: list[FileReport] = []
    check: Checker | None = None
    for path in paths:
        report = FileReport(str(path))
        reports.append(report)
        try:
            source = open_source(path, **options)
        except DataError as error:
            report.error = _finding(error)
            continue
        except ConfigError as error:
            message = str(error).removeprefix(f"{path}: ")
            report.error = Finding("error", "option-needed", message, None, error.hint)
            continue
        findings = Findings()
        if check is None or not together:
            check = checker(source.row_kind, source.options, findings)
        check.findings = findings
        _look(source, report, check, findings, progress)
    return reports


def _read_options(options: dict[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in options if name not in ("pair", "kind", "format")}


def _look(
    source: Source,
    report: FileReport,
    check: Checker,
    findings: Findings,
    progress: Callable[[int], None] | None,
) -> None:
    reader = source.readers[0]
    report.sha256 = reader.file.sha256
    report.bytes = reader.file.path.stat().st_size
    report.compression = reader.file.compression
    report.format, report.kind = reader.format, source.row_kind.value
    report.approximate = reader.approximate
    facts = _FACTS[source.row_kind](source)
    check.start(reader)
    try:
        for array, rows in reader.rows(BATCH_ROWS):
            check.look(array, rows)
            facts.look(array, rows)
            if progress is not None:
                progress(len(array))
        check.finish()
        if not check.file_rows:
            report.error = Finding(
                "error", "no-rows", "no rows", None, "the file has a header and nothing else"
            )
    except DataError as error:
        report.error = _finding(error)
    report.rows = check.file_rows
    report.start_ns, report.end_ns = check.file_start_ns, check.file_end_ns
    report.facts, report.gaps = facts.result(), facts.gaps()
    for finding in facts.warnings():
        findings.add(finding)
    report.findings = list(findings.items.values())
    report.notes = list(reader.notes.items)
    if reader.file.open_end:
        report.notes.append("the last row has no line end: the file may be cut off there")


def _finding(error: DataError) -> Finding:
    prefix = f"{error.path}:{error.row}: " if error.row is not None else f"{error.path}: "
    return Finding("error", "unreadable", str(error).removeprefix(prefix), error.row, error.hint)


def iso(ns: int | None) -> str | None:
    """Return a time in ns as ISO 8601 with seconds, for people."""
    if ns is None:
        return None
    return f"{np.datetime64(ns, 'ns').astype('datetime64[s]')}Z"
