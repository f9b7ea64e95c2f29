"""A recording as a market: its books, its trades, its pace, whatever happened to it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from usdm_stream import UsdmStream
from venue_process import BEGIN_NS, STEP_NS, alp, capture, venue

from alp.errors import ConfigError, DataError
from alp.paper.book import ASK, BID
from alp.paper.market import Event, Market
from alp.paper.recorded import Recorded
from alp.paper.server import Wanted, exchange_of

pytestmark = pytest.mark.timed

CAPTURES = (
    "binance_usdm_ethusdt_20240808.jsonl.gz",
    "coinbase_advanced_ETH-USD_BTC-USD_2026-08-09.jsonl.zst",
    "coinbase_exchange_ETH-USD_BTC-USD_level2_50_matches_2026-07-07.ndjson.gz",
    "kraken_v2_ETHUSD_BTCUSD_book10_trades_2026-07-07.ndjson.gz",
)

MANIFEST = """\
apiVersion: alp.dev/v1alpha1
kind: Strategy
metadata: {{name: recorded}}
spec:
  pool: {{chain: ethereum, base: WETH, quote: USDC, feeTier: 500}}
  inventory: {{base: "1", quote: "2500"}}
  venues:
  - name: perp
    exchange: binance-usdm
    symbol: ETHUSDC
    endpoints: {{rest: "{venue.rest_url}", stream: "{venue.stream_url}"}}
"""


class Stage:
    """Lets events happen, and is told of each."""

    def __init__(self, source: Recorded) -> None:
        self.source = source
        self.markets = {market.symbol: market for market in source.markets}
        self.events: list[Event] = []
        self.crossed = 0

    def happen(self, symbol: str, event: Event) -> None:
        market = self.markets[symbol]
        for change in event.changes:
            market.book.put(*change)
            self.crossed += crossed(market)
        market.happen(event)
        self.events.append(event)

    async def room(self) -> None:
        return


def crossed(market: Market) -> bool:
    touch = market.book.touch()
    return touch is not None and touch[0] >= touch[2]


def played(paths: Sequence[Path]) -> Stage:
    stage = Stage(Recorded(paths, speed=None))
    asyncio.run(stage.source.play(stage))
    return stage


def lines(*messages: bytes) -> bytes:
    return b"".join(
        b"%d %b\n" % (BEGIN_NS + at * STEP_NS, each) for at, each in enumerate(messages)
    )


def snapshot(stream: UsdmStream) -> bytes:
    return b'{"stream":"ethusdc@depth","data":%b}' % stream.snapshot()


def test_the_book_at_the_end_is_the_recording_s(tmp_path: Path) -> None:
    stream = capture(tmp_path / "capture", 300)
    stage = played([tmp_path / "capture"])
    (market,) = stage.source.markets
    assert market.symbol == "ETHUSDC"
    assert (market.book.bids, market.book.asks) == (stream.book.bids, stream.book.asks)
    assert stage.crossed == 0
    assert len(stage.events) == 300


def test_a_gap_leaves_the_book_as_it_was_until_there_is_a_whole_one(tmp_path: Path) -> None:
    stream = UsdmStream(levels=60)
    messages = [stream.message(), snapshot(stream), *stream.messages(20)]
    before = dict(stream.book.bids)
    stream.message()  # lost
    messages += stream.messages(20)
    (tmp_path / "gap").write_bytes(lines(*messages))
    stage = played([tmp_path / "gap"])
    assert stage.source.markets[0].book.bids == before
    late = snapshot(stream)
    messages += [late, *stream.messages(5)]
    (tmp_path / "mended").write_bytes(lines(*messages))
    stage = played([tmp_path / "mended"])
    (market,) = stage.source.markets
    assert (market.book.bids, market.book.asks) == (stream.book.bids, stream.book.asks)
    assert stage.crossed == 0


def test_several_files_are_one_recording(tmp_path: Path) -> None:
    stream = UsdmStream(levels=60)
    (tmp_path / "a").write_bytes(lines(stream.message(), snapshot(stream), *stream.messages(5)))
    (tmp_path / "b").write_bytes(lines(*stream.messages(50)))
    stage = played([tmp_path / "a", tmp_path / "b"])
    assert stage.source.markets[0].book.bids == stream.book.bids


def test_what_is_made_up_afterwards_goes_on_from_the_last_book(tmp_path: Path) -> None:
    stream = capture(tmp_path / "capture", 30)
    (market,) = played([tmp_path / "capture"]).source.markets
    last_id = market.last_id
    assert market.is_recorded
    for _ in range(200):
        market.step()
        assert not crossed(market)
    assert not market.is_recorded
    assert market.last_id > last_id
    touch = stream.book.touch()
    assert touch is not None
    assert abs(market.book.touch()[0] - touch[0]) < 100  # type: ignore[index]


def test_a_recording_is_played_at_its_pace(tmp_path: Path) -> None:
    capture(tmp_path / "capture", 40)

    async def test(speed: float) -> float:
        source = Recorded([tmp_path / "capture"], speed=speed)
        begun = asyncio.get_running_loop().time()
        await source.play(Stage(source))
        return asyncio.get_running_loop().time() - begun

    span_s = 39 * STEP_NS / 1e9
    assert asyncio.run(test(2)) >= span_s / 2
    assert asyncio.run(test(1)) >= span_s


@pytest.mark.parametrize("name", CAPTURES)
def test_books_are_those_of_the_feed_handler(name: str, shared: Path) -> None:
    file = shared / "data" / "B_l2_raw" / name
    if not file.exists():
        pytest.skip(f"no {name}")
    source = Recorded([file], speed=None)
    stage = Stage(source)

    async def begin() -> None:
        with_few = _first(source, 2_000)
        await with_few.play(stage)

    asyncio.run(begin())
    compared = 0
    for followed in source._followed.values():
        if followed.feed is None or not followed.feed.status(followed.index)[0]:
            continue
        for bid in (BID, ASK):
            levels = followed.levels(bid, followed.feed.depth(followed.index, bid, 10**6))
            assert followed.market.levels(bid) == [(price, size) for _, price, size in levels]
            compared += len(levels)
    assert compared > 0
    assert any(event.trades for event in stage.events)
    assert stage.crossed == 0


def _first(source: Recorded, most: int) -> Recorded:
    """Let a recording end early."""
    from itertools import islice

    source._messages = islice(source._messages, most)
    return source


def test_a_product_is_called_as_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "capture"
    capture(file, 3)
    made = exchange_of(Wanted("kraken-spot", ("ETH/USDC=ETHUSDC",), (file,)))
    assert list(made.markets) == ["ETH/USDC"]
    assert list(exchange_of(Wanted("binance-spot", (), (file,))).markets) == ["ETHUSDC"]
    with pytest.raises(ConfigError, match="names are not kraken-spot's"):
        exchange_of(Wanted("kraken-spot", (), (file,)))
    with pytest.raises(DataError, match="no message about BTCUSDC"):
        exchange_of(Wanted("binance-usdm", ("BTCUSDC",), (file,)))
    with pytest.raises(ConfigError, match="given twice"):
        exchange_of(Wanted("binance-usdm", ("X=ETHUSDC", "X=BTCUSDC"), (file,)))


def test_what_alp_recorded_of_a_venue_is_a_venue_again(root: Path, tmp_path: Path) -> None:
    """Books and trades come by connections of their own there."""
    manifest = tmp_path / "strategy.yaml"
    out = tmp_path / "recorded"
    with venue(root, "binance", "--rate", "100") as running:
        manifest.write_text(MANIFEST.format(venue=running))
        ended = alp(root, "record", str(manifest), "-o", str(out), "--for", "3s")
        assert ended.returncode == 0, ended.stderr
    source = Recorded(sorted(out.glob("*.zst")), speed=None)
    (followed,) = source._followed.values()
    stage = Exact(source)
    asyncio.run(source.play(stage))
    assert stage.compared > 50
    trades = [each for event in stage.events for each in event.trades or ()]
    assert 5 < len(trades) <= running.end["trades"]
    assert followed.trades is None  # its connection was closed


class Exact(Stage):
    """Compares the book with the feed handler's after every event."""

    compared = 0

    def happen(self, symbol: str, event: Event) -> None:
        super().happen(symbol, event)
        for followed in self.source._followed.values():
            if followed.feed is None or not followed.feed.status(followed.index)[0]:
                continue
            for bid in (BID, ASK):
                levels = followed.levels(bid, followed.feed.depth(followed.index, bid, 10**6))
                assert followed.market.levels(bid) == [(price, size) for _, price, size in levels]
            self.compared += 1
