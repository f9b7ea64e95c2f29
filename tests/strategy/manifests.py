"""Manifests for tests: the smallest one, one with everything, and any one hypothesis thinks of."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from alp.strategy.units import write_decimal, write_duration, write_timestamp

MINIMAL = """\
apiVersion: alp.dev/v1alpha1
kind: Strategy
metadata:
  name: small
spec:
  pool:
    chain: ethereum
    base: WETH
    quote: USDC
    feeTier: 500
  inventory:
    base: "1"
    quote: "2500"
"""

_SMALL: dict[str, Any] = {
    "apiVersion": "alp.dev/v1alpha1",
    "kind": "Strategy",
    "metadata": {"name": "small"},
    "spec": {
        "pool": {"chain": "ethereum", "base": "WETH", "quote": "USDC", "feeTier": 500},
        "inventory": {"base": "1", "quote": "2500"},
    },
}

VENUE: dict[str, Any] = {"name": "binance", "exchange": "binance-usdm", "symbol": "ETHUSDC"}
LIMITS: dict[str, Any] = {
    "maxNetBase": "10",
    "maxVenueBase": "6",
    "maxOrderNotional": "20000",
    "maxDrawdownBps": 500,
}


def small(**sections: Any) -> dict[str, Any]:
    """The smallest manifest with some sections of its spec replaced or added."""
    content = copy.deepcopy(_SMALL)
    content["spec"] |= sections
    return content


def amounts(places: int, least: int = 0) -> st.SearchStrategy[str]:
    """Exact numbers as manifests write them, with at most so many decimal places."""
    return st.integers(least, 10**9).flatmap(
        lambda number: st.integers(0, places).map(
            lambda shift: write_decimal(Decimal(number).scaleb(-shift))
        )
    )


def numbers(low: int, high: int) -> st.SearchStrategy[float]:
    """Floats with six decimal places, as a person would write a model's parameter."""
    return st.integers(low * 10**6, high * 10**6).map(lambda number: number / 10**6)


durations = st.integers(1, 10**15).map(write_duration)
bps = st.integers(1, 10_000)
labels = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)


def section(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Any part of a section whose fields are all optional."""
    return st.fixed_dictionaries({}, optional=fields)


def _venues(count: int) -> st.SearchStrategy[list[dict[str, Any]]]:
    kinds = st.sampled_from(["binance-spot", "binance-usdm", "coinbase-spot", "kraken-spot"])
    one = st.fixed_dictionaries(
        {"exchange": kinds, "symbol": st.sampled_from(["ETHUSDC", "ETH/USDC", "PF_ETHUSD"])},
        optional={
            "makerFeeBps": st.integers(-100, 1000).map(lambda n: write_decimal(Decimal(n) / 10)),
            "tickSize": amounts(4, 1),
            "credentials": st.just({"secretRef": {"name": "keys"}}),
        },
    )
    listed = st.lists(one, min_size=count, max_size=count)
    return listed.map(
        lambda found: [
            {"name": f"v{i}"} | each | _own_keys(each, i) for i, each in enumerate(found)
        ]
    )


def _own_keys(venue: dict[str, Any], number: int) -> dict[str, Any]:
    """An account of its own for each venue that has keys."""
    if "credentials" not in venue:
        return {}
    return {"credentials": {"secretRef": {"name": f"keys-{number}"}}}


_widths = st.lists(bps, min_size=3, max_size=3, unique=True).map(sorted)
_model = section(
    kind=st.sampled_from(["GLFT", "AvellanedaStoikov"]),
    riskAversion=numbers(1, 1000),
    inventoryPenalty=numbers(0, 1000),
    executionCostBps=st.integers(0, 1000),
    maxInventoryBase=st.integers(10, 1000).map(str),
    orderSizeBase=st.integers(1, 10).map(str),
    horizon=durations,
    intensity=st.one_of(
        section(calibrateWindow=durations),
        st.fixed_dictionaries({"A": numbers(1, 1000), "k": numbers(1, 1000)}),
    ),
    volatility=section(
        estimator=st.sampled_from(["ewma", "parkinson", "realised"]), window=durations
    ),
)
_rebalance = section(
    inventoryDeviationBps=bps,
    priceMoveBps=st.integers(0, 10_000),
    hysteresisBps=st.integers(0, 9_999),
    cooldown=durations,
    weighBenefit=st.booleans(),
    minBenefitQuote=st.integers(-1000, 1000).map(str),
    lvrWeight=numbers(0, 1),
    maxGasQuote=amounts(6),
    swap=st.sampled_from(["none", "toTarget"]),
)
_hedge = section(
    ratio=st.one_of(st.just("minimumVariance"), st.sampled_from(["0", "0.5", "1", "2"])),
    minCorrelation=numbers(0, 1),
    noTradeBandBase=amounts(18),
)
_execution = section(
    ordersPerSecond=st.integers(1, 1000),
    quoteAge=durations,
    routing=section(
        policy=st.sampled_from(["bestPrice", "inventory", "share"]),
        leanBps=st.integers(1, 1000),
        maxSlippageBps=bps,
    ),
)
_quoting = section(
    levels=st.integers(1, 16),
    levelStepBps=bps,
    levelSizeFactor=st.floats(0.1, 10),
    asymmetryBps=st.integers(0, 10_000),
    driftHorizon=durations,
    touch=st.sampled_from(["inside", "join"]),
    inventoryHysteresisBase=amounts(18),
)
_moments = st.lists(st.integers(0, 4 * 10**18), min_size=2, max_size=2, unique=True)
_backtest = section(
    seed=st.integers(0, 2**53),
    window=_moments.map(sorted).map(
        lambda ends: {"start": write_timestamp(ends[0]), "end": write_timestamp(ends[1])}
    ),
    data=section(
        pool=st.one_of(
            st.just({"path": "data/pool.csv"}),
            st.just({"paths": ["a.csv", "b.csv"], "direction": "basePerQuote"}),
        ),
        liquidity=st.sampled_from([{"path": "l.csv"}, {"source": "none"}]),
    ),
    fidelity=st.sampled_from(["overlay", "reexecute"]),
    gas=section(baseFeeGwei=amounts(9), units=section(mint=st.integers(0, 10**6))),
    latency=section(chainBlocks=st.integers(0, 1000), venue=durations),
    markouts=st.lists(durations, max_size=5, unique=True),
)


@st.composite
def manifests(draw: st.DrawFn) -> dict[str, Any]:
    """Any manifest that alp accepts, as the plain values of its YAML."""
    content = small(
        inventory={
            "base": draw(amounts(18)),
            "quote": draw(amounts(6, 1)),
            "targetBaseShareBps": draw(st.integers(0, 10_000)),
        },
        model=draw(_model),
        rebalance=draw(_rebalance),
        hedge=draw(_hedge),
        quoting=draw(_quoting),
        execution=draw(_execution),
        backtest=draw(_backtest),
        venues=draw(st.integers(0, 3).flatmap(_venues)),
    )
    low, middle, high = draw(_widths)
    if high >= 10:
        content["spec"]["ranges"] = {
            "minWidthBps": low,
            "baseSpreadBps": middle,
            "maxWidthBps": high,
        }
    content["metadata"] = {"name": draw(labels)}
    return content
