"""The journal's way to the disk: appended in memory, written and synced by one barrier for all.

A barrier that fails breaks the journal for good. What a failed sync left behind is unknown (a
second one may succeed although the data is gone), so nothing is tried again; whoever waits is told,
and every later append is refused.
"""

import os
from enum import IntEnum

from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from alp._core.gate cimport Approval, RiskApproved
from alp._core.journal_records cimport (
    FEE_ASSET,
    RECORD_ADOPTED,
    RECORD_CLOSED,
    RECORD_FACT,
    RECORD_GATE,
    RECORD_INTENT,
    RECORD_MOST,
    RECORD_POSITION,
    RECORD_RELEASED,
    RECORD_RESIDUE,
    RECORD_TRADES,
    ClosedRecord,
    FactRecord,
    GateRecord,
    IntentRecord,
    PositionRecord,
    RecordHead,
    ReleasedRecord,
    ResidueRecord,
    TradesRecord,
    record_size,
    seal,
)
from alp._core.order_life cimport NO_QUANTITY
from alp._core.order_store cimport hash_bytes
from alp._core.uint256 cimport i64, u64
from alp._core.wire cimport CLIENT_ID, TEXT, VENUE_ID, u8, u16

cdef extern from * nogil:
    """
    #include <errno.h>
    #include <fcntl.h>
    #include <pthread.h>
    #include <time.h>
    #include <unistd.h>

    static int alp_sync(int fd) {
    #ifdef __APPLE__
        return fcntl(fd, F_FULLFSYNC) == -1 ? -1 : 0;
    #else
        return fdatasync(fd);
    #endif
    }

    static int alp_errno(void) { return errno ? errno : EIO; }

    static long long alp_monotonic_ns(void) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (long long)now.tv_sec * 1000000000LL + now.tv_nsec;
    }

    static void alp_nap(long long ns) {
        struct timespec wanted = {ns / 1000000000LL, ns % 1000000000LL};
        nanosleep(&wanted, NULL);
    }

    static int alp_condition(pthread_cond_t *condition) {
    #ifdef __APPLE__
        return pthread_cond_init(condition, NULL);
    #else
        pthread_condattr_t how;
        int failed = pthread_condattr_init(&how)
            || pthread_condattr_setclock(&how, CLOCK_MONOTONIC)
            || pthread_cond_init(condition, &how);
        pthread_condattr_destroy(&how);
        return failed;
    #endif
    }

    static void alp_wait_ns(pthread_cond_t *condition, pthread_mutex_t *lock, long long ns) {
        struct timespec until;
    #ifdef __APPLE__
        until.tv_sec = ns / 1000000000LL;
        until.tv_nsec = ns % 1000000000LL;
        pthread_cond_timedwait_relative_np(condition, lock, &until);
    #else
        ns += alp_monotonic_ns();
        until.tv_sec = ns / 1000000000LL;
        until.tv_nsec = ns % 1000000000LL;
        pthread_cond_timedwait(condition, lock, &until);
    #endif
    }

    """
    int alp_sync(int fd)
    int alp_errno()
    long long alp_monotonic_ns()
    void alp_nap(long long ns)
    int alp_condition(pthread_cond_t* condition)
    void alp_wait_ns(pthread_cond_t* condition, pthread_mutex_t* lock, long long ns)
    int pthread_mutex_init(pthread_mutex_t* lock, void* how)
    int pthread_mutex_destroy(pthread_mutex_t* lock)
    int pthread_mutex_lock(pthread_mutex_t* lock)
    int pthread_mutex_unlock(pthread_mutex_t* lock)
    int pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* lock)
    int pthread_cond_signal(pthread_cond_t* condition)
    int pthread_cond_broadcast(pthread_cond_t* condition)
    int pthread_cond_destroy(pthread_cond_t* condition)

cdef extern from "unistd.h" nogil:
    ssize_t pwrite(int fd, const void* data, size_t size, i64 offset)
    ssize_t write(int fd, const void* data, size_t size)
    int access(const char* path, int how)

cdef extern from "errno.h":
    enum:
        EINTR

cdef enum:
    IDLE_NS = 20_000_000        # what nobody waits for is written after so long at the latest


class JournalMode(IntEnum):
    """When what was appended is durable."""

    GROUP = MODE_GROUP
    SYNC = MODE_SYNC
    PROCESS = MODE_PROCESS


class JournalError(OSError):
    """The journal can no longer be written: nothing may be sent any more."""


cdef int _put(JournalFile* journal, const char* data, i64 size) noexcept nogil:
    """Write a batch and, if the mode asks for it, sync it; 0 or an errno."""
    cdef i64 done = 0
    cdef ssize_t wrote
    while done < size:
        wrote = pwrite(journal.fd, data + done, size - done, journal.offset + done)
        if wrote < 0 and alp_errno() == EINTR:
            continue
        if wrote <= 0:
            return alp_errno()
        done += wrote
    if journal.mode != MODE_PROCESS and alp_sync(journal.fd):
        return alp_errno()
    # asked after the sync: who takes the journal over removes the fence first and reads then
    if access(journal.fence, 0):
        return FENCED
    journal.offset += size
    return 0


cdef void _barrier(JournalFile* journal) noexcept nogil:
    """Make durable what is there; the lock is held, and nobody else writes."""
    cdef int half = journal.half
    cdef i64 size = journal.fill
    cdef u64 last = journal.appended
    cdef i64 begun
    cdef i64 took
    cdef int error
    if size == 0 or journal.error:
        return
    journal.busy = True
    journal.half, journal.fill = 1 - half, 0
    if journal.offset + size > journal.limit and journal.next_fd >= 0 and journal.finished_fd < 0:
        journal.finished_fd, journal.finished_size = journal.fd, journal.offset
        journal.fd, journal.offset = journal.next_fd, journal.next_offset
        journal.next_fd = -1
    pthread_mutex_unlock(&journal.lock)
    begun = alp_monotonic_ns()
    error = _put(journal, journal.halves[half], size)
    took = alp_monotonic_ns() - begun
    pthread_mutex_lock(&journal.lock)
    journal.busy = False
    journal.error = error
    if not error:
        journal.durable = last
        journal.counts.bytes += size
    journal.counts.barriers += 1
    journal.counts.last_barrier_ns = took
    journal.counts.worst_barrier_ns = max(took, journal.counts.worst_barrier_ns)
    pthread_cond_broadcast(&journal.done)


cdef u64 journal_append(
    JournalFile* journal, RecordHead* head, int kind, i64 at_ns
) noexcept nogil:
    """Number a record and put it where the next barrier takes it from; 0 when that is over."""
    cdef i64 size = record_size(kind)
    cdef u64 sequence = 0
    pthread_mutex_lock(&journal.lock)
    while journal.fill + size > journal.room and not journal.error:
        journal.counts.waits += 1
        if journal.busy:
            pthread_cond_wait(&journal.done, &journal.lock)
        else:
            _barrier(journal)
    if not journal.error and not journal.closing:
        sequence = journal.appended = journal.appended + 1
        head.size, head.kind, head.at_ns = <u16>size, <u8>kind, at_ns
        seal(head, sequence, journal.durable)
        memcpy(journal.halves[journal.half] + journal.fill, head, size)
        journal.fill += size
        journal.counts.records += 1
    pthread_mutex_unlock(&journal.lock)
    return sequence


cdef u64 journal_intent(JournalFile* journal, const Approval* approval, i64 at_ns) noexcept nogil:
    """Append what the gate approved."""
    cdef IntentRecord record
    memset(&record, 0, sizeof(IntentRecord))
    record.approval, record.token = approval.sequence, approval.command.token
    memcpy(record.client_id, approval.command.client_id, CLIENT_ID)
    record.price, record.quantity = approval.command.price, approval.command.quantity
    record.deadline_ns, record.number = approval.command.deadline_ns, approval.number
    record.instrument, record.action = (
        approval.command.header.instrument, approval.command.action
    )
    record.side, record.flags = approval.command.side, approval.command.flags
    record.time_in_force = approval.command.time_in_force
    return journal_append(journal, &record.head, RECORD_INTENT, at_ns)


cdef int journal_commit(JournalFile* journal, u64 sequence) noexcept nogil:
    """Wait for a barrier that takes `sequence` in, or make it."""
    cdef int error
    pthread_mutex_lock(&journal.lock)
    while journal.durable < sequence and not journal.error:
        if journal.busy:
            pthread_cond_wait(&journal.done, &journal.lock)
        else:
            _barrier(journal)
    error = journal.error
    pthread_mutex_unlock(&journal.lock)
    return error


cdef void _serve(JournalFile* journal, i64 window_ns) noexcept nogil:
    """The thread of the group mode: a barrier whenever somebody waits, until it is closed."""
    cdef u64 told = journal.durable
    pthread_mutex_lock(&journal.lock)
    while not journal.closing and not journal.error:
        if journal.wanted <= journal.durable:
            alp_wait_ns(&journal.work, &journal.lock, IDLE_NS)
        elif window_ns and not journal.busy:
            pthread_mutex_unlock(&journal.lock)
            alp_nap(window_ns)
            pthread_mutex_lock(&journal.lock)
        if journal.busy:
            pthread_cond_wait(&journal.done, &journal.lock)
        else:
            _barrier(journal)
        if told < journal.wanted and told < journal.durable:
            told = journal.durable
            write(journal.notify_fd, b"!", 1)
    pthread_mutex_unlock(&journal.lock)
    write(journal.notify_fd, b"!", 1)


cdef int _text(char* to, int room, object text) except -1:
    cdef bytes raw = text.encode()
    if len(raw) > room:
        raise ValueError(f"{text!r} is longer than {room} bytes")
    memcpy(to, <const char*>raw, len(raw))
    return 0


cdef class JournalWriter:
    """Appends to one file after another and makes it durable.

    Parameters
    ----------
    fd, offset, limit
        The first file, where its records begin, and the size at which the next one is begun.
    sequence
        Of the last record there is.
    mode
        A ``JournalMode``.
    fence
        A file that whoever takes the journal over removes: after that nothing is acknowledged.
    notify_fd
        Gets a byte after each barrier of the thread that somebody waited for; -1 without a thread.
    room
        Bytes that can wait while others are written.
    """

    def __cinit__(
        self, int fd, i64 offset, i64 limit, u64 sequence, int mode, bytes fence not None,
        int notify_fd=-1, i64 room=1 << 20
    ):
        cdef JournalFile* file = &self.file
        if room < RECORD_MOST:
            raise ValueError(f"{room} bytes hold no record")
        file.mode, file.fd, file.offset, file.limit = JournalMode(mode), fd, offset, limit
        file.next_fd = file.finished_fd = -1
        file.notify_fd, file.room = notify_fd, room
        file.appended = file.durable = file.wanted = sequence
        file.halves[0], file.halves[1] = <char*>calloc(1, room), <char*>calloc(1, room)
        file.fence = <char*>calloc(1, len(fence) + 1)
        if file.halves[0] == NULL or file.halves[1] == NULL or file.fence == NULL:
            raise MemoryError
        memcpy(file.fence, <const char*>fence, len(fence))
        if (
            pthread_mutex_init(&file.lock, NULL)
            or alp_condition(&file.work) or alp_condition(&file.done)
        ):
            raise MemoryError

    def __dealloc__(self):
        free(self.file.halves[0])
        free(self.file.halves[1])
        free(self.file.fence)
        pthread_cond_destroy(&self.file.work)
        pthread_cond_destroy(&self.file.done)
        pthread_mutex_destroy(&self.file.lock)

    cdef int _check(self) except -1:
        cdef int error = self.file.error
        if error == FENCED:
            raise JournalError(0, "another writer has taken the journal over")
        if error:
            raise JournalError(error, f"the journal is broken: {os.strerror(error)}")
        return 0

    cdef u64 _append(self, RecordHead* head, int kind, i64 at_ns) except 0:
        cdef u64 sequence
        with nogil:
            sequence = journal_append(&self.file, head, kind, at_ns)
        if sequence == 0:
            self._check()
            raise JournalError(0, "the journal is closed")
        return sequence

    def intent(self, RiskApproved approved not None, i64 at_ns):
        """Append an approved command; it may be sent once this record is durable.

        Returns
        -------
        int
            The record's sequence, for :meth:`commit`.

        Raises
        ------
        JournalError
            As every method that appends, when nothing can be written any more.
        """
        cdef u64 sequence
        with nogil:
            sequence = journal_intent(&self.file, &approved.approval, at_ns)
        if sequence == 0:
            self._check()
            raise JournalError(0, "the journal is closed")
        return sequence

    def adopted(self, client_id, int instrument, int side, i64 price, i64 quantity, i64 at_ns):
        """Append that an order of ours, which the journal had not, was found at the venue."""
        cdef IntentRecord record
        memset(&record, 0, sizeof(IntentRecord))
        _text(record.client_id, CLIENT_ID, client_id)
        record.instrument, record.side = <u16>instrument, side
        record.action, record.price, record.quantity = 1, price, quantity
        return self._append(&record.head, RECORD_ADOPTED, at_ns)

    def fact(
        self, client_id, int kind, *, i64 at_ns=0, unsigned int command=0, i64 price=0,
        i64 quantity=0, i64 cumulative=NO_QUANTITY, trade_id="", int reason=0, venue_id="",
        replaced="", int source=0, i64 venue_ns=0, i64 fee=0, fee_asset="", int liquidity=0
    ):
        """Append what ``OrderTable.apply`` was told, with its source and what a fill cost."""
        cdef FactRecord record
        cdef bytes trade = trade_id.encode()
        memset(&record, 0, sizeof(FactRecord))
        _text(record.client_id, CLIENT_ID, client_id)
        _text(record.venue_id, VENUE_ID, venue_id)
        _text(record.replaced, VENUE_ID, replaced)
        memcpy(record.trade_id, <const char*>trade, min(<Py_ssize_t>len(trade), VENUE_ID))
        if trade:
            record.trade = hash_bytes(trade, <int>len(trade))
        _text(record.fee_asset, FEE_ASSET, fee_asset)
        record.price, record.quantity, record.cumulative = price, quantity, cumulative
        record.fee, record.venue_ns, record.command = fee, venue_ns, command
        record.event, record.reason = <u8>kind, <u8>reason
        record.source, record.liquidity = <u8>source, <u8>liquidity
        return self._append(&record.head, RECORD_FACT, at_ns)

    def released(self, client_id, i64 at_ns):
        """Append that an order which had ended was forgotten."""
        cdef ReleasedRecord record
        memset(&record, 0, sizeof(ReleasedRecord))
        _text(record.client_id, CLIENT_ID, client_id)
        return self._append(&record.head, RECORD_RELEASED, at_ns)

    def position(self, int index, i64 amount, i64 at_ns, *, bint external=False):
        """Append what ``set_position``, or ``set_external`` of a group, was told."""
        cdef PositionRecord record
        memset(&record, 0, sizeof(PositionRecord))
        record.index, record.amount, record.scope = <u16>index, amount, external
        return self._append(&record.head, RECORD_POSITION, at_ns)

    def trades(self, int instrument, trade_id, i64 venue_ns, i64 at_ns):
        """Append up to where the trades of an instrument were read."""
        cdef TradesRecord record
        memset(&record, 0, sizeof(TradesRecord))
        _text(record.trade_id, VENUE_ID, trade_id)
        record.instrument, record.venue_ns = <u16>instrument, venue_ns
        return self._append(&record.head, RECORD_TRADES, at_ns)

    def gate(self, int state, bint killed, text, i64 at_ns):
        """Append what the gate's state became, and why: a kill switch stays set over a restart."""
        cdef GateRecord record
        memset(&record, 0, sizeof(GateRecord))
        _text(record.text, TEXT, text)
        record.state, record.killed = <u8>state, killed
        return self._append(&record.head, RECORD_GATE, at_ns)

    def residue(self, client_id, i64 open_quantity, int state, i64 at_ns):
        """Append an order that was left when the handler stopped."""
        cdef ResidueRecord record
        memset(&record, 0, sizeof(ResidueRecord))
        _text(record.client_id, CLIENT_ID, client_id)
        record.open_quantity, record.state = open_quantity, <u8>state
        return self._append(&record.head, RECORD_RESIDUE, at_ns)

    def closed(self, unsigned int residue, i64 at_ns):
        """Append that the handler stopped in order, and how many orders it left."""
        cdef ClosedRecord record
        memset(&record, 0, sizeof(ClosedRecord))
        record.residue = residue
        return self._append(&record.head, RECORD_CLOSED, at_ns)

    def commit(self, u64 sequence=0):
        """Return when all up to `sequence`, by default everything, is durable; blocks.

        Raises
        ------
        JournalError
            If it cannot be made so.
        """
        cdef int error
        if sequence > self.file.appended:
            raise ValueError(f"no record has the sequence {sequence}")
        with nogil:
            error = journal_commit(&self.file, sequence or self.file.appended)
        if error:
            self._check()

    def request(self, u64 sequence):
        """Let the thread make all up to `sequence` durable; does not wait."""
        with nogil:
            pthread_mutex_lock(&self.file.lock)
            if sequence > self.file.wanted:
                self.file.wanted = min(sequence, self.file.appended)
            pthread_cond_signal(&self.file.work)
            pthread_mutex_unlock(&self.file.lock)

    def serve(self, i64 window_ns=0):
        """Make barriers until :meth:`stop`; runs in a thread of its own, without the GIL.

        Parameters
        ----------
        window_ns
            How long the first who waits lets others join; 0: only while another barrier runs.
        """
        with nogil:
            _serve(&self.file, window_ns)

    def stop(self):
        """Make everything durable, end :meth:`serve`, and refuse whatever comes later.

        Raises
        ------
        JournalError
            If not everything could be made durable.
        """
        cdef int error
        with nogil:
            pthread_mutex_lock(&self.file.lock)
            self.file.closing = True
            pthread_cond_broadcast(&self.file.work)
            pthread_mutex_unlock(&self.file.lock)
            error = journal_commit(&self.file, self.file.appended)
        if error:
            self._check()

    def offer(self, int fd, i64 offset):
        """Give the file that follows when this one is full; False where one is waiting."""
        cdef bint taken
        with nogil:
            pthread_mutex_lock(&self.file.lock)
            taken = self.file.next_fd < 0
            if taken:
                self.file.next_fd, self.file.next_offset = fd, offset
            pthread_mutex_unlock(&self.file.lock)
        return taken

    def collect(self):
        """Return the file that is full, ``(fd, size)``, or None; it is the caller's from now on."""
        found = None
        with nogil:
            pthread_mutex_lock(&self.file.lock)
        if self.file.finished_fd >= 0 and not self.file.busy:
            found = self.file.finished_fd, self.file.finished_size
            self.file.finished_fd = -1
        pthread_mutex_unlock(&self.file.lock)
        return found

    @property
    def files(self):
        """The file written to and its size so far, and the one that waits or -1; once stopped."""
        return self.file.fd, self.file.offset, self.file.next_fd

    @property
    def appended(self):
        """Sequence of the last record."""
        return self.file.appended

    @property
    def durable(self):
        """All up to this sequence is durable."""
        return self.file.durable

    @property
    def broken(self):
        """Why nothing can be written any more, or None."""
        try:
            self._check()
        except JournalError as error:
            return error
        return None

    @property
    def counts(self):
        """Records, bytes, barriers, appends that had to wait, and how long barriers took."""
        return dict(self.file.counts)
