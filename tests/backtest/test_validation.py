"""The comparisons of docs/validation.md hold: with the chain, the seed, demeter, and themselves."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest

from alp._core.bar_replay import PATH, BarReplay
from alp._core.tickmath import get_sqrt_ratio_at_tick
from alp.data.schema import BAR, limbs

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
pytest.importorskip("peers", reason="the benchmarks' drivers are not in this tree")

from peers import compare, seed_case, seed_model  # noqa: E402
from peers.compare import Range  # noqa: E402
from peers.seed_model import Rules, Settings  # noqa: E402

DAY = ROOT / "examples" / "data"
EVENTS = DAY / "ethereum-usdc-weth-5bps-2024-01-05.raw.csv.gz"
LIQUIDITY = DAY / "ethereum-usdc-weth-5bps-2024-01-05.liquidity.csv"
SWAPS = {"pool": {"path": str(EVENTS)}, "liquidity": {"path": str(LIQUIDITY)}}
ALWAYS_IN_RANGE = Range(196_000, 202_000, 10**16)
OFTEN_LEFT = Range(199_000, 199_100, 10**16)


def chosen(shared: Path, name: str) -> tuple[dict, list[seed_model.Bar], Settings]:
    (case,) = (each for each in seed_case.cases(shared) if each["case"] == name)
    return case, seed_model.read_bars(seed_case.file_of(shared, case)), Settings.of(case)


def test_the_pool_engine_repeats_the_recorded_day_in_every_integer() -> None:
    counts = compare.against_the_chain(EVENTS, LIQUIDITY)
    # The six cross 20 ticks whose liquidity is known from the rounded amounts of swaps alone.
    assert counts == {
        "exact_input": 5234,
        "exact_output": 614,
        "price_limit": 191,
        "one_unit": 6,
        "differs": 0,
    }


def test_the_replay_finds_the_same_swaps_and_never_loses_the_path() -> None:
    _, _, counters = compare.held(SWAPS, ALWAYS_IN_RANGE)
    exact = counters["exact_in"] + counters["exact_out"] + counters["at_limit"]
    assert counters["swaps"] == exact + counters["by_price"] == 6045
    # Judged by the price reached, so of the six swaps one unit off some count as exact.
    assert 0 <= counters["by_price"] <= 6
    assert counters["liquidity_mismatches"] == counters["tick_mismatches"] == 0


@pytest.mark.parametrize("place", [ALWAYS_IN_RANGE, OFTEN_LEFT])
def test_fees_in_the_overlay_are_the_pools_growth_less_our_dilution(place: Range) -> None:
    undiluted = compare.growth_times_liquidity(EVENTS, LIQUIDITY, place)
    ours = compare.held(SWAPS, place)
    # Others hold 7e18 to 1.4e19 (just-in-time liquidity more), so we take 0.07 to 0.15 % off.
    for side in (0, 1):
        assert 0.9985 * undiluted[side] < ours[side] < 0.9993 * undiluted[side]


def test_fees_on_a_path_grow_with_liquidity_beyond_64_bit_amounts() -> None:
    bars = np.zeros(1, BAR)
    bars["period_ns"] = 60 * 10**9
    low, high = get_sqrt_ratio_at_tick(199_010), get_sqrt_ratio_at_tick(199_050)
    for name, price in zip(("open", "low", "high", "close"), (low, low, high, high), strict=True):
        bars[f"{name}_x96"] = limbs([price], 4)
    for liquidity in (10**16, 10**18, 10**20):
        replay = BarReplay(500, False, PATH, low, 0)
        slot, _, _ = replay.open(199_000, 199_100, liquidity)
        replay.advance(bars.tobytes(), 0, 2**62, 0, 2**160 - 1)
        brought_in = liquidity * (high - low) >> 96
        assert replay.read(slot)["fee_base"] == brought_in * 500 // 999_500


@pytest.mark.parametrize(
    "name", ["3days GLFT example env", "arb GLFT example env", "AS 1/5/5 th30", "glft 5/20/5 th5"]
)
def test_the_rebuilt_seed_ends_where_the_published_run_ended(shared: Path, name: str) -> None:
    case, bars, settings = chosen(shared, name)
    rebuilt = seed_model.run(bars, settings)
    assert rebuilt.token0 == pytest.approx(case["final0"], rel=1e-13)
    assert rebuilt.token1 == pytest.approx(case["final1"], rel=1e-13)
    assert (rebuilt.rebalances, rebuilt.trades) == (case["rebalances"], case["trades"])
    assert rebuilt.fees0 + rebuilt.fees1 == pytest.approx(case["fees"], rel=1e-12)
    # What it calls drawdown counts the last deposit a second time.
    assert rebuilt.counted_twice == pytest.approx(case["dd"], rel=1e-12)


@pytest.mark.parametrize("name", ["3days GLFT example env", "README GLFT bs20 th50"])
def test_fees_of_our_positions_are_found_again_without_our_engine(shared: Path, name: str) -> None:
    case, bars, settings = chosen(shared, name)
    ours = compare.alp_run(settings, bars[0], seed_case.file_of(shared, case))
    base, quote, _ = compare.recomputed(ours, bars, settings.fee)
    legs = 4 * len(bars) + 8
    earned_base = sum(float(position.fees_base) for position in ours.positions)
    earned_quote = sum(float(position.fees_quote) for position in ours.positions)
    assert earned_base == pytest.approx(base, rel=1e-9)
    # Each leg of the path is rounded down to a millionth of a USDC.
    assert quote - 1e-6 * legs < earned_quote <= quote * (1 + 1e-9)


def test_the_seeds_fee_rule_misses_what_trades_inside_minutes(shared: Path) -> None:
    _, bars, settings = chosen(shared, "3days GLFT example env")
    run = seed_model.run(bars, settings)
    plain = compare.fixed_ranges(bars, run, settings.fee, Rules())
    on_input = compare.fixed_ranges(bars, run, settings.fee, Rules(fee_on_input=True))
    inside = compare.fixed_ranges(bars, run, settings.fee, Rules(inside_bars=True))
    assert -0.001 < on_input / plain - 1 < 0.0
    assert 0.09 < inside / plain - 1 < 0.10


def test_minutes_by_path_come_near_the_swaps_they_were_made_of(shared: Path) -> None:
    _, bars, _ = chosen(shared, "glft 10/50/20 th30")
    day = [bar for bar in bars if bar.minute // 1440 == 19_727]
    assert len(day) == 172
    data = {
        "pool": {"path": str(DAY / "ethereum-usdc-weth-30bps-2024-01-05.raw.csv.gz")},
        "liquidity": {"path": str(DAY / "ethereum-usdc-weth-30bps-2024-01-05.liquidity.csv")},
    }
    place = Range(198_960, 199_140, 10**15)
    quote, base, _ = compare.held(data, place, fee_tier=3000)
    life = seed_model.Life(0, len(day) - 1, compare.band_of(place, day[0].close))
    path = seed_model.earned(day, life, 0.003, compare.AS_A_POOL)
    assert (path.fees0, path.fees1) == pytest.approx((quote, base), rel=1e-3)
    seeds = seed_model.earned(day, life, 0.003, Rules())
    assert seeds.fees0 < 0.8 * quote
    assert seeds.fees1 < 0.8 * base


def test_our_share_of_minute_volume_is_demeters_where_the_range_is_never_left(
    shared: Path,
) -> None:
    minutes = shared / "data" / "A_uniswap_swaps" / "ethereum-0x88e6-5bps-2024-01-05.minute.csv.gz"
    data = {"pool": {"path": str(minutes)}}
    ours = compare.held(data, ALWAYS_IN_RANGE, fees="share")
    # What zelos-demeter 1.3.0 printed for it, see docs/validation.md.
    assert ours[:2] == pytest.approx((52.589979184, 0.0237797389872), rel=2e-5)


def test_an_independent_position_holds_what_the_pool_says() -> None:
    place = Range(199_000, 199_100, 10**16)
    band = compare.band_of(place, 1.0001**199_050 / seed_model.RAW)
    # 10^16 from tick 199050 up to 199100, in USDC of six decimals.
    wanted = 10**16 * (1.0001**-99_525.0 - 1.0001**-99_550.0) / 1e6
    held = band.liquidity * (1.0 / math.sqrt(band.last) - 1.0 / math.sqrt(band.upper))
    assert held == pytest.approx(wanted, rel=1e-12)


def test_the_page_has_every_table() -> None:
    page = (ROOT / "docs" / "validation.md").read_text(encoding="utf-8")
    parts = page.split("<!-- begin ")[1:]
    names = [part.split(" -->")[0] for part in parts]
    assert len(names) == len(set(names)) == 9
    for name, part in zip(names, parts, strict=True):
        content = part.split(" -->\n", 1)[1].split(f"<!-- end {name} -->")[0]
        assert content.strip(), f"{name} is empty: run docs/validation.py"
