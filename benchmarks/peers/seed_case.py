"""The seed's published runs, and the manifest that asks alp for the same.

What has a counterpart is taken over: amounts, fee, widths, thresholds, costs; gas, latency and
guards, which the seed does not have, are switched off. Two numbers have none: the seed's model
has no fill intensity, so the example's is used, and it spans no time, so widths at no deviation
are the base spread.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from peers.seed_model import Bar, Settings

MODELS = {"GLFTModel": "GLFT", "AvellanedaStoikovModel": "AvellanedaStoikov"}


def cases(shared: Path) -> list[dict[str, Any]]:
    """Return the runs: parameters, final balances, rebalances, trades."""
    return json.loads((shared / "seed" / "golden.json").read_text())


def file_of(shared: Path, case: dict[str, Any]) -> Path:
    """Return the recording a case was run on."""
    return shared / "data" / "A_asymmetric_lp" / (case["csv"] + ".gz")


def manifest(settings: Settings, first: Bar, recording: Path) -> dict[str, Any]:
    """Return the strategy with a case's parameters, as YAML would hold it."""
    base_value = settings.token1 / first.close
    share = base_value / (base_value + settings.token0)
    threshold = round(settings.threshold * 10_000)
    return {
        "apiVersion": "alp.dev/v1alpha1",
        "kind": "Strategy",
        "metadata": {"name": "seed"},
        "spec": {
            "pool": {
                "chain": "ethereum",
                "base": "WETH",
                "quote": "USDC",
                "feeTier": round(settings.fee * 1_000_000),
            },
            "inventory": {
                "base": str(settings.token1),
                "quote": str(settings.token0),
                "targetBaseShareBps": round(share * 10_000),
            },
            "model": {
                "kind": MODELS[settings.model],
                "riskAversion": 0.1,
                "executionCostBps": 10,
                "inventoryPenalty": 0.05,
                "intensity": {"A": 0.9, "k": 0.3},
            },
            "ranges": {
                "baseSpreadBps": round(settings.base_spread * 10_000),
                "minWidthBps": round(settings.min_range_pct * 100),
                "maxWidthBps": round(settings.max_range_pct * 100),
                "expectedInterval": "1m",
            },
            "rebalance": {
                "inventoryDeviationBps": threshold,
                "priceMoveBps": threshold,
                "cooldown": "0s",
                "weighBenefit": False,
                "slippageBps": 9999,
                "twapGuardBps": 0,
            },
            "backtest": {
                "data": {"pool": {"path": str(recording)}, "liquidity": {"source": "none"}},
                "fees": "path",
                "gas": {"baseFeeGwei": "0", "priorityFeeGwei": "0"},
                "latency": {"chainBlocks": 0},
            },
        },
    }
