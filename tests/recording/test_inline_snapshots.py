"""Binance's snapshots among a connection's own messages: each connection keeps its own books."""

from __future__ import annotations

import json
from pathlib import Path

from usdm_stream import UsdmStream

from alp.recording.verify_feed import verify_feed


def line(kind: str, number: int, at: float, **more: str) -> bytes:
    return json.dumps({"t": kind, "conn": f"B.ws.{number}", "ts": at, **more}).encode()


def test_a_connection_that_is_opened_later_does_not_cost_anothers_book(tmp_path: Path) -> None:
    stream = UsdmStream("ETHUSDC")
    begun = stream.message().decode()
    snapshot = f'{{"stream":"ethusdc@depth","data":{stream.snapshot().decode()}}}'
    trade = (
        '{"e":"aggTrade","E":2,"T":1,"s":"ETHUSDC","a":1,"p":"2000.01","q":"0.5","f":1,"l":1,'
        '"m":true}'
    )
    lines = [
        line("connect", 1, 1.0, addr="wss://x/public"),
        line("recv", 1, 1.1, data=begun),
        line("recv", 1, 1.2, data=snapshot),
        line("connect", 2, 1.3, addr="wss://x/market"),
        line("recv", 2, 1.4, data=trade),
        line("recv", 1, 1.5, data=stream.message().decode()),
    ]
    path = tmp_path / "capture.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n")
    report = verify_feed([path])
    assert report.ok, report.faults
    (book,) = report.books
    assert book.bid is not None
    assert int(book.bid[0].scaleb(2)) == max(stream.book.bids)
