"""From an approval to the bytes a venue is sent, without Python and without allocation.

What a venue wants to read of an order is the same text each time but for a few places. Each text is
prepared once for each product and way of asking: pieces that are copied, and what comes between them.
Writing one is copying, a handful of divisions and the signature.

Only what the gate approved can be written: there is no way in for a bare order.
"""

cimport cython
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset

import re
from enum import IntEnum
from typing import NamedTuple

from alp._core.gate cimport ACTION_AMEND, ACTION_CANCEL, ACTION_NEW, Approval, RiskApproved
from alp._core.order_store cimport MOST_VENUE_IDS, Order, Orders, largest
from alp._core.orders cimport OrderTable
from alp._core.sha2 cimport DIGEST_256, DIGEST_512, HmacKey, sha256, sign256, sign512
from alp._core.uint256 cimport i64, u64, u128
from alp._core.wire cimport CLIENT_ID, VENUE_ID, u8

cdef enum:                      # what follows a literal
    HOLE_END = 0
    HOLE_PRICE = 1
    HOLE_QUANTITY = 2
    HOLE_CLIENT_ID = 3
    HOLE_VENUE_ID = 4
    HOLE_TIME = 5
    HOLE_REFERENCE = 6
    HOLE_TOKEN = 7
    HOLE_SIGN = 8               # signs what is before it; writes nothing
    HOLE_SIGNATURE = 9
    HOLE_REST = 10              # the quantity without what is filled

cdef enum:
    MOST_DIGITS = 22            # of a number, with its point
    FLAG_POST_ONLY = 1
    FLAG_REDUCE_ONLY = 2
    GOOD_TILL_CANCELLED = 1
    FILL_OR_KILL = 3

_HOLES = {
    "price": HOLE_PRICE,
    "quantity": HOLE_QUANTITY,
    "client_id": HOLE_CLIENT_ID,
    "venue_id": HOLE_VENUE_ID,
    "time_ms": HOLE_TIME,
    "reference": HOLE_REFERENCE,
    "token": HOLE_TOKEN,
    "sign": HOLE_SIGN,
    "signature": HOLE_SIGNATURE,
    "rest": HOLE_REST,
}
_PLACE = re.compile("<([a-z_]+)>")
_FAILURES = {
    NO_FORM: "this cannot be asked of the venue",
    NO_INSTRUMENT: "its instrument is not one of the writer's",
    NO_SUCH_ORDER: "its order is no longer in the table",
    NO_VENUE_ID: "the venue's id of the order is not known yet",
    NO_TOKEN: "there is no token yet",
    BAD_NUMBER: "its price or quantity is out of range",
    BAD_CLIENT_ID: "its client id is too long, or is not of letters, digits, - and _",
    NOT_LESS: "the venue amends only to less at the same price",
    NOTHING_LEFT: "as much is filled by now",
    NO_ROOM: "the buffer is too small",
}

cdef u64 POWERS[20]
cdef u8 PAIRS[200]              # 00 to 99
cdef u8 HEXADECIMAL[16]
cdef u8 BASE64[64]
cdef bint PLAIN[256]            # of a client id


cdef void _fill_tables() except *:
    cdef int i
    cdef bytes base64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    POWERS[0] = 1
    for i in range(1, 20):
        POWERS[i] = POWERS[i - 1] * 10
    for i in range(100):
        PAIRS[2 * i], PAIRS[2 * i + 1] = <u8>(48 + i // 10), <u8>(48 + i % 10)
    for i in range(16):
        HEXADECIMAL[i] = b"0123456789abcdef"[i]
    for i in range(64):
        BASE64[i] = base64[i]
        PLAIN[base64[i]] = base64[i] not in b"+/"
    PLAIN[45] = PLAIN[95] = True


_fill_tables()


class Signing(IntEnum):
    """How a text is signed."""

    NOTHING = SIGN_NOTHING
    HEX_256 = SIGN_HEX_256
    FUTURES = SIGN_FUTURES


class Asked(NamedTuple):
    """One way of asking: fields as in an ``OrderCommand``; a cancel has no side but 1."""

    action: int
    side: int
    time_in_force: int
    post_only: bool
    reduce_only: bool


class Template(NamedTuple):
    """A text with places, as ``<price>``, and what is signed where that is another text.

    Places: ``price``, ``quantity``, ``rest`` (the quantity without what is known to be filled),
    ``client_id``, ``venue_id``, ``time_ms``, ``reference``, ``token``; ``sign`` signs what is before
    it, ``signature`` is that.
    """

    text: str
    signed: str = ""
    less_only: bool = False


class ProductForms(NamedTuple):
    """Grids of a product's orders, and its template for each way of asking; None where it has none.

    A tick is ``price_step * 10**-price_decimals``, a lot likewise.
    """

    price_decimals: int
    price_step: int
    quantity_decimals: int
    quantity_step: int
    template: object


class WrittenOrder(NamedTuple):
    """What is sent: the text, and the signature also by itself where there is one."""

    action: int
    text: bytes
    signature: str


cdef inline u64 _most_whole() noexcept nogil:
    return <u64>0xFFFFFFFFFFFFFFFF


cdef inline u8* _put_whole(u8* to, u64 value) noexcept nogil:
    """Write a number in decimal; return the end of it."""
    cdef u8 digits[20]
    cdef int at = 20
    cdef u64 rest
    while value >= 100:
        rest = value // 100
        at -= 2
        memcpy(&digits[at], &PAIRS[2 * (value - rest * 100)], 2)
        value = rest
    at -= 2
    memcpy(&digits[at], &PAIRS[2 * value], 2)
    if value < 10:
        at += 1
    memcpy(to, &digits[at], 20 - at)
    return to + (20 - at)


cdef inline u8* _put_fixed(u8* to, u64 value, int decimals) noexcept nogil:
    """Write ``value * 10**-decimals`` with all its decimals."""
    cdef u64 whole, fraction
    cdef int at
    if decimals == 0:
        return _put_whole(to, value)
    whole = value // POWERS[decimals]
    fraction = value - whole * POWERS[decimals]
    to = _put_whole(to, whole)
    to[0] = 46
    for at in range(decimals, 0, -1):
        to[at] = <u8>(48 + fraction % 10)
        fraction //= 10
    return to + decimals + 1


cdef inline u8* _put_text(u8* to, const char* text, int most) noexcept nogil:
    """Copy a text up to its zero."""
    cdef int at = 0
    while at < most and text[at]:
        to[at] = <u8>text[at]
        at += 1
    return to + at


cdef void _put_hex(u8* to, const u8* data, int size) noexcept nogil:
    cdef int i
    for i in range(size):
        to[2 * i] = HEXADECIMAL[data[i] >> 4]
        to[2 * i + 1] = HEXADECIMAL[data[i] & 15]


cdef void _put_base64(u8* to, const u8* data, int size) noexcept nogil:
    """Write base64, padded."""
    cdef int at
    cdef int word
    for at in range(0, size, 3):
        word = data[at] << 16
        if at + 1 < size:
            word |= data[at + 1] << 8
        if at + 2 < size:
            word |= data[at + 2]
        to[0] = BASE64[word >> 18]
        to[1] = BASE64[word >> 12 & 63]
        to[2] = BASE64[word >> 6 & 63] if at + 1 < size else 61
        to[3] = BASE64[word & 63] if at + 2 < size else 61
        to += 4


cdef inline int _form_of(const Approval* approval) noexcept nogil:
    """The place of the form for a way of asking; -1 where there can be none."""
    cdef int side = 1 if approval.command.side < 0 else 0
    cdef int flags = approval.command.flags
    cdef int duration = approval.command.time_in_force
    if approval.command.action == ACTION_CANCEL:
        return 20
    if approval.command.action == ACTION_AMEND:
        return 16 + side + 2 * (flags & FLAG_POST_ONLY)
    if (
        approval.command.action != ACTION_NEW
        or not GOOD_TILL_CANCELLED <= duration <= FILL_OR_KILL
    ):
        return -1
    if flags & FLAG_POST_ONLY:
        if duration != GOOD_TILL_CANCELLED:
            return -1
        duration = 0
    return side + 2 * duration + (8 if flags & FLAG_REDUCE_ONLY else 0)


def _asked(int form):
    """Return the way of asking whose form has this place."""
    side = -1 if form & 1 else 1
    if form == 20:
        return Asked(ACTION_CANCEL, 1, GOOD_TILL_CANCELLED, False, False)
    if form >= 16:
        return Asked(ACTION_AMEND, side, GOOD_TILL_CANCELLED, form >= 18, False)
    duration = form >> 1 & 3
    return Asked(ACTION_NEW, side, duration or 1, duration == 0, form >= 8)


cdef inline bint _is_plain(const char* name, int room, int most) noexcept nogil:
    """Whether it is there, needs no escaping anywhere, and is not longer than the most."""
    cdef int at = 0
    while at < room and name[at]:
        if not PLAIN[<u8>name[at]]:
            return False
        at += 1
    return 0 < at <= most


cdef inline const char* _venue_id(const Order* order) noexcept nogil:
    """The id that no other replaced; NULL where none is known that can be written as it is."""
    cdef int which
    for which in range(MOST_VENUE_IDS):
        if order.ids[which].hash and not order.ids[which].replaced:
            if _is_plain(order.ids[which].text, VENUE_ID, VENUE_ID):
                return order.ids[which].text
            return NULL
    return NULL


@cython.final
cdef class OrderWriter:
    """Writes what the gate of one account approved, as one venue wants it.

    Parameters
    ----------
    orders
        The table that the gate approves for.
    products
        ``ProductForms`` of each instrument of the table, in its order.
    signing
        A ``Signing``.
    key
        Signs; none where nothing is signed.
    client_most
        Characters that the venue takes of a client id.

    Raises
    ------
    ValueError
        If a grid or a template cannot be what it should be.
    """

    def __cinit__(
        self, OrderTable orders not None, products, int signing=SIGN_NOTHING, HmacKey key=None,
        int client_most=18,
    ):
        Signing(signing)
        if (signing != SIGN_NOTHING) != (key is not None) or (
            key is not None and key.long_digest != (signing == SIGN_FUTURES)
        ):
            raise ValueError("this key does not sign in this way")
        if not 0 < client_most <= CLIENT_ID or not 0 < len(products) <= (
            orders.orders.instruments
        ):
            raise ValueError(f"{len(products)} products, client ids of {client_most}")
        self.orders, self.key, self.signing = orders, key, signing
        self.client_most, self.count = client_most, len(products)
        self.products = <Product*>calloc(self.count, sizeof(Product))
        if self.products == NULL:
            raise MemoryError
        self._prepare(products)

    def __dealloc__(self):
        memset(self.token, 0, MOST_TOKEN)
        free(self.products)
        free(self.pieces)
        free(self.literals)

    def __reduce_ex__(self, protocol):
        raise TypeError("what can sign is neither copied nor pickled")

    def set_token(self, const unsigned char[::1] token not None):
        """Take the token that the venue gave for its WebSocket.

        Raises
        ------
        ValueError
            If it cannot be one.
        """
        cdef Py_ssize_t size = token.shape[0]
        if re.fullmatch(rb"[A-Za-z0-9+/=._~-]{1,256}", token) is None:
            raise ValueError("this is no token")
        memcpy(self.token, &token[0], size)
        self.token_size = <int>size

    cdef void _sign(self, const u8* data, Py_ssize_t size, OrderText* text) noexcept nogil:
        cdef u8 digest[DIGEST_512]
        if self.signing == SIGN_HEX_256:
            sign256(&self.key.key256, data, size, digest)
            _put_hex(text.signature, digest, DIGEST_256)
            text.signature_size = 2 * DIGEST_256
        else:
            sha256(data, size, digest)
            sign512(&self.key.key512, digest, DIGEST_256, digest)
            _put_base64(text.signature, digest, DIGEST_512)
            text.signature_size = MOST_SIGNATURE

    cdef u8* _put(
        self, u8* to, int first, int count, const Product* product, const Approval* approval,
        const Order* order, i64 timestamp_ms, u64 reference, OrderText* text
    ) noexcept nogil:
        """Write pieces of a form that has room; return the end, NULL where an id is missing."""
        cdef const Piece* piece = self.pieces + first
        cdef u8* start = to
        cdef const char* venue_id
        while count > 0:
            memcpy(to, self.literals + piece.start, piece.size)
            to += piece.size
            if piece.hole == HOLE_PRICE:
                to = _put_fixed(
                    to, <u64>approval.command.price * product.price_step, product.price_decimals
                )
            elif piece.hole == HOLE_QUANTITY:
                to = _put_fixed(
                    to, <u64>approval.command.quantity * product.quantity_step,
                    product.quantity_decimals,
                )
            elif piece.hole == HOLE_CLIENT_ID:
                to = _put_text(to, approval.command.client_id, CLIENT_ID)
            elif piece.hole == HOLE_TIME:
                to = _put_whole(to, <u64>timestamp_ms)
            elif piece.hole == HOLE_SIGN:
                self._sign(start, to - start, text)
            elif piece.hole == HOLE_SIGNATURE:
                memcpy(to, text.signature, text.signature_size)
                to += text.signature_size
            elif piece.hole == HOLE_REFERENCE:
                to = _put_whole(to, reference)
            elif piece.hole == HOLE_TOKEN:
                memcpy(to, self.token, self.token_size)
                to += self.token_size
            elif piece.hole == HOLE_REST:
                to = _put_fixed(
                    to,
                    <u64>(approval.command.quantity - order.life.filled) * product.quantity_step,
                    product.quantity_decimals,
                )
            elif piece.hole == HOLE_VENUE_ID:
                venue_id = _venue_id(order) if order != NULL else NULL
                if venue_id == NULL:
                    return NULL
                to = _put_text(to, venue_id, VENUE_ID)
            piece += 1
            count -= 1
        return to

    cdef int write_to(
        self, const Approval* approval, i64 timestamp_ms, u64 reference, u8* to, Py_ssize_t room,
        OrderText* text
    ) noexcept nogil:
        """Write what was approved; `timestamp_ms` is the venue's time, `reference` of the call."""
        cdef const Orders* orders = &self.orders.orders
        cdef const Order* order = NULL
        cdef const Product* product
        cdef const Form* form
        cdef u8* end
        cdef u8 apart[MOST_TEXT]
        cdef int which = _form_of(approval)
        if approval.command.header.instrument >= self.count:
            return NO_INSTRUMENT
        if which < 0:
            return NO_FORM
        product = &self.products[approval.command.header.instrument]
        form = &product.forms[which]
        if not form.exists:
            return NO_FORM
        if (
            not 0 <= approval.command.price <= largest()
            or not 0 <= approval.command.quantity <= largest() or timestamp_ms < 0
            or <u128>approval.command.price * product.price_step > _most_whole()
            or <u128>approval.command.quantity * product.quantity_step > _most_whole()
        ):
            return BAD_NUMBER
        if not _is_plain(approval.command.client_id, CLIENT_ID, self.client_most):
            return BAD_CLIENT_ID
        if form.most > room:
            return NO_ROOM
        if form.needs_token and self.token_size == 0:
            return NO_TOKEN
        if approval.place >= orders.capacity:
            return NO_SUCH_ORDER
        if approval.place >= 0:
            order = &orders.orders[approval.place]
            if not order.used or memcmp(order.client_id, approval.command.client_id, CLIENT_ID):
                return NO_SUCH_ORDER
        if order == NULL and (form.less_only or form.needs_rest):
            return NO_SUCH_ORDER
        if form.less_only and (
            approval.command.price != order.life.price_now
            or approval.command.quantity >= order.life.quantity_now
        ):
            return NOT_LESS
        if form.needs_rest and order.life.filled >= approval.command.quantity:
            return NOTHING_LEFT
        text.action, text.signature_size = approval.command.action, 0
        if form.signed_count and self._put(
            apart, form.signed_first, form.signed_count, product, approval, order, timestamp_ms,
            reference, text
        ) == NULL:
            return NO_VENUE_ID
        end = self._put(
            to, form.first, form.count, product, approval, order, timestamp_ms, reference, text
        )
        if end == NULL:
            return NO_VENUE_ID
        text.size = end - to
        return WRITTEN

    cdef int _prepare(self, products) except -1:
        """Cut every template, and keep the pieces of all in one place."""
        cdef bytearray literals = bytearray()
        cdef list cut = []
        cdef Product* product
        cdef int at, which
        for at, row in enumerate(products):
            product = &self.products[at]
            for decimals, step in (row[:2], row[2:4]):
                if not 0 <= decimals <= 18 or not 0 < step < 1 << 24:
                    raise ValueError(f"no grid: steps of {step} with {decimals} decimals")
            (
                product.price_decimals, product.price_step,
                product.quantity_decimals, product.quantity_step,
            ) = row[:4]
            for which in range(FORMS):
                template = row.template(_asked(which))
                if template is not None:
                    self._prepare_form(&product.forms[which], template, literals, cut)
        self.pieces = <Piece*>calloc(len(cut), sizeof(Piece))
        self.literals = <u8*>calloc(len(literals) + 1, 1)
        if self.pieces == NULL or self.literals == NULL:
            raise MemoryError
        memcpy(self.literals, <const char*>literals, len(literals))
        for at, (start, size, hole) in enumerate(cut):
            self.pieces[at].start, self.pieces[at].size, self.pieces[at].hole = start, size, hole
        return 0

    cdef int _prepare_form(
        self, Form* form, template, bytearray literals, list cut
    ) except -1:
        signed, text = _cut(template.signed), _cut(template.text)
        holes = [hole for _, hole in (*signed, *text)]
        signs = holes.count(HOLE_SIGN)
        if signs != (self.signing != SIGN_NOTHING) or (
            HOLE_SIGNATURE in holes and HOLE_SIGN not in holes[:holes.index(HOLE_SIGNATURE)]
        ):
            raise ValueError(f"{template.text!r} is not signed once, before its signature")
        form.exists, form.less_only = True, template.less_only
        form.needs_token, form.needs_rest = HOLE_TOKEN in holes, HOLE_REST in holes
        form.most = max(_most(signed), _most(text))
        if form.most > MOST_TEXT:
            raise ValueError(f"{template.text!r} is too long")
        form.signed_first, form.signed_count = len(cut), len(signed)
        form.first, form.count = len(cut) + len(signed), len(text)
        for literal, hole in (*signed, *text):
            cut.append((len(literals), len(literal), hole))
            literals += literal
        return 0

    def write(self, RiskApproved approved not None, i64 timestamp_ms, u64 reference=0):
        """Return what is sent for an approval.

        Parameters
        ----------
        timestamp_ms
            The venue's time.
        reference
            By which an answer on a WebSocket is known.

        Raises
        ------
        ValueError
            If the venue cannot be asked this, or something that it needs is not known.
        """
        cdef u8 to[MOST_TEXT]
        cdef OrderText text
        cdef int code
        with nogil:
            code = self.write_to(
                &approved.approval, timestamp_ms, reference, to, MOST_TEXT, &text
            )
        if code != WRITTEN:
            raise ValueError(f"not written: {_FAILURES[code]}")
        signature = text.signature[:text.signature_size].decode("ascii")
        return WrittenOrder(text.action, to[:text.size], signature)

    def write_into(
        self, RiskApproved approved not None, i64 timestamp_ms, u64 reference,
        u8[::1] buffer not None,
    ):
        """Write what is sent for an approval into a buffer; return how many bytes it has.

        Raises
        ------
        ValueError
            As :meth:`write`, or if the buffer could be too small.
        """
        cdef OrderText text
        cdef int code = NO_ROOM
        if buffer.shape[0]:
            code = self.write_to(
                &approved.approval, timestamp_ms, reference, &buffer[0], buffer.shape[0], &text
            )
        if code != WRITTEN:
            raise ValueError(f"not written: {_FAILURES[code]}")
        return text.size


def _cut(text):
    """Return literals and what follows each of a template."""
    pieces = []
    at = 0
    if not text.isascii() or not text.isprintable():
        raise ValueError(f"{text!r} is not of printable ASCII")
    for place in _PLACE.finditer(text):
        if place[1] not in _HOLES:
            raise ValueError(f"there is no place {place[0]}")
        pieces.append((text[at:place.start()].encode("ascii"), _HOLES[place[1]]))
        at = place.end()
    if text[at:]:
        pieces.append((text[at:].encode("ascii"), HOLE_END))
    return pieces


def _most(pieces):
    """Return how many bytes they can have at most."""
    sizes = {
        HOLE_CLIENT_ID: CLIENT_ID, HOLE_VENUE_ID: VENUE_ID, HOLE_TOKEN: MOST_TOKEN,
        HOLE_SIGNATURE: MOST_SIGNATURE, HOLE_SIGN: 0, HOLE_END: 0,
    }
    return sum([len(literal) + sizes.get(hole, MOST_DIGITS) for literal, hole in pieces])
