"""Books and trades of a capture as the event array of hftbacktest 2, and such an array read.

The file is a zip archive with one member ``data.npy``, an array of :data:`EVENT`. An event holds
for the exchange's side of a backtest in the order of the exchange's times and for the local side in
the order of receipt; an event that arrived out of order is there twice, once for each side. A book
that begins anew is an event that clears both sides, then its levels. Prices and quantities are the
doubles nearest to the venue's decimals.

Rows go to a temporary file beside the target and from there into the archive, a chunk at a time.
What grows with the number of events is 17 bytes for each, to put them in order.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from alp._core.feed import Feed
from alp._core.feeds.frame import PRECISION, Parser
from alp.errors import DataError
from alp.recording.captures import Message, read_captures
from alp.recording.connections import Connections
from alp.recording.identify import ENOUGH, Identity, identify

DEPTH, TRADE, CLEAR, SNAPSHOT = 1, 2, 3, 4
BUY, SELL = 1 << 29, 1 << 28
EXCHANGE, LOCAL = 1 << 31, 1 << 30
EVENT = np.dtype(
    [
        ("ev", "<u8"),
        ("exch_ts", "<i8"),
        ("local_ts", "<i8"),
        ("px", "<f8"),
        ("qty", "<f8"),
        ("order_id", "<u8"),
        ("ival", "<i8"),
        ("fval", "<f8"),
    ],
    align=True,
)
KINDS = {DEPTH: "depth", TRADE: "trade", CLEAR: "clear", SNAPSHOT: "snapshot"}
MEMBER = "data.npy"
CHUNK = 65_536
_BOOKS = {"snapshot", "delta"}

Events = npt.NDArray[Any]


@dataclass
class NpzReport:
    """What was written.

    Attributes
    ----------
    unreadable
        Messages that could not be read.
    late
        Events that arrived after a younger one: there twice.
    early, earliest_ns
        Events received before the exchange's time of them, and by how much at most: the clocks
        differed.
    backwards
        Receive times that ran backwards, and were written as the one before.
    """

    path: Path
    venue: str
    symbol: str
    rows: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    messages: int = 0
    unreadable: int = 0
    late: int = 0
    early: int = 0
    earliest_ns: int = 0
    backwards: int = 0
    touch: tuple[float, float] | None = None
    """Best bid and ask at the end."""


class _Finer(Exception):  # noqa: N818 - not an error: begin again with more decimals
    """A number has more decimals than any looked at."""


def write_npz(
    paths: Sequence[Path],
    target: Path,
    *,
    symbol: str | None = None,
    venue: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> NpzReport:
    """Write one product's book and trades for hftbacktest.

    Parameters
    ----------
    symbol
        The product, by the venue's name; may be left out where the capture is about one.
    venue
        Whose messages; found out by default.
    progress
        Told how many messages were taken since the last time.

    Raises
    ------
    DataError
        If a file is no capture, the product is not in it, or neither side's time is known.
    """
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".alp-npz-") as name:
        folder = Path(name)
        with recorded_events(
            paths, folder, symbol=symbol, venue=venue, progress=progress
        ) as recorded:
            recorded.report.path = target
            part = folder / "part.npz"
            _pack(recorded, part)
        part.replace(target)
    return recorded.report


@dataclass
class RecordedEvents:
    """Events of one product of a capture, in the order an event array has them.

    Attributes
    ----------
    decimals
        Of its prices and of its quantities.
    chunks
        Arrays of :data:`EVENT`, to be read once.
    """

    report: NpzReport
    decimals: tuple[int, int]
    chunks: Iterator[Events]


@contextmanager
def recorded_events(
    paths: Sequence[Path],
    folder: Path,
    *,
    symbol: str | None = None,
    venue: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> Iterator[RecordedEvents]:
    """Read one product's book and trades as events; the parameters are those of `write_npz`.

    Parameters
    ----------
    folder
        Holds a file of the rows meanwhile.
    """
    identity = identify(islice(read_captures(paths, []), ENOUGH), venue)
    identity.products = {name: identity.products[name] for name in _chosen(identity, symbol, paths)}
    [name] = identity.products
    rows_path = folder / "rows"
    while True:
        report = NpzReport(rows_path, identity.venue, name)
        try:
            with rows_path.open("wb") as file:
                _Events(identity, name, file, report).take(paths, progress)
        except _Finer:
            continue
        break
    if not report.rows:
        raise DataError(f"no event of {name}", path=paths[0])
    product = identity.products[name]
    chunks = _in_order(rows_path, report)
    yield RecordedEvents(report, (product.price, product.quantity), chunks)


def _in_order(rows_path: Path, report: NpzReport) -> Iterator[Events]:
    rows: Events = np.memmap(rows_path, EVENT, mode="r")
    order, sides = _order(rows)
    report.rows = len(order)
    return (
        _sided(rows[order[start : start + CHUNK]], sides[start : start + CHUNK])
        for start in range(0, len(order), CHUNK)
    )


def _sided(rows: Events, sides: npt.NDArray[np.uint64]) -> Events:
    rows["ev"] |= sides
    return rows


def _chosen(identity: Identity, symbol: str | None, paths: Sequence[Path]) -> list[str]:
    names = sorted(identity.products)
    if symbol is None and len(names) == 1:
        return names
    if symbol in names:
        return [symbol]
    held = ", ".join(names) or "no book at all"
    what = "which product?" if symbol is None else f"no message about {symbol}"
    raise DataError(what, path=paths[0], hint=f"it has {held}; name one: --symbol")


class _Events:
    """Turns messages into rows, in the order of receipt."""

    def __init__(self, identity: Identity, symbol: str, file: IO[bytes], report: NpzReport) -> None:
        product = identity.products[symbol]
        venue = "binance" if identity.venue.startswith("binance-") else identity.venue
        self._parser = Parser(venue, [(symbol, product.price, 1, product.quantity, 1)])
        self._connections = Connections(identity)
        self._identity = identity
        self._price, self._quantity = 10**product.price, 10**product.quantity
        self._file = file
        self._report = report
        self._rows: list[tuple[int, int, int, float, float, int, int, float]] = []
        self._untimed: list[tuple[int, float, float, int]] = []
        self._exchange_ns = self._local_ns = 0  # of the rows
        self._known_ns = 0  # the exchange's newest time, of any message
        self._leader: Feed | None = None
        self._touch: tuple[int, int, int, int] | None = None
        self._lost_ns: int | None = None  # when the leader's connection ended
        # Levels that fall out of a book of limited depth are not told by the venue.
        self._cuts = identity.venue == "kraken"
        self._shown: dict[tuple[bool, int], int] = {}

    def take(self, paths: Sequence[Path], progress: Callable[[int], None] | None) -> None:
        """Take every message, then write what waits."""
        for count, message in enumerate(read_captures(paths, []), 1):
            self._message(message)
            if len(self._rows) >= CHUNK:
                self._flush()
            if progress is not None and count % 4096 == 0:
                progress(4096)
        if self._untimed and not self._untimed[0][-1]:
            raise DataError("neither the exchange's times nor times of receipt", path=paths[0])
        self._place_untimed(0, 0)
        self._flush()
        touch = self._touch if self._leader is None else self._leader.touch(0)
        if touch is not None:
            self._report.touch = (touch[0] / self._price, touch[2] / self._price)

    def _message(self, message: Message) -> None:
        feed = self._connections.feed(message)
        if feed is None:
            return
        if message.is_event:
            self._end(feed, message)
            return
        self._report.messages += 1
        if self._lost_ns is not None:
            self._clear(0, self._lost_ns)
        was_live = feed.status(0)[0]
        stale = feed.counts["stale"]
        text = self._connections.text(message)
        fault = feed.feed(text, message.received_ns)
        if fault is not None:
            if fault == PRECISION and self._identity.widen(message.text, message.symbol):
                raise _Finer
            self._report.unreadable += 1
        parsed = self._parser.parse(text)
        live = feed.status(0)[0]
        self._known_ns = max(self._known_ns, parsed.get("exchange_ns", 0))
        if was_live and not live and feed is self._leader:
            self._clear(parsed.get("exchange_ns", 0), message.received_ns)
        if fault is not None:
            return
        applied = live and feed.counts["stale"] == stale
        for update in parsed["updates"]:
            if update["symbol"] is None:
                continue
            at = (update["exchange_ns"] or parsed["exchange_ns"], message.received_ns)
            if update["kind"] == "trades":
                self._trades(update["trades"], at)
            elif update["kind"] in _BOOKS and live:
                if not was_live or update["kind"] == "snapshot":
                    self._whole(feed, at)
                    return
                if applied and feed is self._leader:
                    self._levels(feed, update, at)

    def _end(self, feed: Feed, message: Message) -> None:
        """Give up a connection; its book is cleared only if something comes after it."""
        if feed is self._leader:
            self._touch, self._lost_ns = feed.touch(0), message.received_ns
            self._leader = None
        feed.lost()
        if message.closed:
            self._connections.forget(message)

    def _clear(self, exchange_ns: int, received_ns: int) -> None:
        self._leader = self._touch = self._lost_ns = None
        self._shown.clear()
        self._row(CLEAR, 0.0, 0.0, (exchange_ns, received_ns))

    def _whole(self, feed: Feed, at: tuple[int, int]) -> None:
        """Begin the book anew from what the feed has of it."""
        self._clear(*at)
        self._leader = feed
        for bid, side in ((True, BUY), (False, SELL)):
            for price, lots in feed.depth(0, bid, 1 << 30):
                self._level(SNAPSHOT | side, price, lots, at)
                if self._cuts:
                    self._shown[bid, price] = lots

    def _levels(self, feed: Feed, update: dict[str, Any], at: tuple[int, int]) -> None:
        if not self._cuts:
            for name, side in (("bids", BUY), ("asks", SELL)):
                for price, lots in update[name]:
                    self._level(DEPTH | side, price, lots, at)
            return
        now = {
            (bid, price): lots
            for bid in (True, False)
            for price, lots in feed.depth(0, bid, 1 << 30)
        }
        for bid, price in self._shown.keys() - now.keys():
            self._level(DEPTH | (BUY if bid else SELL), price, 0, at)
        for (bid, price), lots in now.items():
            if self._shown.get((bid, price)) != lots:
                self._level(DEPTH | (BUY if bid else SELL), price, lots, at)
        self._shown = now

    def _trades(self, trades: list[tuple[int, int, int, int, int]], at: tuple[int, int]) -> None:
        for _, price, lots, aggressor, exchange_ns in sorted(trades, key=lambda each: each[4]):
            side = BUY if aggressor > 0 else SELL if aggressor < 0 else 0
            self._level(TRADE | side, price, lots, (exchange_ns or at[0], at[1]))

    def _level(self, kind: int, price: int, lots: int, at: tuple[int, int]) -> None:
        self._row(kind, price / self._price, lots / self._quantity, at)

    def _row(self, kind: int, price: float, quantity: float, at: tuple[int, int]) -> None:
        """Add a row.

        What the exchange gives no time, as Binance's snapshots by REST, gets its newest before,
        or else its next: the local clock may differ. A receipt that is not known was at once.
        """
        exchange_ns, local_ns = at
        exchange_ns = exchange_ns or self._known_ns
        if not exchange_ns:
            self._untimed.append((kind, price, quantity, local_ns))
            return
        self._known_ns = max(self._known_ns, exchange_ns)
        self._place_untimed(exchange_ns, local_ns)
        self._add(kind, price, quantity, exchange_ns, local_ns or exchange_ns)

    def _place_untimed(self, exchange_ns: int, local_ns: int) -> None:
        for kind, price, quantity, received_ns in self._untimed:
            received_ns = received_ns or local_ns or exchange_ns  # noqa: PLW2901
            self._add(kind, price, quantity, exchange_ns or received_ns, received_ns)
        self._untimed.clear()

    def _add(
        self, kind: int, price: float, quantity: float, exchange_ns: int, local_ns: int
    ) -> None:
        report = self._report
        if local_ns < self._local_ns:
            report.backwards += 1
            local_ns = self._local_ns
        self._local_ns = local_ns
        if local_ns < exchange_ns:
            report.early += 1
            report.earliest_ns = max(report.earliest_ns, exchange_ns - local_ns)
        report.late += exchange_ns < self._exchange_ns
        self._exchange_ns = max(exchange_ns, self._exchange_ns)
        name = KINDS[kind & 0xFF]
        report.counts[name] = report.counts.get(name, 0) + 1
        report.rows += 1
        self._rows.append((kind, exchange_ns, local_ns, price, quantity, 0, 0, 0.0))

    def _flush(self) -> None:
        self._file.write(np.array(self._rows, EVENT).tobytes())
        self._rows.clear()


def _order(rows: Events) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]]:
    """Return which row stands where, and for which sides it holds there.

    A row whose exchange time is below one before it holds locally where it is, and for the
    exchange in front of the first younger row.
    """
    exchange = rows["exch_ts"]
    newest = np.maximum.accumulate(exchange)
    late = np.flatnonzero(exchange < newest)
    order = np.arange(len(rows), dtype=np.int64)
    sides = np.full(len(rows), EXCHANGE | LOCAL, np.uint64)
    if not len(late):
        return order, sides
    sides[late] = LOCAL
    late = late[np.argsort(exchange[late], kind="stable")]
    # `newest` rises only at rows in order, so the first above a time is such a row.
    places = np.searchsorted(newest, exchange[late], side="right")
    return np.insert(order, places, late), np.insert(sides, places, EXCHANGE)


def _pack(recorded: RecordedEvents, target: Path) -> None:
    member = zipfile.ZipInfo(MEMBER)  # with the date all archives of this program have
    member.compress_type = zipfile.ZIP_DEFLATED
    header = {
        "descr": np.lib.format.dtype_to_descr(EVENT),
        "fortran_order": False,
        "shape": (recorded.report.rows,),
    }
    with zipfile.ZipFile(target, "w") as archive, archive.open(member, "w", force_zip64=True) as to:
        np.lib.format.write_array_header_1_0(to, header)
        for chunk in recorded.chunks:
            to.write(chunk.tobytes())


def is_npz(path: Path) -> bool:
    """Whether a file is a zip archive with an array ``data``."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return MEMBER in archive.namelist()


def read_npz(path: Path, max_rows: int = CHUNK) -> Iterator[Events]:
    """Yield the events of a file of hftbacktest 2 as arrays of :data:`EVENT`, in order.

    Parameters
    ----------
    max_rows
        Of one array: memory is bounded by it.

    Raises
    ------
    DataError
        If the file is no such archive, or is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive, archive.open(MEMBER) as file:
            left = _rows_in(file, path)
            while left:
                count = min(left, max_rows)
                content = file.read(count * EVENT.itemsize)
                if len(content) != count * EVENT.itemsize:
                    raise DataError(f"{left} events of it are missing", path=path)
                left -= count
                yield np.frombuffer(content, EVENT)
    except (zipfile.BadZipFile, KeyError, EOFError, ValueError) as error:
        raise DataError(f"not a file of hftbacktest: {error}", path=path) from error


def _rows_in(file: IO[bytes], path: Path) -> int:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0
    if version != (1, 0):
        read = np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    if dtype.fields is None or dtype.descr != EVENT.descr or len(shape) != 1:
        raise DataError("its array is not of hftbacktest 2's events", path=path)
    return int(shape[0])


@dataclass
class NpzInfo:
    """What an event array holds."""

    rows: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    """Events by kind."""
    sides: dict[str, int] = field(default_factory=dict)
    """Events that hold for the exchange, for the local side."""
    first_exchange_ns: int | None = None
    last_exchange_ns: int | None = None
    first_local_ns: int | None = None
    last_local_ns: int | None = None
    in_order: bool = True
    """Whether each side's times never fall."""


def npz_info(path: Path) -> NpzInfo:
    """Read an event array through, see :func:`read_npz`."""
    info = NpzInfo()
    for rows in read_npz(path):
        info.rows += len(rows)
        kinds, counts = np.unique(rows["ev"] & np.uint64(0xFF), return_counts=True)
        for kind, count in zip(kinds.tolist(), counts.tolist(), strict=True):
            name = KINDS.get(kind, f"kind {kind}")
            info.counts[name] = info.counts.get(name, 0) + count
        for side, bit, times in (("exchange", EXCHANGE, "exch_ts"), ("local", LOCAL, "local_ts")):
            mine = rows[times][rows["ev"] & np.uint64(bit) != 0]
            info.sides[side] = info.sides.get(side, 0) + len(mine)
            if len(mine):
                _range(info, side, mine)
    return info


def _range(info: NpzInfo, side: str, times: npt.NDArray[np.int64]) -> None:
    first, last = f"first_{side}_ns", f"last_{side}_ns"
    before = getattr(info, last)
    falls = bool((np.diff(times) < 0).any()) or (before is not None and times[0] < before)
    info.in_order = info.in_order and not falls
    if before is None:
        setattr(info, first, int(times[0]))
    setattr(info, last, int(times[-1]))
