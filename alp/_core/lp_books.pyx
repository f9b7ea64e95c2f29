"""The run's books: every asset outside and inside the pool, and where each change came from.

Amounts are raw units, values integers in units of quote raw * 10**-28 (``MARK_SCALE`` of the
ledger), so the identity ``NAV now - NAV at the start = sum of the parts`` is exact. It is checked
at every sample that is added up.
"""

from alp._core.lp_ledger cimport PositionBooks, ledger_product, ledger_scale
from alp._core.uint256 cimport (
    i128,
    i128_from_int,
    i128_to_int,
    i256,
    i256_from_int,
    i256_to_int,
    u128,
    u128_from_int,
    u128_to_int,
    u256_add,
    u256_eq,
    u256_from_u64,
    u256_neg,
    u256_sub,
)

from alp._core.errors import Imbalance

PART_NAMES = ("fees", "lvr", "price", "gas", "hedge_pnl", "hedge_fees", "execution")


cdef inline i256 _times(i128 amount, u128 price) noexcept nogil:
    if amount < 0:
        return u256_neg(ledger_product(-<u128>amount, price))
    return ledger_product(<u128>amount, price)


cdef inline i256 _worth(i128 base, i128 quote, u128 mark) noexcept nogil:
    return u256_add(_times(base, mark), _times(quote, ledger_scale()))


cdef inline i256 _repriced(i128 base, u128 mark, u128 later) noexcept nogil:
    """What an amount of base gained between two marks."""
    return u256_sub(_times(base, later), _times(base, mark))


cdef class Balances:
    """What a book holds outside positions, and its parts as of the mark it was last booked at."""

    def at(self, sample):
        """Return NAV and parts at a sample of the positions, repriced to its mark.

        Parameters
        ----------
        sample
            A row of :func:`alp._core.lp_ledger.read_samples`.

        Returns
        -------
        tuple
            Time, mark, NAV, the parts in the order of :data:`PART_NAMES`, base in wallet and
            positions, base on the venue.

        Raises
        ------
        Imbalance
            If the parts do not add up to the change of NAV exactly.
        """
        cdef const Books* books = &self.books
        cdef u128 mark = u128_from_int(sample[1])
        cdef i128 lp_base = books.wallet_base + i128_from_int(sample[2])
        cdef i128 quote = books.wallet_quote + books.venue_quote + i128_from_int(sample[3])
        cdef i256 nav = u256_sub(_worth(lp_base + books.venue_base, quote, mark), books.gas_paid)
        cdef i256 total = u256_from_u64(0)
        cdef i256[PARTS] parts
        cdef int i
        for i in range(PARTS):
            parts[i] = books.parts[i]
        parts[PRICE] = u256_add(parts[PRICE], _repriced(books.wallet_base, books.mark, mark))
        parts[HEDGE_PNL] = u256_add(parts[HEDGE_PNL], _repriced(books.venue_base, books.mark, mark))
        parts[PRICE] = u256_add(parts[PRICE], i256_from_int(sample[4]))
        parts[LVR] = u256_add(parts[LVR], i256_from_int(sample[5]))
        parts[FEES] = u256_add(parts[FEES], i256_from_int(sample[6]))
        for i in range(PARTS):
            total = u256_add(total, parts[i])
        if not u256_eq(u256_sub(nav, books.start_nav), total):
            change = i256_to_int(u256_sub(nav, books.start_nav))
            raise Imbalance(
                f"books do not balance at {sample[0]}: NAV changed by {change}, "
                f"parts add up to {i256_to_int(total)}"
            )
        return (
            sample[0],
            sample[1],
            i256_to_int(nav),
            tuple([i256_to_int(parts[i]) for i in range(PARTS)]),
            i128_to_int(lp_base),
            i128_to_int(books.venue_base),
        )


cdef class Book:
    """Wallet, venue account and costs, and what each of them did to NAV.

    Parameters
    ----------
    mark
        Mark price at the start, ledger scale.
    wallet_base, wallet_quote
        Raw amounts held outside positions at the start.
    """

    def __init__(self, mark, wallet_base, wallet_quote):
        cdef Books* books = &self.books
        books.mark = u128_from_int(mark)
        books.wallet_base = i128_from_int(wallet_base)
        books.wallet_quote = i128_from_int(wallet_quote)
        books.start_nav = _worth(books.wallet_base, books.wallet_quote, books.mark)
        self.start_amounts = (wallet_base, wallet_quote)

    @property
    def mark(self):
        """Mark price everything is booked at."""
        return u128_to_int(self.books.mark)

    @property
    def wallet_base(self):
        """Base in the wallet."""
        return i128_to_int(self.books.wallet_base)

    @property
    def wallet_quote(self):
        """Quote in the wallet."""
        return i128_to_int(self.books.wallet_quote)

    @property
    def venue_base(self):
        """Base on the venue."""
        return i128_to_int(self.books.venue_base)

    @property
    def venue_quote(self):
        """Quote on the venue."""
        return i128_to_int(self.books.venue_quote)

    @property
    def start_nav(self):
        """NAV when the book was opened."""
        return i256_to_int(self.books.start_nav)

    cdef void _add(self, int part, i256 value) noexcept:
        self.kept = None
        self.books.parts[part] = u256_add(self.books.parts[part], value)

    cdef void _take(self, int part, i256 value) noexcept:
        self.kept = None
        self.books.parts[part] = u256_sub(self.books.parts[part], value)

    def mark_to(self, mark):
        """Reprice what is held outside positions."""
        cdef u128 later = u128_from_int(mark)
        if later != self.books.mark:
            self._add(PRICE, _repriced(self.books.wallet_base, self.books.mark, later))
            self._add(HEDGE_PNL, _repriced(self.books.venue_base, self.books.mark, later))
            self.books.mark = later

    def pay_gas(self, value):
        """Book a transaction cost (ledger value, not negative)."""
        cdef i256 cost = i256_from_int(value)
        self.books.gas_paid = u256_add(self.books.gas_paid, cost)
        self._take(GAS, cost)

    def open_position(self, paid_base, paid_quote, put_base, put_quote):
        """Move what was paid into a position; the pool rounds up what it takes.

        Raises
        ------
        Imbalance
            If the wallet does not hold as much.
        """
        cdef i128 base = i128_from_int(paid_base), quote = i128_from_int(paid_quote)
        self.books.wallet_base = self.books.wallet_base - base
        self.books.wallet_quote = self.books.wallet_quote - quote
        if self.books.wallet_base < 0 or self.books.wallet_quote < 0:
            raise Imbalance(
                f"a mint took more than the wallet held: left {self.wallet_base} base, "
                f"{self.wallet_quote} quote raw units"
            )
        self._take(EXECUTION, _worth(base, quote, self.books.mark))
        base, quote = i128_from_int(put_base), i128_from_int(put_quote)
        self._add(EXECUTION, _worth(base, quote, self.books.mark))

    def close_position(self, paid_base, paid_quote, PositionBooks position not None):
        """Move principal and fees of a closed position into the wallet."""
        cdef i128 base = i128_from_int(paid_base), quote = i128_from_int(paid_quote)
        self.books.wallet_base = self.books.wallet_base + base
        self.books.wallet_quote = self.books.wallet_quote + quote
        self._add(FEES, position.own.fees)
        self._add(LVR, position.own.lvr)
        self._add(PRICE, position.own.price)
        base = base - <i128>(position.own.base + position.own.fee_base)
        quote = quote - <i128>(position.own.quote + position.own.fee_quote)
        self._add(EXECUTION, _worth(base, quote, self.books.mark))

    def swap_wallet(self, d_base, d_quote):
        """Book our own swap; its fee and impact show as execution cost at the mark."""
        cdef i128 base = i128_from_int(d_base), quote = i128_from_int(d_quote)
        self.books.wallet_base = self.books.wallet_base + base
        self.books.wallet_quote = self.books.wallet_quote + quote
        self._add(EXECUTION, _worth(base, quote, self.books.mark))

    def hedge_fill(self, base_raw, quote_raw, fee_raw):
        """Book one fill on the venue (amounts signed from our side; fee positive when paid)."""
        cdef i128 base = i128_from_int(base_raw), quote = i128_from_int(quote_raw)
        cdef i128 fee = i128_from_int(fee_raw)
        self.books.venue_base = self.books.venue_base + base
        self.books.venue_quote = self.books.venue_quote + quote - fee
        self._add(HEDGE_PNL, _worth(base, quote, self.books.mark))
        self._take(HEDGE_FEES, _times(fee, ledger_scale()))

    def balances(self):
        """Return what is held outside positions; the same object until something is booked."""
        if self.kept is None:
            self.kept = Balances()
            self.kept.books = self.books
        return self.kept
