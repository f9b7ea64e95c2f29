"""Rules and inputs of a market maker, plain ones and drawn ones."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from alp._core.maker import MakerModel, Rounding, Touch

SECOND = 10**9
NOW = 1_700_000_000 * SECOND
MOST_LEVELS = 16


def rule(**changes: Any) -> dict[str, Any]:
    """A maker of one level that nothing binds."""
    lots = changes.pop("level_lots", [10])
    plain = {
        "model": MakerModel.GLFT_CLOSED,
        "rounding": Rounding.AWAY,
        "touch": Touch.INSIDE,
        "levels": len(lots),
        "risk_aversion": 0.01,
        "execution_aversion": 0.01,
        "horizon_s": 1.0,
        "spread_factor": 1.0,
        "skew_factor": 1.0,
        "cost": 0.0,
        "fee": 0.0,
        "least_edge": 0.0,
        "least_spread": 0.0,
        "microprice_weight": 0.0,
        "drift_weight_s": 0.0,
        "most_shift": 1e6,
        "step_share": 0.0,
        "step": 1,
        "collar": 0,
        "order_lots": 10,
        "most_inventory": 300,
        "least_lots": 1,
        "most_lots": 10**6,
        "lot_step": 1,
        "asymmetry_ppm": 0,
        "price_hysteresis": 0,
        "inventory_hysteresis": 0,
        "lots_hysteresis": 0,
        "level_lots": [*lots, *[0] * (MOST_LEVELS - len(lots))],
        "most_age_ns": [SECOND, SECOND, SECOND, 60 * SECOND, SECOND],
    }
    assert not changes.keys() - plain.keys()
    return {**plain, **changes}


def inputs(**changes: Any) -> dict[str, Any]:
    """Everything fresh, and theory's reference market."""
    plain = {
        "now_ns": NOW,
        "stamp_ns": [NOW] * 5,
        "bid": 100_000,
        "bid_lots": 50,
        "ask": 100_001,
        "ask_lots": 50,
        "inventory": 0,
        "room": [1 << 40, 1 << 40],
        "scale": 0.9,
        "decay": 0.3,
        "sigma": 0.3,
        "drift": 0.0,
        "widen": 1.0,
        "allowed": [True, True],
        "suspended": False,
    }
    assert not changes.keys() - plain.keys()
    return {**plain, **changes}


def _log(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high).map(lambda power: 10.0**power)


@st.composite
def rules(draw: st.DrawFn, **fixed: Any) -> dict[str, Any]:
    """Any rule with a domain of inventories that can be walked."""
    order = draw(st.integers(1, 7))
    least = draw(st.integers(1, 6))
    return rule(
        **{
            "model": draw(st.sampled_from(list(MakerModel))),
            "rounding": draw(st.sampled_from(list(Rounding))),
            "touch": draw(st.sampled_from(list(Touch))),
            "risk_aversion": draw(st.one_of(st.just(0.0), _log(-6, 1))),
            "execution_aversion": draw(st.one_of(st.just(0.0), _log(-6, 1))),
            "horizon_s": draw(_log(-1, 3)),
            "spread_factor": draw(st.floats(0.0, 3.0)),
            "skew_factor": draw(st.floats(0.0, 3.0)),
            "cost": draw(st.sampled_from([0.0, -0.00001, 0.00001])),
            "fee": draw(st.sampled_from([-0.0001, 0.0, 0.0002, 0.001])),
            "least_edge": draw(st.sampled_from([0.0, 0.00003])),
            "least_spread": draw(st.floats(0.0, 9.0)),
            "microprice_weight": draw(st.sampled_from([0.0, 0.5, 1.0])),
            "drift_weight_s": draw(st.sampled_from([0.0, 0.25])),
            "most_shift": draw(st.sampled_from([0.0, 2.0, 1e6])),
            "step_share": draw(st.sampled_from([0.0, 0.5])),
            "step": draw(st.integers(1, 4)),
            "collar": draw(st.sampled_from([0, 0, 5, 200])),
            "order_lots": order,
            "most_inventory": order * draw(st.integers(1, 12)) + draw(st.integers(0, order - 1)),
            "least_lots": least,
            "most_lots": least + draw(st.integers(0, 30)),
            "lot_step": draw(st.integers(1, 3)),
            "asymmetry_ppm": draw(st.sampled_from([0, 300_000, 1_000_000])),
            "level_lots": draw(st.lists(st.integers(0, 25), min_size=1, max_size=5)),
            **fixed,
        }
    )


@st.composite
def markets(draw: st.DrawFn, **fixed: Any) -> dict[str, Any]:
    """Any market that may be quoted."""
    bid = draw(st.integers(1, 200_000))
    return inputs(
        **{
            "bid": bid,
            "ask": bid + draw(st.integers(1, 40)),
            "bid_lots": draw(st.integers(1, 1000)),
            "ask_lots": draw(st.integers(1, 1000)),
            "scale": draw(_log(-3, 2)),
            "decay": draw(_log(-2, 1)),
            "sigma": draw(st.one_of(st.just(0.0), _log(-2, 2))),
            "drift": draw(st.floats(-20.0, 20.0)),
            "widen": draw(st.sampled_from([1.0, 1.5, 4.0])),
            "room": [draw(st.integers(0, 60)), draw(st.integers(0, 60))],
            **fixed,
        }
    )
