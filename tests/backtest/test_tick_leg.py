"""The venue leg on a tape, merged with the recorded pool on one clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from desk_cases import ASK, BID, Levels, Script, level, rows, trade

from alp.backtest.codec import exact_sum
from alp.backtest.results import Results
from alp.backtest.run import run_backtest
from alp.backtest.setup import open_inputs
from alp.backtest.tick_account import FeeSchedule, FeeTier, Funding
from alp.backtest.tick_file import Grid, TapeFacts, write_tape
from alp.backtest.tick_terms import TickPlan, TickTerms
from alp.data.schema import EventKind, unsigned
from alp.errors import ConfigError, DataError
from alp.models.desk import Event, Held, LpHeld, PoolPrice, Wish
from alp.strategy.loading import load_manifest, with_values
from alp.strategy.manifest import Strategy

SECOND = 10**9
START = 1_704_412_800 * SECOND  # 2024-01-05 00:00 UTC
GRID = Grid(Decimal("0.01"), Decimal("0.0001"))
LONGER = {"backtest__window__end": "2024-01-05T03:00:00Z", "limits__maxVenueBase": "3"}
ANOTHER = {"credentials": {"secretRef": {"name": "second"}}}


@pytest.fixture(scope="module")
def strategy(root: Path) -> Strategy:
    found = load_manifest(root / "examples" / "eth-usdc.yaml")
    return with_values(found, {"spec.backtest.window.end": "2024-01-05T01:00:00Z"})


@pytest.fixture(scope="module")
def tape(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three hours of a made-up market around the pool's own price."""
    made: dict[str, Any] = {"__name__": "made_up_tape"}
    path = root / "examples" / "desks" / "made_up_tape.py"
    exec(compile(path.read_text(), str(path), "exec"), made)
    target = tmp_path_factory.mktemp("tape") / "eth.alptape"
    made["make"](root / "examples" / "eth-usdc.yaml", target, 3.0)
    return target


def played(strategy: Strategy, root: Path, plan: TickPlan, **changes: Any) -> Results:
    values = {f"spec.{name.replace('__', '.')}": value for name, value in changes.items()}
    return run_backtest(with_values(strategy, values), root / "examples", ticks=plan)


def with_venues(strategy: Strategy, *changes: dict[str, Any]) -> Strategy:
    """The manifest's venue, as often as there are changes of it."""
    one = strategy.spec.venues[0].model_dump(mode="json", by_alias=True, exclude_none=True)
    return with_values(strategy, {"spec.venues": [one | change for change in changes]})


def written(path: Path, *given: Any) -> Path:
    write_tape(path, TapeFacts("binance-spot", "ETHUSDT", GRID), [rows(*given)])
    return path


@pytest.fixture(scope="module")
def hedged(strategy: Strategy, root: Path, tape: Path) -> Results:
    return played(strategy, root, TickPlan((TickTerms("binance", tape),)), **LONGER)


def test_the_hedge_fills_on_the_tape_and_everything_adds_up(hedged: Results) -> None:
    assert hedged.check_identity() is hedged
    assert hedged.fidelity.cefi == "ticks"
    assert [each.role for each in hedged.data][-1] == "tape binance"
    assert hedged.hedge.fills
    assert all(each.why.startswith(("a trade", "the other side")) for each in hedged.hedge.fills)
    parts = hedged.attribution.parts()
    assert exact_sum(each.fee for each in hedged.hedge.fills) == -parts["hedge_fees"]
    assert len(hedged.hedge.timing) == 3
    signed = [
        each.quantity if each.side == "buy" else -each.quantity for each in hedged.hedge.fills
    ]
    held = [sum(signed[: count + 1]) for count in range(len(signed))]
    assert max(map(abs, held)) <= 3
    # What was filled takes the base away that the ranges hold too much of.
    assert hedged.hedge.residual_base_mean is not None


def test_the_same_inputs_give_the_same_bytes(
    hedged: Results, strategy: Strategy, root: Path, tape: Path
) -> None:
    plan = TickPlan((TickTerms("binance", tape),))
    again = played(strategy, root, plan, **LONGER)
    assert again.to_json_bytes() == hedged.to_json_bytes()


def test_what_happens_in_the_pool_is_heard_after_the_chains_latency(
    strategy: Strategy, root: Path, tape: Path
) -> None:
    desk = Script()
    desk.interval_ns = 60 * SECOND
    played(strategy, root, TickPlan((TickTerms("binance", tape),), lambda *_: desk, chain_ns=700))
    pool = open_inputs(strategy.spec, strategy.spec.pool.pair(), root / "examples").pool
    assert pool is not None
    events = np.concatenate(list(pool.batches()))
    swaps = events[events["kind"] == EventKind.SWAP]
    last: dict[int, int] = {}  # the price after each block
    for each in swaps:
        last[int(each["ts_ns"])] = unsigned(each["sqrt_price_x96"])
    heard = desk.of(PoolPrice)
    assert len(heard) > 50
    for each in heard[1:]:
        assert last[each.at_ns - 700] == each.sqrt_price_x96
    times = [event.at_ns for event in desk.heard]
    assert times == sorted(times)
    first = desk.of(LpHeld)[0]
    assert first.base == 10 * 10**18
    assert desk.closed


class Once(Script):
    """Wants one order, until it is filled."""

    def on(self, event: Event) -> Sequence[Wish]:
        if isinstance(event, Held) and event.lots:
            self.number += 1
            return [Wish(self.number, event.instrument, event.at_ns, 1 << 62, (), (), {})]
        return super().on(event)


def once(at_ns: int, bids: Levels, asks: Levels = ()) -> Callable[..., Script]:
    def make(*_: object) -> Script:
        desk = Once((at_ns, 0, bids, asks), until_ns=1 << 62)
        desk.interval_ns = 60 * SECOND
        return desk

    return make


def test_fees_tiers_and_funding_are_booked_to_the_last_unit(
    strategy: Strategy, root: Path, tmp_path: Path
) -> None:
    # 7,000 lots of 0.0001 at 2,250.01 are bought: 1,575.007 quote. The fee is the second tier's 3
    # bp; a rate of 1 bp at a mark of 2,300 of 0.7 base costs 0.161 in funding, and before the fill
    # there is nothing to pay on.
    path = written(
        tmp_path / "one.alptape",
        level(START, BID, 225_001, 5_000),
        level(START, ASK, 225_003, 5_000),
        trade(START + 600 * SECOND, False, 225_001, 12_000),
        level(START + 3_500 * SECOND, BID, 225_000, 1),
    )
    terms = TickTerms(
        "binance",
        path,
        fees=FeeSchedule(
            (
                FeeTier(Decimal(0), Decimal("0.001"), Decimal("0.002")),
                FeeTier(Decimal(100), Decimal("0.0003"), Decimal("0.002")),
            ),
            volume_before=Decimal(200),
        ),
        funding=[
            Funding(START + 599 * SECOND, Decimal("0.5"), Decimal(2300)),
            Funding(START + 1200 * SECOND, Decimal("0.0001"), Decimal(2300)),
        ],
    )
    plan = TickPlan((terms,), once(START + 60 * SECOND, ((225_001, 7_000),)))
    found = played(strategy, root, plan)
    [fill] = found.hedge.fills
    assert (fill.side, fill.price, fill.quantity) == ("buy", Decimal("2250.01"), Decimal("0.7"))
    assert fill.ts_ns == START + 600 * SECOND + 20_000_000
    assert fill.fee == Decimal("0.472503")  # 1575.007 * 0.0003 = 0.4725021, rounded up
    assert fill.why == (
        "a trade at its price came past the queue: 5000 of the 5000 lots before it were left; "
        "maker 3 bp, tier 2; wish 1"
    )
    assert found.hedge.funding == Decimal("-0.161")
    parts = found.attribution.parts()
    assert parts["hedge_fees"] == Decimal("-0.472503")
    assert exact_sum(parts.values()) == found.nav.change
    # The account is 0.7 base at the pool's last price, less what was paid.
    price = found.series.price[-1]
    assert price is not None
    assert float(parts["hedge_pnl"]) == pytest.approx(0.7 * price - 1575.007 - 0.161, abs=1e-6)


def test_a_taker_pays_the_takers_fee_only_where_it_took(
    strategy: Strategy, root: Path, tmp_path: Path
) -> None:
    path = written(
        tmp_path / "one.alptape",
        level(START, BID, 225_001, 5_000),
        level(START, ASK, 225_003, 5_000),
        level(START + 3_500 * SECOND, BID, 225_000, 1),
    )
    # A quote that would take is put behind the touch, and rests.
    plan = TickPlan((TickTerms("binance", path),), once(START + 60 * SECOND, ((225_500, 7_000),)))
    found = played(strategy, root, plan)
    assert found.hedge.fills == ()
    assert exact_sum(found.attribution.parts().values()) == found.nav.change


def test_two_venues_share_the_clock_and_the_books(
    strategy: Strategy, root: Path, tape: Path, tmp_path: Path
) -> None:
    other = written(
        tmp_path / "other.alptape",
        level(START, BID, 225_001, 1_000),
        level(START, ASK, 225_003, 1_000),
        trade(START + 900 * SECOND, True, 225_003, 9_000),
        level(START + 3_500 * SECOND, BID, 225_000, 1),
    )
    changed = with_venues(strategy, {}, {"name": "second", **ANOTHER})
    desk = Script(
        (START + 60 * SECOND, 1, (), ((225_003, 4_000),)), until_ns=START + 1_000 * SECOND
    )
    desk.interval_ns = 60 * SECOND
    plan = TickPlan((TickTerms("binance", tape), TickTerms("second", other)), lambda *_: desk)
    found = played(changed, root, plan)
    assert [(each.venue, each.side, each.quantity) for each in found.hedge.fills] == [
        ("second", "sell", Decimal("0.4"))
    ]
    assert [each.role for each in found.data][-2:] == ["tape binance", "tape second"]


def test_a_tape_has_to_be_of_a_venue_and_on_its_grid(
    strategy: Strategy, root: Path, tape: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="no venue kraken"):
        played(strategy, root, TickPlan((TickTerms("kraken", tape),)))
    changed = with_venues(strategy, {"tickSize": "0.1"})
    with pytest.raises(ConfigError, match="not the tape's"):
        played(changed, root, TickPlan((TickTerms("binance", tape),)))
    with pytest.raises(DataError, match="no such file"):
        played(strategy, root, TickPlan((TickTerms("binance", tmp_path / "none"),)))
    changed = with_values(strategy, {"spec.hedge.enabled": False})
    with pytest.raises(ConfigError, match="nobody trades"):
        played(changed, root, TickPlan((TickTerms("binance", tape),)))
