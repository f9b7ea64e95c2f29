"""One side of bursts over the bus, by alp's compiled sockets or by pyzmq from Python.

Usage: bus_side.py alp|pyzmq send|receive ENDPOINT SHARED BURSTS COUNT GAP_NS POLL CORE

The shared memory is that of ``bus_floor.cpp``.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STAMP = struct.Struct("<q")
STAMP_AT = 24
SIZE = 64
HIGH_WATER = 100_000


@dataclass(frozen=True)
class Plan:
    """What a burst is."""

    endpoint: str
    count: int
    gap_ns: int
    polling: bool


class Alp:
    """Compiled sockets, loops without the GIL."""

    def __init__(self, role: str, plan: Plan, shared: Any) -> None:
        import bus_kernel
        import numpy as np
        import zmq

        from alp.bus.sockets import Publisher, Subscriber

        context: Any = zmq.Context()
        endpoints = (plan.endpoint, f"{plan.endpoint}.recall")
        self._kernel, self._plan = bus_kernel, plan
        self._shared = np.frombuffer(shared, dtype=np.int64)
        self._latencies = np.zeros(plan.count, dtype=np.int64)
        if role == "send":
            self._publisher = Publisher(context, *endpoints, 1)
        else:
            self._subscriber = Subscriber(context, [endpoints])

    def send(self, first: int) -> None:
        outlet, plan = self._publisher.outlet, self._plan
        if self._kernel.send(outlet, self._shared, first, plan.count, plan.gap_ns):
            raise SystemExit("a message was not sent")

    def receive(self, first: int) -> list[int]:
        inlet = self._subscriber.inlet
        self._kernel.receive(inlet, self._shared, first, self._latencies, self._plan.polling)
        return list(self._latencies.tolist())


class Pyzmq:
    """The same sockets from Python."""

    def __init__(self, role: str, plan: Plan, shared: Any) -> None:
        import zmq

        context: Any = zmq.Context()
        self._zmq, self._plan = zmq, plan
        self._numbers = memoryview(shared).cast("q")
        self._socket = context.socket(zmq.PUB if role == "send" else zmq.SUB)
        if role == "send":
            self._socket.sndhwm = HIGH_WATER
            self._socket.bind(plan.endpoint)
        else:
            self._socket.rcvhwm = HIGH_WATER
            self._socket.subscribe(b"")
            self._socket.connect(plan.endpoint)

    def send(self, first: int) -> None:
        numbers, send, no_wait = self._numbers, self._socket.send, self._zmq.DONTWAIT
        message = bytearray(SIZE)
        for number in range(first, first + self._plan.count):
            due = time.monotonic_ns() + self._plan.gap_ns
            while time.monotonic_ns() < due or numbers[1] < number:
                os.sched_yield()
            STAMP.pack_into(message, STAMP_AT, time.time_ns())
            send(message, no_wait)

    def receive(self, first: int) -> list[int]:
        numbers, receive, nothing = self._numbers, self._socket.recv, self._zmq.Again
        flags = self._zmq.DONTWAIT if self._plan.polling else 0
        latencies: list[int] = []
        while len(latencies) < self._plan.count:
            try:
                message = receive(flags)
            except nothing:
                continue
            latencies.append(time.time_ns() - STAMP.unpack_from(message, STAMP_AT)[0])
            numbers[1] = first + len(latencies)
        return latencies


def percentiles(latencies: list[int]) -> tuple[int, int]:
    """p50 and p99 of all but the first twentieth."""
    settled = sorted(latencies[len(latencies) // 20 :])
    return settled[len(settled) // 2], settled[len(settled) * 99 // 100]


def main() -> None:
    by, role, endpoint, path, bursts, count, gap_ns, polling, core = sys.argv[1:10]
    if int(core) >= 0:
        os.sched_setaffinity(0, {int(core)})
    with Path(path).open("r+b") as file:
        shared = mmap.mmap(file.fileno(), 4096)
    numbers = memoryview(shared).cast("q")
    plan = Plan(endpoint, int(count), int(gap_ns), polling == "1")
    side = (Alp if by == "alp" else Pyzmq)(role, plan, shared)
    if role == "receive":
        numbers[0] = 1
    found = []
    for burst in range(int(bursts)):
        while numbers[2] <= burst:
            time.sleep(0.002)
        if role == "send":
            side.send(burst * plan.count)
        else:
            found.append(percentiles(side.receive(burst * plan.count)))
            numbers[3] = burst + 1
    if role == "send":
        while numbers[3] < int(bursts):
            time.sleep(0.002)
    else:
        told = zip(*found, strict=True)
        print(json.dumps(dict(zip(("p50", "p99"), told, strict=True))), flush=True)
    os._exit(0)  # sockets and views go with the process


if __name__ == "__main__":
    main()
