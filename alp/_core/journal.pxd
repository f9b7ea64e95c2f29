# Writing the intent journal: records go into memory, a barrier makes all of them durable at once.
#
# Any thread may append and wait. One at a time writes and syncs; meanwhile records gather in the
# other half of the memory, so however many wait, the next barrier serves them all.

from alp._core.gate cimport Approval
from alp._core.journal_records cimport RecordHead
from alp._core.uint256 cimport i64, u64

cdef enum:                      # JournalMode
    MODE_GROUP = 1              # a thread of its own syncs
    MODE_SYNC = 2               # who waits syncs
    MODE_PROCESS = 3            # written, not synced: outlives the process, not the machine

cdef enum:
    FENCED = -1                 # in place of an errno: another writer has the journal

cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_mutex_t:
        pass
    ctypedef struct pthread_cond_t:
        pass

cdef struct JournalCounts:
    i64 records
    i64 bytes
    i64 barriers
    i64 waits                   # appends that found the memory full
    i64 last_barrier_ns
    i64 worst_barrier_ns

cdef struct JournalFile:
    pthread_mutex_t lock
    pthread_cond_t work         # there is something to sync
    pthread_cond_t done         # a barrier ended
    int mode
    int fd
    int next_fd                 # -1: none is ready
    int finished_fd             # -1: none to collect
    int notify_fd
    int error                   # errno, or FENCED: nothing is written any more
    bint busy                   # somebody writes
    bint closing
    i64 offset
    i64 limit
    i64 next_offset
    i64 finished_size
    i64 room                    # bytes of one half
    i64 fill
    int half
    char* halves[2]
    u64 appended                # sequence of the last record
    u64 durable
    u64 wanted                  # the last that somebody waits for
    char* fence
    JournalCounts counts

# The record's sequence, or 0 when the journal is broken.
cdef u64 journal_append(JournalFile* journal, RecordHead* head, int kind, i64 at_ns) noexcept nogil
cdef u64 journal_intent(JournalFile* journal, const Approval* approval, i64 at_ns) noexcept nogil
# Return when all up to `sequence` is durable; 0, or the error that broke the journal.
cdef int journal_commit(JournalFile* journal, u64 sequence) noexcept nogil

cdef class JournalWriter:
    cdef JournalFile file
    cdef u64 _append(self, RecordHead* head, int kind, i64 at_ns) except 0
    cdef int _check(self) except -1
