"""A pool's bars: minutes with liquidity, OHLC files of either direction, rounded swaps, events."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from logs import down, raw_csv, swap, up

from alp._core.tickmath import get_sqrt_ratio_at_tick
from alp.data import Kind, open_source
from alp.data.schema import Array, unsigned, unsigned_list
from alp.errors import ConfigError, DataError
from alp.models.pair import TokenPair

MINUTE_NS = 60 * 10**9
MINUTES = (
    "timestamp,netAmount0,netAmount1,closeTick,openTick,lowestTick,highestTick,inAmount0,"
    "inAmount1,currentLiquidity\n"
)
SWAPS = (
    "block_number,block_timestamp,protocol,event_type,pool_address,token0,token1,amount0,amount1,"
    "tx_hash,log_index\n"
)
POOL = "0x" + "aa" * 20


def prices(bars: Array, name: str, pair: TokenPair) -> list[float]:
    return [pair.sqrt_x96_to_price(value) for value in unsigned_list(bars[name])]


def test_minutes_are_whole_ticks_with_exact_amounts(excerpts: Path) -> None:
    source = open_source(excerpts / "pool-minutes-2022-07-19.csv")
    bars = source.read()
    assert (source.kind, source.period_ns, len(bars)) == (Kind.BARS, MINUTE_NS, 120)
    first = bars[0]
    assert unsigned(first["open_x96"]) == get_sqrt_ratio_at_tick(202656)
    assert unsigned(first["high_x96"]) == get_sqrt_ratio_at_tick(202697)
    assert unsigned(first["low_x96"]) == get_sqrt_ratio_at_tick(202649)
    assert unsigned(first["close_x96"]) == get_sqrt_ratio_at_tick(202693)
    assert unsigned(first["in0"]) == 23814930590
    assert unsigned(first["in1"]) == 34314688834673185254
    assert unsigned(first["liquidity"]) == 422680516552367239
    assert source.notes[0] == "prices are whole ticks (1 bp)"


def test_high_and_low_always_hold_open_and_close(excerpts: Path) -> None:
    source = open_source(excerpts / "pool-minutes-2022-07-19.csv")
    for bar in source.read():
        opened, high, low, close = (
            unsigned(bar[name]) for name in ("open_x96", "high_x96", "low_x96", "close_x96")
        )
        assert low <= min(opened, close)
        assert high >= max(opened, close)
    assert any("are widened to hold them" in note for note in source.notes)


def test_ticks_written_as_floats_are_whole_numbers(write) -> None:
    row = "2024-01-05 00:00:00,1,-1,-5.0,-7.0,-7.0,-5.0,2,3,4\n"
    bar = open_source(write(MINUTES + row)).read()[0]
    assert unsigned(bar["close_x96"]) == get_sqrt_ratio_at_tick(-5)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("2024-01-05 00:00:00,1,-1,-5.5,-7,-7,-5,2,3,4\n", "'closetick' is not a whole number"),
        ("2024-01-05 00:00:00,1,-1,,-7,-7,-5,2,3,4\n", "'closetick' is not a whole number"),
        ("2024-01-05 00:00:00,1,-1,-5,-7,-5,-7,2,3,4\n", "'lowesttick' is above highestTick"),
        ("2024-01-05 00:00:00,1,-1,-5,-7,-7,-5,-2,3,4\n", "'inamount0' is outside"),
        ("2024-01-05 00:00:00,1,-1,-5,-7,-7,-5,2,3,-4\n", "'currentliquidity' is outside"),
        ("2024-01-05 00:00:00,1,-1,-5,-7,-7,-5,2,3\n", "has 9 fields, the first line 10"),
        ("2024-01-05 00:00:00,1,-1,-5,-900000,-7,-5,2,3,4\n", "'opentick' is outside"),
        ("soon,1,-1,-5,-7,-7,-5,2,3,4\n", "'timestamp' is not a time"),
    ],
)
def test_a_fault_of_a_minute_is_named(write, row: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        open_source(write(MINUTES + row)).read()
    assert caught.value.row == 2


def test_minutes_twice_or_out_of_step_are_refused_and_holes_are_told(write) -> None:
    def minutes(*times: str) -> str:
        return MINUTES + "".join(f"2024-01-05 {time},1,-1,-5,-7,-7,-5,2,3,4\n" for time in times)

    with pytest.raises(DataError, match="same time as the row before") as caught:
        open_source(write(minutes("00:00:00", "00:01:00", "00:01:00"))).read()
    assert caught.value.row == 4
    with pytest.raises(DataError, match="not a whole number of periods"):
        open_source(write(minutes("00:00:00", "00:01:30"))).read()
    source = open_source(write(minutes("00:00:00", "00:02:00", "01:00:00")))
    source.read()
    assert source.notes[-1] == "2 gaps, the largest of 3420 s at 2024-01-05T00:03:00Z"


def test_ohlc_of_the_inverse_price_is_recognised_and_turned(excerpts: Path, pair) -> None:
    source = open_source(excerpts / "pool-ohlc-2023-12-27.csv", pair=pair)
    bars = source.read()
    assert source.kind is Kind.BARS
    assert "price is WETH per USDC, found from its magnitude" in source.notes[0]
    assert prices(bars, "close_x96", pair)[0] == pytest.approx(1 / 0.0004257799999999, rel=1e-12)
    # In sqrt price of token1 (WETH) per token0 (USDC), high is where ETH is cheapest.
    assert all(
        high <= low
        for high, low in zip(
            prices(bars, "high_x96", pair), prices(bars, "low_x96", pair), strict=True
        )
    )
    volume = Decimal("2527671468820000000")
    assert unsigned(bars["in1"][0]) == pytest.approx(int(volume) / 2, rel=1e-6)


OHLC = "timestamp,open,high,low,close,volume\n"


def test_both_directions_of_one_price_give_the_same_bars(write, pair) -> None:
    rows = [(2000.0, 2500.0, 1600.0, 2000.0), (2000.0, 2000.0, 1250.0, 1250.0)]
    forward, inverse = OHLC, OHLC
    for at, (opened, high, low, close) in enumerate(rows):
        forward += f"2024-01-05 00:0{at}:00,{opened},{high},{low},{close},1.5\n"
        inverse += f"2024-01-05 00:0{at}:00,{1 / opened},{1 / low},{1 / high},{1 / close},1.5\n"
    one = open_source(write(forward, "a.csv"), kind="bars", pair=pair)
    other = open_source(write(inverse, "b.csv"), kind="bars", pair=pair)
    np.testing.assert_array_equal(one.read(), other.read())
    assert "price is USDC per WETH" in one.notes[0]
    assert "price is WETH per USDC" in other.notes[0]


def test_volume_in_whole_tokens_or_raw_units_is_the_same(write, pair) -> None:
    row = "2024-01-05 00:00:00,2000,2000,2000,2000,"
    options = {"kind": "bars", "pair": pair, "period_ns": MINUTE_NS}
    whole = open_source(write(f"{OHLC}{row}1.5\n", "a.csv"), **options)
    raw = open_source(write(f"{OHLC}{row}1.5e18\n", "b.csv"), **options)
    np.testing.assert_array_equal(whole.read(), raw.read())
    bar = raw.read()[0]
    assert unsigned(bar["in1"]) == 75 * 10**16
    assert unsigned(bar["in0"]) == 1500 * 10**6
    assert "raw units of WETH" in raw.notes[-1]
    assert "whole WETH" in whole.notes[-1]


def test_a_price_around_one_needs_its_direction(write, pair) -> None:
    text = OHLC + "2024-01-05,0.99,1.02,0.98,1.01,5\n2024-01-06,1.01,1.02,0.98,0.99,5\n"
    with pytest.raises(DataError, match=r"may be USDC per WETH or the inverse") as caught:
        open_source(write(text), kind="bars", pair=pair)
    assert "direction" in caught.value.hint
    source = open_source(write(text), kind="bars", pair=pair, direction="quotePerBase")
    assert prices(source.read(), "open_x96", pair)[0] == pytest.approx(0.99, rel=1e-12)


def test_ohlc_of_a_pool_needs_the_pair(write) -> None:
    with pytest.raises(ConfigError, match="tokens must be known"):
        open_source(write(OHLC + "2024-01-05,2000,2000,2000,2000,2e18\n"))


def test_ohlc_with_high_below_close_is_taken_as_a_pools_with_a_note(write, pair) -> None:
    text = OHLC + "2024-01-05,2000,2000,2000,2100,5\n2024-01-06,2100,2100,2100,2100,5\n"
    source = open_source(write(text), kind="bars", pair=pair)
    assert prices(source.read(), "low_x96", pair)[0] == pytest.approx(2100, rel=1e-12)
    assert "high and low do not hold open and close in 1 rows" in source.notes[1]
    with pytest.raises(DataError, match="high and low do not hold"):
        open_source(write(text), kind="candles").read()


def amounts(*rows: tuple[int, str, str, str, int]) -> str:
    """block, time, token0/token1, amounts, log index of swaps of one pool."""
    text = SWAPS
    for block, time, tokens, pay, index in rows:
        token0, token1 = tokens.split("/")
        amount0, amount1 = pay.split("/")
        fields = (block, time, "uniswap_v3", "swap", POOL, token0, token1, amount0, amount1)
        text += ",".join(map(str, (*fields, "0x0", index))) + "\n"
    return text


TWO = amounts(
    (100, "2024-01-05T00:00:05Z", "USDC/WETH", "-2000000000/1000000000000000000", 3),
    (101, "2024-01-05T00:00:50Z", "USDC/WETH", "2100000000/-1000000000000000000", 4),
)


def test_swaps_of_which_only_amounts_are_known_are_bars(write, pair) -> None:
    source = open_source(write(TWO), pair=pair)
    bar = source.read()[0]
    assert (source.kind, source.approximate) == (Kind.BARS, True)
    assert (unsigned(bar["in0"]), unsigned(bar["in1"])) == (2_100_000_000, 10**18)
    assert unsigned(bar["liquidity"]) == 0
    assert pair.sqrt_x96_to_price(unsigned(bar["open_x96"])) == pytest.approx(2000, rel=1e-12)
    assert pair.sqrt_x96_to_price(unsigned(bar["close_x96"])) == pytest.approx(2100, rel=1e-12)


def test_swaps_of_which_only_amounts_are_known_are_trades(write, pair) -> None:
    source = open_source(write(TWO), kind="trades", pair=pair)
    trades = source.read()
    assert [price * source.tick_size for price in trades["price"].tolist()] == [2000, 2100]
    assert trades["quantity"].tolist() == [10**9, 10**9]
    assert trades["side"].tolist() == [-1, 1]


@pytest.mark.parametrize(
    ("text", "row", "message"),
    [
        (TWO[:-200] + TWO[-200:].replace(POOL, "0x" + "bb" * 20), 3, "another pool"),
        (TWO.replace("-2000000000", "2000000000"), 2, "sign of amount0"),
        (TWO.replace("101,", "99,"), 3, "goes back in chain order"),
        (TWO.replace("101,", "100,").replace(",4\n", ",3\n"), 3, "same block and log index"),
        (TWO.replace("2100000000", "2.1e9"), 3, "not a whole number"),
        (TWO.replace("USDC,WETH", "WETH,USDC"), 2, "is token1 of the pair given"),
    ],
)  # fmt: skip
def test_a_fault_of_swap_amounts_is_named(write, pair, text: str, row: int, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        open_source(write(text), pair=pair).read()
    assert caught.value.row == row


def test_rows_that_are_no_swaps_or_have_no_price_are_left_out_and_counted(write, pair) -> None:
    text = TWO + TWO.splitlines()[-1].replace("101,", "102,").replace("2100000000", "0") + "\n"
    text += TWO.splitlines()[-1].replace("101,", "103,").replace("swap", "mint") + "\n"
    source = open_source(write(text), pair=pair)
    assert len(source.read()) == 1
    assert source.notes[-2:] == [
        "1 rows of the pool that are no swaps left out",
        "1 swaps with an amount of 0 have no price and are left out",
    ]


ROUNDED = (
    "amount0,amount1,amountUSD,id,sqrtPriceX96,tick,timestamp,timestamp_1,liquidity\n"
    "-118065.2145,37.33808756,118248.97,0xb3#1,1.4069E+33,195701,1628553600,x,2.02447E+19\n"
    "530141.0332,-167.7523117,531062.33,0x45#2,1.40756E+33,195710,1628553637,x,2.02447E+19\n"
)


def test_rounded_swaps_are_flagged_and_only_bars(write, pair) -> None:
    source = open_source(write(ROUNDED), pair=pair)
    bar = source.read()[0]
    assert (source.kind, source.approximate) == (Kind.BARS, True)
    assert "low precision" in source.notes[0]
    assert unsigned(bar["close_x96"]) == get_sqrt_ratio_at_tick(195710)
    assert unsigned(bar["in0"]) == 530_141_033_200
    assert unsigned(bar["in1"]) == 37_338_087_560_000_000_000
    assert unsigned(bar["liquidity"]) == 20_244_700_000_000_000_000
    with pytest.raises(DataError, match="cannot be read as pool_events"):
        open_source(write(ROUNDED), kind="pool_events", pair=pair)


def test_rounded_swaps_need_the_pair_and_order(write, pair) -> None:
    with pytest.raises(ConfigError, match="tokens must be known"):
        open_source(write(ROUNDED))
    lines = ROUNDED.splitlines()
    with pytest.raises(DataError, match="'timestamp' goes back"):
        open_source(write("\n".join([lines[0], lines[2], lines[1]]) + "\n"), pair=pair).read()


def test_events_become_bars_of_any_period(write) -> None:
    logs = [
        up(3).at(100, seconds=10),
        up(9).at(101, seconds=50),
        down(-4).at(102, seconds=59),
        down(-6, liquidity=7).at(103, seconds=181),
    ]
    source = open_source(write(raw_csv(logs)), kind="bars")
    bars = source.read()
    assert (source.kind, source.row_kind, source.period_ns) == ("bars", "pool_events", MINUTE_NS)
    assert (bars["ts_ns"] // MINUTE_NS % 60).tolist() == [0, 3]
    ticks = [
        [unsigned(bars[at][name]) for name in ("open_x96", "high_x96", "low_x96", "close_x96")]
        for at in (0, 1)
    ]
    assert ticks == [
        [get_sqrt_ratio_at_tick(tick) for tick in (3, 9, -4, -4)],
        [get_sqrt_ratio_at_tick(-6)] * 4,
    ]
    assert unsigned_list(bars["in0"]) == [1000, 1000]
    assert unsigned_list(bars["in1"]) == [2000, 0]
    assert unsigned_list(bars["liquidity"]) == [10**18, 7]
    five = open_source(write(raw_csv(logs)), kind="bars", period_ns=5 * MINUTE_NS).read()
    assert len(five) == 1
    assert unsigned(five[0]["in0"]) == 2000


def test_bars_of_events_do_not_depend_on_pieces(day: Path) -> None:
    path = day / "ethereum-usdc-weth-5bps-2024-01-05.raw.csv.gz"
    whole = open_source(path, kind="bars").read()
    pieces = list(open_source(path, kind="bars").batches(100))
    np.testing.assert_array_equal(np.concatenate(pieces), whole)
    assert max(map(len, pieces)) <= 100


def test_bars_of_a_swap_into_nothing_have_no_amounts(write) -> None:
    bars = open_source(write(raw_csv([swap(0, 0, -400, liquidity=0)])), kind="bars").read()
    assert unsigned_list(bars["in0"]) == [0]


def test_the_first_possible_kind_is_taken(day: Path, excerpts: Path) -> None:
    wanted = ("pool_events", "bars")
    events = open_source(day / "ethereum-usdc-weth-30bps-2024-01-05.raw.csv.gz", kind=wanted)
    minutes = open_source(excerpts / "pool-minutes-2022-07-19.csv", kind=wanted)
    assert (events.kind, minutes.kind) == (Kind.POOL_EVENTS, Kind.BARS)
