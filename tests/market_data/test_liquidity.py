"""A pool's liquidity before its events: derived, by bucket, by tick, from its history."""

from __future__ import annotations

import gzip
import sqlite3
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logs import Log, burn, down, mint, raw_csv, swap, up

from alp._core.pool import Pool
from alp._core.tickmath import get_sqrt_ratio_at_tick
from alp.data import Kind, Source, open_source
from alp.data.derive import derive_liquidity, write_buckets
from alp.data.events import EventColumns
from alp.data.liquidity import Bucket, net_rows
from alp.data.schema import (
    MAX_SQRT_RATIO,
    MAX_TICK,
    MIN_SQRT_RATIO,
    MIN_TICK,
    Array,
    EventKind,
    signed_list,
    unsigned_list,
)
from alp.data.solve import open_liquidity, solve_unknown
from alp.data.store import write_store
from alp.errors import ConfigError, DataError

DAYS = [
    ("ethereum-0x88e6-5bps-2024-01-05", 10),
    ("ethereum-0x8ad5-30bps-2024-01-05", 60),
    ("polygon-0x45dd-5bps-2022-01-05", 10),
]


@pytest.mark.parametrize(("name", "spacing"), DAYS)
def test_recorded_days_give_the_independently_derived_liquidity(
    shared: Path, tmp_path: Path, name: str, spacing: int
) -> None:
    events = open_source(shared / "data" / "A_uniswap_swaps" / f"{name}.raw.csv.gz")
    target = tmp_path / "derived.csv"
    write_buckets(target, derive_liquidity(events.batches(500), spacing))
    expected = shared / "data" / "A_derived" / f"{name}.liquidity_at_open.csv"
    assert target.read_bytes() == expected.read_bytes()


@pytest.mark.parametrize(("fee", "spacing"), [("5bps", 10), ("30bps", 60)])
def test_the_sample_days_liquidity_is_derived_from_its_events(
    day: Path, tmp_path: Path, fee: str, spacing: int
) -> None:
    stem = f"ethereum-usdc-weth-{fee}-2024-01-05"
    target = tmp_path / "derived.csv"
    events = open_source(day / f"{stem}.raw.csv.gz")
    write_buckets(target, open_liquidity(events.batches, spacing))
    assert target.read_bytes() == (day / f"{stem}.liquidity.csv").read_bytes()


def test_events_can_be_opened_as_the_liquidity_before_them(day: Path, pair) -> None:
    stem = day / "ethereum-usdc-weth-5bps-2024-01-05"
    derived = open_source(f"{stem}.raw.csv.gz", kind="liquidity", pair=pair)
    written = open_source(f"{stem}.liquidity.csv")
    assert (derived.kind, derived.row_kind) == (Kind.LIQUIDITY, Kind.POOL_EVENTS)
    np.testing.assert_array_equal(derived.read(), written.read())
    assert derived.describe()[0].rows == 6234
    with pytest.raises(ConfigError, match="tokens must be known"):
        open_source(f"{stem}.raw.csv.gz", kind="liquidity")


def active(array: Array) -> list[tuple[int, int]]:
    """Boundaries and the active liquidity above each."""
    total, result = 0, []
    nets = signed_list(array["liquidity_net"])
    for tick, change in zip(array["tick"].tolist(), nets, strict=True):
        total += change
        result.append((tick, total))
    return result


BUCKETS = "tick_lower,tick_upper,liquidity_at_window_open,observations\n"


def test_buckets_become_net_liquidity_at_their_boundaries(write) -> None:
    text = BUCKETS + "-20,-10,5,1\n-10,0,8,2\n0,10,8,1\n10,20,3,1\n"
    source = open_source(write(text))
    assert active(source.read()) == [(MIN_TICK, 5), (-10, 8), (10, 3), (MAX_TICK, 0)]
    assert source.notes == [
        "known from tick -20 to 20; the outermost liquidity is taken to go on beyond"
    ]


def test_an_unknown_bucket_is_the_smaller_of_its_neighbours(write) -> None:
    text = BUCKETS + "-20,-10,5,1\n-10,0,,0\n0,10,8,1\n10,20,,0\n20,30,,0\n30,40,2,1\n"
    source = open_source(write(text))
    assert active(source.read()) == [(MIN_TICK, 5), (0, 8), (10, 2), (MAX_TICK, 0)]
    assert source.notes[0].startswith("3 of 6 buckets are unknown")


@pytest.mark.parametrize(
    ("rows", "row", "message"),
    [
        ("0,10,5,1\n20,30,5,1\n", 3, "does not continue at 10"),
        ("0,10,5,1\n-10,0,5,1\n", 3, "does not continue at 10"),
        ("10,0,5,1\n", 2, "is not above tick_lower"),
        ("0,10,-5,1\n", 2, "is outside"),
        ("0,10,1e18,1\n", 2, "is not a whole number"),
        ("0,10,,0\n", None, "no bucket has a known liquidity"),
        ("0,10\n", 2, "has 2 fields"),
        (f"0,10,{1 << 128},1\n", 2, "is outside"),
    ],
)
def test_a_fault_of_the_buckets_is_named(write, rows: str, row: int | None, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        open_source(write(BUCKETS + rows)).read()
    assert caught.value.row == row


def test_swaps_that_contradict_each_other_mean_missing_events(write) -> None:
    logs = [down(-5), up(3).at(101), up(4, liquidity=10**18 + 1).at(102)]
    with pytest.raises(DataError, match=r"block 102, log 0: .* others say 1000000000000000000"):
        derive_liquidity(open_source(write(raw_csv(logs))).batches(), 10)


def test_without_swaps_nothing_can_be_derived(write) -> None:
    with pytest.raises(DataError, match="no swaps"):
        derive_liquidity(open_source(write(raw_csv([mint(-10, 10, 5)]))).batches(), 10)


def test_more_burned_than_there_was_is_a_contradiction(write) -> None:
    logs = [burn(-10, 10, 10**18 + 5), down(-5, liquidity=0).at(101)]
    assert (
        derive_liquidity(open_source(write(raw_csv(logs))).batches(), 10)[0].liquidity == 10**18 + 5
    )
    logs = [mint(-10, 10, 10**18 + 5), down(-5).at(101)]
    with pytest.raises(DataError, match="had liquidity -5 at the start"):
        derive_liquidity(open_source(write(raw_csv(logs))).batches(), 10)


ticks = st.integers(-12, 12).map(lambda tick: tick * 10)
positions = st.tuples(ticks, ticks, st.integers(1, 10**6)).filter(lambda each: each[0] < each[1])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("mint"), positions),
        st.tuples(st.just("burn"), st.integers(0, 50)),
        st.tuples(st.just("swap"), st.integers(-130, 130)),
    ),
    min_size=1,
    max_size=40,
)


@settings(deadline=None)
@given(st.lists(positions, max_size=8), steps)
def test_any_history_gives_back_the_liquidity_it_began_with(
    before: list[tuple[int, int, int]], history: list[tuple[str, object]]
) -> None:
    """A pool that only adds up positions is the model; what it began with is what is derived."""
    net: dict[int, int] = defaultdict(int)

    def change(lower: int, upper: int, amount: int) -> None:
        net[lower] += amount
        net[upper] -= amount

    def at(tick: int) -> int:
        return sum(amount for boundary, amount in net.items() if boundary <= tick)

    for each in before:
        change(*each)
    start = dict(net)
    live = list(before)
    events = EventColumns()
    for place, (what, argument) in enumerate(history):
        where = (place, place, 0)
        if what == "swap":
            price = (get_sqrt_ratio_at_tick(argument), argument)
            events.add(place, EventKind.SWAP, where, (0, 0, at(argument)), price=price)
            continue
        if what == "burn":
            if not live:
                continue
            lower, upper, amount = live.pop(argument % len(live))
            change(lower, upper, -amount)
            kind = EventKind.BURN
        else:
            lower, upper, amount = argument
            live.append(argument)
            change(lower, upper, amount)
            kind = EventKind.MINT
        events.add(place, kind, where, (0, 0, amount), ticks=(lower, upper))
    if EventKind.SWAP not in events.kind:
        return
    array = events.array()
    for bucket in derive_liquidity([array[:7], array[7:]], 10):
        expected = sum(amount for tick, amount in start.items() if tick <= bucket.tick_lower)
        assert bucket.liquidity in (None, expected)
        assert (bucket.liquidity is None) == (bucket.observations == 0)


def snapshot(path: Path, ticks: list[int], net: list[float | int | None]) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    gross = [abs(each or 0) for each in net]
    pq.write_table(pa.table({"liquidityGross": gross, "liquidityNet": net, "tickIdx": ticks}), path)
    return path


def test_a_float_snapshot_is_flagged_as_an_approximation(tmp_path: Path) -> None:
    source = open_source(
        snapshot(tmp_path / "s.parquet", [-20, -10, 0, 20], [5e18, 0.0, 1e18, -6e18])
    )
    assert active(source.read()) == [(-20, 5 * 10**18), (0, 6 * 10**18), (20, 0)]
    assert source.approximate
    assert source.notes == [
        "liquidity is float64, good to about 16 digits: an approximation",
        "the block of the snapshot is not in the file",
        "1 of 4 ticks have no net liquidity and are left out",
    ]


def test_an_integer_snapshot_is_exact(tmp_path: Path) -> None:
    source = open_source(snapshot(tmp_path / "s.parquet", [-20, 20], [5, -4]))
    assert active(source.read()) == [(-20, 5), (20, 1)]
    assert not source.approximate
    assert "liquidityNet adds up to 1 instead of 0: rounding" in source.notes


@pytest.mark.parametrize(
    ("ticks", "net", "message"),
    [
        ([0, -10], [1.0, -1.0], "tick -10 is out of range or order"),
        ([0, 0], [1.0, -1.0], "tick 0 is out of range or order"),
        ([0, 900_000], [1.0, -1.0], "out of range"),
        ([0, 10], [1.0, float("nan")], "is empty"),
        ([0, 10], [1.0, None], "is empty"),
    ],
)
def test_a_fault_of_a_snapshot_is_named(
    tmp_path: Path, ticks: list[int], net: list[float | None], message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        open_source(snapshot(tmp_path / "s.parquet", ticks, net)).read()
    assert caught.value.row == 2


def history(path: Path, rows: list[tuple[object, ...]]) -> Path:
    database = sqlite3.connect(path)
    database.execute(
        "CREATE TABLE liquidity_events (id integer, type integer, liquidity text, amount0 text, "
        "amount1 text, tick_lower integer, tick_upper integer, block_number integer, "
        "transaction_index integer, log_index integer, date text)"
    )
    database.executemany(f"INSERT INTO liquidity_events VALUES ({','.join('?' * 11)})", rows)
    database.commit()
    database.close()
    return path


HISTORY = [
    (3, 2, "40", "1", "2", -60, 60, 102, 0, 7, "2021-05-05 08:30:00"),
    (1, 1, "100", "5", str(1 << 200), -60, 60, 100, 0, 3, "2021-05-05 08:00:00"),
    (4, 1, "7", "1", "2", 0, 120, 103, 0, 1, "2021-05-05 09:00:00"),
]


def test_a_history_is_events_in_chain_order_with_utc_times(tmp_path: Path) -> None:
    source = open_source(history(tmp_path / "h.sqlite", HISTORY))
    events = source.read()
    assert events["block"].tolist() == [100, 102, 103]
    assert events["kind"].tolist() == [EventKind.MINT, EventKind.BURN, EventKind.MINT]
    assert events["ts_ns"][0] == 1_620_172_800 * 10**9
    assert signed_list(events["amount1"])[0] == 1 << 200
    assert source.notes == [
        "1 ids are missing in the sequence",
        "no swaps: mints and burns only, owners unknown",
        "times are read as UTC+8",
    ]
    shifted = open_source(tmp_path / "h.sqlite", utc_offset_hours=0).read()
    assert shifted["ts_ns"][0] == (1_620_172_800 + 8 * 3600) * 10**9


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (99, []),
        (100, [(-60, 100), (60, 0)]),
        (102, [(-60, 60), (60, 0)]),
        (500, [(-60, 60), (0, 67), (60, 7), (120, 0)]),
    ],
)
def test_a_history_adds_up_to_the_liquidity_at_a_block(
    tmp_path: Path, block: int, expected: list[tuple[int, int]]
) -> None:
    path = history(tmp_path / "h.sqlite", HISTORY)
    packed = tmp_path / "h.sqlite.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    source = open_source(packed, kind="liquidity", at_block=block)
    if expected:
        assert active(source.read()) == expected
    else:
        assert not list(source.readers[0].read(10))


def test_a_history_needs_the_block(tmp_path: Path) -> None:
    path = history(tmp_path / "h.sqlite", HISTORY)
    with pytest.raises(ConfigError, match="liquidity at which block"):
        open_source(path, kind="liquidity").read()


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [
        (1, 3, "no mint or burn"),
        (2, "-5", "does not fit"),
        (2, "5.5", "a value is damaged"),
        (5, 60, "no mint or burn between"),
        (10, "yesterday", "a value is damaged"),
    ],
)
def test_a_fault_of_a_history_is_named(
    tmp_path: Path, at: int, value: object, message: str
) -> None:
    rows = [list(row) for row in HISTORY]
    rows[0][at] = value
    with pytest.raises(DataError, match=message) as caught:
        open_source(history(tmp_path / "h.sqlite", rows)).read()
    assert caught.value.row == 3


def test_another_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE people (name text)")
    database.commit()
    database.close()
    with pytest.raises(DataError, match="no table of mints and burns"):
        open_source(path)


def test_a_cut_database_is_refused(tmp_path: Path) -> None:
    path = history(tmp_path / "h.sqlite", HISTORY)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DataError, match="not a sound SQLite file"):
        open_source(path).read()


def test_jit_liquidity_around_a_swap_leaves_no_trace(write) -> None:
    logs: list[Log] = [
        mint(0, 10, 10**20).at(100, 0),
        swap(-5, 5, 4, liquidity=10**18 + 10**20).at(100, 1),
        burn(0, 10, 10**20).at(100, 2),
        up(5).at(101),
    ]
    (bucket,) = derive_liquidity(open_source(write(raw_csv(logs))).batches(), 10)
    assert (bucket.liquidity, bucket.observations) == (10**18, 2)


def furthest_off(source: Source, opening: Array, spacing: int, fee: int) -> Counter[int]:
    """How many units the engine's amounts are off, from the opening liquidity, swap by swap.

    Each swap begins at the recorded price; it is given its amount in, or out, or its last price as
    the limit, whichever its sender may have given, and must end at the recorded price and tick.
    """
    nets = zip(opening["tick"].tolist(), signed_list(opening["liquidity_net"]), strict=True)
    outermost = MAX_TICK - MAX_TICK % spacing
    net = {max(-outermost, min(outermost, tick)): amount for tick, amount in nets}
    events = source.read()
    off: Counter[int] = Counter()
    before: tuple[int, int] | None = None
    for kind, lower, upper, tick, amount, price, *amounts in zip(
        *(events[name].tolist() for name in ("kind", "tick_lower", "tick_upper", "tick")),
        *(unsigned_list(events[name]) for name in ("liquidity", "sqrt_price_x96")),
        *(signed_list(events[name]) for name in ("amount0", "amount1")),
        strict=True,
    ):
        if kind in (EventKind.MINT, EventKind.BURN):
            change = amount if kind == EventKind.MINT else -amount
            net[lower] = net.get(lower, 0) + change
            net[upper] = net.get(upper, 0) - change
        if kind != EventKind.SWAP:
            continue
        if before is not None:
            pool = Pool(fee, spacing)
            pool.initialize(before[0], 1)
            pool.set_price(*before)
            pool.load_liquidity([each for each in sorted(net.items()) if each[1]])
            down = amounts[0] > 0
            open_end = MIN_SQRT_RATIO + 1 if down else MAX_SQRT_RATIO - 1
            given = (max(amounts), open_end), (min(amounts), open_end), (1 << 200, price)
            off[min(_off(pool.quote(down, *each), amounts, price, tick) for each in given)] += 1
        before = (price, tick)
    return off


def _off(quote: tuple[int, ...], amounts: list[int], price: int, tick: int) -> int:
    if quote[2:4] != (price, tick):
        return 1 << 255
    return max(abs(quote[0] - amounts[0]), abs(quote[1] - amounts[1]))


@pytest.mark.parametrize(
    ("fee_name", "fee", "spacing", "expected"),
    [
        ("30bps", 3000, 60, {0: 266}),
        # Six swaps cross two unknown buckets in a row; how their fees were rounded is not known.
        ("5bps", 500, 10, {0: 6039, 1: 6}),
    ],
)
def test_the_engine_repeats_the_day_from_its_opening_liquidity(
    day: Path, fee_name: str, fee: int, spacing: int, expected: dict[int, int]
) -> None:
    stem = day / f"ethereum-usdc-weth-{fee_name}-2024-01-05"
    opening = open_source(f"{stem}.liquidity.csv").read()
    found = furthest_off(open_source(f"{stem}.raw.csv.gz"), opening, spacing, fee)
    assert found == expected


@pytest.mark.parametrize("base_first", [True, False])
@pytest.mark.parametrize("width", [1, 2, 3])
def test_unknown_buckets_are_solved_from_swaps_that_crossed_them(
    width: int, base_first: bool
) -> None:
    """A pool made by the engine, crossed both ways; the crossings alone must give it back."""
    levels = {-30: 7 * 10**20, -20: 9 * 10**20, -10: 5 * 10**20, 0: 6 * 10**20, 10: 8 * 10**20}
    levels |= {20: 3 * 10**20}
    if not base_first:
        levels = {-tick - 10: level for tick, level in levels.items()}
    net: dict[int, int] = {}
    for tick, level in levels.items():
        net[tick] = net.get(tick, 0) + level
        net[tick + 10] = net.get(tick + 10, 0) - level
    pool = Pool(500, 10)
    pool.initialize(get_sqrt_ratio_at_tick(-25), 1)
    pool.load_liquidity([each for each in sorted(net.items()) if each[1]])
    events = EventColumns()
    unknown = range(-10, -10 + 10 * width, 10)
    for place, tick in enumerate((-24, 25, -22, 24, -29, 28)):
        down = get_sqrt_ratio_at_tick(tick) < pool.sqrt_price_x96
        amounts = pool.swap(down, 1 << 120, get_sqrt_ratio_at_tick(tick), place + 2)
        price = (pool.sqrt_price_x96, pool.tick)
        events.add(
            place, EventKind.SWAP, (place, place, 0), (*amounts, pool.liquidity), price=price
        )
    buckets = [
        Bucket(tick, tick + 10, None if tick in unknown else levels[tick], 1)
        for tick in sorted(levels)
    ]
    solved = solve_unknown(buckets, [events.array()], 10)
    found = {bucket.tick_lower: bucket.liquidity for bucket in solved}
    assert {tick: found[tick] for tick in levels if tick not in unknown} == {
        tick: level for tick, level in levels.items() if tick not in unknown
    }
    if width == 1:  # near price 1 a unit of either token is thousands of units of liquidity
        assert found == pytest.approx(levels, rel=0, abs=10_000)
    elif width == 2:
        for tick in unknown:
            assert found[tick] == pytest.approx(levels[tick], rel=1e-9)
    else:
        assert all(value is not None and value > 0 for value in found.values())


def test_what_nobody_crossed_stays_unknown() -> None:
    events = EventColumns()
    buckets = [Bucket(0, 10, 5, 1), Bucket(10, 20, None, 0), Bucket(20, 30, 6, 1)]
    assert solve_unknown(buckets, [events.array()], 10) == buckets


def test_stored_liquidity_out_of_order_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "liquidity.parquet"
    array = net_rows({0: 5, 10: -5})[::-1].copy()
    write_store(path, Kind.LIQUIDITY, [array], dict)
    with pytest.raises(DataError, match="ticks are out of order") as caught:
        open_source(path).read()
    assert caught.value.row == 2
