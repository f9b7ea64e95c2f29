"""``alp record`` as a process: what it wrote rebuilds the venue's books, whatever happened."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from waits import run, until

from alp.paper.binance.public import Binance
from alp.paper.coinbase.public import Coinbase
from alp.paper.exchange import Exchange
from alp.paper.faults.script import Fault
from alp.paper.kraken.spot import KrakenSpot
from alp.paper.market import Market
from alp.paper.protocol import Protocol
from alp.recording.records import SUFFIX, mend, read_records
from alp.recording.verify_feed import FeedReport, verify_feed

pytestmark = pytest.mark.timed

SOON_S = 20.0
MANIFEST = """\
apiVersion: alp.dev/v1alpha1
kind: Strategy
metadata: {{name: one-venue}}
spec:
  pool: {{chain: ethereum, base: WETH, quote: USDC, feeTier: 500}}
  inventory: {{base: "1", quote: "2500"}}
  venues:
  - name: here
    exchange: {exchange.protocol.exchange}
    symbol: {symbol}
    endpoints: {{rest: "{exchange.rest_url}", stream: "{exchange.stream_url}"}}
"""


def binance() -> Protocol:
    return Binance([Market.made_up("ETHUSDC")])


def coinbase() -> Protocol:
    return Coinbase([Market.made_up("ETH-USD", quantity_decimals=8)])


def kraken() -> Protocol:
    return KrakenSpot([Market.made_up("ETH/USDC", quantity_decimals=8, depth=25)])


@dataclass
class Recording:
    """A recorder in a process of its own."""

    exchange: Exchange
    process: subprocess.Popen[str]
    folder: Path

    @property
    def files(self) -> list[Path]:
        return sorted(self.folder.glob(f"*{SUFFIX}"))

    def size(self) -> int:
        return sum(path.stat().st_size for path in self.files)

    async def begun(self) -> None:
        await until(lambda: self.size() > 0, SOON_S)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> str:
        self.process.send_signal(number)
        output, errors = await asyncio.to_thread(self.process.communicate, None, SOON_S)
        return output + errors


@asynccontextmanager
async def recording(folder: Path, protocol: Protocol, *more: str) -> AsyncIterator[Recording]:
    async with Exchange(protocol) as exchange:
        manifest = folder / "strategy.yaml"
        (symbol,) = exchange.markets
        manifest.write_text(MANIFEST.format(exchange=exchange, symbol=symbol))
        out = folder / "out"
        process = subprocess.Popen(
            [sys.executable, "-m", "alp", "record", str(manifest), "-o", str(out), *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "XDG_RUNTIME_DIR": str(folder)},
        )
        try:
            yield Recording(exchange, process, out)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.communicate()


def same_touch(report: FeedReport, exchange: Exchange) -> bool:
    (book,), (market,) = report.books, exchange.markets.values()
    touch = market.book.touch()
    assert touch is not None
    assert book.bid is not None
    assert book.ask is not None
    scales = (market.book.price_decimals, market.book.quantity_decimals) * 2
    told = (*book.bid, *book.ask)
    return [int(each.scaleb(scale)) for each, scale in zip(told, scales, strict=True)] == [*touch]


@pytest.mark.parametrize("make", [binance, coinbase, kraken])
def test_a_recording_rebuilds_the_book_that_the_venue_had_at_its_end(
    tmp_path: Path, make: Callable[[], Protocol]
) -> None:
    async def test() -> None:
        async with recording(tmp_path, make()) as made:
            await made.begun()
            await asyncio.sleep(1.5)
            made.exchange.rate = 0
            await asyncio.sleep(1)
            told = await made.stop()
            assert made.process.returncode == 0, told
            report = verify_feed(made.files)
            assert report.ok, report.faults
            assert same_touch(report, made.exchange)
            assert str(made.files[0]) in told

    run(test())


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.GAP])
@pytest.mark.parametrize("make", [binance, coinbase, kraken])
def test_what_was_lost_on_the_way_is_in_the_recording_as_what_it_was(
    tmp_path: Path, make: Callable[[], Protocol], fault: Fault
) -> None:
    async def test() -> None:
        async with recording(tmp_path, make()) as made:
            await made.begun()
            await asyncio.sleep(1)
            made.exchange.apply(fault)
            await asyncio.sleep(3)
            made.exchange.rate = 0
            await asyncio.sleep(1)
            await made.stop()
            report = verify_feed(made.files)
            lost = [name for name in report.faults if "no book at the end" not in name]
            assert bool(lost) == (fault is Fault.GAP), report.faults
            assert all(book.live for book in report.books)
            assert same_touch(report, made.exchange), report

    run(test())


def test_a_recorder_that_is_killed_loses_a_second_at_most(tmp_path: Path) -> None:
    async def test() -> None:
        async with recording(tmp_path, binance()) as made:
            await made.begun()
            await asyncio.sleep(3)
            killed_ns = time.time_ns()
            await made.stop(signal.SIGKILL)
            for path in made.files:
                mend(path)
            report = verify_feed(made.files)
            assert report.ok, report.faults
            assert report.messages > 100
            last = max(record.ns for path in made.files for record in read_records(path))
            assert killed_ns - last < 2.5 * 10**9

    run(test())


def test_files_are_rotated_and_are_one_recording_in_order(tmp_path: Path) -> None:
    async def test() -> None:
        async with recording(tmp_path, kraken(), "--rotate", "500ms", "--for", "4s") as made:
            told, _ = await asyncio.to_thread(made.process.communicate, None, SOON_S)
            assert made.process.returncode == 0
            assert len(made.files) >= 3
            assert verify_feed(made.files).ok
            assert told.count(SUFFIX) == len(made.files)

    run(test())


def test_a_disk_that_is_nearly_full_ends_it_before_it_is(tmp_path: Path) -> None:
    async def test() -> None:
        async with recording(tmp_path, binance(), "--least-free", str(10**5)) as made:
            _, errors = await asyncio.to_thread(made.process.communicate, None, SOON_S)
            assert made.process.returncode == 0
            assert "bytes are free" in errors
            assert verify_feed(made.files).ok

    run(test())


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ([], 2, "nothing to record"),
        (["--product", "ETHUSDC"], 2, "is not EXCHANGE:SYMBOL"),
        (["--product", "nowhere:ETHUSDC"], 3, "no adapter for exchange 'nowhere'"),
        (["--product", "kraken-spot:ETH/USDC", "--rotate", "5"], 2, "--rotate"),
    ],
)
def test_what_cannot_be_recorded_is_refused(
    tmp_path: Path, arguments: list[str], status: int, message: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "alp", "record", "-o", str(tmp_path / "out"), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, message in done.stderr) == (status, True), done.stderr
