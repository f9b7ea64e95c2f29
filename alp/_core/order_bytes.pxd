# From an approval to the bytes a venue is sent: texts prepared once, numbers and signature put in.

from alp._core.gate cimport Approval
from alp._core.order_store cimport Order, Orders
from alp._core.orders cimport OrderTable
from alp._core.sha2 cimport HmacKey
from alp._core.uint256 cimport i64, u64
from alp._core.wire cimport u8

cdef enum:                      # why nothing was written
    WRITTEN = 0
    NO_FORM = 1
    NO_INSTRUMENT = 2
    NO_SUCH_ORDER = 3
    NO_VENUE_ID = 4
    NO_TOKEN = 5
    BAD_NUMBER = 6
    BAD_CLIENT_ID = 7
    NOT_LESS = 8
    NO_ROOM = 9
    NOTHING_LEFT = 10

cdef enum:
    FORMS = 21                  # of an instrument: 16 of new orders, 4 of amends, 1 of cancels
    MOST_TEXT = 1024            # bytes of anything that is written or signed
    MOST_SIGNATURE = 88
    MOST_TOKEN = 256

cdef enum:                      # Signing
    SIGN_NOTHING = 0
    SIGN_HEX_256 = 1            # HMAC-SHA256, hexadecimal, within the text
    SIGN_FUTURES = 2            # HMAC-SHA512 of the SHA-256, base64, beside the text

cdef struct Piece:              # a literal, and what follows it
    int start
    int size
    int hole

cdef struct Form:
    bint exists
    bint less_only              # an amend that may only lower the quantity
    bint needs_token
    bint needs_rest             # of the quantity, what is not filled
    int signed_first            # pieces of what is signed apart from the text
    int signed_count            # 0: the text signs what is before its signature
    int first
    int count
    int most                    # bytes that either can have

cdef struct Product:
    int price_decimals
    int quantity_decimals
    u64 price_step
    u64 quantity_step
    Form forms[FORMS]

cdef struct OrderText:
    Py_ssize_t size
    int action
    int signature_size
    u8 signature[MOST_SIGNATURE]

cdef class OrderWriter:
    cdef readonly OrderTable orders
    cdef HmacKey key
    cdef int signing
    cdef int client_most
    cdef int count
    cdef Product* products
    cdef Piece* pieces
    cdef u8* literals
    cdef int token_size
    cdef u8 token[MOST_TOKEN]
    # WRITTEN, or why not; then `to` holds nothing that may be sent.
    cdef int write_to(
        self, const Approval* approval, i64 timestamp_ms, u64 reference, u8* to, Py_ssize_t room,
        OrderText* text
    ) noexcept nogil
    cdef u8* _put(
        self, u8* to, int first, int count, const Product* product, const Approval* approval,
        const Order* order, i64 timestamp_ms, u64 reference, OrderText* text
    ) noexcept nogil
    cdef void _sign(self, const u8* data, Py_ssize_t size, OrderText* text) noexcept nogil
    cdef int _prepare(self, products) except -1
    cdef int _prepare_form(
        self, Form* form, template, bytearray literals, list cut
    ) except -1
