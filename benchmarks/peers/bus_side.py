"""One side of a burst over the bus, by alp's compiled sockets or by pyzmq from Python.

Usage: bus_side.py alp|pyzmq send|receive ENDPOINT SHARED COUNT GAP_NS POLL CORE
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import sys
import time
from pathlib import Path
from typing import Any

STAMP = struct.Struct("<q")
STAMP_AT = 24
SIZE = 64
HIGH_WATER = 100_000


def alp_side(role: str, endpoint: str, shared: Any, count: int, gap_ns: int, poll: bool) -> None:
    import bus_kernel
    import numpy as np
    import zmq

    from alp.bus.sockets import Publisher, Subscriber

    numbers = np.frombuffer(shared, dtype=np.int64)
    context: Any = zmq.Context()
    recall = f"{endpoint}.recall"
    if role == "send":
        publisher = Publisher(context, endpoint, recall, 1)
        wait_until(lambda: numbers[0] == 1)
        time.sleep(0.3)
        failed = bus_kernel.send(publisher.outlet, numbers, count, gap_ns)
        wait_until(lambda: numbers[1] >= count)
        if failed:
            raise SystemExit(f"{failed} messages were not sent")
    else:
        subscriber = Subscriber(context, [(endpoint, recall)])
        latencies = np.zeros(count, dtype=np.int64)
        numbers[0] = 1
        bus_kernel.receive(subscriber.inlet, numbers, latencies, poll)
        tell(latencies.tolist())


def pyzmq_side(role: str, endpoint: str, shared: Any, count: int, gap_ns: int, poll: bool) -> None:
    import zmq

    numbers = memoryview(shared).cast("q")
    context: Any = zmq.Context()
    if role == "send":
        socket = context.socket(zmq.PUB)
        socket.sndhwm = HIGH_WATER
        socket.bind(endpoint)
        wait_until(lambda: numbers[0] == 1)
        time.sleep(0.3)
        message = bytearray(SIZE)
        for number in range(count):
            while numbers[1] < number:
                os.sched_yield()
            due = time.monotonic_ns() + gap_ns
            while time.monotonic_ns() < due:
                pass
            STAMP.pack_into(message, STAMP_AT, time.time_ns())
            socket.send(message, zmq.DONTWAIT)
        wait_until(lambda: numbers[1] >= count)
    else:
        socket = context.socket(zmq.SUB)
        socket.rcvhwm = HIGH_WATER
        socket.subscribe(b"")
        socket.connect(endpoint)
        numbers[0] = 1
        latencies: list[int] = []
        flags = zmq.DONTWAIT if poll else 0
        while len(latencies) < count:
            try:
                message = socket.recv(flags)
            except zmq.Again:
                continue
            latencies.append(time.time_ns() - STAMP.unpack_from(message, STAMP_AT)[0])
            numbers[1] = len(latencies)
        tell(latencies)


def wait_until(condition: Any) -> None:
    while not condition():
        time.sleep(0.001)


def tell(latencies: list[int]) -> None:
    """Print percentiles of all but the first twentieth."""
    settled = sorted(latencies[len(latencies) // 20 :])
    p50, p99 = (settled[len(settled) * percent // 100] for percent in (50, 99))
    print(json.dumps({"p50": p50, "p99": p99}), flush=True)


def main() -> None:
    by, role, endpoint, path, count, gap_ns, poll, core = sys.argv[1:9]
    if int(core) >= 0:
        os.sched_setaffinity(0, {int(core)})
    with Path(path).open("r+b") as file:
        shared = mmap.mmap(file.fileno(), 4096)
    side = alp_side if by == "alp" else pyzmq_side
    side(role, endpoint, shared, int(count), int(gap_ns), poll == "1")
    sys.stdout.flush()
    os._exit(0)  # sockets and views go with the process


if __name__ == "__main__":
    main()
