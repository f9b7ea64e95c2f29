"""What the parts say, as lines with their names; a reader that is slow or gone stops nobody."""

from __future__ import annotations

import json
import os
import re
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

MOST_WAITING = 20_000
"""Lines that wait for a slow reader; what comes beyond is counted and dropped."""
CLOSING_S = 2.0
KEPT = 500
"""Of the newest lines, for whoever looks."""
SYSTEM = "system"
"""The name before the supervisor's own lines."""
KEY_NAME = re.compile(r"ALP_[A-Z0-9_]*_(KEY|SECRET|PASSPHRASE)")
SHORTEST_SECRET = 6


def secrets_of(environment: Mapping[str, str]) -> list[str]:
    """Return the keys that an environment holds: no line may have them."""
    found = [value for name, value in environment.items() if KEY_NAME.fullmatch(name)]
    return sorted((each for each in found if len(each) >= SHORTEST_SECRET), key=len, reverse=True)


class Lines:
    """Writes lines to a file descriptor in a thread of its own.

    Parameters
    ----------
    secrets
        Texts that are shown as ``***``.
    width
        Of the column of names.

    Attributes
    ----------
    dropped
        Lines that could not be written: the disk is full, the reader is gone or too slow.
    recent
        The newest lines as they were written, each with its number.
    """

    def __init__(
        self, descriptor: int, *, as_json: bool = False, secrets: Iterable[str] = (), width: int = 0
    ) -> None:
        self.dropped = 0
        self.recent: deque[tuple[int, str]] = deque(maxlen=KEPT)
        self._count = 0
        self._descriptor = descriptor
        self._as_json = as_json
        self._secrets = list(secrets)
        self._width = width
        self._waiting: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._writer = threading.Thread(target=self._write, name="lines", daemon=True)

    def __enter__(self) -> Self:
        self._writer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._writer.join(CLOSING_S)

    def said(self, part: str, text: str) -> None:
        """Take a line of a part."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        self._put(self._json(part, text) if self._as_json else f"{part:<{self._width}} | {text}")

    def say(self, text: str, level: str = "info") -> None:
        """Say something of the system itself."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if self._as_json:
            self._put(_dumps({"part": SYSTEM, "time": now, "level": level, "message": text}))
        else:
            self._put(f"{SYSTEM:<{self._width}} | {now} {level.upper()} {text}")

    def _json(self, part: str, text: str) -> str:
        """Return a line of JSON with the part's name, whatever the part wrote."""
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        return _dumps({"part": part, **(found if isinstance(found, dict) else {"message": text})})

    def _put(self, line: str) -> None:
        with self._changed:
            self._count += 1
            self.recent.append((self._count, line))
            if len(self._waiting) >= MOST_WAITING:
                self.dropped += 1
                return
            self._waiting.append(line.encode("utf-8", "replace") + b"\n")
            self._changed.notify()

    def _write(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closed:
                    self._changed.wait()
                if not self._waiting:
                    return
                data = b"".join(self._waiting)
                count = len(self._waiting)
                self._waiting.clear()
            if not self._written(data):
                self.dropped += count

    def _written(self, data: bytes) -> bool:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._descriptor, view) :]
            except OSError:
                return False
        return True


def _dumps(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
