"""The intent journal of one account, open for writing.

Nothing is sent before its intent is durable: append, wait, send. What a venue says is appended too,
but nobody waits for it; after a kill it is read again from the venue.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from alp._core.journal import JournalError, JournalMode, JournalWriter
from alp._core.journal_records import FILE_HEAD_BYTES, RecordKind
from alp._core.orders import OrderFields
from alp._version import __version__
from alp.errors import ConfigError
from alp.journal.folder import CHECKPOINT, DAMAGED, EPOCH_BEGIN_S, SEGMENT, FileHead, Folder
from alp.journal.layout import Record
from alp.journal.read import (
    JournalInstrument,
    JournalState,
    empty_state,
    read_journal,
    restate,
)

TEND_S = 0.05


@dataclass(frozen=True, slots=True)
class JournalOptions:
    """How a journal is kept.

    Attributes
    ----------
    mode
        ``GROUP``: a thread syncs for all who wait. ``SYNC``: who waits syncs, and blocks.
        ``PROCESS``: written and not synced; outlives a kill, not a power cut.
    window_ns
        In ``GROUP``, how long the first who waits lets others join.
    orders, trades
        Room of the table of orders.
    segment_bytes
        Size at which the next file is begun.
    keep
        Files kept that a checkpoint stands for.
    """

    mode: JournalMode = JournalMode.GROUP
    window_ns: int = 0
    orders: int = 1024
    trades: int = 16384
    segment_bytes: int = 16 << 20
    keep: int = 2


class Journal:
    """An account's journal, opened for its one writer.

    Parameters
    ----------
    path
        Folder of its own.
    account
        What it is the journal of: another account's is refused.
    instruments
        By their index in the table of orders.
    now_ns
        The clock, UTC.
    floor
        The largest epoch seen in client ids at the venue, if the folder may be new.
    on_broken
        Told once when nothing can be written any more, from the thread that finds it out; close
        the gate there. Whoever appends or waits is told by :class:`JournalError` in any case.

    Attributes
    ----------
    token
        Fencing token, and the epoch of client ids: larger than all before it.
    before
        What was read when it was opened; None for a new journal.
    writer
        Appends: each of its methods returns the record's sequence, for :meth:`durable`.
    orders
        Those that were not released, with the positions, in a table of `instruments`.
    suspects
        Ids of ours to ask the venue for, which are not in `orders`.

    Raises
    ------
    ConfigError
        If another process has it, it is another account's, or it has open orders of an instrument
        that is not among `instruments`, or more than there is room for.
    DataError
        If a newer alp wrote it.
    OSError
        If it cannot be written.
    """

    def __init__(
        self,
        path: Path,
        account: str,
        instruments: Sequence[JournalInstrument],
        *,
        now_ns: Callable[[], int],
        options: JournalOptions | None = None,
        floor: int = 0,
        on_broken: Callable[[JournalError], object] | None = None,
    ) -> None:
        self._folder = Folder(path)
        self._account = account
        self._instruments = tuple(instruments)
        self._now_ns = now_ns
        self._options = options or JournalOptions()
        self._on_broken = on_broken
        self._telling = threading.Lock()  # whoever gets it tells; nobody gives it back
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._waits = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ahead = self._uncovered = False
        self._tending = threading.Lock()
        self.trouble = ""
        """Why the next file could not be made ready; appending goes on in the one there is."""
        self._folder.take_lock()
        try:
            self._open(floor)
        except BaseException:
            self._folder.release_lock()
            raise

    def _open(self, floor: int) -> None:
        folder, options = self._folder, self._options
        now_ns = self._now_ns()
        heads = folder.heads()
        for head in heads:
            if head.account != self._account:
                raise ConfigError(
                    f"{folder.path}: the journal is that of {head.account!r}, not of"
                    f" {self._account!r}"
                )
        known = [*folder.tokens, *(head.token for head in heads), floor]
        self.token = max(now_ns // 10**9 - EPOCH_BEGIN_S, *known) + 1
        fence = folder.take_over(self.token)  # from here on nobody else is told that it is safe
        self.before = read_journal(folder)
        state = self.before or empty_state()
        used = [index for kind in (SEGMENT, CHECKPOINT) for index, _ in folder.files(kind)]
        self._index = max(used, default=0) + 1
        self._previous = state.head.token
        self._restore(state, self._opened(self._previous, now_ns))
        for path in {each.path for each in state.damages}:
            path.rename(path.with_name(path.name + DAMAGED))
        self._remove_superseded()
        fd = self._create()
        self._pipe = os.pipe()
        for end in self._pipe:
            os.set_blocking(end, False)
        self.writer = JournalWriter(
            fd,
            FILE_HEAD_BYTES,
            options.segment_bytes,
            state.highest,
            options.mode,
            os.fsencode(fence),
            self._pipe[1],
        )
        self._begin_threads()

    def _begin_threads(self) -> None:
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._tend, name="journal-files", daemon=True)]
        if self._options.mode is JournalMode.GROUP:
            serve, window_ns = self.writer.serve, self._options.window_ns
            self._threads.append(
                threading.Thread(target=serve, args=(window_ns,), name="journal-sync", daemon=True)
            )
        for thread in self._threads:
            thread.start()

    def _opened(self, previous: int, at_ns: int) -> Record:
        members: dict[str, int | str] = {
            "token": self.token,
            "previous": previous,
            "orders": self._options.orders,
            "trades": self._options.trades,
            "instruments": len(self._instruments),
            "process": os.getpid(),
            "version": __version__[:24],
        }
        return Record(RecordKind.OPENED, 0, 0, at_ns, members)

    def _restore(self, state: JournalState, opened: Record) -> None:
        """Begin with a checkpoint of what was, by the instruments of now."""
        names = {each[:2] for each in self._instruments}
        for old, each in enumerate(state.instruments):
            gone = [order.client_id for order in state.orders.open_orders(old)]
            if each[:2] not in names and gone:
                raise ConfigError(
                    f"{self._folder.path}: {len(gone)} orders of {each.exchange} {each.symbol}"
                    f" may be open, and it is not configured any more: {', '.join(gone[:5])}",
                    hint="put it back until they have ended",
                )
        restated = restate(state, opened, self._instruments, external=False)
        self.suspects = [*state.suspects, *restated.left_behind]
        head = FileHead(CHECKPOINT, self.token, self._index, opened.at_ns, self._account)
        path = self._folder.publish(head, restated.records)
        again = read_journal(self._folder, self._index)
        assert again is not None
        for old in range(len(state.instruments)):
            missing = [
                order.client_id
                for order in state.orders.open_orders(old)
                if order.client_id not in again.orders
                and order.client_id not in restated.left_behind
            ]
            if missing:
                path.unlink()
                raise ConfigError(
                    f"{self._folder.path}: there is room for {self._options.orders} orders, and"
                    " more are open",
                    hint="make room for as many as before",
                )
        self.orders = again.orders

    def _remove_superseded(self) -> None:
        keep = self._options.keep
        covered = max((index for index, _ in self._folder.files(CHECKPOINT)), default=0)
        for index, path in self._folder.files(SEGMENT):
            if index <= covered - keep:
                path.unlink()
        for index, path in self._folder.files(CHECKPOINT):
            if index <= covered - max(keep, 1):
                path.unlink()

    def _create(self) -> int:
        self._index += 1
        head = FileHead(SEGMENT, self.token, self._index, self._now_ns(), self._account)
        try:
            return self._folder.create(head, self._options.segment_bytes)
        except OSError:
            self._index -= 1
            raise

    async def durable(self, sequence: int) -> None:
        """Return when the record of this sequence, and all before it, is durable.

        Raises
        ------
        JournalError
            If it is not known to be, and never will be: what it tells of must not be done.
        """
        if self.writer.durable >= sequence:
            return
        if self._options.mode is not JournalMode.GROUP:
            self.writer.commit(sequence)
            return
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            loop.add_reader(self._pipe[0], self._hear)
        future = loop.create_future()
        self._waits += 1
        heapq.heappush(self._waiting, (sequence, self._waits, future))
        self.writer.request(sequence)
        if self.writer.broken is not None:
            self._hear()
        await future

    def _hear(self) -> None:
        """Wake those whose records are durable, or all of them when none will be any more."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self._pipe[0], 4096):
                pass
        durable, broken = self.writer.durable, self.writer.broken
        while self._waiting and (broken is not None or self._waiting[0][0] <= durable):
            sequence, _, future = heapq.heappop(self._waiting)
            if future.done():
                continue
            if sequence <= durable:
                future.set_result(None)
            elif broken is not None:
                future.set_exception(JournalError(*broken.args))
        self._tell_broken()

    def _tell_broken(self) -> bool:
        broken = self.writer.broken
        if broken is None:
            return False
        if self._telling.acquire(blocking=False) and self._on_broken is not None:
            self._on_broken(broken)
        return True

    def _tend(self) -> None:
        """Look after the files until the journal ends: in a thread of its own."""
        while not self._tell_broken():
            try:
                self.tend()
                self.trouble = ""
            except OSError as error:
                self.trouble = f"the journal's next file: {error.strerror}"
            if self._stopping.wait(TEND_S):
                return

    def tend(self) -> None:
        """Keep a file ready that follows, and stand a checkpoint in for those that are full.

        A thread of the journal does this all the time; calling it too does no harm.

        Raises
        ------
        OSError
            If there is no room, or no permission, for another file.
        """
        with self._tending:
            self._turn()

    def _turn(self) -> None:
        finished = self.writer.collect()
        if finished is not None:
            fd, size = finished
            self._ahead = False
            os.ftruncate(fd, size)
            os.fsync(fd)
            os.close(fd)
            self._uncovered = True
        if not self._ahead:
            fd = self._create()
            self._ahead = self.writer.offer(fd, FILE_HEAD_BYTES)
        if self._uncovered:
            self._checkpoint(self._index - 2)
            self._uncovered = False

    def _checkpoint(self, upto: int) -> None:
        """Write down what all files up to this index led to, and remove those no longer needed."""
        state = read_journal(self._folder, upto)
        if state is None or state.damages:
            self.trouble = f"no checkpoint: {', '.join(map(str, state.damages if state else ()))}"
            return
        opened = self._opened(self._previous, self._now_ns())
        restated = restate(state, opened, self._instruments, external=True)
        head = FileHead(CHECKPOINT, self.token, upto, opened.at_ns, self._account)
        self._folder.publish(head, restated.records)
        self._remove_superseded()

    def close(self, residue: Iterable[OrderFields] = ()) -> None:
        """End the journal in order: `residue` are the orders that are left.

        Raises
        ------
        JournalError
            If not everything could be made durable.
        """
        if self._stopping.is_set():
            return
        try:
            if self.writer.broken is None:
                now_ns, left = self._now_ns(), list(residue)
                for order in left:
                    self.writer.residue(order.client_id, order.open_quantity, order.state, now_ns)
                self.writer.closed(len(left), now_ns)
            self.writer.stop()
        finally:
            self._end()

    def _end(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._pipe[0])
        self._hear()
        fd, size, ahead = self.writer.files
        if self.writer.broken is None:
            os.ftruncate(fd, size)
            os.fsync(fd)
        if ahead >= 0:
            os.close(ahead)
            self._folder.path_of(SEGMENT, self._index).unlink(missing_ok=True)
        for each in (fd, *self._pipe):
            os.close(each)
        self._folder.release_lock()
