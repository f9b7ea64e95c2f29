"""Both ends of the WebSocket benchmark, a process each.

websocket_side.py serve FILE                    frames of a file's lines; prints the port
websocket_side.py read PORT SNAPSHOT [ENDPOINT] alp's session listener, publishing if told where
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import socket
import struct
import sys
import time
from pathlib import Path

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CORE_OF = {"serve": 0, "read": 1}


def frames(path: Path) -> bytes:
    parts = []
    for line in path.read_bytes().splitlines():
        if len(line) < 126:
            head = struct.pack(">BB", 0x81, len(line))
        elif len(line) < 1 << 16:
            head = struct.pack(">BBH", 0x81, 126, len(line))
        else:
            head = struct.pack(">BBQ", 0x81, 127, len(line))
        parts += [head, line]
    return b"".join(parts)


def serve(path: Path) -> None:
    """Answer any number of clients, one after the other, with every frame at once."""
    data = frames(path)
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(json.dumps({"port": server.getsockname()[1]}), flush=True)
        while True:
            client, _ = server.accept()
            with client, contextlib.suppress(OSError):
                asked = b""
                while b"\r\n\r\n" not in asked:
                    asked += client.recv(4096)
                (key,) = (
                    line.partition(b":")[2].strip()
                    for line in asked.split(b"\r\n")
                    if line.lower().startswith(b"sec-websocket-key")
                )
                accepted = base64.b64encode(hashlib.sha1(key + GUID).digest())
                client.sendall(
                    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                    b"Connection: Upgrade\r\nSec-WebSocket-Accept: " + accepted + b"\r\n\r\n"
                )
                client.sendall(data)
                client.sendall(struct.pack(">BBH", 0x88, 2, 1000))
                client.settimeout(5)
                while client.recv(4096):
                    pass


class Clock:
    """Hears of the connection's ends and reads the CPU's time there."""

    def __init__(self) -> None:
        self.begun = self.ended = 0.0

    def opened(self, _transport: object) -> None:
        self.begun = time.process_time()

    def closed(self, _code: int, _reason: bytes) -> None:
        self.ended = time.process_time()

    def __getattr__(self, _name: str) -> object:
        return lambda *_: None


def read(port: int, snapshot: Path, endpoint: str | None) -> None:
    import picows
    import uvloop
    import zmq

    from alp._core.feed import Feed
    from alp._core.market_publisher import Lane, MarketPublisher
    from alp.bus.sockets import Publisher
    from alp.venues.listener import MarketListener

    feed = Feed("binance-usdm", [("ETHUSDT", 2, 1, 3, 1)])
    feed.feed(snapshot.read_bytes())
    lane = None
    if endpoint is not None:
        publisher = Publisher(zmq.Context(), endpoint, f"{endpoint}.recall", 1)
        lane = Lane(MarketPublisher(publisher.outlet, [(0, 0, True, 0, 0)]), feed, [0])
    clock = Clock()
    listener = MarketListener(feed, lane, clock)

    async def main() -> None:
        transport, _ = await picows.ws_connect(
            lambda: listener, f"ws://127.0.0.1:{port}/", enable_auto_pong=False
        )
        await transport.wait_disconnected()

    uvloop.run(main())
    messages = feed.counts["deltas"]
    touch = feed.touch(0)
    told = {
        "ns": (clock.ended - clock.begun) * 1e9 / messages,
        "messages": messages,
        "touch": touch,
        "published": 0 if lane is None else lane.publisher.counts["quotes"],
    }
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    role = sys.argv[1]
    if (os.cpu_count() or 1) > 1 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {CORE_OF[role]})
    if role == "serve":
        serve(Path(sys.argv[2]))
    else:
        read(int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4] if len(sys.argv) > 4 else None)
