"""A part that needs nothing, and behaves as its arguments say; standard library only.

``small_part.py --health HOST:PORT`` answers ``/readyz`` until SIGTERM.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--health", required=True)
parser.add_argument("--log", type=Path, help="append a line at start and at the end")
parser.add_argument("--name", default="")
parser.add_argument("--die-after", type=float, help="seconds")
parser.add_argument("--die-times", type=int, default=10**6, help="only so often, by the log")
parser.add_argument("--status", type=int, default=1)
parser.add_argument("--end-status", type=int, default=0)
parser.add_argument("--end-words", default="")
parser.add_argument("--slow", type=float, default=0.0)
parser.add_argument("--stubborn", action="store_true")
parser.add_argument("--detail", default="{}")
parser.add_argument("--say", action="append", default=[])
parser.add_argument("--spam", action="store_true")
parser.add_argument("--grandchild", action="store_true")
parser.add_argument("--hang-after", type=float)
parser.add_argument("--show-keys", action="store_true")
given = parser.parse_args()
stop = threading.Event()
began = time.monotonic()


def note(what: str) -> None:
    if given.log is not None:
        with given.log.open("a") as file:
            file.write(f"{what} {given.name} {os.getpid()}\n")


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if given.hang_after is not None and time.monotonic() - began > given.hang_after:
            time.sleep(3600)
        ready = time.monotonic() - began >= given.slow
        reasons = [] if ready else ["it is slow"]
        body = json.dumps({"ok": ready, "reasons": reasons, **json.loads(given.detail)}).encode()
        self.send_response(200 if ready else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def starts() -> int:
    if given.log is None:
        return 1
    lines = given.log.read_text().splitlines()
    return sum(line.startswith(f"begin {given.name} ") for line in lines)


signal.signal(signal.SIGTERM, signal.SIG_IGN if given.stubborn else lambda *_: stop.set())
note("begin")
if given.grandchild:
    subprocess.Popen(["sleep", "1000"])
if given.show_keys:
    print(sorted(name for name in os.environ if name.startswith(("ALP_A_", "ALP_B_"))), flush=True)
for line in given.say:
    print(line, flush=True)
host, _, port = given.health.rpartition(":")
HTTPServer.allow_reuse_address = True
server = HTTPServer((host, int(port)), Page)
threading.Thread(target=server.serve_forever, daemon=True).start()
if given.die_after is not None and starts() <= given.die_times:
    stop.wait(given.die_after)
    if not stop.is_set():
        note("died")
        os._exit(given.status)
while not stop.wait(0.02):
    if given.spam:
        print("spam " * 20_000, flush=True)
note("end")
if given.end_words:
    print(given.end_words.replace("\\n", "\n"), flush=True)
sys.stdout.flush()
os._exit(given.end_status)
