"""An encrypted bus between real processes: who has a known key is heard, and nobody else."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest
import zmq
import zmq.auth
from handler_processes import Zygote
from handler_world import SOON_S, Handler, World, world
from kill_venues import free_port
from waits import run

from alp._core.wire import GateMessage, HeaderFields, HeartbeatMessage, decode
from alp.bus.sockets import CurveKeys, Subscriber

pytestmark = pytest.mark.timed

KILL = GateMessage(HeaderFields(2, 0, 1, 0, 0), True, True, 0, "a stranger")
HEARD = 3


class Certificates:
    """Of each part its own, or one for all; in the files that commands take."""

    def __init__(self, folder: Path, *, one: bool) -> None:
        self.folder = folder / "certificates"
        self.clients = self.folder / "clients"
        self.clients.mkdir(parents=True)
        for name in ("handler", "quotes", "strategy", "watchdog", "stranger"):
            where = self.clients if name in ("strategy", "watchdog") else self.folder
            zmq.auth.create_certificates(where, name)
        self.one = one

    def name(self, part: str) -> str:
        return "handler" if self.one else part

    def public(self, part: str) -> str:
        return str(self._path(part, ".key"))

    def secret(self, part: str) -> str:
        return str(self._path(part, ".key_secret"))

    def _path(self, part: str, suffix: str) -> Path:
        name = self.name(part) if part != "stranger" else part
        where = self.clients if name in ("strategy", "watchdog") else self.folder
        return where / f"{name}{suffix}"

    def keys(self, part: str, server: str = "handler") -> CurveKeys:
        public, secret = zmq.auth.load_certificate(self.secret(part))
        assert secret is not None
        return CurveKeys(public, secret, zmq.auth.load_certificate(self.public(server))[0])

    async def processes(self, here: World) -> Handler:
        """A quote server and a handler."""
        await here.serve_quotes("--curve", self.secret("quotes"))
        more = ["--curve", self.secret("handler")]
        if not self.one:
            more += ["--quotes-key", self.public("quotes"), "--clients", str(self.clients)]
        return await here.start(more=more)

    async def watchdog(self, here: World, part: str) -> Handler:
        log, port = here.folder / f"watchdog-{part}.log", free_port()
        arguments = ["watchdog", str(here.manifest), "--venue", "venue", "--after", "600s"]
        arguments += ["--state", str(here.folder / "state"), "--orders", here.end("orders-a")]
        arguments += ["--health", f"127.0.0.1:{port}", "--curve", self.secret(part)]
        arguments += ["--server-key", self.public("handler")]
        keys = here.scene.keys(here.folder)
        own = {name.replace("ALP_VENUE_", "ALP_VENUE_WATCHDOG_"): keys[name] for name in keys}
        async with Zygote(own) as zygote:
            pid = await zygote.start(arguments, log)
        found = Handler(pid, log, port, "")
        here.handlers.append(found)
        return found


async def heartbeats(dog: Handler) -> int:
    _, page = await dog.page("/readyz")
    return int(page["heartbeats"]) if isinstance(page, dict) else -1


def heard(subscriber: Subscriber) -> int:
    """How many heartbeats wait."""
    count = 0
    while (message := subscriber.take()) is not None:
        count += isinstance(decode(message), HeartbeatMessage)
    return count


async def listen(here: World, friend: CurveKeys, strangers: list[CurveKeys | None]) -> list[int]:
    """Return how many heartbeats each stranger heard while the friend heard some."""
    source = [(here.end("orders-a"), here.end("orders-a.recall"))]
    plain: zmq.Context[zmq.Socket[bytes]] = zmq.Context.shadow(here.context)
    first = Subscriber(plain, source, curve=friend)
    others = [Subscriber(plain, source, curve=each) for each in strangers]
    try:
        count, end = 0, time.monotonic() + SOON_S
        while count < HEARD:
            count += heard(first)
            assert time.monotonic() < end, "the friend hears nothing"
            await asyncio.sleep(0.05)
        return [heard(each) for each in others]
    finally:
        for each in (first, *others):
            each.close()


@pytest.mark.parametrize("one", [True, False], ids=["one-certificate", "each-its-own"])
def test_who_has_a_known_key_is_heard_and_nobody_else(tmp_path: Path, one: bool) -> None:
    async def test() -> None:
        certificates = Certificates(tmp_path, one=one)
        async with world(tmp_path, quotes=False) as here:
            handler = await certificates.processes(here)
            friend = here.curve = certificates.keys("strategy")
            await here.ready(handler)
            with here.quoting(handler):
                await here.resting(4)
                strangers = [
                    None,
                    certificates.keys("stranger"),
                    certificates.keys("strategy", server="stranger"),
                    replace(friend, secret=certificates.keys("stranger").secret),
                ]
                for here.curve in strangers:
                    with pytest.raises(TimeoutError):
                        await here.ask(handler, KILL)
                here.curve = friend
                assert await listen(here, friend, strangers) == [0] * len(strangers)
                gate = await here.ready(handler)
                assert not gate.kill
                await here.resting(4)
            assert "wanted to connect" in handler.text

    run(test())


def test_a_watchdog_hears_an_encrypted_handler_by_its_key_only(tmp_path: Path) -> None:
    async def test() -> None:
        certificates = Certificates(tmp_path, one=False)
        async with world(tmp_path, quotes=False) as here:
            await certificates.processes(here)
            stranger = await certificates.watchdog(here, "stranger")
            dog = await certificates.watchdog(here, "watchdog")
            end = time.monotonic() + SOON_S
            while await heartbeats(dog) < HEARD or await heartbeats(stranger) < 0:
                assert time.monotonic() < end, dog.text + stranger.text
                await asyncio.sleep(0.1)
            assert await heartbeats(stranger) == 0

    run(test())
