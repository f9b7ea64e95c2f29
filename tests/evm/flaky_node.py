"""A node between the test and anvil that is slow, limited, or refuses, as told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.request import Request, urlopen

Answer = Callable[[dict[str, Any]], dict[str, Any] | int | None]


class FlakyNode:
    """Forwards JSON-RPC to another endpoint, any path.

    Parameters
    ----------
    answer
        Looks at each request first: None forwards it, a dict is the answer, a number is the HTTP
        status to fail with.
    delay_s
        How long each answer takes.
    batches
        Whether arrays of requests are taken.
    """

    def __init__(
        self,
        upstream: str,
        answer: Answer | None = None,
        *,
        delay_s: float = 0,
        batches: bool = True,
    ) -> None:
        self.upstream, self.answer, self.delay_s, self.batches = upstream, answer, delay_s, batches
        self.requests: list[dict[str, Any]] = []
        node = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, content = node.respond(body)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def respond(self, body: bytes) -> tuple[int, bytes]:
        """Return status and content for one HTTP request."""
        time.sleep(self.delay_s)
        request = json.loads(body)
        if isinstance(request, list):
            self.requests += request
            if not self.batches:
                error = {"code": -32600, "message": "batches are not supported"}
                return 200, json.dumps({"jsonrpc": "2.0", "id": None, "error": error}).encode()
        else:
            self.requests.append(request)
            given = self.answer(request) if self.answer else None
            if isinstance(given, int):
                return given, b"go away"
            if given is not None:
                return 200, json.dumps({"jsonrpc": "2.0", "id": request["id"], **given}).encode()
        upstream = Request(self.upstream, body, {"Content-Type": "application/json"})
        with urlopen(upstream) as response:
            return 200, response.read()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
