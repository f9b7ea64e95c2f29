"""The books balance to the last unit, or the run stops."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alp._core.bar_replay import PATH, BarReplay
from alp._core.errors import Imbalance
from alp._core.lp_books import PART_NAMES, Book
from alp._core.lp_ledger import MARK_SCALE
from alp.backtest.book import LedgerSample, Snapshot, add_up
from alp.backtest.gas import GasPrice, NativePrice
from alp.data.schema import BAR, limbs
from alp.errors import ConfigError, Corrupt


def sample(book: Book, ts_ns: int = 0, **positions: int) -> LedgerSample:
    """What a replay says of all positions together at the book's own mark."""
    base, quote, price, lvr, fees = (
        positions.get(name, 0) for name in ("base", "quote", "price", "lvr", "fees")
    )
    return (ts_ns, book.mark, base, quote, price, lvr, fees, 0.0, 0.0)


def positions_of(replay: BarReplay) -> dict[str, int]:
    return dict(zip(("base", "quote", "price", "lvr", "fees"), replay.sample(0)[2:7], strict=True))


def snapshot_of(book: Book, **positions: int) -> Snapshot:
    return add_up(book.balances(), sample(book, **positions))


amounts = st.integers(0, 10**24)
marks = st.integers(1, 10**24)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("mark"), marks),
            st.tuples(st.just("gas"), amounts),
            st.tuples(st.just("fill"), st.integers(-(10**20), 10**20), st.integers(-9, 9)),
            st.tuples(st.just("swap"), st.integers(-(10**3), 10**3)),
        ),
        max_size=30,
    )
)
def test_any_sequence_of_entries_balances(entries: list[tuple[object, ...]]) -> None:
    book = Book(mark=22_000_000_000_000_000_000, wallet_base=10**19, wallet_quote=25 * 10**9)
    for kind, *values in entries:
        if kind == "mark":
            book.mark_to(values[0])  # type: ignore[arg-type]
        elif kind == "gas":
            book.pay_gas(values[0])  # type: ignore[arg-type]
        elif kind == "fill":
            base, fee = values
            book.hedge_fill(base, -base // 7, fee)  # type: ignore[arg-type,operator]
        else:
            book.swap_wallet(values[0], -values[0])  # type: ignore[arg-type,operator]
    snapshot = snapshot_of(book)
    assert snapshot.nav - book.start_nav == sum(snapshot.parts)


def test_a_position_moves_value_between_wallet_and_pool_and_rounding_is_execution() -> None:
    replay = BarReplay(500, True, PATH, 1 << 96, 0)
    slot, base, quote = replay.open(-1000, 1000, 10**9)
    book = Book(mark=replay.mark, wallet_base=10**9, wallet_quote=10**9)
    book.open_position(base + 1, quote, base, quote)
    assert (book.wallet_base, book.wallet_quote) == (10**9 - base - 1, 10**9 - quote)
    snapshot = snapshot_of(book, base=base, quote=quote)
    assert dict(zip(PART_NAMES, snapshot.parts, strict=True))["execution"] == -book.mark
    bar = np.zeros(1, BAR)
    bar["period_ns"] = 1
    for name, price in (("open", 99), ("high", 101), ("low", 99), ("close", 100)):
        bar[f"{name}_x96"] = limbs([(price << 96) // 100], 4)
    replay.advance(bar.view(np.uint8), 0, 2, 0, 1 << 159)
    inside = snapshot_of(book, **positions_of(replay))
    position, paid_base, paid_quote = replay.close(slot)
    assert position["fees"] > 0
    book.close_position(paid_base, paid_quote, position)
    assert snapshot_of(book) == inside._replace(lp_base=book.wallet_base)


def test_books_that_do_not_balance_stop_the_run() -> None:
    book = Book(mark=MARK_SCALE, wallet_base=5, wallet_quote=5)
    with pytest.raises(Corrupt, match=r"do not balance at 0: NAV changed by 10{28}, .* up to 0"):
        snapshot_of(book, quote=1)


def test_a_later_mark_reprices_what_is_held_outside_positions() -> None:
    book = Book(mark=2 * MARK_SCALE, wallet_base=7, wallet_quote=3)
    book.hedge_fill(-4, 9, 1)
    before = book.balances()
    later = (5, 3 * MARK_SCALE, 0, 0, 0, 0, 0, 0.0, 0.0)
    told = add_up(before, later)
    book.mark_to(3 * MARK_SCALE)
    assert book.balances() is not before
    assert told == add_up(book.balances(), later)
    parts = dict(zip(PART_NAMES, told.parts, strict=True))
    assert parts["price"] == 7 * MARK_SCALE
    assert parts["hedge_pnl"] == (1 - 4) * MARK_SCALE


def test_a_mint_cannot_take_more_than_there_is() -> None:
    book = Book(mark=MARK_SCALE, wallet_base=5, wallet_quote=5)
    with pytest.raises(Imbalance, match="more than the wallet held: left -1 base, 5 quote"):
        book.open_position(6, 0, 6, 0)


def test_gas_is_priced_by_the_fee_of_its_time() -> None:
    price = GasPrice.series([(100, 5), (200, 9)], Decimal("0.000000001"))
    assert [price.price_at(ts) for ts in (0, 100, 199, 200, 999)] == [6, 6, 6, 10, 10]
    assert GasPrice.constant(Decimal(20), Decimal("0.5")).price_at(7) == 20_500_000_000


@pytest.mark.parametrize("rows", [[], [(5, 1), (4, 1)]])
def test_a_bad_base_fee_series_is_refused(rows: list[tuple[int, int]]) -> None:
    with pytest.raises(ConfigError):
        GasPrice.series(rows, Decimal(0))


def test_gas_value_is_exact_in_native_base_and_rounds_up_elsewhere() -> None:
    assert NativePrice(base_is_native=True).value(10, 77) == 770
    priced = NativePrice(base_is_native=False, quote_raw_per_native=2_250_000_000)
    assert priced.value(10**18, 1) == 2_250_000_000 * MARK_SCALE
    assert NativePrice(False, 1).value(1, 1) == MARK_SCALE // 10**18
    assert NativePrice(False, 1).value(1, 1) * 10**18 >= MARK_SCALE
    with pytest.raises(ConfigError, match="native"):
        NativePrice(base_is_native=False).value(1, 1)
