"""Whole runs on the recorded day that ships with the project."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alp.backtest.codec import exact_sum
from alp.backtest.engine import Engine
from alp.backtest.results import Results
from alp.backtest.run import run_backtest
from alp.backtest.setup import Setup, prepare
from alp.data.schema import Array
from alp.data.source import Source
from alp.errors import ConfigError, DataError
from alp.strategy.loading import load_manifest, with_values
from alp.strategy.manifest import Strategy

HOUR_NS = 3600 * 10**9
MORNING = "2024-01-05T06:00:00Z"


@pytest.fixture(scope="module")
def strategy(root: Path) -> Strategy:
    return load_manifest(root / "examples" / "eth-usdc.yaml")


def run(strategy: Strategy, root: Path, **changes: Any) -> Results:
    values = {f"spec.{name.replace('__', '.')}": value for name, value in changes.items()}
    return run_backtest(with_values(strategy, values), root / "examples")


@pytest.fixture(scope="module")
def whole_day(strategy: Strategy, root: Path) -> Results:
    return run(strategy, root)


def test_the_parts_add_up_to_the_last_unit(whole_day: Results) -> None:
    assert whole_day.check_identity() is whole_day
    parts = whole_day.attribution.parts()
    assert exact_sum(parts.values()) == whole_day.nav.change
    assert parts["fees"] > 0 > parts["lvr"]
    assert parts["gas"] < 0
    positions = whole_day.positions
    assert exact_sum(each.fees_value for each in positions) == parts["fees"]
    assert exact_sum(each.lvr for each in positions) == parts["lvr"]


def test_two_runs_of_the_same_inputs_are_byte_equal(
    whole_day: Results, strategy: Strategy, root: Path
) -> None:
    assert run(strategy, root).to_json_bytes() == whole_day.to_json_bytes()


def test_every_swap_of_the_day_is_replayed_on_its_recorded_path(whole_day: Results) -> None:
    replay = whole_day.replay
    # The first of the day's 6,046 swaps gives the price to begin with.
    exact = replay.swaps_exact_in + replay.swaps_exact_out + replay.swaps_at_limit
    assert exact + replay.swaps_by_price == 6045
    # They are one raw unit off, see docs/validation.md.
    assert replay.swaps_by_price == 6
    assert replay.liquidity_mismatches == 0


def test_data_facts_name_the_files_and_their_hashes(whole_day: Results) -> None:
    roles = {facts.role: facts for facts in whole_day.data}
    assert set(roles) >= {"pool", "liquidity", "candles"}
    assert roles["pool"].rows == 6234
    assert all(len(facts.sha256) == 64 and "/" not in facts.path for facts in roles.values())


def prepared(strategy: Strategy, root: Path, **changes: Any) -> Setup:
    values = {f"spec.{name.replace('__', '.')}": value for name, value in changes.items()}
    changed = with_values(strategy, values)
    return prepare(changed.spec, changed.spec.pool.pair(), root / "examples")


def test_overlay_ends_on_the_recorded_price_whatever_we_hold(
    strategy: Strategy, root: Path
) -> None:
    ends = set()
    for quote in ("25000", "2500000"):
        setup = prepared(strategy, root, inventory__quote=quote)
        Engine(setup).run()
        ends.add((setup.driver.sqrt_price_x96, setup.driver.tick))
    assert len(ends) == 1


def test_reexecution_moves_the_path_more_the_more_we_hold(strategy: Strategy, root: Path) -> None:
    gaps = []
    for base, quote in (("0.1", "250"), ("1000", "2500000")):
        results = run(
            strategy,
            root,
            backtest__fidelity="reexecute",
            inventory__base=base,
            inventory__quote=quote,
            backtest__window__end=MORNING,
        )
        assert results.replay.max_price_error_bps is not None
        gaps.append(results.replay.max_price_error_bps)
    assert gaps[0] < 5 < gaps[1]


def test_results_do_not_depend_on_how_the_data_is_cut(
    strategy: Strategy, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = run(strategy, root, backtest__window__end=MORNING)
    whole = Source.batches

    def in_pieces(self: Source, max_rows: int = 65536) -> Iterator[Array]:
        yield from whole(self, 7)

    monkeypatch.setattr(Source, "batches", in_pieces)
    cut = run(strategy, root, backtest__window__end=MORNING)
    assert cut.attribution == expected.attribution
    assert cut.rebalances == expected.rebalances
    assert cut.hourly == expected.hourly


def test_liquidity_derived_from_the_window_gives_the_snapshot_run(
    strategy: Strategy, root: Path, whole_day: Results
) -> None:
    derived = run(strategy, root, backtest__data__liquidity={"source": "derived"})
    assert derived.replay.swaps_by_price <= whole_day.replay.swaps_by_price
    # They differ in three buckets that no swap of the day ended in.
    for name, part in whole_day.attribution.parts().items():
        assert abs(derived.attribution.parts()[name] - part) < Decimal("0.01"), name


def test_a_later_start_warms_up_on_what_came_before(strategy: Strategy, root: Path) -> None:
    results = run(
        strategy, root, backtest__window={"start": MORNING, "end": "2024-01-05T12:00:00Z"}
    )
    assert results.window.start_ns == 1_704_434_400 * 10**9
    assert results.rebalances[0].decision == "executed"
    assert results.rebalances[0].numbers["sigma_per_sqrt_s"]


def test_the_price_moving_past_the_slippage_reverts_and_costs_gas(
    strategy: Strategy, root: Path
) -> None:
    results = run(
        strategy,
        root,
        rebalance__slippageBps=0,
        backtest__latency__chainBlocks=50,
        rebalance__minBenefitQuote="-1000000",
        backtest__window__end=MORNING,
    )
    reverted = [each for each in results.rebalances if each.decision == "reverted"]
    assert reverted
    assert all(each.numbers["gas_paid_native"] for each in reverted)
    assert results.attribution.gas < 0


def test_a_plan_waits_for_its_block(strategy: Strategy, root: Path) -> None:
    soon = run(strategy, root, backtest__latency__chainBlocks=0, backtest__window__end=MORNING)
    late = run(strategy, root, backtest__latency__chainBlocks=30, backtest__window__end=MORNING)
    first = [
        next(each for each in made.rebalances if each.decision == "executed")
        for made in (soon, late)
    ]
    assert first[0].block is not None
    assert first[1].block is not None
    assert first[1].block - first[0].block >= 29


def test_gas_follows_its_model(strategy: Strategy, root: Path) -> None:
    cheap = run(strategy, root, backtest__window__end=MORNING)
    dear = run(strategy, root, backtest__gas__baseFeeGwei="30.1", backtest__window__end=MORNING)
    made = [sum(each.decision == "executed" for each in r.rebalances) for r in (cheap, dear)]
    if made[0] == made[1]:
        assert dear.attribution.gas / cheap.attribution.gas == pytest.approx(
            Decimal(2), rel=Decimal("0.001")
        )
    else:
        assert made[1] < made[0]


def test_every_refusal_carries_its_numbers(whole_day: Results) -> None:
    refused = [each for each in whole_day.rebalances if each.reason == "BELOW_MIN_BENEFIT"]
    assert refused
    for each in refused:
        numbers = each.numbers
        for name in ("benefit", "required", "gas", "fees_new", "lvr_new", "fees_stay", "lvr_stay"):
            assert numbers[name] is not None
        assert numbers["benefit"] < numbers["required"]  # type: ignore[operator]


@pytest.mark.parametrize("example", ["eth-usdc-30bps", "eth-usdc-arbitrage"])
def test_the_other_examples_balance(root: Path, example: str) -> None:
    path = root / "examples" / f"{example}.yaml"
    results = run_backtest(load_manifest(path), path.parent)
    assert results.check_identity().attribution.fees > 0


def test_a_missing_file_names_the_field(strategy: Strategy, root: Path) -> None:
    with pytest.raises(DataError, match="no such file") as caught:
        run(strategy, root, backtest__data__pool={"path": "data/nothing.csv"})
    assert "spec.backtest.data.pool" in (caught.value.hint or "")


def test_liquidity_is_no_pool_data(strategy: Strategy, root: Path) -> None:
    with pytest.raises(DataError):
        run(
            strategy,
            root,
            backtest__data__pool={"path": "data/ethereum-usdc-weth-5bps-2024-01-05.liquidity.csv"},
        )


@pytest.mark.parametrize("year", [2023, 2025])
def test_a_window_without_data_is_refused(strategy: Strategy, root: Path, year: int) -> None:
    window = {"start": f"{year}-02-01T00:00:00Z", "end": f"{year}-02-02T00:00:00Z"}
    with pytest.raises((ConfigError, DataError)):
        run(strategy, root, backtest__window=window)


def test_the_hedge_as_it_was_done_is_compared_on_its_own_path(whole_day: Results) -> None:
    quoted, at_once, band = whole_day.hedge.timing
    assert (quoted.way, at_once.way, band.way) == ("quoted", "at_once", "band")
    assert quoted.trades == len(whole_day.hedge.fills)
    assert quoted.volume_base == pytest.approx(float(whole_day.hedge.volume_base))
    assert at_once.trades > band.trades
    assert at_once.error_base < band.error_base
    model = whole_day.strategy.parameters["model"]
    aversion = float(model["riskAversion"]) + float(model["inventoryPenalty"])
    for each in whole_day.hedge.timing:
        assert each.charge == pytest.approx(each.cost + aversion / 2 * each.error_quote**2)


def test_hedge_markouts_are_the_fills_at_the_venues_later_closes(
    whole_day: Results, strategy: Strategy, root: Path
) -> None:
    setup = prepared(strategy, root)
    assert setup.inputs.candles is not None
    assert setup.inputs.candles.tick_size is not None
    candles = setup.inputs.candles.read()
    ends = candles["ts_ns"] + candles["period_ns"]
    ends = ends[ends <= whole_day.window.end_ns]
    closes = candles["close"] * float(setup.inputs.candles.tick_size)
    hedge = [each for each in whole_day.markouts if each.leg == "hedge"]
    assert [each.horizon_ns for each in hedge] == list(strategy.spec.backtest.markouts)
    for markout in hedge:
        total, counted = 0.0, 0
        for fill in whole_day.hedge.fills:
            after = int(np.searchsorted(ends, fill.ts_ns + markout.horizon_ns, side="right")) - 1
            if fill.ts_ns + markout.horizon_ns > ends[-1]:
                continue
            signed = float(fill.quantity) * (1 if fill.side == "buy" else -1)
            total += signed * (closes[after] - float(fill.price))
            counted += 1
        assert markout.total_quote == pytest.approx(total, abs=0.01)
        assert (markout.count, markout.unresolved) == (
            counted,
            len(whole_day.hedge.fills) - counted,
        )
