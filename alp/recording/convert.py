"""One form of capture to another, message by message; what the new form cannot hold is counted."""

from __future__ import annotations

import gzip
import json
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from alp.errors import ConfigError, DataError
from alp.recording.captures import REST, Message, is_recording, read_captures
from alp.recording.identify import ENOUGH, identify
from alp.recording.records import (
    CLOSED,
    CONNECTED,
    INDEX_SUFFIX,
    NAME,
    NOTE,
    SUFFIX,
    Recorder,
    Torn,
    header_of,
)

ALP, HFTBACKTEST, CRYPTOFEED, MESSAGES, NPZ = FORMS = (
    "alp",
    "hftbacktest",
    "cryptofeed",
    "messages",
    "hftbacktest-npz",
)
MOST_CONNECTIONS = 1 << 16
_FOR_EVER = 1 << 80
_EXCHANGES = {
    "binance-usdm": "BINANCE_FUTURES",
    "binance-coinm": "BINANCE_DELIVERY",
    "binance-spot": "BINANCE",
    "coinbase": "COINBASE",
    "coinbase-exchange": "COINBASE",
    "kraken": "KRAKEN",
    "kraken-futures": "KRAKEN_FUTURES",
}


@dataclass
class Conversion:
    """What was written, and what the form could not hold."""

    path: Path
    form: str
    messages: int = 0
    events: int = 0
    """Connections opened and closed."""
    losses: Counter[str] = field(default_factory=Counter)
    torn: list[Torn] = field(default_factory=list)


class _Writer(Protocol):
    def add(self, message: Message) -> None: ...


def form_of(target: Path) -> str:
    """Return the form that a file's name asks for.

    Raises
    ------
    ConfigError
        If it asks for none.
    """
    if target.name.endswith(SUFFIX):
        return ALP
    if target.suffix == ".npz":
        return NPZ
    raise ConfigError(
        f"{target}: the name does not tell the form", hint=f"say it: --to {'|'.join(FORMS)}"
    )


def convert(
    paths: Sequence[Path],
    target: Path,
    form: str,
    *,
    venue: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> Conversion:
    """Write captures that follow each other as one file of another form.

    The target appears when it is whole. Text forms are packed as its name says, ``.gz`` or
    ``.zst``. A recording of alp that ends torn gives what is whole, and the tear is told.

    Parameters
    ----------
    form
        One of :data:`FORMS` but :data:`NPZ`, which :mod:`alp.recording.npz` writes.
    venue
        Whose messages; found out by default.
    progress
        Told how many messages were taken since the last time.

    Raises
    ------
    DataError
        If a file is no capture, or is damaged.
    ConfigError
        If the target is one of the files.
    """
    refuse_own_source(paths, target)
    for path in paths:
        if zipfile.is_zipfile(path):
            raise DataError("an archive of events holds no messages to convert", path=path)
    done = Conversion(target, form)
    facts = _facts(paths, venue)
    with _writer(form, target, facts, done.losses) as writer:
        for count, message in enumerate(read_captures(paths, done.torn), 1):
            writer.add(message)
            if message.is_event:
                done.events += 1
            else:
                done.messages += 1
            if progress is not None and count % 4096 == 0:
                progress(4096)
    return done


def refuse_own_source(paths: Sequence[Path], target: Path) -> None:
    """Refuse to write a file over one that it is made of."""
    if target.exists() and any(target.samefile(path) for path in paths):
        raise ConfigError(f"{target}: would be written over its own source")


def _facts(paths: Sequence[Path], venue: str | None) -> dict[str, object]:
    """Return what a header says: whose messages, of which products; nothing where nobody knows."""
    facts: dict[str, object] = {"converted_from": [path.name for path in paths]}
    if any(message.inline for message in islice(read_captures(paths, []), 1)):
        facts["snapshots"] = "inline"
    facts |= _declared(paths)
    try:
        identity = identify(islice(read_captures(paths, []), ENOUGH), venue)
    except DataError:
        return {**facts, "venue": venue, "symbols": []}
    return {**facts, "venue": identity.venue, "symbols": sorted(identity.products)}


def _declared(paths: Sequence[Path]) -> dict[str, object]:
    """Return the grids that all headers agree on; nothing where one does not tell."""
    if not all(is_recording(path) for path in paths):
        return {}
    first, *others = (header_of(path) for path in paths)
    names = ("instruments", "depth")
    agreed = all(first.get(name) == other.get(name) for other in others for name in names)
    return {name: first[name] for name in names if name in first} if agreed else {}


@contextmanager
def _writer(
    form: str, target: Path, facts: dict[str, object], losses: Counter[str]
) -> Iterator[_Writer]:
    """Open a writer whose files take their names when it is done without a fault."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".alp-convert-") as name:
        folder = Path(name)
        if form == ALP:
            recorder = Recorder(folder, "part", facts, rotate_bytes=_FOR_EVER, rotate_ns=_FOR_EVER)
            with recorder:
                yield _Recording(recorder)
            if not recorder.files:
                raise DataError("no message to write", path=target)
            [part] = recorder.files
            index = Path(f"{part}{INDEX_SUFFIX}")
            index.replace(f"{target}{INDEX_SUFFIX}")
        else:
            part = folder / "part"
            with _packed(part, target.suffix) as file:
                if form == CRYPTOFEED:
                    yield _Cryptofeed(file, str(facts["venue"] or ""), losses)
                else:
                    yield _Lines(file, form == HFTBACKTEST, losses)
        part.replace(target)


@contextmanager
def _packed(path: Path, suffix: str) -> Iterator[BinaryIO]:
    with path.open("wb") as file:
        if suffix == ".gz":
            with gzip.GzipFile(fileobj=file, mode="wb", filename="", mtime=0) as packed:
                yield cast(BinaryIO, packed)
        elif suffix == ".zst":
            import zstandard

            with zstandard.ZstdCompressor(write_checksum=True).stream_writer(file) as writer:
                yield cast(BinaryIO, writer)
        else:
            yield file


class _Recording:
    """alp's own form: everything a capture tells."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._numbers: dict[str, int] = {}

    def add(self, message: Message) -> None:
        number = self._number(message)
        at = message.received_ns
        if message.connected:
            self._recorder.event(CONNECTED, number, at, message.address)
        elif message.closed:
            self._recorder.event(CLOSED, number, at, message.address)
        else:
            if message.connection == REST:
                self._recorder.event(CONNECTED, number, at, _address(message))
            self._recorder.message(number, at, message.text)

    def _number(self, message: Message) -> int:
        number = self._numbers.get(message.connection)
        if number is None:
            number = self._numbers[message.connection] = len(self._numbers)
            if number == MOST_CONNECTIONS:
                raise DataError(f"more than {MOST_CONNECTIONS} connections")
            note = NAME.decode() + message.connection
            self._recorder.event(NOTE, number, message.received_ns, note)
        return number


def _address(message: Message) -> str:
    """Where an answer came from; a capture that does not tell it still tells the product."""
    if message.address.startswith(("http://", "https://")):
        return message.address
    return "https://unknown/" + (f"?symbol={message.symbol}" if message.symbol else "")


class _Lines:
    """Messages one a line, after their receive time or bare."""

    def __init__(self, file: BinaryIO, timed: bool, losses: Counter[str]) -> None:
        self._write = file.write
        self._timed = timed
        self._losses = losses

    def add(self, message: Message) -> None:
        if message.is_event:
            self._losses["connections opened or closed"] += 1
            return
        text = message.text.strip()
        if b"\n" in text or b"\r" in text:  # in JSON a line can break only between tokens
            text = text.replace(b"\r", b" ").replace(b"\n", b" ")
        if not text:
            self._losses["empty messages"] += 1
            return
        if len(text) != len(message.text) or text != message.text:
            self._losses["blanks and line breaks round messages"] += 1
        if message.symbol is not None:
            self._losses["products of answers by REST"] += 1
        if not self._timed:
            self._losses["receive times"] += message.received_ns != 0
            self._write(text + b"\n")
        else:
            self._write(b"%019d %b\n" % (message.received_ns, text))


class _Cryptofeed:
    """JSON lines as cryptofeed records them; times keep all nine decimals."""

    def __init__(self, file: BinaryIO, venue: str, losses: Counter[str]) -> None:
        self._file = file
        self._losses = losses
        self._exchange = _EXCHANGES.get(venue, venue.upper() or "UNKNOWN")
        header = {"t": "header", "format": 2, "exchange": self._exchange, "config": {}}
        file.write(json.dumps(header, separators=(",", ":")).encode() + b"\n")

    def add(self, message: Message) -> None:
        if message.connected or message.closed:
            kind = "connect" if message.connected else "close"
            self._line(kind, message, message.connection, {"addr": message.address})
        elif message.connection == REST:
            facts = {"url": _address(message), "data": self._text(message)}
            self._line("http", message, f"{self._exchange}.http.1", facts)
        else:
            self._line("recv", message, message.connection, {"data": self._text(message)})

    def _text(self, message: Message) -> str:
        try:
            return message.text.decode()
        except UnicodeDecodeError:
            self._losses["bytes that are not UTF-8"] += 1
            return message.text.decode("utf-8", "replace")

    def _line(self, kind: str, message: Message, connection: str, facts: dict[str, str]) -> None:
        seconds, ns = divmod(message.received_ns, 10**9)
        name = json.dumps(connection)
        rest = json.dumps(facts, ensure_ascii=False, separators=(",", ":"))[1:]
        line = f'{{"t":"{kind}","conn":{name},"ts":{seconds}.{ns:09d},{rest}\n'
        self._file.write(line.encode())
