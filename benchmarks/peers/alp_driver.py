"""Runs alp's backtest on a manifest, in a process of its own; prints one JSON line.

``bars`` reads the data first and times the engine on it alone, which is how the peers' figures are
taken. ``run`` is one whole backtest with its data streamed, as the command does it.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any


def bars(path: Path, repeat: int) -> dict[str, object]:
    """Time reading and the engine apart, `repeat` times."""
    from alp.backtest.bar_driver import BarDriver
    from alp.backtest.engine import Engine
    from alp.backtest.setup import prepare
    from alp.strategy import load_manifest

    strategy = load_manifest(path)
    spec, pair = strategy.spec, strategy.pair()
    load_s, run_s = [], []
    for _ in range(repeat):
        setup = prepare(spec, pair, path.parent)
        assert setup.inputs.pool is not None
        start = time.process_time()
        rows = setup.inputs.pool.read()
        load_s.append(time.process_time() - start)
        start = time.process_time()
        setup.driver = BarDriver(pair, spec.backtest.fees, iter([rows]), keep_ns=600 * 10**9)
        prepared_s = time.process_time() - start
        # What reads the parameters is built outside the time, as the seed's engine is.
        engine = Engine(setup)
        start = time.process_time()
        record = engine.run()
        run_s.append(time.process_time() - start + prepared_s)
    made = sum(each.decision == "executed" for each in record.decisions)
    kernel_s = [kernel(pair, rows, spec.backtest.fees) for _ in range(repeat)]
    return {
        "bars": len(rows),
        "load_s": load_s,
        "run_s": run_s,
        "kernel_s": kernel_s,
        "rebalances": made,
    }


def kernel(pair: Any, rows: Any, fees: str) -> float:
    """Time the compiled bar replay alone: two ranges held, no samples, no decisions."""
    import numpy as np

    from alp._core.bar_replay import BarReplay
    from alp.backtest.bar_driver import FEE_MODELS
    from alp.data.schema import unsigned

    first = rows[0]
    replay = BarReplay(
        pair.fee_pips,
        pair.base_is_token0,
        FEE_MODELS[fees],
        unsigned(first["open_x96"]),
        int(first["ts_ns"]),
    )
    at = replay.tick // pair.tick_spacing * pair.tick_spacing
    replay.open(at + pair.tick_spacing, at + 200 * pair.tick_spacing, 10**15)
    replay.open(at - 200 * pair.tick_spacing, at, 10**15)
    data = np.ascontiguousarray(rows).view(np.uint8).reshape(-1)
    start = time.process_time()
    replay.advance(data, 0, 2**62, 0, 2**160 - 1)
    return time.process_time() - start


def run(path: Path) -> dict[str, object]:
    """Run the backtest once."""
    from alp.backtest.engine import Engine
    from alp.backtest.setup import prepare
    from alp.strategy import load_manifest

    strategy = load_manifest(path)
    setup = prepare(strategy.spec, strategy.pair(), path.parent)
    record = Engine(setup).run()
    return {"counters": setup.driver.counters, "decisions": len(record.decisions)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=["bars", "run"])
    parser.add_argument("manifest", type=Path, nargs="+")
    parser.add_argument("--repeat", type=int, default=1)
    given = parser.parse_args()
    record: Any
    if given.task == "bars":
        record = [bars(path, given.repeat) for path in given.manifest]
    else:
        record = run(*given.manifest)
    print(json.dumps(record))


if __name__ == "__main__":
    main()
