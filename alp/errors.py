"""Every failure alp reports, as one tree; each class says what the system does about it.

::

    AlpError
    ├── ConfigError    the manifest or an option is wrong: nothing starts
    ├── DataError      an input file cannot be trusted: the run stops, file and row are named
    ├── RpcError       an endpoint failed after its retries: the command can be run again
    ├── VenueError     an exchange was not reached or refused: it is asked again later
    ├── DeskError      a desk of the user's own failed: its file and line are named
    ├── CheckFailed    a verification found a difference: printed, exit code 1
    └── Corrupt        alp's own state contradicts itself: stop, keep the evidence, report it

A contract's ``require`` that fails in the pool engine is :class:`alp._core.errors.Revert`; it is
an outcome, not a failure of alp.
"""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path


class ExitCode(IntEnum):
    """What the ``alp`` command's exit status means."""

    OK = 0
    """Everything asked for was done."""
    CHECK_FAILED = 1
    """A verification ran and found a difference or a fault."""
    USAGE = 2
    """The command line itself was wrong."""
    CONFIG = 3
    """The manifest was refused; the message names each field."""
    DATA = 4
    """An input file was refused; the message names file, row and remedy."""
    UNAVAILABLE = 5
    """An endpoint could not be reached or refused the request."""
    CORRUPT = 6
    """alp found its own state inconsistent; please report it."""
    RESIDUE = 7
    """It was stopped, and orders may still be open at a venue; they were printed."""
    DESK = 8
    """A desk of the user's own failed; the message names its file and line."""
    UNEXPECTED = 70
    """A failure alp did not foresee; ``alp --debug`` shows its traceback, please report it."""
    FILE_SYSTEM = 74
    """The system refused to read or write a file: permission, space, a missing folder."""
    INTERRUPTED = 130
    """Stopped by Ctrl-C or SIGTERM; what was finished is kept."""
    BROKEN_PIPE = 141
    """The program reading the output went away, as in ``alp … | head``."""


class AlpError(Exception):
    """Base of all failures; ``hint`` tells a person what to do next."""

    exit_code: ExitCode = ExitCode.CORRUPT

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(AlpError):
    """The manifest or an option is wrong; nothing starts until it is mended."""

    exit_code = ExitCode.CONFIG


class DataError(AlpError):
    """An input cannot be trusted; the run stops and names the place.

    Parameters
    ----------
    path
        The file at fault.
    row
        1-based line (text formats) or row number (parquet) at fault, if one is.
    """

    exit_code = ExitCode.DATA

    def __init__(
        self,
        message: str,
        *,
        path: str | Path | None = None,
        row: int | None = None,
        hint: str | None = None,
    ) -> None:
        where = "" if path is None else f"{path}: " if row is None else f"{path}:{row}: "
        super().__init__(f"{where}{message}", hint=hint)
        self.path = path
        self.row = row


class DeskError(AlpError):
    """A desk of the user's own failed, or wished what cannot be; its file and line are named."""

    exit_code = ExitCode.DESK


class RpcError(AlpError):
    """An endpoint failed after its retries; running the command again resumes."""

    exit_code = ExitCode.UNAVAILABLE


class VenueError(AlpError):
    """An exchange could not be reached, or refused.

    Parameters
    ----------
    retry_ns
        How long the venue wants to be left alone; 0 where it did not say.
    status
        Of its answer by HTTP; 0 where there was none.
    """

    exit_code = ExitCode.UNAVAILABLE

    def __init__(
        self, message: str, *, hint: str | None = None, retry_ns: int = 0, status: int = 0
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_ns = retry_ns
        self.status = status


class CheckFailed(AlpError):
    """A verification found a difference; the report says where."""

    exit_code = ExitCode.CHECK_FAILED


class Corrupt(AlpError):
    """alp's own state contradicts itself; it stops rather than guess."""

    exit_code = ExitCode.CORRUPT
