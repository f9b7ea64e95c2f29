"""Captures in every form people have them, and what is said of a damaged one."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
import zstandard

from alp.errors import DataError
from alp.recording.captures import Message, read_capture, read_captures, seconds_to_ns
from alp.recording.records import CLOSED, CONNECTED, NOTE, Recorder

TEXT = b'{"e":"depthUpdate"}'


def written(folder: Path, lines: list[bytes], name: str = "capture") -> Path:
    path = folder / name
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def test_hftbacktest_lines_begin_with_nanoseconds(tmp_path: Path) -> None:
    path = written(tmp_path, [b"1723161255985432122 " + TEXT])
    assert [*read_capture(path)] == [Message(TEXT, 1723161255985432122, "", None, 1)]


def test_bare_messages_have_no_receive_time(tmp_path: Path) -> None:
    path = written(tmp_path, [TEXT, b"", TEXT])
    assert [(each.received_ns, each.line) for each in read_capture(path)] == [(0, 1), (0, 3)]


def test_cryptofeeds_lines_tell_connections_and_answers(tmp_path: Path) -> None:
    rows = [
        {"t": "header", "format": 2},
        {
            "t": "http",
            "conn": "X.http.1",
            "ts": 1.5,
            "url": "https://x/depth?symbol=ETHUSDT",
            "data": "{}",
        },
        {"t": "connect", "conn": "X.ws.2", "ts": 2, "addr": "wss://x"},
        {"t": "send", "conn": "X.ws.2", "ts": 2, "data": "{}"},
        {"t": "recv", "conn": "X.ws.2", "ts": 1786309548.6290078, "data": TEXT.decode()},
    ]
    path = written(tmp_path, [json.dumps(row).encode() for row in rows])
    assert [*read_capture(path)] == [
        Message(
            b"{}",
            1_500_000_000,
            "rest",
            "ETHUSDT",
            2,
            address="https://x/depth?symbol=ETHUSDT",
        ),
        Message(b"", 2_000_000_000, "X.ws.2", None, 3, connected=True, address="wss://x"),
        Message(TEXT, 1786309548629007800, "X.ws.2", None, 5),
    ]


def test_cryptofeeds_old_form(tmp_path: Path) -> None:
    lines = [
        b"wss://x/stream?streams=a",
        b"1617566591.326123: " + TEXT,
        b"https://x/depth?symbol=DOTUSDT&limit=5 -> 1617566592.1065369: {}",
        b"https://x/depth <- 1617566592.0: {}",
    ]
    assert [*read_capture(written(tmp_path, lines))] == [
        Message(TEXT, 1617566591326123000, "", None, 2),
        Message(
            b"{}",
            1617566592106536900,
            "rest",
            "DOTUSDT",
            3,
            address="https://x/depth?symbol=DOTUSDT&limit=5",
        ),
    ]


def test_fixture_lines_carry_the_raw_text(tmp_path: Path) -> None:
    rows = [
        {"channel": "depth", "direction": "in", "raw": TEXT.decode(), "recv_ns": 7},
        {"channel": "rest.depth", "raw": "{}", "symbol": "ETHUSDT"},
        {"channel": "depth", "direction": "out", "raw": "{}"},
    ]
    path = written(tmp_path, [json.dumps(row).encode() for row in rows])
    assert [(each.received_ns, each.connection, each.symbol) for each in read_capture(path)] == [
        (7, "", None),
        (0, "rest", "ETHUSDT"),
    ]


def test_our_own_recordings_are_captures_too(tmp_path: Path) -> None:
    address = "https://x/depth?symbol=ETHUSDT"
    facts = {"venue": "binance-usdm", "connections": {"7": "public"}}
    with Recorder(tmp_path, "eth", facts) as recorder:
        recorder.event(CONNECTED, 7, 1, "wss://x")
        recorder.message(7, 2, TEXT)
        recorder.event(CONNECTED, 8, 3, address)
        recorder.message(8, 3, b"{}")
        recorder.event(NOTE, 9, 4, "name=trades")
        recorder.message(9, 4, TEXT)
        recorder.event(CLOSED, 7, 5, "1006")
    assert [*read_captures(recorder.files)] == [
        Message(b"", 1, "public", None, 2, connected=True, address="wss://x"),
        Message(TEXT, 2, "public", None, 3),
        Message(b"{}", 3, "rest", "ETHUSDT", 5, address=address),
        Message(TEXT, 4, "trades", None, 7),
        Message(b"", 5, "public", None, 8, closed=True),
    ]


def test_what_a_file_said_of_a_connection_holds_in_the_next(tmp_path: Path) -> None:
    with Recorder(tmp_path, "eth", {"venue": "binance-usdm"}, rotate_bytes=1) as recorder:
        recorder.event(NOTE, 1, 0, "name=public")
        recorder.event(CONNECTED, 1, 0, "wss://x")
        recorder.event(CONNECTED, 2, 0, "https://x/depth?symbol=ETHUSDT")
        for second in range(1, 9):
            recorder.message(1, second * 10**9, TEXT)
            recorder.message(2, second * 10**9, b"{}")
    assert len(recorder.files) > 2
    told = [*read_captures(recorder.files)][1:]
    assert {each.connection for each in told} == {"public", "rest"}
    assert {each.symbol for each in told if each.connection == "rest"} == {"ETHUSDT"}


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress, bytes])
def test_packed_files_are_read_alike(tmp_path: Path, pack: object) -> None:
    path = tmp_path / "capture.bin"
    path.write_bytes(pack(b"1723161255985432122 " + TEXT + b"\n"))  # type: ignore[operator]
    assert [each.text for each in read_captures([path, path])] == [TEXT, TEXT]


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_an_archive_that_was_cut_off_gives_what_is_whole(tmp_path: Path, pack: object) -> None:
    lines = b"".join(b"172316125598543%04d %b\n" % (n, TEXT) for n in range(9_000))
    packed = pack(lines)  # type: ignore[operator]
    path = tmp_path / "cut"
    path.write_bytes(packed[: len(packed) - 40])
    seen: list[Message] = []
    with pytest.raises(DataError, match="damaged or was cut off") as caught:
        seen.extend(read_capture(path))
    assert caught.value.path == path
    assert all(message.text == TEXT for message in seen)


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ([], "empty"),
        ([b"date,open,high"], "not a capture"),
        ([b"{not json"], "not a capture"),
        ([b"1723161255985432122 {}", b"no time {}"], "not a line of this capture"),
        ([b'{"t":"header","format":2}', b"[1]"], "not a line of this capture"),
    ],
)
def test_what_is_no_capture_is_refused_with_its_line(
    tmp_path: Path, lines: list[bytes], what: str
) -> None:
    path = tmp_path / "capture"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    with pytest.raises(DataError, match=what):
        list(read_capture(path))


def test_seconds_are_not_rounded_through_binary_fractions() -> None:
    assert seconds_to_ns("1617566591.326123") == 1617566591326123000
    assert seconds_to_ns(b"1786309548.6290078") == 1786309548629007800
    assert seconds_to_ns(3) == 3_000_000_000
