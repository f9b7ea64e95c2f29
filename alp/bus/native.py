"""libzmq's own functions, from the very library that pyzmq has loaded.

A wheel of pyzmq brings libzmq as a shared object that is in the process already. Looking up its
functions there, without loading a second copy, lets compiled code send and receive on pyzmq's
sockets without the GIL.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache
from pathlib import Path

import zmq

from alp.errors import ConfigError

Functions = tuple[int, int, int]
"""Addresses of ``zmq_send``, ``zmq_recv`` and ``zmq_errno``."""


@cache
def functions() -> Functions:
    """Return the addresses of libzmq's functions.

    Raises
    ------
    ConfigError
        If the library cannot be found in this process.
    """
    for library in _candidates():
        try:
            loaded = ctypes.CDLL(library, mode=os.RTLD_NOLOAD | os.RTLD_NOW)
            found = [
                ctypes.cast(getattr(loaded, name), ctypes.c_void_p).value
                for name in ("zmq_send", "zmq_recv", "zmq_errno")
            ]
        except (OSError, AttributeError):
            continue
        if all(found) and _version(loaded) == zmq.zmq_version():
            return found[0] or 0, found[1] or 0, found[2] or 0
    raise ConfigError(
        "libzmq was not found in this process",
        hint="install pyzmq from a wheel, or one that is linked to a shared libzmq",
    )


def _candidates() -> list[str]:
    """Shared objects of this process that may be libzmq or contain it."""
    maps = Path("/proc/self/maps")
    if maps.exists():
        lines = maps.read_text(encoding="utf-8", errors="replace").splitlines()
        mapped = dict.fromkeys(line.split(None, 5)[5] for line in lines if "/" in line)
        return [path for path in mapped if "zmq" in Path(path).name.lower()]
    folder = Path(zmq.__file__).parent
    return [str(path) for path in sorted(folder.rglob("*")) if path.suffix in {".dylib", ".so"}]


def _version(library: ctypes.CDLL) -> str:
    parts = [ctypes.c_int() for _ in range(3)]
    library.zmq_version(*map(ctypes.byref, parts))
    return ".".join(str(part.value) for part in parts)
