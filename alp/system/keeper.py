"""Ends what a supervisor leaves behind when it is killed itself.

A process of its own, which the supervisor tells by a pipe which process groups there are: ``+123``
and, when one is gone, ``-123``. When the pipe ends, which it does however the supervisor ends, what
is left is asked to stop, and after the time in the first argument it is killed. Imports nothing of
alp, so that it is there at once.
"""

import os
import signal
import sys
import time

LOOK_S = 0.05


def keep(grace_s: float) -> None:
    """Follow the pipe on standard input to its end, then end what is left."""
    groups: set[int] = set()
    for line in sys.stdin.buffer:
        number = int(line[1:])
        (groups.add if line.startswith(b"+") else groups.discard)(number)
    end = time.monotonic() + grace_s
    _signal(groups, signal.SIGTERM)
    while groups and time.monotonic() < end:
        time.sleep(LOOK_S)
        _signal(groups, 0)
    _signal(groups, signal.SIGKILL)


def _signal(groups: set[int], number: int) -> None:
    """Send a signal to every group; forget those that are gone."""
    for group in list(groups):
        try:
            os.killpg(group, number)
        except (ProcessLookupError, PermissionError):
            groups.discard(group)


if __name__ == "__main__":
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    keep(float(sys.argv[1]))
