"""The compiled ledger against its definition in plain integers, step by step."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from alp._core.bar_replay import END, FULL, PATH, SHARE, TIME, BarReplay
from alp._core.liquidity_amounts import get_amounts_for_liquidity
from alp._core.lp_ledger import MARK_SCALE, mark_price, read_samples
from alp._core.tickmath import get_sqrt_ratio_at_tick
from alp.data.schema import BAR, limbs

Q96 = 1 << 96
MINUTE_NS = 60 * 10**9
NEVER_NS = (1 << 62) - 1
TOP = (1 << 160) - 1

ticks = st.integers(min_value=198_000, max_value=200_000)


def bars(path: list[tuple[int, int, int, int]], in0: int, in1: int, liquidity: int) -> np.ndarray:
    """One bar for each (open, high, low, close) in ticks of the sqrt price."""
    rows = np.zeros(len(path), BAR)
    rows["ts_ns"] = np.arange(len(path)) * MINUTE_NS
    rows["period_ns"] = MINUTE_NS
    for column, name in enumerate(("open_x96", "high_x96", "low_x96", "close_x96")):
        rows[name] = limbs((get_sqrt_ratio_at_tick(bar[column]) for bar in path), 4)
    rows["in0"] = limbs([in0] * len(path), 2)
    rows["in1"] = limbs([in1] * len(path), 2)
    rows["liquidity"] = limbs([liquidity] * len(path), 2)
    return rows


def as_bytes(rows: np.ndarray) -> np.ndarray:
    return rows.view(np.uint8).reshape(-1)


def value(own: dict[str, int], mark: int) -> int:
    return (own["base"] + own["fee_base"]) * mark + (own["quote"] + own["fee_quote"]) * MARK_SCALE


@st.composite
def paths(draw: st.DrawFn) -> list[tuple[int, int, int, int]]:
    found = []
    for _ in range(draw(st.integers(1, 12))):
        opened, closed, one, other = draw(st.tuples(ticks, ticks, ticks, ticks))
        found.append(
            (opened, max(opened, closed, one, other), min(opened, closed, one, other), closed)
        )
    return found


class Twin:
    """BarReplay's PATH model in plain Python."""

    def __init__(self, base_is_token0: bool, fee: int, start: int) -> None:
        self.base_is_token0 = base_is_token0
        self.fee = fee
        self.price = start
        self.mark = mark_price(start, base_is_token0)
        self.positions: list[dict[str, int]] = []

    def principal(self, own: dict[str, int], price: int) -> tuple[int, int]:
        amounts = get_amounts_for_liquidity(
            price,
            get_sqrt_ratio_at_tick(own["tick_lower"]),
            get_sqrt_ratio_at_tick(own["tick_upper"]),
            own["liquidity"],
        )
        return amounts if self.base_is_token0 else (amounts[1], amounts[0])

    def open(self, lower: int, upper: int, liquidity: int) -> None:
        own = {
            "tick_lower": lower,
            "tick_upper": upper,
            "liquidity": liquidity,
            "fee0": 0,
            "fee1": 0,
        }
        own["base"], own["quote"] = self.principal(own, self.price)
        counters = ("fee0", "fee1", "fee_base", "fee_quote", "price", "lvr", "fees")
        own |= dict.fromkeys(counters, 0)
        self.positions.append(own)

    def leg(self, start: int, stop: int) -> None:
        for own in self.positions:
            low = max(min(start, stop), get_sqrt_ratio_at_tick(own["tick_lower"]))
            high = min(max(start, stop), get_sqrt_ratio_at_tick(own["tick_upper"]))
            if low >= high:
                continue
            if stop > start:
                paid = own["liquidity"] * (high - low) // Q96
                own["fee1"] += paid * self.fee // (10**6 - self.fee)
            else:
                paid = (own["liquidity"] * Q96 * (high - low) // high) // low
                own["fee0"] += paid * self.fee // (10**6 - self.fee)

    def bar(self, opened: int, high: int, low: int, closed: int) -> None:
        middle = (high, low) if closed < opened else (low, high)
        route = [self.price, opened, *middle, closed]
        for start, stop in itertools.pairwise(route):
            self.leg(start, stop)
        mark = mark_price(closed, self.base_is_token0)
        for own in self.positions:
            base, quote = self.principal(own, closed)
            fees = (own["fee0"], own["fee1"])
            fee_base, fee_quote = fees if self.base_is_token0 else fees[::-1]
            own["price"] += (own["base"] + own["fee_base"]) * (mark - self.mark)
            own["lvr"] += (base - own["base"]) * mark + (quote - own["quote"]) * MARK_SCALE
            own["fees"] += (fee_base - own["fee_base"]) * mark
            own["fees"] += (fee_quote - own["fee_quote"]) * MARK_SCALE
            own |= {"base": base, "quote": quote, "fee_base": fee_base, "fee_quote": fee_quote}
        self.price, self.mark = closed, mark


@settings(max_examples=150, deadline=None)
@given(
    path=paths(),
    ranges=st.lists(st.tuples(ticks, ticks).filter(lambda r: r[0] < r[1]), min_size=1, max_size=3),
    liquidity=st.integers(1, 10**21),
    fee=st.sampled_from([100, 500, 3000, 10_000]),
    base_is_token0=st.booleans(),
    shift=st.sampled_from([0, 0, -199_000, -660_000, 260_000]),
)
def test_bars_follow_the_twin_to_the_unit(
    path: list[tuple[int, int, int, int]],
    ranges: list[tuple[int, int]],
    liquidity: int,
    fee: int,
    base_is_token0: bool,
    shift: int,
) -> None:
    # Beyond tick 443636 a sqrt price has more than 128 bits; a mark price must not.
    assume(shift == 0 or base_is_token0 == (shift < 0))
    path = [(a + shift, b + shift, c + shift, d + shift) for a, b, c, d in path]
    ranges = [(lower + shift, upper + shift) for lower, upper in ranges]
    start = get_sqrt_ratio_at_tick(path[0][0])
    replay = BarReplay(fee, base_is_token0, PATH, start, 0)
    twin = Twin(base_is_token0, fee, start)
    opening = []
    for lower, upper in ranges:
        slot, *_ = replay.open(lower, upper, liquidity)
        twin.open(lower, upper, liquidity)
        opening.append(value(replay.read(slot), replay.mark))
    row, reason = replay.advance(as_bytes(bars(path, 0, 0, 0)), 0, NEVER_NS, 0, TOP)
    assert (row, reason) == (len(path), 0)
    for bar in path:
        twin.bar(*(get_sqrt_ratio_at_tick(tick) for tick in bar))
    assert replay.mark == twin.mark
    for slot, expected in enumerate(twin.positions):
        own = replay.read(slot)
        for name in ("base", "quote", "fee_base", "fee_quote", "price", "lvr", "fees"):
            assert own[name] == expected[name], name
        change = value(own, replay.mark) - opening[slot]
        assert change == own["price"] + own["lvr"] + own["fees"]


@st.composite
def close_quotients(draw: st.DrawFn) -> tuple[int, int, int]:
    """A price, an upper tick, and a liquidity whose token0 between them is nearly whole."""
    upper = draw(st.integers(-400_000, 400_000))
    low = get_sqrt_ratio_at_tick(upper - draw(st.integers(1, 400_000))) + draw(st.integers(0, 9))
    high = get_sqrt_ratio_at_tick(upper)
    units = draw(st.integers(1, 90).flatmap(lambda bits: st.integers(0, 2**bits)))
    liquidity = units * low * high // ((high - low) << 96) + draw(st.sampled_from([0, 1]))
    return low, upper, min(max(liquidity, 1), 2**128 - 1)


@settings(max_examples=300, deadline=None)
@given(close_quotients())
def test_a_mint_takes_the_amount_floored_however_close_to_a_whole_one(
    found: tuple[int, int, int],
) -> None:
    price, upper, liquidity = found
    replay = BarReplay(500, price < Q96, PATH, price, 0)
    _, amount0, _ = replay.open(upper - 500_000, upper, liquidity)
    high = get_sqrt_ratio_at_tick(upper)
    assert amount0 == (liquidity * Q96 * (high - price) // high) // price % 2**128


def test_a_bar_that_stands_still_only_lets_time_pass() -> None:
    replay = BarReplay(500, False, PATH, get_sqrt_ratio_at_tick(199_000), 0)
    slot, *_ = replay.open(198_000, 200_000, 10**18)
    path = [(199_000, 199_050, 198_950, 199_020), (199_020,) * 4, (199_020,) * 4]
    rows = bars(path, 0, 0, 7)
    replay.advance(as_bytes(rows[:1]), 0, NEVER_NS, 0, TOP)
    before = replay.read(slot)
    replay.advance(as_bytes(rows), 1, NEVER_NS, 0, TOP)
    after = dict(replay.read(slot))
    assert after == dict(before) | {"in_range_ns": 3 * MINUTE_NS}
    assert (replay.ts_ns, replay.bars, replay.liquidity) == (3 * MINUTE_NS, 3, 7)


@given(tick=st.integers(-400_000, 400_000), base_is_token0=st.booleans())
def test_the_mark_is_the_price_floored_twice(tick: int, base_is_token0: bool) -> None:
    price = get_sqrt_ratio_at_tick(tick)
    if base_is_token0:
        expected = ((price * price) >> 96) * MARK_SCALE >> 96
    else:
        expected = ((MARK_SCALE << 96) // price << 96) // price
    if expected >> 128:
        with pytest.raises(OverflowError):
            mark_price(price, base_is_token0)
    else:
        assert mark_price(price, base_is_token0) == expected


def test_lvr_is_never_positive_and_fees_never_negative() -> None:
    rng = np.random.default_rng(5)
    steps = np.cumsum(rng.integers(-40, 41, 500)) + 199_000
    path = [
        (int(a), max(int(a), int(b)), min(int(a), int(b)), int(b))
        for a, b in itertools.pairwise(steps)
    ]
    replay = BarReplay(500, False, PATH, get_sqrt_ratio_at_tick(path[0][0]), 0)
    replay.open(198_500, 199_500, 10**18)
    replay.advance(as_bytes(bars(path, 0, 0, 0)), 0, NEVER_NS, 0, TOP)
    own = replay.read(0)
    assert own["lvr"] < 0 < own["fees"]


def test_share_splits_the_fee_by_liquidity_and_span() -> None:
    inside, outside = 199_000, 199_100
    replay = BarReplay(500, False, SHARE, get_sqrt_ratio_at_tick(inside), 0)
    replay.open(198_000, 200_000, 10**18)
    still = bars([(inside, inside, inside, inside)], 2_000_000_000, 0, 3 * 10**18)
    replay.advance(as_bytes(still), 0, NEVER_NS, 0, TOP)
    # 2000 USDC in, 5 bps, a quarter of the liquidity is ours.
    assert replay.read(0)["fee_quote"] == 250_000
    assert replay.read(0)["fee_base"] == 0

    half = BarReplay(500, False, SHARE, get_sqrt_ratio_at_tick(outside), 0)
    half.open(198_000, inside, 10**18)
    moved = bars([(outside, outside, inside - 100, outside)], 2_000_000_000, 0, 3 * 10**18)
    half.advance(as_bytes(moved), 0, NEVER_NS, 0, TOP)
    # About half of the bar's span lies in the range.
    assert half.read(0)["fee_quote"] == pytest.approx(125_000, rel=0.01)


def test_a_bar_without_liquidity_stops_the_share_model_with_its_row() -> None:
    replay = BarReplay(500, False, SHARE, get_sqrt_ratio_at_tick(199_000), 0)
    rows = bars([(199_000,) * 4] * 3, 5, 0, 10**18)
    rows["liquidity"][2] = 0
    with pytest.raises(ValueError, match=r"row 2: .*no liquidity"):
        replay.advance(as_bytes(rows), 0, NEVER_NS, 0, TOP)
    assert replay.bars == 2


def test_stops_at_the_time_and_at_the_price() -> None:
    path = [
        (199_000 + 10 * i, 199_010 + 10 * i, 199_000 + 10 * i, 199_010 + 10 * i) for i in range(20)
    ]
    rows = as_bytes(bars(path, 0, 0, 0))
    replay = BarReplay(500, False, PATH, get_sqrt_ratio_at_tick(199_000), 0)
    assert replay.advance(rows, 0, 5 * MINUTE_NS, 0, TOP) == (5, 1)
    assert replay.ts_ns == 5 * MINUTE_NS
    bound = get_sqrt_ratio_at_tick(199_100)
    assert replay.advance(rows, 5, NEVER_NS, 0, bound) == (10, 2)
    assert replay.sqrt_price_x96 == bound
    assert replay.advance(rows, 10, NEVER_NS, 0, TOP) == (20, 0)


@settings(max_examples=60, deadline=None)
@given(path=paths(), every=st.integers(1, 4), gap=st.integers(0, 9))
def test_samples_are_what_a_stop_at_their_time_would_have_seen(
    path: list[tuple[int, int, int, int]], every: int, gap: int
) -> None:
    rows = bars(path, 0, 0, 0)
    rows["ts_ns"][len(path) // 2 :] += gap * MINUTE_NS
    start = get_sqrt_ratio_at_tick(path[0][0])
    sampled, stopped = (BarReplay(500, False, PATH, start, 0) for _ in range(2))
    for replay in (sampled, stopped):
        replay.open(198_500, 199_500, 10**18)
        replay.open(199_000, 199_900, 10**17)
    sampled.sample_every(every * MINUTE_NS, 0)
    sampled.advance(as_bytes(rows), 0, NEVER_NS, 0, TOP)
    row, now_ns, expected = 0, 0, []
    while True:
        now_ns += every * MINUTE_NS
        row, reason = stopped.advance(as_bytes(rows), row, now_ns, 0, TOP)
        if reason != TIME:
            break
        expected.append(stopped.sample(now_ns))
    assert read_samples(sampled.samples()) == expected
    assert sampled.samples() == b""
    end = sampled.sample(7)
    assert end == stopped.sample(7)
    assert end[2:4] == sampled.holdings
    own = [sampled.read(slot) for slot in range(2)]
    assert end[2] == sum(each["base"] + each["fee_base"] for each in own)
    assert end[3] == sum(each["quote"] + each["fee_quote"] for each in own)
    assert end[4:7] == tuple(sum(each[name] for each in own) for name in ("price", "lvr", "fees"))


def test_samples_cut_in_the_middle_are_refused() -> None:
    assert read_samples(b"") == []
    with pytest.raises(ValueError, match="bytes of samples"):
        read_samples(b"\0" * 100)


def test_a_replay_waits_until_its_samples_are_collected() -> None:
    rows = bars([(199_000,) * 4] * 3, 0, 0, 0)
    rows["ts_ns"][2] = 2_000 * MINUTE_NS
    replay = BarReplay(500, False, PATH, get_sqrt_ratio_at_tick(199_000), 0)
    replay.sample_every(MINUTE_NS, 0)
    taken, row, reason = [], 0, FULL
    while reason == FULL:
        row, reason = replay.advance(as_bytes(rows), row, NEVER_NS, 0, TOP)
        taken += read_samples(replay.samples())
    assert [sample[0] for sample in taken] == [n * MINUTE_NS for n in range(1, 2_001)]
    assert reason == END


@pytest.mark.parametrize("name", ["open_x96", "high_x96", "low_x96", "close_x96"])
@pytest.mark.parametrize("price", [0, 1 << 160])
def test_a_bar_with_an_impossible_price_stops_the_replay_with_its_row(
    name: str, price: int
) -> None:
    rows = bars([(199_000,) * 4] * 2, 0, 0, 0)
    rows[name][1] = limbs([price], 4)[0]
    replay = BarReplay(500, False, PATH, get_sqrt_ratio_at_tick(199_000), 0)
    with pytest.raises(ValueError, match=r"row 1: .*sqrt price"):
        replay.advance(as_bytes(rows), 0, NEVER_NS, 0, TOP)
    assert replay.bars == 1


def test_slots_are_reused_and_bounded() -> None:
    replay = BarReplay(500, False, PATH, get_sqrt_ratio_at_tick(199_000), 0)
    for expected in range(16):
        assert replay.open(198_000, 200_000, 10**15)[0] == expected
    with pytest.raises(OverflowError, match="too many"):
        replay.open(198_000, 200_000, 10**15)
    replay.close(7)
    with pytest.raises(IndexError):
        replay.read(7)
    assert replay.open(198_000, 200_000, 10**15)[0] == 7
