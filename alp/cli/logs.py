"""Log messages: to stderr, in UTC, as text for people or as one JSON object a line."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("text", "json")

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def configure_logs(level: str, style: str) -> None:
    """Send the messages of ``alp`` loggers to stderr.

    Parameters
    ----------
    level
        One of :data:`LEVELS`; less severe messages are dropped.
    style
        One of :data:`FORMATS`.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if style == "json" else TextLines())
    logger = logging.getLogger("alp")
    logger.handlers[:] = [handler]
    logger.setLevel(level.upper())
    logger.propagate = False


class TextLines(logging.Formatter):
    """``2024-01-05T00:00:00.000Z WARNING alp.data: message``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line, and its traceback below it where it has one."""
        line = f"{_when(record)} {record.levelname} {record.name}: {record.getMessage()}"
        extra = " ".join(f"{key}={value}" for key, value in _extra(record).items())
        line = f"{line} [{extra}]" if extra else line
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and whatever ``extra`` carried."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        fields: dict[str, object] = {
            "time": _when(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_extra(record),
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps(fields, default=str, ensure_ascii=False)


def _when(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _extra(record: logging.LogRecord) -> dict[str, object]:
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}
