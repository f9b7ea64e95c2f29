"""The worker processes of a sweep, as their parent sees them.

Workers are new interpreters, not forks, so they inherit no lock, no connection to a database and
no thread. They have a session of their own: Ctrl-C reaches the parent alone, which decides.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Self

from alp.backtest.sweep.worker import Job, Reply, Task

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ARROW_NUM_THREADS")
STORAGE_VARIABLE = "ALP_SWEEP_STORAGE"
"""May hold a database's password, which is nothing for a worker."""

_START = """\
import json, sys
sys.path[:] = json.loads(sys.argv[2])
from alp.backtest.sweep.worker import serve
serve(int(sys.argv[1]))
"""


@dataclass(frozen=True)
class Lost:
    """A worker ended without an answer to its job."""

    index: int
    how: str
    """Such as ``was killed by SIGKILL``."""


class _Worker:
    """One process and its connection."""

    def __init__(self, task: Task) -> None:
        ours, theirs = socket.socketpair()
        environment = {**os.environ, **dict.fromkeys(_ONE_THREAD, "1")}
        environment.pop(STORAGE_VARIABLE, None)
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603 - this interpreter, no shell
                [sys.executable, "-c", _START, str(theirs.fileno()), json.dumps(sys.path)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                env=environment,
            )
        self.connection = Connection(ours.detach())
        self.job: Job | None = None
        self.send(task)

    def send(self, message: object) -> None:
        """Send, even to a process that has just died: its end is noticed when it is read from."""
        with contextlib.suppress(OSError):
            self.connection.send(message)

    def end(self, patience_s: float = 0.0) -> str:
        """End the process, by force after a while, and say how it ended."""
        self.connection.close()
        try:
            code = self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        if code < 0:
            return f"was killed by {signal.Signals(-code).name}"
        return f"ended with exit status {code}"


class Crew:
    """Up to `jobs` workers, started as they are needed and replaced when they die.

    Parameters
    ----------
    task
        What every worker is told first.
    jobs
        The most processes at a time.
    """

    def __init__(self, task: Task, jobs: int) -> None:
        self._task = task
        self._jobs = jobs
        self._workers: list[_Worker] = []
        self._answered = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self._workers:
            worker.end()
        self._workers.clear()

    @property
    def free(self) -> int:
        """How many jobs could be given now."""
        return self._jobs - len(self.busy)

    @property
    def busy(self) -> list[int]:
        """Indices of the jobs in work."""
        return [worker.job.index for worker in self._workers if worker.job is not None]

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers."""
        return [worker.process.pid for worker in self._workers]

    def give(self, job: Job) -> None:
        """Let a free worker, or a new one, run a job."""
        worker = next((each for each in self._workers if each.job is None), None)
        if worker is None:
            assert len(self._workers) < self._jobs
            worker = _Worker(self._task)
            self._workers.append(worker)
        worker.job = job
        worker.send(job)

    def wait(self, timeout_s: float) -> Iterable[Reply | Lost]:
        """Return the answers that come within a time; the first ends the wait.

        Raises
        ------
        RuntimeError
            If a worker ends before any worker ever answered: they cannot even start.
        """
        at_work = {worker.connection: worker for worker in self._workers if worker.job is not None}
        answers: list[Reply | Lost] = []
        for connection in wait(list(at_work), timeout_s):
            assert isinstance(connection, Connection)
            answers.append(self._take(at_work[connection]))
        return answers

    def _take(self, worker: _Worker) -> Reply | Lost:
        assert worker.job is not None
        index = worker.job.index
        try:
            reply: Reply = worker.connection.recv()
        except (EOFError, OSError):
            how = worker.end(patience_s=10.0)
            self._workers.remove(worker)
            if not self._answered and how.startswith("ended"):
                raise RuntimeError(f"a worker process {how} before its first answer") from None
            return Lost(index, how)
        self._answered = True
        worker.job = None
        return reply
