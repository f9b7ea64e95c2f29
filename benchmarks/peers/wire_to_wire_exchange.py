"""An exchange as bare as it can be: a depth frame on one WebSocket, an order back on another.

wire_to_wire_exchange.py MESSAGES PAUSE_NS TARGET   prints the port; writes what it saw to TARGET

It never sleeps: when a frame leaves and when the order is there whole is read without a wake-up of
its own. A frame follows when the order to the one before is there and a pause is over.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import socket
import struct
import sys
import time
from pathlib import Path

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
GIVEN_UP_NS = 20 * 10**9


def frame(text: bytes) -> bytes:
    if len(text) < 126:
        return struct.pack(">BB", 0x81, len(text)) + text
    return struct.pack(">BBH", 0x81, 126, len(text)) + text


def accepted(server: socket.socket) -> socket.socket:
    """Answer one client's handshake."""
    client, _ = server.accept()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    asked = b""
    while b"\r\n\r\n" not in asked:
        asked += client.recv(4096)
    (key,) = (
        line.partition(b":")[2].strip()
        for line in asked.split(b"\r\n")
        if line.lower().startswith(b"sec-websocket-key")
    )
    answer = base64.b64encode(hashlib.sha1(key + GUID).digest())
    client.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Accept: " + answer + b"\r\n\r\n"
    )
    client.setblocking(False)
    return client


def missing(data: bytes) -> int:
    """How many bytes a masked frame of at least 126 bytes lacks."""
    if len(data) < 8:
        return 8 - len(data)
    (size,) = struct.unpack_from(">H", data, 2)
    return 8 + size - len(data)


def received(client: socket.socket) -> tuple[int, bytes]:
    """Spin until a whole frame is there; when that was, and the frame.

    Raises
    ------
    TimeoutError
        If none comes.
    """
    data, until = b"", time.monotonic_ns() + GIVEN_UP_NS
    while missing(data) > 0:
        try:
            data += client.recv(4096)
        except BlockingIOError:
            if time.monotonic_ns() > until:
                raise TimeoutError("no order came") from None
    return time.monotonic_ns(), data


def text_of(data: bytes) -> str:
    """Unmask a frame."""
    mask = data[4:8] * (len(data) // 4)
    return bytes(a ^ b for a, b in zip(data[8:], mask, strict=False)).decode()


def main() -> None:
    """Serve one market client and one order client, in this order."""
    frames = [frame(line) for line in Path(sys.argv[1]).read_bytes().splitlines()]
    pause_ns = int(sys.argv[2])
    if (os.cpu_count() or 1) > 1 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    sent_ns, back_ns, orders = [], [], []
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(json.dumps({"port": server.getsockname()[1]}), flush=True)
        market = accepted(server)
        entry = accepted(server)
        received(entry)  # what says that it may begin
        for data in frames:
            pause_until = time.monotonic_ns() + pause_ns
            while time.monotonic_ns() < pause_until:
                pass
            sent_ns.append(time.monotonic_ns())
            market.send(data)
            at_ns, order = received(entry)
            back_ns.append(at_ns)
            orders.append(order)
        seen = {"sent": sent_ns, "back": back_ns, "orders": [text_of(each) for each in orders]}
        Path(sys.argv[3]).write_text(json.dumps(seen))
        for client in (market, entry):
            client.close()


if __name__ == "__main__":
    main()
