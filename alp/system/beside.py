"""A whole system as a child of the process that shows it: its lines in a file, its end awaited."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from alp.errors import ConfigError
from alp.system.child import end_with
from alp.system.supervisor import PROGRAM

LOG = "system.log"
FOLLOW_S = 0.2
FOLDER_MODE = 0o700
ASKS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Beside:
    """The system's process, in a session of its own: a terminal's Ctrl-C does not reach it.

    If this process dies, however that is, the system is asked to stop.

    Parameters
    ----------
    arguments
        Of ``alp``.
    state
        Folder in which its lines are kept, in :data:`LOG`.

    Raises
    ------
    ConfigError
        If the folder or the file cannot be made, or the process not be started.
    """

    def __init__(
        self, arguments: Sequence[str], state: Path, *, program: Sequence[str] = PROGRAM
    ) -> None:
        self.log = state / LOG
        parent = os.getpid()
        try:
            state.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(  # noqa: S603 - alp itself
                    [*program, *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    preexec_fn=lambda: end_with(parent),  # noqa: PLW1509 - one thread, no lock
                )
        except OSError as error:
            raise ConfigError(f"{error.filename}: {error.strerror}") from error

    def __enter__(self) -> Self:
        """Hand on what asks this process to stop."""
        self._before = {each: signal.signal(each, self._ask) for each in ASKS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self.stop()
            self._process.wait()
        for number, before in self._before.items():
            signal.signal(number, before)

    @property
    def ended(self) -> bool:
        """Whether it ended."""
        return self._process.poll() is not None

    def stop(self) -> None:
        """Ask it to stop in order; asked again it hurries."""
        self._process.send_signal(signal.SIGINT)

    def follow(self, lines: int = 0) -> int:
        """Write its lines to standard error until it ends, and return its exit status.

        Parameters
        ----------
        lines
            So many that were written before are written too.
        """
        with self.log.open("rb") as file:
            data = file.read()
            sys.stderr.buffer.write(
                b"".join(data.splitlines(keepends=True)[-lines:] if lines else [])
            )
            while True:
                ended = self.ended
                sys.stderr.buffer.write(file.read())
                sys.stderr.buffer.flush()
                if ended:
                    return int(self._process.returncode)
                time.sleep(FOLLOW_S)

    def _ask(self, *_: object) -> None:
        self.stop()
