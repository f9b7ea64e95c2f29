"""The watchdog at simulated venues: what it cancels, when, and that it does nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import zmq.asyncio
from account_worlds import KINDS, account_at
from kill_venues import SCENES, Scene
from prometheus_client.parser import text_string_to_metric_families
from waits import run, until
from watchdog_world import AFTER_NS, SECOND, Watched, watched

from alp._core.wire import HeaderFields, HeartbeatMessage, QuotesMessage, encode
from alp.bus.commands import CommandClient
from alp.bus.sources import Source
from alp.errors import ConfigError
from alp.paper.accounts import READ, TRADE, WITHDRAW
from alp.paper.exchange import Exchange
from alp.paper.faults.script import CommandFault
from alp.paper.orders import Report, Why
from alp.services.execution.watchdog import Watchdog
from alp.venues.account.cancel_only import CancelOnly

pytestmark = pytest.mark.timed

VENUES = ("binance-spot", "coinbase-spot", "kraken-spot")
FOREIGN = ("manual", "zzzzz-000001000001")
Test = Callable[[Watched], Coroutine[Any, Any, None]]


def at(venue: str, folder: Path, test: Test) -> None:
    async def inside() -> None:
        async with watched(venue, folder) as world:
            await test(world)

    run(inside())


def page(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


async def calls_of(world: Watched, while_s: float) -> int:
    """How many private requests come in a while, whoever sends them."""
    before = world.world.exchange.requests.total()
    await asyncio.sleep(while_s)
    return world.world.exchange.requests.total() - before


@pytest.mark.parametrize("venue", KINDS)
def test_what_is_ours_goes_when_the_handler_falls_silent(venue: str, tmp_path: Path) -> None:
    async def test(world: Watched) -> None:
        ours = [world.ours(number) for number in range(3)]
        await world.place(*ours, *FOREIGN)
        await world.speak()
        async with world.dog() as dog:
            await until(lambda: dog.heartbeats and dog.ready().ok)
            await asyncio.sleep(2 * AFTER_NS / SECOND)
            assert world.open() == {*ours, *FOREIGN}
            await world.hush()
            await until(lambda: world.open() == set(FOREIGN))
            await until(lambda: not dog.ours)
            assert (dog.foreign, dog.acting, dog.counts["takeover silent"]) == (2, "silent", 1)

    at(venue, tmp_path, test)


@pytest.mark.parametrize("venue", VENUES)
def test_it_stops_when_the_handler_is_heard_again(venue: str, tmp_path: Path) -> None:
    async def test(world: Watched) -> None:
        await world.place(world.ours(1))
        async with world.dog() as dog:
            await until(lambda: not world.open())
            await world.speak()
            await until(lambda: not dog.acting)
            await world.place(world.ours(2), world.ours(3))
            await asyncio.sleep(2 * AFTER_NS / SECOND)
            assert world.open() == {world.ours(2), world.ours(3)}
            await world.hush()
            await until(lambda: not world.open())
            assert dog.counts["takeover silent"] == 2

    at(venue, tmp_path, test)


def test_an_order_that_comes_late_goes_too(tmp_path: Path) -> None:
    async def test(world: Watched) -> None:
        async with world.dog() as dog:
            await until(lambda: dog.acting and dog.counts["listed"] > 2)
            await world.place(world.ours(1), FOREIGN[0])
            await until(lambda: world.open() == {FOREIGN[0]}, 40)

    at("coinbase-spot", tmp_path, test)


def test_another_source_is_not_the_handler(tmp_path: Path) -> None:
    async def test(world: Watched) -> None:
        await world.place(world.ours(1))
        await world.speak(source=33)
        async with world.dog() as dog:
            await until(lambda: not world.open())
            assert not dog.heartbeats

    at("binance-spot", tmp_path, test)


def test_the_largest_goes_first(tmp_path: Path) -> None:
    async def test(world: Watched) -> None:
        names = [world.ours(number) for number in range(4)]
        await world.place(*names)
        gone: list[str] = []

        def heard(report: Report) -> None:
            if report.order is not None and report.order.why is Why.REQUEST:
                gone.append(report.order.ticket.client_id)

        world.world.desk.listeners.append(heard)
        async with world.dog():
            await until(lambda: not world.open())
        assert list(dict.fromkeys(gone)) == names[::-1]

    at("coinbase-spot", tmp_path, test)


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("fault", [CommandFault.LOSE_ANSWER, CommandFault.LOSE_REQUEST])
def test_lost_answers_and_requests_are_no_end(
    venue: str, fault: CommandFault, tmp_path: Path
) -> None:
    async def test(world: Watched) -> None:
        ours = [world.ours(number) for number in range(3)]
        await world.place(*ours, *FOREIGN)
        world.world.fault("cancel", fault, times=2)
        async with world.dog() as dog:
            await until(lambda: world.open() == set(FOREIGN))
            await until(lambda: not dog.ours and dog.ready().ok)
            assert dog.account is not None
            assert dog.account.cancels["failed"]

    at(venue, tmp_path, test)


@pytest.mark.parametrize("venue", VENUES)
def test_a_revoked_key_is_told_and_tried_again(venue: str, tmp_path: Path) -> None:
    async def test(world: Watched) -> None:
        await world.place(world.ours(1))
        await world.speak()
        async with world.dog() as dog:
            await until(lambda: dog.ready().ok)
            world.key.revoked = True
            await world.hush()
            await until(lambda: dog.counts["failed"] > 2)
            assert not dog.ready().ok
            assert "orders: " in " ".join(dog.ready().reasons)
            assert world.open() == {world.ours(1)}
            # The pauses grow: seconds of failing are not many requests.
            assert await calls_of(world, 3.0) < 30
            world.key.revoked = False
            await until(lambda: not world.open(), 40)
            await until(lambda: dog.ready().ok, 40)

    at(venue, tmp_path, test)


@pytest.mark.parametrize("venue", VENUES)
def test_a_venue_in_maintenance_is_waited_for(venue: str, tmp_path: Path) -> None:
    async def test(world: Watched) -> None:
        await world.place(world.ours(1))
        async with world.dog() as dog:
            await until(lambda: dog.ready().ok)
            world.world.fault("any", CommandFault.MAINTENANCE, delay_ms=4000)
            await until(lambda: dog.counts["failed"])
            assert not dog.ready().ok
            await until(lambda: not world.open(), 60)
            await until(lambda: dog.ready().ok, 40)

    at(venue, tmp_path, test)


def test_while_the_handler_is_heard_next_to_nothing_is_sent(tmp_path: Path) -> None:
    async def test(world: Watched) -> None:
        await world.place(world.ours(1))
        await world.speak()
        async with world.dog() as dog:
            await until(lambda: dog.ready().ok)
            await world.world.session.stop()
            await asyncio.sleep(0.5)
            assert await calls_of(world, 3.0) <= 1
            assert not dog.acting

    at("binance-spot", tmp_path, test)


def test_the_kill_switch_counts_as_well(tmp_path: Path) -> None:
    async def test(world: Watched) -> None:
        await world.place(world.ours(1), FOREIGN[0])
        await world.speak()
        async with world.dog() as dog:
            await until(lambda: dog.heartbeats and dog.ready().ok)
            dog.kill_switch.set("test")
            await until(lambda: world.open() == {FOREIGN[0]})
            assert (dog.acting, dog.counts["takeover killed"]) == ("killed", 1)
            dog.kill_switch.release()
            await until(lambda: not dog.acting)
            await world.place(world.ours(2))
            await asyncio.sleep(2 * AFTER_NS / SECOND)
            assert world.ours(2) in world.open()

    at("kraken-spot", tmp_path, test)


@pytest.mark.parametrize("venue", ["binance-spot", "coinbase-spot"])
def test_a_key_that_may_withdraw_is_refused(venue: str, tmp_path: Path) -> None:
    async def refused(world: Watched) -> None:
        world.key.permissions = frozenset({READ, TRADE, WITHDRAW})
        with pytest.raises(ConfigError, match="may withdraw"):
            await Watchdog(world.strategy, world.placement).run()

    at(venue, tmp_path, refused)


def test_it_can_do_nothing_but_look_and_cancel() -> None:
    public = {name for name in vars(CancelOnly) if not name.startswith("_")}
    assert public == {
        "cancel",
        "clock",
        "close",
        "open_orders",
        "permissions",
        "results",
        "run",
    }


def test_figures_are_served(tmp_path: Path) -> None:
    async def test(world: Watched) -> None:
        await world.place(world.ours(1), FOREIGN[0])
        async with world.dog() as dog:
            await until(lambda: world.open() == {FOREIGN[0]} and not dog.ours and dog.ready().ok)
            assert dog.web is not None
            status, text = await asyncio.to_thread(page, dog.web.port, "/metrics")
            values = {
                (sample.name, *sorted(sample.labels.values())): sample.value
                for family in text_string_to_metric_families(text)
                for sample in family.samples
            }
            labels = ("binance-spot-venue", "watched")
            found = {
                name: values[f"alp_watchdog_{name}", *sorted((*labels, *more))]
                for name, *more in (
                    ("acting", "silent"),
                    ("takeovers_total", "silent"),
                    ("open_orders", "others"),
                    ("cancels_total", "answered"),
                    ("ready",),
                )
            }
            assert (status, found) == (200, dict.fromkeys(found, 1))
            status, text = await asyncio.to_thread(page, dog.web.port, "/readyz")
            assert (status, json.loads(text)["open orders"]) == (200, {"ours": 0, "others": 1})
            assert (await asyncio.to_thread(page, dog.web.port, "/livez"))[0] == 200

    at("binance-spot", tmp_path, test)


def start(world: Watched, command: str, *more: str, output: Path) -> subprocess.Popen[bytes]:
    """Start ``alp`` with the manifest, as users do."""
    manifest = world.folder / "strategy.yaml"
    manifest.write_text(world.text)
    account = () if command == "quote-server" else ("--venue", "venue", "--state", world.folder)
    with output.open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "alp", command, manifest, *account, *more],
            env={
                **os.environ,
                **world.account_keys(),
                "XDG_RUNTIME_DIR": str(world.folder),
            },
            stdout=log,
            stderr=subprocess.STDOUT,
        )


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_watchdog_cancels_nothing(how: signal.Signals, tmp_path: Path) -> None:
    async def test(world: Watched) -> None:
        await world.place(world.ours(1))
        await world.speak()
        log = tmp_path / "watchdog.log"
        process = start(
            world,
            "watchdog",
            "--orders",
            world.endpoint,
            "--keys",
            str(tmp_path / "keys"),
            "--health",
            "127.0.0.1:0",
            output=log,
        )
        try:
            await until(lambda: b"health and metrics on" in log.read_bytes(), 60)
            await asyncio.sleep(1)
            process.send_signal(how)
            assert await asyncio.to_thread(process.wait, 30) == 0, log.read_text()
        finally:
            process.kill()
        assert b"Traceback" not in log.read_bytes()
        assert world.open() == {world.ours(1)}

    at("binance-spot", tmp_path, test)


async def rest_orders(exchange: Exchange, scene: Scene, commands: str) -> None:
    """Let the handler keep two bids below the touch, as a strategy would."""
    context = zmq.asyncio.Context()
    header = HeaderFields(int(Source.MARKET_MAKER), 0, 1, 0, 0)
    try:
        with CommandClient(context, commands) as client:
            gate: Any = None
            while gate is None or gate.closed:
                with contextlib.suppress(TimeoutError):
                    gate = await client.ask(
                        encode(HeartbeatMessage(header, 0, 0)), timeout_s=1, times=1
                    )
                await asyncio.sleep(0.05)
            touch = exchange.markets[scene.feed_symbol].book.touch()
            assert touch is not None
            bids = tuple((touch[0] - away, scene.lots_per_base // 10) for away in (100, 150))
            until_ns = time.time_ns() + 50 * SECOND
            wish = QuotesMessage(header, gate.token, until_ns, bids, (), 1)
            await client.ask(encode(wish), timeout_s=10)
    finally:
        context.destroy(linger=0)


@pytest.mark.parametrize("venue", ["binance-spot", "coinbase-spot"])
def test_a_killed_handler_leaves_nothing(venue: str, tmp_path: Path) -> None:
    async def test() -> None:
        scene = SCENES[venue]
        async with scene.exchange() as exchange, account_at(exchange) as world:
            await killed(Watched(world, tmp_path), scene)

    async def killed(world: Watched, scene: Scene) -> None:
        dog = ("watchdog", "--keys", str(tmp_path / "keys"), "--after", "2s")
        processes = [
            start(world, *command, output=tmp_path / f"{command[0]}.log")
            for command in (("quote-server",), ("exec-handler",), dog)
        ]
        try:
            await world.place(FOREIGN[0])
            sockets = tmp_path / f"alp-{os.getuid()}" / "watched"
            await rest_orders(world.world.exchange, scene, f"ipc://{sockets}/commands-venue.ipc")
            await until(lambda: len(world.open()) == 3, 60)
            await asyncio.sleep(4)
            assert len(world.open()) == 3
            processes[1].kill()
            await until(lambda: world.open() == {FOREIGN[0]}, 60)
            assert b"was not heard for" in (tmp_path / "watchdog.log").read_bytes()
        except AssertionError as error:
            error.add_note("\n".join(each.read_text()[-2000:] for each in tmp_path.glob("*.log")))
            raise
        finally:
            for process in processes:
                process.kill()
                process.wait()

    run(test(), 180)
