"""One worker process: takes points, runs them, answers with outcomes; it knows no storage.

It dies with its parent: a thread waits for the next job and ends the process when the connection
closes, whatever the other thread is doing.
"""

from __future__ import annotations

import os
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

from alp.backtest.sweep.outcome import Outcome
from alp.errors import AlpError, ConfigError, Corrupt, DataError, RpcError
from alp.strategy.manifest import Strategy
from alp.strategy.problems import ManifestError


@dataclass(frozen=True)
class Task:
    """What all jobs of a worker have in common."""

    strategy: Strategy
    folder: Path
    """Where relative data paths begin."""
    keep_in: Path | None
    """Folder for each trial's ``results.json``; None writes none."""


@dataclass(frozen=True)
class Job:
    """One point to run."""

    index: int
    values: dict[str, Any]
    """Field -> value, as YAML would hold it."""


@dataclass(frozen=True)
class Done:
    """The point ran."""

    index: int
    outcome: Outcome


@dataclass(frozen=True)
class Refused:
    """The point's manifest, or what its data can give, is invalid."""

    index: int
    reason: str


@dataclass(frozen=True)
class Failed:
    """The run ended in a way that alp did not foresee."""

    index: int
    reason: str
    trace: str


@dataclass(frozen=True)
class Stopped:
    """The run met a fault that no other point would be spared."""

    index: int
    kind: type[AlpError]
    message: str
    hint: str | None

    def error(self) -> AlpError:
        """Return the exception as it was raised in the worker."""
        return self.kind(self.message, hint=self.hint)


Reply = Done | Refused | Failed | Stopped


def results_path(folder: Path, index: int) -> Path:
    """Return where the results of a trial are kept."""
    return folder / f"trial-{index}.json"


def serve(descriptor: int) -> None:
    """Answer jobs from a connected socket until it closes.

    Parameters
    ----------
    descriptor
        The socket's file descriptor; the first message is the :class:`Task`.
    """
    with Connection(descriptor) as connection:
        jobs: SimpleQueue[Job] = SimpleQueue()
        task: Task = connection.recv()
        Thread(target=_listen, args=(connection, jobs), daemon=True).start()
        while True:
            connection.send(answer(task, jobs.get()))


def _listen(connection: Connection, jobs: SimpleQueue[Job]) -> None:
    while True:
        try:
            jobs.put(connection.recv())
        except (EOFError, OSError):
            os._exit(0)


def answer(task: Task, job: Job) -> Reply:
    """Run one point; whatever happens is an answer."""
    try:
        return Done(job.index, _run(task, job))
    except ConfigError as error:
        return Refused(job.index, _reason(error))
    except (DataError, Corrupt, RpcError) as error:
        kind = next(each for each in (DataError, Corrupt, RpcError) if isinstance(error, each))
        return Stopped(job.index, kind, str(error), error.hint)
    except Exception as error:
        return Failed(job.index, f"{type(error).__name__}: {error}", traceback.format_exc())


def _reason(error: ConfigError) -> str:
    if not isinstance(error, ManifestError):
        return str(error)
    return "; ".join(f"{problem.field}: {problem.message}" for problem in error.problems)


def _run(task: Task, job: Job) -> Outcome:
    from alp.backtest.run import run_backtest
    from alp.strategy.loading import with_values

    results = run_backtest(with_values(task.strategy, job.values), task.folder)
    content = results.to_json_bytes()
    if task.keep_in is not None:
        # Nobody reads it before this job is done; one that was cut off is written again.
        results_path(task.keep_in, job.index).write_bytes(content)
    return Outcome.of(results, content)
