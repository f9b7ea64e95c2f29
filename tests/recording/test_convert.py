"""One form of capture to another and back: the same messages, times and connections."""

from __future__ import annotations

import dataclasses
import gzip
import json
from pathlib import Path

import pytest
import zstandard
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from alp.cli.app import root as command_line
from alp.errors import ConfigError, DataError
from alp.recording.captures import Message, read_capture
from alp.recording.convert import ALP, CRYPTOFEED, HFTBACKTEST, MESSAGES, convert, form_of
from alp.recording.info import recording_info
from alp.recording.records import Recorder, header_of
from alp.recording.verify_feed import verify_feed

TEXT = b'{"e":"depthUpdate","s":"ETHUSDT"}'
REST = "https://x/depth?symbol=ETHUSDT"
ROWS = [
    {"t": "header", "format": 2},
    {"t": "connect", "conn": "X.ws.1", "ts": 1.5, "addr": "wss://x"},
    {"t": "send", "conn": "X.ws.1", "ts": 1.5, "data": "{}"},
    {"t": "recv", "conn": "X.ws.1", "ts": 1786309548.6290078, "data": TEXT.decode()},
    {"t": "http", "conn": "X.http.1", "ts": 1786309549.25, "url": REST, "data": "{\n}"},
    {"t": "recv", "conn": "X.ws.2", "ts": 1786309549.5, "data": '{"a":"é"}'},
    {"t": "close", "conn": "X.ws.1", "ts": 1786309550, "addr": "wss://x"},
]


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "capture.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    return path


def told(path: Path) -> list[Message]:
    """What a file tells, but for its line numbers."""
    return [dataclasses.replace(message, line=0) for message in read_capture(path)]


def cli(*arguments: object) -> Result:
    return CliRunner().invoke(command_line, [str(each) for each in arguments])


def test_what_cryptofeed_recorded_comes_back_whole(capture: Path, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "x.alprec.zst", tmp_path / "x.jsonl"
    done = convert([capture], ours, ALP)
    assert (done.messages, done.events, done.losses) == (3, 2, {})
    assert told(ours) == [
        dataclasses.replace(message, address="") if message.closed else message
        for message in told(capture)
    ]
    convert([ours], theirs, CRYPTOFEED)
    assert told(theirs) == told(ours)


times = st.one_of(st.just(0), st.integers(10**15, 9 * 10**18))
texts = st.text(st.characters(exclude_characters="\n\r", codec="utf-8"), min_size=1, max_size=40)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(times, texts), min_size=1, max_size=20))
def test_lines_of_hftbacktest_keep_every_message_and_nanosecond(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, str]]
) -> None:
    folder = tmp_path_factory.mktemp("lines")
    sent = [(ns, text.encode().strip()) for ns, text in rows if text.encode().strip()]
    if not sent:
        return
    first, ours, back = folder / "a.gz", folder / "b.alprec.zst", folder / "c.zst"
    first.write_bytes(gzip.compress(b"".join(b"%019d %b\n" % row for row in sent)))
    convert([first], ours, ALP)
    convert([ours], back, HFTBACKTEST)
    assert [(each.received_ns, each.text) for each in told(ours)] == sent
    assert told(back) == told(first)


def test_what_a_form_cannot_hold_is_counted(capture: Path, tmp_path: Path) -> None:
    lines = convert([capture], tmp_path / "lines", HFTBACKTEST)
    assert lines.losses == {
        "connections opened or closed": 2,
        "blanks and line breaks round messages": 1,
        "products of answers by REST": 1,
    }
    bare = convert([capture], tmp_path / "bare", MESSAGES)
    assert bare.losses["receive times"] == 3
    assert [each.text for each in told(tmp_path / "bare")] == [TEXT, b"{ }", '{"a":"é"}'.encode()]


def test_names_say_the_form_and_the_packing(capture: Path, tmp_path: Path) -> None:
    assert form_of(Path("a.alprec.zst")) == ALP
    with pytest.raises(ConfigError, match="does not tell the form"):
        form_of(Path("a.jsonl.zst"))
    convert([capture], tmp_path / "a.gz", MESSAGES)
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()).startswith(TEXT)
    convert([capture], tmp_path / "a.zst", MESSAGES)
    with zstandard.open(tmp_path / "a.zst") as file:
        assert file.read(len(TEXT)) == TEXT


def test_a_header_says_whose_messages_and_whence(root: Path, tmp_path: Path) -> None:
    source = root / "tests" / "data" / "feeds" / "kraken-spot-2026-07-07.jsonl"
    target = tmp_path / "x.alprec.zst"
    convert([source], target, ALP)
    assert header_of(target) == {
        "format": "alp.recording/1",
        "venue": "kraken",
        "symbols": ["BTC/USD", "ETH/USD"],
        "converted_from": [source.name],
    }
    assert Path(f"{target}.index").is_file()
    assert verify_feed([target]).books == verify_feed([source]).books


def test_a_source_that_breaks_off_leaves_no_target(tmp_path: Path) -> None:
    source, target = tmp_path / "cut.gz", tmp_path / "x.alprec.zst"
    packed = gzip.compress(b"".join(b"%019d %b\n" % (n, TEXT) for n in range(9_000)))
    source.write_bytes(packed[:-40])
    with pytest.raises(DataError, match="cut off"):
        convert([source], target, ALP)
    assert [*tmp_path.iterdir()] == [source]


def test_nothing_is_written_over_its_own_source(capture: Path) -> None:
    with pytest.raises(ConfigError, match="its own source"):
        convert([capture], capture, MESSAGES)
    assert cli("recording", "convert", capture, "-o", capture, "--to", "messages").exit_code == 3


def torn_recording(folder: Path) -> tuple[Path, int]:
    with Recorder(folder, "eth", {"venue": "binance-usdm"}) as recorder:
        for number in range(40):
            recorder.message(1, number * 10**9, TEXT)
    [path] = recorder.files
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 5)
    return path, path.stat().st_size


def test_a_torn_recording_gives_what_is_whole_and_can_be_mended(tmp_path: Path) -> None:
    path, size = torn_recording(tmp_path / "torn")
    info = recording_info(path)
    assert info.torn is not None
    assert info.torn.offset + info.torn.size == size
    whole = info.messages
    assert 30 < whole < 40
    done = convert([path], tmp_path / "x.alprec.zst", ALP)
    assert (done.messages, done.torn) == (whole, [info.torn])
    assert cli("recording", "convert", path, "-o", tmp_path / "y.alprec.zst").exit_code == 0
    assert "cut" in cli("recording", "mend", path).output
    assert "nothing to mend" in cli("recording", "mend", path).output
    mended = recording_info(path)
    assert (mended.torn, mended.messages) == (None, whole)


def test_info_tells_connections_and_times(capture: Path, tmp_path: Path) -> None:
    ours = tmp_path / "x.alprec.zst"
    convert([capture], ours, ALP)
    [row] = json.loads(cli("recording", "info", "--json", ours).output)
    assert (row["form"], row["messages"], row["blocks"] > 0) == ("alp", 3, True)
    assert row["first_ns"] == 1_500_000_000
    assert {name: each["messages"] for name, each in row["connections"].items()} == {
        "X.ws.1": 1,
        "rest": 1,
        "X.ws.2": 1,
    }
    assert (row["connections"]["X.ws.1"]["opened"], row["connections"]["X.ws.1"]["closed"]) == (
        1,
        1,
    )
    shown = cli("recording", "info", ours, capture)
    assert shown.exit_code == 0
    assert "opened 1, closed 1" in shown.output
    assert shown.output.count("3\n") >= 2


def test_what_is_no_recording_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("date,open\n", encoding="utf-8")
    for command in (["info", path], ["mend", path], ["convert", path, "-o", "y.alprec.zst"]):
        assert cli("recording", *command).exit_code == 4


@pytest.mark.parametrize("form", [ALP, CRYPTOFEED, HFTBACKTEST])
@pytest.mark.parametrize(
    "name",
    [
        "binance_spot_mixed_incl_ETHUSDT_2021-04-04.txt.gz",
        "binance_cm_ethusd_perp_20240808.jsonl.gz",
    ],
)
def test_a_converted_session_gives_the_same_books(
    shared: Path, tmp_path: Path, name: str, form: str
) -> None:
    source = shared / "data" / "B_l2_raw" / name
    target = tmp_path / "out.zst"
    convert([source], target, form)
    before, after = verify_feed([source]), verify_feed([target])
    if form == HFTBACKTEST and "mixed" in name:
        assert not after.ok  # several products, and the snapshots do not say of which
        return
    assert (after.books, after.counts) == (before.books, before.counts)
