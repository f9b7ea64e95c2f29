"""The kill switch: a file that outlives every process, and stays until a person takes it away.

While it is there nothing but cancels leaves, and everything open is cancelled. It is set by
``alp kill``, by a signal, by a message on the bus, or by any program that makes the file; only
``alp release`` or a person removes it. A process that starts while it is there starts killed.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from alp.errors import ConfigError

FILE = "KILLED"
MOST_BYTES = 400
FOLDER_MODE = 0o700


def state_folder(strategy: str, chosen: Path | None = None) -> Path:
    """Return where the handlers of a strategy keep journals and the kill switch, and make it.

    ``alp/<strategy>`` below ``$XDG_STATE_HOME``, or ``~/.local/state``, unless told otherwise.

    Raises
    ------
    ConfigError
        If it cannot be made.
    """
    above = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    folder = chosen or above / "alp" / strategy
    try:
        folder.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{folder}: no place for the state: {error.strerror}",
            hint="name a folder that this user may write: --state FOLDER",
        ) from error
    return folder


class KillSwitch:
    """The switch of one strategy: all its accounts look at it.

    Parameters
    ----------
    folder
        See :func:`state_folder`.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE

    @property
    def is_set(self) -> bool:
        """Whether it is set. What cannot be looked at counts as set."""
        try:
            self.path.lstat()
        except FileNotFoundError:
            return not self.path.parent.is_dir()
        except OSError:
            return True
        return True

    @property
    def is_heeded(self) -> bool:
        """Whether a handler ever kept an account's journal beside it."""
        return any(each.is_dir() for each in self.path.parent.iterdir())

    @property
    def reason(self) -> str:
        """What was said when it was set; empty where nothing was."""
        try:
            with self.path.open("rb") as file:
                return file.read(MOST_BYTES).decode("utf-8", "replace").strip()
        except OSError:
            return ""

    def set(self, reason: str) -> None:
        """Set it, for good; the first reason stays.

        Raises
        ------
        ConfigError
            If the file cannot be made.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        try:
            descriptor = os.open(self.path, flags, 0o600)
        except FileExistsError:
            return
        except OSError as error:
            raise ConfigError(f"{self.path}: cannot be made: {error.strerror}") from error
        # Made, it is set: on a full disk the reason is missing, and nothing else.
        with contextlib.suppress(OSError), os.fdopen(descriptor, "wb") as file:
            file.write(f"{stamp} {reason}".encode()[:MOST_BYTES] + b"\n")
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(self.path.parent)

    def release(self) -> bool:
        """Take it back; False where it was not set.

        Raises
        ------
        ConfigError
            If the file cannot be removed.
        """
        try:
            self.path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise ConfigError(f"{self.path}: cannot be removed: {error.strerror}") from error
        _sync_folder(self.path.parent)
        return True


def _sync_folder(folder: Path) -> None:
    """Let a file's coming or going survive the machine."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
