#!/usr/bin/env python3
"""Kill an execution handler again and again, and hold what is left to the exchange's own books.

    python tests/kills/matrix.py                                   # every venue, 200 kills each
    python tests/kills/matrix.py --venue kraken-spot --kills 20 --seed 7

What is asked of it is in tests/kills/README.md. Ends with status 1 where something did not hold,
and with 2 where the machine did not keep up with the play.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import aiohttp  # noqa: E402
import zmq  # noqa: E402
import zmq.asyncio  # noqa: E402
from handler_processes import Zygote, is_alive, tell  # noqa: E402
from kill_points import POINTS  # noqa: E402
from kill_venues import SCENES, Scene  # noqa: E402

from alp._core.wire import (  # noqa: E402
    ExecutionReportMessage,
    GateMessage,
    HeaderFields,
    HeartbeatMessage,
    QuotesMessage,
    RecallMessage,
    encode,
)
from alp.bus.commands import CommandClient  # noqa: E402
from alp.journal.ids import parse_client_id  # noqa: E402
from alp.paper.exchange import Exchange  # noqa: E402
from alp.paper.faults.script import CommandFault  # noqa: E402
from alp.paper.orders import Report  # noqa: E402

SECOND = 10**9
SETTLE_S = 60.0
START_S = 60.0
LIVES_S = (0.2, 2.0)
MOST_BASE = 6
NOT_PLAYED = 2
"""Exit status: a process was not where it had to be in time, so nothing was proven or refuted."""
FAULTS: tuple[tuple[str, str, CommandFault, dict[str, Any]], ...] = (
    ("F08 the answer is lost", "new", CommandFault.LOSE_ANSWER, {}),
    ("F08 the answer to an amend is lost", "amend", CommandFault.LOSE_ANSWER, {}),
    ("F08 the answer to a cancel is lost", "cancel", CommandFault.LOSE_ANSWER, {}),
    ("F09 the request is lost", "new", CommandFault.LOSE_REQUEST, {}),
    ("F09 the request of a cancel is lost", "cancel", CommandFault.LOSE_REQUEST, {}),
    ("F10 messages come twice", "stream", CommandFault.DUPLICATE, {"times": 5}),
    ("F11 answers after events", "new", CommandFault.DELAY, {"delay_ms": 150, "times": 3}),
    ("F12 messages swapped", "stream", CommandFault.REORDER, {"times": 3}),
    ("F13 amends wait", "amend", CommandFault.HOLD, {"delay_ms": 100, "times": 3}),
    ("F15 messages missing", "stream", CommandFault.GAP, {"times": 2}),
    ("F16 too many requests", "new", CommandFault.STATUS, {"status": 429, "times": 2}),
    ("C12 unknown and done", "new", CommandFault.UNKNOWN, {"done": True}),
    ("C12 unknown and not done", "new", CommandFault.UNKNOWN, {"done": False}),
    ("F18 the stream is silent", "stream", CommandFault.SILENCE, {}),
)
MANIFEST = """\
apiVersion: alp.dev/v1alpha1
kind: Strategy
metadata: {{name: killed}}
spec:
  pool: {{chain: ethereum, base: WETH, quote: USDC, feeTier: 500}}
  inventory: {{base: "1", quote: "2500"}}
  venues:
  - name: venue
    exchange: {exchange}
    symbol: {symbol}
    endpoints: {{rest: "{rest}", stream: "{stream}"}}
    order: {{maxBase: "2"}}
  limits: {{maxNetBase: "100000000", maxVenueBase: "{most}", maxOrderNotional: "20000"}}
  execution: {{ordersPerSecond: 200, burst: 200, fillBurst: 64, fillWindow: 100ms, quoteAge: 2s}}
"""


class Late(Exception):
    """Something did not happen in time; a busy machine is enough for that."""


@dataclass
class Tally:
    """What happened, and what did not hold."""

    kills: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    def wrong(self, what: str) -> None:
        self.violations.append(what)
        print(f"  VIOLATION: {what}", flush=True)


class Truth:
    """The exchange's own books, looked at whenever something happens in them."""

    def __init__(self, exchange: Exchange, scene: Scene, tally: Tally) -> None:
        self.scene = scene
        self.tally = tally
        side = exchange.protocol.private
        assert side is not None
        self.desk = side.desk
        self.begun_with = self.position()
        self.newest_epoch = 0
        self.most = 0
        self.desk.listeners.append(self._heard)

    def position(self) -> int:
        """What the account has, in the order table's lots."""
        return self.scene.position(self.desk)

    def _heard(self, report: Report) -> None:
        order = report.order
        if order is None or report.account != "first":
            return
        said = parse_client_id(order.ticket.client_id)
        if report.kind.name == "NEW" and said is not None:
            self.tally.counts["orders"] += 1
            if said.epoch < self.newest_epoch:
                self.tally.wrong(f"{order.ticket.client_id}: of an epoch that had ended")
            self.newest_epoch = max(self.newest_epoch, said.epoch)
        self._measure()

    def _measure(self) -> None:
        sides = {True: 0, False: 0}
        for order in self.desk.open_orders("first"):
            sides[order.ticket.bid] += order.left
        position = self.scene.position(self.desk) - self.scene.flat
        # On spot nothing limits how much of what was there at the beginning is sold.
        sold = sides[False] - position if self.scene.futures else 0
        worst = max(position + sides[True], sold)
        self.most = max(self.most, worst)
        if worst > MOST_BASE * self.scene.lots_per_base:
            self.tally.wrong(f"{worst} lots may be held, {MOST_BASE} base is the limit")

    def live(self) -> set[str]:
        return {each.ticket.client_id for each in self.desk.open_orders("first")}

    def trades(self) -> Counter[tuple[str, int, int]]:
        """Client id, price and quantity of every trade."""
        return Counter(
            (each.order.ticket.client_id, each.price, each.quantity)
            for each in self.desk.trades_of("first")
        )


class Matrix:
    """One venue's kills."""

    def __init__(self, scene: Scene, folder: Path, seed: int) -> None:
        self.scene = scene
        self.folder = folder
        self.random = Random(f"{scene.name} {seed}")
        self.tally = Tally()
        self.reports: dict[tuple[str, str], tuple[int, int]] = {}
        self.told_in_life: set[tuple[str, str]] = set()
        self.pid = 0
        self.life = 0

    def _end(self, name: str) -> str:
        return f"ipc://{self.folder}/{name}.ipc"

    async def run(self, kills: int) -> Tally:
        exchange = self.scene.exchange()
        async with exchange, Zygote(self.scene.keys(self.folder)) as zygote:
            self.exchange, self.zygote = exchange, zygote
            self.truth = Truth(exchange, self.scene, self.tally)
            manifest = self.folder / "strategy.yaml"
            manifest.write_text(
                MANIFEST.format(
                    exchange=self.scene.name,
                    symbol=self.scene.symbol,
                    rest=exchange.rest_url,
                    stream=exchange.stream_url,
                    most=self.scene.most_venue_base(MOST_BASE),
                )
            )
            self.manifest = manifest
            quotes = await zygote.start(
                [
                    *("quote-server", str(manifest), "--publish", self._end("quotes")),
                    *("--recall", self._end("quotes.recall")),
                ],
                self.folder / "quotes.log",
            )
            context = zmq.asyncio.Context()
            try:
                await self._kill_again_and_again(context, kills)
            finally:
                for pid in (quotes, self.pid):
                    tell(pid, signal.SIGKILL)
                context.destroy(linger=0)
        return self.tally

    async def _kill_again_and_again(self, context: zmq.asyncio.Context, kills: int) -> None:
        reading = asyncio.create_task(self._read(context))
        try:
            await self._start("")
            for number in range(kills):
                await self._one(context, number)
                if self.tally.violations:
                    return
            await self._finish(context)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _one(self, context: zmq.asyncio.Context, number: int) -> None:
        """Let it live for a while, let it die, start it again, and look."""
        await self._ready(context)
        self._spoil()
        ends_by_itself = bool(self.point)
        stopping = self.point.startswith("F05") or self.random.random() < 0.1
        await self._quote(context, self.random.uniform(*LIVES_S), while_alive=ends_by_itself)
        what = self.point or "at a random moment"
        if stopping and self._alive():
            tell(self.pid, signal.SIGTERM)
            what = self.point or "F31 soon after SIGTERM"
            await asyncio.sleep(self.random.uniform(0, 0.05))
        if ends_by_itself:
            await self._until(lambda: not self._alive(), 3.0, fail=False)
            what = self.point if not self._alive() else "at a random moment"
        tell(self.pid, signal.SIGKILL)
        await self._until(lambda: not self._alive(), SETTLE_S)
        self.tally.kills[what] += 1
        await asyncio.sleep(self.random.choice((0.0, 0.0, 0.3)))
        if self.random.random() < 0.15:
            self._damage()
        points = [*POINTS, *[""] * len(POINTS)]
        await self._start(self.random.choice(points))
        if (number + 1) % 10 == 0:
            print(f"  {self.scene.name}: {number + 1} kills, {self._summary()}", flush=True)

    async def _start(self, point: str) -> None:
        self.life += 1
        self.point = point
        passes = 1 if point.startswith(("F05", "while")) else self.random.randint(1, 5)
        self.pid = await self.zygote.start(
            [
                *("--log-level", "info", "exec-handler", str(self.manifest), "--venue", "venue"),
                *("--state", str(self.folder / "state")),
                *("--commands", self._end("commands"), "--publish", self._end("orders")),
                *("--recall", self._end("orders.recall"), "--quotes", self._end("quotes")),
                *("--quotes-recall", self._end("quotes.recall")),
                *("--health", f"127.0.0.1:{self.scene.port}"),
            ],
            self.folder / f"life-{self.life}.log",
            point,
            passes,
        )

    async def _ready(self, context: zmq.asyncio.Context) -> None:
        """Wait until it may act, and hold what it found to the exchange's books.

        It may come by the point at which it dies while it clears up after the life before.
        """
        while not (await self._opens(context) and await self._holds()):
            self.tally.kills[self.point] += 1
            await self._start("")

    async def _opens(self, context: zmq.asyncio.Context) -> bool:
        """Wait for its gate to open; false where it died at its point before."""
        ended = time.monotonic() + START_S
        while True:
            if self._died():
                return False
            gate = await self._gate(context)
            if gate is not None and not gate.closed:
                self.token = gate.token
                self.tally.counts["starts"] += 1
                return True
            if time.monotonic() > ended:
                raise Late(f"life {self.life} is not ready: {gate} {self._log()}")
            await asyncio.sleep(0.02)

    def _died(self) -> bool:
        """Whether it ended at its point; it may not end without one."""
        if self._alive():
            return False
        if not self.point:
            raise AssertionError(f"life {self.life} ended: {self._log()}")
        return True

    async def _holds(self) -> bool:
        """Compare it with the exchange's books; false where it died at its point meanwhile."""
        wrong = [*await self._quiet(), *await self._same_trades()]
        if self._died():
            return False
        for each in wrong:
            self.tally.wrong(f"life {self.life}: {each}")
        return True

    async def _quiet(self) -> list[str]:
        """Nothing is wished: whatever is left of earlier lives has to go."""
        found = []
        if not await self._until(
            self._gone_or(lambda: not self.truth.live()), SETTLE_S, fail=False
        ):
            found.append(f"untracked at the exchange: {self.truth.live()}")
        orders = await self._page("/orders")
        for _ in range(int(SETTLE_S * 10)):
            if not orders:
                break
            await asyncio.sleep(0.1)
            orders = await self._page("/orders")
        if orders:
            found.append(f"believed open and gone: {orders}")
        return found

    async def _same_trades(self) -> list[str]:
        """Whatever was traded was told, and the positions are equal."""

        def told() -> Counter[tuple[str, int, int]]:
            return Counter((key[0], *terms) for key, terms in self.reports.items())

        found = []
        equal = self._gone_or(lambda: told() == self.truth.trades())
        if not await self._until(equal, SETTLE_S, fail=False):
            lost, more = self.truth.trades() - told(), told() - self.truth.trades()
            found.append(f"trades not told {lost}, told and not there {more}")
        ready = await self._page("/readyz")
        if ready is not None and ready["positions"]["venue"] != self.truth.position():
            found.append(
                f"the position is {ready['positions']['venue']}, at the exchange it is "
                f"{self.truth.position()}"
            )
        return found

    def _gone_or(self, condition: Callable[[], bool]) -> Callable[[], bool]:
        return lambda: not self._alive() or condition()

    async def _quote(
        self, context: zmq.asyncio.Context, seconds: float, *, while_alive: bool
    ) -> None:
        """Move a ladder around the touch."""
        ends = time.monotonic() + (3 * seconds + 2 if while_alive else seconds)
        with CommandClient(context, self._end("commands")) as client:
            while time.monotonic() < ends and self._alive():
                message = self._wish()
                if message is not None:
                    try:
                        await client.ask(encode(message), timeout_s=0.5, times=1)
                    except TimeoutError:
                        continue
                await asyncio.sleep(self.random.uniform(0.01, 0.08))

    def _wish(self) -> QuotesMessage | None:
        market = self.exchange.markets[self.scene.feed_symbol]
        touch = market.book.touch()
        if touch is None:
            return None
        bid, _, ask, _ = touch
        lots = self.scene.lots_per_base
        levels = self.random.randint(1, 3)
        shift = self.random.randint(0, 2)

        def side(price: int, step: int) -> tuple[tuple[int, int], ...]:
            return tuple(
                (price + step * (shift + n), lots * self.random.randint(1, 5) // 10)
                for n in range(levels)
            )

        now = time.time_ns()
        header = HeaderFields(2, 0, 1, 0, now)
        bids, asks = side(bid, -1), side(ask, 1)
        return QuotesMessage(header, self.token, now + 2 * SECOND, bids, asks, 1)

    def _spoil(self) -> None:
        """Let something go wrong in this life, or nothing."""
        if self.random.random() < 0.5:
            return
        name, on, fault, more = self.random.choice(FAULTS)
        self.tally.faults[name] += 1
        self.exchange.script.command(on, fault, **more)

    def _damage(self) -> None:
        """F06: cut the end of the journal, or turn a bit of it."""
        for path in sorted((self.folder / "state").rglob("segment-*.journal"), reverse=True):
            data = bytearray(path.read_bytes())
            end = len(data.rstrip(b"\0"))
            if end > 256:
                break  # the one before was made ahead, and nothing is in it
        else:
            return
        self.tally.counts["journals damaged"] += 1
        if self.random.random() < 0.5:
            cut = max(end - self.random.randint(1, 200), 128)
            data[cut:] = bytes(len(data) - cut)
        else:
            data[self.random.randrange(max(end - 200, 128), end)] ^= 1 << self.random.randrange(8)
        path.write_bytes(data)

    async def _finish(self, context: zmq.asyncio.Context) -> None:
        """End in order: nothing may be left, and the exit status says so."""
        tell(self.pid, signal.SIGKILL)  # it may have a point to die at
        await self._until(lambda: not self._alive(), SETTLE_S)
        await self._start("")
        await self._ready(context)
        await self._quote(context, 1.0, while_alive=False)
        tell(self.pid, signal.SIGTERM)
        await self._until(lambda: not self._alive(), SETTLE_S)
        status = (self.folder / f"life-{self.life}.log.status").read_text()
        if status != "0" or self.truth.live():
            self.tally.wrong(f"stopped with status {status}, {len(self.truth.live())} orders left")

    async def _read(self, context: zmq.asyncio.Context) -> None:
        """Ask for reports again and again, and note what they tell of fills."""
        token = known = 0
        with CommandClient(context, self._end("commands")) as client:
            while True:
                ask = RecallMessage(HeaderFields(2, 0, 1, 0, 0), token, known)
                try:
                    gate, *reports = await client.ask_all(encode(ask), timeout_s=0.2, times=1)
                except TimeoutError:
                    continue
                first = gate.header.exchange_ns
                if gate.token != token:
                    self.told_in_life.clear()
                    token, known = gate.token, 0
                if first != known:
                    self.tally.wrong(f"reports {known} to {first} are gone")
                known = first + len(reports)
                for report in reports:
                    if report.last_quantity:
                        self._note(report)
                await asyncio.sleep(0.005)

    def _note(self, report: ExecutionReportMessage) -> None:
        key = report.client_id, report.trade_id
        terms = report.last_price, report.last_quantity
        if self.reports.setdefault(key, terms) != terms:
            self.tally.wrong(f"{key}: told as {self.reports[key]} and as {terms}")
        if key in self.told_in_life:
            self.tally.wrong(f"{key}: told twice in one life")
        self.told_in_life.add(key)
        self.tally.counts["fills told"] += 1

    async def _gate(self, context: zmq.asyncio.Context) -> GateMessage | None:
        with CommandClient(context, self._end("commands")) as client:
            try:
                message = HeartbeatMessage(HeaderFields(2, 0, 1, 0, 0), 0, 0)
                answer = await client.ask(encode(message), timeout_s=0.5, times=1)
            except TimeoutError:
                return None
        return answer if isinstance(answer, GateMessage) else None

    async def _page(self, path: str) -> Any:
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://127.0.0.1:{self.scene.port}{path}") as answer,
            ):
                return await answer.json()
        except aiohttp.ClientError:
            return None

    async def _until(self, done: Callable[[], bool], seconds: float, *, fail: bool = True) -> bool:
        ended = time.monotonic() + seconds
        while not done():
            if time.monotonic() > ended:
                if fail:
                    raise Late(f"life {self.life}: not in time: {self._log()}")
                return False
            await asyncio.sleep(0.01)
        return True

    def _alive(self) -> bool:
        return is_alive(self.pid)

    def _log(self) -> str:
        path = self.folder / f"life-{self.life}.log"
        return path.read_text()[-3000:] if path.exists() else ""

    def _summary(self) -> str:
        counts = self.tally.counts
        return (
            f"{counts['orders']} orders, {self.truth.trades().total()} trades, "
            f"{counts['fills told']} told, worst exposure {self.truth.most} lots"
        )


def report(name: str, tally: Tally, seconds: float) -> None:
    print(f"\n{name}: {tally.kills.total()} kills in {seconds:.0f} s")
    for table in (tally.kills, tally.faults, tally.counts):
        for what, count in sorted(table.items()):
            print(f"  {what:<44}{count:>8,}")
    print(f"  {'violations':<44}{len(tally.violations):>8,}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--venue", choices=list(SCENES), action="append")
    parser.add_argument("--kills", type=int, default=200, help="of each venue")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="keep logs and journals")
    given = parser.parse_args()
    failed = 0
    for name in given.venue or list(SCENES):
        folder = Path(tempfile.mkdtemp(prefix="kill"))
        begun = time.monotonic()
        try:
            tally = asyncio.run(Matrix(SCENES[name], folder, given.seed).run(given.kills))
        except Late as problem:
            print(f"{name}: not played to the end: {problem}\n  logs and journals: {folder}")
            return NOT_PLAYED
        report(name, tally, time.monotonic() - begun)
        failed += bool(tally.violations)
        if given.keep or tally.violations:
            print(f"  logs and journals: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
