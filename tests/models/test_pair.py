"""Base and quote against token0 and token1: prices and amounts survive the way there and back."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alp.errors import ConfigError
from alp.models.pair import Q192, TokenPair

MIN_SQRT = 4295128739
MAX_SQRT = 1461446703485210103287273052203988822378723970342

# Ethereum's USDC/WETH pool: USDC has the lower address.
ETHEREUM = TokenPair("WETH", "USDC", 18, 6, False, 500, 10)
# Arbitrum's WETH/USDC pool: WETH has the lower address.
ARBITRUM = TokenPair("WETH", "USDC", 18, 6, True, 500, 10)

pairs = st.sampled_from([ETHEREUM, ARBITRUM, TokenPair("A", "B", 8, 8, True, 3000, 60)])
sqrt_prices = st.integers(MIN_SQRT, MAX_SQRT - 1)


@given(pairs, sqrt_prices)
def test_a_sqrt_price_survives_the_way_to_a_decimal_price_and_back(pair, sqrt_price):
    assert pair.price_to_sqrt_x96(pair.sqrt_x96_to_decimal(sqrt_price)) == sqrt_price


@given(pairs, st.decimals("1e-12", "1e12", allow_nan=False, places=12))
def test_the_sqrt_price_of_a_price_is_the_greatest_one_not_above_it(pair, price):
    if price <= 0:
        return
    sqrt_price = pair.price_to_sqrt_x96(price)
    raw = Fraction(price) * Fraction(10**pair.quote_decimals, 10**pair.base_decimals)
    ratio = raw if pair.base_is_token0 else 1 / raw
    assert Fraction(sqrt_price**2, Q192) <= ratio < Fraction((sqrt_price + 1) ** 2, Q192)


@given(pairs, sqrt_prices)
def test_float_and_decimal_price_agree(pair, sqrt_price):
    exact = pair.sqrt_x96_to_decimal(sqrt_price)
    assert pair.sqrt_x96_to_price(sqrt_price) == pytest.approx(float(exact), rel=1e-14)


@given(pairs, st.integers(-887272, 887272))
def test_a_tick_survives_the_way_to_a_price_and_back(pair, tick):
    assert pair.price_to_tick(pair.tick_to_price(tick)) == tick


def test_a_recorded_swap_reads_as_its_market_price_and_tick():
    # Ethereum block 18937382, log 169: 0.01 WETH bought 22.686110 USDC in the 5 bps pool.
    sqrt_price = 0x51FDF2FD9B2526872A9B723450F2
    price = ETHEREUM.sqrt_x96_to_price(sqrt_price)
    assert price * (1 - 0.0005) == pytest.approx(2268.6110, rel=1e-6)
    assert ETHEREUM.price_to_tick(price) == 199045


@given(sqrt_prices)
def test_the_mark_is_the_floor_of_the_exact_ratio(sqrt_price):
    exact = Fraction(sqrt_price**2, Q192) * 2**96
    assert ARBITRUM.mark_x96(sqrt_price) == exact.__floor__()
    # Two floored divisions by the same integer equal one floored division by its square.
    assert ETHEREUM.mark_x96(sqrt_price) == (Fraction(Q192, sqrt_price**2) * 2**96).__floor__()


@given(pairs, st.integers(0, 2**256 - 1))
def test_raw_amounts_survive_the_way_to_decimals_and_back(pair, raw):
    assert pair.to_raw_base(pair.from_raw_base(raw)) == raw
    assert pair.to_raw_quote(pair.from_raw_quote(raw)) == raw
    assert pair.whole_base(raw) == float(pair.from_raw_base(raw))
    assert pair.whole_quote(raw) == float(pair.from_raw_quote(raw))


def test_raw_amounts_print_as_whole_tokens():
    assert str(ETHEREUM.from_raw_base(1_500_000_000_000_000_000)) == "1.500000000000000000"
    assert ETHEREUM.from_raw_quote(-2_500_000) == Decimal("-2.5")


def test_an_amount_finer_than_the_token_is_refused():
    with pytest.raises(ConfigError, match="6 decimal places"):
        ETHEREUM.to_raw_quote(Decimal("0.0000001"))


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity"])
def test_a_price_that_is_no_price_is_refused(price):
    with pytest.raises(ConfigError, match="not a positive number"):
        ETHEREUM.price_to_sqrt_x96(Decimal(price))
    with pytest.raises(ConfigError, match="not a positive number"):
        ETHEREUM.price_to_tick(float(price))


@given(pairs, st.integers(), st.integers())
def test_split_and_join_are_inverses(pair, base, quote):
    assert pair.join(*pair.split(base, quote)) == (base, quote)


def test_split_puts_the_lower_address_first():
    assert ARBITRUM.split(1, 2) == (1, 2)
    assert ETHEREUM.split(1, 2) == (2, 1)


@pytest.mark.parametrize(
    "change", [{"base_decimals": 78}, {"fee_pips": 0}, {"fee_pips": 10**6}, {"tick_spacing": 0}]
)
def test_impossible_pairs_are_refused(change):
    fields = {name: getattr(ARBITRUM, name) for name in ARBITRUM.__dataclass_fields__}
    with pytest.raises(ConfigError):
        TokenPair(**{**fields, **change})
