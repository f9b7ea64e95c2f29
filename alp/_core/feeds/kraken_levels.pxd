"""Levels as both of Kraken's feeds write them: ``[{"price":1877.61,"qty":0.00000000}, ...]``."""

from alp._core.feeds.frame cimport NONE_ID, Levels, Symbol, level_add
from alp._core.feeds.scan cimport (
    FAULT_MISSING,
    Cursor,
    Text,
    amount,
    begin,
    key,
    more,
    refuse,
    skip_value,
    text_is,
)
from alp._core.uint256 cimport i64


cdef inline void kraken_levels(Cursor* c, const Symbol* symbol, Levels* levels) noexcept nogil:
    """Read one side of a book into ``levels``."""
    cdef i64 price, quantity
    cdef Text name
    if not begin(c, 91, 93):
        return
    while True:
        price = quantity = NONE_ID
        if begin(c, 123, 125):
            while True:
                name = key(c)
                if text_is(name, b"price", 5):
                    price = amount(c, &symbol.price, False)
                elif text_is(name, b"qty", 3):
                    quantity = amount(c, &symbol.quantity, False)
                else:
                    skip_value(c)
                if not more(c, 125):
                    break
        if price == NONE_ID or quantity == NONE_ID:
            refuse(c, FAULT_MISSING)
        if c.fault or level_add(levels, c, price, quantity) or not more(c, 93):
            return
