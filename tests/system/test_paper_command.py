"""One command for the whole system: started, quoted through, a handler killed, ended by Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq.asyncio
from paper_world import SOON_S, Paper, get
from small_system import alive
from waits import run, until

from alp._core.wire import GateMessage, HeaderFields, HeartbeatMessage, QuotesMessage, encode
from alp.bus.commands import CommandClient

pytestmark = pytest.mark.timed
SECOND = 10**9


@pytest.fixture
def paper(tmp_path: Path) -> Iterator[Paper]:
    made = Paper(tmp_path)
    yield made
    made.kill()


class Quoter:
    """Wants two orders on each side, and says so again and again, until it is told to be silent."""

    def __init__(self, commands: str, exchange: str) -> None:
        self._commands, self._exchange = commands, exchange
        self.token = 0

    def truth(self) -> dict[str, Any]:
        """What the exchange itself knows."""
        status, found = get(f"{self._exchange}/-/state")
        assert status == 200
        return found

    def resting(self) -> list[dict[str, Any]]:
        orders = self.truth()["accounts"]["perp"]["orders"]
        return [each for each in orders if each["state"] == "open"]

    async def quote(self, client: CommandClient) -> None:
        """Say once what shall rest: far from the touch, in ticks of 0.01 and lots of 0.001."""
        gate = await client.ask(encode(HeartbeatMessage(HeaderFields(2, 0, 1, 0, 0), 0, 0)))
        assert isinstance(gate, GateMessage)
        self.token = gate.token
        touch = self.truth()["touches"]["ETHUSDC"]
        bid, ask, now = int(float(touch[0]) * 100), int(float(touch[2]) * 100), time.time_ns()
        wish = QuotesMessage(
            HeaderFields(2, 0, 1, 0, now),
            gate.token,
            now + 25 * SECOND,
            ((bid - 400, 50), (bid - 500, 50)),
            ((ask + 400, 50), (ask + 500, 50)),
            1,
        )
        await client.ask(encode(wish))

    async def until_rest(self, context: zmq.asyncio.Context, count: int) -> None:
        """Say it until so many orders rest at the exchange."""
        end = time.monotonic() + SOON_S
        with CommandClient(context, self._commands) as client:
            while len(self.resting()) != count:
                assert time.monotonic() < end, self.truth()
                with contextlib.suppress(TimeoutError):
                    await self.quote(client)
                await asyncio.sleep(0.2)


def test_the_whole_system_on_paper(paper: Paper) -> None:
    async def test() -> None:
        context = zmq.asyncio.Context()
        try:
            paper.start("--rate", "20")
            parts = await paper.ready()
            assert list(parts) == [
                "exchange-binance-usdm",
                "quotes",
                "watchdog-perp",
                "handler-perp",
                "chain",
                "lp-agent",
                "maker",
                "positions",
            ]
            positions = f"{parts['lp-agent']['health']}/positions"
            await until(lambda: (get(positions)[1] or {}).get("positions"), SOON_S)
            handler, exchange = parts["handler-perp"], parts["exchange-binance-usdm"]
            quoter = Quoter(handler["sockets"]["commands"], exchange["health"])
            await quoter.until_rest(context, 4)

            told = paper.alp("status", str(paper.manifest), "--json")
            assert told.returncode == 0, told.stderr
            found = json.loads(told.stdout)
            (account,) = found["accounts"]
            assert account["gate"] == "active"
            assert len(account["open_orders"]) == 4
            assert account["positions_lots"] == {"perp": 0}
            assert [each["live"] for each in found["feeds"]] == [True]

            os.kill(handler["pid"], signal.SIGKILL)
            await until(lambda: paper.parts()["handler-perp"]["starts"] == 2, SOON_S)
            again = (await paper.ready())["handler-perp"]
            assert again["pid"] != handler["pid"]
            # Nobody renewed the wish to the new one: what the old one left is cancelled.
            await until(lambda: not quoter.resting(), SOON_S)
            before = quoter.token
            await quoter.until_rest(context, 4)
            assert quoter.token > before

            pids = [each["pid"] for each in paper.parts().values()]
            assert paper.interrupt() == 0, paper.text
            assert "nothing is left" in (paper.folder / "out").read_text()
            assert not [pid for pid in pids if alive(pid)]
            assert paper.note is None
            assert paper.alp("status", str(paper.manifest)).returncode == 5
        finally:
            context.destroy(linger=0)

    run(test(), 5 * SOON_S)


def test_the_handler_cancels_what_rests_when_the_whole_is_stopped(paper: Paper) -> None:
    async def test() -> None:
        context = zmq.asyncio.Context()
        try:
            paper.start("--json-logs")
            parts = await paper.ready()
            quoter = Quoter(
                parts["handler-perp"]["sockets"]["commands"],
                parts["exchange-binance-usdm"]["health"],
            )
            await quoter.until_rest(context, 4)
            status, pages = paper.page("/targets")
            assert status == 200
            assert {each["labels"]["part"] for each in pages} == {
                "system",
                "quotes",
                "watchdog-perp",
                "handler-perp",
                "chain",
                "lp-agent",
                "maker",
                "positions",
            }
            second = paper.alp("paper", str(paper.manifest), "--state", str(paper.state))
            assert second.returncode == 3
            assert "tried runs already" in second.stderr
            assert paper.interrupt() == 0, paper.text
            lines = [json.loads(each) for each in paper.log.read_text().splitlines()]
            ended = [each["message"] for each in lines if " ended with " in each["message"]]
            clean = [each.split()[0] for each in ended if each.endswith("status 0")]
            order = ["maker", "lp-agent", "handler-perp", "positions", "quotes", "watchdog-perp"]
            assert clean[:-2] == order
            assert set(clean[-2:]) == {"exchange-binance-usdm", "chain"}
        finally:
            context.destroy(linger=0)

    run(test(), 5 * SOON_S)


def test_a_handler_that_keeps_dying_ends_the_whole_and_its_watchdog_cancels_what_it_left(
    paper: Paper,
) -> None:
    async def test() -> None:
        context = zmq.asyncio.Context()
        try:
            paper.start()
            parts = await paper.ready()
            handler, exchange = parts["handler-perp"], parts["exchange-binance-usdm"]
            quoter = Quoter(handler["sockets"]["commands"], exchange["health"])
            await quoter.until_rest(context, 4)
            killed: set[int] = set()
            assert paper.process is not None
            end = time.monotonic() + 2 * SOON_S
            while "nothing of binance-usdm-perp is open" not in paper.text:
                assert time.monotonic() < end, paper.text
                note = paper.page("/parts")[1]
                found = {} if note is None else {each["name"]: each for each in note["parts"]}
                pid = found.get("handler-perp", {}).get("pid")
                if pid is not None and pid not in killed:
                    # At once: it cannot cancel anything itself.
                    os.kill(pid, signal.SIGKILL)
                    killed.add(pid)
                await asyncio.sleep(0.05)
            assert len(killed) == 6
            assert paper.process.wait(SOON_S) == 70, paper.text
            assert "handler-perp was ended by SIGKILL for the 6. time" in paper.text
            told = paper.text.split("shall cancel what binance-usdm-perp has open")[1]
            assert "cancelling 4 orders" in paper.log.read_text(), told
        finally:
            context.destroy(linger=0)

    run(test(), 6 * SOON_S)


def test_a_manifest_that_a_part_refuses_ends_the_whole_with_its_status(tmp_path: Path) -> None:
    made = Paper(tmp_path)
    made.manifest.write_text(made.manifest.read_text().replace('maxBase: "2"', 'maxBase: "0.0001"'))
    try:
        made.start()
        assert made.process is not None
        assert made.process.wait(SOON_S) == 3, made.text
        assert "spec.venues[0].order.maxBase: less than the venue's smallest order" in made.text
    finally:
        made.kill()
