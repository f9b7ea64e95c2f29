"""The monitors on recorded prices: an ordinary day passes, and March 2023's dollars do not."""

import csv
import gzip
from bisect import bisect_right
from collections import Counter
from datetime import datetime

from alp.data import open_source
from alp.models.basis import DeviationMonitor, MonitorRules
from alp.models.caution_ladder import Bounds

SECOND = 1_000_000_000
RULES = MonitorRules(
    Bounds(20, 50, 100),
    bounds_z=Bounds(4, 6, 8),
    half_life_ns=60 * SECOND,
    window_ns=6 * 3_600 * SECOND,
    sample_ns=60 * SECOND,
    max_age_ns=120 * SECOND,
    dwell_ns=300 * SECOND,
    least_scale_bps=3.0,
)


def _closes(path):
    """Times of the candles' ends and closes."""
    source = open_source(path)
    tick = float(source.tick_size)
    times, closes = [], []
    for batch in source.batches():
        times += (batch["ts_ns"] + batch["period_ns"]).tolist()
        closes += (batch["close"] * tick).tolist()
    return times, closes


def _ns(text):
    return int(datetime.fromisoformat(text).timestamp()) * SECOND


def _watched(rows, candles):
    """Levels of the monitor over rows of time and pool price."""
    times, closes = _closes(candles)
    monitor, levels = DeviationMonitor("basis", RULES), Counter()
    for ts_ns, price in rows:
        last = bisect_right(times, ts_ns) - 1
        reading = monitor.observe(ts_ns, price, closes[last], ts_ns - times[last])
        levels[reading.level.name] += 1
    return levels, monitor


def test_an_ordinary_day_is_normal_from_end_to_end(shared):
    minutes = shared / "data/A_uniswap_minute/polygon-0x45dd-5bps-2025-07-01.minute.csv.gz"
    with gzip.open(minutes, "rt") as file:
        rows = [
            (
                _ns(row["timestamp"] + "+00:00") + 60 * SECOND,
                1e12 * 1.0001 ** -float(row["closeTick"]),
            )
            for row in csv.DictReader(file)
        ]
    candles = shared / "data/D_ohlc/binance_spot_ETHUSDT_1m_2025-05-20_07-01.parquet"
    levels, _ = _watched(rows, candles)
    assert levels["NORMAL"] == sum(levels.values()) > 1_000


def test_a_dollar_that_is_half_a_per_cent_off_reduces(shared):
    swaps = shared / "data/A_uniswap_stress_amounts_only/normal_2023_03_15.csv.gz"
    with gzip.open(swaps, "rt") as file:
        rows = [
            (_ns(row["block_timestamp"]), abs(int(row["amount0"]) / int(row["amount1"])) * 1e12)
            for row in csv.DictReader(file)
            if row["pool_address"].startswith("0x88e6") and int(row["amount1"])
        ]
    candles = shared / "data/D_ohlc/kucoin_spot_ETHUSDT_1m_2023-02-18_03-31.parquet"
    levels, monitor = _watched(rows, candles)
    assert levels["NORMAL"] == 0
    assert levels["REDUCE"] > 0.8 * sum(levels.values())
    assert 50 < monitor.median_bps < 60
    assert sum(monitor.ladder.counts.values()) <= 4
