"""``alp replay --check``: what a desk decided, decided again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alp.cli.options import iso_time, print_json
from alp.cli.progress import row_counter
from alp.errors import CheckFailed

if TYPE_CHECKING:
    from alp.recording.decisions_check import CheckReport, Difference


def check_decisions(
    paths: tuple[Path, ...], desk: str | None, manifest: Path | None, as_json: bool, progress: bool
) -> None:
    """Check each log; print what was compared, or the first difference.

    Raises
    ------
    CheckFailed
        If decisions differ.
    DataError
        If a path is no log of decisions, or is damaged.
    """
    from alp.recording.decisions_check import check
    from alp.recording.decisions_desk import maker_of

    make = maker_of(desk, None if manifest is None else manifest.read_bytes())
    reports: list[tuple[Path, CheckReport]] = []
    for path in paths:
        with row_counter(progress, "deciding", "records") as told:
            reports.append((path, check(path, make, told)))
    if as_json:
        found: list[dict[str, Any]] = [
            {"path": str(path), **report.as_dict()} for path, report in reports
        ]
        print_json(found)
    else:
        for path, report in reports:
            click.echo("\n".join(_lines(path, report)))
    if any(report.difference for _, report in reports):
        raise CheckFailed("the decisions differ from the recorded ones")


def _lines(path: Path, report: CheckReport) -> list[str]:
    lines = [f"{path}: {'differs' if report.difference else 'the same'}"]
    if report.first_ns is not None and report.last_ns is not None:
        lines.append(f"  {iso_time(report.first_ns)} to {iso_time(report.last_ns)}")
    events = ", ".join(f"{count:,} {name}" for name, count in sorted(report.events.items()))
    lines += [
        f"  segments {report.segments:,} of {report.sessions:,} sessions",
        f"  events   {sum(report.events.values()):,}{f': {events}' if events else ''}",
        f"  same     {report.wishes:,} wishes, {report.states:,} states",
        *(f"  note     {note}" for note in report.notes),
    ]
    if report.difference is not None:
        lines += _difference(report.difference)
    return lines


def _difference(found: Difference) -> list[str]:
    lines = [
        "",
        f"  {found.what}",
        f"    at     record {found.record:,}, byte {found.offset:,} of {found.path.name}",
    ]
    if found.event is not None:
        lines.append(f"    after  record {found.event_record:,}, {found.event!r}")
    if found.recorded is not None and found.replayed is not None:
        lines.append(f"    wish   {found.recorded.number} of product {found.recorded.instrument}")
    elif found.recorded is not None:
        lines.append(f"    recorded  {found.recorded!r}")
    elif found.replayed is not None:
        lines.append(f"    replayed  {found.replayed!r}")
    width = max((len(name) for name, _, _ in found.fields), default=0)
    for name, recorded, replayed in found.fields:
        lines.append(f"    {name:<{width}}  recorded {recorded}")
        lines.append(f"    {'':<{width}}  replayed {replayed}")
    return lines
