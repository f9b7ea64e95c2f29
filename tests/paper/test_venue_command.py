"""``alp venue`` as users run it: other people's clients and ours take it for the venue."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from signal import SIGINT
from typing import Any

import pytest
from click.testing import CliRunner
from reader import Reader
from test_third_parties import Levels, ccxt_client, of_ccxt, of_the_reader
from venue_process import Venue, alp, capture, environment, venue
from waits import run, until

from alp.cli.venue import venue as venue_command
from alp.paper.book import PlainBook
from alp.venues.binance.signing import sign_request
from alp.venues.credentials import read_credentials

pytestmark = pytest.mark.timed

LEVELS = 10
PLAYED = 500
SERVED = [
    ("binance", "ETHUSDC", "binanceusdm", "ETH/USDC:USDC"),
    ("binance-spot", "ETHUSDC", "binance", "ETH/USDC"),
    ("coinbase", "ETH-USD", "coinbase", "ETH/USD"),
    ("kraken", "ETH/USDC", "kraken", "ETH/USDC"),
    ("kraken-futures", "PF_ETHUSD", "krakenfutures", "ETH/USD:USD"),
]
MANIFEST = """\
apiVersion: alp.dev/v1alpha1
kind: Strategy
metadata: {{name: on-localhost}}
spec:
  pool: {{chain: ethereum, base: WETH, quote: USDC, feeTier: 500}}
  inventory: {{base: "1", quote: "2500"}}
  venues:
  - name: perp
    exchange: binance-usdm
    symbol: ETHUSDC
    endpoints: {{rest: "{perp.rest_url}", stream: "{perp.stream_url}"}}
  - name: spot
    exchange: kraken-spot
    symbol: ETH/USDC
    endpoints: {{rest: "{spot.rest_url}", stream: "{spot.stream_url}"}}
"""
FAULTS = """\
connections:  # the first two: one of them has the book
- {connection: 1, after: 40, fault: gap}
- {connection: 2, after: 40, fault: gap}
- {connection: 1, after: 120, fault: drop}
- {connection: 2, after: 120, fault: drop}
rest:
- {path: depth, status: 500}
"""


def levels(book: PlainBook, bid: bool) -> Levels:
    return [
        (Decimal(book.price(price)), Decimal(book.quantity(size)))
        for price, size in book.best(bid, LEVELS)
    ]


@pytest.mark.parametrize(("exchange", "symbol", "client", "theirs"), SERVED)
def test_ccxt_and_alp_follow_a_recording_to_its_last_book(
    exchange: str, symbol: str, client: str, theirs: str, root: Path, tmp_path: Path
) -> None:
    """The recording is of Binance; each venue tells it in its own words."""
    pytest.importorskip("ccxt.pro", reason="needs ccxt, of the extra `test`")
    file = tmp_path / "capture.txt"
    book = capture(file, PLAYED).book
    product = f"{symbol}=ETHUSDC"

    async def test(running: Venue) -> None:
        other = ccxt_client(client, running)  # type: ignore[arg-type]
        try:
            told = await asyncio.wait_for(other.watch_order_book(theirs), 20)
            async with Reader(running, [symbol]) as reader:
                await until(lambda: reader.feed.counts["messages"] > 5)
                await reader.synchronise(reader.instruments[0])
                watching = asyncio.create_task(_watch(other, theirs))
                for bid, side in ((True, "bids"), (False, "asks")):
                    expected = levels(book, bid)
                    await _equal(expected, lambda bid=bid: of_the_reader(reader, bid))  # type: ignore[misc]
                    await _equal(expected, lambda side=side: of_ccxt(told[side]))  # type: ignore[misc]
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
        finally:
            await other.close()

    with venue(
        root, exchange, "--recording", str(file), "--product", product, "--then", "stand-still"
    ) as running:
        run(test(running))
    assert running.end["events"] >= PLAYED
    assert running.end["connections"] >= 2


async def _equal(expected: Levels, found: Callable[[], Levels]) -> None:
    await until(lambda: found() == expected, 30)


async def _watch(client: Any, symbol: str) -> None:
    while True:
        await client.watch_order_book(symbol)


def test_the_quote_server_has_its_books_again_after_every_fault(root: Path, tmp_path: Path) -> None:
    faults = tmp_path / "faults.yaml"
    faults.write_text(FAULTS)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (
        venue(root, "binance", "--rate", "50", "--faults", str(faults)) as perp,
        venue(root, "kraken", "--rate", "50", "--seed", "4", by=SIGINT) as spot,
    ):
        manifest = tmp_path / "strategy.yaml"
        manifest.write_text(MANIFEST.format(perp=perp, spot=spot))
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "alp", "quote-server", str(manifest)),
                *("--health", f"127.0.0.1:{port}", "--publish", f"ipc://{tmp_path}/q.ipc"),
            ],
            cwd=root,
            env=environment(root),
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            _wait_until_ready(server, port)
            time.sleep(5)  # the faults happen
            _wait_until_ready(server, port)
            server.terminate()
            _, told = server.communicate(timeout=30)
            assert server.returncode == 0, told
        finally:
            server.kill()
            server.communicate()
    assert perp.end["connections"] >= 3, told  # books, trades, and books again after the drop
    assert perp.end["events"] > 150
    assert spot.end["connections"] == 1


def _wait_until_ready(server: subprocess.Popen[str], port: int) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                return
        except (OSError, urllib.error.HTTPError):
            assert server.poll() is None, server.communicate()[1]
            assert time.monotonic() < end, "it was never ready"
            time.sleep(0.1)


def test_it_speaks_tls_with_the_certificate_of_the_folder(root: Path, tmp_path: Path) -> None:
    with venue(root, "kraken-futures", "--tls", str(tmp_path)) as running:
        assert running.rest_url.startswith("https://")
        trusting = ssl.create_default_context(cafile=running.told["certificate"])
        url = f"{running.rest_url}/derivatives/api/v3/instruments"
        with urllib.request.urlopen(url, timeout=10, context=trusting) as answer:
            assert b'"PF_ETHUSD"' in answer.read()
    assert running.end["requests"] == 1


def test_it_says_how_to_point_clients_at_it(root: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "alp", "venue", "coinbase", "--product", "BTC-USD"],
        cwd=root,
        env=environment(root),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(7)]
        process.send_signal(SIGINT)
        out, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    text = "".join(lines)
    assert "coinbase-spot with BTC-USD" in text
    assert 'endpoints: {rest: "http://127.0.0.1:' in text
    assert "ccxt" in text
    assert process.returncode == 0
    assert "0 connections" in out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nowhere"], 2, "'nowhere' is not one of"),
        (["kraken", "--product", "ETHUSD"], 3, "kraken-spot has no product like 'ETHUSD'"),
        (["binance", "--product", "ETHUSDC=ETHUSDT"], 3, "no product like 'ETHUSDC=ETHUSDT'"),
        (["binance", "--then", "stand-still"], 2, "--then is about a --recording"),
        (["binance", "--speed", "0"], 2, "is no speed"),
        (["binance", "--host", "192.0.2.1"], 3, "cannot listen on 192.0.2.1:0"),
        (["kraken", "--recording", "{capture}"], 3, "--product SYMBOL=ETHUSDC"),
        (["binance", "--recording", "{capture}", "--product", "BTCUSDC"], 4, "it has ETHUSDC"),
        (["binance", "--recording", "{empty}"], 4, "the file is empty"),
        (["binance", "--recording", "{no_book}"], 4, "no whole book of ETHUSDC"),
        (["binance", "--faults", "{faults}"], 3, "connections[0].fault: gpa is not a fault"),
    ],
)
def test_it_says_what_is_wrong_with_the_command_line(
    arguments: list[str], code: int, words: str, root: Path, tmp_path: Path
) -> None:
    files = {name: tmp_path / name for name in ("capture", "empty", "no_book", "faults")}
    capture(files["capture"], 3)
    files["empty"].touch()
    files["no_book"].write_bytes(files["capture"].read_bytes().splitlines(keepends=True)[0])
    files["faults"].write_text("connections: [{connection: 1, fault: gpa}]\n")
    ended = alp(root, "venue", *(each.format(**files) for each in arguments))
    assert ended.returncode == code, ended.stderr
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


def test_its_accounts_trade_with_the_keys_in_a_folder(root: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    with venue(root, "binance", "--rate", "0", "--keys", str(keys), "--queue", "power") as running:
        credentials = read_credentials("simulated", keys / "first")
        for client_id in ("a", "a"):
            signed = sign_request(
                credentials,
                "POST",
                "/fapi/v1/order",
                {
                    "symbol": "ETHUSDC",
                    "side": "BUY",
                    "type": "MARKET",
                    "quantity": "0.010",
                    "newClientOrderId": client_id,
                },
                timestamp_ms=time.time_ns() // 10**6,
            )
            url = running.rest_url + signed.target
            asked = urllib.request.Request(url, signed.body, signed.headers, method="POST")
            with urllib.request.urlopen(asked, timeout=30) as answer:
                assert json.load(answer)["status"] == "NEW"
    assert (running.end["orders"], running.end["fills"]) == (2, 2)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--account", "one"), "nobody would know the keys"),
        (("--account", "one", "--account", "one", "--keys", "k"), "given twice"),
        (("--account", "../one", "--keys", "k"), "small letters"),
        (("--base", "-1"), "is not 0 to 10^9"),
        (("--base", "much"), "is not a number"),
    ],
)
def test_accounts_that_cannot_be_are_refused(options: tuple[str, ...], words: str) -> None:
    result = CliRunner().invoke(venue_command, ["binance", *options])
    assert result.exit_code == 2
    assert words in result.output
