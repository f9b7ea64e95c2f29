"""Runs zelos-demeter on its own minute files, in an environment that has it.

Prints one JSON line. ``speed`` times the run of a strategy that holds two ranges or moves them
every hour; ``position`` holds one range from the first minute on and says what it earned.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import os
import tempfile
import time
from datetime import date, timedelta
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path

from demeter import Actuator, MarketInfo, PeriodTrigger, Strategy, TokenInfo
from demeter.uniswap import UniLpMarket, UniV3Pool

USDC = TokenInfo(name="usdc", decimal=6)
WETH = TokenInfo(name="weth", decimal=18)
LP = MarketInfo("lp")


class TwoRanges(Strategy):
    """One range around the price and one beside it; ``hourly`` puts both back every hour."""

    hourly = False

    def initialize(self) -> None:
        self.place(self.market.market_status.data.price)
        if self.hourly:
            self.triggers.append(PeriodTrigger(time_delta=timedelta(hours=1), do=self.move))

    @property
    def market(self) -> UniLpMarket:
        return self.broker.markets[LP]

    def place(self, price: Decimal) -> None:
        self.market.add_liquidity(price - 400, price + 400)
        if self.broker.assets[self.market.base_token].balance > 0:
            self.market.add_liquidity(price - 200, price)
        else:
            self.market.add_liquidity(price, price + 200)

    def move(self, snapshot: object) -> None:
        if self.market.positions:
            self.market.remove_all_liquidity()
            self.market.even_rebalance(snapshot.prices[WETH.name])
        self.place(snapshot.prices[WETH.name])


class OneRange(Strategy):
    """One range of a given liquidity, minted at the first minute's price."""

    lower = upper = liquidity = 0
    earned: tuple[Decimal, Decimal] = (Decimal(0), Decimal(0))
    minted: tuple[Decimal, Decimal] = (Decimal(0), Decimal(0))
    got = 0

    def initialize(self) -> None:
        market = self.broker.markets[LP]
        # It takes amounts, not liquidity: mint all the wallet holds, keep the wanted part.
        key, _, _, got = market.add_liquidity_by_tick(self.lower, self.upper)
        market.remove_liquidity(key, got - self.liquidity, collect=False)
        position = market.positions[key]
        self.got = position.liquidity
        position.pending_amount0 = position.pending_amount1 = Decimal(0)
        self.minted = market.get_position_amount(key)

    def finalize(self) -> None:
        (position,) = self.broker.markets[LP].positions.values()
        self.earned = (position.pending_amount0, position.pending_amount1)


def actuator(data: Path, chain: str, pool: str, days: list[date], quote: int, base: int):
    """Return an actuator with the days loaded, and the CPU seconds that took."""
    run = Actuator()
    market = UniLpMarket(LP, UniV3Pool(USDC, WETH, 0.05, USDC))
    run.broker.add_market(market)
    run.broker.set_balance(USDC, quote)
    run.broker.set_balance(WETH, base)
    market.data_path = str(data)
    start = time.process_time()
    market.load_data(chain, pool, days[0], days[-1])
    seconds = time.process_time() - start
    run.set_price(market.get_price_from_data())
    return run, market, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=["speed", "position"])
    parser.add_argument("--data", type=Path, required=True, help="folder of its minute files")
    parser.add_argument("--chain", default="polygon")
    parser.add_argument("--pool", default="0x45dda9cb7c25131df268515131f647d726f50608")
    parser.add_argument("--days", nargs=2, type=date.fromisoformat, required=True)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--hourly", action="store_true")
    parser.add_argument("--range", nargs=2, type=int, help="ticks of the one position")
    parser.add_argument("--liquidity", type=int)
    given = parser.parse_args()

    logging.disable(logging.CRITICAL)
    data = given.data.resolve()
    os.chdir(tempfile.mkdtemp())
    load_s, run_s, extra = [], [], {}
    rich = (2_000, 0) if given.task == "speed" else (10**12, 10**9)
    for _ in range(given.repeat if given.task == "speed" else 1):
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            run, market, seconds = actuator(data, given.chain, given.pool, given.days, *rich)
            if given.task == "speed":
                run.strategy = TwoRanges()
                run.strategy.hourly = given.hourly
            else:
                run.strategy = OneRange()
                run.strategy.lower, run.strategy.upper = given.range
                run.strategy.liquidity = given.liquidity
            start = time.process_time()
            run.run(False)
            run_s.append(time.process_time() - start)
            load_s.append(seconds)
    if given.task == "position":
        extra = {
            "fees": [str(each) for each in run.strategy.earned],
            "minted": [str(each) for each in run.strategy.minted],
            "liquidity": str(run.strategy.got),
        }
    print(
        json.dumps(
            {
                "bars": len(market.data),
                "load_s": load_s,
                "run_s": run_s,
                "versions": f"zelos-demeter {version('zelos-demeter')}",
                **extra,
            }
        )
    )


if __name__ == "__main__":
    main()
