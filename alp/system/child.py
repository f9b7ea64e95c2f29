"""One process of a system: in a group of its own, ended with whoever started it, read by lines."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence

PR_SET_PDEATHSIG = 1
LONGEST_LINE = 16 * 1024
REST_S = 1.0
"""What a process left in its pipe is read for so long; something may have inherited the pipe."""
KEPT_LINES = 60
_PRCTL = getattr(ctypes.CDLL(None), "prctl", None) if sys.platform == "linux" else None


class Child:
    """A process that was started.

    Attributes
    ----------
    last
        Its last lines.
    status
        Exit status, or minus the signal; None while it runs.
    """

    def __init__(self, process: asyncio.subprocess.Process, take: Callable[[str], object]) -> None:
        self._process = process
        self._take = take
        self.last: deque[str] = deque(maxlen=KEPT_LINES)
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        environment: Mapping[str, str],
        take: Callable[[str], object],
    ) -> Child:
        """Start a process; `take` gets each line that it writes.

        Raises
        ------
        OSError
            If it cannot be started.
        """
        parent = os.getpid()
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=dict(environment),
            start_new_session=True,
            preexec_fn=lambda: end_with(parent),
        )
        return cls(process, take)

    @property
    def pid(self) -> int:
        """Its id, which is that of its group."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """See the class."""
        return self._process.returncode

    async def ended(self) -> int:
        """Wait for its end and return its exit status, or minus the signal."""
        status = await self._process.wait()
        await asyncio.wait([self._reading], timeout=REST_S)
        self._reading.cancel()
        # What it started is not to outlive it.
        self.signal(signal.SIGKILL)
        return status

    def signal(self, number: int) -> None:
        """Send a signal to it and to what it started; they may be gone."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    async def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        rest = b""
        while data := await stream.read(1 << 16):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._line(line)
            while len(rest) > LONGEST_LINE:
                self._line(rest[:LONGEST_LINE])
                rest = rest[LONGEST_LINE:]
        if rest:
            self._line(rest)

    def _line(self, line: bytes) -> None:
        text = line[:LONGEST_LINE].decode("utf-8", "replace").rstrip()
        if text:
            self.last.append(text)
            self._take(text)


def end_with(parent: int) -> None:
    """In the new process: be asked to stop when the one that started it ends, however it ends."""
    if _PRCTL is not None:
        _PRCTL(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    # A shell's background jobs ignore these, and what is started inherits it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


class Guard:
    """Tells a process which groups to end if this one dies; see :mod:`alp.system.keeper`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, grace_s: float) -> Guard:
        """Start it.

        Raises
        ------
        OSError
            If it cannot be started.
        """
        path = os.path.join(os.path.dirname(__file__), "keeper.py")  # noqa: PTH118, PTH120
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-I", "-S", path, str(grace_s)),
            stdin=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        return cls(process)

    @property
    def pid(self) -> int:
        """Its process's id."""
        return self._process.pid

    def add(self, group: int) -> None:
        """Tell of a group."""
        self._tell(b"+%d\n" % group)

    def remove(self, group: int) -> None:
        """Tell that a group is gone."""
        self._tell(b"-%d\n" % group)

    def _tell(self, line: bytes) -> None:
        pipe = self._process.stdin
        if pipe is not None and not pipe.is_closing():
            pipe.write(line)

    async def close(self) -> None:
        """Let it end, and with it what was not removed."""
        pipe = self._process.stdin
        assert pipe is not None
        pipe.close()
        await self._process.wait()
