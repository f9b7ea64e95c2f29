"""Runs the seed's own engine from a checkout of its ``python`` folder; nothing of it is here.

Prints one JSON line: balances, counts, and CPU seconds of loading and of everything after it.
Parameters come from the environment, as the seed reads them. The modules that only its live agent
uses are replaced by empty ones, so pandas and numpy are all it needs.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import types


def _empty(name: str, **members: object) -> None:
    module = types.ModuleType(name)
    for member, value in members.items():
        setattr(module, member, value)
    sys.modules[name] = module


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="the seed's python folder")
    parser.add_argument("csv", help="one of its OHLC files, unpacked")
    parser.add_argument("--token0", type=float, default=3000.0)
    parser.add_argument("--token1", type=float, default=1.0)
    parser.add_argument("--repeat", type=int, default=3)
    given = parser.parse_args()

    _empty("dotenv", load_dotenv=bool)
    _empty("alert_manager", TelegramAlertManager=object)
    _empty("inventory_publisher", InventoryPublisher=object)
    sys.path.insert(0, given.folder)
    import numpy
    import pandas
    from backtest_engine import BacktestEngine
    from config import Config

    load_s, run_s = [], []
    for _ in range(given.repeat):
        engine = BacktestEngine(Config())
        start = time.process_time()
        engine.load_ohlc_data(given.csv)
        load_s.append(time.process_time() - start)
        start = time.process_time()
        result = engine.run_backtest(given.csv, given.token0, given.token1)
        run_s.append(time.process_time() - start - load_s[-1])
    print(
        json.dumps(
            {
                "bars": len(engine.portfolio_values),
                "load_s": load_s,
                "run_s": run_s,
                "final0": result.final_balance_0,
                "final1": result.final_balance_1,
                "rebalances": result.total_rebalances,
                "trades": result.total_trades,
                "versions": f"pandas {pandas.__version__}, numpy {numpy.__version__}",
            }
        )
    )


if __name__ == "__main__":
    main()
