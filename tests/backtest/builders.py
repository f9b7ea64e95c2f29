"""Seeded, made-up results that look like a real run; only for tests and for looking at pages."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

from alp.backtest.codec import exact_sum
from alp.backtest.compared import ComparedRun, Scalar
from alp.backtest.results import (
    PARTS,
    Attribution,
    DataFacts,
    FeeTier,
    Fidelity,
    Fill,
    Hedge,
    HedgeTiming,
    Inventory,
    Markout,
    Nav,
    Pair,
    Period,
    Position,
    RangeSpan,
    Rebalance,
    Replay,
    Results,
    Risk,
    Series,
    StrategyFacts,
    Window,
)

HOUR_NS = 3_600_000_000_000
START_NS = 1_703_635_200_000_000_000  # 2023-12-27 00:00 UTC
ZERO = Decimal(0)
STEP = Decimal("1e-24")  # finer than any report shows, so that rounding would be seen


def zero_parts() -> dict[str, Decimal]:
    return dict.fromkeys(PARTS, ZERO)


def smallest_results(**changes: object) -> Results:
    """A run in which nothing happened: every table empty."""
    base = Results(
        alp_version="0.1.0",
        strategy=StrategyFacts(name="idle", manifest_sha256="0" * 64, parameters={}),
        seed=0,
        data=(),
        fidelity=Fidelity(lp="bars", cefi="none", liquidity="none", mark="pool"),
        pair=PAIR,
        window=Window(start_ns=START_NS, end_ns=START_NS + HOUR_NS),
        nav=Nav(start=Decimal(5000), end=Decimal(5000), change=ZERO, hodl_change=ZERO),
        inventory=Inventory(
            start_base=Decimal(1),
            start_quote=Decimal(2500),
            end_base=Decimal(1),
            end_quote=Decimal(2500),
        ),
        attribution=Attribution(**zero_parts(), total=ZERO),
        il=ZERO,
        risk=Risk(max_drawdown_bps=0.0),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


PAIR = Pair(
    base="WETH",
    quote="USDC",
    base_decimals=18,
    quote_decimals=6,
    base_is_token0=False,
    fee_pips=500,
    tick_spacing=10,
)

PARAMETERS: dict[str, object] = {
    "mode": "paper",
    "topology": "fused",
    "pool": {"chain": "ethereum", "base": "WETH", "quote": "USDC", "feeTier": 500},
    "inventory": {"base": "1", "quote": "2500", "targetBaseShareBps": 5000},
    "model": {
        "kind": "GLFT",
        "riskAversion": "0.1",
        "executionCostBps": 1,
        "inventoryPenalty": "0.05",
        "volatility": {"estimator": "ewma", "window": "24h", "halfLife": "6h"},
    },
    "ranges": {"baseSpreadBps": 200, "minWidthBps": 1000, "maxWidthBps": 5000},
    "rebalance": {
        "inventoryDeviationBps": 1000,
        "priceMoveBps": 300,
        "cooldown": "10m",
        "minBenefitQuote": "0",
        "maxGasQuote": "20",
        "twapGuardBps": 50,
        "swap": "none",
    },
    "hedge": {"enabled": True, "ratio": "minimumVariance", "noTradeBandBase": "0.05"},
    "venues": [
        {
            "name": "binance-perp",
            "exchange": "binance-usdm",
            "symbol": "ETHUSDC",
            "credentials": {"secretRef": {"name": "binance"}},
            "order": {"minBase": "0.01", "maxBase": "5"},
            "makerFeeBps": 0,
            "takerFeeBps": "4.5",
        }
    ],
    "limits": {"maxNetBase": "10", "maxDrawdownBps": 500, "maxDataAge": "500ms"},
    "backtest": {"seed": 7, "fidelity": "overlay", "gas": {"model": "series"}},
}


class Path:
    """An hourly price path and what a strategy might have done along it."""

    def __init__(self, seed: int, hours: int) -> None:
        self.random = random.Random(seed)
        self.hours = hours
        self.price = [2231.5]
        for _ in range(hours):
            shock = self.random.gauss(0.00009, 0.0062)
            self.price.append(self.price[-1] * math.exp(shock))
        self.decisions = self._decisions()
        self.executed = [d for d in self.decisions if d.decision == "executed"]

    def _decisions(self) -> list[Rebalance]:
        found = [self._decision(0, "executed", "FIRST_MINT")]
        last = self.price[0]
        for hour in range(1, self.hours):
            moved = abs(self.price[hour] / last - 1) * 1e4
            if moved < 300:
                continue
            gas = self._gas(hour)
            if self.random.random() < 0.05:
                found.append(self._decision(hour, "reverted", "SLIPPAGE"))
            elif gas > 20:
                found.append(self._decision(hour, "refused", "GAS_ABOVE_MAX"))
            elif self.random.random() < 0.6:
                found.append(self._decision(hour, "refused", "BELOW_MIN_BENEFIT"))
            else:
                found.append(self._decision(hour, "executed", "PRICE_MOVE"))
                last = self.price[hour]
        return found

    def _gas(self, hour: int) -> float:
        return 9 + 7 * math.sin(hour / 5) ** 2 + 8 * ((hour * 7919) % 97) / 97

    def _decision(self, hour: int, decision: str, reason: str) -> Rebalance:
        price = self.price[hour]
        fees = 6 + 30 * self.random.random()
        gas = self._gas(hour)
        lvr = 4 + 12 * self.random.random()
        bid, ask = self.random.uniform(0.03, 0.12), self.random.uniform(0.03, 0.12)
        return Rebalance(
            ts_ns=START_NS + hour * HOUR_NS + 12_000_000_000,
            block=18_870_000 + hour * 300,
            decision=decision,  # type: ignore[arg-type]
            reason=reason,
            price=price,
            tick=tick_of(price),
            numbers={
                "fees_new": fees,
                "fees_stay": 0.6 * fees,
                "lvr_new": lvr,
                "lvr_stay": 0.7 * lvr,
                "hedge_new": 0.4,
                "hedge_stay": 0.3,
                "in_range_new": 0.81,
                "in_range_stay": 0.44,
                "gas": gas,
                "swap": 0.0,
                "benefit": 0.4 * fees - 0.3 * lvr - gas - 0.1,
                "required": 0.0,
                "price_move_bps": 300 + 60 * self.random.random(),
                "inventory_deviation_bps": self.random.uniform(0, 1400),
            },
            ranges=(
                span("bid", price * (1 - bid), price * 0.999),
                span("ask", price * 1.001, price * (1 + ask)),
            ),
            detail={
                "BELOW_MIN_BENEFIT": "expected fees over 24 h do not pay for gas, LVR and hedge",
                "GAS_ABOVE_MAX": "gas is above maxGasQuote",
                "SLIPPAGE": "the pool moved between decision and inclusion",
            }.get(reason, ""),
        )

    def periods(self) -> list[Period]:
        nav = Decimal("4731.5")
        rows = []
        lots = {self._index(d): d for d in self.decisions}
        for hour in range(1, self.hours + 1):
            step = self.price[hour] - self.price[hour - 1]
            quiet = abs(step) / self.price[hour]
            parts = {
                "fees": 0.11 + 0.22 * self.random.random() + 9 * quiet,
                "lvr": -0.05 - 1650 * quiet**1.55,
                "price": 0.94 * step,
                "gas": 0.0,
                "hedge_pnl": -0.31 * step + self.random.gauss(0, 0.3),
                "hedge_fees": -0.012 * self.random.random(),
                "execution": 0.0,
            }
            made = lots.get(hour - 1)
            if made is not None and made.decision != "refused":
                parts["gas"] = -float(made.numbers["gas"] or 0)
                parts["execution"] = -self.random.random() * 0.8
            exact = {k: Decimal(v).quantize(STEP) for k, v in parts.items()}
            nav = exact_sum((nav, *exact.values()))
            rows.append(Period(ts_ns=START_NS + hour * HOUR_NS, nav=nav, **exact))
        return rows

    def between_executed(self, rows: list[Period]) -> list[Period]:
        ends = [self._index(made) + 1 for made in self.executed]
        spans = pairwise([0, *ends, len(rows)])
        return [
            replace(
                rows[end - 1],
                **{
                    name: exact_sum(getattr(row, name) for row in rows[start:end]) for name in PARTS
                },
            )
            for start, end in spans
            if end > start
        ]

    def _index(self, decision: Rebalance) -> int:
        return (decision.ts_ns - START_NS) // HOUR_NS

    def positions(self) -> list[Position]:
        found: list[Position] = []
        ends = [d.ts_ns for d in self.executed[1:]] + [None]
        for made, closed in zip(self.executed, ends, strict=True):
            for wanted in made.ranges:
                fees = Decimal(self.random.uniform(2, 40)).quantize(Decimal("1e-6"))
                found.append(
                    Position(
                        id=len(found) + 1,
                        side=wanted.side,
                        tick_lower=wanted.tick_lower,
                        tick_upper=wanted.tick_upper,
                        liquidity=Decimal(self.random.randrange(10**14, 10**15)),
                        opened_ns=made.ts_ns,
                        closed_ns=closed,
                        price_lower=wanted.price_lower,
                        price_upper=wanted.price_upper,
                        fees_base=fees / 4000,
                        fees_quote=fees / 2,
                        fees_value=fees,
                        lvr=-fees * Decimal("0.9"),
                        il=-fees * Decimal("1.3"),
                        deposit_value=Decimal("2300.25"),
                        time_in_range=self.random.random(),
                    )
                )
        return found

    def fills(self) -> list[Fill]:
        found = []
        for hour in range(self.hours):
            if self.random.random() < 0.35:
                side = "sell" if self.price[hour + 1] > self.price[hour] else "buy"
                price = Decimal(self.price[hour]).quantize(Decimal("0.01"))
                verb = "below" if side == "buy" else "above"
                found.append(
                    Fill(
                        ts_ns=START_NS + hour * HOUR_NS + self.random.randrange(HOUR_NS),
                        venue="binance-perp",
                        side=side,  # type: ignore[arg-type]
                        price=price,
                        quantity=Decimal(self.random.randrange(1, 18)) / 100,
                        fee=ZERO,
                        why=f"traded through: {price + 1} is {verb} {price}",
                    )
                )
        return found


def tick_of(price: float) -> int:
    return round(math.log(1e12 / price, 1.0001))


def span(side: str, lower: float, upper: float) -> RangeSpan:
    return RangeSpan(
        side=side,  # type: ignore[arg-type]
        tick_lower=tick_of(upper) // 10 * 10,
        tick_upper=tick_of(lower) // 10 * 10,
        price_lower=lower,
        price_upper=upper,
    )


def timing(
    way: str, trades: int, cost: float, error_base: float, error: float, lag_ns: int | None
) -> HedgeTiming:
    return HedgeTiming(
        way=way,  # type: ignore[arg-type]
        trades=trades,
        volume_base=trades / 2,
        cost=cost,
        error_base=error_base,
        error_quote=error,
        lag_ns=lag_ns,
        charge=cost + 0.05 * error**2,
    )


def markout(seed: int, leg: str, horizon_ns: int, width: float, mean: float) -> Markout:
    source = random.Random(seed)
    values = sorted(source.gauss(mean, width) for _ in range(4_000))
    bins = 41
    edge = width * 3
    edges = [-edge + 2 * edge * i / bins for i in range(bins + 1)]
    counts = [0] * bins
    for value in values:
        counts[min(bins - 1, max(0, int((value + edge) / (2 * edge) * bins)))] += 1
    return Markout(
        leg=leg,  # type: ignore[arg-type]
        horizon_ns=horizon_ns,
        count=len(values),
        unresolved=3,
        total_quote=mean * 12.5,
        mean_bps=sum(values) / len(values),
        median_bps=values[len(values) // 2],
        p05_bps=values[len(values) // 20],
        p95_bps=values[-len(values) // 20],
        edges_bps=tuple(edges),
        counts=tuple(counts),
    )


def series(path: Path, rows: list[Period], hodl_base: float) -> Series:
    nav = [4731.5] + [float(row.nav) for row in rows]
    base = [1.0]
    cefi = [0.0]
    for before, after in pairwise(path.price):
        base.append(min(2.0, max(0.05, base[-1] - (after - before) / 260)))
        cefi.append(cefi[-1] * 0.97 + ((1.0 - base[-1]) * 0.8 - cefi[-1]) * 0.12)
    return Series(
        ts_ns=tuple(START_NS + i * HOUR_NS for i in range(len(nav))),
        price=tuple(path.price),
        nav=tuple(nav),
        hodl=tuple(2500 + hodl_base * price for price in path.price),
        inventory_lp=tuple(base),
        inventory_cefi=tuple(cefi),
        inventory_net=tuple(a + b for a, b in zip(base, cefi, strict=True)),
    )


def deepest_fall(nav: tuple[float | None, ...]) -> tuple[float, float]:
    peak, quote, bps = 0.0, 0.0, 0.0
    for value in nav:
        assert value is not None
        peak = max(peak, value)
        quote = max(quote, peak - value)
        bps = max(bps, (1 - value / peak) * 1e4)
    return quote, bps


def realistic_results(seed: int = 7, hours: int = 504) -> Results:
    """Three weeks of a made-up run with every section of the report filled."""
    path = Path(seed, hours)
    rows = path.periods()
    sums = {name: exact_sum(getattr(row, name) for row in rows) for name in PARTS}
    change = exact_sum(sums.values())
    curves = series(path, rows, hodl_base=1.0)
    fall_quote, fall_bps = deepest_fall(curves.nav)
    minute = 60_000_000_000
    end_ns = START_NS + hours * HOUR_NS
    fills = path.fills()
    return Results(
        alp_version="0.1.0",
        strategy=StrategyFacts(
            name="eth-usdc",
            manifest_sha256="9c1f3a55d0b64f6b8f2a7d60f0c6e1ab0d4c8c6e27f0d9a4b1e2c3d4e5f60718",
            parameters=PARAMETERS,
        ),
        seed=seed,
        data=(
            DataFacts(
                role="pool",
                path="usdc-weth-500-swaps.parquet",
                sha256="1d" * 32,
                format="univ3-events",
                rows=123_456,
                start_ns=START_NS,
                end_ns=end_ns,
                notes=("Price direction detected: token1 per token0.", "12 pokes left out."),
            ),
            DataFacts(
                role="candles",
                path="ETHUSDC-1m.csv",
                sha256="7b" * 32,
                format="binance-klines",
                rows=hours * 60,
                start_ns=START_NS,
                end_ns=end_ns,
            ),
        ),
        fidelity=Fidelity(
            lp="overlay",
            cefi="candles",
            liquidity="snapshot",
            mark="pool",
            notes=(
                "Our liquidity earns its share of fees but does not move the pool's price.",
                "Venue fills need the candle to trade through the price; queues are not modelled.",
            ),
        ),
        pair=PAIR,
        window=Window(
            start_ns=START_NS, end_ns=end_ns, events=123_456, swaps=118_204, bars=hours * 60
        ),
        nav=Nav(
            start=Decimal("4731.5"),
            end=rows[-1].nav,
            change=change,
            hodl_change=Decimal(path.price[-1] - path.price[0]).quantize(STEP),
        ),
        inventory=Inventory(
            start_base=Decimal(1),
            start_quote=Decimal(2500),
            end_base=Decimal("0.726789351795373"),
            end_quote=Decimal("3181.763404"),
        ),
        attribution=Attribution(**sums, total=change),
        il=Decimal("-71.204418"),
        risk=Risk(
            max_drawdown_bps=fall_bps,
            max_drawdown=Decimal(fall_quote).quantize(Decimal("1e-6")),
            volatility=0.31,
            time_in_range=0.874,
            max_net_base=0.92,
        ),
        replay=Replay(
            swaps_exact_in=117_900,
            swaps_exact_out=290,
            swaps_by_price=14,
            liquidity_mismatches=2,
            max_price_error_bps=0.004,
        ),
        positions=tuple(path.positions()),
        rebalances=tuple(path.decisions),
        hourly=tuple(rows),
        by_rebalance=tuple(path.between_executed(rows)),
        hedge=Hedge(
            enabled=True,
            fills=tuple(fills),
            volume_base=exact_sum(fill.quantity for fill in fills),
            ratio=0.93,
            correlation=0.981,
            residual_base_mean=0.21,
            residual_base_max=0.92,
            lag_ns=41 * minute,
            suspended=0.012,
            timing=(
                timing("quoted", 49, 4.2, 0.9, 16.0, 25 * minute),
                timing("at_once", 225, 14.7, 0.1, 2.7, None),
                timing("band", 72, 6.6, 0.4, 5.9, 5 * minute),
            ),
        ),
        series=curves,
        markouts=(
            markout(1, "lp", minute, 4.0, -1.1),
            markout(2, "lp", 5 * minute, 8.5, -2.4),
            markout(3, "lp", 60 * minute, 27.0, -3.0),
            markout(4, "hedge", minute, 5.0, 0.4),
            markout(5, "hedge", 5 * minute, 9.0, 0.2),
            markout(6, "hedge", 60 * minute, 29.0, -0.6),
        ),
        fee_tiers=(
            FeeTier(
                fee_pips=500,
                fees=132.9,
                lvr=-306.2,
                ratio=132.9 / 306.2,
                trades=2380,
                break_even_volume=346_600.0,
                basis="Arbitrage alone, one unit of liquidity at every price.",
            ),
            FeeTier(
                fee_pips=3000,
                fees=210.4,
                lvr=-306.2,
                ratio=210.4 / 306.2,
                trades=411,
                break_even_volume=31_933.3,
                basis="Arbitrage alone, one unit of liquidity at every price.",
            ),
            FeeTier(
                fee_pips=10000,
                fees=0.0,
                lvr=0.0,
                ratio=None,
                trades=0,
                basis="The price never left the fee band.",
            ),
        ),
        versions={"alp": "0.1.0", "python": "3.11", "numpy": "2.4.6"},
    )


def sweep(count: int = 24, hours: int = 168) -> list[ComparedRun]:
    """Runs of a made-up sweep over three parameters."""
    runs = []
    for index in range(count):
        results = realistic_results(seed=index, hours=hours)
        parameters: dict[str, Scalar] = {
            "ranges.baseSpreadBps": 100 + 50 * (index % 6),
            "model.riskAversion": 0.05 * (1 + index % 4),
            "model.kind": "GLFT" if index % 2 else "AvellanedaStoikov",
        }
        runs.append(ComparedRun.of(f"run-{index:03d}", parameters, results))
    return runs
