"""What every component serves over HTTP: is it alive, is it ready, how is it doing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import orjson
from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from alp.errors import ConfigError

logger = logging.getLogger(__name__)


@dataclass
class Health:
    """What a probe is answered.

    Attributes
    ----------
    ok
        Whether the answer is 200 rather than 503.
    reasons
        Why it is not, one line each.
    detail
        For people.
    """

    ok: bool
    reasons: list[str] = field(default_factory=list)
    detail: dict[str, Any] = field(default_factory=dict)


Probe = Callable[[], Health]


class Web:
    """Serves ``/livez``, ``/readyz`` and ``/metrics``, and pages of a component's own.

    ``/livez`` answers as long as the event loop does and `alive` says so: a process that fails it
    is to be killed. ``/readyz`` says whether its output can be used now. Both explain themselves
    in JSON. ``/metrics`` is the Prometheus exposition in the format that the scraper asks for.

    Parameters
    ----------
    address
        ``HOST:PORT``; port 0 takes a free one.
    pages
        By path, what is shown there as JSON.
    """

    def __init__(
        self,
        address: str,
        *,
        alive: Probe,
        ready: Probe,
        registry: CollectorRegistry,
        pages: Mapping[str, Callable[[], Any]] | None = None,
    ) -> None:
        host, _, port = address.rpartition(":")
        if not port.isdigit() or int(port) > 65535:
            raise ConfigError(f"{address!r} is not HOST:PORT")
        self._host, self._port = host.strip("[]") or "127.0.0.1", int(port)
        self._probes = {"/livez": alive, "/readyz": ready}
        self._registry = registry
        self._pages = dict(pages or {})
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        application = web.Application()
        for path in self._probes:
            application.router.add_get(path, self._answer_probe)
        for path in self._pages:
            application.router.add_get(path, self._answer_page)
        application.router.add_get("/metrics", self._answer_metrics)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise ConfigError(
                f"cannot serve on {self._host}:{self._port}: {error.strerror or error}"
            ) from error
        logger.info("health and metrics on http://%s:%d", self._host, self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def port(self) -> int:
        """The port it listens on."""
        if self._runner is None or not self._runner.addresses:
            return self._port
        return int(self._runner.addresses[0][1])

    async def _answer_probe(self, request: web.Request) -> web.Response:
        health = self._probes[request.path]()
        body = {"ok": health.ok, "reasons": health.reasons, **health.detail}
        return _json(body, 200 if health.ok else 503)

    async def _answer_page(self, request: web.Request) -> web.Response:
        return _json(self._pages[request.path]())

    async def _answer_metrics(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(self._registry), headers={"Content-Type": content_type})


def _json(body: Any, status: int = 200) -> web.Response:
    return web.Response(
        body=orjson.dumps(body, default=str, option=orjson.OPT_INDENT_2) + b"\n",
        status=status,
        content_type="application/json",
    )
