"""Every recorded file beside the project is read to its end, or refused for a known reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from alp.data.inspect import inspect_files
from alp.models.pair import TokenPair

POOL = "0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640"
PAIR = TokenPair("WETH", "USDC", 18, 6, False, 500, 10)
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
FILES = sorted(
    str(path.relative_to(DATA)) for path in DATA.glob("[ABD]_*/*") if path.suffix != ".json"
)

UNREADABLE = {
    ".xlsx": "zip archive or a spreadsheet",
    "nft-position-manager": "no column for the time",
    "market-depth": "best bids and asks",
    "book100": "not a format alp reads",
    "B_l2_raw/": "",
    "orderbook.jsonl": "JSON lines",
}
"""Part of the name -> part of the refusal."""

FAULTY = {"ETHUSDT_ticks_20240101": {"time-back"}}

ROWS = {
    "A_uniswap_swaps/ethereum-0x88e6-5bps-2024-01-05.raw.csv.gz": 6234,
    "A_uniswap_swaps/ethereum-0x88e6-5bps-2024-01-05.pool.tick.csv.gz": 6234,
    "A_uniswap_swaps/ethereum-0x8ad5-30bps-2024-01-05.raw.csv.gz": 304,
    "A_uniswap_swaps/polygon-0x45dd-5bps-2022-01-05.raw.csv.gz": 4158,
    "A_uniswap_liquidity/ethereum-0x8ad5-30bps-mint-burn-2021-05-05_2021-07-07.sqlite.gz": 35963,
    "A_asymmetric_lp/eth_usdc_3weeks_real_fixed.csv.gz": 4952,
    "A_asymmetric_lp/arb_eth_usdc_sep1_oct11_2025.csv.gz": 1218,
    "B_l2_sampled/gemini_ETH-USD_2021-07-01_trade.csv.gz": 25222,
    "D_ohlc/binance_spot_ETHUSDT_5m_2024-01-01_06-30.parquet": 52416,
}


def known(table: dict[str, Any], name: str) -> Any:
    return next((value for part, value in table.items() if part in name), None)


@pytest.mark.parametrize("name", FILES or ["(the folder is absent)"])
def test_a_recorded_file_is_sound(shared: Path, name: str) -> None:
    options: dict[str, Any] = {"pair": PAIR}
    if "amounts_only" in name:
        options["pool"] = POOL
    (report,) = inspect_files([shared / "data" / name], **options)
    refusal = known(UNREADABLE, name)
    if refusal is not None:
        assert refusal in report.error.message
        assert report.error.hint
        return
    assert report.error is None
    errors = {each.code for each in report.findings if each.severity == "error"}
    assert errors == (known(FAULTY, name) or set())
    assert report.rows > 0
    assert report.rows == ROWS.get(name, report.rows)


@pytest.mark.parametrize(("kind", "days"), [("2022-0[78]-*", 23), ("2023-08-1*", 3)])
def test_minutes_of_following_days_are_one_source(shared: Path, kind: str, days: int) -> None:
    from alp.data import open_source

    paths = sorted((shared / "data" / "A_uniswap_minute").glob(f"*{kind}.minute.csv.gz"))
    source = open_source(paths)
    assert len(paths) == days
    assert sum(len(batch) for batch in source.batches()) >= days * 1439


def test_minutes_and_swaps_of_one_day_agree(shared: Path) -> None:
    """Our bars of the swaps against another program's minutes of the same day."""
    import numpy as np

    from alp.data import open_source
    from alp.data.schema import unsigned_list

    stem = shared / "data" / "A_uniswap_swaps" / "ethereum-0x88e6-5bps-2024-01-05"
    ours = open_source(f"{stem}.raw.csv.gz", kind="bars").read()
    theirs = open_source(f"{stem}.minute.csv.gz").read()
    traded = theirs[theirs["in0"].any(axis=1) | theirs["in1"].any(axis=1)]
    assert ours["ts_ns"].tolist() == traded["ts_ns"].tolist()
    assert unsigned_list(ours["in0"]) == unsigned_list(traded["in0"])
    assert unsigned_list(ours["in1"]) == unsigned_list(traded["in1"])
    for name in ("open_x96", "close_x96", "high_x96", "low_x96"):
        ratio = np.array(unsigned_list(ours[name]), float) / np.array(
            unsigned_list(traded[name]), float
        )
        assert (ratio >= 1 - 1e-12).all()
        assert (ratio < 1.0001**0.5 + 1e-12).all()
