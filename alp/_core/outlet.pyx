"""Publishing and receiving on the bus without the GIL.

A message's first eight bytes (magic, version, kind, source, instrument) are its topic: ZMQ filters
subscriptions by that very prefix, so no topic frame travels. Each source counts its messages by
topic; a reader counts what is missing. The last message of every topic is kept for those who
subscribe later.
"""

from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset

from alp._core.uint256 cimport i64, u64
from alp._core.wire cimport Header, check_message, u16

cdef extern from "errno.h":
    enum:
        EAGAIN
        EINTR

cdef enum:
    DONT_WAIT = 1               # ZMQ_DONTWAIT


cdef inline u64 _topic(const Header* header) noexcept nogil:
    return (<u64>header.kind << 32) | (<u64>header.source << 16) | header.instrument


cdef void* _pointer(object address) except *:
    return <void*><size_t>address


cdef class Outlet:
    """Sends messages on a ZMQ PUB socket.

    Parameters
    ----------
    functions
        Addresses of libzmq's ``zmq_send``, ``zmq_recv`` and ``zmq_errno``.
    socket
        The socket's own address, ``zmq.Socket.underlying``; whoever made it keeps it open.
    source
        This component's number.
    """

    def __cinit__(self, functions, size_t socket, u16 source):
        send, _, errno = functions
        self.zmq_send = <SendFunction>_pointer(send)
        self.zmq_errno = <ErrnoFunction>_pointer(errno)
        self.socket = <void*>socket
        self.source = source
        memset(self.sequences, 0, sizeof(self.sequences))
        memset(self.kept, 0, sizeof(self.kept))

    def __dealloc__(self):
        cdef int kind, instrument
        for kind in range(KIND_COUNT):
            for instrument in range(MOST_INSTRUMENTS):
                free(self.kept[kind][instrument].bytes)

    cdef int _keep(self, const Header* message, Py_ssize_t size) noexcept nogil:
        cdef Kept* kept = &self.kept[message.kind][message.instrument]
        cdef char* larger
        if size > kept.room:
            larger = <char*>realloc(kept.bytes, size)
            if larger == NULL:
                return 1
            kept.bytes = larger
            kept.room = size
        memcpy(kept.bytes, message, size)
        kept.size = size
        return 0

    cdef int send(self, Header* message, Py_ssize_t size) noexcept nogil:
        cdef u64* sequence
        if message.kind >= KIND_COUNT or message.instrument >= MOST_INSTRUMENTS:
            self.dropped += 1
            return 1
        sequence = &self.sequences[message.kind][message.instrument]
        sequence[0] += 1
        message.source = self.source
        message.sequence = sequence[0]
        message.send_ns = realtime_ns()
        if size <= MOST_MESSAGE:
            self._keep(message, size)
        if self.zmq_send(self.socket, message, size, DONT_WAIT) < 0:
            # The number is used up: readers see that something is missing.
            self.dropped += 1
            return 1
        self.sent += 1
        return 0

    def publish(self, bytes message not None):
        """Send an encoded message; its source, sequence and send time are set here.

        Raises
        ------
        ValueError
            If the bytes are no message of this version.
        """
        cdef bytearray copy = bytearray(message)
        cdef char* data = copy
        if check_message(data, len(copy)):
            raise ValueError("not a message of this version of the bus")
        return self.send(<Header*>data, len(copy)) == 0

    def last(self, bytes prefix not None):
        """Return the last message of every topic that begins with these bytes."""
        cdef int kind, instrument
        cdef Kept* kept
        found = []
        for kind in range(KIND_COUNT):
            for instrument in range(MOST_INSTRUMENTS):
                kept = &self.kept[kind][instrument]
                if kept.size:
                    message = kept.bytes[:kept.size]
                    if message.startswith(prefix):
                        found.append(message)
        return found


cdef class Inlet:
    """Receives messages on a ZMQ SUB socket and counts what is missing.

    Parameters are those of :class:`Outlet`, without a source.
    """

    def __cinit__(self, functions, size_t socket):
        _, receive, errno = functions
        self.zmq_recv = <ReceiveFunction>_pointer(receive)
        self.zmq_errno = <ErrnoFunction>_pointer(errno)
        self.socket = <void*>socket
        memset(self.topics, 0, sizeof(self.topics))
        self.buffer = <char*>malloc(MOST_MESSAGE)
        if self.buffer == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.buffer)

    cdef Topic* _find(self, u64 key) noexcept nogil:
        """Its place, perhaps a free one; NULL where all are taken."""
        cdef u64 place = (key * <u64>0x9E3779B97F4A7C15) >> 52
        cdef int tried
        for tried in range(MOST_TOPICS):
            if self.topics[place].key == key or self.topics[place].key == 0:
                return &self.topics[place]
            place = (place + 1) % MOST_TOPICS
        return NULL

    cdef bint _is_news(self, const Header* header) noexcept nogil:
        """Compare its sequence with the topic's last; whether it is not older than that."""
        cdef u64 key = _topic(header)
        cdef Topic* topic = self._find(key)
        if topic == NULL:
            return True
        if topic.key == 0:
            topic.key = key
        elif header.sequence <= topic.sequence:
            if header.send_ns <= topic.send_ns:
                self.repeated += 1
                return False
            # Sent later, counted lower: the source began another life.
            self.restarts += 1
        elif header.sequence != topic.sequence + 1:
            self.gaps += 1
            self.lost += <i64>(header.sequence - topic.sequence - 1)
        topic.sequence = header.sequence
        topic.send_ns = header.send_ns
        return True

    cdef Py_ssize_t receive(self, bint wait) noexcept nogil:
        cdef int size = self.zmq_recv(
            self.socket, self.buffer, MOST_MESSAGE, 0 if wait else DONT_WAIT
        )
        if size < 0:
            return 0
        if size > MOST_MESSAGE or check_message(self.buffer, size):
            self.refused += 1
            return -1
        self.received += 1
        return size if self._is_news(<const Header*>self.buffer) else -1

    cdef Py_ssize_t receive_spinning(self, i64 most_ns) noexcept nogil:
        cdef i64 end = monotonic_ns() + most_ns
        cdef Py_ssize_t size
        while True:
            size = self.receive(False)
            if size != 0 or monotonic_ns() >= end:
                return size

    def take(self, bint wait=False):
        """Return the next message's bytes; None where none waits, or it is to be ignored."""
        cdef Py_ssize_t size
        with nogil:
            size = self.receive(wait)
        return self.buffer[:size] if size > 0 else None

    def spin(self, i64 most_ns):
        """Return the next message's bytes without ever sleeping; None where the time is over first.

        A core is busy meanwhile, and saves the time that the system takes to wake a thread. None
        also where a message came that is to be ignored.
        """
        cdef Py_ssize_t size
        with nogil:
            size = self.receive_spinning(most_ns)
        return self.buffer[:size] if size > 0 else None

    def drain(self, Py_ssize_t most=100_000):
        """Take all that waits and return the last message of each topic, in order of arrival.

        A reader that is slower than its sources sees the latest state instead of every step.
        """
        cdef Py_ssize_t size
        latest = {}
        while most > 0:
            with nogil:
                size = self.receive(False)
            if size == 0:
                break
            most -= 1
            if size > 0:
                key = _topic(<const Header*>self.buffer)
                latest.pop(key, None)
                latest[key] = self.buffer[:size]
        return list(latest.values())

    def note(self, bytes message not None):
        """Count a message that came another way, as an answer to a late subscriber.

        Returns whether it is news.
        """
        cdef const char* data = message
        if check_message(data, len(message)):
            self.refused += 1
            return False
        return self._is_news(<const Header*>data)
