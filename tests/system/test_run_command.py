"""``alp run`` at a venue that is there already: its keys, its orders, its end, its status."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from clinic_world import clinic
from paper_world import SOON_S, Paper
from waits import run, until

from alp.paper.orders import State, Ticket

pytestmark = pytest.mark.timed


@pytest.fixture
def paper(tmp_path: Path) -> Iterator[Paper]:
    made = Paper(tmp_path)
    yield made
    made.kill()


def test_a_run_owns_its_orders_leaves_those_of_others_and_ends_on_sigterm(paper: Paper) -> None:
    async def test() -> None:
        async with clinic(paper.folder, rate=20.0) as here:
            paper.manifest.write_text(here.text().replace("examined", "tried"))
            paper.start("--secrets", str(paper.folder / "keys"), command="run")
            parts = await asyncio.to_thread(lambda: asyncio.run(paper.ready()))
            assert list(parts) == ["quotes", "watchdog-here", "handler-here", "maker"]
            side = here.exchange.protocol.private
            assert side is not None
            touch = here.exchange.markets["ETHUSDC"].book.touch()
            assert touch is not None
            ticket = Ticket("ETHUSDC", True, 100, touch[0] - 5000)
            ticket.notes = {"type": "LIMIT", "tif": "GTC"}
            ticket.client_id = "somebody-else"
            order = side.desk.place("here", ticket)
            told = await asyncio.to_thread(paper.alp, "status", str(paper.manifest))
            assert told.returncode == 0, told.stdout + told.stderr
            assert "tried, run: ready" in told.stdout
            for words in ("watchdog-here", "binance-usdm-here", "active", "binance-usdm ETHUSDC"):
                assert words in told.stdout
            assert paper.process is not None
            paper.process.send_signal(signal.SIGTERM)
            await until(
                lambda: paper.process is not None and paper.process.poll() is not None, SOON_S
            )
            assert paper.process.returncode == 0, paper.text
            assert order.state is State.OPEN

    run(test(), 3 * SOON_S)


def test_without_keys_nothing_is_started(paper: Paper) -> None:
    paper.manifest.write_text(
        paper.manifest.read_text().replace(
            "symbol: ETHUSDC",
            'symbol: ETHUSDC\n    endpoints: {rest: "http://127.0.0.1:1", stream: "ws://127.0.0.1:1"}',
        )
    )
    told = paper.alp("run", str(paper.manifest), "--state", str(paper.state))
    assert told.returncode == 3
    assert "spec.venues[0].credentials: there are no keys: set ALP_PERP_KEY" in told.stderr
    assert not paper.state.exists()


def test_what_is_not_running_is_told(paper: Paper) -> None:
    told = paper.alp("status", "--name", "nobody")
    assert told.returncode == 5
    assert "no system of nobody runs here" in told.stderr
    assert paper.alp("status").returncode == 2
    assert paper.alp("status", "--at", "http://127.0.0.1:1").returncode == 5


def test_a_plan_is_printed_and_makes_nothing(paper: Paper) -> None:
    told = paper.alp("paper", str(paper.manifest), "--plan", "--state", str(paper.state))
    assert told.returncode == 0, told.stderr
    assert "tried, paper: 8 processes" in told.stdout
    assert not paper.state.exists()
